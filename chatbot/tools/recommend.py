"""Recommendations in a conversation, with the honest reason for each; nothing that is known to be sold out.

Knows how to ask the recommender and how to word its answer, not how suggestions are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from chatbot.conversation import Card, ToolCall, ToolResult
from chatbot.shop import Product, Shop, fold
from chatbot.tools.base import Context, tool
from chatbot.tools.catalogue import is_sold_out, named_with_price, product_card, product_name
from chatbot.tools.speak import call_of, result, words
from chatbot.tools.wording import Words
from retrieval.recommend import Recommender

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = 4
_ASKED = 40
"""Asked for more than is shown, since what is sold out falls away."""
_RECENT = timedelta(days=31)


def recommend(
    context: Context, *, mode: Literal["for_me", "similar", "complete"] = "for_me", sku: str | None = None
) -> ToolResult:
    """Recommend products: for this shopper, similar to a product (sku), or to go with it (complete)."""
    call = call_of("recommend", mode=mode, sku=sku)
    product = context.shop.product(sku) if sku else None
    if sku and product is None:
        return result(context, call, "product_not_found", error="not_found")
    if mode != "for_me" and product is None:
        return result(context, call, "clarify_product", error="no_product")
    if product is not None and mode == "similar":
        return _similar(context, call, product)
    if product is not None and mode == "complete":
        together = context.recommender.complete([product.sku], k=_ASKED) if context.recommender else []
        found = _in_stock(context, [item.sku for item in together], {product.sku})
        return _about(context, call, product, "recommend_complete", found)
    return _for_me(context, call)


def fitted(shop: Shop, folder: Path) -> Recommender | None:
    """The recommender of the shop's purchases, kept in ``folder``; None without purchases.

    A version counts as its product, so that a suggestion is always a product.
    """
    bought = shop.purchases()
    if len(bought) == 0:
        return None
    product_of = _products_by_sku(shop)
    skus = [product_of.get(fold(sku), sku) for sku in bought.skus]
    return Recommender.load_or_fit(
        folder, bought.customer_ids, skus, bought.at, bought.quantities, bought.order_ids
    )


def _products_by_sku(shop: Shop) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for product in shop.all_products():
        found[fold(product.sku)] = product.sku
        found.update((fold(variant.sku), product.sku) for variant in product.variants)
    return found


# --- for this shopper ---------------------------------------------------------------------------------------


def _for_me(context: Context, call: ToolCall) -> ToolResult:
    recommender = context.recommender
    if recommender is None:
        return result(context, call, "recommend_none", error="no_recommender")
    history = _history(context)
    suggestions = recommender.for_customer(history, k=_ASKED)
    # Nobody's age is known here: knives and liqueurs are found by searching, not recommended unasked.
    found = [
        product
        for product in _in_stock(context, [item.sku for item in suggestions], set(history))
        if product.age_limit is None
    ]
    if not found:
        return result(context, call, "recommend_none", error="nothing_found")
    because = {fold(item.sku): item.because for item in suggestions}
    shown = [(product, because.get(fold(product.sku))) for product in found[:_SHOWN]]
    return _say_for_me(context, call, shown, is_current=_is_current(context, recommender))


def _say_for_me(
    context: Context, call: ToolCall, shown: Sequence[tuple[Product, str | None]], *, is_current: bool
) -> ToolResult:
    """One sentence for each reason, in the order of the suggestions."""
    by_reason: dict[str | None, list[Product]] = {}
    for product, reason in shown:
        by_reason.setdefault(reason, []).append(product)
    owned = {reason: context.shop.product(reason) for reason in by_reason if reason}

    def sentence(to: Words, reason: str | None, products: Sequence[Product]) -> str:
        if reason is None:
            key = "recommend_popular" if is_current else "recommend_popular_ever"
            return to.text(key, products=_names(to, products))
        cause = owned[reason]
        # What was bought may have left the catalogue since.
        name = product_name(to, cause) if cause else reason
        key = "recommend_because" if reason == next(iter(by_reason)) else "recommend_because_next"
        return to.text(key, because=name, products=_names(to, products))

    def say(to: Words) -> dict[str, object]:
        return {"suggestions": to.notes(*(sentence(to, *group) for group in by_reason.items()))}

    return result(
        context, call, "recommend_for_me", say, cards=_cards(context, [product for product, _ in shown])
    )


def _history(context: Context) -> list[str]:
    """What this customer bought, oldest first, by product."""
    if context.customer is None:
        return []
    bought = [sku for sku, _ in context.shop.history(context.customer.id)]
    known: dict[str, str] = {}
    for product in context.shop.products(bought):
        known[fold(product.sku)] = product.sku
        known.update((fold(variant.sku), product.sku) for variant in product.variants)
    return [known.get(fold(sku), sku) for sku in bought]


def _is_current(context: Context, recommender: Recommender) -> bool:
    """ "This month" is only said of purchases that are no older than that."""
    latest = recommender.latest
    now = context.now if context.now.tzinfo else context.now.replace(tzinfo=UTC)
    return latest is not None and now - _aware(latest) <= _RECENT


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
    bought = context.recommender.similar(product.sku, k=_ASKED) if context.recommender else []
    found = _in_stock(context, [item.sku for item in bought], {product.sku})
    return _about(context, call, product, "recommend_also_bought", found)


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
