"""Which product a message means, after what was shown and named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from chatbot import lang, referents, slots
from chatbot.conversation import Plan
from chatbot.dialogue import Dialogue
from retrieval.products import ProductHit, ProductSearch

PRICES = {"KETTLE": 30.0, "GOOSENECK": 89.0, "TEMPERA": 64.0}


class Catalogue:
    """Knows products by one word each."""

    def resolve(self, text: str, *, language: str = "en", k: int = 3) -> list[ProductHit]:
        return [ProductHit(sku, 0.9) for sku in PRICES if sku.lower() in lang.words(text)]

    def search(
        self, text: str, *, language: str = "en", exclude: Collection[str] = (), k: int = 6
    ) -> list[ProductHit]:
        return [ProductHit("CANDLE", 0.9)] if "candles" in text else []

    def by_price(self, skus: Sequence[str]) -> list[str]:
        return sorted(skus, key=lambda sku: PRICES[sku])


def meant(text: str, dialogue: Dialogue) -> dict[str, Any]:
    values = slots.slot_values(text, order_pattern=r"LL-\d{6}", vocabulary={})
    scores = {"product_details": 0.6, "policy": 0.1}
    return referents.find(text, values, dialogue, cast(ProductSearch, Catalogue()), "en", scores)


SHOWN = Dialogue(skus=("TEMPERA", "GOOSENECK", "KETTLE"), intent="product_search")


@pytest.mark.parametrize(
    ("text", "sku"),
    [
        ("the cheapest please", "KETTLE"),
        ("the most expensive one", "GOOSENECK"),
        ("how heavy is the second one?", "GOOSENECK"),
        ("is the gooseneck heavy?", "GOOSENECK"),
        ("is it in stock?", "TEMPERA"),
        ("最便宜的", "KETTLE"),
    ],
)
def test_one_of_those_that_were_shown(text: str, sku: str) -> None:
    assert meant(text, SHOWN)["sku"] == sku


@pytest.mark.parametrize("text", ["and blue ones?", "something under 30 euros"])
def test_others_of_the_kind_are_none_of_them(text: str) -> None:
    assert meant(text, SHOWN) == {}


def test_whether_the_shop_sells_something_else_is_asked_of_none_of_them() -> None:
    assert meant("do you have candles?", SHOWN) == {}
    assert meant("do you have it with candles?", SHOWN)["sku"] == "TEMPERA"
    assert meant("do you have a larger size?", SHOWN)["sku"] == "TEMPERA"
    assert meant("do you have candles?", replace(SHOWN, skus=("CANDLE",)))["sku"] == "CANDLE"


def test_which_of_them_means_all() -> None:
    assert meant("which of them has a temperature control?", SHOWN)["skus"] == list(SHOWN.skus)


def test_a_comparison_means_the_last_two_that_were_asked_about() -> None:
    dialogue = Dialogue(intent="product_details")
    for sku in ("KETTLE", "TEMPERA", "GOOSENECK"):
        dialogue = dialogue.after(Plan("product_details", 1.0, "en", "how heavy is it", {"sku": sku}, ()))
    assert meant("which is cheaper?", dialogue)["skus"] == ["GOOSENECK", "TEMPERA"]


def test_the_second_of_several_orders() -> None:
    dialogue = Dialogue(orders=("LL-1", "LL-2"), intent="order_list")
    assert meant("the second one", dialogue) == {"order_id": "LL-2"}


def test_nothing_was_shown() -> None:
    assert meant("is it in stock?", Dialogue()) == {}


@pytest.mark.parametrize(
    ("text", "two"),
    [
        ("compare the first and the second", ["TEMPERA", "GOOSENECK"]),
        ("compare it with the other one", ["KETTLE", "TEMPERA"]),
        ("what's the difference between the kettle and the last one?", ["KETTLE", "KETTLE"]),
        ("compare the first two", ["TEMPERA", "GOOSENECK"]),
        ("比较第一个和第二个", ["TEMPERA", "GOOSENECK"]),
        ("compare the gooseneck with the kettle", ["GOOSENECK", "KETTLE"]),
        ("what's the difference between standard and express?", []),
    ],
)
def test_the_two_that_are_compared(text: str, two: list[str]) -> None:
    shown = SHOWN
    if " it " in text:  # one of the list was spoken of
        shown = Dialogue(skus=("KETTLE",), suggested=SHOWN.skus, named=("KETTLE",), intent="product_details")
    found = referents.pair(text, shown, cast(ProductSearch, Catalogue()))
    # A product is not compared with itself.
    assert found == ({"compare": two} if len(set(two)) == 2 else {})
