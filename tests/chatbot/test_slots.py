from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot import asks, slots

PATTERN = r"LL-\d{6}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where is LL-100234?", ["LL-100234"]),
        ("where is ll 100234 and order 100235", ["LL-100234", "LL-100235"]),
        ("my number is #100234", ["LL-100234"]),
        ("call me at 03055501234", []),
        ("I paid 1002345 euros", []),
        ("XLL-100234 or LL-1002345", []),
        ("LL-100234 LL-100234", ["LL-100234"]),
    ],
)
def test_order_numbers(text: str, expected: list[str]) -> None:
    assert slots.order_numbers(text, PATTERN) == expected


def test_other_order_patterns() -> None:
    assert slots.order_numbers("what about C536379 or 536365", r"C?\d{6}") == ["C536379", "536365"]


def test_options_need_a_reason_to_be_a_size() -> None:
    vocabulary = {"colour": ["blue", "dark blue"], "size": ["M", "L", "140 x 200 cm"]}
    assert slots.options("the dark blue one in size M", vocabulary) == {"colour": "dark blue", "size": "M"}
    assert slots.options("I'm looking for a blue towel", vocabulary) == {"colour": "blue"}
    assert slots.options("in 140 x 200 cm please", vocabulary) == {"size": "140 x 200 cm"}


def test_an_option_that_no_tool_takes_is_no_slot() -> None:
    vocabulary = {"count": ["30"], "category": ["skin care"], "without": ["sugar"], "sku": ["capsules"], "colour": ["blue"]}  # fmt: skip
    text = "30 blue capsules without sugar for skin care"
    assert slots.slot_values(text, order_pattern=PATTERN, vocabulary=vocabulary) == {"colour": "blue"}


@pytest.mark.parametrize(
    "text",
    [
        "I want to speak to a human",
        "Human please",
        "connect me with an agent",
        "转人工",
        "Can somebody... I need a real person",
    ],
)
def test_asks_for_person(text: str) -> None:
    assert asks.asks_for_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "Are you a human?",
        "I don't want to talk to an agent",
        "a gift for a person who cooks",
        "is this a real person",
    ],
)
def test_does_not_ask_for_person(text: str) -> None:
    assert not asks.asks_for_person(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "Do you ship to Spain, and how long can I return things?",
            ["Do you ship to Spain", "how long can I return things?"],
        ),
        ("I bought a lamp. Can I return it?", ["I bought a lamp. Can I return it?"]),
        ("How much is it and is it in stock?", ["How much is it", "is it in stock?"]),
        ("Where is my order? Can I pay by invoice?", ["Where is my order?", "Can I pay by invoice?"]),
        ("运费多少？可以退货吗？", ["运费多少？", "可以退货吗？"]),
        ("运费多少?可以退货吗?", ["运费多少?", "可以退货吗?"]),  # as it is after normalising
        ("hello", ["hello"]),
    ],
)
def test_questions(text: str, parts: list[str]) -> None:
    assert slots.questions(text) == parts


@given(st.text())
def test_questions_never_lose_everything(text: str) -> None:
    parts = slots.questions(text)
    assert parts
    assert len(parts) <= 3


@pytest.mark.parametrize(
    ("text", "index"),
    [("the second one", 1), ("how much is the last one", -1), ("第一个多少钱", 0), ("two seconds", None)],
)
def test_ordinal(text: str, index: int | None) -> None:
    assert slots.ordinal(text) == index


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("how much is it", "price"),
        ("how much does it weigh", None),
        ("is it in stock", "stock"),
        ("which colours are there", "variants"),
        ("多少钱", "price"),
        ("is it vegan", None),
    ],
)
def test_aspect(text: str, aspect: str | None) -> None:
    assert slots.aspect(text) == aspect


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("I need a tent for four people", False),
        ("a present for my boss", False),
        ("connect me with an employee", True),
        ("please call a colleague", True),
        ("can I speak to your boss", True),
        ("are you a real person?", False),
    ],
)
def test_a_person_is_asked_for_or_only_named(text: str, wanted: bool) -> None:
    assert asks.asks_for_person(text) is wanted


@pytest.mark.parametrize(
    ("text", "goods"),
    [
        ("can living plants be sent to the United Kingdom", True),
        ("are knives allowed to be sent to Ireland", True),
        ("do you ship candles to China?", True),
        ("who pays import tax in Switzerland", True),
        ("can my parcel be sent to Ireland", False),
        ("do you deliver to Poland?", False),
        ("how much is it to ship a sofa to Italy", False),
    ],
)
def test_goods_that_are_sent(text: str, goods: bool) -> None:
    assert asks.delivers_goods(text) is goods


@pytest.mark.parametrize(
    ("text", "suggestions", "thing"),
    [
        ("what would you recommend?", True, False),
        ("recommend a tent for two people", False, True),
        ("what is popular right now", True, False),
        ("有什么推荐", True, False),
        ("推荐一部电影", False, True),
    ],
)
def test_suggestions_of_something_or_of_anything(text: str, suggestions: bool, thing: bool) -> None:
    assert asks.asks_suggestions(text) is suggestions
    assert asks.names_a_thing(text) is thing


@pytest.mark.parametrize(
    ("text", "business"),
    [
        ("How much do you pay your supplier for the knife?", True),
        ("how many of these lamps did you sell last year", True),
        ("你们的利润是多少", True),
        ("how many kettles do you have", False),
    ],
)
def test_the_shops_own_business(text: str, business: bool) -> None:
    assert asks.asks_about_business(text) is business


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("2fa possible?", "two-step sign-in possible?"),
        ("can u send it w/o the box", "can you send it without the box"),
        ("https://u/ is not u", "https://u/ is not you"),
    ],
)
def test_shorthand_is_written_out(text: str, core: str) -> None:
    assert slots.core(text) == core


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("a gift for a coffee lover", "a coffee"),
        ("gift cards", "gift cards"),
        ("a present for someone who loves cooking", "someone cooking"),
    ],
)
def test_a_wish_without_whom_it_is_for(text: str, wish: str) -> None:
    assert slots.without_occasion(text) == wish


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("What should I buy again?", True),
        ("which things do I need to order again", True),
        ("show me my usuals", True),
        ("what do I usually buy here?", True),
        ("What am I running low on?", True),
        ("我经常买什么？", True),
        ("Can I order again after cancelling?", False),
        ("I want to order a lamp", False),
        ("Is it in stock again?", False),
        ("Where is my usual parcel?", False),
        ("我买的东西在哪里？", False),
    ],
)
def test_wishes_for_what_is_bought_again(text: str, again: bool) -> None:
    assert asks.asks_again(text) is again
