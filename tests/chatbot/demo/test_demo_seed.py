"""The demo shop is made once, through the importers."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import pytest
import sqlalchemy as sa

from chatbot.demo import seed as seeding
from chatbot.demo import simulate as simulation
from chatbot.demo.seed import seed
from chatbot.shop import Shop


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
