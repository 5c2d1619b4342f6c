"""A server's recommender is trained again beside it, and what answers follows."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from chatbot.behaviour import Done
from chatbot.importers import import_rows
from chatbot.retraining import Retraining, opened, train
from configs.settings import RecommendSettings, Settings
from retrieval.recommend import storage

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, recommend=RecommendSettings(retrain_hours=1.0))
    db = sa.create_engine(settings.resolved_database_url)
    train(settings)  # makes the database
    names = {"TEA": "Green tea", "CUP": "Blue cup", "SOAP": "Pine soap"}
    import_rows(
        db,
        "products",
        [{"sku": sku, "name": name, "price": "3"} for sku, name in names.items()],
        source="t",
        currency="EUR",
        strict=True,
    )
    rows = [
        {"customer_id": f"c{n}", "sku": sku, "quantity": 1, "at": "2026-11-01T10:00:00Z", "order_id": f"o{n}"}
        for n in range(9)
        for sku in ("TEA", "CUP")
    ]
    import_rows(db, "purchases", json.loads(json.dumps(rows)), source="t", currency="EUR", strict=True)
    db.dispose()
    return settings


def test_a_running_server_follows_without_a_restart(shop: Settings) -> None:
    _, recommending = opened(shop)
    assert recommending.current() is None
    retraining = Retraining(shop, first=0.0)
    retraining.start()
    deadline = time.monotonic() + 60
    while recommending.current() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    retraining.stop()
    made = recommending.current()
    assert made is not None
    assert set(made.skus) == {"TEA", "CUP"}
    assert recommending.train().anew is False


def test_what_answers_stays_while_a_new_file_is_damaged(
    shop: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    _, recommending = opened(shop)
    recommending.train()
    before = recommending.current()
    (shop.home / "recommender" / storage.FILE).write_bytes(b"half a file")
    assert recommending.current() is before is not None
    assert "damaged" in caplog.text
    assert recommending.train().anew is True
    assert recommending.current() is not before


def test_what_shoppers_did_is_trained_on_and_known_at_once(shop: Settings) -> None:
    _, recommending = opened(shop)
    recommending.train()
    recommender = recommending.current()
    assert recommender is not None
    now = datetime.now(UTC)
    assert len(recommending.known(recommender, "s1", None, now)) == 0
    recommending._behaviour.add("s1", None, [Done("e1", "tea", "view", now)])
    known = recommending.known(recommender, "s1", None, now)
    assert [recommender.skus[item] for item in known.touched] == ["TEA"]
    assert known.bought.tolist() == []
    assert recommender.recommend(known, mode="discover", n=1)[0].sku in {"TEA", "CUP"}
    told = recommending.train()
    assert (told.anew, told.customers, told.interactions) == (True, 10, 19)


def test_zero_hours_is_never(shop: Settings) -> None:
    never = shop.model_copy(update={"recommend": RecommendSettings(retrain_hours=0)})
    retraining = Retraining(never, first=0.0)
    retraining.start()
    time.sleep(0.3)
    assert not (shop.home / "recommender" / storage.FILE).exists()
