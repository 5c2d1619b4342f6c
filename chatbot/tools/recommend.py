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
from chatbot.tools.products import MIN_SCORE
from chatbot.tools.speak import call_of, result, words
from chatbot.tools.wording import Words
from retrieval.recommend import Recommender, Suggestion

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
        found = context.recommender.complete([product.sku], k=_ASKED) if context.recommender else []
        return _about(context, call, product, "recommend_complete", _in_stock(context, found, {product.sku}))
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
    found = _in_stock(context, suggestions, set(history))
    if not found:
        return result(context, call, "recommend_none", error="nothing_found")
    because = {fold(item.sku): item.because for item in suggestions}
    # One reason is said in full: that of the best personal suggestion; what is popular is said to be popular.
    reasons = [because.get(fold(product.sku)) for product in found]
    reason = next((item for item in reasons if item), None)
    cause = context.shop.product(reason) if reason else None
    personal = [product for product, given in zip(found, reasons, strict=True) if given and given == reason]
    popular = [product for product, given in zip(found, reasons, strict=True) if not given]
    return _say_for_me(context, call, cause, personal[:_SHOWN], popular, recommender)


def _say_for_me(
    context: Context,
    call: ToolCall,
    cause: Product | None,
    personal: Sequence[Product],
    popular: Sequence[Product],
    recommender: Recommender,
) -> ToolResult:
    if cause is None:
        shown = list(popular[:_SHOWN])
        template = "recommend_popular" if _is_current(context, recommender) else "recommend_popular_ever"
    else:
        popular = popular[: _SHOWN - len(personal)]
        shown = [*personal, *popular]
        template = "recommend_mixed" if popular else "recommend_because"
    if not shown:
        return result(context, call, "recommend_none", error="nothing_found")

    def say(to: Words) -> dict[str, object]:
        return {
            "because": product_name(to, cause) if cause else "",
            "products": _names(to, personal if cause else shown),
            "popular": _names(to, popular if cause else ()),
        }

    return result(context, call, template, say, cards=_cards(context, shown))


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
        hits = context.products.search(
            f"{product.name} {product.category}", category=product.category, exclude=(product.sku,), k=_ASKED
        )
        near = [Suggestion(hit.sku, hit.score, None) for hit in hits if hit.score >= MIN_SCORE]
        found = _in_stock(context, near, {product.sku})
        if found:
            return _about(context, call, product, "recommend_similar", found)
    bought = context.recommender.similar(product.sku, k=_ASKED) if context.recommender else []
    return _about(context, call, product, "recommend_also_bought", _in_stock(context, bought, {product.sku}))


def _about(
    context: Context, call: ToolCall, product: Product, template: str, found: Sequence[Product]
) -> ToolResult:
    shown = list(found[:_SHOWN])
    return result(
        context,
        call,
        template if shown else "recommend_none_for",
        lambda to: {"name": product_name(to, product), "products": _names(to, shown)},
        cards=_cards(context, shown),
        error=None if shown else "nothing_found",
    )


def _in_stock(context: Context, suggestions: Sequence[Suggestion], left_out: set[str]) -> list[Product]:
    """The products that the shop still has, in the order of the suggestions."""
    skus = [item.sku for item in suggestions if item.sku not in left_out]
    return [product for product in context.shop.products(skus) if not is_sold_out(product)]


def _names(to: Words, products: Sequence[Product]) -> str:
    return to.listing([named_with_price(to, product) for product in products])


def _cards(context: Context, products: Sequence[Product]) -> list[Card]:
    spoken = words(context)
    return [product_card(spoken, product) for product in products]


TOOLS = (tool(recommend),)
