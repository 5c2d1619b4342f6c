"""The shop's own system over real HTTP: signed, asked again with the same key, and left alone when it is down."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from chatbot.actions import http_system
from chatbot.actions.http_system import REST, TRIPS, Breaker, HttpSystem, signature
from chatbot.actions.journal import Actions
from chatbot.actions.system import Asked, Outcome, SystemDown
from chatbot.conversation import Conversation
from chatbot.settling import Settling
from configs.errors import ConfigError
from configs.settings import ActionSettings

SECRET = "a secret that both sides have"
DONE = (200, b'{"status": "done"}')
CANCEL = Asked("deed-1", "cancel_order", "C1", {"order_id": "O-processing"})


class ShopSide(ThreadingHTTPServer):
    """A shop that does each key once. ``script`` is answered first, one entry a request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[tuple[int, bytes]] = []
        self.asked: list[dict[str, Any]] = []
        self.unsigned = 0
        self.did: set[str] = set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/kefu"


class Handler(BaseHTTPRequestHandler):
    server: ShopSide

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        stamp, given = self.headers["X-Kefu-Timestamp"], self.headers["X-Kefu-Signature"]
        signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(stamp)) < 60
        if not (fresh and hmac.compare_digest(given, f"sha256={signed}")):
            self.server.unsigned += 1
            self._say(401, b"{}")
            return
        said = json.loads(body)
        assert self.headers["Idempotency-Key"] == said["key"]
        self.server.asked.append(said)
        self._say(*(self.server.script.pop(0) if self.server.script else DONE))
        self.server.did.add(said["key"])

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def shop_side() -> Iterator[ShopSide]:
    server = ShopSide()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_what_is_asked_is_signed_and_says_it_all(shop_side: ShopSide) -> None:
    assert HttpSystem(shop_side.url, SECRET).carry_out(CANCEL) == Outcome()
    (said,) = shop_side.asked
    assert said == {"key": "deed-1", "kind": "cancel_order", "customer_id": "C1", "arguments": {"order_id": "O-processing"}}  # fmt: skip
    HttpSystem(shop_side.url, SECRET).take_back(
        "deed-1", Asked("deed-2", "cancel_order", "C1", CANCEL.arguments)
    )
    assert shop_side.asked[-1] == {**said, "key": "deed-2", "undoes": "deed-1"}
    assert shop_side.unsigned == 0


def test_a_signature_of_another_secret_is_told_apart() -> None:
    assert signature(b"one", "1", b"{}") != signature(b"two", "1", b"{}") != signature(b"two", "2", b"{}")


def test_a_refusal_is_an_answer(shop_side: ShopSide) -> None:
    shop_side.script = [(200, b'{"status": "refused", "code": "picked already"}')]
    assert HttpSystem(shop_side.url, SECRET).carry_out(CANCEL) == Outcome("picked already")
    assert len(shop_side.asked) == 1


@pytest.mark.parametrize(
    "wrong",
    [(500, b""), (503, b"busy"), (429, b""), (302, b""), (404, b"{}"), (200, b"fine"), (200, b'{"status": "perhaps"}'), (200, b"[]"), (200, b"x" * 70_000), (200, b'{"status": "refused"}')],
)  # fmt: skip
def test_what_is_no_clear_answer_is_asked_again_with_the_same_key(
    shop_side: ShopSide, wrong: tuple[int, bytes]
) -> None:
    shop_side.script = [wrong, wrong]
    assert HttpSystem(shop_side.url, SECRET).carry_out(CANCEL) == Outcome()
    assert [said["key"] for said in shop_side.asked] == ["deed-1"] * 3
    shop_side.script = [wrong] * 3
    with pytest.raises(SystemDown):
        HttpSystem(shop_side.url, SECRET).carry_out(CANCEL)


def test_a_system_that_is_not_there_or_says_nothing(
    monkeypatch: pytest.MonkeyPatch, shop_side: ShopSide
) -> None:
    shop_side.shutdown()
    shop_side.server_close()
    with pytest.raises(SystemDown, match="ConnectError"):
        HttpSystem(shop_side.url, SECRET).carry_out(CANCEL)


def test_after_several_failures_it_is_left_alone(shop_side: ShopSide) -> None:
    system = HttpSystem(shop_side.url, SECRET)
    shop_side.script = [(500, b"")] * 100
    for _ in range(4):
        with pytest.raises(SystemDown):
            system.carry_out(CANCEL)
    assert len(shop_side.asked) == TRIPS


def test_once_the_rest_is_over_one_request_tries_whether_it_is_back() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(TRIPS):
        assert not breaker.blocks()
        breaker.note(worked=False)
    assert breaker.blocks()
    now[0] = REST
    assert [breaker.blocks() for _ in range(3)] == [False, True, True]
    breaker.note(worked=False)
    assert breaker.blocks()
    now[0] = 2 * REST
    assert not breaker.blocks()
    breaker.note(worked=True)
    assert not breaker.blocks()


@pytest.mark.parametrize(
    ("url", "secret", "told"),
    [("", SECRET, "actions.url is ''"), ("ftp://x", SECRET, "actions.url"), ("http://shop.example/kefu", "short", "has 5 characters")],
)  # fmt: skip
def test_settings_that_cannot_work(url: str, secret: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        HttpSystem(url, secret)


def test_what_was_not_answered_is_settled_beside_the_server(
    shop_side: ShopSide, db: sa.Engine, talk: Callable[[str | None], Conversation]
) -> None:
    actions = Actions(db, b"a secret of this test", HttpSystem(shop_side.url, SECRET), ActionSettings())
    shop_side.script = [(500, b"")] * http_system.TRIES
    made = actions.propose(talk("C1"), "cancel_order", CANCEL.arguments)
    assert actions.confirm(made.id, "C1").state == "running"
    settling = Settling(actions, every=0.05)
    settling.start()
    deadline = time.monotonic() + 10
    while actions.action(made.id, "C1").state == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    settling.stop()
    assert actions.action(made.id, "C1").state == "done"
    assert {said["key"] for said in shop_side.asked} == {made.id}
