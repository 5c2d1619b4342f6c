"""What is said of one product, by aspect. Knows the catalogue's facts; finds no product and guesses no figure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot.conversation import ToolCall, ToolResult
from chatbot.shop import Product, Variant
from chatbot.tools.base import Context
from chatbot.tools.catalogue import (
    FEW,
    attribute_text,
    availability,
    find_attribute,
    holds,
    option_text,
    options_text,
    pick,
    price_of,
    price_text,
    prices,
    product_card,
    product_name,
    stock,
)
from chatbot.tools.speak import result, words
from chatbot.tools.wording import Words

_LISTED_ATTRIBUTES = 8
_SUMMARY_CHARS = 200


def describe(
    context: Context,
    call: ToolCall,
    product: Product,
    aspect: str,
    *,
    attribute: str | None,
    colour: str | None,
    size: str | None,
) -> ToolResult:
    """Answer one aspect; a colour or size that the product does not come in is said first."""
    chosen = pick(product, colour=colour, size=size) if (colour or size) else []
    # A version's own sku names that version.
    if not chosen and not (colour or size):
        chosen = [item for item in product.variants if item.sku.casefold() == _sku(call).casefold()]
    if (colour or size) and not chosen and not _is_fixed(product, colour, size):
        return _unknown_option(context, call, product, " ".join(part for part in (colour, size) if part))
    if attribute is not None:
        return _attribute(context, call, product, attribute)
    if aspect == "price":
        return _price(context, call, product, chosen)
    if aspect == "stock":
        return _stock(context, call, product, chosen)
    if aspect == "variants":
        return _variants(context, call, product, chosen)
    if aspect == "attributes":
        return _attributes(context, call, product)
    return _overview(context, call, product, chosen)


def _sku(call: ToolCall) -> str:
    return str(call.arguments.get("sku", "")).strip()


def _is_fixed(product: Product, colour: str | None, size: str | None) -> bool:
    """A product of one version may state the colour or size among its attributes."""
    if product.variants:
        return False
    stated = [Variant(product.sku, product.attributes, None, None)]
    alone = Product(product.sku, product.name, variants=tuple(stated))
    return bool(pick(alone, colour=colour, size=size))


def _finish(
    context: Context,
    call: ToolCall,
    product: Product,
    template: str,
    facts: dict[str, object] | None = None,
    *,
    error: str | None = None,
) -> ToolResult:
    """``facts`` maps a field to a text or to a function of the words that makes one."""

    def say(to: Words) -> dict[str, object]:
        filled = {key: value(to) if callable(value) else value for key, value in (facts or {}).items()}
        return {"name": product_name(to, product), **filled}

    return result(context, call, template, say, cards=[product_card(words(context), product)], error=error)


# --- price and stock ----------------------------------------------------------------------------------------


def _price(context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]) -> ToolResult:
    span = prices(product, chosen)
    if span is None:
        return _finish(context, call, product, "product_price_unknown", error="no_price")
    facts: dict[str, object] = {"price": lambda to: price_text(to, product, chosen)}
    if span[0] != span[1]:
        facts["versions"] = lambda to: _by_price(to, product, chosen or product.variants)
        return _finish(context, call, product, "product_price_range", facts)
    if len(chosen) == 1:
        facts["option"] = lambda to: option_text(to, chosen[0].options)
        return _finish(context, call, product, "product_price_option", facts)
    return _finish(context, call, product, "product_price", facts)


def _by_price(to: Words, product: Product, variants: Sequence[Variant]) -> str:
    """Prices of versions; an option that does not change the price is left out (``20 cm 29.90 EUR``)."""
    keys = [
        key
        for key in dict.fromkeys(key for item in variants for key in item.options)
        if _decides_price(product, variants, key)
    ]
    shown: dict[str, str] = {}
    for item in variants:
        price = price_of(product, item)
        options = {key: value for key, value in item.options.items() if not keys or key in keys}
        if price is not None:
            money = to.money(price, product.currency or None)
            shown.setdefault(to.text("version_price", option=option_text(to, options), price=money), money)
    return to.comma(list(shown))


def _decides_price(product: Product, variants: Sequence[Variant], key: str) -> bool:
    """Whether versions that differ in this option alone differ in price."""
    seen: dict[tuple[tuple[str, str], ...], set[object]] = {}
    for item in variants:
        rest = tuple(sorted((name, value) for name, value in item.options.items() if name != key))
        seen.setdefault(rest, set()).add(price_of(product, item))
    return any(len(found) > 1 for found in seen.values())


def _stock(context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]) -> ToolResult:
    asked = list(chosen)
    if len(asked) == 1 or (not asked and not product.variants):
        return _stock_of_one(context, call, product, asked)
    versions = asked or list(product.variants)
    if any(item.stock is None for item in versions):
        return _stock_of_one(context, call, product, [])
    available = [item for item in versions if item.stock]
    sold_out = [item for item in versions if not item.stock]
    if not available:
        return _stock_of_one(context, call, product, [])
    facts: dict[str, object] = {
        "available": lambda to: to.listing([_pieces(to, item) for item in available]),
        "sold_out": lambda to: (
            to.text("product_stock_sold_out", options=_options(to, sold_out)) if sold_out else ""
        ),
    }
    return _finish(context, call, product, "product_stock_versions", facts)


def _stock_of_one(
    context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]
) -> ToolResult:
    count = stock(product, chosen)
    kind = "unknown" if count is None else "out" if count <= 0 else "few" if count <= FEW else "in"
    others = [item for item in product.variants if item.stock and item not in chosen] if chosen else []
    facts: dict[str, object] = {
        "pieces": lambda to: to.count("piece", count or 0),
        "option": lambda to: option_text(to, chosen[0].options) if chosen else "",
        "alternative": lambda to: (
            to.text("product_stock_alternative", options=_options(to, others)) if others else ""
        ),
    }
    template = f"product_stock_{'option_' if chosen else ''}{kind}"
    return _finish(context, call, product, template, facts, error={"unknown": "no_stock_data"}.get(kind))


def _pieces(to: Words, item: Variant) -> str:
    return to.text(
        "version_stock", option=option_text(to, item.options), pieces=to.count("piece", item.stock or 0)
    )


def _options(to: Words, variants: Sequence[Variant]) -> str:
    return to.listing([option_text(to, item.options) for item in variants])


# --- versions and attributes --------------------------------------------------------------------------------


def _variants(context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]) -> ToolResult:
    if len(product.variants) > 1:
        versions = chosen or product.variants
        return _finish(
            context, call, product, "product_variants", {"options": lambda to: options_text(to, versions)}
        )
    stated = {
        key: value
        for key, value in product.attributes.items()
        if key.casefold() in ("colour", "color", "size", "capacity", "length", "diameter")
    }
    options = dict(product.variants[0].options) if product.variants else stated
    if not options:
        return _finish(context, call, product, "product_variants_none")
    return _finish(
        context,
        call,
        product,
        "product_variants_none_option",
        {"option": lambda to: to.comma([attribute_text(to, *item) for item in options.items()])},
    )


def _unknown_option(context: Context, call: ToolCall, product: Product, wanted: str) -> ToolResult:
    facts: dict[str, object] = {"wanted": lambda to: to.value(wanted)}
    if not product.variants:
        return _finish(context, call, product, "product_option_unknown_none", facts, error="unknown_option")
    facts["options"] = lambda to: options_text(to, product.variants)
    return _finish(context, call, product, "product_option_unknown", facts, error="unknown_option")


def _attribute(context: Context, call: ToolCall, product: Product, wanted: str) -> ToolResult:
    option = find_attribute(dict.fromkeys(key for item in product.variants for key in item.options), wanted)
    if option is not None:
        return _finish(
            context,
            call,
            product,
            "product_variants_option",
            {"options": lambda to: options_text(to, product.variants, option)},
        )
    key = find_attribute(product.attributes, wanted)
    if key is None:
        return _finish(
            context,
            call,
            product,
            "product_attribute_unknown",
            {"attribute": wanted, "known": lambda to: _known(to, product)},
            error="unknown_attribute",
        )
    value = product.attributes[key]
    facts: dict[str, object] = {
        "attribute": lambda to: to.option(key),
        "value": lambda to: to.value(value),
    }
    truth = holds(value)
    if truth is not None and all(
        words(context, tag).property(key, truth) for tag in (context.language, "en")
    ):
        facts["says"] = lambda to: to.property(key, truth)
        return _finish(context, call, product, f"product_attribute_{'yes' if truth else 'no'}", facts)
    return _finish(context, call, product, "product_attribute", facts)


def _attributes(context: Context, call: ToolCall, product: Product) -> ToolResult:
    if not product.attributes:
        return _finish(context, call, product, "product_attributes_none", error="no_attributes")
    return _finish(
        context, call, product, "product_attributes", {"attributes": lambda to: _list(to, product)}
    )


def _list(to: Words, product: Product) -> str:
    shown = list(product.attributes.items())[:_LISTED_ATTRIBUTES]
    return to.comma([attribute_text(to, *item) for item in shown])


def _known(to: Words, product: Product) -> str:
    return to.text("attribute_known", attributes=_list(to, product)) if product.attributes else ""


# --- overview -----------------------------------------------------------------------------------------------


def _overview(context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]) -> ToolResult:
    def facts(to: Words) -> str:
        parts = [
            price_text(to, product, chosen),
            availability(to, stock(product, chosen)),
            options_text(to, product.variants) if len(product.variants) > 1 else "",
            to.text("overview_brand", brand=product.brand) if product.brand else "",
            to.text("overview_age_limit", age=product.age_limit) if product.age_limit else "",
            to.text("overview_final_sale") if product.final_sale else "",
        ]
        return to.comma([part for part in parts if part])

    return _finish(
        context,
        call,
        product,
        "product_overview",
        {"facts": facts, "summary": lambda to: _summary(to, product)},
    )


def _summary(to: Words, product: Product) -> str:
    """The description's first sentence; a Chinese answer does not mix in an English one."""
    if to.language != "en":
        return to.comma([attribute_text(to, *item) for item in list(product.attributes.items())[:3]])
    first = re.split(r"(?<=[.!?])\s+(?=[A-Z])", product.description.strip(), maxsplit=1)[0]
    return first if len(first) <= _SUMMARY_CHARS else ""
