"""Imports make the database agree with a file: completely, incrementally and in one transaction."""

from __future__ import annotations

import json
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
from chatbot.importers import import_file, import_rows
from chatbot.importers.write import Staging
from chatbot.shop import Shop
from configs.errors import ConfigError, InputError, RowError

from .tables import counts, flat_orders, mapping, product, write_csv

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
        import_rows(db, "products", [product("A")], flat_orders(), source="s")
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
