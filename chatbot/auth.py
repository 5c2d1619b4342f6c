"""Who is speaking: signed shopper sessions, and identities that the shop's own server vouches for.

A session token is what the widget holds: session id, customer id or none, expiry. An identity token is made by
the shop's server with ``identity_secret`` when its customer is signed in there; it is exchanged once for a
session. Each kind has a key of its own, derived from one secret, so that neither can stand in for the other.
Does not know HTTP, the database or whether the customer exists.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

from configs.errors import AuthError, ConfigError, ForbiddenError
from configs.settings import Settings

ALGORITHM = "HS256"
SESSION_AUDIENCE = "kefu:session"
IDENTITY_AUDIENCE = "kefu:identity"
IDENTITY_MAX_MINUTES = 15
CLOCK_SKEW_SECONDS = 30
MAX_TOKEN_CHARS = 4096
MIN_SECRET_CHARS = 16
DEMO_SITE_KEY = "pub_demo"
"""Always taken by a simulated shop, so that its packaged page works with any secret."""
UNNAMED_SITE = "default"
"""What the widget sends for a page that names no site."""

_NAMES = {SESSION_AUDIENCE: "session token", IDENTITY_AUDIENCE: "identity token"}


@dataclass(frozen=True, slots=True)
class Session:
    """What a valid session token says. ``customer_id`` is None while the shopper is anonymous."""

    id: str
    customer_id: str | None
    expires_at: datetime


class Auth:
    """Issues and reads both kinds of token; remembers which identity tokens were used."""

    def __init__(self, secret: bytes, *, session_minutes: int, simulated: bool = False) -> None:
        self._session_key = _derive(secret, "session")
        self._session_minutes = session_minutes
        self._simulated = simulated
        self.identity_secret = _derive(secret, "identity").hex()
        """The HS256 secret of the shop's own server, as text. Whoever has it can speak for any customer."""
        self.site_key = f"pub_{_derive(secret, 'site').hex()[:24]}"
        """Names the shop in its pages. It is public and proves nothing; it catches a widget set up wrongly."""
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()

    def check_site_key(self, given: str | None) -> None:
        """
        Raises:
            ForbiddenError: the page's site key belongs to another installation.
        """
        if given in (None, UNNAMED_SITE) or (self._simulated and given == DEMO_SITE_KEY):
            return
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.site_key.encode()):
            raise ForbiddenError(
                "the site key is not the one of this shop",
                expected="the site key of this installation, or none",
                hint="correct data-site in the page, or leave it out",
            )

    def issue_session(self, customer_id: str | None) -> tuple[str, Session]:
        """A new session and the token that proves it."""
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=self._session_minutes)
        session = Session(secrets.token_urlsafe(16), customer_id, expires)
        claims: dict[str, Any] = {"aud": SESSION_AUDIENCE, "sid": session.id, "exp": expires}
        if customer_id is not None:
            claims["sub"] = customer_id
        return jwt.encode(claims, self._session_key, ALGORITHM), session

    def read_session(self, token: str) -> Session:
        """
        Raises:
            AuthError: the token is expired, tampered with, or of another kind.
        """
        claims = _read(token, self._session_key, SESSION_AUDIENCE, required=["sid", "exp"])
        expires = datetime.fromtimestamp(int(claims["exp"]), UTC)
        return Session(str(claims["sid"]), claims.get("sub"), expires)

    def issue_identity(self, customer_id: str, *, minutes: int = 5) -> str:
        """What the shop's server does; kefu itself does it for simulated shops and in tests alone."""
        claims = {
            "aud": IDENTITY_AUDIENCE,
            "sub": customer_id,
            "jti": secrets.token_urlsafe(16),
            "exp": datetime.now(UTC) + timedelta(minutes=minutes),
        }
        return jwt.encode(claims, self.identity_secret.encode(), ALGORITHM)

    def read_identity(self, token: str) -> str:
        """The customer id of an identity token, which is used up by this.

        Used ids are kept in memory until they expire, a quarter of an hour at most: two processes that serve
        the same shop would each take a token once.

        Raises:
            AuthError: the token is expired, lives too long, was used before, was tampered with, or is of
                another kind.
        """
        claims = _read(
            token, self.identity_secret.encode(), IDENTITY_AUDIENCE, required=["sub", "exp", "jti"]
        )
        now, expires = time.time(), float(claims["exp"])
        if expires > now + IDENTITY_MAX_MINUTES * 60 + CLOCK_SKEW_SECONDS:
            raise AuthError(
                f"the identity token is valid for {(expires - now) / 60:.0f} minutes",
                expected=f"at most {IDENTITY_MAX_MINUTES} minutes",
                hint="let the shop's server make a token for each page view",
            )
        if not str(claims["sub"]).strip():
            raise AuthError("the identity token has an empty sub", expected="a customer id")
        with self._lock:
            self._used = {
                used: until for used, until in self._used.items() if until + CLOCK_SKEW_SECONDS > now
            }
            if claims["jti"] in self._used:
                raise AuthError(
                    "the identity token was used before",
                    expected="a token with a new jti for every session",
                    hint="let the shop's server make a token for each page view",
                )
            self._used[claims["jti"]] = expires
        return str(claims["sub"])


_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def from_this_machine(client: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this very machine: its address is loopback, with no proxy in between and no
    other name in the address. ``headers`` has lower-case names.

    A proxy on the same machine makes the whole world look like loopback, and a page that points its own name
    at 127.0.0.1 (DNS rebinding) makes a browser on this machine ask for it.
    """
    try:
        local = ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False
    proxied = any(name in headers for name in _PROXY_HEADERS)
    asked_for = re.sub(r":\d+$", "", headers.get("host", "")).lower()
    return local and not proxied and asked_for in _LOOPBACK_NAMES


def build_auth(settings: Settings) -> Auth:
    """
    Raises:
        ConfigError: the secret is too short, or others may read the file that holds it.
    """
    return Auth(
        load_secret(settings),
        session_minutes=settings.api.session_minutes,
        simulated=settings.shop.simulated,
    )


def load_secret(settings: Settings) -> bytes:
    """``KEFU_SECRET``, or the random secret in ``home/secret``, which the first start writes.

    Raises:
        ConfigError: the secret is too short, or others may read the file that holds it.
    """
    if settings.secret is not None:
        given = settings.secret.get_secret_value()
        if len(given) < MIN_SECRET_CHARS:
            raise ConfigError(
                f"KEFU_SECRET has {len(given)} characters",
                expected=f"at least {MIN_SECRET_CHARS}",
                hint="use the output of: python -c 'import secrets; print(secrets.token_hex(32))'",
            )
        return given.encode()
    path = settings.home / "secret"
    if not path.exists():
        _write_new_secret(path)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ConfigError(
            f"others may read {path} (mode {path.stat().st_mode & 0o777:o})",
            expected="mode 600",
            hint=f"run: chmod 600 {path}",
        )
    kept = path.read_text(encoding="ascii").strip()
    if len(kept) < MIN_SECRET_CHARS:
        raise ConfigError(f"{path} holds no secret", hint="delete the file; all sessions end with it")
    return kept.encode()


def pseudonym(secret: bytes, customer_id: str) -> str:
    """What stands for a customer where only sameness matters: without the secret nobody can tell whose it is, or
    try all ids."""
    return hmac.new(_derive(secret, "pseudonym"), customer_id.encode(), hashlib.sha256).hexdigest()[:32]


def _write_new_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written whole under another name, then linked: of two processes that start at once, one wins and the
    # other reads the winner's secret. mkstemp makes files with mode 600.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".secret-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        os.unlink(temporary)


def _derive(secret: bytes, label: str) -> bytes:
    return hmac.new(secret, f"kefu v1 {label}".encode(), hashlib.sha256).digest()


def _read(token: str, key: bytes, audience: str, *, required: list[str]) -> dict[str, Any]:
    """Verify the signature, then the claims; PyJWT compares signatures in constant time."""
    name = _NAMES[audience]
    if len(token) > MAX_TOKEN_CHARS:
        raise AuthError(f"the {name} has {len(token)} characters", expected=f"at most {MAX_TOKEN_CHARS}")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=audience,
            leeway=CLOCK_SKEW_SECONDS if audience == IDENTITY_AUDIENCE else 0,
            options={"require": [*required, "aud"]},
        )
    except jwt.ExpiredSignatureError:
        raise AuthError(f"the {name} has expired", hint="start a new session") from None
    except jwt.MissingRequiredClaimError as error:
        raise AuthError(
            f"the {name} lacks {error.claim}", expected=f"a JWT with {', '.join(required)} and aud={audience}"
        ) from None
    except jwt.InvalidAudienceError:
        raise AuthError(
            f"the {name} is meant for somebody else", expected=f"the audience {audience}"
        ) from None
    except jwt.InvalidSignatureError:
        raise AuthError(
            f"the {name} was tampered with, or signed with another secret",
            expected=f"a JWT signed with the key of {name}s (HS256)",
        ) from None
    except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):
        # A header of thousands of brackets ends in RecursionError: no reason to fail otherwise.
        raise AuthError(f"the {name} cannot be read", expected="a JWT signed with HS256") from None
    for claim in required:
        if claim != "exp" and not isinstance(claims[claim], str):
            raise AuthError(f"the {name} has a {claim} that is no text", expected=f"a text as {claim}")
    return claims
