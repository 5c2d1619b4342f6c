"""What is said of one product's versions and attributes, and the overview. Knows the catalogue's words alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot.conversation import ToolCall, ToolResult
from chatbot.shop import Product, Variant
from chatbot.tools.attributes import attribute_text, find_attribute, holds
from chatbot.tools.base import Context
from chatbot.tools.catalogue import (
    COLOURS,
    availability,
    options_text,
    price_text,
    prices,
    prices_by_version,
    stock,
)
from chatbot.tools.speak import Facts, of_product, words
from chatbot.tools.wording import Words

_LISTED_ATTRIBUTES = 8
_SUMMARY_CHARS = 200
_ASKS_SIZE = re.compile(
    r"\b(?:sizes?|big|bigger|biggest|large|larger|largest|small|smaller|smallest)\b|尺寸|尺码|大小|多大"
)
_VERSION_KEYS = ("colour", "color", "size", "capacity", "length", "diameter")


def variants(context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]) -> ToolResult:
    """The versions of a product, or those that have a colour or size."""
    if len(product.variants) > 1:
        versions = chosen or product.variants
        facts: Facts = {
            "options": lambda to: options_text(to, versions),
            "prices": lambda to: _prices(to, product, versions),
        }
        return of_product(context, call, product, "product_variants", facts)
    return _one_version(context, call, product)


def unknown_option(context: Context, call: ToolCall, product: Product, wanted: Sequence[str]) -> ToolResult:
    """The product does not come in what was asked for; say what it does come in."""
    if not product.variants:
        return _one_version(context, call, product, error="unknown_option")
    facts: Facts = {
        "wanted": lambda to: " / ".join(to.value(part) for part in wanted),
        "options": lambda to: options_text(to, product.variants),
    }
    return of_product(context, call, product, "product_option_unknown", facts, error="unknown_option")


def _one_version(
    context: Context, call: ToolCall, product: Product, *, error: str | None = None
) -> ToolResult:
    options = {key: value for key, value in product.attributes.items() if key.casefold() in _VERSION_KEYS}
    if product.variants:
        options = dict(product.variants[0].options)
    if not options:
        return of_product(context, call, product, "product_variants_none", error=error)
    facts: Facts = {"option": lambda to: to.comma([attribute_text(to, *item) for item in options.items()])}
    return of_product(context, call, product, "product_variants_none_option", facts, error=error)


def attribute(context: Context, call: ToolCall, product: Product, wanted: str) -> ToolResult:
    """One attribute, named or asked for in a question; options count as attributes."""
    keys = dict.fromkeys(key for item in product.variants for key in item.options)
    key = find_attribute([*keys, *product.attributes], wanted, about=product.name)
    if key is None and _ASKS_SIZE.search(wanted):
        # What a shopper calls the size may be a capacity or a length.
        key = next((name for name in keys if name.casefold() not in COLOURS), None)
    if key is None:
        known: Facts = {
            "known": lambda to: (
                to.text("attribute_known", attributes=_listed(to, product)) if product.attributes else ""
            )
        }
        return of_product(
            context, call, product, "product_attribute_unknown", known, error="unknown_attribute"
        )
    if key in keys and len(product.variants) > 1:
        options: Facts = {
            "options": lambda to: options_text(to, product.variants, key),
            "prices": lambda to: _prices(to, product, product.variants),
        }
        return of_product(context, call, product, "product_variants_option", options)
    value = product.attributes[key] if key in product.attributes else product.variants[0].options[key]
    truth = holds(value)
    if truth is not None and all(
        words(context, language).property(key, truth) for language in (context.language, "en")
    ):
        says: Facts = {"says": lambda to: to.property(key, truth) or ""}
        template = "product_attribute_yes" if truth else "product_attribute_no"
        return of_product(context, call, product, template, says)
    facts: Facts = {"attribute": lambda to: to.option(key), "value": lambda to: to.value(value)}
    return of_product(context, call, product, "product_attribute", facts)


def _prices(to: Words, product: Product, versions: Sequence[Variant]) -> str:
    """What each version costs, if they differ."""
    span = prices(product, versions)
    if span is None or span[0] == span[1]:
        return ""
    return to.text("product_variants_prices", versions=prices_by_version(to, product, versions))


def attributes(context: Context, call: ToolCall, product: Product) -> ToolResult:
    """All attributes, as far as fits into an answer."""
    if not product.attributes:
        return of_product(context, call, product, "product_attributes_none", error="no_attributes")
    facts: Facts = {"attributes": lambda to: _listed(to, product)}
    return of_product(context, call, product, "product_attributes", facts)


def _listed(to: Words, product: Product, count: int = _LISTED_ATTRIBUTES) -> str:
    return to.comma([attribute_text(to, *item) for item in list(product.attributes.items())[:count]])


def overview(context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]) -> ToolResult:
    """Price, availability and versions in one answer, with the description's first sentence."""

    def facts(to: Words) -> str:
        parts = [
            price_text(to, product, chosen) if prices(product, chosen) else "",
            availability(to, stock(product, chosen)),
            to.text("overview_brand", brand=product.brand) if product.brand else "",
            to.text("overview_age_limit", age=product.age_limit) if product.age_limit else "",
            to.text("overview_final_sale") if product.final_sale else "",
        ]
        return to.comma([part for part in parts if part])

    if not facts(words(context)):
        return attributes(context, call, product)
    summary: Facts = {
        "facts": facts,
        "summary": lambda to: to.notes(_versions(to, product), _summary(to, product)),
    }
    return of_product(context, call, product, "product_overview", summary)


def _versions(to: Words, product: Product) -> str:
    if len(product.variants) < 2:
        return ""
    return to.text("overview_versions", options=options_text(to, product.variants))


def _summary(to: Words, product: Product) -> str:
    """The description's first sentence; a Chinese answer takes attributes instead of an English one."""
    if to.language != "en":
        return (
            to.text("overview_attributes", attributes=_listed(to, product, 3)) if product.attributes else ""
        )
    first = re.split(r"(?<=[.!?])\s+(?=[A-Z])", product.description.strip(), maxsplit=1)[0]
    return first if len(first) <= _SUMMARY_CHARS else ""
