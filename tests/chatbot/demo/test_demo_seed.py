"""The demo shop is made once, through the importers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import sqlalchemy as sa

from chatbot.adapters import CARD, MODEL_CARD, Adapters
from chatbot.answers import stored
from chatbot.demo import seed as seeding
from chatbot.demo import simulate as simulation
from chatbot.demo.seed import prepare, seed
from chatbot.engine.weights import ADAPTER_FILE
from chatbot.shop import Shop
from configs.settings import Settings, load
from finetune.folders import CONFIG, WEIGHTS
from retrieval.embed import Progress
from retrieval.index import Index
from retrieval.ingest import IngestReport
from retrieval.minilm import Vectors


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty customers instead of two thousand."""
    whole = simulation.simulate
    monkeypatch.setattr(simulation, "simulate", partial(whole, customers=30, purchases=300))


@pytest.mark.usefixtures("small")
def test_the_database_holds_the_demo_shop(db: sa.Engine) -> None:
    told: list[str] = []
    counts = seed(db, progress=told.append)
    shop = Shop(db)
    assert counts["products"] == shop.product_count() >= 240
    assert counts["customers"] == 30
    assert counts["purchases"] == len(shop.purchases()) > 100
    assert len(shop.countries()) == 14
    assert [rate.price for rate in shop.rates("DE") if rate.method == "express"] == [Decimal("9.90")]
    customer = shop.customer("c00001")
    assert customer is not None
    orders = [order for number in range(1, 31) for order in shop.orders(f"C{number:05d}", limit=1000)]
    assert len(orders) == counts["orders"]
    assert all(order.total == order.subtotal + (order.shipping or 0) for order in orders)
    assert all(
        order.subtotal == sum(line.quantity * line.unit_price for line in order.lines) for order in orders
    )
    assert told[-1].startswith("demo shop: ")


@pytest.mark.usefixtures("small")
def test_a_second_time_nothing_is_done(sqlite_db: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = seed(sqlite_db)
    monkeypatch.setattr(seeding, "import_rows", lambda *_, **__: pytest.fail("imported again"))
    assert seed(sqlite_db) == counts


@pytest.mark.usefixtures("small")
def test_a_newer_demo_shop_replaces_the_older(sqlite_db: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    today = list(seeding._products())
    ancient = {**today[0], "sku": "OLD-0001", "variants": []}
    with monkeypatch.context() as past:
        past.setattr(seeding, "_fingerprint", lambda: "older")
        past.setattr(seeding, "_products", lambda: iter([*today[:40], ancient]))
        seed(sqlite_db)
    assert Shop(sqlite_db).product("OLD-0001") is not None
    seed(sqlite_db)
    assert Shop(sqlite_db).product("OLD-0001") is None
    assert Shop(sqlite_db).product_count() == len(today)


class CountingLetters:
    """An embedder that needs no model: how often each letter occurs."""

    name = "letters"
    dim = 26

    def queries(self, texts: Sequence[str]) -> Vectors:
        counts = np.array(
            [[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts], np.float32
        )
        return cast(Vectors, counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1))

    def passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        if progress:
            progress(len(texts), len(texts))
        return self.queries(texts)


@pytest.mark.usefixtures("small")
def test_everything_is_prepared_once(
    sqlite_db: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(settings: Settings) -> Index:
        return Index(settings.home / "index", CountingLetters())

    monkeypatch.setattr(Index, "open", opened)
    settings = load(home=tmp_path)
    told: list[str] = []
    prepare(settings, sqlite_db, told.append)
    first, told = told, []
    prepare(settings, sqlite_db, told.append)
    assert any(message.startswith("embed") for message in first)
    assert not any(message.startswith("embed") for message in told)
    assert first[-2] == told[-1]  # the same pages, products and version
    assert first[-1].startswith("adapter demo: answers")
    index = opened(settings)
    assert {document.id for document in index.rows.documents("page")} >= {"returns.md", "delivery.md"}
    assert len(index.rows.documents("product")) == Shop(sqlite_db).product_count()
    index.close()
    assert stored(sqlite_db)


# --- the adapter ---


@pytest.fixture
def ready(sqlite_db: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Adapters]:
    """Prepares the demo shop without pages, and tells what its home has of adapters."""
    monkeypatch.setattr(seeding, "ingest_docs", lambda *_, **__: IngestReport("page"))
    monkeypatch.setattr(seeding, "ingest_products", lambda *_, **__: IngestReport("page"))
    monkeypatch.setattr(Index, "open", lambda settings: Index(settings.home / "index", CountingLetters()))

    def prepared(**engine: object) -> Adapters:
        settings = load(home=tmp_path)
        settings = settings.model_copy(update={"engine": settings.engine.model_copy(update=engine)})
        prepare(settings, sqlite_db, lambda message: None)
        return Adapters(tmp_path / "adapters", settings.engine.model)

    return prepared


@pytest.mark.usefixtures("small")
def test_the_packaged_adapter_answers_until_somebody_decides_otherwise(
    ready: Callable[..., Adapters],
) -> None:
    adapters = ready()
    assert adapters.serving().live == "demo"
    assert adapters.get("demo").passed
    adapters.rollback()
    assert ready().serving().live is None
    adapters.remove("demo")
    assert ready().all() == []


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("engine", [{"model": "another"}, {"kind": "openai"}, {"kind": "off"}])
def test_only_an_engine_that_has_its_base_gets_the_packaged_adapter(
    ready: Callable[..., Adapters], engine: dict[str, str]
) -> None:
    adapters = ready(**engine)
    assert (adapters.all(), adapters.serving().live) == ([], None)


def test_the_packaged_adapter_is_the_one_that_was_judged() -> None:
    """Its card tells of a passed gate against the bare model, and nothing of whose machine made it."""
    card = json.loads((seeding.ADAPTER / CARD).read_text(encoding="utf-8"))
    verdict, data = card["verdict"], card["data"]
    assert verdict["passed"]
    assert verdict["against"] == card["base"] == load().engine.model
    assert (data["simulated"], data["customers"], card["parent"]) == (True, [], None)
    assert (
        json.loads((seeding.ADAPTER / CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"]
        == card["base"]
    )
    assert {path.name for path in seeding.ADAPTER.iterdir()} == {
        CARD, MODEL_CARD, CONFIG, WEIGHTS, ADAPTER_FILE
    }  # fmt: skip
