"""Whatever is sent: the right status, a message that says what was wrong, and no 5xx."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest


def error(answer: httpx.Response) -> dict[str, str]:
    body: dict[str, dict[str, str]] = answer.json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"code", "message", "expected", "hint"}
    return body["error"]


@pytest.fixture
def post(shared_server: Any) -> Any:
    """Post raw bytes to a conversation's messages."""
    session = shared_server.session()
    url = f"/api/conversations/{shared_server.conversation(session)}/messages"

    def send(content: bytes, content_type: str | None = "application/json") -> httpx.Response:
        headers = {**session, **({"Content-Type": content_type} if content_type else {})}
        answer: httpx.Response = shared_server.http.post(url, content=content, headers=headers)
        return answer

    yield send
    assert shared_server.script.asked == []


def text(value: str) -> bytes:
    return json.dumps({"text": value}).encode()


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        pytest.param(text(""), 422, "the message is empty", id="empty"),
        pytest.param(text(" \n\t  "), 422, "the message is empty", id="blank"),
        pytest.param(text("a" * 20_000), 422, "the message has 20000 characters", id="long"),
        pytest.param(text("中" * 20_000), 413, "bytes", id="long and escaped"),
        pytest.param(b"x" * 100_000, 413, "100000 bytes", id="large"),
        pytest.param(text("a\0b"), 422, "'text' has 'a\\x00b'", id="NUL"),
        pytest.param(text("\x1b[31m"), 422, "'text' has '\\x1b[31m'", id="control characters"),
        pytest.param(b'{"text": "\\ud800"}', 422, "'text' has '\\ud800'", id="lone surrogate"),
        pytest.param(bytes(range(256)), 400, "no UTF-8: byte 128 is 0x80", id="binary"),
        pytest.param(b'{"text": "caf\xe9"}', 400, "no UTF-8: byte 13 is 0xe9", id="latin-1"),
        pytest.param(b'{"text": "a"', 400, "no JSON", id="cut off"),
        pytest.param(b"hello", 400, "no JSON: Expecting value at line 1, column 1", id="no JSON"),
        pytest.param(b'{"text": NaN}', 400, "NaN is not JSON", id="NaN"),
        pytest.param(b'{"text": ' + b"9" * 5000 + b"}", 400, "number that cannot be used", id="many digits"),
        pytest.param(b'{"text": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", 400, "too deeply", id="deep"),
        pytest.param(b"[" * 100 + b"]" * 100, 400, "too deeply", id="somewhat deep"),
        pytest.param(b"[]", 422, "body", id="list"),
        pytest.param(b"null", 422, "body", id="null"),
        pytest.param(b"", 422, "missing", id="nothing"),
        pytest.param(b"{}", 422, "'text' is missing", id="no field"),
        pytest.param(b'{"text": 7}', 422, "'text' has 7", id="number for text"),
        pytest.param(b'{"text": 1e999}', 422, "'text' has inf", id="huge number"),
        pytest.param(
            b'{"text": "a", "customer_id": "C1"}', 422, "'customer_id' is no known field", id="unknown"
        ),
        pytest.param(b'{"text": "a", "client_id": "a b"}', 422, "'client_id' has 'a b'", id="client id"),
        pytest.param(b'{"text": "a", "client_id": ""}', 422, "'client_id' has ''", id="empty client id"),
    ],
)
def test_bad_messages(post: Any, content: bytes, status: int, said: str) -> None:
    answer = post(content)
    assert answer.status_code == status, answer.text
    assert said in error(answer)["message"]


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "multipart/form-data; boundary=x", "jsön".encode()]
)
def test_other_media_types(post: Any, content_type: Any) -> None:
    answer = post(text("hello"), content_type)
    assert answer.status_code == 415
    assert "application/json" in error(answer)["expected"]


def test_what_was_expected_is_said(post: Any) -> None:
    assert error(post(text("a" * 4001)))["expected"] == "at most 4000"
    assert "U+0000 at 1" in error(post(text("a\0")))["expected"]
    assert "half of a pair at 0" in error(post(b'{"text": "\\udfff"}'))["expected"]
    assert error(post(b"{"))["expected"] == "one JSON object in UTF-8"


def test_a_message_of_the_full_length_is_taken(shared_server: Any) -> None:
    session = shared_server.session()
    conversation = shared_server.conversation(session)
    longest = ("好🙂é\u202e" * 1000)[:4000]
    assert shared_server.post(session, conversation, longest)[-1]["turn"]["message"] == longest


def test_a_body_without_an_announced_length_is_limited_too(shared_server: Any) -> None:
    session = shared_server.session()
    url = f"/api/conversations/{shared_server.conversation(session)}/messages"
    chunks = (b" " * 1000 for _ in range(200))
    answer = shared_server.http.post(
        url, content=chunks, headers={**session, "Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert "more than 65536 bytes" in error(answer)["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api/%00%ff/..%2f", 404, "not_found"),
        ("GET", "/no/such/page", 404, "not_found"),
        ("DELETE", "/api/sessions", 405, "method_not_allowed"),
        ("PUT", "/api/conversations", 405, "method_not_allowed"),
        ("TRACE", "/health", 405, "method_not_allowed"),
        ("GET", "/api/products?limit=0", 422, "invalid"),
        ("GET", "/api/products?limit=99999999999999999999999999", 422, "invalid"),
        ("GET", "/api/products?offset=-1", 422, "invalid"),
        ("GET", "/api/products?offset=1e9", 422, "invalid"),
        ("GET", "/api/products?category=" + "x" * 300, 422, "invalid"),
        ("GET", "/api/products/%00", 404, "not_found"),
        ("GET", "/api/products/" + "x" * 5000, 404, "not_found"),
        ("GET", "/api/passages/%00", 404, "not_found"),
        ("GET", "/api/passages/..%2f..%2fetc%2fpasswd", 404, "not_found"),
    ],
)
def test_bad_addresses(shared_server: Any, method: str, path: str, status: int, code: str) -> None:
    answer = shared_server.http.request(method, path)
    assert answer.status_code == status, answer.text
    assert error(answer)["code"] == code
    if status == 405:
        assert answer.headers["allow"]


def test_the_query_is_named(shared_server: Any) -> None:
    said = error(shared_server.http.get("/api/products?limit=1000"))
    assert said["message"] == "'limit' of the query has '1000'"
    assert said["expected"] == "less than or equal to 100"


def test_a_category_of_odd_characters_finds_nothing(shared_server: Any) -> None:
    for odd in ("%00", "%ff", "%ed%a0%80", "'%20OR%201=1"):
        assert shared_server.http.get(f"/api/products?category={odd}").json() == {"items": [], "total": 0}


def test_what_nobody_expected_is_a_500_without_internals(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    session = server.session()
    conversation = server.conversation(session)
    server.app.db.dispose()

    def broken(*_: object) -> None:
        raise RuntimeError("the password of the database is hunter2")

    object.__setattr__(server.app, "store", type("Broken", (), {"conversation": broken})())
    answer = server.http.get(
        f"/api/conversations/{conversation}", headers={**session, "X-Request-ID": "of-the-test"}
    )
    assert answer.status_code == 500
    assert error(answer)["code"] == "internal"
    assert "hunter2" not in answer.text
    assert "of-the-test" in error(answer)["hint"]
    assert answer.headers["x-request-id"] == "of-the-test"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "of-the-test" in caplog.text
    assert "hunter2" in caplog.text


def test_bytes_that_are_no_http(shared_server: Any) -> None:
    host, port = shared_server.url.removeprefix("http://").split(":")
    for garbage in (b"\x16\x03\x01\x02\x00\x01", b"GET /health HTTP/9.9\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(garbage)
            assert b"400" in connection.recv(1000)
    assert shared_server.http.get("/health").status_code == 200


def test_many_connections_that_say_nothing_do_no_harm(shared_server: Any) -> None:
    host, port = shared_server.url.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port)), timeout=5) for _ in range(50)]
    assert shared_server.http.get("/health").status_code == 200
    for connection in silent:
        connection.close()
