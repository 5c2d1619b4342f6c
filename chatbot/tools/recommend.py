"""Recommendations in a conversation, with the honest reason for each; nothing that is known to be sold out.

What the shopper set as a limit, and what they do not want, is out before anything is ranked. Knows how to ask the recommender and how
to word its answer, not how suggestions are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from chatbot.conversation import Card, ToolCall, ToolResult
from chatbot.exploring import CHOICES, features_of
from chatbot.shop import Product, fold
from chatbot.tools.base import Context, tool
from chatbot.tools.catalogue import named_with_price, prices, product_card, product_name
from chatbot.tools.reasons import Ground, ground, short
from chatbot.tools.speak import call_of, careful, result, words
from chatbot.tools.wish import Wish
from chatbot.tools.wording import Words
from retrieval.recommend import Recommender, Suggestion

_SHOWN = 4
_ASKED = 40
"""Asked for more than is shown, since what was sold out since the last ingest falls away."""
Mode = Literal["for_me", "again", "similar", "complete"]
_Found = Sequence[tuple[Product, Ground]]


def recommend(
    context: Context,
    *,
    mode: Mode = "for_me",
    sku: str | None = None,
    count: int | None = None,
    max_price: float | None = None,
    min_price: float | None = None,
    category: str | None = None,
    without: list[str] | None = None,
    exclude: list[str] | None = None,
    refused: list[str] | None = None,
    cheaper_than: list[str] | None = None,
    must_avoid: bool = False,
) -> ToolResult:
    """Recommend products: for this shopper, what they buy again and again, similar to a product (sku), or to go with it or with the cart (complete).

    ``without`` are words that no suggestion may have in its name, category or attributes; ``exclude`` were shown already; ``refused``
    are products that the shopper said they do not like, which is remembered; ``cheaper_than`` are products that suggestions must
    cost less than. ``must_avoid`` is for allergies and the like.
    """
    call = call_of(
        "recommend", mode=mode, sku=sku, count=count, max_price=max_price, min_price=min_price, category=category,
        without=without, exclude=exclude, refused=refused, cheaper_than=cheaper_than,
        must_avoid=must_avoid or None,
    )  # fmt: skip
    for unwanted in refused or ():
        context.note(unwanted, "dislike")
    if must_avoid and not without:
        return result(context, call, "clarify_avoid", error="avoid_what")
    wish = Wish(
        min(count or _SHOWN, _ASKED),
        max_price,
        min_price,
        _lowest(context, cheaper_than or ()),
        category,
        without or (),
        [*(exclude or ()), *(refused or ())],
    )
    made = _suggested(context, call, mode, sku, wish)
    return careful(context, made) if must_avoid else made


def _suggested(context: Context, call: ToolCall, mode: Mode, sku: str | None, wish: Wish) -> ToolResult:
    product = context.shop.product(sku) if sku else None
    if sku and product is None:
        return result(context, call, "product_not_found", error="not_found")
    match mode:
        case "again":
            return _again(context, call, wish)
        case "similar" if product is None:
            return result(context, call, "clarify_product", error="no_product")
        case "complete" if product is None:
            cart = context.cart()
            return (
                _with_cart(context, call, wish, cart)
                if cart
                else result(context, call, "recommend_empty_cart", error="no_cart")
            )
        case "similar" if product is not None:
            return _similar(context, call, wish, product)
        case "complete" if product is not None:
            return _with_product(context, call, wish, product)
    return _for_me(context, call, wish)


def _lowest(context: Context, skus: Sequence[str]) -> Decimal | None:
    spans = [span for product in context.shop.products(skus) if (span := prices(product))]
    return min((low for low, _ in spans), default=None)


# --- for this shopper ---------------------------------------------------------------------------------------


def _for_me(context: Context, call: ToolCall, wish: Wish) -> ToolResult:
    recommender = context.recommender
    if recommender is None:
        return result(context, call, "recommend_none", error="no_recommender")
    known = context.known(recommender)
    listed = recommender.recommend(
        known,
        mode="discover",
        exclude=wish.exclude,
        allowed=_allowed(context, recommender, wish),
        n=_ASKED,
        diversity=context.diversity,
    )
    by_sku = {fold(item.sku): item for item in listed}
    kept = _shop(context, [item.sku for item in listed], wish)
    found = [
        (product, ground(context, recommender, known, by_sku[fold(product.sku)]))
        for product in _with_one_explored(context, recommender, kept, by_sku, wish.count)
    ]
    if not found:
        return _nothing(context, call, wish, "recommend_none")
    return _say_for_me(context, call, wish, found)


def _with_one_explored(
    context: Context,
    recommender: Recommender,
    kept: Sequence[Product],
    by_sku: Mapping[str, Suggestion],
    count: int,
) -> list[Product]:
    """The list, whose last place may go to one of those that come next."""
    shown, last = list(kept[:count]), kept[count - 1 : count - 1 + CHOICES]
    if len(last) > 1:
        skus = [product.sku for product in last]
        staple = [float(recommender.staple[recommender.place[fold(sku)]]) for sku in skus]
        scores = [by_sku[fold(sku)].score for sku in skus]
        shown[-1] = last[context.explored(skus, features_of(scores, staple))]
    return shown


def _say_for_me(context: Context, call: ToolCall, wish: Wish, found: _Found) -> ToolResult:
    """One sentence for each ground, in the order of the suggestions."""
    by_ground: dict[Ground, list[Product]] = {}
    for product, why in found:
        by_ground.setdefault(why, []).append(product)
    causes = _causes(context, found)
    templates = {
        "bought": "recommend_because_bought",
        "seen": "recommend_because_seen",
        "alike": "recommend_alike",
        "alike_seen": "recommend_alike_seen",
        "popular": "recommend_popular",
        "popular_ever": "recommend_popular_ever",
        "new": "recommend_new",
    }

    def sentence(to: Words, why: Ground, products: Sequence[Product]) -> str:
        named = _names(to, products)
        if why.cause is None:
            return to.text(templates[why.kind], products=named)
        # What was bought may have left the catalogue since.
        because = product_name(to, causes[why.cause]) if why.cause in causes else why.cause
        first = why == next(iter(by_ground))
        return to.text(
            templates[why.kind] if first or why.kind == "seen" else "recommend_because_next",
            because=because,
            products=named,
        )

    def say(to: Words) -> dict[str, object]:
        return {
            "suggestions": _limited(
                to, wish, to.notes(*(sentence(to, *group) for group in by_ground.items()))
            )
        }

    return result(context, call, "recommend_for_me", say, cards=_cards(context, found, causes))


def _again(context: Context, call: ToolCall, wish: Wish) -> ToolResult:
    """What they have bought before, the likeliest to be wanted now first, and how often where there is a pace."""
    if context.customer is None:
        return result(context, call, "sign_in", error="sign_in")
    recommender = context.recommender
    listed = (
        recommender.recommend(
            context.known(recommender), mode="buy_again", exclude=wish.exclude,
            allowed=_allowed(context, recommender, wish, any_age=True), n=_ASKED,
        )
        if recommender
        else []
    )  # fmt: skip
    pace = {fold(item.sku): item.why.every_days for item in listed}
    found = [
        (product, Ground("again", None, max(1, round(days)) if (days := pace[fold(product.sku)]) else None))
        for product in _kept(context, listed, wish, any_age=True)
    ]
    if not found:
        return _nothing(context, call, wish, "recommend_none_again")

    def named(to: Words, product: Product, why: Ground) -> str:
        said = named_with_price(to, product)
        return to.text("recommend_pace", product=said, days=why.days) if why.days else said

    return result(
        context,
        call,
        "recommend_again",
        lambda to: {"products": to.listing([named(to, *pair) for pair in found])},
        cards=_cards(context, found, {}),
    )


# --- about one product, or a cart ---------------------------------------------------------------------------


def _similar(context: Context, call: ToolCall, wish: Wish, product: Product) -> ToolResult:
    """Alternatives: the nearest of the same category; where there is none, what is like it by its text or by who takes it."""
    if product.category:
        kind = product.attributes.get("type", "")
        hits = context.products.search(
            f"{product.name} {kind}", category=product.category, exclude=(product.sku, *wish.exclude), k=_ASKED,
            max_price=wish.max_price, min_price=wish.min_price, without=wish.without,
        )  # fmt: skip
        # Whoever asks for another knife looks at a knife: its age limit is no surprise.
        found = [
            (other, Ground("category"))
            for other in _shop(context, [hit.sku for hit in hits], wish, any_age=True)
        ]
        if found:
            return _about(context, call, wish, product, "recommend_similar", found)
    recommender = context.recommender
    alike: list[str] = []
    if recommender is not None and fold(product.sku) in recommender.place:
        masked = _allowed(context, recommender, wish)
        alike = [
            sku for sku, _ in recommender.similar(product.sku, exclude=wish.exclude, allowed=masked, n=_ASKED)
        ]
    found = [(other, Ground("similar", product.sku)) for other in _shop(context, alike, wish)]
    return _about(context, call, wish, product, "recommend_near", found)


def _with_product(context: Context, call: ToolCall, wish: Wish, product: Product) -> ToolResult:
    found = _going_with(context, wish, [product.sku])
    return _about(context, call, wish, product, "recommend_complete", found)


def _with_cart(context: Context, call: ToolCall, wish: Wish, cart: Sequence[str]) -> ToolResult:
    found = _going_with(context, wish, cart)
    if not found:
        return _nothing(context, call, wish, "recommend_none_cart")
    causes = _causes(context, found)
    by_cause: dict[str, list[Product]] = {}
    for product, why in found:
        by_cause.setdefault(str(why.cause), []).append(product)

    def say(to: Words) -> dict[str, object]:
        said = [
            to.text("recommend_with", products=_names(to, products), because=product_name(to, causes[sku]))
            for sku, products in by_cause.items()
            if sku in causes
        ]
        return {"suggestions": _limited(to, wish, to.notes(*said))}

    return result(context, call, "recommend_for_me", say, cards=_cards(context, found, causes))


def _going_with(context: Context, wish: Wish, cart: Sequence[str]) -> list[tuple[Product, Ground]]:
    """What does not lie in baskets with it is not said to: what nobody took yet does not, whatever its neighbours do."""
    recommender = context.recommender
    if recommender is None:
        return []
    taken = recommender.staple > 0
    together = recommender.complete(
        cart, context.known(recommender), exclude=wish.exclude, allowed=_allowed(context, recommender, wish) & taken, n=_ASKED
    )  # fmt: skip
    lying = {fold(sku): sku for sku in cart}
    cause = {
        fold(item.sku): next((sku for sku in item.why.because if fold(sku) in lying), None)
        for item in together
    }
    kept = _kept(
        context,
        [item for item in together if cause[fold(item.sku)]],
        replace(wish, exclude=[*wish.exclude, *cart]),
    )
    return [(product, Ground("together", cause[fold(product.sku)])) for product in kept]


def _about(
    context: Context, call: ToolCall, wish: Wish, product: Product, template: str, found: _Found
) -> ToolResult:
    shown = found[: wish.count]
    if not shown and wish.limited:
        return _nothing(context, call, wish, "recommend_none")
    return result(
        context,
        call,
        template if shown else "recommend_none_for",
        lambda to: {
            "name": product_name(to, product),
            "category": to.name(product.category, product.category_zh),
            "products": _names(to, [other for other, _ in shown]),
        },
        cards=_cards(context, shown, {product.sku: product}),
        error=None if shown else "nothing_found",
    )


# --- what may be shown --------------------------------------------------------------------------------------


def _allowed(
    context: Context, recommender: Recommender, wish: Wish, *, any_age: bool = False
) -> NDArray[np.bool_]:
    """Of each product of the recommender, whether the catalogue, the wish and, unless it is of no matter, everybody's age allow it."""
    mask = context.products.suggestible(
        max_price=wish.max_price, min_price=wish.min_price, category=wish.category, without=wish.without, any_age=any_age
    )  # fmt: skip
    return context.masked(recommender, mask)


def _kept(
    context: Context, listed: Sequence[Suggestion], wish: Wish, *, any_age: bool = False
) -> list[Product]:
    return _shop(context, [item.sku for item in listed], wish, any_age=any_age)[: wish.count]


def _shop(context: Context, skus: Sequence[str], wish: Wish, *, any_age: bool = False) -> list[Product]:
    """The products that the shop still has and that keep to the wish by its own figures, in the given order."""
    out = {fold(sku) for sku in wish.exclude}
    return [
        product
        for product in context.shop.products([sku for sku in skus if fold(sku) not in out])
        if wish.allows(product) and (any_age or product.age_limit is None)
    ]


def _nothing(context: Context, call: ToolCall, wish: Wish, template: str) -> ToolResult:
    if not wish.limited:
        return result(context, call, template, error="nothing_found")
    return result(
        context, call, "recommend_none_within", lambda to: {"filters": wish.text(to)}, error="nothing_found"
    )


# --- how it is said -----------------------------------------------------------------------------------------


def _limited(to: Words, wish: Wish, said: str) -> str:
    return to.text("recommend_within", filters=wish.text(to), suggestions=said) if wish.limited else said


def _names(to: Words, products: Sequence[Product]) -> str:
    return to.listing([named_with_price(to, product) for product in products])


def _causes(context: Context, found: _Found) -> dict[str, Product]:
    skus = list(dict.fromkeys(why.cause for _, why in found if why.cause))
    by_sku = {fold(product.sku): product for product in context.shop.products(skus)}
    return {sku: by_sku[fold(sku)] for sku in skus if fold(sku) in by_sku}


def _cards(context: Context, found: _Found, causes: Mapping[str, Product]) -> list[Card]:
    spoken = words(context)
    made = []
    for product, why in found:
        card = product_card(spoken, product)
        made.append(replace(card, fields={**card.fields, "reason": short(spoken, why, causes)}))
    return made


TOOLS = (tool(recommend),)
