"""A real server on a free loopback port over a real database, with a scripted ``answer`` in place of the pipeline.

What a message says decides how its turn goes, see ``Script``. ``test_real_pipeline.py`` uses the real one.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import sqlalchemy as sa
import uvicorn

from chatbot.api import create_api
from chatbot.app import App
from chatbot.auth import Auth, build_auth
from chatbot.behaviour import Behaviour
from chatbot.db import connect
from chatbot.shop import Shop
from chatbot.store import Store
from configs.settings import ApiSettings, Settings

from .fake_shop import FakeBot, FakeEngine, FakeProducts, FakeSearch, Script, add_shop


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
        behaviour=Behaviour(db),
        index=cast(Any, None),
        search=cast(Any, FakeSearch()),
        products=cast(Any, FakeProducts()),
        recommending=cast(Any, None),
        engine=cast(Any, FakeEngine()),
        actions=cast(Any, None),
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
