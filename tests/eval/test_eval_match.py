"""What counts as saying a fact."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.match import days, normalise, numbers, says, says_one


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("3.90", "It costs 3.90 EUR."),
        ("3.90", "It costs **3.90** EUR"),
        ("3.90", "Es kostet 3,90 EUR"),
        ("59.00", "59 EUR"),
        ("1000", "up to 1,000 points"),
        ("1,000", "1000 points"),
        ("2-3", "2–3 working days"),
        ("30 days", "within **30   days**."),
        ("30天", "收货后 30 天内"),
        ("euro*", "ten euros"),
        ("LL-120730", "order ll-120730, placed today"),
        ("LL-120730", "- LL-120730，11月17日下单"),
        ("6.90", "运费6.90，12天"),
        ("-4 °c", "comfort temperature −4 °C"),
        ("+49 30 5550 0199", "Call +49 30 5550 0199."),
        ("date:2026-12-06", "until Sunday 6 December"),
        ("date:2026-12-06", "on December 6th, 2026"),
        ("date:2026-12-06", "2026-12-06"),
        ("date:2026-12-06", "06.12.2026"),
        ("date:2026-12-06", "12月6日之前"),
        ("date:2026-12-06", "2026 年 12 月 6 日"),
    ],
)
def test_says(entry: str, text: str) -> None:
    assert says(entry, text)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("3.90", "13.90 EUR"),
        ("3.90", "3.905"),
        ("90", "3.90 EUR"),
        ("30 days", "130 days"),
        ("2-3", "12-3"),
        ("5-8", "5-80"),
        ("no", "not now"),
        ("euro", "euros"),
        ("m", "cm"),
        ("date:2026-12-06", "16 December"),
        ("date:2026-12-06", "6 December 2025"),
        ("date:2026-12-06", "12月16日"),
        ("date:2026-12-06", "6 November"),
    ],
)
def test_does_not_say(entry: str, text: str) -> None:
    assert not says(entry, text)


def test_one_alternative_is_enough() -> None:
    assert says_one(["two years", "24 months"], "for 24 months")
    assert not says_one(["two years", "24 months"], "for a year")


@given(st.decimals(0, 9999, places=2), st.decimals(0, 9999, places=2))
def test_a_price_is_said_by_itself_alone(price: Decimal, other: Decimal) -> None:
    assert says(f"{price:.2f}", f"it costs {price:.2f} EUR now")
    assert says(f"{price:.2f}", f"it costs {other:.2f} EUR now") == (price == other)


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_a_day_is_found_in_every_form(day: date) -> None:
    forms = [
        day.isoformat(), f"{day:%A} {day.day} {day:%B} {day.year}", f"{day:%b} {day.day}, {day.year}",
        f"{day.year}年{day.month}月{day.day}日", f"{day.day:02d}.{day.month:02d}.{day.year}",
    ]  # fmt: skip
    for form in forms:
        assert [found.is_(day) for found in days(normalise(f"on {form} it comes"))] == [True], form


@given(st.text())
def test_normalising_twice_changes_nothing_that_matters(text: str) -> None:
    assert numbers(normalise(text)) == numbers(text)
