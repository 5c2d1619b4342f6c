"""Why a product is suggested is told as it is, and shares are what they count for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from retrieval.recommend import Event

from .suggesting_shop import MODEL, WITH_LAMP, ask, hearing, with_lamp

if TYPE_CHECKING:
    from conftest import World


def test_why_names_what_counts_and_how_much(world: World) -> None:
    def why(**arguments: Any) -> str:
        context = world.context(customer=world.anna, recommender=MODEL, bought={"C1": ["KIT-1"]})
        return world.say(context, "why_suggested", **arguments)

    said = why(sku="GIF-1", mode="for_me")
    assert said.startswith(
        "What speaks for Gift card: you bought Oak board, and customers who do often take it too ("
    )
    shares = [int(share) for share in re.findall(r"\((\d+) %\)", said)]
    assert shares == sorted(shares, reverse=True)
    assert 95 <= sum(shares) <= 101
    assert why(sku="KIT-1", mode="again").startswith(
        "You have bought Oak board once, the last time 0 days ago."
    )
    assert why(sku="KIT-2", mode="similar", with_sku="KIT-1") == (
        "Paring knife 9 cm is of the same category as Oak board (Kitchen) and described in similar words."
    )
    assert "it often lies in the same orders as Oak board" in why(
        sku="GIF-1", mode="complete", with_sku="KIT-1"
    )
    assert "What you bought plays no part in a search." in why(sku="GIF-1")


def test_why_of_what_was_looked_at_is_not_that_it_was_taken(world: World) -> None:
    def why(language: str, **known: Any) -> str:
        context = with_lamp(world, "taken_45", language=language, **known)
        return world.say(context, "why_suggested", sku="KIT-1", mode="for_me")

    assert why("en", seen=["KIT-1"]) == "What speaks for Oak board: you looked at it before (100 %)."
    assert why("en", bought=["KIT-1"]) == "What speaks for Oak board: you have taken it before (100 %)."
    assert why("zh", seen=["KIT-1"]) == "推荐橡木砧板的理由：您以前看过这件（100%）。"


def test_why_of_what_nobody_took_yet_is_that_things_like_it_are_taken(world: World) -> None:
    def why(feature: str, sku: str, language: str = "en", **known: Any) -> str:
        context = with_lamp(world, feature, language=language, **known)
        return world.say(context, "why_suggested", sku=sku, mode="for_me")

    assert why("popular_14", "CAR-1") == (
        "What speaks for Pine soap: many customers take or look at it (100 %)."
    )
    assert why("popular_14", "NEW-1") == (
        "What speaks for New lamp: many customers take or look at things like it (100 %)."
    )
    assert (
        why("popular_14", "NEW-1", "zh") == "推荐New lamp的理由：很多顾客买过或看过与这件相似的商品（100%）。"
    )
    assert why("together", "NEW-1", bought=["KIT-1"]) == (
        "What speaks for New lamp: you bought Oak board, and customers who do often take things like it too (100 %)."
    )


@pytest.mark.parametrize("recommender", [None, WITH_LAMP, hearing(MODEL, "text")])
@pytest.mark.parametrize("mode", ["for_me", "again"])
def test_where_no_reason_is_known_nothing_is_claimed(world: World, recommender: Any, mode: str) -> None:
    """The walnut board is sold out, and nobody knows what a stranger bought."""
    context = world.context(recommender=recommender)
    assert world.say(context, "why_suggested", sku="KIT-4", mode=mode) == (
        "I can only say of Walnut board that it is in our catalogue; I can name no other reason."
    )


def test_the_cause_that_is_named_is_true(world: World) -> None:
    """Without the purchase that is named, the product falls in the score, and more than without another one."""
    bought = ["CAR-1", "KIT-1", "KIT-3"]

    def score(skus: Sequence[str]) -> float:
        known = MODEL.fold_in((Event(sku, np.datetime64("2026-11-24", "s")) for sku in skus), np.datetime64("2026-11-24", "s"))  # fmt: skip
        return MODEL.explain(known, "GIF-1", mode="discover").score

    result, _ = ask(world, bought=bought)
    (reason,) = [card.fields["reason"] for card in result.cards if card.id == "GIF-1"]
    (named,) = [sku for sku in bought if reason == f"because you bought {world.product(sku).name}"]
    falls = {sku: score(bought) - score([own for own in bought if own != sku]) for sku in bought}
    assert falls[named] == max(falls.values()) > 0
