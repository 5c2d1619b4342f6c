"""Finding products and answering what the catalogue says of one: price, stock, versions, attributes.

Every figure comes from the shop's data; what the data does not hold is said to be unknown. Knows nothing of how
products are searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from chatbot.conversation import ToolCall, ToolResult
from chatbot.shop import Product
from chatbot.tools.base import Context, tool
from chatbot.tools.catalogue import (
    find_category,
    is_sold_out,
    matching_options,
    named_with_price,
    pick,
    prices,
    product_card,
)
from chatbot.tools.details import describe
from chatbot.tools.speak import call_of, result, words
from chatbot.tools.wording import Words

if TYPE_CHECKING:
    from retrieval.products import ProductHit

MIN_SCORE = 0.3
"""Hits below this confidence are not offered as what was asked for."""
_CARDS = 5
_NAMED = 3


def product_search(
    context: Context,
    *,
    query: str,
    max_price: float | None = None,
    min_price: float | None = None,
    category: str | None = None,
    colour: str | None = None,
    size: str | None = None,
    in_stock: bool = False,
) -> ToolResult:
    """Search the catalogue for products, within price limits, a category, a colour or a size if they were named."""
    call = call_of(
        "product_search",
        query=query,
        max_price=max_price,
        min_price=min_price,
        category=category,
        colour=colour,
        size=size,
        in_stock=in_stock or None,
    )
    category = find_category(context.products.categories(), category) if category else None
    hits = context.products.search(
        query,
        language=context.language,
        max_price=max_price,
        min_price=min_price,
        category=category,
        options=matching_options(colour=colour, size=size),
        in_stock=in_stock,
        k=_CARDS + 1,
    )
    limits = [max_price is not None, min_price is not None, category, colour, size, in_stock]
    found = [
        product
        for product in _products(context, hits)
        if _fits(product, max_price, min_price, colour, size, in_stock)
    ]
    if not found and any(limits):
        return _nothing_fits(context, call, query, max_price, min_price, category, colour, size, in_stock)
    if not found:
        return result(context, call, "search_nothing", lambda _: {"query": query}, error="not_found")
    shown = found[:_CARDS]

    def say(to: Words) -> dict[str, object]:
        named = shown[:_NAMED] if len(shown) > _NAMED else shown
        return {
            "query": query,
            "count": len(shown),
            "products": to.listing([named_with_price(to, product) for product in named]),
        }

    template = "search_found_one" if len(shown) == 1 else "search_found_few"
    if len(shown) > _NAMED:
        template = "search_found_many"
    spoken = words(context)
    return result(context, call, template, say, cards=[product_card(spoken, item) for item in shown])


def product_details(
    context: Context,
    *,
    sku: str,
    aspect: Literal["overview", "price", "stock", "variants", "attributes"] = "overview",
    attribute: str | None = None,
    colour: str | None = None,
    size: str | None = None,
) -> ToolResult:
    """What the catalogue says of one product: its price, stock, versions, one attribute, or an overview."""
    call = call_of("product_details", sku=sku, aspect=aspect, attribute=attribute, colour=colour, size=size)
    product = context.shop.product(sku)
    if product is None:
        return result(context, call, "product_not_found", error="not_found")
    return describe(context, call, product, aspect, attribute=attribute, colour=colour, size=size)


# --- search: filters ----------------------------------------------------------------------------------------


def _products(context: Context, hits: Sequence[ProductHit]) -> list[Product]:
    return context.shop.products([hit.sku for hit in hits if hit.score >= MIN_SCORE])


def _fits(
    product: Product,
    max_price: float | None,
    min_price: float | None,
    colour: str | None,
    size: str | None,
    in_stock: bool,
) -> bool:
    """The limits once more on the shop's own figures: the index may be older than the data."""
    span = prices(product)
    if max_price is not None and (span is None or span[0] > Decimal(str(max_price))):
        return False
    if min_price is not None and (span is None or span[1] < Decimal(str(min_price))):
        return False
    if in_stock and is_sold_out(product):
        return False
    return not product.variants or not (colour or size) or bool(pick(product, colour=colour, size=size))


def _nothing_fits(
    context: Context,
    call: ToolCall,
    query: str,
    max_price: float | None,
    min_price: float | None,
    category: str | None,
    colour: str | None,
    size: str | None,
    in_stock: bool,
) -> ToolResult:
    """Say what the limits were, and the nearest product without them."""
    near = _products(context, context.products.search(query, language=context.language, k=_CARDS + 1))
    if max_price is not None:
        # "Nearest" to a price limit is the product that misses it by least.
        near.sort(key=lambda product: (prices(product) or (Decimal("Infinity"),))[0])
    elif min_price is not None:
        near.sort(key=lambda product: (prices(product) or (Decimal(0), Decimal(0)))[1], reverse=True)
    nearest = near[:1]

    def say(to: Words) -> dict[str, object]:
        limits = []
        if category:
            limits.append(to.text("filter_category", category=category))
        if colour:
            limits.append(to.text("filter_option", option=to.option("colour"), value=to.value(colour)))
        if size:
            limits.append(to.text("filter_option", option=to.option("size"), value=size))
        if min_price is not None:
            limits.append(to.text("filter_min_price", price=to.money(Decimal(str(min_price)))))
        if max_price is not None:
            limits.append(to.text("filter_max_price", price=to.money(Decimal(str(max_price)))))
        if in_stock:
            limits.append(to.text("filter_in_stock"))
        named = [named_with_price(to, product) for product in nearest]
        return {"query": query, "filters": to.comma(limits), "products": to.listing(named)}

    template = "search_filtered_out" if nearest else "search_filtered_out_empty"
    cards = [product_card(words(context), product) for product in nearest]
    return result(context, call, template, say, cards=cards, error="filtered_out")


TOOLS = (tool(product_search), tool(product_details))
