"""What the catalogue says of a product: price, stock, versions, its card.

A figure that the shop's data does not hold stays unknown: nothing here guesses. Knows no wording of answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from chatbot.conversation import Card
from chatbot.shop import Product, Variant
from chatbot.tools.wording import Words, vocabulary

FEW = 5
"""From this many pieces down, stock is said to run out."""
COLOURS = ("colour", "color")
_UNITS = tuple(
    (re.compile(rf"(?<=\d)[\s-]*(?:{names})(?![a-z])"), unit)
    for names, unit in (
        ("lit(?:re|er)s?|升", "l"),
        ("millilit(?:re|er)s?|毫升", "ml"),
        ("centimet(?:re|er)s?|厘米|公分", "cm"),
        ("met(?:re|er)s?|米", "m"),
        ("kilo(?:gram)?s?|公斤|千克", "kg"),
        ("gram(?:me)?s?|克", "g"),
        ("watts?|瓦", "w"),
    )
)


def price_of(product: Product, variant: Variant) -> Decimal | None:
    return variant.price if variant.price is not None else product.price


def prices(product: Product, variants: Sequence[Variant] = ()) -> tuple[Decimal, Decimal] | None:
    """The lowest and the highest price of these versions (by default of all); None if none is known."""
    chosen = variants or product.variants
    known = [price for item in chosen if (price := price_of(product, item)) is not None]
    if not known and product.price is not None:
        known = [product.price]
    return (min(known), max(known)) if known else None


def stock(product: Product, variants: Sequence[Variant] = ()) -> int | None:
    """Pieces of these versions (by default of the product) in stock; None if the data does not say."""
    if variants:
        counted = [item.stock for item in variants if item.stock is not None]
        return sum(counted) if len(counted) == len(variants) else None
    if product.variants and all(item.stock is not None for item in product.variants):
        return sum(item.stock or 0 for item in product.variants)
    return product.stock


def is_sold_out(product: Product) -> bool:
    """Known to be sold out; a shop without stock figures has nothing sold out."""
    return stock(product) == 0


def availability(words: Words, count: int | None) -> str:
    """``in stock``, ``only 3 pieces left``, ``sold out``; empty if the data does not say."""
    if count is None:
        return ""
    if count <= 0:
        return words.text("availability_out")
    if count <= FEW:
        return words.text("availability_few", pieces=words.count("piece", count))
    return words.text("availability_in")


def price_text(words: Words, product: Product, variants: Sequence[Variant] = ()) -> str:
    """``29.90 EUR``, ``29.90 EUR to 39.90 EUR``, or that there is no price."""
    span = prices(product, variants)
    if span is None:
        return words.text("price_unknown")
    return words.money_range(*span, product.currency or None)


def prices_by_version(to: Words, product: Product, variants: Sequence[Variant]) -> str:
    """Prices of versions; an option that does not change the price is left out (``20 cm 29.90 EUR``)."""
    keys = [
        key
        for key in dict.fromkeys(key for item in variants for key in item.options)
        if _decides_price(product, variants, key)
    ]
    shown: dict[str, None] = {}
    for item in variants:
        price = price_of(product, item)
        options = {key: value for key, value in item.options.items() if not keys or key in keys}
        if price is not None:
            money = to.money(price, product.currency or None)
            shown[to.text("version_price", option=option_text(to, options), price=money)] = None
    return to.comma(list(shown))


def _decides_price(product: Product, variants: Sequence[Variant], key: str) -> bool:
    """Whether versions that differ in this option alone differ in price."""
    seen: dict[tuple[tuple[str, str], ...], set[object]] = {}
    for item in variants:
        rest = tuple(sorted((name, value) for name, value in item.options.items() if name != key))
        seen.setdefault(rest, set()).add(price_of(product, item))
    return any(len(found) > 1 for found in seen.values())


def product_name(words: Words, product: Product) -> str:
    return words.name(product.name, product.name_zh)


def named_with_price(words: Words, product: Product) -> str:
    name = product_name(words, product)
    if prices(product) is None:
        return name
    return words.text("product_with_price", name=name, price=price_text(words, product))


def product_card(words: Words, product: Product) -> Card:
    """What the widget shows of a product; values are formatted, ``amount`` and ``pieces`` are raw."""
    span = prices(product)
    return Card(
        "product",
        product.sku,
        product_name(words, product),
        {
            "price": price_text(words, product) if span else "",
            "amount": str(span[0]) if span else None,
            "currency": product.currency or words.currency,
            "availability": availability(words, stock(product)),
            "pieces": stock(product),
            "category": words.name(product.category, product.category_zh),
            "url": product.url,
        },
    )


# --- versions ------------------------------------------------------------------------------------------------


def pick(product: Product, *, colour: str | None = None, size: str | None = None) -> list[Variant]:
    """The versions that have this colour and size; "size" is any option that is no colour (length, capacity …)."""
    found = list(product.variants)
    if colour:
        found = [item for item in found if _has(item.options, colour, is_colour=True)]
    if size:
        found = [item for item in found if _has(item.options, size, is_colour=False)]
    return found


def _has(options: Mapping[str, str], wanted: str, *, is_colour: bool) -> bool:
    return any(
        same_value(value, wanted)
        for key, value in options.items()
        if (key.casefold() in COLOURS) == is_colour
    )


def shared_options(variants: Sequence[Variant]) -> dict[str, str]:
    """The options that all of these versions have in common."""
    if not variants:
        return {}
    return {
        key: value
        for key, value in variants[0].options.items()
        if all(item.options.get(key) == value for item in variants)
    }


def stated(product: Product, wanted: str) -> bool:
    """Whether the product's own name or attributes say this colour or size."""
    if any(same_value(value, wanted) for value in product.attributes.values()):
        return True
    # As words of their own: "M" is not in "Mug", and "20cm" is in "Knife 20 cm".
    spelt = r"[\s_-]*".join(map(re.escape, _plain(wanted)))
    spoken = _spelling(f"{product.name} {product.name_zh}")
    return bool(spelt and re.search(rf"(?<![a-z0-9]){spelt}(?![a-z0-9])", spoken))


def same_value(value: str, wanted: str) -> bool:
    """Whether a shopper's word means this option value: ``24cm`` is ``24 cm``, ``红色`` is ``red``."""
    return _plain(value) == _plain(wanted) or _plain(wanted) in _chinese(value)


def _plain(text: str) -> str:
    """Without spaces, hyphens and spellings that make no difference: ``6.7 Litres`` and ``6.7升`` are ``6.7l``."""
    return re.sub(r"[\s_-]+", "", _spelling(text))


def _spelling(text: str) -> str:
    text = text.casefold().replace("gray", "grey").replace("×", "x")
    for pattern, unit in _UNITS:
        text = pattern.sub(unit, text)
    return text


def _chinese(value: str) -> set[str]:
    return {_plain(str(word)) for word in vocabulary()["values"].get(value.casefold(), ())}


def option_text(words: Words, options: Mapping[str, str]) -> str:
    """The values of one version: ``black / 24 cm``."""
    return " / ".join(words.value(value) for value in options.values())


def options_text(words: Words, variants: Iterable[Variant], only: str | None = None) -> str:
    """The values by option: ``colour: black, red and mint; size: S and M``."""
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for key, value in variant.options.items():
            if only is None or key == only:
                values.setdefault(key, {}).setdefault(words.value(value))
    return words.semicolon(
        [
            words.text("option_values", option=words.option(key), values=words.listing(list(found)))
            for key, found in values.items()
        ]
    )


# --- search words --------------------------------------------------------------------------------------------


def find_category(categories: Iterable[str], wanted: str) -> str | None:
    """The shop's own name of a category, None if it has none of that name."""
    known = {_plain(name): name for name in categories}
    return known.get(_plain(wanted))


def matching_options(*, colour: str | None, size: str | None) -> dict[str, str] | None:
    """Option filters for the search; a Chinese colour is asked for by the catalogue's English word."""
    options = {key: english_value(value) for key, value in (("colour", colour), ("size", size)) if value}
    return options or None


def english_value(word: str) -> str:
    """``red`` for ``红色``; any other word as it is."""
    for value, chinese in vocabulary()["values"].items():
        if word.strip() in chinese:
            return str(value)
    return word
