"""What makes a record whole: its identity, the sums of an order, the stock of a product with variants.

Works on values that were read already; does not know rows, files or the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from chatbot.importers.transforms import UnreadableError
from chatbot.shop import fold

IDENTITY: Mapping[str, tuple[str, ...]] = {
    "products": ("sku",),
    "customers": ("id",),
    "orders": ("id",),
    "purchases": ("customer_id", "order_id", "sku", "at"),
    "rates": ("country", "region", "method", "min_subtotal"),
    "pages": ("identifier",),
}

Values = dict[str, Any]
Children = list[dict[str, Any]]


def key_of(identity: Sequence[Any]) -> str:
    """The primary key: the folded id, or a hash where several fields identify the record."""
    if len(identity) == 1:
        return fold(str(identity[0]))
    parts = [
        part.isoformat() if isinstance(part, datetime) else "" if part is None else fold(str(part))
        for part in identity
    ]
    return digest_of(parts)


def digest_of(content: Any) -> str:
    """A hash of what ``repr`` shows; equal content has an equal hash in every process."""
    return blake2b(repr(content).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _product(values: Values, children: Children) -> None:
    children[:0] = _named(("sku", "options", "price", "stock"), values.pop("variants"))
    for position, variant in enumerate(children):
        variant["position"] = position
        variant["key"] = fold(variant["sku"])
    stocks = [variant["stock"] for variant in children]
    if values["stock"] is None and stocks and None not in stocks:
        values["stock"] = sum(stocks)
    prices = {variant["price"] for variant in children}
    if values["price"] is None and len(prices) == 1:
        values["price"] = prices.pop()


def _order(values: Values, children: Children) -> None:
    children[:0] = _named(("sku", "variant_sku", "name", "quantity", "unit_price"), values.pop("lines"))
    for position, line in enumerate(children):
        line["position"] = position
        line["name"] = line["name"] or line["sku"]
    if values["subtotal"] is None and children:
        values["subtotal"] = sum((line["quantity"] * line["unit_price"] for line in children), Decimal(0))
    if values["subtotal"] is None:
        values["subtotal"] = values["total"]
    if values["subtotal"] is None:
        raise UnreadableError("lines, or a subtotal or total")
    if values["total"] is None:
        values["total"] = values["subtotal"] + (values["shipping"] or Decimal(0))
    customer = values["customer_id"]
    values["customer_key"] = None if customer is None else fold(customer)


def _purchase(values: Values, children: Children) -> None:
    values["customer_key"] = fold(values["customer_id"])


def _named(names: Sequence[str], rows: Sequence[Sequence[Any]] | None) -> Children:
    return [dict(zip(names, row, strict=True)) for row in rows or ()]


COMPLETE: Mapping[str, Callable[[Values, Children], None]] = {
    "products": _product,
    "orders": _order,
    "purchases": _purchase,
}
"""Fills in what follows from the rest, in place; raises ``UnreadableError`` if too little is given."""
