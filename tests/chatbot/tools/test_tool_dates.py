"""Working days, cutoffs and the shop's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.tools.dates import add_working_days, dispatch_day, is_working_day, local_day, parse_cutoff, zone
from configs.errors import ConfigError

DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


def counted(day: date, count: int) -> date:
    """The same, one day at a time."""
    while count or not is_working_day(day):
        day += timedelta(days=1)
        if is_working_day(day) and count:
            count -= 1
    return day


@given(DAYS, st.integers(1, 60))
def test_adding_at_once_is_counting_day_by_day(day: date, count: int) -> None:
    assert add_working_days(day, count) == counted(day, count)


@given(DAYS, st.integers(0, 60), st.integers(0, 60))
def test_is_a_working_day_and_grows_with_the_count(day: date, count: int, more: int) -> None:
    reached = add_working_days(day, count)
    assert is_working_day(reached)
    assert day <= reached <= add_working_days(day, count + more)


@given(DAYS, st.integers(1, 30), st.integers(1, 30))
def test_two_steps_are_one(day: date, first: int, second: int) -> None:
    assert add_working_days(add_working_days(day, first), second) == add_working_days(day, first + second)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)), st.times())
def test_dispatch_is_on_a_working_day_and_never_before_the_order(ordered: datetime, cutoff: time) -> None:
    day = dispatch_day(ordered, cutoff)
    assert is_working_day(day)
    assert ordered.date() <= day <= ordered.date() + timedelta(days=3)


@pytest.mark.parametrize(
    ("ordered", "leaves"),
    [
        ("2026-11-24T13:59", "2026-11-24"),  # Tuesday before the cutoff
        ("2026-11-24T14:00", "2026-11-25"),
        ("2026-11-27T15:00", "2026-11-30"),  # Friday after it
        ("2026-11-28T09:00", "2026-11-30"),  # Saturday
    ],
)
def test_cutoff(ordered: str, leaves: str) -> None:
    assert dispatch_day(datetime.fromisoformat(ordered), time(14)) == date.fromisoformat(leaves)


def test_a_day_is_the_shops_day() -> None:
    berlin = zone("Europe/Berlin")
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert local_day(late, berlin) == date(2026, 11, 25)
    assert local_day(late.replace(tzinfo=None), berlin) == date(2026, 11, 25), "without a zone it is UTC"
    assert local_day(date(2026, 11, 24), berlin) == date(2026, 11, 24)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc"])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=r"no time zone.*shop\.timezone"):
        zone(name)


def test_a_cutoff_is_a_time_of_day() -> None:
    assert parse_cutoff("14:30") == time(14, 30)
    with pytest.raises(ConfigError, match=r"express_cutoff has '2 pm'.*14:00"):
        parse_cutoff("2 pm")
