"""A server's recommender is trained again beside it, and what answers follows."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from chatbot.behaviour import Done
from chatbot.importers import import_rows
from chatbot.recommending import Recommending
from chatbot.retraining import Retraining, opened, train
from chatbot.shop_tables import purchases
from configs.settings import RecommendSettings, Settings
from retrieval.recommend import Recommender, storage

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


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
    import_rows(db, "purchases", rows_of_everybody(), source="t", currency="EUR", strict=True)
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
    recommending.behaviour.add("s1", None, [Done("e1", "tea", "view", now)])
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


def rows_of(rng: np.random.Generator, customer: str) -> list[dict[str, Any]]:
    return [
        {
            "customer_id": customer,
            "sku": str(rng.choice(["TEA", "CUP", "SOAP"])),
            "quantity": 1,
            "at": f"2026-11-{day:02}T10:00:00Z",
            "order_id": f"{customer}-{day}",
        }
        for day in sorted(rng.integers(1, 20, rng.integers(1, 6)).tolist())
    ]


@pytest.mark.parametrize("seed", range(4))
def test_whoever_is_erased_was_never_there(shop: Settings, tmp_path: Path, seed: int) -> None:
    """The model after an erasure is the one of a shop that never had this customer, and their own list is a stranger's."""
    rng = np.random.default_rng(seed)
    other = shop.model_copy(update={"home": tmp_path / "other"})
    train(other)
    customers = [f"d{number}" for number in range(6)]
    gone = str(rng.choice(customers))
    bought = {customer: rows_of(rng, customer) for customer in customers}
    done = {
        customer: [
            Done(f"{customer}-{number}", str(rng.choice(["TEA", "CUP", "SOAP"])), str(rng.choice(["view", "cart", "like", "dislike"])), NOW)
            for number in range(rng.integers(0, 5))
        ]
        for customer in customers
    }  # fmt: skip
    found = []
    for settings, kept in ((shop, customers), (other, [name for name in customers if name != gone])):
        db = sa.create_engine(settings.resolved_database_url)
        theirs, recommending = opened(settings)
        if settings is other:
            names = ({"sku": sku, "name": product.name, "price": "3"} for sku in ("TEA", "CUP", "SOAP") if (product := opened(shop)[0].product(sku)))  # fmt: skip
            import_rows(db, "products", list(names), source="t", currency="EUR", strict=True)
        first = rows_of_everybody() if settings is other else []
        import_rows(db, "purchases", [*first, *(row for name in kept for row in bought[name])], source="u", currency="EUR", strict=True)  # fmt: skip
        for name in kept:
            recommending.behaviour.add(f"session-{name}", name, done[name])
        if settings is shop:
            recommending.train()
            assert len(recommending.known(_current(recommending), "", gone, NOW))
            recommending.behaviour.forget(gone)
            with db.begin() as connection:
                connection.execute(purchases.delete().where(purchases.c.customer_key == gone))
        db.dispose()
        recommending.train(force=True)
        found.append((theirs, recommending, _current(recommending)))
    (_, after, made), (_, _, never) = found
    assert made.skus == never.skus
    for mine, them in zip(made.parts.popular, never.parts.popular, strict=True):
        assert np.allclose(mine, them)
    nobody = after.known(made, "", gone, NOW)
    assert len(nobody) == 0
    assert made.recommend(nobody, n=3) == made.recommend(after.known(made, "", None, NOW), n=3)
    for name in customers:
        own = after.known(made, "", name, NOW)
        assert [one.sku for one in made.recommend(own, n=3)] == [one.sku for one in never.recommend(own, n=3)]


def rows_of_everybody() -> list[dict[str, Any]]:
    """As in the fixture."""
    return [
        {"customer_id": f"c{n}", "sku": sku, "quantity": 1, "at": "2026-11-01T10:00:00Z", "order_id": f"o{n}"}
        for n in range(9)
        for sku in ("TEA", "CUP")
    ]


def _current(recommending: Recommending) -> Recommender:
    found = recommending.current()
    assert found is not None
    return found
