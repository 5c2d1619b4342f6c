"""Recommendations give their true reason and nothing that is sold out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from retrieval.recommend import Event, Interactions
from retrieval.recommend.training import trained

from .suggesting_shop import LAMP, MODEL, WITH_LAMP, ask, fitted, with_lamp

if TYPE_CHECKING:
    from conftest import World


def test_a_stranger_hears_what_is_popular_this_month(world: World) -> None:
    result, said = ask(world)
    assert said.startswith("Popular this month: Pine soap (4.50 EUR), ")
    assert 1 <= len(result.cards) <= 4


def test_old_purchases_are_not_called_this_month(world: World) -> None:
    _, said = ask(world, recommender=fitted("CAR-1", day="2026-09-01"))
    assert said == "Popular with our customers: Pine soap (4.50 EUR)."


def test_a_customer_hears_because_of_what(world: World) -> None:
    result, said = ask(world, bought=["KIT-1"])
    assert said.startswith("Because you bought Oak board, you may like Gift card (50.00 EUR).")
    assert "Popular this month: " in said
    assert "KIT-1" not in [card.id for card in result.cards]


def test_each_reason_is_given(world: World) -> None:
    _, said = ask(world, bought=["KIT-1", "KIT-3-50-RED"])
    assert "Because you bought Oak board, you may like Gift card (50.00 EUR)." in said
    assert "To go with Magnetic rail: WHITE HANGING HEART." in said
    _, chinese = ask(world, bought=["KIT-1"], language="zh")
    assert chinese.startswith("因为您买过橡木砧板，您可能会喜欢礼品卡（50.00欧元）。本月热销：")


def test_what_was_looked_at_is_not_said_to_be_bought(world: World) -> None:
    seen = Event("KIT-1", np.datetime64("2026-11-19", "s"), weight=0.3, purchase=False)
    context = world.context(recommender=MODEL)
    context = replace(context, known=lambda asked: asked.fold_in([seen], np.datetime64("2026-11-20", "s")))
    assert world.say(context, "recommend").startswith(
        "Since you looked at Oak board, you may like Gift card (50.00 EUR)."
    )
    # What was looked at may be suggested itself.
    assert "KIT-1" in {one.sku for one in MODEL.recommend(context.known(MODEL), mode="discover")}


@pytest.mark.parametrize("bought", [None, [], ["KIT-1"], ["CAR-1", "KIT-3"]])
def test_never_sold_out_never_owned_never_for_adults_only(world: World, bought: list[str] | None) -> None:
    result, _ = ask(world, bought=bought)
    shown = {card.id for card in result.cards}
    assert shown
    assert not shown & {"KIT-4", "KIT-2", *(bought or [])}


def test_what_is_bought_again_and_again_with_its_pace(world: World) -> None:
    def soap(*days: int) -> list[Event]:
        return [Event("CAR-1", np.datetime64("2026-11-20", "s") - np.timedelta64(day, "D")) for day in days]

    def said(*events: Event, language: str = "en") -> str:
        context = world.context(customer=world.anna, recommender=MODEL, language=language)
        known = MODEL.fold_in(events, np.datetime64("2026-11-20", "s"))
        return world.say(replace(context, known=lambda _: known), "recommend", mode="again")

    assert (
        said(*soap(40, 30, 20))
        == "From what you have bought before: Pine soap (4.50 EUR), about every 10 days."
    )
    assert said(*soap(40)) == "From what you have bought before: Pine soap (4.50 EUR)."
    assert "大约每10天买一次" in said(*soap(40, 30, 20), language="zh")
    assert said() == "Of what you have bought before, nothing is in stock that you would need again."
    # KIT-4 is sold out.
    assert "nothing is in stock" in said(Event("KIT-4", np.datetime64("2026-11-01", "s")))
    stranger = world.run(world.context(recommender=MODEL), "recommend", mode="again")
    assert stranger.error == "sign_in"


def test_to_go_with_a_product(world: World) -> None:
    assert (
        ask(world, mode="complete", sku="KIT-1")[1]
        == "Often bought together with Oak board: Gift card (50.00 EUR)."
    )
    assert ask(world, mode="complete", sku="CAR-1")[0].error == "nothing_found"


def test_similar_is_the_same_category_without_what_is_sold_out(world: World) -> None:
    result, said = ask(world, mode="similar", sku="KIT-1")
    assert said.startswith("In the same category as Oak board (Kitchen) we have ")
    assert {card.id for card in result.cards} == {"KIT-2", "KIT-3"}


def test_similar_without_categories_is_what_the_same_people_take(world: World) -> None:
    result, said = ask(world, mode="similar", sku="85123A")
    assert said == (
        "Similar to WHITE HANGING HEART, by description or by who is interested in them: Magnetic rail (39.00 EUR to 52.00 EUR)."
    )
    assert [card.fields["reason"] for card in result.cards] == ["similar to WHITE HANGING HEART"]


def test_what_is_like_it_by_its_text_alone_is_not_said_to_be_bought_with_it(world: World) -> None:
    result, said = ask(
        world, recommender=WITH_LAMP, mode="similar", sku="NEW-1", catalogue=[LAMP, world.product("CAR-1")]
    )
    assert said == (
        "Similar to New lamp, by description or by who is interested in them: Pine soap (4.50 EUR)."
    )
    assert [card.fields["reason"] for card in result.cards] == ["similar to New lamp"]
    chinese = ask(world, mode="similar", sku="85123A", language="zh")[1]
    assert (
        chinese
        == "与WHITE HANGING HEART相近的商品（描述相似，或感兴趣的顾客相似）：磁吸刀架（39.00欧元至52.00欧元）。"
    )


def test_what_is_shown_where_the_category_has_nothing_left_is_not_said_to_be_of_it(world: World) -> None:
    _, said = ask(world, mode="similar", sku="KIT-1", exclude=["KIT-2", "KIT-3"])
    assert said == (
        "Similar to Oak board, by description or by who is interested in them: Gift card (50.00 EUR)."
    )
    context = world.context(recommender=MODEL)
    assert world.say(context, "why_suggested", sku="GIF-1", mode="similar", with_sku="KIT-1") == (
        "Gift card came up because it is similar to Oak board, by its description or by who is interested in it."
    )
    # Neither of two products without a category is of the same one.
    assert "category" not in world.say(
        context, "why_suggested", sku="85123A", mode="similar", with_sku="85123A"
    )


def test_without_a_product_or_a_recommender(world: World) -> None:
    assert ask(world, mode="similar")[0].error == "no_product"
    assert ask(world, mode="complete", sku="NOPE")[0].error == "not_found"
    assert ask(world, recommender=None)[0].error == "no_recommender"
    assert ask(world, recommender=None, mode="complete", sku="KIT-1")[0].error == "nothing_found"
    assert (
        ask(world, recommender=trained(Interactions.of([], [], []), np.datetime64("2026-11-20", "s")))[
            0
        ].error
        == "nothing_found"
    )


def test_a_product_that_left_the_catalogue_is_named_by_its_number(world: World) -> None:
    context = world.context(
        customer=world.anna,
        recommender=fitted("OLD-1 CAR-1", "KIT-1", "KIT-3", "KIT-2", "GIF-1"),
        bought={"C1": ["OLD-1"]},
        now=world.now + timedelta(days=1),
    )
    assert "Because you bought OLD-1, you may like Pine soap (4.50 EUR)." in world.say(context, "recommend")


# --- what nobody took yet ---------------------------------------------------------------------------------


def test_what_nobody_took_yet_is_not_called_popular(world: World) -> None:
    def heard(language: str) -> tuple[str, dict[str, str]]:
        context = with_lamp(world, "popular_14", language=language)
        cards = world.run(context, "recommend").cards
        return world.say(context, "recommend"), {card.id: card.fields["reason"] for card in cards}

    said, reasons = heard("en")
    assert "New or little known so far: New lamp (12.00 EUR)." in said
    assert "Popular this month: Pine soap (4.50 EUR)" in said
    assert (reasons["NEW-1"], reasons["CAR-1"]) == ("new or little known so far", "popular this month")
    said, reasons = heard("zh")
    assert "新品，或目前还少有人知的商品：New lamp（12.00欧元）。" in said
    assert (reasons["NEW-1"], reasons["CAR-1"]) == ("新品，或目前还少有人知", "本月热销")


@pytest.mark.parametrize(
    ("bought", "seen", "reason"),
    [
        (["KIT-1"], [], "like what you have bought"),
        ([], ["KIT-1"], "like what you have looked at"),
        (["KIT-1"], ["CAR-1"], "like what you have bought"),
        (["GIF-1"], ["KIT-1"] * 3, "like what you have looked at"),
    ],
)
def test_what_is_like_something_is_like_what_they_bought_or_looked_at(
    world: World, bought: list[str], seen: list[str], reason: str
) -> None:
    context = with_lamp(world, "text", bought=bought, seen=seen)
    (lamp,) = [card for card in world.run(context, "recommend").cards if card.id == "NEW-1"]
    assert lamp.fields["reason"] == reason
    said = world.say(context, "recommend")
    assert re.search(rf"{reason.capitalize()}: [^:]*New lamp", said)


def test_what_nobody_took_yet_does_not_lie_in_orders_with_anything(world: World) -> None:
    context = with_lamp(world, "basket")
    assert WITH_LAMP.parts.baskets.similarity[WITH_LAMP.place["gif-1"], WITH_LAMP.place["new-1"]] > 0
    for arguments in ({"sku": "GIF-1"}, {}):
        result = world.run(
            replace(context, cart=lambda: ["GIF-1"]), "recommend", mode="complete", **arguments
        )
        assert [card.id for card in result.cards] == ["KIT-1"]


# --- limits -------------------------------------------------------------------------------------------------


def shown(result: Any) -> list[str]:
    return [card.id for card in result.cards]


def test_limits_are_kept_before_anything_is_ranked(world: World) -> None:
    result, said = ask(world, max_price=10.0)
    assert shown(result) == ["CAR-1"]
    assert said == "Within your limits (up to 10.00 EUR): Popular this month: Pine soap (4.50 EUR)."
    assert shown(ask(world, min_price=45.0)[0]) == ["GIF-1"]
    assert "CAR-1" not in shown(ask(world, without=["soap"])[0])
    assert shown(ask(world, category="Gifts")[0]) == ["GIF-1"]
    none, said = ask(world, max_price=1.0, without=["soap", "oak"])
    assert said == (
        "I have nothing to suggest within these limits (up to 1.00 EUR, without soap or oak). Shall I look with other limits?"
    )
    assert (shown(none), none.error) == ([], "nothing_found")


def test_never_more_than_were_asked_for(world: World) -> None:
    assert len(shown(ask(world, count=1)[0])) == 1
    assert len(shown(ask(world, count=2)[0])) == 2
    assert len(shown(ask(world)[0])) <= 4


def test_what_was_shown_or_refused_is_left_out_and_only_what_was_refused_is_noted(world: World) -> None:
    everything = shown(ask(world)[0])
    result, _ = ask(world, exclude=everything[:1], refused=everything[1:2])
    assert not set(shown(result)) & set(everything[:2])
    assert (
        world.noted == [(everything[1], "dislike")] * 2
    )  # asked twice: once for the result, once for the words


def test_cheaper_than_a_product(world: World) -> None:
    assert shown(ask(world, cheaper_than=["GIF-1"])[0]) == ["CAR-1", "KIT-1", "KIT-3"]
    assert shown(ask(world, cheaper_than=["CAR-1"])[0]) == []
    assert shown(ask(world, mode="similar", sku="KIT-1", cheaper_than=["KIT-1"])[0]) == ["KIT-2"]


def test_an_allergy_is_met_with_care(world: World) -> None:
    _, said = ask(world, without=["oak"], must_avoid=True)
    assert said.endswith("If it could do harm, please read the ingredients or ask a person first.")


def test_every_card_has_its_reason(world: World) -> None:
    result, _ = ask(world, bought=["KIT-1"])
    assert next(card.fields["reason"] for card in result.cards) == "because you bought Oak board"
    result, _ = ask(world, mode="complete", sku="KIT-1", language="zh")
    assert [card.fields["reason"] for card in result.cards] == ["常与橡木砧板一起购买"]


def test_what_goes_with_the_cart(world: World) -> None:
    context = world.context(recommender=MODEL, cart=["KIT-1", "KIT-3-50-RED"])
    result = world.run(context, "recommend", mode="complete")
    assert "Often bought together with Oak board: Gift card (50.00 EUR)." in world.say(context, "recommend", mode="complete")  # fmt: skip
    assert not {"KIT-1", "KIT-3"} & set(shown(result))
    empty = world.run(world.context(recommender=MODEL), "recommend", mode="complete")
    assert empty.error == "no_cart"
