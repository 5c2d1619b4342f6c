"""Two products side by side: price, stock, and the attributes in which they differ. Says only what the catalogue says of them."""

from __future__ import annotations

from collections.abc import Mapping

from chatbot.conversation import ToolResult
from chatbot.shop import Product
from chatbot.tools.base import Context, tool
from chatbot.tools.catalogue import (
    availability,
    options_text,
    price_text,
    prices,
    product_card,
    product_name,
    stock,
)
from chatbot.tools.speak import call_of, result, words
from chatbot.tools.wording import Words

_TOLD = 6
"""Differences that are told, those that both catalogue entries speak of first."""


def compare(context: Context, *, first: str, second: str) -> ToolResult:
    """Compare two products (their skus): prices, stock and what differs between them."""
    call = call_of("compare", first=first, second=second)
    found = [context.shop.product(sku) for sku in (first, second)]
    one, other = found
    if one is None or other is None:
        return result(context, call, "product_not_found", error="not_found")

    def say(to: Words) -> dict[str, object]:
        lines = [
            to.text(
                "compare_line",
                what=what,
                first=says[0] or to.text("compare_unknown"),
                second=says[1] or to.text("compare_unknown"),
            )
            for what, says in _differences(to, one, other).items()
        ]
        return {
            "first": product_name(to, one),
            "second": product_name(to, other),
            "lines": "\n".join(lines),
            "same": _same(to, one, other),
        }

    cards = [product_card(words(context), product) for product in (one, other)]
    return result(context, call, "compare", say, cards=cards)


def _differences(to: Words, one: Product, other: Product) -> dict[str, tuple[str, str]]:
    """What differs, and how each says it; empty where the catalogue does not."""
    told: dict[str, tuple[str, str]] = {}
    if prices(one) or prices(other):
        told[to.text("compare_price")] = (price_text(to, one), price_text(to, other))
    told[to.text("compare_stock")] = (availability(to, stock(one)), availability(to, stock(other)))
    told[to.text("compare_versions")] = (options_text(to, one.variants), options_text(to, other.variants))
    own, others = (
        {to.option(key): to.value(value) for key, value in product.attributes.items()}
        for product in (one, other)
    )
    names = [*(name for name in own if name in others), *dict.fromkeys([*own, *others])]
    for name in dict.fromkeys(names):
        if own.get(name, "").casefold() != others.get(name, "").casefold():
            told[name] = (own.get(name, ""), others.get(name, ""))
    kept = {what: says for what, says in told.items() if any(says)}
    return dict(list(kept.items())[: 3 + _TOLD])


def _same(to: Words, one: Product, other: Product) -> str:
    shared: Mapping[str, str] = {
        key: value
        for key, value in one.attributes.items()
        if value.casefold() == other.attributes.get(key, "").casefold()
    }
    said = [
        to.text("attribute_value", attribute=to.option(key), value=to.value(value))
        for key, value in shared.items()
    ]
    return to.text("compare_same", attributes=to.listing(said[:_TOLD])) if said else ""


TOOLS = (tool(compare),)
