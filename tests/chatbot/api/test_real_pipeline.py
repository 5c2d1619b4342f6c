"""The API over everything real but the language model: embedder, index, router, tools, store, SQLite."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import openai
import pytest
from typer.testing import CliRunner

from chatbot.adapters import Adapters
from chatbot.app import App, build, open_database
from chatbot.cli import cli
from chatbot.engine import build_engine
from chatbot.engine.base import Health, Sampling
from chatbot.engine.llamacpp import LlamaCppEngine
from configs.errors import EngineError
from configs.settings import ComposeSettings, Settings
from retrieval.embed import load_embedder
from retrieval.index import Index
from retrieval.ingest import ingest_docs, ingest_products

pytestmark = pytest.mark.slow

PAGES = Path(__file__).parents[3] / "chatbot" / "demo" / "pages"


class DyingEngine:
    """Says half a sentence, then its process is gone."""

    model = "dying"

    async def stream(
        self, messages: Any, sampling: Sampling, adapter: str | None = None
    ) -> AsyncIterator[str]:
        yield "You can ret"
        raise EngineError("the engine's process has ended")

    async def health(self) -> Health:
        return Health(False, self.model)

    async def aclose(self) -> None:
        return


class KilledEngine:
    """llama.cpp in its own process, which is killed when it has said its first piece."""

    def __init__(self, inner: LlamaCppEngine) -> None:
        self.inner = inner
        self.model = inner.model
        self.killed: list[int] = []

    async def stream(
        self, messages: Any, sampling: Sampling, adapter: str | None = None
    ) -> AsyncIterator[str]:
        async for piece in self.inner.stream(messages, sampling, adapter):
            pid = self.inner.pid
            if pid is not None and pid not in self.killed:
                self.killed.append(pid)
                os.kill(pid, signal.SIGKILL)
            yield piece

    async def health(self) -> Health:
        return await self.inner.health()

    async def aclose(self) -> None:
        await self.inner.aclose()


class NotingEngine:
    """Takes its time for a sentence, and notes which adapter was to say it, and when."""

    model = "noting"

    def __init__(self) -> None:
        self.asked: list[tuple[float, str | None]] = []

    async def stream(
        self, messages: Any, sampling: Sampling, adapter: str | None = None
    ) -> AsyncIterator[str]:
        self.asked.append((time.monotonic(), adapter))
        for piece in ("Products can be ", "returned within 30 days."):
            await asyncio.sleep(0.02)
            yield piece

    async def health(self) -> Health:
        return Health(True, self.model)

    async def aclose(self) -> None:
        return


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, api_helpers: Any) -> Iterator[App]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), secret="a secret of the tests, long enough")
    db = open_database(settings)
    api_helpers.add_shop(db)
    index = Index.open(settings, load_embedder(settings.retrieval.embedder))
    ingest_docs(index, [PAGES / f"{name}.md" for name in ("returns", "delivery", "warranty")], root=PAGES)
    from chatbot.shop import Shop

    ingest_products(index, Shop(db).all_products())
    index.close()
    built = build(settings, db=db, engine=cast(Any, DyingEngine()))
    yield built
    asyncio.run(built.aclose())


@pytest.fixture(scope="module")
def real(app: App, api_helpers: Any) -> Iterator[Any]:
    server = api_helpers.run(app)
    yield server
    server.stop()
    server.http.close()


def test_a_question_is_answered_with_its_source(real: Any) -> None:
    session = real.session()
    told = real.post(session, real.conversation(session), "How many days do I have to return something?")
    reply = told[-1]["turn"]["reply"]
    assert told[-1]["type"] == "done"
    assert reply["rung"] == "quote"
    cited = reply["citations"][0]
    assert cited["source"].startswith("returns")
    passage = real.http.get(f"/api/passages/{cited['passage_id'].replace('#', '%23')}").json()
    assert passage["text"][cited["start"] : cited["end"]] == cited["quote"]


def test_the_stream_the_turn_and_the_conversation_read_again_cite_the_same_spans(real: Any) -> None:
    session = real.session()
    conversation = real.conversation(session)
    told = real.post(session, conversation, "What does delivery cost?")
    streamed = [event["citation"] for event in told if event["type"] == "cited"]
    assert streamed
    assert told[-1]["turn"]["reply"]["citations"] == streamed
    again = real.http.get(f"/api/conversations/{conversation}", headers=session).json()
    assert again["turns"][-1]["reply"]["citations"] == streamed


def test_only_the_customer_hears_of_the_order(real: Any) -> None:
    question = "Where is my order LL-100001?"
    said = {}
    for customer in ("C00001", "C00002", None):
        session = real.session(customer)
        told = real.post(session, real.conversation(session), question)
        assert told[-1]["type"] == "done"
        said[customer] = str(told)
    assert "shipped" in said["C00001"]
    assert "sign_in" in said[None]
    for other in ("C00002", None):
        assert "23.80" not in said[other]
        assert "'status': 'shipped'" not in said[other]


def test_a_comparison_answers_for_both_products(real: Any) -> None:
    session = real.session()
    conversation = real.conversation(session)
    for question in ("How much is KIT-0001?", "And KIT-0002?"):
        real.post(session, conversation, question)
    reply = real.post(session, conversation, "Which is cheaper?")[-1]["turn"]["reply"]
    assert reply["text"].splitlines() == ["Pan costs 39.00 EUR.", "Kettle costs 20.90 EUR."]


def test_an_engine_that_dies_costs_no_turn(real: Any) -> None:
    session = real.session()
    conversation = real.conversation(session)
    for question in ("What does the warranty say about pans that I gave away?", "Do you like blue curtains?"):
        told = real.post(session, conversation, question)
        assert told[-1]["type"] in ("done", "failed")
        assert "You can ret" not in str(told[-1])
    transcript = real.transcript(session, conversation)
    assert [bool(turn["reply"]["text"]) for turn in transcript["turns"]] == [True, True]
    assert real.http.get("/ready").json()["engine"] == "down"


def test_an_engine_process_killed_while_the_model_speaks_costs_no_turn(
    app: App, api_helpers: Any, request: pytest.FixtureRequest
) -> None:
    assert request.config.cache is not None
    weights = Settings(home=Path(request.config.cache.mkdir("kefu-home")))
    engine = KilledEngine(cast(LlamaCppEngine, build_engine(weights)))
    forced = ComposeSettings(rungs=("model",), model_threshold=0.0)
    settings = app.settings.model_copy(update={"compose": forced})
    server = api_helpers.run(build(settings, db=app.db, engine=cast(Any, engine)))
    try:
        session = server.session()
        conversation = server.conversation(session)
        questions = (
            "How long can I return a lamp?",
            "What does delivery to Spain cost?",
            "How long is the warranty?",
        )
        for question in questions:
            told = server.post(session, conversation, question)
            assert told[-1]["type"] in ("done", "failed")
            assert told[-1]["turn"]["reply"]["text"].strip()
        stored = server.transcript(session, conversation)["turns"]
    finally:
        server.stop()
        server.http.close()
        asyncio.run(engine.aclose())
    assert len(engine.killed) >= 2  # after two deaths in a row the third may be refused while it starts again
    assert [turn["message"] for turn in stored] == list(questions)
    assert all(turn["reply"]["text"].strip() for turn in stored)


def test_an_adapter_is_rolled_back_under_traffic(
    app: App,
    api_helpers: Any,
    wait_for: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adapters = Adapters(app.settings.home / "adapters", app.settings.engine.model)
    for name in ("tone-1", "tone-2"):
        (tmp_path / name).mkdir()
        card = {"base": app.settings.engine.model, "verdict": {"passed": True}}
        adapters.add(name, tmp_path / name, card, "")
    adapters.promote("tone-1")
    adapters.promote("tone-2")
    engine = NotingEngine()
    forced = ComposeSettings(rungs=("model",), model_threshold=0.0)
    settings = app.settings.model_copy(update={"compose": forced})
    server = api_helpers.run(build(settings, db=app.db, engine=cast(Any, engine)))
    ended, told = threading.Event(), list[str]()

    def shopper() -> None:
        session = server.session()
        while not ended.is_set():
            conversation = server.conversation(session)
            told.append(server.post(session, conversation, "How long can I return a lamp?")[-1]["type"])

    shoppers = [threading.Thread(target=shopper) for _ in range(4)]
    try:
        for one in shoppers:
            one.start()
        wait_for(lambda: len(engine.asked) >= 8, seconds=30)
        monkeypatch.setenv("KEFU_HOME", str(app.settings.home))
        done = CliRunner().invoke(cli, ["adapters", "rollback"], catch_exceptions=False)
        moved, before = time.monotonic(), len(engine.asked)
        assert "tone-1 answers" in done.output
        wait_for(lambda: len(engine.asked) >= before + 20, seconds=30)
    finally:
        ended.set()
        for one in shoppers:
            one.join()
        server.stop()
        server.http.close()
    assert set(told) == {"done"}
    assert {adapter for _, adapter in engine.asked} == {"tone-1", "tone-2"}
    # What was asked before the pointer moved may reach the model behind it; nothing does seconds later.
    assert not [at for at, adapter in engine.asked if adapter == "tone-2" and at > moved + 5]
    assert engine.asked[-1][1] == "tone-1"


def test_odd_messages_are_answered_too(real: Any) -> None:
    session = real.session()
    conversation = real.conversation(session)
    for text in (
        "?",
        "🙂" * 50,
        "\u202e\u200b\ufeff.",
        "'; DROP TABLE turns; --",
        "a " * 2000,
        "{0} {name} %s",
    ):
        assert real.post(session, conversation, text)[-1]["type"] == "done", text
    assert len(real.transcript(session, conversation)["turns"]) == 6


def test_the_openai_client_follows_up(real: Any) -> None:
    with openai.OpenAI(base_url=f"{real.url}/v1", api_key="none", max_retries=0) as client:
        completion = client.chat.completions.create(
            model="kefu",
            messages=[
                {"role": "user", "content": "How long does delivery to Germany take?"},
                {"role": "assistant", "content": "2-3 working days."},
                {"role": "user", "content": "And how many days do I have to return something?"},
            ],
        )
    assert completion.choices[0].message.content
    cited = completion.choices[0].message.model_extra["kefu"]["citations"]  # type: ignore[index]  # None fails the test as well
    assert cited[0]["source"].startswith("returns")
