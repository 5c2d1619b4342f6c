"""What tools read of the shop, on both backends."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from chatbot.importers import import_rows
from chatbot.shop import Customer, Order, OrderLine, Product, Rate, Shop, Variant

KETTLE = {
    "sku": "KIT-0001",
    "name": "Ember kettle",
    "name_zh": "余烬水壶",
    "category": "Kettles",
    "category_zh": "水壶",
    "brand": "Tarn",
    "description": "Boils water.",
    "attributes": {"volume": "1.5 l"},
    "price": "49.90",
    "stock": 7,
    "variants": [
        {"sku": "KIT-0001-RED", "options": {"colour": "red"}, "price": "52.90", "stock": 3},
        {"sku": "KIT-0001-BLU", "options": {"colour": "blue"}, "price": None, "stock": 4},
    ],
    "final_sale": False,
    "age_limit": None,
    "repeat_days": None,
    "season": "winter",
    "url": "https://shop.example/kettle",
}
SOAP = {"sku": "SOA-1", "name": "Soap", "final_sale": True, "repeat_days": 30, "age_limit": 16}


def order(number: str, customer: str | None, placed: str, **more: Any) -> dict[str, Any]:
    line = {"sku": "KIT-0001", "variant_sku": "KIT-0001-RED", "name": "Ember kettle", "quantity": 2}
    return {
        "id": number,
        "customer_id": customer,
        "placed_at": placed,
        "status": "shipped",
        "lines": [{**line, "unit_price": "52.90"}],
        **more,
    }


ORDERS = [
    order("LL-1", "C1", "2025-11-01T10:00:00Z", shipping="3.90", shipped_at="2025-11-02T08:00:00+01:00"),
    order("LL-2", "C1", "2025-11-03T10:00:00Z", status="delivered"),
    order("LL-3", "C2", "2025-11-02T10:00:00Z"),
    order("LL-4", None, "2025-11-02T10:00:00Z"),
]


def rate(country: str, region: str | None, method: str, least: int, price: int) -> dict[str, Any]:
    return {"country": country, "region": region, "method": method, "min_subtotal": least, "price": price}


@pytest.fixture
def shop(db: sa.Engine) -> Shop:
    def bring(kind: Any, rows: list[dict[str, Any]]) -> None:
        report = import_rows(db, kind, rows, source="test", currency="EUR", strict=True)
        assert report.added == len(rows)

    bring("products", [KETTLE, SOAP])
    bring("customers", [{"id": "C1", "name": "Ana", "email": "ana@shopper.example", "country": "de"}])
    bring("orders", ORDERS)
    bring(
        "rates",
        [
            rate("US", None, "standard", 0, 15),
            rate("US", None, "standard", 50, 10),
            rate("US", None, "express", 0, 40),
            rate("US", "AK", "standard", 0, 20),
            rate("CA", "BC", "standard", 0, 25),
            rate("*", None, "standard", 0, 99),
        ],
    )
    bring(
        "purchases",
        [
            {"customer_id": "C1", "sku": "SOA-1", "quantity": 2, "at": "2025-11-03T10:00:00Z"},
            {"customer_id": "C1", "sku": "KIT-0001", "at": "2025-11-01T10:00:00.5Z", "order_id": "LL-1"},
            {"customer_id": "C2", "sku": "KIT-0001", "at": "2025-11-02T10:00:00Z", "order_id": "LL-3"},
        ],
    )
    return Shop(db)


def test_a_product_comes_back_whole(shop: Shop) -> None:
    assert shop.product("KIT-0001") == Product(
        sku="KIT-0001",
        name="Ember kettle",
        name_zh="余烬水壶",
        category="Kettles",
        category_zh="水壶",
        brand="Tarn",
        description="Boils water.",
        attributes={"volume": "1.5 l"},
        price=Decimal("49.90"),
        currency="EUR",
        stock=7,
        variants=(
            Variant("KIT-0001-RED", {"colour": "red"}, Decimal("52.90"), 3),
            Variant("KIT-0001-BLU", {"colour": "blue"}, None, 4),
        ),
        season="winter",
        url="https://shop.example/kettle",
    )


def test_what_the_shop_does_not_say_stays_unknown(shop: Shop) -> None:
    soap = shop.product("SOA-1")
    assert soap is not None
    assert (soap.price, soap.stock, soap.url) == (None, None, None)
    assert (soap.final_sale, soap.repeat_days, soap.age_limit) == (True, 30, 16)


@pytest.mark.parametrize("sku", ["kit-0001", " KIT-0001 ", "Kit-0001-Red", "kit-0001-blu"])
def test_skus_match_in_any_case_and_a_variant_finds_its_product(shop: Shop, sku: str) -> None:
    found = shop.product(sku)
    assert found is not None
    assert found.sku == "KIT-0001"


@pytest.mark.parametrize("sku", ["", "KIT", "x" * 5000, "a\0b", "\ud800", "%", "' OR 1=1 --"])
def test_unknown_and_strange_skus_find_nothing(shop: Shop, sku: str) -> None:
    assert shop.product(sku) is None
    assert shop.order("C1", sku) is None
    assert shop.customer(sku) is None
    assert shop.orders(sku) == []
    assert shop.history(sku) == []


def test_products_come_in_the_order_asked_for_and_once(shop: Shop) -> None:
    found = shop.products(["SOA-1", "nothing", "KIT-0001-RED", "KIT-0001", "soa-1"])
    assert [product.sku for product in found] == ["SOA-1", "KIT-0001"]
    assert shop.products([]) == []


def test_thousands_of_skus_can_be_asked_for(shop: Shop) -> None:
    found = shop.products([*(f"none-{n}" for n in range(3000)), "SOA-1"])
    assert [product.sku for product in found] == ["SOA-1"]


def test_all_products(shop: Shop) -> None:
    assert [product.sku for product in shop.all_products()] == ["KIT-0001", "SOA-1"]
    assert shop.product_count() == 2


def test_a_customer(shop: Shop) -> None:
    assert shop.customer("c1") == Customer("C1", "Ana", "ana@shopper.example", "DE", None)
    assert shop.customer("C2") is None


def test_an_order_comes_back_whole_with_sums_of_its_lines(shop: Shop) -> None:
    assert shop.order("C1", "ll-1") == Order(
        id="LL-1",
        customer_id="C1",
        placed_at=datetime(2025, 11, 1, 10, tzinfo=UTC),
        status="shipped",
        country=None,
        region=None,
        method=None,
        subtotal=Decimal("105.80"),
        shipping=Decimal("3.90"),
        total=Decimal("109.70"),
        currency="EUR",
        shipped_at=datetime(2025, 11, 2, 7, tzinfo=UTC),
        lines=(OrderLine("KIT-0001", "KIT-0001-RED", "Ember kettle", 2, Decimal("52.90")),),
    )


@pytest.mark.parametrize("number", ["LL-3", "LL-4", "LL-99"])
def test_foreign_guest_and_unknown_orders_look_the_same(shop: Shop, number: str) -> None:
    assert shop.order("C1", number) is None


def test_orders_come_newest_first(shop: Shop) -> None:
    assert [found.id for found in shop.orders("c1")] == ["LL-2", "LL-1"]
    assert [found.id for found in shop.orders("C1", limit=1)] == ["LL-2"]
    assert [len(found.lines) for found in shop.orders("C1")] == [1, 1]


def costs(rates: list[Rate]) -> list[tuple[str, str | None, Decimal, Decimal]]:
    return [(rate.method, rate.region, rate.min_subtotal, rate.price) for rate in rates]


def test_rates_of_a_country(shop: Shop) -> None:
    assert costs(shop.rates("us")) == [
        ("express", None, Decimal(0), Decimal(40)),
        ("standard", None, Decimal(0), Decimal(15)),
        ("standard", None, Decimal(50), Decimal(10)),
    ]


def test_a_regions_rates_replace_the_countrys_by_method(shop: Shop) -> None:
    assert costs(shop.rates("US", "ak")) == [
        ("standard", "AK", Decimal(0), Decimal(20)),
        ("express", None, Decimal(0), Decimal(40)),
    ]
    assert shop.rates("US", "TX") == shop.rates("US")


def test_a_country_with_regions_alone_shows_them_until_one_is_named(shop: Shop) -> None:
    assert costs(shop.rates("CA")) == [("standard", "BC", Decimal(0), Decimal(25))]
    assert shop.rates("CA", "ON") == []


def test_other_countries_get_the_rates_of_everywhere(shop: Shop) -> None:
    assert costs(shop.rates("NZ")) == [("standard", None, Decimal(0), Decimal(99))]
    assert shop.countries() == ["CA", "US"]


def test_purchases_are_columns_oldest_first(shop: Shop) -> None:
    bought = shop.purchases()
    assert len(bought) == 3
    assert bought.customer_ids == ["C1", "C2", "C1"]
    assert bought.skus == ["KIT-0001", "KIT-0001", "SOA-1"]
    assert bought.quantities.tolist() == [1, 1, 2]
    assert bought.order_ids == ["LL-1", "LL-3", ""]
    assert bought.at.tolist() == [datetime(2025, 11, day, 10) for day in (1, 2, 3)]


def test_an_empty_shop_has_no_purchases(db: sa.Engine) -> None:
    bought = Shop(db).purchases()
    assert (len(bought), bought.skus, bought.quantities.tolist(), bought.at.tolist()) == (0, [], [], [])
    assert Shop(db).rates("DE") == []


def test_history_is_one_customers(shop: Shop) -> None:
    assert [sku for sku, _ in shop.history("c1")] == ["KIT-0001", "SOA-1"]
    assert shop.history("C1")[1][1] == datetime(2025, 11, 3, 10, tzinfo=UTC)
