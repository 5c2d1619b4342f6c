"""The tools over the real ``Shop``: an imported shop with gaps in its data, and the whole demo catalogue."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa

import chatbot.demo
from chatbot.behaviour import Behaviour
from chatbot.conversation import to_json
from chatbot.importers import import_rows
from chatbot.recommending import Recommending
from chatbot.shop import Shop
from chatbot.tools.base import Context
from chatbot.tools.catalogue import prices, stock
from retrieval.products import Columns

if TYPE_CHECKING:
    from conftest import World

DEMO = Path(chatbot.demo.__file__).parent


def bring(db: sa.Engine, kind: Any, rows: list[dict[str, Any]]) -> None:
    import_rows(db, kind, rows, source="test", currency="GBP", strict=True)


def sale(customer: str, sku: str, order: str, day: int) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "sku": sku,
        "quantity": 1,
        "at": f"2026-11-{day:02}T10:00:00Z",
        "order_id": order,
    }


def no_catalogue() -> Columns:
    nothing = np.zeros(0)
    return Columns(
        "", (), np.zeros((0, 4), np.float32), nothing.astype(np.intp), nothing, nothing, nothing.astype(bool)
    )


@pytest.fixture
def gift_shop(sqlite_db: sa.Engine) -> Shop:
    """A shop as many come: upper-case names, prices, orders; no stock, categories, rates, dates or carriers."""
    bring(
        sqlite_db,
        "products",
        [
            {"sku": "22423", "name": "CAKESTAND 3 TIER", "price": "12.75"},
            {"sku": "85123A", "name": "HANGING HEART", "price": "2.55"},
            {
                "sku": "MUG",
                "name": "MUG",
                "price": "3",
                "variants": [
                    {"sku": "MUG-R", "options": {"color": "red"}},
                    {"sku": "MUG-B", "options": {"color": "blue"}},
                ],
            },
        ],
    )
    bring(sqlite_db, "customers", [{"id": "17850", "country": "United Kingdom"}, {"id": "13047"}])
    lines = [{"sku": "22423", "name": "", "quantity": 6, "unit_price": "12.75"}]
    placed = {"placed_at": "2026-11-20T08:26:00Z", "lines": lines}
    bring(
        sqlite_db,
        "orders",
        [
            {"id": "536365", "customer_id": "17850", "status": "delivered", **placed},
            {"id": "536370", "customer_id": "13047", "status": "processing", **placed},
        ],
    )
    sold = [sale(f"{n}", sku, f"{n}", 20) for n in range(6) for sku in ("22423", "MUG-R")]
    sold += [sale(f"h{n}", "85123A", f"h{n}", 18) for n in range(9)]
    bring(sqlite_db, "purchases", [*sold, sale("17850", "22423", "536365", 20)])
    return Shop(sqlite_db)


def at(world: World, shop: Shop, customer: str | None, **more: Any) -> Context:
    found = shop.customer(customer) if customer else None
    return replace(world.context(facts={"currency": "GBP"}), customer=found, shop=shop, **more)


def test_a_shop_with_gaps_gets_true_answers(world: World, gift_shop: Shop) -> None:
    context = at(world, gift_shop, "17850")
    assert world.say(context, "order_status") == (
        "Order 536365 of Friday 20 November was delivered. It contains 6 × CAKESTAND 3 TIER; the total is 76.50 GBP. "
        "You have no open orders; this is your newest one."
    )
    assert world.run(context, "return_eligibility").error == "no_date"
    assert world.run(context, "delivery_estimate").error == "no_rates"
    assert world.say(context, "product_details", sku="mug-r", aspect="price") == "MUG in red costs 3.00 GBP."
    assert (
        world.say(context, "product_details", sku="MUG")
        == "MUG: 3.00 GBP. Available versions: color: red and blue."
    )
    assert world.run(context, "product_details", sku="22423", aspect="stock").error == "no_stock_data"


def test_another_customers_order_is_no_order(world: World, gift_shop: Shop) -> None:
    mine, theirs = at(world, gift_shop, "13047"), at(world, gift_shop, "17850")
    for name in ("order_status", "return_eligibility"):
        assert world.run(mine, name, order_id="536370").error != "not_found"
        foreign = json.dumps(to_json(world.run(theirs, name, order_id="536370")))
        unknown = json.dumps(to_json(world.run(theirs, name, order_id="999999")))
        assert foreign == unknown.replace("999999", "536370")


def test_the_recommender_counts_a_version_as_its_product(
    world: World, gift_shop: Shop, sqlite_db: sa.Engine, tmp_path: Path
) -> None:
    recommending = Recommending(gift_shop, Behaviour(sqlite_db), no_catalogue, tmp_path)
    told = recommending.train()
    assert (told.anew, told.products, told.interactions) == (True, 3, 22)
    recommender = recommending.current()
    assert recommender is not None
    assert set(recommender.skus) == {"22423", "MUG", "85123A"}
    context = at(
        world,
        gift_shop,
        "17850",
        recommender=recommender,
        known=lambda asked: recommending.known(asked, "", "17850", world.now),
        masked=lambda asked, _: np.ones(len(asked.skus), bool),
    )
    assert world.say(context, "recommend").startswith(
        "Because you bought CAKESTAND 3 TIER, you may like MUG (3.00 GBP)."
    )
    assert world.say(context, "recommend", mode="complete", sku="MUG-B") == (
        "Often bought together with MUG: CAKESTAND 3 TIER (12.75 GBP)."
    )


def test_a_shop_that_sold_nothing_has_no_recommender(sqlite_db: sa.Engine, tmp_path: Path) -> None:
    recommending = Recommending(Shop(sqlite_db), Behaviour(sqlite_db), no_catalogue, tmp_path)
    assert recommending.train().interactions == 0
    assert recommending.current() is None


# --- every product of the demo shop ---------------------------------------------------------------------------


@pytest.fixture
def demo_shop(sqlite_db: sa.Engine) -> Shop:
    rows = [json.loads(line) for line in (DEMO / "products.jsonl").read_text(encoding="utf-8").splitlines()]
    import_rows(sqlite_db, "products", rows, source="demo", currency="EUR", strict=True)
    return Shop(sqlite_db)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_said_of_any_demo_product_is_in_the_data(
    world: World, demo_shop: Shop, language: str
) -> None:
    money = re.compile(r"([\d,]+\.\d\d)(?: EUR|欧元)")
    products = demo_shop.all_products()
    # One product at a time is asked for: the shop of the context need not read the database for each.
    context = world.context(language=language, catalogue=products)
    for product in products:
        span = prices(product)
        assert span is not None
        allowed = {product.price, *(variant.price for variant in product.variants)}
        for aspect in ("overview", "price", "stock", "variants", "attributes"):
            said = world.say(context, "product_details", sku=product.sku, aspect=aspect)
            assert "None" not in said
            assert not re.search(r" {2}|\.\.|。。|::|, ,", said), said
            assert {Decimal(figure.replace(",", "")) for figure in money.findall(said)} <= allowed, said
        said = world.say(context, "product_details", sku=product.sku, aspect="stock")
        sold_out = {"en": "is sold out at the moment", "zh": "目前已售罄"}[language]
        assert (sold_out in said) == (stock(product) == 0), said


def test_every_attribute_of_any_demo_product_is_found_by_its_name(world: World, demo_shop: Shop) -> None:
    products = demo_shop.all_products()
    context = world.context(catalogue=products)
    for product in products:
        options = {key for variant in product.variants for key in variant.options}
        for key, value in product.attributes.items():
            if key in options:
                continue
            result = world.run(context, "product_details", sku=product.sku, attribute=key.replace("_", " "))
            yes_no = {"yes": "product_attribute_yes", "no": "product_attribute_no"}.get(value, "")
            assert result.template in {"product_attribute", yes_no}, (product.sku, key, result.text)
            assert value in result.text or result.template == yes_no, (product.sku, key, result.text)
