"""The shop's tables. Every table that an importer fills has ``key``, ``source`` and ``digest``.

``key`` is the folded identity (so that ``ll-100234`` finds ``LL-100234``), ``source`` the file or system that
the row came from (deletions are followed within a source), ``digest`` the hash of the row's content
(an unchanged row is not touched). Knows no rules of the shop.
"""

from __future__ import annotations

import sqlalchemy as sa

from chatbot.db import CleanText, Money, UtcTime, metadata

_KEY = CleanText(200)


def _imported() -> tuple[sa.Column[str], sa.Column[str], sa.Column[str]]:
    return (
        sa.Column("key", _KEY, primary_key=True),
        sa.Column("source", CleanText(200), nullable=False, index=True),
        sa.Column("digest", CleanText(32), nullable=False),
    )


products = sa.Table(
    "products",
    metadata,
    *_imported(),
    sa.Column("sku", CleanText(200), nullable=False),
    sa.Column("name", CleanText, nullable=False),
    sa.Column("name_zh", CleanText, nullable=False),
    sa.Column("category", CleanText(200), nullable=False, index=True),
    sa.Column("category_zh", CleanText, nullable=False),
    sa.Column("brand", CleanText, nullable=False),
    sa.Column("description", CleanText, nullable=False),
    sa.Column("attributes", sa.JSON, nullable=False),
    sa.Column("price", Money),
    sa.Column("currency", CleanText(3), nullable=False),
    sa.Column("stock", sa.Integer),
    sa.Column("final_sale", sa.Boolean, nullable=False),
    sa.Column("age_limit", sa.Integer),
    sa.Column("repeat_days", sa.Integer),
    sa.Column("season", CleanText),
    sa.Column("url", CleanText),
)

variants = sa.Table(
    "variants",
    metadata,
    sa.Column("key", _KEY, primary_key=True),
    sa.Column(
        "parent_key", _KEY, sa.ForeignKey("products.key", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("sku", CleanText(200), nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("price", Money),
    sa.Column("stock", sa.Integer),
)

customers = sa.Table(
    "customers",
    metadata,
    *_imported(),
    sa.Column("id", CleanText(200), nullable=False),
    sa.Column("name", CleanText, nullable=False),
    sa.Column("email", CleanText),
    sa.Column("country", CleanText),
    sa.Column("locale", CleanText(35)),
)

# No foreign key to customers: shops deliver the two files in any order, and guests have no customer.
orders = sa.Table(
    "orders",
    metadata,
    *_imported(),
    sa.Column("id", CleanText(200), nullable=False),
    sa.Column("customer_key", _KEY),
    sa.Column("customer_id", CleanText(200)),
    sa.Column("placed_at", UtcTime, nullable=False),
    sa.Column("status", CleanText(40), nullable=False),
    sa.Column("country", CleanText),
    sa.Column("region", CleanText),
    sa.Column("method", CleanText),
    sa.Column("subtotal", Money, nullable=False),
    sa.Column("shipping", Money),
    sa.Column("total", Money, nullable=False),
    sa.Column("currency", CleanText(3), nullable=False),
    sa.Column("carrier", CleanText),
    sa.Column("tracking", CleanText),
    sa.Column("shipped_at", UtcTime),
    sa.Column("delivered_at", UtcTime),
    sa.Column("eta", UtcTime),
    sa.Column("cancelled_at", UtcTime),
    sa.Index("ix_orders_customer_key_placed_at", "customer_key", "placed_at"),
)

order_lines = sa.Table(
    "order_lines",
    metadata,
    sa.Column("parent_key", _KEY, sa.ForeignKey("orders.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sku", CleanText(200), nullable=False),
    sa.Column("variant_sku", CleanText(200)),
    sa.Column("name", CleanText, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("unit_price", Money, nullable=False),
)

rates = sa.Table(
    "rates",
    metadata,
    *_imported(),
    sa.Column("country", CleanText(60), nullable=False, index=True),
    sa.Column("region", CleanText(60)),
    sa.Column("method", CleanText(60), nullable=False),
    sa.Column("min_subtotal", Money, nullable=False),
    sa.Column("price", Money, nullable=False),
    sa.Column("currency", CleanText(3), nullable=False),
    sa.Column("days_min", sa.Integer),
    sa.Column("days_max", sa.Integer),
)

purchases = sa.Table(
    "purchases",
    metadata,
    *_imported(),
    sa.Column("customer_key", _KEY, nullable=False),
    sa.Column("customer_id", CleanText(200), nullable=False),
    sa.Column("sku", CleanText(200), nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("order_id", CleanText(200)),
    sa.Index("ix_purchases_customer_key_at", "customer_key", "at"),
)

# --- what kefu does itself, where no other system of the shop does it ---

# Each thing that was done, by the key that makes it happen once; ``before`` is what an undo puts back.
executions = sa.Table(
    "executions",
    metadata,
    sa.Column("key", CleanText(64), primary_key=True),
    sa.Column("customer_key", _KEY, nullable=False, index=True),
    sa.Column("outcome", sa.JSON, nullable=False),
    sa.Column("before", sa.JSON, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

# No foreign key to orders: an import replaces the rows that changed, and what was done stays done.
addresses = sa.Table(
    "addresses",
    metadata,
    sa.Column("order_key", _KEY, primary_key=True),
    sa.Column("customer_key", _KEY, nullable=False, index=True),
    sa.Column("address", CleanText, nullable=False),
)

returns = sa.Table(
    "returns",
    metadata,
    sa.Column("order_key", _KEY, primary_key=True),
    sa.Column("customer_key", _KEY, nullable=False, index=True),
    sa.Column("sku_key", _KEY, primary_key=True),
    sa.Column("exchange_for", CleanText(200)),
    sa.Column("at", UtcTime, nullable=False),
)

restock_alerts = sa.Table(
    "restock_alerts",
    metadata,
    sa.Column("customer_key", _KEY, primary_key=True),
    sa.Column("sku_key", _KEY, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)

# Which packaged shop the database holds, by the hash of all that it is made of.
seeds = sa.Table(
    "seeds",
    metadata,
    sa.Column("name", CleanText(60), primary_key=True),
    sa.Column("fingerprint", CleanText(64), nullable=False),
    sa.Column("made_at", UtcTime, nullable=False),
)
