"""Whether a shop does what a shopper asks for: states, deadlines and amounts, in code. A refusal is a short code; None is a yes.

Asked when an action is proposed and once more when it is carried out, since an order moves on in between. Reads no database and words
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from chatbot.shop import Order, OrderLine, Product, fold
from configs import countries
from configs.settings import ActionSettings, ShopSettings

Kind = Literal["cancel_order", "change_address", "request_return", "request_exchange", "resend_receipt", "restock_alert"]  # fmt: skip
KINDS: tuple[Kind, ...] = ("cancel_order", "change_address", "request_return", "request_exchange", "resend_receipt", "restock_alert")  # fmt: skip
WAITING = ("pending_payment", "processing", "packed", "shipped", "out_for_delivery")
"""States of an order that has not arrived."""
CLOSED: Mapping[str, str] = {
    "cancelled": "already_cancelled",
    "return_requested": "already_requested",
    "returned": "already_returned",
    "refunded": "already_refunded",
}
LONGEST_ADDRESS = 300
"""Characters."""


def cancel(order: Order, facts: ShopSettings, rules: ActionSettings) -> str | None:
    """``too_large`` is for a person; everything else is no."""
    if order.status in CLOSED:
        return CLOSED[order.status]
    if order.status not in facts.cancellable_states:
        return "not_cancellable"
    return _for_a_person(order, rules)


def change_address(order: Order, address: str, facts: ShopSettings, rules: ActionSettings) -> str | None:
    """Until an order is packed, and within its country, on which the price of the delivery hangs."""
    if order.status in CLOSED:
        return CLOSED[order.status]
    if order.status not in facts.cancellable_states:
        return "not_changeable"
    if not complete(address):
        return "no_address"
    country = countries.find(address.rpartition(",")[2])  # "12 Malta Road, London" is not in Malta
    if country and order.country and country.upper() != order.country.upper():
        return "other_country"
    return _for_a_person(order, rules)


def complete(address: str) -> bool:
    """Whether a text can be an address: it has a number, and says more than a street or a town."""
    words = [word for word in address.replace(",", " ").split() if word]
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in address)
    some = any(letter.isdigit() for letter in address)
    return some and (len(words) >= 3 or chinese >= 6) and len(address) <= LONGEST_ADDRESS


def take_back(
    order: Order,
    lines: Sequence[OrderLine],
    products: Mapping[str, Product],
    facts: ShopSettings,
    *,
    today: date,
    last_day: date | None,
    requested: Collection[str] = (),
) -> str | None:
    """Whether these lines can be returned. ``products`` are by folded sku, ``last_day`` is counted from the delivery (None: its day is
    not known), ``requested`` are the folded skus for which a return is registered already."""
    if order.status in facts.cancellable_states:
        return "not_sent"
    if order.status in CLOSED:
        return CLOSED[order.status]
    if lines and all(final_sale(line, products) for line in lines):
        return "final_sale"
    if order.status in WAITING:
        return "not_delivered"
    if order.status != "delivered" or not lines:
        return "unknown_state"
    if last_day is None:
        return "no_date"
    if last_day < today:
        return "too_late"
    left = [line for line in lines if not final_sale(line, products)]
    if left and all(sold_as(line) in requested for line in left):
        return "already_requested"
    return None


def last_day(delivered: date | None, facts: ShopSettings) -> date | None:
    """The last day for a return; None if the shop takes nothing back or the day of delivery is not known."""
    return delivered + timedelta(days=facts.return_days) if delivered and facts.return_days > 0 else None


def final_sale(line: OrderLine, products: Mapping[str, Product]) -> bool:
    product = products.get(fold(line.sku))
    return bool(product and product.final_sale)


def sold_as(line: OrderLine) -> str:
    """The folded sku of the version that was sold."""
    return fold(line.variant_sku or line.sku)


def _for_a_person(order: Order, rules: ActionSettings) -> str | None:
    return "too_large" if order.total > Decimal(str(rules.person_above)) else None
