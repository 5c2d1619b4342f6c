"""What a shopper wants of suggestions besides that they are good: limits of price, how many, of which category, without what.

Checks products by the shop's own figures and says the limits; ranks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from chatbot.shop import Product
from chatbot.tools.catalogue import is_sold_out, prices
from chatbot.tools.wording import Words


@dataclass(frozen=True, slots=True)
class Wish:
    """What a shopper wants of suggestions. ``below`` is a price that they must stay under."""

    count: int
    max_price: float | None
    min_price: float | None
    below: Decimal | None
    category: str | None
    without: Sequence[str]
    exclude: Sequence[str]

    @property
    def limited(self) -> bool:
        return bool(
            self.max_price is not None
            or self.min_price is not None
            or self.below is not None
            or self.category
            or self.without
        )

    def allows(self, product: Product) -> bool:
        """Price and stock once more on the shop's own figures: the index may be older than they are."""
        if is_sold_out(product):
            return False
        span = prices(product)
        if span is None:
            return self.max_price is None and self.min_price is None and self.below is None
        low, high = span
        return not (
            (self.max_price is not None and low > Decimal(str(self.max_price)))
            or (self.min_price is not None and high < Decimal(str(self.min_price)))
            or (self.below is not None and low >= self.below)
        )

    def text(self, to: Words) -> str:
        parts = [to.text("filter_category", category=self.category)] if self.category else []
        if self.min_price is not None:
            parts.append(to.text("filter_min_price", price=to.money(Decimal(str(self.min_price)))))
        if self.max_price is not None and (self.below is None or self.max_price < self.below):
            parts.append(to.text("filter_max_price", price=to.money(Decimal(str(self.max_price)))))
        if self.below is not None:
            parts.append(to.text("filter_below", price=to.money(self.below)))
        if self.without:
            parts.append(to.text("filter_without", unwanted=to.listing(list(self.without), last="list_or")))
        return to.comma(parts)
