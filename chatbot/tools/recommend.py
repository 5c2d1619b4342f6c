"""Recommendations in a conversation, with the honest reason for each; nothing that is known to be sold out.

Knows how to ask the recommender and how to word its answer, not how suggestions are made.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from chatbot.conversation import Card, ToolCall, ToolResult
from chatbot.recommending import seconds
from chatbot.shop import Product, fold
from chatbot.tools.base import Context, tool
from chatbot.tools.catalogue import is_sold_out, named_with_price, product_card, product_name
from chatbot.tools.speak import call_of, result, words
from chatbot.tools.wording import Words
from retrieval.recommend import Recommender
from retrieval.recommend.explain import Reason

if TYPE_CHECKING:
    pass

_SHOWN = 4
_ASKED = 40
"""Asked for more than is shown, since what is sold out falls away."""
_Ground = tuple[Literal["bought", "seen", "alike", "popular"], str | None]
"""Why a product is suggested, and the product of theirs behind it."""
_RECENT = np.timedelta64(31, "D")


def recommend(
    context: Context,
    *,
    mode: Literal["for_me", "again", "similar", "complete"] = "for_me",
    sku: str | None = None,
) -> ToolResult:
    """Recommend products: for this shopper, what they buy again and again, similar to a product (sku), or to go with it (complete)."""
    call = call_of("recommend", mode=mode, sku=sku)
    if mode == "again":
        return _again(context, call)
    product = context.shop.product(sku) if sku else None
    if sku and product is None:
        return result(context, call, "product_not_found", error="not_found")
    if mode != "for_me" and product is None:
        return result(context, call, "clarify_product", error="no_product")
    if product is not None and mode == "similar":
        return _similar(context, call, product)
    if product is not None and mode == "complete":
        together = context.recommender.complete([product.sku], n=_ASKED) if context.recommender else []
        # What does not lie in baskets with it is not said to.
        found = _in_stock(context, [item.sku for item in together if item.why.because], {product.sku})
        return _about(context, call, product, "recommend_complete", found)
    return _for_me(context, call)


# --- for this shopper ---------------------------------------------------------------------------------------


def _for_me(context: Context, call: ToolCall) -> ToolResult:
    recommender = context.recommender
    if recommender is None:
        return result(context, call, "recommend_none", error="no_recommender")
    known = context.known(recommender)
    owned = {recommender.skus[item] for item in known.bought}
    suggestions = recommender.recommend(known, mode="discover", n=_ASKED)
    # Nobody's age is known here: knives and liqueurs are found by searching, not recommended unasked.
    found = [
        product
        for product in _in_stock(context, [item.sku for item in suggestions], owned)
        if product.age_limit is None
    ]
    if not found:
        return result(context, call, "recommend_none", error="nothing_found")
    why = {fold(item.sku): item.why for item in suggestions}
    shown = [(product, _ground(why[fold(product.sku)], owned)) for product in found[:_SHOWN]]
    return _say_for_me(context, call, shown, is_current=_is_current(context, recommender))


def _ground(why: Reason, owned: Collection[str]) -> _Ground:
    """What may be said of a suggestion: what was only looked at was not bought."""
    if why.because:
        return ("bought" if why.because[0] in owned else "seen"), why.because[0]
    return ("alike" if why.rule == "text" and owned else "popular"), None


def _say_for_me(
    context: Context, call: ToolCall, shown: Sequence[tuple[Product, _Ground]], *, is_current: bool
) -> ToolResult:
    """One sentence for each ground, in the order of the suggestions."""
    by_ground: dict[_Ground, list[Product]] = {}
    for product, ground in shown:
        by_ground.setdefault(ground, []).append(product)
    causes = {cause: context.shop.product(cause) for _, cause in by_ground if cause}

    def sentence(to: Words, ground: _Ground, products: Sequence[Product]) -> str:
        kind, cause = ground
        if cause is None:
            key = (
                "recommend_alike"
                if kind == "alike"
                else "recommend_popular"
                if is_current
                else "recommend_popular_ever"
            )
            return to.text(key, products=_names(to, products))
        known = causes[cause]
        # What was bought may have left the catalogue since.
        name = product_name(to, known) if known else cause
        first = "recommend_because_seen" if kind == "seen" else "recommend_because_bought"
        key = first if ground == next(iter(by_ground)) else "recommend_because_next"
        return to.text(key, because=name, products=_names(to, products))

    def say(to: Words) -> dict[str, object]:
        return {"suggestions": to.notes(*(sentence(to, *group) for group in by_ground.items()))}

    return result(
        context, call, "recommend_for_me", say, cards=_cards(context, [product for product, _ in shown])
    )


def _is_current(context: Context, recommender: Recommender) -> bool:
    """ "This month" is only said of purchases that are no older than that."""
    return recommender.latest is not None and bool(seconds(context.now) - recommender.latest <= _RECENT)


def _again(context: Context, call: ToolCall) -> ToolResult:
    """What they have bought before, the likeliest to be wanted now first, and how often where there is a pace."""
    if context.customer is None:
        return result(context, call, "sign_in", error="sign_in")
    recommender = context.recommender
    listed = (
        recommender.recommend(context.known(recommender), mode="buy_again", n=_ASKED) if recommender else []
    )
    why = {fold(item.sku): item.why for item in listed}
    found = _in_stock(context, [item.sku for item in listed], set())[:_SHOWN]
    if not found:
        return result(context, call, "recommend_none_again", error="nothing_found")

    def named(to: Words, product: Product) -> str:
        pace = why[fold(product.sku)].every_days
        said = named_with_price(to, product)
        return to.text("recommend_pace", product=said, days=max(1, round(pace))) if pace else said

    return result(
        context,
        call,
        "recommend_again",
        lambda to: {"products": to.listing([named(to, product) for product in found])},
        cards=_cards(context, found),
    )


# --- about one product --------------------------------------------------------------------------------------


def _similar(context: Context, call: ToolCall, product: Product) -> ToolResult:
    """Alternatives: the nearest of the same category; without categories, what the same people bought."""
    if product.category:
        kind = product.attributes.get("type", "")
        hits = context.products.search(
            f"{product.name} {kind}", category=product.category, exclude=(product.sku,), k=_ASKED
        )
        found = _in_stock(context, [hit.sku for hit in hits], {product.sku})
        if found:
            return _about(context, call, product, "recommend_similar", found)
    found = _in_stock(context, _also_bought(context, product.sku), {product.sku})
    return _about(context, call, product, "recommend_also_bought", found)


def _also_bought(context: Context, sku: str) -> list[str]:
    if context.recommender is None or fold(sku) not in context.recommender.place:
        return []
    return [other for other, _ in context.recommender.similar(sku, n=_ASKED)]


def _about(
    context: Context, call: ToolCall, product: Product, template: str, found: Sequence[Product]
) -> ToolResult:
    shown = list(found[:_SHOWN])
    return result(
        context,
        call,
        template if shown else "recommend_none_for",
        lambda to: {
            "name": product_name(to, product),
            "category": to.name(product.category, product.category_zh),
            "products": _names(to, shown),
        },
        cards=_cards(context, shown),
        error=None if shown else "nothing_found",
    )


def _in_stock(context: Context, skus: Sequence[str], left_out: set[str]) -> list[Product]:
    """The products that the shop still has, in the given order."""
    wanted = [sku for sku in skus if sku not in left_out]
    return [product for product in context.shop.products(wanted) if not is_sold_out(product)]


def _names(to: Words, products: Sequence[Product]) -> str:
    return to.listing([named_with_price(to, product) for product in products])


def _cards(context: Context, products: Sequence[Product]) -> list[Card]:
    spoken = words(context)
    return [product_card(spoken, product) for product in products]


TOOLS = (tool(recommend),)
