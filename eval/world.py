"""What is true in the shop, read from its database at once: the judge's own copy of the facts.

Deliberately no part of the bot is used to look things up, so that a mistake of the bot's tools is seen as one.
Knows no reply.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from chatbot import shop_tables as t
from chatbot.shop import Customer, Order, OrderLine, Product, Rate, Shop, Variant
from configs.settings import ShopSettings
from eval.match import normalise


@dataclass(frozen=True)
class World:
    """``orders`` by folded number, ``customers`` by id. ``now`` is the moment at which the replies are given."""

    products: Sequence[Product]
    rates: Sequence[Rate]
    orders: Mapping[str, Order]
    customers: Mapping[str, Customer]
    facts: ShopSettings
    now: datetime

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.facts.timezone)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    def day(self, moment: datetime | None) -> date | None:
        """The day on the shop's calendar."""
        return moment.astimezone(self.zone).date() if moment else None

    @cached_property
    def names(self) -> tuple[re.Pattern[str], Mapping[str, tuple[int, ...]]]:
        """A pattern that finds product names in a normalised text, and the products of each name."""
        known: dict[str, tuple[int, ...]] = {}
        for index, product in enumerate(self.products):
            for name in {normalise(product.name), normalise(product.name_zh)} - {""}:
                known[name] = (*known.get(name, ()), index)
        longest_first = sorted(known, key=lambda name: (-len(name), name))
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)"), known

    @cached_property
    def by_sku(self) -> Mapping[str, int]:
        """The product of each sku, those of versions too; folded."""
        return {
            sku.casefold(): index
            for index, product in enumerate(self.products)
            for sku in (product.sku, *(variant.sku for variant in product.variants))
        }

    @cached_property
    def order_number(self) -> re.Pattern[str]:
        return re.compile(
            rf"(?<![A-Za-z0-9-]){self.facts.order_number_pattern}(?![A-Za-z0-9-])", re.IGNORECASE
        )

    @cached_property
    def tracking_owner(self) -> Mapping[str, Order]:
        return {order.tracking.casefold(): order for order in self.orders.values() if order.tracking}

    def owned(self, order: Order, customer_id: str | None) -> bool:
        return customer_id is not None and order.customer_id == customer_id

    def order_days(self, order: Order) -> dict[str, date | None]:
        """Every day that may be said of an order, by its role."""
        delivered = self.day(order.delivered_at)
        deadline = delivered + timedelta(days=self.facts.return_days) if delivered else None
        return {
            "placed": self.day(order.placed_at),
            "shipped": self.day(order.shipped_at),
            "eta": self.day(order.eta),
            "delivered": delivered,
            "cancelled": self.day(order.cancelled_at),
            "deadline": deadline,
        }

    def arrivals(self, countries: Iterable[str]) -> set[date]:
        """First and last days on which an order placed now would arrive in these countries."""
        wanted = {country.upper() for country in countries}
        found = set()
        for rate in self.rates:
            if rate.country.upper() in wanted:
                start = self._dispatch() if "express" in rate.method else self.today
                found |= {
                    _working_day(start, days) for days in (rate.days_min, rate.days_max) if days is not None
                }
        return found

    def _dispatch(self) -> date:
        """The day on which an express order placed now leaves."""
        local = self.now.astimezone(self.zone)
        day = local.date()
        if local.weekday() < 5 and local.strftime("%H:%M") < self.facts.express_cutoff:
            return day
        return _working_day(day, 1)


def _working_day(day: date, count: int) -> date:
    """The ``count``-th day from Monday to Friday after ``day``, one by one."""
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def price(product: Product, variant: Variant) -> object:
    return variant.price if variant.price is not None else product.price


def read_world(db: sa.Engine, facts: ShopSettings, now: datetime) -> World:
    """Everything that is true in this shop."""
    with db.connect() as connection:
        lines: dict[str, list[OrderLine]] = defaultdict(list)
        for row in connection.execute(
            sa.select(t.order_lines).order_by(t.order_lines.c.parent_key, t.order_lines.c.position)
        ):
            lines[row.parent_key].append(
                OrderLine(row.sku, row.variant_sku, row.name, row.quantity, row.unit_price)
            )
        orders = {
            row.key: Order(
                row.id, row.customer_id, row.placed_at, row.status, row.country, row.region, row.method,
                row.subtotal, row.shipping, row.total, row.currency, row.carrier, row.tracking, row.shipped_at,
                row.delivered_at, row.eta, row.cancelled_at, tuple(lines[row.key]),
            )
            for row in connection.execute(sa.select(t.orders))
        }  # fmt: skip
        customers = {
            row.id: Customer(row.id, row.name, row.email, row.country, row.locale)
            for row in connection.execute(sa.select(t.customers))
        }
        rates = [
            Rate(
                row.country, row.region, row.method, row.min_subtotal, row.price, row.currency, row.days_min,
                row.days_max,
            )
            for row in connection.execute(sa.select(t.rates))
        ]  # fmt: skip
    return World(Shop(db).all_products(), rates, orders, customers, facts, now)
