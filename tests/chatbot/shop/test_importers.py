"""Imports make the database agree with a file: completely, incrementally and in one transaction."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot import shop_tables as t
from chatbot.db import connect, writing
from chatbot.importers import Report, import_file, import_rows
from chatbot.importers.mapping import TableMapping, parse_mapping
from chatbot.importers.write import Staging
from chatbot.shop import Shop
from configs.errors import ConfigError, InputError, RowError


def mapping(**keys: Any) -> TableMapping:
    return parse_mapping(keys, "test")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.removed


def product(sku: str, price: str = "1.00", **more: Any) -> dict[str, Any]:
    return {"sku": sku, "name": f"Article {sku}", "price": price, "currency": "EUR", **more}


# --- agreement --------------------------------------------------------------------------------------------


def test_only_differences_are_written(db: sa.Engine, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "products.csv", [product("A"), product("B"), product("C")])
    assert counts(import_file(db, "products", file)) == (3, 0, 0, 0)
    assert counts(import_file(db, "products", file)) == (0, 0, 3, 0)
    write_csv(file, [product("A"), product("B", "2.00"), product("D")])
    assert counts(import_file(db, "products", file)) == (1, 1, 1, 1)
    assert [(p.sku, p.price) for p in Shop(db).all_products()] == [
        ("A", Decimal("1.00")),
        ("B", Decimal("2.00")),
        ("D", Decimal("1.00")),
    ]


_catalogue = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "e"]),
    st.tuples(st.integers(0, 3), st.lists(st.integers(0, 2), max_size=3)),
    max_size=5,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(versions=st.lists(_catalogue.filter(bool), min_size=1, max_size=4))
def test_after_any_imports_the_database_holds_the_last_file(
    sqlite_db: sa.Engine, versions: list[dict[str, tuple[int, list[int]]]]
) -> None:
    with writing(sqlite_db) as connection:
        connection.execute(t.products.delete())
    before: dict[str, Any] = {}
    for version in versions:
        rows = [
            product(
                sku, str(price), variants=[{"sku": f"{sku}-{n}", "stock": s} for n, s in enumerate(stocks)]
            )
            for sku, (price, stocks) in version.items()
        ]
        report = import_rows(sqlite_db, "products", rows, source="s")
        same = sum(before.get(sku) == content for sku, content in version.items())
        known = version.keys() & before.keys()
        assert counts(report) == (
            len(version) - len(known),
            len(known) - same,
            same,
            len(before.keys() - version.keys()),
        )
        held: dict[str, Any] = {
            p.sku: (p.price, [variant.stock for variant in p.variants])
            for p in Shop(sqlite_db).all_products()
        }
        assert held == version
        before = version


def test_deletions_are_followed_within_a_source_only(db: sa.Engine, tmp_path: Path) -> None:
    first = write_csv(tmp_path / "first.csv", [product("A"), product("B")])
    second = write_csv(tmp_path / "second.csv", [product("X")])
    import_file(db, "products", first)
    assert counts(import_file(db, "products", second)) == (1, 0, 0, 0)
    write_csv(first, [product("A")])
    assert counts(import_file(db, "products", first)) == (0, 0, 1, 1)
    assert [p.sku for p in Shop(db).all_products()] == ["A", "X"]


def test_a_part_of_a_table_can_be_imported_without_removing(db: sa.Engine, tmp_path: Path) -> None:
    import_rows(db, "products", [product("A"), product("B")], source="s")
    assert counts(import_rows(db, "products", [product("B", "9")], source="s", prune=False)) == (0, 1, 0, 0)
    assert [p.sku for p in Shop(db).all_products()] == ["A", "B"]


def test_a_record_that_moves_to_another_source_is_told(db: sa.Engine) -> None:
    import_rows(db, "products", [product("A"), product("B")], source="old")
    report = import_rows(db, "products", [product("a")], source="new")
    assert counts(report) == (0, 1, 0, 0)
    assert report.notes == ("1 records came from another source before; now they are 'new'",)
    assert counts(import_rows(db, "products", [product("B")], source="old")) == (0, 0, 1, 0)


def test_a_file_without_usable_rows_removes_nothing(db: sa.Engine, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "products.csv", [product("A")])
    import_file(db, "products", file)
    file.write_text("sku,name,price,currency\n")
    with pytest.raises(InputError, match=r"would remove all 1 products of source 'products\.csv'"):
        import_file(db, "products", file)
    assert Shop(db).product_count() == 1


# --- rows that cannot be used -----------------------------------------------------------------------------


def test_a_bad_row_is_told_with_its_place_and_the_others_are_imported(db: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(
        'sku,name,price,currency\nA,"two\nlines",1.00,EUR\nB,Bowl,cheap,EUR\n\n,Nameless,1,EUR\nC,Cup,3,EUR\n'
    )
    report = import_file(db, "products", file)
    assert (report.read, report.added, report.rejected_count) == (4, 2, 2)
    first, second = report.rejected
    assert (first.file, first.line, first.column, first.value) == ("products.csv", 4, "price", "cheap")
    assert str(first) == (
        "products.csv:4: column 'price' has 'cheap'. "
        "Expected: an amount such as 1234.50 (for 1.234,50 add the transform decimal_comma)."
    )
    assert (second.line, second.column, second.expected) == (6, "sku", "a value for sku")


@pytest.mark.parametrize("kind", ["products", "rates"])
def test_strict_changes_nothing(db: sa.Engine, kind: Any) -> None:
    good = {**product("A"), "country": "DE", "min_subtotal": "0"}
    import_rows(db, kind, [good], source="s")
    before = _everything(db)
    bad = [{**good, "price": "5", "name": "Other"}, {**good, "sku": "B", "country": "AT", "price": "?"}]
    with pytest.raises(RowError, match=r"s:2: column 'price' has '\?'"):
        import_rows(db, kind, bad, source="s", strict=True)
    assert _everything(db) == before


def _everything(db: sa.Engine) -> list[Any]:
    with db.connect() as connection:
        return [connection.execute(sa.select(table)).all() for table in (t.products, t.variants, t.rates)]


def test_an_import_that_breaks_off_changes_nothing(db: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    import_rows(db, "products", [product("A")], source="s")
    before = _everything(db)
    replace = Staging._replace

    def half(self: Staging, unchanged: sa.Exists) -> None:
        replace(self, unchanged)
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(Staging, "_replace", half)
    with pytest.raises(RuntimeError):
        import_rows(db, "products", [product("A", "2"), product("B")], source="s")
    assert _everything(db) == before
    monkeypatch.undo()
    assert counts(import_rows(db, "products", [product("B")], source="s")) == (1, 0, 0, 1)


def test_what_the_database_has_of_a_bad_row_stays(db: sa.Engine) -> None:
    import_rows(db, "products", [product("A"), product("B"), product("C")], source="s")
    report = import_rows(db, "products", [product("A"), product("B", "cheap")], source="s")
    assert (counts(report), report.rejected_count) == ((0, 0, 1, 1), 1)
    assert [p.sku for p in Shop(db).all_products()] == ["A", "B"]


def test_nothing_is_removed_if_a_bad_row_does_not_show_whose_it_is(db: sa.Engine) -> None:
    import_rows(db, "products", [product("A"), product("B")], source="s")
    report = import_rows(db, "products", [product("A"), product("")], source="s")
    assert (counts(report), report.rejected_count) == ((0, 0, 1, 0), 1)
    assert report.notes == ("nothing was removed, because 1 rejected rows do not show whose record they are",)


def test_all_bad_rows_are_counted_and_a_thousand_are_kept(sqlite_db: sa.Engine) -> None:
    rows = [product(f"{n}", "?") for n in range(1500)]
    report = import_rows(sqlite_db, "products", [*rows, product("A")], source="s")
    assert (report.rejected_count, len(report.rejected), report.added) == (1500, 1000, 1)


def test_the_same_sku_twice_is_an_error_of_the_second(db: sa.Engine) -> None:
    report = import_rows(db, "products", [product("A", "1"), product("a", "2")], source="s")
    assert [p.price for p in Shop(db).all_products()] == [Decimal("1.00")]
    assert str(report.rejected[0]).endswith("Expected: each sku once (line 1 has it too).")
    assert (report.rejected[0].line, report.rejected_count) == (2, 1)


def test_unused_columns_are_told(db: sa.Engine) -> None:
    report = import_rows(db, "products", [product("A", colour="red")], source="s")
    assert report.notes == ("columns that no field is called after were not used: colour",)


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
    report = import_rows(db, "orders", rows, _flat_orders(), source="s")
    assert (report.read, report.added, report.rejected_count) == (3, 1, 1)
    assert report.skipped == {"another row of the same order was rejected": 1}
    assert Shop(db).order("C1", "1") is None
    assert report.rejected[0].expected == "a whole number of 1 or more"


def _flat_orders(**more: Any) -> TableMapping:
    own = ("id", "customer_id", "placed_at", "status", "currency")
    lines = ("sku", "quantity", "unit_price")
    return mapping(
        kind="orders", fields={name: name for name in own}, lines={name: name for name in lines}, **more
    )


def test_an_order_needs_lines_or_a_total(db: sa.Engine) -> None:
    bare = {"id": "1", "placed_at": "2025-01-01", "status": "shipped", "currency": "EUR"}
    report = import_rows(db, "orders", [bare, {**bare, "id": "2", "total": "5"}], source="s")
    assert (report.added, report.rejected_count) == (1, 1)
    assert "lines, or a subtotal or total" in str(report.rejected[0])


def test_an_unknown_state_lists_the_known_ones(db: sa.Engine) -> None:
    report = import_rows(db, "orders", [line("1", "A", status="lost")], _flat_orders(), source="s")
    assert "one of pending_payment, processing" in report.rejected[0].expected


def test_times_without_a_zone_are_the_shops(db: sa.Engine) -> None:
    import_rows(db, "orders", [line("1", "A")], _flat_orders(timezone="Europe/Berlin"), source="s")
    found = Shop(db).order("C1", "1")
    assert found is not None
    assert found.placed_at == datetime(2025, 11, 1, 11, tzinfo=UTC)


def test_purchases_of_the_same_thing_at_the_same_time_add_up(db: sa.Engine) -> None:
    row = {"customer_id": "C1", "sku": "A", "quantity": 2, "at": "2025-11-01T10:00:00Z", "order_id": "1"}
    rows = [row, {**row, "sku": "a", "quantity": 3}, {**row, "order_id": None}]
    assert counts(import_rows(db, "purchases", rows, source="s")) == (2, 0, 0, 0)
    assert sorted(Shop(db).purchases().quantities.tolist()) == [2, 5]
    assert counts(import_rows(db, "purchases", rows, source="s")) == (0, 0, 2, 0)


# --- beside a running server ------------------------------------------------------------------------------


def test_others_can_write_while_an_import_reads(db: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.importers.tables.BATCH", 1)  # each row is staged before the next is read
    monkeypatch.setattr("chatbot.importers.write._ROWS_A_TIME", 1)
    other = connect(db.url.render_as_string(hide_password=False))
    with other.connect() as connection:
        if db.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
    wrote: list[str] = []

    def rows() -> Any:
        for number in range(3):
            yield product(f"P{number}")
            with writing(other) as connection:
                connection.execute(
                    t.seeds.insert().values(name=f"n{number}", fingerprint="f", made_at=datetime.now(UTC))
                )
            wrote.append(f"n{number}")

    assert import_rows(db, "products", rows(), source="s").added == 3
    assert wrote == ["n0", "n1", "n2"]
    other.dispose()


def test_progress_tells_what_is_done(db: sa.Engine) -> None:
    told: list[tuple[str, int]] = []
    rows = [product(f"{n}") for n in range(12)]
    import_rows(db, "products", rows, source="s", progress=lambda stage, done: told.append((stage, done)))
    assert told[-1] == ("writing", 12)
    assert ("reading", 12) in told


# --- what cannot begin ------------------------------------------------------------------------------------


def test_a_missing_column_suggests_the_nearest(db: sa.Engine, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "products.csv", [{"SKU": "A", "Titel": "Cup", "price": "1"}])
    columns = {"sku": "SKU", "name": "Title", "currency": {"value": "EUR"}}
    with pytest.raises(InputError, match=r"products.csv has no column 'Title'.*did you mean 'Titel'\?"):
        import_file(db, "products", file, mapping(kind="products", fields=columns))


def test_a_mapping_for_something_else_is_refused(db: sa.Engine) -> None:
    with pytest.raises(ConfigError, match=r"the mapping is for orders\. Expected: a mapping for products"):
        import_rows(db, "products", [product("A")], _flat_orders(), source="s")
    with pytest.raises(ConfigError, match="pages do not go into the database"):
        import_rows(db, "pages", [], source="s")


def test_a_price_needs_a_currency(db: sa.Engine) -> None:
    bare = [{"sku": "A", "name": "Cup", "price": "1"}]
    assert import_rows(db, "products", bare, source="s").rejected[0].column == "currency"
    assert import_rows(db, "products", bare, source="s", currency="GBP").added == 1
    assert Shop(db).all_products()[0].currency == "GBP"


def test_json_lines_may_nest(db: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "products.jsonl"
    nested = product(
        "A", attributes={"washable": True, "size": 3}, variants=[{"sku": "A-1", "options": {"n": "1"}}]
    )
    broken = product("B", variants=[{"stock": 1}])
    file.write_text(f"{json.dumps(nested)}\n\nnot json\n[1]\n{json.dumps(broken)}\n")
    report = import_file(db, "products", file)
    assert Shop(db).all_products()[0].attributes == {"washable": "yes", "size": "3"}
    assert (report.read, report.added, report.rejected_count) == (4, 1, 3)
    assert [error.line for error in report.rejected] == [3, 4, 5]
    assert "a value for 'sku' in each" in str(report.rejected[2])
