"""What is heard in wishes for suggestions, and the calls that follow from them and from the list before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, find, given
from hypothesis import strategies as st

from chatbot import suggesting, unwanted
from chatbot.conversation import ToolCall
from chatbot.dialogue import Dialogue

FOUR = ("A-1", "B-2", "C-3", "D-4")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("give me three ideas", 3),
        ("two suggestions please", 2),
        ("just one", 1),
        ("I have only 20€", None),
        ("any recommendations for under 30 euro gifts?", None),
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
    ("text", "named", "wanted"),
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
        ("I have a nut allergy. What do you recommend?", ["nut"], "I have a . What do you recommend?"),
        ("I'm lactose intolerant", ["lactose"], "I'm"),
        ("I have nut and gluten allergies", ["nut", "gluten"], "I have"),
        ("I can't have nuts", ["nuts"], "I"),
        ("I can't have it delivered", [], "I can't have it delivered"),
        ("I have no allergies", [], "I have no allergies"),
        ("my son has a severe allergy to peanuts, any snacks?", ["peanuts"], "my son has a severe , any snacks?"),
        ("我坚果过敏，推荐点零食", ["坚果"], "我 ，推荐点零食"),
        ("我不能吃坚果", ["坚果"], "我"),
        ("防过敏的枕头", [], "防过敏的枕头"),
        ("a blanket without wool between 20 and 40 euros", ["wool"], "a blanket between 20 and 40 euros"),
        ("something without wool around 30 euros", ["wool"], "something around 30 euros"),
        ("I don't like coffee and would love a tea, what do you recommend?", ["coffee"], "and would love a tea, what do you recommend?"),
    ],
)  # fmt: skip
def test_what_is_not_wanted(text: str, named: list[str], wanted: str) -> None:
    assert unwanted.unwanted(text) == named
    assert unwanted.wanted(text) == wanted


SAID = st.sampled_from(
    "without except no not allergic allergy to intolerant nuts wool tea the a and or , . under 20 euros can't eat don't like"
    " recommend three ideas show me please 不要 过敏 对 坚果 茶 和 推荐 三个".split()
)


@given(st.lists(SAID | st.text(max_size=8), max_size=14).map(" ".join))
def test_any_text_can_be_heard(text: str) -> None:
    found = unwanted.unwanted(text)
    event(f"names {min(len(found), 3)}")
    for said in found:
        assert said in text
    assert suggesting.count(text) in (None, *range(1, suggesting.MOST + 1))
    assert len(unwanted.wanted(text)) <= len(text)


def test_text_of_these_words_names_something_unwanted() -> None:
    find(st.lists(SAID, max_size=6).map(" ".join), lambda text: len(unwanted.unwanted(text)) > 1)


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
    # A present is something else.
    assert suggesting.trouble("Thanks. Any ideas for a birthday present?", "it arrived broken") is None


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
    told = asked("not the second one", after(FIRST), sku="B-2", sku_score=1.0, refused="B-2")
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
    # A list before that was suggested as well.
    again = ToolCall("recommend", {"mode": "similar", "sku": "Z-9", "exclude": ["O-1"]})
    told = asked("why the oak board?", after(again), sku="O-1", sku_score=1.0)
    assert told == {"name": "why_suggested", "sku": "O-1", "mode": "similar", "with_sku": "Z-9"}
    # What came up in a search was not.
    searched = Dialogue(skus=("Q-1",), suggested_by=similar, intent="product_search")
    assert asked("why this?", searched) == {"name": "why_suggested", "sku": "Q-1"}
    # Of what the shopper named, the recommender says what it would say.
    assert asked("why this?", Dialogue(skus=("Q-1",), suggested_by=similar))["mode"] == "for_me"


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
    assert asked(text, after(FIRST), sku="B-2", sku_score=1.0, refused="B-2")["refused"] == ["B-2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't like this one, do you have something similar to the Oak board?", "I don't like this"),
        ("not the first one, something like the second one", "not the first"),
        ("not this please", "not this"),
        ("that's not that expensive, anything else?", ""),
        ("it's not the same", ""),
        ("我不喜欢第二个", "不喜欢第"),
    ],
)
def test_the_words_that_refuse(text: str, words: str) -> None:
    assert suggesting.refusal(text) == words


def test_what_is_liked_is_not_refused() -> None:
    text = "I don't like this one, do you have something similar to the Oak board?"
    assert "refused" not in asked(text, after(FIRST), sku="C-3", sku_score=0.9)


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
    [
        "does the discount go with the items in my cart?", "do you recommend leaving things in the cart?",
        "I can't complete my basket, it keeps showing an error", "what goes well with the bag?",
    ],
)  # fmt: skip
def test_not_every_cart_is_to_be_completed(text: str) -> None:
    assert not suggesting.asks_for_basket(text)


def test_what_must_be_avoided_is_asked_for_and_heard() -> None:
    allergic = ToolCall("recommend", {"mode": "for_me", "must_avoid": True})
    waiting = Dialogue(suggested_by=allergic, intent="recommend", asked="recommend")
    assert suggesting.awaits_unwanted("nuts", waiting)
    assert suggesting.awaits_unwanted("peanuts and milk", waiting)
    for text in ("where is my order?", "nothing, show me anything", "without nuts"):
        assert not suggesting.awaits_unwanted(text, waiting)
    told = ToolCall("recommend", {"mode": "for_me", "must_avoid": True, "without": ["nuts"]})
    assert not suggesting.awaits_unwanted(
        "milk", Dialogue(suggested_by=told, intent="recommend", asked="recommend")
    )


@pytest.mark.parametrize(
    ("text", "careful"),
    [
        ("I have a nut allergy", True), ("I'm lactose intolerant", True), ("I can't have nuts", True), ("我坚果过敏", True), ("我不能吃坚果", True),
        ("I have no allergies", False), ("an anti-allergy pillow", False), ("an allergy-friendly duvet", False), ("I can't have it delivered", False),
        ("防过敏枕头", False), ("I don't like nuts", False),
    ],
)  # fmt: skip
def test_who_must_avoid_something(text: str, careful: bool) -> None:
    assert unwanted.must_avoid(text) is careful
