"""Mappings: what their YAML may say, and the packaged ones at work on rows that we made up."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from chatbot.importers import import_file, import_rows, load_mapping, pages_from_table
from chatbot.importers.kinds import targets
from chatbot.importers.mapping import MAPPINGS, parse_mapping
from chatbot.importers.records import Assembler
from chatbot.importers.tables import from_rows
from chatbot.shop import Shop
from configs.errors import ConfigError, InputError, RowError

PACKAGED = sorted(path.stem for path in MAPPINGS.glob("*.yaml"))


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_mappings_are_whole(name: str) -> None:
    mapping = load_mapping(name)
    of_kind = targets(mapping.kind, mapping.timezone, None)
    assert Assembler(mapping, of_kind, from_rows(name, []), strict=True).columns


def test_there_are_mappings_for_both_shops() -> None:
    assert {"online_retail_orders", "online_retail_purchases", "magento_products", "magento_pages"} <= set(
        PACKAGED
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", "the file"),
        ({"kind": "products", "felds": {}, "fields": {}}, "felds: unknown key"),
        ({"kind": "product", "fields": {}}, "kind"),
        ({"kind": "products"}, "fields"),
        ({"kind": "products", "fields": {"sku": {}}}, "either column or value"),
        ({"kind": "products", "fields": {"sku": {"column": "a", "value": 1}}}, "either column or value"),
        ({"kind": "products", "fields": {"sku": {"column": "a", "colum": 1}}}, "fields.sku.colum"),
        ({"kind": "products", "fields": {}, "timezone": "Berlin"}, "Europe/Berlin"),
        (
            {
                "kind": "products",
                "fields": {"sku": {"column": "a", "when": {"column": "b", "equals": False}}},
            },
            "in quotes",
        ),
        (
            {"kind": "products", "fields": {}, "skip": [{"reason": "r", "when": {"column": "a"}}]},
            "exactly one of",
        ),
        (
            {
                "kind": "products",
                "fields": {},
                "skip": [{"reason": "r", "when": {"column": "a", "matches": "("}}],
            },
            "regular expression",
        ),
    ],
)
def test_a_wrong_mapping_is_told_with_its_place(data: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_mapping(data, "m.yaml")
    assert str(caught.value).startswith("m.yaml")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sku": "a", "name": "b", "currency": {"value": "EUR"}, "prise": "c"}, "did you mean price"),
        ({"sku": "a", "currency": {"value": "EUR"}}, "the mapping's fields lack 'name'"),
        ({"sku": "a", "name": "b", "currency": {"value": "euros"}}, "constant 'euros'"),
        (
            {"sku": "a", "name": {"column": "b", "transforms": ["uper"]}, "currency": {"value": "EUR"}},
            "'uper'",
        ),
    ],
)
def test_wrong_fields_are_told(sqlite_db: sa.Engine, fields: dict[str, Any], message: str) -> None:
    mapping = parse_mapping({"kind": "products", "fields": fields}, "m.yaml")
    with pytest.raises(ConfigError, match=message):
        import_rows(sqlite_db, "products", [], mapping, source="s")


def test_variants_and_lines_must_be_whole(sqlite_db: sa.Engine) -> None:
    own = {"sku": "a", "name": "b", "currency": {"value": "EUR"}}
    mapping = parse_mapping({"kind": "products", "fields": own, "variants": {"price": "c"}}, "m.yaml")
    with pytest.raises(ConfigError, match="the mapping's variants lack 'sku'"):
        import_rows(sqlite_db, "products", [], mapping, source="s")


def test_an_unknown_mapping_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"did you mean online_retail_orders\?"):
        load_mapping("online_retail_order")


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("kind: [")
    with pytest.raises(ConfigError, match="is not YAML"):
        load_mapping(path)


# --- a shop whose invoices are all that there is ------------------------------------------------------------

INVOICES = [
    # InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country
    ("500001", "10001a", "TIN  OWL", 6, datetime(2011, 6, 1, 9, 0), 2.55, 12001.0, "EIRE"),
    ("500001", "POST", "POSTAGE", 1, datetime(2011, 6, 1, 9, 0), 18.0, 12001.0, "EIRE"),
    ("500002", "10001A", "TIN OWL SMALL", 2, datetime(2011, 7, 1, 9, 0), 2.55, 12002.0, "France"),
    ("500002", "10001A", "TIN OWL SMALL", 1, datetime(2011, 7, 1, 9, 0), 2.55, 12002.0, "France"),
    ("500003", "10001A", "TIN OWL SMALL", 9, datetime(2011, 5, 1, 9, 0), 4.95, None, "Unspecified"),
    ("C500004", "10001A", "TIN OWL SMALL", -2, datetime(2011, 7, 9, 9, 1), 2.55, 12002.0, "France"),
    ("500005", "10001A", "damages", -40, datetime(2011, 8, 1, 9, 0), 0.0, None, "United Kingdom"),
    ("A500006", "B", "Adjust bad debt", 1, datetime(2011, 8, 1, 9, 0), -99.0, None, "United Kingdom"),
]


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    names = "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country".split()
    path = tmp_path / "invoices.parquet"
    pq.write_table(pa.table(dict(zip(names, map(list, zip(*INVOICES, strict=True)), strict=True))), path)
    return path


def test_online_retail_products(sqlite_db: sa.Engine, invoices: Path) -> None:
    report = import_file(sqlite_db, "products", invoices, load_mapping("online_retail_products"))
    assert (report.read, report.added, report.rejected_count, sum(report.skipped.values())) == (8, 1, 0, 4)
    (owl,) = Shop(sqlite_db).all_products()
    assert (owl.sku, owl.name, owl.price, owl.currency) == ("10001A", "Tin owl small", Decimal("2.55"), "GBP")


def test_online_retail_customers(sqlite_db: sa.Engine, invoices: Path) -> None:
    report = import_file(sqlite_db, "customers", invoices, load_mapping("online_retail_customers"))
    assert (report.added, report.skipped) == (2, {"no customer": 3})
    first, second = (Shop(sqlite_db).customer(number) for number in ("12001", "12002"))
    assert first is not None
    assert second is not None
    assert (first.country, second.country) == ("IE", "FR")


def test_online_retail_orders(sqlite_db: sa.Engine, invoices: Path) -> None:
    report = import_file(sqlite_db, "orders", invoices, load_mapping("online_retail_orders"))
    assert (report.added, report.rejected_count) == (4, 0)
    assert report.skipped == {"stock correction (no customer, no price)": 1, "bad-debt adjustment": 1}
    shop = Shop(sqlite_db)
    order = shop.order("12001", "500001")
    assert order is not None
    assert (order.status, order.total, order.country) == ("shipped", Decimal("33.30"), "IE")
    assert order.placed_at == datetime(2011, 6, 1, 8, 0, tzinfo=UTC)  # British summer time
    assert [line.name for line in order.lines] == ["Tin owl", "Postage"]
    cancelled = shop.order("12002", "c500004")
    assert cancelled is not None
    assert (cancelled.status, cancelled.total) == ("cancelled", Decimal("5.10"))
    assert cancelled.cancelled_at == cancelled.placed_at
    assert order.cancelled_at is None


def test_online_retail_purchases(sqlite_db: sa.Engine, invoices: Path) -> None:
    report = import_file(sqlite_db, "purchases", invoices, load_mapping("online_retail_purchases"))
    assert (report.added, report.rejected_count, sum(report.skipped.values())) == (2, 0, 5)
    bought = Shop(sqlite_db).purchases()
    assert list(zip(bought.customer_ids, bought.skus, bought.quantities.tolist(), strict=True)) == [
        ("12001", "10001A", 6),
        ("12002", "10001A", 3),
    ]
    assert bought.order_ids == ["500001", "500002"]


# --- a shop that keeps its catalogue in several CSV files ---------------------------------------------------


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def hoodie(sku: str, kind: str, attributes: str, stock: str = "0") -> dict[str, str]:
    return {
        "sku": sku,
        "product_type": kind,
        "categories": "Default Category/Men/Tops/Hoodies,Default Category/Sale",
        "name": "Wren Hoodie&trade;" if kind == "configurable" else f"Wren Hoodie-{sku}",
        "description": "<p>Warm.</p><ul><li>Two pockets</li></ul>",
        "price": "52",
        "qty": stock,
        "additional_attributes": attributes,
    }


def test_magento_products(sqlite_db: sa.Engine, tmp_path: Path) -> None:
    rows = [
        hoodie("H1-XS-Black", "simple", "has_options=0,size=XS,color=Black", "3"),
        hoodie("H1-S-Black", "simple", "has_options=0,size=S,color=Black", "4"),
        hoodie("H1", "configurable", "has_options=1,material=Wool|Cotton,climate=Cool"),
    ]
    report = import_file(
        sqlite_db, "products", write_csv(tmp_path / "p.csv", rows), load_mapping("magento_products")
    )
    assert (report.read, report.added, report.rejected_count) == (3, 1, 0)
    found = Shop(sqlite_db).product("h1-xs-black")
    assert found is not None
    assert (found.name, found.description, found.category) == (
        "Wren Hoodie™",
        "Warm.\nTwo pockets",
        "Hoodies",
    )
    assert found.attributes == {
        "gender": "Men",
        "type": "Tops",
        "material": "Wool, Cotton",
        "climate": "Cool",
    }
    assert (found.price, found.currency, found.stock) == (Decimal(52), "USD", 7)
    assert [variant.options for variant in found.variants] == [
        {"size": "XS", "colour": "Black"},
        {"size": "S", "colour": "Black"},
    ]


GEAR = {
    "category": "Gear\nBalls",
    "name": "Bounce Ball ",
    "sku": "B1",
    "price": "",
    "description": "<p>Round.</p>",
    "activity": "Yoga\nGym",
}


def test_magento_simple_products(sqlite_db: sa.Engine, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "p.csv", [GEAR])
    assert import_file(sqlite_db, "products", file, load_mapping("magento_simple_products")).added == 1
    (ball,) = Shop(sqlite_db).all_products()
    assert (ball.name, ball.category, ball.price, ball.stock) == ("Bounce Ball", "Balls", None, None)
    assert ball.attributes == {"activity": "Yoga, Gym"}


def test_magento_balls(sqlite_db: sa.Engine, tmp_path: Path) -> None:
    row = {
        **GEAR,
        "price": "9",
        "qty": "1",
        "size": "55 cm",
        "category_gear": "",
        "gender": "",
        "material": "",
    }
    rows = [{**row, "sku": f"B1-{colour}", "color": colour.title()} for colour in ("gray", "blue")]
    file = write_csv(tmp_path / "p.csv", rows)
    assert import_file(sqlite_db, "products", file, load_mapping("magento_balls")).added == 1
    (ball,) = Shop(sqlite_db).all_products()
    assert (ball.sku, ball.stock, [v.options["colour"] for v in ball.variants]) == ("B1", 2, ["Gray", "Blue"])


def test_magento_rates(sqlite_db: sa.Engine, tmp_path: Path) -> None:
    row = {"country": "US", "region": "*", "zip": "*", "order_subtotal": "0", "price": "15"}
    rows = [row, {**row, "region": "AK", "price": "20"}, {**row, "zip": "99501", "price": "30"}]
    file = write_csv(tmp_path / "r.csv", rows)
    report = import_file(sqlite_db, "rates", file, load_mapping("magento_rates"))
    assert (report.added, report.skipped) == (2, {"rate for certain postcodes": 1})
    assert [rate.price for rate in Shop(sqlite_db).rates("US", "AK")] == [Decimal(20)]


# --- pages ------------------------------------------------------------------------------------------------

PAGE = {
    "identifier": "returns",
    "title": "Returns",
    "is_active": "1",
    "content": '<p><a href="{{x}}">30 days</a></p>',
}


def test_pages_of_a_table(tmp_path: Path) -> None:
    rows = [
        PAGE,
        {**PAGE, "identifier": "draft", "is_active": "0"},
        {**PAGE, "identifier": "home", "content": ""},
    ]
    file = write_csv(tmp_path / "pages.csv", rows)
    assert list(pages_from_table(file, load_mapping("magento_pages"))) == [
        ("returns", "Returns", '<p><a href="">30 days</a></p>')
    ]


def test_pages_need_no_mapping_if_the_columns_are_called_so(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "pages.csv", [{"identifier": "a", "title": "A", "html": "<p>a</p>"}])
    assert list(pages_from_table(file)) == [("a", "A", "<p>a</p>")]


def test_a_page_twice_is_an_error(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "pages.csv", [PAGE, PAGE])
    with pytest.raises(RowError, match=r"pages.csv:3.*each identifier once \(line 2 has it too\)"):
        list(pages_from_table(file, load_mapping("magento_pages")))


def test_pages_of_another_table_are_refused(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "pages.csv", [{"a": "1"}])
    with pytest.raises(InputError, match="has no column 'identifier'"):
        list(pages_from_table(file, load_mapping("magento_pages")))
