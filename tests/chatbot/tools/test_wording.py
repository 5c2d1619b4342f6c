"""Money, days, lists and names as people say them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.tools.wording import Words, vocabulary, words_for

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 11, 0, tzinfo=BERLIN)
EN = words_for("en", NOW, BERLIN, "EUR")
ZH = words_for("zh-CN", NOW, BERLIN, "EUR")
AMOUNTS = st.decimals(min_value=0, max_value=10**7, places=2)


@pytest.mark.parametrize(
    ("amount", "currency", "english", "chinese"),
    [
        ("49", None, "49.00 EUR", "49.00欧元"),
        ("1234.5", "USD", "1,234.50 USD", "1,234.50美元"),
        ("1200", "JPY", "1,200 JPY", "1,200日元"),
        ("0.425", "GBP", "0.425 GBP", "0.425英镑"),
        ("7", "XYZ", "7.00 XYZ", "7.00 XYZ"),
        ("100", "EUR", "100.00 EUR", "100.00欧元"),
    ],
)
def test_money(amount: str, currency: str | None, english: str, chinese: str) -> None:
    assert EN.money(Decimal(amount), currency) == english
    assert ZH.money(Decimal(amount), currency) == chinese


@given(
    AMOUNTS | st.decimals(min_value=0, max_value=1000, places=4),
    st.sampled_from(["EUR", "JPY", "KWD", "XYZ"]),
)
def test_no_digit_of_money_is_lost(amount: Decimal, currency: str) -> None:
    for words in (EN, ZH):
        said = re.match(r"[\d.,]+", words.money(amount, currency))
        assert said
        assert Decimal(said.group().replace(",", "")) == amount


@given(AMOUNTS, AMOUNTS)
def test_a_range_of_one_price_is_that_price(low: Decimal, high: Decimal) -> None:
    said = EN.money_range(low, high)
    assert said == (EN.money(low) if low == high else f"{EN.money(low)} to {EN.money(high)}")


@pytest.mark.parametrize(
    ("day", "english", "chinese"),
    [
        (date(2026, 11, 24), "today (Tuesday 24 November)", "今天（11月24日）"),
        (date(2026, 11, 25), "tomorrow (Wednesday 25 November)", "明天（11月25日）"),
        (date(2026, 11, 23), "yesterday (Monday 23 November)", "昨天（11月23日）"),
        (date(2026, 12, 1), "on Tuesday 1 December", "12月1日"),
        (date(2027, 1, 2), "on Saturday 2 January 2027", "2027年1月2日"),
    ],
)
def test_days(day: date, english: str, chinese: str) -> None:
    assert EN.on_day(day) == english
    assert ZH.on_day(day) == chinese


@given(st.dates(date(2000, 1, 1), date(2050, 1, 1)))
def test_a_day_can_be_read_back(day: date) -> None:
    said = EN.day(day) if day.year != NOW.year else f"{EN.day(day)} {day.year}"
    assert datetime.strptime(said, "%A %d %B %Y").date() == day


def test_a_window_of_one_day_is_a_day() -> None:
    day = date(2026, 12, 1)
    assert EN.between(day, day) == "on Tuesday 1 December"
    assert EN.between(day, day + timedelta(days=1)) == "between Tuesday 1 December and Wednesday 2 December"
    assert ZH.between(day, day + timedelta(days=1)) == "12月1日至12月2日之间"


@pytest.mark.parametrize(("items", "english", "chinese"), [([], "", ""), (["a"], "a", "a"), (["a", "b"], "a and b", "a和b"), (["a", "b", "c"], "a, b and c", "a、b和c")])  # fmt: skip
def test_lists(items: list[str], english: str, chinese: str) -> None:
    assert EN.listing(items) == english
    assert ZH.listing(items) == chinese


def test_counts() -> None:
    assert [EN.count("piece", n) for n in (0, 1, 2)] == ["0 pieces", "1 piece", "2 pieces"]
    assert ZH.count("working_day", 1) == "1个工作日"
    assert EN.working_days(2, 3) == "2-3 working days"
    assert EN.working_days(1, 1) == "1 working day"


@pytest.mark.parametrize("words", [EN, ZH])
def test_what_is_not_known_is_shown_as_the_shop_has_it(words: Words) -> None:
    assert words.state("on_hold") == "on hold"
    assert words.method("drone_drop") == "drone drop"
    assert words.option("thread_count") == "thread count"
    assert words.value("chartreuse") == "chartreuse"
    assert words.name("Oak board", "") == "Oak board"


def test_chinese_names() -> None:
    assert ZH.name("Oak board", "橡木砧板") == "橡木砧板"
    assert EN.name("Oak board", "橡木砧板") == "Oak board"
    assert (ZH.option("colour"), ZH.value("Red"), ZH.method("express")) == ("颜色", "红色", "特快配送")
    assert ZH.country("de") == "德国"
    assert EN.country("NL") == "the Netherlands"


def test_support_hours_in_chinese() -> None:
    hours = "Monday to Friday 9:00-18:00, Saturday 10:00-14:00 (Berlin time)"
    assert EN.hours(hours) == hours
    assert ZH.hours(hours) == "周一至周五 9:00-18:00，周六 10:00-14:00（柏林时间）"


def test_properties_read_as_sentences() -> None:
    assert EN.property("dishwasher_safe", True) == "is dishwasher safe"
    assert EN.property("lead_free", False) == "is not lead free"
    assert ZH.property("dishwasher_safe", False) == "不可以用洗碗机清洗"
    assert EN.property("induction", True) is None
    assert ZH.property("lead_free", True) is None


def test_the_vocabulary_is_of_texts() -> None:
    table = vocabulary()
    for section in ("options", "values", "asked_as", "properties"):
        for key, words in table[section].items():
            assert isinstance(key, str), f"{section}: YAML reads {key!r} as no text"
            assert words, key
            assert all(isinstance(word, str) for word in words), key
    assert all(len(words) == 2 for words in table["properties"].values())
