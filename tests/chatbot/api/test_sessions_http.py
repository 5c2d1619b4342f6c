"""Sessions over HTTP: who gets which, and what is said to who does not."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from chatbot.auth import IDENTITY_AUDIENCE, Auth


def error(answer: Any) -> dict[str, str]:
    body: dict[str, dict[str, str]] = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "expected", "hint"}
    return body["error"]


def test_an_anonymous_session_needs_no_body(server: Any) -> None:
    answer = server.http.post("/api/sessions")
    assert answer.status_code == 201
    assert answer.json()["customer"] is None
    assert server.auth.read_session(answer.json()["token"]).customer_id is None


def test_an_identity_makes_the_session_that_customers(server: Any) -> None:
    answer = server.http.post("/api/sessions", json={"identity": server.auth.issue_identity("c00001")})
    assert answer.json()["customer"] == {"id": "C00001", "name": "Ada Example"}
    assert server.auth.read_session(answer.json()["token"]).customer_id == "C00001"


def test_an_identity_is_used_up(server: Any) -> None:
    identity = server.auth.issue_identity("C00001")
    assert server.http.post("/api/sessions", json={"identity": identity}).status_code == 201
    again = server.http.post("/api/sessions", json={"identity": identity})
    assert again.status_code == 401
    assert "used before" in error(again)["message"]


def test_an_unknown_customer_gets_no_session(server: Any) -> None:
    answer = server.http.post("/api/sessions", json={"identity": server.auth.issue_identity("C99999")})
    assert answer.status_code == 401
    assert "does not know" in error(answer)["message"]


def test_another_shops_site_key_is_refused(server: Any) -> None:
    answer = server.http.post("/api/sessions", json={"site_key": "pub_of_somebody_else"})
    assert answer.status_code == 403
    assert "site key" in error(answer)["message"]
    for key in (server.auth.site_key, "pub_demo", "default"):
        assert server.http.post("/api/sessions", json={"site_key": key}).status_code == 201


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, "no session token"),
        ("Basic abc", "no session token"),
        ("Bearer", "no session token"),
        ("Bearer nonsense", "cannot be read"),
        ("Bearer " + "a" * 5000, "5000 characters"),
    ],
)
def test_what_is_no_token(server: Any, header: str | None, said: str) -> None:
    answer = server.http.post("/api/conversations", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert said in error(answer)["message"]
    assert answer.headers["www-authenticate"] == "Bearer"


def test_expired_tampered_and_foreign_tokens(server: Any) -> None:
    secret = b"a secret of the tests, long enough"
    expired, _ = Auth(secret, session_minutes=-1).issue_session(None)
    other_secret, _ = Auth(b"another secret, also long enough", session_minutes=5).issue_session(None)
    good, _ = server.auth.issue_session(None)
    head, payload, signature = good.split(".")
    tampered = f"{head}.{payload[:-2]}{'AA' if payload[-2:] != 'AA' else 'BB'}.{signature}"
    said = {}
    for name, token in {
        "expired": expired,
        "other": other_secret,
        "tampered": tampered,
        "identity": server.auth.issue_identity("C00001"),
        "unsigned": jwt.encode({"sid": "x", "exp": 9999999999, "aud": "kefu:session"}, None, "none"),
    }.items():
        answer = server.http.post("/api/conversations", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, name
        said[name] = error(answer)["message"]
    assert "expired" in said["expired"]
    assert "tampered" in said["other"]
    assert "tampered" in said["tampered"]
    assert "tampered" in said["identity"]
    assert "cannot be read" in said["unsigned"]


def test_identities_of_other_shops_servers(server: Any) -> None:
    wrong = jwt.encode(
        {"sub": "C00001", "jti": "1", "exp": 9999999999, "aud": IDENTITY_AUDIENCE}, "x" * 64, "HS256"
    )
    answer = server.http.post("/api/sessions", json={"identity": wrong})
    assert answer.status_code == 401
    assert "tampered" in error(answer)["message"]


def test_sessions_of_one_address_are_limited(serve: Any) -> None:
    server = serve(sessions_per_minute=3)
    answers = [server.http.post("/api/sessions") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert "3 new sessions" in error(answers[-1])["message"]


def test_sign_in_to_the_simulated_shop(server: Any) -> None:
    listed = server.http.get("/api/demo/customers").json()["customers"]
    assert listed == [{"id": "C00001", "name": "Ada Example", "country": "DE", "orders": 1}]
    identity = server.http.post("/api/demo/identity", json={"customer_id": "C00001"}).json()["identity"]
    session = server.http.post("/api/sessions", json={"identity": identity})
    assert session.json()["customer"]["id"] == "C00001"
    unknown = server.http.post("/api/demo/identity", json={"customer_id": "C4"})
    assert unknown.status_code == 404


def test_a_real_shop_signs_nobody_in_without_its_server(serve: Any) -> None:
    server = serve(simulated=False)
    assert server.http.get("/api/demo/customers").status_code == 404
    assert server.http.post("/api/demo/identity", json={"customer_id": "C00001"}).status_code == 404
    assert server.http.post("/api/sessions", json={"site_key": "pub_demo"}).status_code == 403


def test_shop_facts(server: Any) -> None:
    facts = server.http.get("/api/shop").json()
    assert set(facts) == {"name", "currency", "locale", "simulated", "email", "phone", "hours"}
    assert facts["simulated"] is True
