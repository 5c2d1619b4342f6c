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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tents under 200 euros", {"max_price": 200}),
        ("something up to €49.90", {"max_price": 49.9}),
        ("between 20 and 40 EUR", {"min_price": 20, "max_price": 40}),
        ("more than 100", {"min_price": 100}),
        ("a pan under 28 cm", {}),
        ("can I return within 30 days", {}),
        ("over 3 kg", {}),
        ("五十以下的灯 50欧以下", {"max_price": 50}),
        ("不超过30的毛巾", {"max_price": 30}),
        ("100以上", {"min_price": 100}),
        ("no limits at all", {}),
    ],
)
def test_price_limits(text: str, expected: dict[str, float]) -> None:
    assert slots.price_limits(text) == expected


def test_options_need_a_reason_to_be_a_size() -> None:
    vocabulary = {"colour": ["blue", "dark blue"], "size": ["M", "L", "140 x 200 cm"]}
    assert slots.options("the dark blue one in size M", vocabulary) == {"colour": "dark blue", "size": "M"}
    assert slots.options("I'm looking for a blue towel", vocabulary) == {"colour": "blue"}
    assert slots.options("in 140 x 200 cm please", vocabulary) == {"size": "140 x 200 cm"}


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
