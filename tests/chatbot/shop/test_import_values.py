"""Reading cells: amounts, numbers, times, identifiers, and the named transforms."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.importers import fields
from chatbot.importers.kinds import LINE
from chatbot.importers.transforms import UnreadableError, build, sentence_case, strip_html
from configs.errors import ConfigError


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("49.9", "49.90"),
        ("1,234.50", "1234.50"),
        ("$1,234,567", "1234567.00"),
        ("12.00 €", "12.00"),
        ("EUR 12", "12.00"),
        ("12 EUR", "12.00"),
        ("-3.5", "-3.50"),
        ("0.001", "0.001"),
        (2.55, "2.55"),
        (7, "7.00"),
    ],
)
def test_amounts(cell: Any, amount: str) -> None:
    assert str(fields.money(cell)) == amount


@pytest.mark.parametrize(
    "cell",
    [
        "cheap",
        "1.234,50",
        "12,5",
        "(5.00)",
        "5.00-",
        "0.00001",
        "1e12",
        "1e999999",
        "NaN",
        "inf",
        "--1",
        "1 2",
    ],
)
def test_what_is_no_amount(cell: str) -> None:
    with pytest.raises(UnreadableError):
        fields.money(cell)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_any_written_amount_is_read_exactly(amount: Decimal) -> None:
    assert fields.money(str(amount)) == amount
    assert fields.money(f"{amount:,f}") == amount


@given(st.integers(min_value=0, max_value=10**8))
def test_cents_survive_floating_point(cents: int) -> None:
    assert fields.money(cents / 100) == Decimal(cents) / 100


def test_a_price_is_not_negative() -> None:
    with pytest.raises(UnreadableError, match="0 or more"):
        fields.price("-1")


@pytest.mark.parametrize("cell", [None, "", "  ", math.nan])
def test_empty_cells_have_no_value(cell: Any) -> None:
    parsers = [fields.text, fields.money, fields.whole(0), fields.yes_or_no, fields.currency, fields.status]
    parsers += [fields.time(), fields.names_to_text, fields.children(LINE), fields.identifier]
    assert [parse(cell) for parse in parsers] == [None] * len(parsers)


@pytest.mark.parametrize(("cell", "number"), [("5", 5), ("5.0", 5), (5.0, 5), (0, 0)])
def test_whole_numbers(cell: Any, number: int) -> None:
    assert fields.whole(0)(cell) == number


@pytest.mark.parametrize("cell", ["5.5", "-1", "many", "1e999999", str(2**31), "NaN"])
def test_what_is_no_whole_number(cell: str) -> None:
    with pytest.raises(UnreadableError, match="a whole number of 0 or more"):
        fields.whole(0)(cell)


@pytest.mark.parametrize(
    ("cell", "zone", "written", "moment"),
    [
        ("2025-06-01T12:00:00Z", "UTC", None, datetime(2025, 6, 1, 12, tzinfo=UTC)),
        ("2025-06-01T12:00:00+02:00", "Asia/Tokyo", None, datetime(2025, 6, 1, 10, tzinfo=UTC)),
        ("2025-06-01 12:00", "Europe/Berlin", None, datetime(2025, 6, 1, 10, tzinfo=UTC)),
        ("2025-12-01 12:00", "Europe/Berlin", None, datetime(2025, 12, 1, 11, tzinfo=UTC)),
        ("6/1/2025 8:26", "UTC", "%m/%d/%Y %H:%M", datetime(2025, 6, 1, 8, 26, tzinfo=UTC)),
        (datetime(2025, 6, 1, 12), "Europe/London", None, datetime(2025, 6, 1, 11, tzinfo=UTC)),
        (date(2025, 6, 1), "UTC", None, datetime(2025, 6, 1, tzinfo=UTC)),
    ],
)
def test_times(cell: Any, zone: str, written: str | None, moment: datetime) -> None:
    read = fields.time(zone, written)(cell)
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize("cell", ["yesterday", "2025-13-01", "0001-01-01T00:00:00"])
def test_what_is_no_time(cell: str) -> None:
    with pytest.raises(UnreadableError, match="a time such as"):
        fields.time("Asia/Tokyo")(cell)


def test_a_wrong_format_is_shown() -> None:
    with pytest.raises(UnreadableError, match=r"a time written as %d\.%m\.%Y"):
        fields.time(written="%d.%m.%Y")("2025-06-01")


@pytest.mark.parametrize(
    ("parse", "cell", "value"),
    [
        (fields.text, 17850.0, "17850"),
        (fields.text, 2.5, "2.5"),
        (fields.text, " a\0b ", "a\ufffdb"),
        (fields.yes_or_no, "Yes", True),
        (fields.yes_or_no, 0, False),
        (fields.currency, "gbp", "GBP"),
        (fields.country, "de", "DE"),
        (fields.country, "Channel Islands", "Channel Islands"),
        (fields.region, "*", None),
        (fields.status, "Out for delivery", "out_for_delivery"),
        (fields.names_to_text, '{"a": 1, "b": null, "c": true}', {"a": "1", "c": "yes"}),
    ],
)
def test_other_values(parse: Any, cell: Any, value: Any) -> None:
    assert parse(cell) == value


@pytest.mark.parametrize(
    ("parse", "cell"),
    [
        (fields.text, ["a"]),
        (fields.identifier, "x" * 201),
        (fields.identifier, "ß" * 150),  # folds to 300 letters
        (fields.yes_or_no, "maybe"),
        (fields.currency, "euros"),
        (fields.names_to_text, "[1]"),
        (fields.names_to_text, "{"),
        (fields.children(LINE), '[{"sku": "A"}]'),
        (fields.children(LINE), '[{"sku": "A", "unit_price": "x"}]'),
        (fields.children(LINE), "[1]"),
    ],
)
def test_other_values_that_cannot_be_read(parse: Any, cell: Any) -> None:
    with pytest.raises(UnreadableError):
        parse(cell)


# --- transforms -------------------------------------------------------------------------------------------


def test_html_becomes_lines_of_text() -> None:
    html = (
        "<p>Soft &amp; warm,<br>for <b>cold</b> days.</p>\n<ul><li> Two   pockets<li>Wash at 30&deg;</ul>"
        "<script>alert(1)</script><style>p {}</style>"
    )
    assert strip_html(html) == "Soft & warm,\nfor cold days.\nTwo pockets\nWash at 30°"


def test_what_only_looks_like_a_section_is_a_comment() -> None:
    assert strip_html("soft<![0 wool> and <![A: b>warm") == "soft and warm"
    assert strip_html("never closed <![0") == "never closed <![0"


@given(st.text(max_size=60))
def test_stripping_html_never_fails_and_leaves_no_empty_lines(text: str) -> None:
    stripped = strip_html(text)
    assert all(line.strip() for line in stripped.split("\n") if stripped)


@pytest.mark.parametrize(
    ("shouted", "said"),
    [
        ("RED  MUG", "Red mug"),
        ("3 DRAWER CABINET", "3 Drawer cabinet"),
        ("Gift Voucher £10", "Gift Voucher £10"),
        ("", ""),
        ("123", "123"),
    ],
)
def test_sentence_case(shouted: str, said: str) -> None:
    assert sentence_case(shouted) == said


@pytest.mark.parametrize(
    ("step", "text", "result"),
    [
        ("upper", "a1", "A1"),
        ("lower", "A1", "a1"),
        ("absolute", "-3", "3"),
        ("decimal_comma", "1.234,50", "1234.50"),
        ("slug", "Buy 3 & save!", "buy-3-save"),
        ({"list": "|"}, "a| |b", "a, b"),
        ({"list": "|"}, "|", None),
        ({"item": {"by": "/", "at": -1}}, "a/b/c", "c"),
        ({"item": {"by": "/", "at": 5}}, "a/b/c", None),
        ({"remove": "-[a-z]+$"}, "X-1-red", "X-1"),
        ({"map": {"EIRE": "IE", "Unspecified": None, "1": "one"}}, "EIRE", "IE"),
        ({"map": {"EIRE": "IE", "Unspecified": None}}, "Unspecified", None),
        ({"map": {"EIRE": "IE"}}, "France", "France"),
    ],
)
def test_transforms(step: Any, text: str, result: str | None) -> None:
    assert build(step)(text) == result


@pytest.mark.parametrize(
    "step",
    [
        "uper",
        {"item": {"by": "/"}},
        {"remove": "("},
        {"map": "x"},
        {"map": {False: "NO"}},
        {"upper": 1},
        {"list": "a", "remove": "b"},
    ],
)
def test_wrong_transforms_are_refused(step: Any) -> None:
    with pytest.raises(ConfigError, match="transform"):
        build(step)


def test_absolute_needs_a_number() -> None:
    with pytest.raises(UnreadableError):
        build("absolute")("many")
