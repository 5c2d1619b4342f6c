"""Rows of one table that make one record: variants under their product, lines in their order, purchases added up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from chatbot.importers import import_file, import_rows
from chatbot.shop import Shop
from configs.errors import InputError

from .tables import counts, flat_orders, mapping, product, write_csv

# --- products with variants -------------------------------------------------------------------------------

SHIRTS = mapping(
    kind="products",
    product_rows={"column": "type", "equals": "parent"},
    variant_rows={"column": "type", "equals": "child"},
    fields={
        "sku": {"column": "code", "transforms": [{"item": {"by": "-", "at": 0}}]},
        "name": "title",
        "price": {"column": "price", "optional": True},
        "currency": {"value": "EUR"},
    },
    attributes={"material": "material"},
    variants={"sku": "code", "price": "price", "stock": "left"},
    options={"size": {"column": "extra", "part": "size"}},
)


def shirt(code: str, kind: str, **more: str) -> dict[str, str]:
    return {
        "code": code,
        "type": kind,
        "title": "",
        "price": "",
        "material": "",
        "left": "",
        "extra": "",
    } | more


def test_variants_are_gathered_under_their_product(db: sa.Engine) -> None:
    rows = [
        shirt("T1-S", "child", price="9", left="2", extra="fit=slim,size=S"),
        shirt("T1", "parent", title="Tee", material="cotton"),
        shirt("T1-M", "child", price="9", left="5", extra="size=M"),
    ]
    report = import_rows(db, "products", rows, SHIRTS, source="s")
    assert (report.read, report.added, report.rejected_count) == (3, 1, 0)
    found = Shop(db).product("t1-m")
    assert found is not None
    assert (found.name, found.attributes, found.price, found.stock) == (
        "Tee",
        {"material": "cotton"},
        Decimal("9.00"),
        7,
    )
    assert [(v.sku, v.options, v.stock) for v in found.variants] == [
        ("T1-S", {"size": "S"}, 2),
        ("T1-M", {"size": "M"}, 5),
    ]


def test_variants_without_their_product_are_rejected(db: sa.Engine) -> None:
    rows = [shirt("T2-S", "child", price="9", left="2"), shirt("T2-M", "child", price="9", left="2")]
    report = import_rows(db, "products", rows, SHIRTS, source="s")
    assert (report.added, report.rejected_count) == (0, 1)
    assert report.skipped == {"another row of the same record was rejected": 1}
    assert "a row with the fields of the product itself" in str(report.rejected[0])


def test_a_bad_variant_is_left_out_and_counted(db: sa.Engine) -> None:
    rows = [
        shirt("T1", "parent", title="Tee"),
        shirt("T1-S", "child", price="9", left="many"),
        shirt("T1-M", "child", price="9", left="1"),
    ]
    report = import_rows(db, "products", rows, SHIRTS, source="s")
    assert (report.added, report.rejected_count, report.rejected[0].line) == (1, 1, 2)
    assert [v.sku for v in Shop(db).all_products()[0].variants] == ["T1-M"]


def test_a_variant_belongs_to_one_product(db: sa.Engine) -> None:
    rows = [product("A", variants=[{"sku": "V"}]), product("B", variants=[{"sku": "v"}])]
    report = import_rows(db, "products", rows, source="s")
    assert (report.added, report.rejected_count) == (1, 1)
    assert "each variant once (v belongs to a too)" in str(report.rejected[0])
    with pytest.raises(InputError, match="the variant 'V' belongs to the products 'c' and 'a'"):
        import_rows(db, "products", [product("C", variants=[{"sku": "V"}])], source="t")
    assert [p.sku for p in Shop(db).all_products()] == ["A"]


def test_flat_columns_need_no_mapping(db: sa.Engine, tmp_path: Path) -> None:
    columns = "sku,name,price,currency,attributes.material,variant_sku,variant_stock,options.size"
    lines = [columns, "T1,Tee,9,EUR,cotton,T1-S,2,S", "T1,Tee,9,EUR,cotton,T1-M,0,M", "M1,Mug,5,EUR,,,,"]
    file = tmp_path / "products.csv"
    file.write_text("\n".join(lines))
    assert import_file(db, "products", file).added == 2
    tee, mug = Shop(db).products(["T1", "M1"])
    assert [(v.sku, v.options, v.stock) for v in tee.variants] == [
        ("T1-S", {"size": "S"}, 2),
        ("T1-M", {"size": "M"}, 0),
    ]
    assert (tee.attributes, tee.stock, mug.attributes, mug.variants) == ({"material": "cotton"}, 2, {}, ())


# --- orders and purchases ---------------------------------------------------------------------------------


def line(order: str, sku: str, quantity: str = "1", price: str = "2.50", **more: str) -> dict[str, str]:
    row = {"id": order, "customer_id": "C1", "placed_at": "2025-11-01T12:00:00", "status": "Out for delivery"}
    return row | {"currency": "eur", "sku": sku, "quantity": quantity, "unit_price": price} | more


def test_lines_of_one_flat_table_are_gathered_into_orders(db: sa.Engine, tmp_path: Path) -> None:
    rows = [line("1", "A", "3"), line("2", "B"), line("1", "C", price="0.015", name="Cord")]
    file = write_csv(tmp_path / "orders.csv", [{"name": "", **row} for row in rows])
    assert import_file(db, "orders", file).added == 2
    found = Shop(db).order("C1", "1")
    assert found is not None
    assert (found.status, found.currency, found.subtotal, found.total) == (
        "out_for_delivery",
        "EUR",
        Decimal("7.515"),
        Decimal("7.515"),
    )
    assert [(item.sku, item.name, item.quantity) for item in found.lines] == [("A", "A", 3), ("C", "Cord", 1)]


def test_an_order_with_a_bad_line_is_left_out_whole(db: sa.Engine, tmp_path: Path) -> None:
    rows = [line("1", "A"), line("1", "B", quantity="0"), line("2", "C")]
    report = import_rows(db, "orders", rows, flat_orders(), source="s")
    assert (report.read, report.added, report.rejected_count) == (3, 1, 1)
    assert report.skipped == {"another row of the same order was rejected": 1}
    assert Shop(db).order("C1", "1") is None
    assert report.rejected[0].expected == "a whole number of 1 or more"


def test_an_order_needs_lines_or_a_total(db: sa.Engine) -> None:
    bare = {"id": "1", "placed_at": "2025-01-01", "status": "shipped", "currency": "EUR"}
    report = import_rows(db, "orders", [bare, {**bare, "id": "2", "total": "5"}], source="s")
    assert (report.added, report.rejected_count) == (1, 1)
    assert "lines, or a subtotal or total" in str(report.rejected[0])


def test_an_unknown_state_lists_the_known_ones(db: sa.Engine) -> None:
    report = import_rows(db, "orders", [line("1", "A", status="lost")], flat_orders(), source="s")
    assert "one of pending_payment, processing" in report.rejected[0].expected


def test_times_without_a_zone_are_the_shops(db: sa.Engine) -> None:
    import_rows(db, "orders", [line("1", "A")], flat_orders(timezone="Europe/Berlin"), source="s")
    found = Shop(db).order("C1", "1")
    assert found is not None
    assert found.placed_at == datetime(2025, 11, 1, 11, tzinfo=UTC)


def test_purchases_of_the_same_thing_at_the_same_time_add_up(db: sa.Engine) -> None:
    row = {"customer_id": "C1", "sku": "A", "quantity": 2, "at": "2025-11-01T10:00:00Z", "order_id": "1"}
    rows = [row, {**row, "sku": "a", "quantity": 3}, {**row, "order_id": None}]
    assert counts(import_rows(db, "purchases", rows, source="s")) == (2, 0, 0, 0)
    assert sorted(Shop(db).purchases().quantities.tolist()) == [2, 5]
    assert counts(import_rows(db, "purchases", rows, source="s")) == (0, 0, 2, 0)
