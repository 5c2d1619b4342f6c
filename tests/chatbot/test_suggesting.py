"""What is heard in wishes for suggestions, and the calls that follow from them and from the list before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot import suggesting
from chatbot.conversation import ToolCall
from chatbot.dialogue import Dialogue

FOUR = ("A-1", "B-2", "C-3", "D-4")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("give me three ideas", 3),
        ("two suggestions please", 2),
        ("just one", 1),
        ("an idea for dinner", 1),
        ("a couple of things", 2),
        ("only 2 items", 2),
        ("5 product ideas", 5),
        ("99 ideas", suggesting.MOST),
        ("推荐三款", 3),
        ("for two people", None),
        ("only 2 euros", None),
        ("one of those", None),
        ("what would you recommend?", None),
        ("recommend something for a 3 year old", None),
    ],
)
def test_how_many(text: str, number: int | None) -> None:
    assert suggesting.count(text) == number


@pytest.mark.parametrize(
    ("text", "unwanted", "wanted"),
    [
        ("I don't eat fish, what would you recommend?", ["fish"], "what would you recommend?"),
        ("no candles, soap or tea please", ["candles", "soap", "tea"], "please"),
        ("recommend something, but no knives and nothing made of wool", ["knives", "wool"], "recommend something,"),
        ("a blanket without wool", ["wool"], "a blanket"),
        ("anything but the Hearth pan", ["Hearth pan"], ""),
        ("no coffee under 20 euros", ["coffee"], "under 20 euros"),
        ("something without gluten for my sister", ["gluten"], "something for my sister"),
        ("推荐点不含坚果的", ["坚果"], "推荐点 的"),
        ("不要茶", ["茶"], ""),
        ("not the second one", [], "not the second one"),
        ("not too expensive", [], "not too expensive"),
        ("I'm not sure", [], "I'm not sure"),
        ("no thanks", [], "no thanks"),
        ("不要这个", [], "不要这个"),
        ("我对坚果过敏", ["坚果"], "我"),
        ("I don't have a knife. Do you sell some?", [], "I don't have a knife. Do you sell some?"),
        ("everything except the candle arrived", [], "everything except the candle arrived"),
        ("not the red one, the blue one", ["red"], "the blue one"),
        ("I can't eat fish, any cat toys?", ["fish"], "any cat toys?"),
    ],
)  # fmt: skip
def test_what_is_not_wanted(text: str, unwanted: list[str], wanted: str) -> None:
    assert suggesting.unwanted(text) == unwanted
    assert suggesting.wanted(text) == wanted


@given(st.text(max_size=120))
def test_any_text_can_be_heard(text: str) -> None:
    for said in suggesting.unwanted(text):
        assert said in text
    assert suggesting.count(text) in (None, *range(1, suggesting.MOST + 1))
    assert len(suggesting.wanted(text)) <= len(text)


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("my mug arrived broken, what would you recommend?", "my mug arrived broken"),
        ("The parcel never arrived. What do you suggest I do?", "The parcel never arrived. I do"),
        ("what would you recommend?", None),
        ("my mug arrived broken", None),
    ],
)
def test_whoever_complains_asks_what_to_do(text: str, trouble: str | None) -> None:
    assert suggesting.trouble(text) == trouble
    # The complaint may have come before.
    assert suggesting.trouble("what do you suggest?", "it arrived broken") == "it arrived broken"
    assert suggesting.trouble("what's popular?", "it arrived broken") is None


@pytest.mark.parametrize(
    "text", ["why this?", "why do you suggest the second one?", "为什么推荐这个？", "Why?"]
)
def test_asks_why(text: str) -> None:
    assert suggesting.asks_why(text)


@pytest.mark.parametrize(
    "text",
    [
        "why is my order so late?",
        "why was I charged this?",
        "why is it sold out",
        "why can't I sign in with this email?",
        "why is there a fee for this?",
    ],
)
def test_does_not_ask_why_of_suggestions(text: str) -> None:
    assert not suggesting.asks_why(text)


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("compare the red kettle with the blue one please", "the red kettle", "the blue one please"),
        ("what's the difference between the X and the Y?", "the X", "the Y"),
        ("which one is cheaper, the down duvet or the wool one?", "the down duvet", "the wool one"),
        ("比较一下手冲壶和电热水壶", "手冲壶", "电热水壶"),
    ],
)
def test_what_is_compared(text: str, first: str, second: str) -> None:
    assert suggesting.asks_comparison(text)
    assert suggesting.compared(text) == (first, second)


def after(call: ToolCall, shown: tuple[str, ...] = FOUR) -> Dialogue:
    return Dialogue(skus=shown, suggested=shown, suggested_by=call, intent="recommend")


def asked(text: str, dialogue: Dialogue, **values: Any) -> dict[str, Any]:
    call = suggesting.call(text, values, dialogue)
    return {"name": call.name, **call.arguments}


FIRST = ToolCall("recommend", {"mode": "for_me", "max_price": 30.0})


def test_a_limit_is_added_to_the_list_before() -> None:
    told = asked("no candles please", after(FIRST), without=["candles"])
    assert told == {"name": "recommend", "mode": "for_me", "max_price": 30.0, "without": ["candles"]}
    # A new wish is a new list.
    assert asked("recommend something", after(FIRST)) == {"name": "recommend", "mode": "for_me"}


def test_others_leave_out_what_was_shown_each_time_more() -> None:
    once = suggesting.call("something else", {}, after(FIRST))
    assert once.arguments["exclude"] == [*FOUR]
    twice = suggesting.call("more ideas", {}, after(once, ("E-5", "F-6")))
    assert twice.arguments["exclude"] == [*FOUR, "E-5", "F-6"]


def test_not_this_one_is_refused_and_the_others_stay() -> None:
    told = asked("not the second one", after(FIRST), sku="B-2", sku_score=1.0)
    assert told["refused"] == ["B-2"]
    assert "exclude" not in told
    # Of four, "this" is none for sure: nothing is held against any of them, and others are shown.
    unsure = asked("not this", after(FIRST), sku="A-1", sku_score=suggesting.LEANT)
    assert "refused" not in unsure
    assert unsure["exclude"] == [*FOUR]
    assert asked("I don't like any of these", after(FIRST))["refused"] == [*FOUR]
    assert asked("not this", after(FIRST, ("A-1",)))["refused"] == ["A-1"]


def test_cheaper_than_what_was_shown_or_named() -> None:
    assert asked("cheaper ones?", after(FIRST))["cheaper_than"] == [*FOUR]
    told = asked("something similar but cheaper", Dialogue(skus=("A-1",)), sku="A-1")
    assert told == {"name": "recommend", "mode": "similar", "sku": "A-1", "cheaper_than": ["A-1"]}


def test_why_asks_of_the_list_that_was_shown() -> None:
    similar = ToolCall("recommend", {"mode": "similar", "sku": "Z-9"})
    told = asked("why the second one?", after(similar), sku="B-2", sku_score=1.0)
    assert told == {"name": "why_suggested", "sku": "B-2", "mode": "similar", "with_sku": "Z-9"}
    # What came up otherwise was not suggested.
    assert asked("why this?", Dialogue(skus=("Q-1",), suggested_by=similar)) == {"name": "why_suggested", "sku": "Q-1"}  # fmt: skip


def test_what_goes_with_the_cart_or_a_product() -> None:
    assert asked("what goes with my basket?", Dialogue(skus=("A-1",))) == {"name": "recommend", "mode": "complete"}  # fmt: skip
    assert asked("what goes well with it?", Dialogue(skus=("A-1",)))["sku"] == "A-1"
    assert asked("what goes well together?", Dialogue()) == {"name": "recommend", "mode": "for_me"}


@pytest.mark.parametrize(
    "text",
    [
        "I don't like this, where is my order?", "I ordered two items, where are they?", "I don't need the receipt",
        "other payment options?", "are there other delivery options?", "I don't like your service", "I want to return these",
    ],
)  # fmt: skip
def test_the_shops_own_business_is_not_about_the_list(text: str) -> None:
    values = {"count": number} if (number := suggesting.count(text)) else {}
    assert not suggesting.goes_on(text, values, after(FIRST))


@pytest.mark.parametrize("text", ["not the second one, do you have any others?", "不要第二个,其他都可以"])
def test_only_what_is_meant_is_refused(text: str) -> None:
    assert asked(text, after(FIRST), sku="B-2", sku_score=1.0)["refused"] == ["B-2"]


def test_not_this_one_and_others_is_another_list() -> None:
    told = asked("not this one, any other ideas?", after(FIRST), sku="A-1", sku_score=suggesting.LEANT)
    assert told["exclude"] == [*FOUR]
    assert "refused" not in told


@pytest.mark.parametrize(
    ("text", "complains"),
    [
        ("this is awful", True), ("my kettle is broken", True), ("I am really upset", True), ("杯子坏了", True), ("你们太差了", True),
        ("I want a rubbish bin", False), ("tea for an upset stomach", False), ("something horrible for halloween", False),
        ("有没有垃圾桶", False), ("would you recommend me a pan", False),
    ],
)  # fmt: skip
def test_who_complains(text: str, complains: bool) -> None:
    assert suggesting.complains(text) is complains


@pytest.mark.parametrize(
    "text",
    ["does the discount go with the items in my cart?", "do you recommend leaving things in the cart?"],
)
def test_not_every_cart_is_to_be_completed(text: str) -> None:
    assert not suggesting.asks_for_basket(text)
