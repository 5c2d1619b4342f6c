"""Tokens, secrets and the file that keeps the secret."""

from __future__ import annotations

import base64
import json
import stat
import threading
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.auth import IDENTITY_AUDIENCE, MAX_TOKEN_CHARS, Auth, build_auth, load_secret
from configs.errors import AuthError, ConfigError, ForbiddenError
from configs.settings import Settings

AUTH = Auth(b"0123456789abcdef0123456789abcdef", session_minutes=10)


def identity(**changes: Any) -> str:
    claims = {
        "sub": "C1",
        "jti": str(time.perf_counter_ns()),
        "aud": IDENTITY_AUDIENCE,
        "exp": time.time() + 60,
    } | changes
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, AUTH.identity_secret.encode(), "HS256")


def test_a_session_comes_back_as_it_was_issued() -> None:
    for customer in ("C00001", None):
        token, session = AUTH.issue_session(customer)
        assert AUTH.read_session(token) == session
        assert session.customer_id == customer
    assert len(token) < 200


def test_sessions_are_told_apart() -> None:
    assert len({AUTH.issue_session(None)[1].id for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"exp": time.time() - 120}, "expired"),
        ({"exp": time.time() + 3600}, "at most 15 minutes"),
        ({"exp": None}, "lacks exp"),
        ({"jti": None}, "lacks jti"),
        ({"sub": None}, "lacks sub"),
        ({"sub": " "}, "empty sub"),
        ({"jti": 7}, "cannot be read"),
        ({"jti": ["a"]}, "cannot be read"),
        ({"aud": "kefu:session"}, "somebody else"),
        ({"aud": None}, "lacks aud"),
        ({"exp": float("inf")}, "cannot be read"),
    ],
)
def test_identities_that_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(AuthError, match=said):
        AUTH.read_identity(identity(**changes))


def test_an_identity_is_taken_once_even_at_the_same_moment() -> None:
    token, taken = identity(), []

    def take() -> None:
        try:
            taken.append(AUTH.read_identity(token))
        except AuthError:
            taken.append("refused")

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ["C1"] + ["refused"] * 7


def test_each_kind_of_token_has_its_own_key() -> None:
    session, _ = AUTH.issue_session("C1")
    with pytest.raises(AuthError):
        AUTH.read_identity(session)
    with pytest.raises(AuthError):
        AUTH.read_session(identity())
    with pytest.raises(AuthError):
        AUTH.read_session(
            jwt.encode(
                {"aud": "kefu:session", "sid": "x", "exp": time.time() + 9}, AUTH.identity_secret, "HS256"
            )
        )


@given(st.text(max_size=200))
def test_any_text_is_refused_as_a_token(text: str) -> None:
    for read in (AUTH.read_session, AUTH.read_identity):
        with pytest.raises(AuthError):
            read(text)


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    token, _ = AUTH.issue_session("C1")
    # The last character of a part can hold bits that base64 leaves out: changed, it may mean the same bytes.
    inner = [at for at in range(len(token) - 1) if token[at + 1] != "." and token[at] != "."]
    position = data.draw(st.sampled_from(inner))
    character = data.draw(st.sampled_from("ABCxyz019-_.").filter(lambda found: found != token[position]))
    with pytest.raises(AuthError):
        AUTH.read_session(token[:position] + character + token[position + 1 :])


def test_a_header_of_brackets_is_no_crash() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2900).decode()
    assert len(deep) < MAX_TOKEN_CHARS
    with pytest.raises(AuthError, match="cannot be read"):
        AUTH.read_session(f"{deep}.e30.AA")
    listed = base64.urlsafe_b64encode(json.dumps([1]).encode()).decode()
    with pytest.raises(AuthError, match="cannot be read"):
        AUTH.read_session(f"{listed}.e30.AA")


def test_site_keys() -> None:
    AUTH.check_site_key(None)
    AUTH.check_site_key(AUTH.site_key)
    for wrong in ("pub_demo", "", AUTH.site_key[:-1], "ключ"):
        with pytest.raises(ForbiddenError):
            AUTH.check_site_key(wrong)
    Auth(b"0123456789abcdef", session_minutes=1, simulated=True).check_site_key("pub_demo")


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    first = load_secret(settings)
    assert len(first) == 64
    assert load_secret(settings) == first
    path = tmp_path / "home" / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]
    token, session = build_auth(settings).issue_session(None)
    assert build_auth(settings).read_session(token) == session


def test_processes_that_start_at_once_agree_on_a_secret(tmp_path: Path) -> None:
    settings, found = Settings(home=tmp_path), []
    threads = [threading.Thread(target=lambda: found.append(load_secret(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    load_secret(settings)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_secret(settings)


def test_short_and_empty_secrets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="6 characters"):
        load_secret(Settings(home=tmp_path, secret="secret"))
    (tmp_path / "secret").write_text("\n")
    (tmp_path / "secret").chmod(0o600)
    with pytest.raises(ConfigError, match="no secret"):
        load_secret(Settings(home=tmp_path))


def test_another_secret_ends_all_sessions(tmp_path: Path) -> None:
    old = build_auth(Settings(home=tmp_path, secret="the first secret of the shop"))
    new = build_auth(Settings(home=tmp_path, secret="the second secret of the shop"))
    with pytest.raises(AuthError, match="another secret"):
        new.read_session(old.issue_session(None)[0])
    assert old.site_key != new.site_key
    assert old.identity_secret != new.identity_secret
