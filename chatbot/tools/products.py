"""Finding products and answering what the catalogue says of one: price, stock, versions, attributes.

Every figure comes from the shop's data; what the data does not hold is said to be unknown. Knows nothing of how
products are searched for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    stated,
    stock,
)
from chatbot.tools.details import describe
from chatbot.tools.speak import call_of, careful, result, words
from chatbot.tools.wording import Words
from configs import templates

if TYPE_CHECKING:
    from retrieval.products import ProductHit

MIN_SCORE = {"en": 0.3, "zh": 0.08}
"""Hits below this confidence are not offered at all. Chinese words meet little more than the Chinese names, so that
right hits have lower confidences."""
SURE = {"en": 0.85, "zh": 0.5}
"""From this confidence of the best hit on, the answer says that the products fit; below, that they are near."""
_NEAR_BEST = 0.8
"""Part of the best hit's confidence that another one needs: a strap is no answer to a question for mats."""
_CARDS = 5
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """What a shopper wants of the products besides the words of the search."""

    max_price: Decimal | None = None
    min_price: Decimal | None = None
    category: str | None = None
    colour: str | None = None
    size: str | None = None
    in_stock: bool = False
    without: Sequence[str] = ()

    def allow(self, product: Product) -> bool:
        """Prices, stock and versions once more on the shop's own figures: the index may be older than they are."""
        versions = pick(product, colour=self.colour, size=self.size) if product.variants else []
        if product.variants and (self.colour or self.size) and not versions:
            asked = [value for value in (self.colour, self.size) if value]
            if not all(stated(product, value) for value in asked):
                return False
        if self.in_stock and stock(product, versions) == 0:
            return False
        span = prices(product, versions)
        if span is None:
            return self.max_price is None and self.min_price is None
        low, high = span
        too_dear = self.max_price is not None and low > self.max_price
        too_cheap = self.min_price is not None and high < self.min_price
        return not (too_dear or too_cheap)


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
    without: list[str] | None = None,
    must_avoid: bool = False,
) -> ToolResult:
    """Search the catalogue for products, within price limits, a category, a colour or a size if they were named, without words that were ruled out."""
    call = call_of(
        "product_search",
        query=query,
        max_price=max_price,
        min_price=min_price,
        category=category,
        colour=colour,
        size=size,
        in_stock=in_stock or None,
        without=without or None,
        must_avoid=must_avoid or None,
    )
    own_category = find_category(context.products.categories(), category) if category else None
    if category and own_category is None:
        # The shop has no category of this name; its words still tell what is looked for.
        query = f"{query} {category}"
    if not query.strip():
        query = " ".join(filter(None, (own_category, colour, size)))
    if not query:
        return result(context, call, "clarify_product", error="no_product")
    limits = Limits(
        _decimal(max_price), _decimal(min_price), own_category, colour, size, in_stock, tuple(without or ())
    )
    made = _searched(context, call, query, limits)
    return careful(context, made) if must_avoid else made


def _searched(context: Context, call: ToolCall, query: str, limits: Limits) -> ToolResult:
    given = call.arguments
    hits = context.products.search(
        query,
        language=context.language,
        max_price=given.get("max_price"),
        min_price=given.get("min_price"),
        category=limits.category,
        options=matching_options(colour=limits.colour, size=limits.size),
        in_stock=limits.in_stock,
        without=limits.without,
        k=_CARDS + 1,
    )
    limited = limits != Limits()
    unlimited = (
        context.products.search(query, language=context.language, without=limits.without, k=_CARDS + 1)
        if limited
        else hits
    )
    best = max((hit.score for hit in unlimited), default=0.0)
    found = [product for product in _products(context, hits, best) if limits.allow(product)][:_CARDS]
    if not found and limited:
        return _nothing_fits(context, call, _products(context, unlimited, best), limits)
    if not found:
        return result(context, call, "search_nothing", error="not_found")
    sure = best >= SURE[templates.supported(context.language)]
    return _say_found(context, call, found, limits.in_stock, sure=sure)


def _say_found(
    context: Context,
    call: ToolCall,
    found: Sequence[Product],
    in_stock: bool,
    *,
    sure: bool,
) -> ToolResult:
    named = found[:_NAMED] if len(found) > _NAMED else found

    def say(to: Words) -> dict[str, object]:
        unknown = in_stock and any(stock(product) is None for product in found)
        return {
            "count": len(found),
            "products": to.listing([named_with_price(to, product) for product in named]),
            "details": to.text("search_note_no_stock") if unknown else "",
        }

    template = "search_found_one" if len(found) == 1 else "search_found_few"
    if len(found) > _NAMED:
        template = "search_found_many"
    if not sure:
        template = "search_closest"
    cards = [product_card(words(context), product) for product in found]
    return result(context, call, template, say, cards=cards, error=None if sure else "unsure")


def _nothing_fits(context: Context, call: ToolCall, near: list[Product], limits: Limits) -> ToolResult:
    """Say what the limits were, and the nearest of the products that would fit without them."""
    if limits.in_stock:
        near = [product for product in near if not is_sold_out(product)]
    if limits.max_price is not None:
        # "Nearest" to a price limit is the product that misses it by least.
        near.sort(key=lambda product: (prices(product) or (Decimal("Infinity"),))[0])
    elif limits.min_price is not None:
        near.sort(key=lambda product: (prices(product) or (Decimal(0), Decimal(0)))[1], reverse=True)
    nearest = near[:1]

    def say(to: Words) -> dict[str, object]:
        named = [named_with_price(to, product) for product in nearest]
        return {"filters": _limits_text(to, limits), "products": to.listing(named)}

    template = "search_filtered_out" if nearest else "search_filtered_out_empty"
    cards = [product_card(words(context), product) for product in nearest]
    return result(context, call, template, say, cards=cards, error="filtered_out")


def _limits_text(to: Words, limits: Limits) -> str:
    parts = []
    if limits.category:
        parts.append(to.text("filter_category", category=limits.category))
    for option, value in (("colour", limits.colour), ("size", limits.size)):
        if value:
            parts.append(to.text("filter_option", option=to.option(option), value=to.value(value)))
    if limits.min_price is not None:
        parts.append(to.text("filter_min_price", price=to.money(limits.min_price)))
    if limits.max_price is not None:
        parts.append(to.text("filter_max_price", price=to.money(limits.max_price)))
    if limits.without:
        unwanted = to.listing(list(limits.without), last="list_or")
        parts.append(to.text("filter_without", unwanted=unwanted))
    if limits.in_stock:
        parts.append(to.text("filter_in_stock"))
    return to.comma(parts)


def _products(context: Context, hits: Sequence[ProductHit], best: float) -> list[Product]:
    enough = max(MIN_SCORE[templates.supported(context.language)], _NEAR_BEST * best)
    return context.shop.products([hit.sku for hit in hits if hit.score >= enough])


def _decimal(price: float | None) -> Decimal | None:
    return None if price is None else Decimal(str(price))


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


TOOLS = (tool(product_search), tool(product_details))
