"""What is usual in the shop, so that a customer can be told apart: prices by category, what share of its sales has which value.

Made of the catalogue and of all that was sold; the same for every customer, and worth keeping for a while. Knows no customer.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import sqlalchemy as sa

from chatbot import shop_tables
from chatbot.insights.history import BuyingDays, buying_days
from chatbot.insights.words import Usage, usage_of_shop
from chatbot.shop import Product, Shop, Variant, fold

CATEGORY, BRAND = "category", "brand"
LONGEST = 4
"""Words, of an attribute's value that is one and not a text."""
SHARED = 3
"""Products that have a value at the least, for it to be a taste rather than a product."""
PRICED = 3
"""Products of a category whose prices are known, below which it has no low and no high."""
_TRUE, _FALSE = frozenset({"yes", "true", "是"}), frozenset({"no", "false", "none", "否", "无"})

Value = tuple[str, str]
"""What it is a value of (category, brand, an attribute's or option's name), and the value, folded."""


@dataclass(frozen=True, slots=True)
class Norms:
    """``products`` has each product under its own sku and its versions', folded, and which version that is. ``prices`` are sorted, by category and currency.
    ``shares`` says which part of the lines that were sold has a value; ``spelt`` how the shop writes it."""

    products: Mapping[str, tuple[Product, Variant | None]]
    prices: Mapping[tuple[str, str], Sequence[float]]
    shares: Mapping[Value, float]
    spelt: Mapping[Value, str]
    usage: Usage
    days: BuyingDays

    def values(self, sku: str) -> dict[Value, str]:
        """The values of what was taken that are shared by enough products, each with the shop's spelling."""
        found = self.products.get(fold(sku))
        if found is None:
            return {}
        return {value: self.spelt[value] for value, _ in _values(*found) if value in self.spelt}

    def price_rank(self, sku: str) -> float | None:
        """Where the price of what was taken lies among those of its category: 0 the lowest, 0.5 the middle, 1 the highest."""
        found = self.products.get(fold(sku))
        if found is None:
            return None
        product, variant = found
        price = _price(product, variant)
        prices = self.prices.get((fold(product.category), product.currency), ())
        if price is None or len(prices) < PRICED:
            return None
        below, upto = bisect.bisect_left(prices, price), bisect.bisect_right(prices, price)
        return (below + upto) / 2 / len(prices)


def norms(db: sa.Engine) -> Norms:
    """Reads all products, all that was sold and the newest messages: a second for 40,000 purchases."""
    catalogue = Shop(db).all_products()
    products: dict[str, tuple[Product, Variant | None]] = {}
    for product in catalogue:
        for variant in product.variants:
            products[fold(variant.sku)] = product, variant
    products.update((fold(product.sku), (product, None)) for product in catalogue)
    with db.connect() as connection:
        sold = _sold(connection)
        words, days = usage_of_shop(connection), buying_days(connection)
    spelt = _spelt(catalogue)
    return Norms(products, _prices(catalogue), _shares(sold, products, spelt), spelt, words, days)


def _sold(connection: sa.Connection) -> dict[str, int]:
    """Lines by sku: of the purchases, or of the orders of a shop that brings none."""
    p, line = shop_tables.purchases.c, shop_tables.order_lines.c
    query = sa.select(p.sku, sa.func.count()).where(p.quantity > 0).group_by(p.sku)
    sold = {sku: int(lines) for sku, lines in connection.execute(query)}
    if not sold:
        sku = sa.func.coalesce(line.variant_sku, line.sku)
        sold = {
            name: int(lines)
            for name, lines in connection.execute(sa.select(sku, sa.func.count()).group_by(sku))
        }
    return sold


def _values(product: Product, variant: Variant | None) -> Iterator[tuple[Value, str]]:
    """Each value with its spelling. A text is none, nor is what a product is not."""
    yield from _value(CATEGORY, product.category)
    yield from _value(BRAND, product.brand)
    options = variant.options if variant else {}
    for name, text in {**product.attributes, **options}.items():
        said = str(text).strip()
        # "190 g" is a measure, unless it is the size that somebody chose.
        measure = name not in options and re.search(r"\d", said)
        if measure or said.casefold() in _FALSE:
            continue
        # "dishwasher_safe: yes" is the value "dishwasher safe" of itself.
        spelling = name.replace("_", " ") if said.casefold() in _TRUE else said
        if len(spelling.split()) <= LONGEST:
            yield from _value(name.replace("_", " "), spelling)


def _value(name: str, spelling: str) -> Iterator[tuple[Value, str]]:
    if spelling.strip():
        yield (name, fold(spelling)), spelling.strip()


def _spelt(catalogue: Iterable[Product]) -> dict[Value, str]:
    """Categories and brands, and the values that enough products share."""
    having: Counter[Value] = Counter()
    spelt: dict[Value, str] = {}
    for product in catalogue:
        own = dict(_values(product, None))
        for variant in product.variants:
            own |= dict(_values(product, variant))
        having.update(own.keys())
        spelt |= own
    kept = {CATEGORY, BRAND}
    return {value: text for value, text in spelt.items() if value[0] in kept or having[value] >= SHARED}


def _shares(
    sold: Mapping[str, int],
    products: Mapping[str, tuple[Product, Variant | None]],
    spelt: Mapping[Value, str],
) -> dict[Value, float]:
    counts: Counter[Value] = Counter()
    lines = 0
    for sku, count in sold.items():
        found = products.get(fold(sku))
        if found is not None:
            lines += count
            counts.update({value: count for value, _ in _values(*found) if value in spelt})
    return {value: count / lines for value, count in counts.items()}


def _prices(catalogue: Iterable[Product]) -> dict[tuple[str, str], Sequence[float]]:
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for product in catalogue:
        price = _price(product, None)
        if price is not None:
            found[fold(product.category), product.currency].append(price)
    return {place: sorted(prices) for place, prices in found.items()}


def _price(product: Product, variant: Variant | None) -> float | None:
    """Of the version; of a product whose versions alone have prices, their mean."""
    if variant is not None and variant.price is not None:
        return float(variant.price)
    if product.price is not None:
        return float(product.price)
    known = [float(one.price) for one in product.variants if one.price is not None]
    return fmean(known) if known else None
