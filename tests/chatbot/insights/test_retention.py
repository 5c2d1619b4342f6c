"""Who came back: counted by hand, and against a slow count of the same; and the drawing of it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.insights.history import BuyingDays
from chatbot.insights.plot import shade, svg
from chatbot.insights.retention import Share, retention, wilson
from configs.errors import InputError


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def bought(**days: str) -> BuyingDays:
    pairs = [(who, day(one)) for who, text in days.items() for one in text.split()]
    return BuyingDays.of([who for who, _ in pairs], [one for _, one in pairs])


SHOP = bought(
    ann="2026-01-05 2026-01-05 2026-02-04",  # the 30th day after the first
    bob="2026-01-31 2026-03-03",  # the 31st
    cat="2026-01-20",
    dan="2026-02-10 2026-02-11 2026-03-12",
    eve="2026-03-01",
)


def shares(found: tuple[Share | None, ...]) -> list[tuple[int, int] | None]:
    return [None if share is None else (share.back, share.customers) for share in found]


def test_each_customer_is_counted_from_their_own_first_day_and_cells_wait_for_the_whole_month() -> None:
    found = retention(SHOP, day("2026-04-10"), 30)
    assert [(cohort.month, cohort.customers) for cohort in found.cohorts] == [
        ("2026-01", 3), ("2026-02", 1), ("2026-03", 1),
    ]  # fmt: skip
    assert shares(found.cohorts[0].periods) == [(1, 3), (1, 3)]
    assert shares(found.cohorts[1].periods) == [(1, 1), None]
    assert shares(found.cohorts[2].periods) == [None, None]
    assert shares(found.overall) == [(2, 4), (1, 3)]


def test_a_period_that_is_not_over_is_blank_until_its_day() -> None:
    # Whoever comes on 31 January has their 30th day on 2 March, which is over on the 3rd.
    assert shares(retention(SHOP, day("2026-03-02"), 30).overall) == []
    assert shares(retention(SHOP, day("2026-03-03"), 30).overall) == [(1, 3)]


def test_orders_of_tomorrow_are_not_known_today() -> None:
    assert [cohort.month for cohort in retention(SHOP, day("2026-02-11"), 7).cohorts] == [
        "2026-01",
        "2026-02",
    ]


def test_a_shop_without_orders_has_no_table() -> None:
    empty = retention(BuyingDays.of([], []), day("2026-01-01"), 30)
    assert (empty.cohorts, empty.overall) == ((), ())


@pytest.mark.parametrize("period", [0, -1, 4000])
def test_a_period_that_cannot_be_is_refused(period: int) -> None:
    with pytest.raises(InputError, match="from 1 to 3650"):
        retention(SHOP, day("2026-04-10"), period)


orders = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 400)), min_size=1, max_size=60)


@given(orders, st.integers(350, 500), st.integers(1, 200))
def test_a_slow_count_says_the_same(pairs: list[tuple[str, int]], today: int, period: int) -> None:
    start = day("2025-01-01")
    days = BuyingDays.of([who for who, _ in pairs], [start + one for _, one in pairs])
    found = retention(days, start + today, period)
    known: dict[str, set[int]] = {}
    for who, one in pairs:
        if one <= today:
            known.setdefault(who, set()).add(start + one)
    for cohort in found.cohorts:
        members = [d for d in known.values() if month_of(min(d)) == cohort.month]
        assert cohort.customers == len(members)
        for number, share in enumerate(cohort.periods):
            low, high = number * period, (number + 1) * period
            if share is not None:
                assert share.back == sum(any(low < d - min(one) <= high for d in one) for one in members)
                # Nobody of the month still has a day of this period before them.
                assert all(min(one) + high < start + today for one in members)


def month_of(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).strftime("%Y-%m")


# --- intervals ----------------------------------------------------------------------------------------------


def test_wilson_by_hand() -> None:
    """(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), worked out for 8 of 10 and for none of 10."""
    assert (wilson(8, 10).low, wilson(8, 10).high) == (0.4902, 0.9433)
    assert (wilson(0, 10).low, wilson(0, 10).high) == (0.0, 0.2775)
    assert wilson(10, 10).high == 1.0


@given(st.integers(1, 5000), st.data())
def test_the_interval_holds_the_share_and_narrows(customers: int, data: st.DataObject) -> None:
    back = data.draw(st.integers(0, customers))
    told, more = wilson(back, customers), wilson(back * 4, customers * 4)
    assert 0 <= told.low <= told.share <= told.high <= 1
    assert more.high - more.low <= told.high - told.low


# --- the drawing --------------------------------------------------------------------------------------------


def test_the_drawing_is_one_svg_with_every_figure_and_nothing_from_elsewhere() -> None:
    found = retention(SHOP, day("2026-04-10"), 30)
    drawn = svg(found, "Tea & <b>Time</b>")
    root = ElementTree.fromstring(drawn)
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("33%") == 3  # two cells of January, and its second period again in the last row
    assert {"100%", "50%", "1–30", "31–60", "2026-01"} <= set(texts)
    assert "Who comes back to Tea & <b>Time</b>" in texts
    blanks = [rect for rect in root.iter("{http://www.w3.org/2000/svg}rect") if rect.get("class") == "blank"]
    assert len(blanks) == 3
    assert "prefers-color-scheme: dark" in drawn
    assert not re.search(r"href|url\(|@import|<script|<image", drawn)


def test_a_table_of_nothing_yet_can_be_drawn() -> None:
    assert "No period of 30 days is over yet." in svg(retention(SHOP, day("2026-02-11"), 30), "Shop")


@given(st.floats(0, 1), st.floats(0.1, 1))
def test_letters_stand_out_from_every_shade(share: float, full: float) -> None:
    """WCAG 2.2: 4.5 to 1 at the least."""
    colours = shade(share, full)
    pale, deep = sorted((luminance(colours.fill), luminance(colours.ink)), reverse=True)
    assert (pale + 0.05) / (deep + 0.05) >= 4.5


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
