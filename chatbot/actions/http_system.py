"""The shop's own system, asked over HTTP to carry out what a shopper confirmed.

One POST a deed, signed, with the deed's key as ``Idempotency-Key``: the shop's side does each key once and says the same the second time.
Whatever is no clear answer (a timeout, a refused connection, 429, 5xx, something unreadable) is asked again a few times with the same key,
and then is ``SystemDown``. After several of these in a row nothing is asked for a while, so that shoppers do not wait for a dead
system. ``chatbot/docs/actions.md`` is the other side's guide. Knows no database and no rules of the shop.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import tenacity

from chatbot.actions.system import Asked, Outcome, SystemDown
from configs.errors import ConfigError

TRIES, PATIENCE = 3, 8.0
"""So often, and for no longer than so many seconds, is one deed asked for while a shopper waits."""
TIMEOUT = httpx.Timeout(4.0, connect=2.0)
TRIPS, REST = 5, 30.0
"""After so many failed requests in a row nothing is asked for so many seconds."""
LARGEST = 65_536
"""Bytes of an answer that are read."""


class Breaker:
    """Counts failures in a row; after too many the other side is left alone for a while, and then one request tries whether it is back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._failed, self._until = 0, 0.0

    def blocks(self) -> bool:
        """Whether to leave it alone. Once the rest is over the first caller is let through, and the others wait for what it finds."""
        with self._lock:
            if self._failed < TRIPS:
                return False
            if self._clock() < self._until:
                return True
            self._until = self._clock() + REST
            return False

    def note(self, *, worked: bool) -> None:
        with self._lock:
            self._failed = 0 if worked else self._failed + 1
            if self._failed >= TRIPS:
                self._until = self._clock() + REST


class HttpSystem:
    """Safe to share between threads."""

    def __init__(self, url: str, secret: str, *, transport: httpx.BaseTransport | None = None) -> None:
        """
        Raises:
            ConfigError: the address is none, or the secret is too short to sign with.
        """
        parsed = httpx.URL(url) if url else None
        if parsed is None or parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigError(
                f"actions.url is {url!r}", expected="an address such as https://shop.example/kefu"
            )
        if len(secret) < 16:
            raise ConfigError(
                f"KEFU_ACTIONS_SECRET has {len(secret)} characters",
                expected="at least 16, the same as on the shop's side",
            )
        self._url, self._secret = url, secret.encode()
        self._client = httpx.Client(timeout=TIMEOUT, transport=transport, follow_redirects=False)
        self._breaker = Breaker()

    def carry_out(self, asked: Asked) -> Outcome:
        return self._ask(asked, {})

    def take_back(self, key: str, asked: Asked) -> Outcome:
        return self._ask(asked, {"undoes": key})

    def _ask(self, asked: Asked, more: dict[str, str]) -> Outcome:
        said = {
            "key": asked.key,
            "kind": asked.kind,
            "customer_id": asked.customer_id,
            "arguments": dict(asked.arguments),
            **more,
        }
        body = json.dumps(said, ensure_ascii=False, sort_keys=True).encode()
        tries = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_after_delay(PATIENCE),
            wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=1.0, jitter=0.1),
            retry=tenacity.retry_if_exception_type(SystemDown),
            reraise=True,
        )
        found: Outcome = tries(self._once, asked.key, body)
        return found

    def _once(self, key: str, body: bytes) -> Outcome:
        if self._breaker.blocks():
            raise SystemDown(f"it failed {TRIPS} times in a row and is left alone for a while")
        try:
            found = _outcome(self._answer(key, body))
        except SystemDown:
            self._breaker.note(worked=False)
            raise
        self._breaker.note(worked=True)
        return found

    def _answer(self, key: str, body: bytes) -> bytes:
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "X-Kefu-Timestamp": stamp,
            "X-Kefu-Signature": signature(self._secret, stamp, body),
        }
        try:
            with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                got = b""
                for piece in response.iter_bytes():
                    got += piece
                    if len(got) > LARGEST:
                        raise SystemDown(f"it answered with more than {LARGEST} bytes")
        except httpx.HTTPError as error:
            raise SystemDown(f"{type(error).__name__}: {error}") from error
        if response.status_code != 200:
            raise SystemDown(f"it answered {response.status_code}")
        return got


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    """What the header ``X-Kefu-Signature`` holds: HMAC-SHA256 over ``timestamp.body``."""
    return "sha256=" + hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _outcome(answer: bytes) -> Outcome:
    try:
        told: Any = json.loads(answer)
    except ValueError as error:
        raise SystemDown("it answered with no JSON") from error
    status = told.get("status") if isinstance(told, dict) else None
    if status == "done":
        return Outcome()
    if status == "refused" and isinstance(told.get("code"), str) and told["code"]:
        return Outcome(told["code"][:60])
    raise SystemDown(f"it answered {answer[:80]!r} (expected a status, done or refused with a code)")
