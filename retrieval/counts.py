"""Counts of what products have: how many of each category, option and price range. Does not know how they were found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from retrieval.catalogue import ProductLike, options_of
from retrieval.limits import COLOURS

_RANGES = 5
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class PriceRange:
    """From ``low`` on and below ``high``, by the price of the cheapest version."""

    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class Counts:
    """``options`` has a count for each value of each option ("colour", "size"); the commonest come first."""

    categories: Mapping[str, int]
    options: Mapping[str, Mapping[str, int]]
    prices: Sequence[PriceRange]


def count(products: Sequence[ProductLike]) -> Counts:
    categories = Counter(product.category for product in products if product.category)
    options: dict[str, Counter[str]] = {}
    for product in products:
        for name, values in options_of(product).items():
            name = "colour" if name.casefold() in COLOURS else name.casefold()
            options.setdefault(name, Counter()).update(values)
    return Counts(
        _commonest(categories),
        {name: _commonest(found) for name, found in sorted(options.items())},
        price_ranges([price for product in products if (price := lowest_price(product)) is not None]),
    )


def _commonest(found: Counter[str]) -> dict[str, int]:
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def lowest_price(product: ProductLike) -> Decimal | None:
    known = [variant.price for variant in product.variants if variant.price is not None]
    return min(known, default=product.price)


def price_ranges(prices: Sequence[Decimal]) -> list[PriceRange]:
    """At most five ranges of one width, 1, 2 or 5 times a power of ten; those without a product are left out."""
    if not prices:
        return []
    width = _width(min(prices), max(prices))
    places = Counter(math.floor(price / width) for price in prices)
    return [PriceRange(place * width, (place + 1) * width, n) for place, n in sorted(places.items())]


def _width(low: Decimal, high: Decimal) -> Decimal:
    power = Decimal(1)
    while True:
        for step in _STEPS:
            width = step * power
            if math.floor(high / width) - math.floor(low / width) < _RANGES:
                return width
        power *= 10
