"""A real server on a free loopback port over a real database, with a scripted ``answer`` in place of the pipeline.

What a message says decides how its turn goes, see ``Script``. ``test_real_pipeline.py`` uses the real one.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import sqlalchemy as sa
import uvicorn

from chatbot import shop_tables
from chatbot.api import create_api
from chatbot.app import App
from chatbot.auth import Auth, build_auth
from chatbot.conversation import (
    Card,
    Carded,
    Citation,
    Cited,
    Conversation,
    Done,
    Dropped,
    Event,
    Evidence,
    Failed,
    Plan,
    Planned,
    Reply,
    Retrieved,
    Sentence,
    Turn,
)
from chatbot.db import connect, writing
from chatbot.engine.base import Health
from chatbot.shop import Shop
from chatbot.store import Store
from configs.settings import ApiSettings, Settings
from retrieval.passages import Passage
from retrieval.products import ProductHit

RETURNS = Passage(
    "returns.md#0", "returns.md", "Returns › Deadline", "You have 30 days. The label is free.", score=0.9
)
CUSTOMERS = {"C00001": "Ada Example", "C00002": "Bo Example"}


@dataclass
class Script:
    """Answers every message with its own words, and keeps what it was asked.

    A message with "wait" holds its turn until ``gate`` is set; "break" raises in the middle; "fail" ends in a
    stored ``Failed``; "person" hands over.
    """

    asked: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    most_running: dict[str, int] = field(default_factory=dict)
    histories: list[list[str]] = field(default_factory=list)

    async def answer(
        self, bot: Any, conversation: Conversation, text: str, *, message_ids: Sequence[str] = ()
    ) -> AsyncIterator[Event]:
        store: Store = bot.store
        self.asked.append((conversation.id, text, tuple(message_ids)))
        self.histories.append([message.text for message in store.history(conversation.id)])
        now = self.most_running.get(conversation.id, 0)
        self.running += 1
        self.most_running[conversation.id] = max(now, self.running)
        try:
            async for event in self._turn(store, conversation, text, message_ids):
                yield event
        finally:
            self.running -= 1

    async def _turn(
        self, store: Store, conversation: Conversation, text: str, message_ids: Sequence[str]
    ) -> AsyncIterator[Event]:
        turn_id = uuid.uuid4().hex
        numbers = iter(range(1, 1000))

        def next_id() -> str:
            return f"{turn_id}:{next(numbers)}"

        plan = Plan("echo", 1.0, "en", text)
        yield Planned(next_id(), plan)
        yield Retrieved(next_id(), (RETURNS,))
        yield Sentence(next_id(), f"You said: {text}.", 0)
        while "wait" in text and not self.gate.is_set():
            await asyncio.sleep(0.005)
        if "break" in text:
            raise RuntimeError("the script says break, with secret internals")
        yield Sentence(next_id(), " You have 30 days.", 1)
        citation = Citation(RETURNS.id, RETURNS.source, RETURNS.title, "You have 30 days.", 0, 17, 1)
        card = Card("product", "KIT-0001", "Kettle", {"price": "19.90"})
        handoff = "person" in text
        reply = Reply(
            f"You said: {text}. You have 30 days.",
            "handoff" if handoff else "answer",
            "quote",
            (citation,),
            (card,),
            ("Talk to a person",),
            (Dropped("an unchecked thought", "number not in the evidence"),),
            0.8,
        )
        if handoff:
            store.set_status(conversation.id, "waiting")
        turn = Turn(
            id=turn_id,
            conversation_id=conversation.id,
            number=store.next_number(conversation.id),
            message=text,
            plans=(plan,),
            evidence=Evidence((RETURNS,), ()),
            reply=reply,
            timings={"first_sentence": 1.0, "done": 2.0},
            model="scripted",
            index_version="1",
            created_at=datetime.now(UTC),
            error="scripted" if "fail" in text else None,
        )
        store.add_turn(turn, message_ids)
        if "fail" in text:
            yield Failed(next_id(), "Something went wrong on our side.")
            return
        yield Carded(next_id(), card)
        yield Cited(next_id(), citation)
        yield Done(next_id(), turn)


class FakeSearch:
    version = "1"

    def passage(self, passage_id: str) -> Passage | None:
        return RETURNS if passage_id == RETURNS.id else None


class FakeProducts:
    """Finds the kettle and the pan, whatever is asked, and the rake without much confidence."""

    def search(self, query: str, **limits: Any) -> list[ProductHit]:
        return [ProductHit("KIT-0002", 0.9), ProductHit("KIT-0001", 0.8), ProductHit("GAR-0001", 0.1)]


@dataclass
class FakeEngine:
    ready: bool = True
    model: str = "scripted"

    async def health(self) -> Health:
        return Health(self.ready, self.model)


@dataclass
class FakeBot:
    store: Store


@dataclass
class Server:
    """A running server. ``http`` is a client whose base is the server."""

    url: str
    http: httpx.Client
    app: App
    auth: Auth
    script: Script
    stop: Callable[[], None]

    @property
    def store(self) -> Store:
        return self.app.store

    def session(self, customer: str | None = None) -> dict[str, str]:
        """The header of a new session."""
        body = {"identity": self.auth.issue_identity(customer)} if customer else None
        answer = self.http.post("/api/sessions", json=body)
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    def conversation(self, session: dict[str, str]) -> str:
        answer = self.http.post("/api/conversations", headers=session)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def post(
        self, session: dict[str, str], conversation: str, text: str, client_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Post a message and read the whole stream."""
        body = {"text": text} | ({"client_id": client_id} if client_id else {})
        answer = self.http.post(f"/api/conversations/{conversation}/messages", headers=session, json=body)
        assert answer.status_code == 200, answer.text
        return events(answer.text)

    def transcript(self, session: dict[str, str], conversation: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/conversations/{conversation}", headers=session)
        assert answer.status_code == 200, answer.text
        return cast(dict[str, Any], answer.json())


def events(stream: str) -> list[dict[str, Any]]:
    """Parse a whole event stream; comments are left out."""
    found = []
    for block in stream.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if lines:
            content = json.loads(lines["data"])
            assert content["type"] == lines["event"]
            assert content["id"] == lines["id"]
            found.append(content)
    return found


def eventually(condition: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Wait until something that happens in the server's thread has happened."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("it did not happen in time")
        time.sleep(0.005)


@pytest.fixture
def wait_for() -> Callable[..., None]:
    return eventually


@pytest.fixture
def read_events() -> Callable[[str], list[dict[str, Any]]]:
    return events


Serve = Callable[..., Server]


def scripted_app(db: sa.Engine, home: Path, simulated: bool = True, **changes: Any) -> tuple[App, Script]:
    """The parts of an app, with the script in place of the pipeline; ``changes`` are settings."""
    api = {name: changes.pop(name) for name in list(changes) if name in ApiSettings.model_fields}
    given: dict[str, Any] = {
        "home": home,
        "secret": "a secret of the tests, long enough",
        "shop": {"simulated": simulated},
        "api": {"messages_per_10s": 1000, "sessions_per_minute": 1000, **api},
        **changes,
    }
    settings, script, store = Settings(**given), Script(), Store(db)
    app = App(
        settings=settings,
        db=db,
        shop=Shop(db),
        store=store,
        index=cast(Any, None),
        search=cast(Any, FakeSearch()),
        products=cast(Any, FakeProducts()),
        recommender=None,
        engine=cast(Any, FakeEngine()),
        bot=cast(Any, FakeBot(store)),
    )
    return app, script


@pytest.fixture
def serve(sqlite_db: sa.Engine, tmp_path: Path) -> Iterator[Serve]:
    """Start servers over one database; keyword arguments are settings of ``api`` and of the whole."""
    running: list[Server] = []
    add_shop(sqlite_db)

    def start(**changes: Any) -> Server:
        running.append(run(*scripted_app(sqlite_db, tmp_path, **changes)))
        return running[-1]

    yield start
    for server in running:
        server.script.gate.set()
        server.stop()
        server.http.close()


@pytest.fixture(scope="module")
def shared_server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of a module that leave nothing behind which others could see."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(sqlite_template, home / "kefu.db")
    db = connect(f"sqlite:///{home / 'kefu.db'}")
    add_shop(db)
    server = run(*scripted_app(db, home))
    yield server
    server.stop()
    server.http.close()
    db.dispose()


def run(app: App, script: Script | None = None) -> Server:
    """Serve in a thread; with the real pipeline if there is no script."""
    api = create_api(app, script.answer) if script else create_api(app)
    config = uvicorn.Config(api, host="127.0.0.1", port=0, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started or not thread.is_alive(), seconds=20)
    port = server.servers[0].sockets[0].getsockname()[1]

    def stop() -> None:
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive(), "the server did not stop"

    url = f"http://127.0.0.1:{port}"
    client = httpx.Client(base_url=url, timeout=20, trust_env=False)
    return Server(url, client, app, build_auth(app.settings), script or Script(), stop)


@dataclass
class Helpers:
    add_shop: Callable[[sa.Engine], None]
    run: Callable[[App], Server]


@pytest.fixture(scope="session")
def api_helpers() -> Helpers:
    """For servers over apps that a test builds itself."""
    return Helpers(add_shop, run)


@pytest.fixture
def server(serve: Serve) -> Server:
    """One with generous limits."""
    return serve()


def add_shop(db: sa.Engine) -> None:
    """Two customers, one order, three products."""
    source = {"source": "test", "digest": ""}
    products = [
        {
            **source,
            "key": sku.lower(),
            "sku": sku,
            "name": name,
            "name_zh": "",
            "category": category,
            "category_zh": "",
            "brand": "",
            "description": f"A {name.lower()}.",
            "attributes": {"material": "steel"},
            "price": Decimal(price),
            "currency": "EUR",
            "stock": 3,
            "final_sale": False,
        }
        for sku, name, category, price in (
            ("KIT-0001", "Kettle", "Kitchen", "19.90"),
            ("KIT-0002", "Pan", "Kitchen", "39.00"),
            ("GAR-0001", "Rake", "Garden", "24.50"),
        )
    ]
    order = {
        **source,
        "key": "ll-100001",
        "id": "LL-100001",
        "customer_key": "c00001",
        "customer_id": "C00001",
        "placed_at": datetime(2026, 1, 2, tzinfo=UTC),
        "status": "shipped",
        "subtotal": Decimal("19.90"),
        "total": Decimal("23.80"),
        "currency": "EUR",
    }
    with writing(db) as connection:
        connection.execute(shop_tables.products.insert(), products)
        connection.execute(
            shop_tables.variants.insert().values(
                key="kit-0001-red",
                parent_key="kit-0001",
                position=0,
                sku="KIT-0001-RED",
                options={"colour": "red"},
                price=Decimal("20.90"),
                stock=1,
            )
        )
        for identifier, name in CUSTOMERS.items():
            connection.execute(
                shop_tables.customers.insert().values(
                    **source, key=identifier.lower(), id=identifier, name=name, country="DE"
                )
            )
        connection.execute(shop_tables.orders.insert().values(order))
