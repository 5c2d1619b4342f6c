"""Which fields each kind of record has, which are required, and what stands where a file has no value.

Knows neither files nor mappings nor how values are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from chatbot.importers.fields import (
    Target,
    children,
    country,
    currency,
    identifier,
    money,
    names_to_text,
    price,
    region,
    short,
    status,
    text,
    time,
    whole,
    yes_or_no,
)

VARIANT: Mapping[str, Target] = {
    "sku": Target(identifier, required=True),
    "options": Target(names_to_text, default={}),
    "price": Target(price),
    "stock": Target(whole(0)),
}
LINE: Mapping[str, Target] = {
    "sku": Target(identifier, required=True),
    "variant_sku": Target(identifier),
    "name": Target(text),
    "quantity": Target(whole(1), default=1),
    "unit_price": Target(money, required=True),
}


def targets(kind: str, zone: str, fallback_currency: str | None) -> dict[str, Target]:
    """The fields of a kind of record, in the order of its table's columns."""
    moment = time(zone)
    coin = Target(currency, required=True, default=fallback_currency)
    of_kind: dict[str, dict[str, Target]] = {
        "products": {
            "sku": Target(identifier, required=True),
            "name": Target(text, required=True),
            "name_zh": Target(text, default=""),
            "category": Target(short(200), default=""),
            "category_zh": Target(text, default=""),
            "brand": Target(text, default=""),
            "description": Target(text, default=""),
            "attributes": Target(names_to_text, default={}),
            "price": Target(price),
            "currency": coin,
            "stock": Target(whole(0)),
            "final_sale": Target(yes_or_no, default=False),
            "age_limit": Target(whole(0)),
            "repeat_days": Target(whole(1)),
            "season": Target(text),
            "url": Target(text),
            "variants": Target(children(VARIANT)),
        },
        "customers": {
            "id": Target(identifier, required=True),
            "name": Target(text, default=""),
            "email": Target(text),
            "country": Target(country),
            "locale": Target(short(35)),
        },
        "orders": {
            "id": Target(identifier, required=True),
            "customer_id": Target(identifier),
            "placed_at": Target(moment, required=True),
            "status": Target(status, required=True),
            "country": Target(country),
            "region": Target(region),
            "method": Target(text),
            "subtotal": Target(money),
            "shipping": Target(money),
            "total": Target(money),
            "currency": coin,
            "carrier": Target(text),
            "tracking": Target(text),
            "shipped_at": Target(moment),
            "delivered_at": Target(moment),
            "eta": Target(moment),
            "cancelled_at": Target(moment),
            "lines": Target(children(LINE)),
        },
        "purchases": {
            "customer_id": Target(identifier, required=True),
            "sku": Target(identifier, required=True),
            "quantity": Target(whole(1), default=1),
            "at": Target(moment, required=True),
            "order_id": Target(identifier),
        },
        "rates": {
            "country": Target(country, required=True),
            "region": Target(region),
            "method": Target(short(60), default="standard"),
            "min_subtotal": Target(price, default=Decimal(0)),
            "price": Target(price, required=True),
            "currency": coin,
            "days_min": Target(whole(0)),
            "days_max": Target(whole(0)),
        },
        "pages": {
            "identifier": Target(identifier, required=True),
            "title": Target(text, required=True),
            "html": Target(text, required=True),
        },
    }
    return of_kind[kind]
