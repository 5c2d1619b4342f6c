"""The first schema: products, customers, orders, rates, purchases; conversations, turns, messages, feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatbot.db import CleanText, Money, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", CleanText(64), nullable=False),
        sa.Column("session_id", CleanText(200), nullable=False),
        sa.Column("customer_id", CleanText(200)),
        sa.Column("locale", CleanText(35), nullable=False),
        sa.Column("status", CleanText(16), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('bot', 'waiting', 'person', 'closed')", name="ck_conversations_status"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_index("ix_conversations_created_at", "conversations", ["created_at"])
    op.create_index("ix_conversations_customer_id", "conversations", ["customer_id"])
    op.create_index("ix_conversations_session_id", "conversations", ["session_id"])
    op.create_table(
        "customers",
        sa.Column("key", CleanText(200), nullable=False),
        sa.Column("source", CleanText(200), nullable=False),
        sa.Column("digest", CleanText(32), nullable=False),
        sa.Column("id", CleanText(200), nullable=False),
        sa.Column("name", CleanText(), nullable=False),
        sa.Column("email", CleanText()),
        sa.Column("country", CleanText()),
        sa.Column("locale", CleanText(35)),
        sa.PrimaryKeyConstraint("key", name="pk_customers"),
    )
    op.create_index("ix_customers_source", "customers", ["source"])
    op.create_table(
        "orders",
        sa.Column("key", CleanText(200), nullable=False),
        sa.Column("source", CleanText(200), nullable=False),
        sa.Column("digest", CleanText(32), nullable=False),
        sa.Column("id", CleanText(200), nullable=False),
        sa.Column("customer_key", CleanText(200)),
        sa.Column("customer_id", CleanText(200)),
        sa.Column("placed_at", UtcTime(), nullable=False),
        sa.Column("status", CleanText(40), nullable=False),
        sa.Column("country", CleanText()),
        sa.Column("region", CleanText()),
        sa.Column("method", CleanText()),
        sa.Column("subtotal", Money(), nullable=False),
        sa.Column("shipping", Money()),
        sa.Column("total", Money(), nullable=False),
        sa.Column("currency", CleanText(3), nullable=False),
        sa.Column("carrier", CleanText()),
        sa.Column("tracking", CleanText()),
        sa.Column("shipped_at", UtcTime()),
        sa.Column("delivered_at", UtcTime()),
        sa.Column("eta", UtcTime()),
        sa.Column("cancelled_at", UtcTime()),
        sa.PrimaryKeyConstraint("key", name="pk_orders"),
    )
    op.create_index("ix_orders_customer_key_placed_at", "orders", ["customer_key", "placed_at"])
    op.create_index("ix_orders_source", "orders", ["source"])
    op.create_table(
        "products",
        sa.Column("key", CleanText(200), nullable=False),
        sa.Column("source", CleanText(200), nullable=False),
        sa.Column("digest", CleanText(32), nullable=False),
        sa.Column("sku", CleanText(200), nullable=False),
        sa.Column("name", CleanText(), nullable=False),
        sa.Column("name_zh", CleanText(), nullable=False),
        sa.Column("category", CleanText(200), nullable=False),
        sa.Column("category_zh", CleanText(), nullable=False),
        sa.Column("brand", CleanText(), nullable=False),
        sa.Column("description", CleanText(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("price", Money()),
        sa.Column("currency", CleanText(3), nullable=False),
        sa.Column("stock", sa.Integer()),
        sa.Column("final_sale", sa.Boolean(), nullable=False),
        sa.Column("age_limit", sa.Integer()),
        sa.Column("repeat_days", sa.Integer()),
        sa.Column("season", CleanText()),
        sa.Column("url", CleanText()),
        sa.PrimaryKeyConstraint("key", name="pk_products"),
    )
    op.create_index("ix_products_category", "products", ["category"])
    op.create_index("ix_products_source", "products", ["source"])
    op.create_table(
        "purchases",
        sa.Column("key", CleanText(200), nullable=False),
        sa.Column("source", CleanText(200), nullable=False),
        sa.Column("digest", CleanText(32), nullable=False),
        sa.Column("customer_key", CleanText(200), nullable=False),
        sa.Column("customer_id", CleanText(200), nullable=False),
        sa.Column("sku", CleanText(200), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("order_id", CleanText(200)),
        sa.PrimaryKeyConstraint("key", name="pk_purchases"),
    )
    op.create_index("ix_purchases_customer_key_at", "purchases", ["customer_key", "at"])
    op.create_index("ix_purchases_source", "purchases", ["source"])
    op.create_table(
        "rates",
        sa.Column("key", CleanText(200), nullable=False),
        sa.Column("source", CleanText(200), nullable=False),
        sa.Column("digest", CleanText(32), nullable=False),
        sa.Column("country", CleanText(60), nullable=False),
        sa.Column("region", CleanText(60)),
        sa.Column("method", CleanText(60), nullable=False),
        sa.Column("min_subtotal", Money(), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.Column("currency", CleanText(3), nullable=False),
        sa.Column("days_min", sa.Integer()),
        sa.Column("days_max", sa.Integer()),
        sa.PrimaryKeyConstraint("key", name="pk_rates"),
    )
    op.create_index("ix_rates_country", "rates", ["country"])
    op.create_index("ix_rates_source", "rates", ["source"])
    op.create_table(
        "order_lines",
        sa.Column("parent_key", CleanText(200), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sku", CleanText(200), nullable=False),
        sa.Column("variant_sku", CleanText(200)),
        sa.Column("name", CleanText(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", Money(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_key"], ["orders.key"], name="fk_order_lines_parent_key", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("parent_key", "position", name="pk_order_lines"),
    )
    op.create_table(
        "turns",
        sa.Column("id", CleanText(64), nullable=False),
        sa.Column("conversation_id", CleanText(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("turn", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_turns_conversation_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.UniqueConstraint("conversation_id", "number", name="uq_turns_conversation_id_number"),
    )
    op.create_index("ix_turns_created_at", "turns", ["created_at"])
    op.create_table(
        "variants",
        sa.Column("key", CleanText(200), nullable=False),
        sa.Column("parent_key", CleanText(200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", CleanText(200), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("price", Money()),
        sa.Column("stock", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["parent_key"], ["products.key"], name="fk_variants_parent_key", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name="pk_variants"),
    )
    op.create_index("ix_variants_parent_key", "variants", ["parent_key"])
    op.create_table(
        "feedback",
        sa.Column("turn_id", CleanText(64), nullable=False),
        sa.Column("rating", CleanText(4), nullable=False),
        sa.Column("comment", CleanText(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.CheckConstraint("rating IN ('up', 'down')", name="ck_feedback_rating"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_feedback_turn_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("turn_id", name="pk_feedback"),
    )
    op.create_table(
        "messages",
        sa.Column("id", CleanText(64), nullable=False),
        sa.Column("conversation_id", CleanText(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", CleanText(), nullable=False),
        sa.Column("client_id", CleanText(200)),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("claimed_by", CleanText(200)),
        sa.Column("claimed_at", UtcTime()),
        sa.Column("turn_id", CleanText(64)),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_messages_conversation_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_messages_turn_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("conversation_id", "client_id", name="uq_messages_conversation_id_client_id"),
        sa.UniqueConstraint("conversation_id", "number", name="uq_messages_conversation_id_number"),
    )
    op.create_index("ix_messages_turn_id", "messages", ["turn_id"])


def downgrade() -> None:
    for table in (
        "messages",
        "feedback",
        "variants",
        "turns",
        "order_lines",
        "rates",
        "purchases",
        "products",
        "orders",
        "customers",
        "conversations",
    ):
        op.drop_table(table)
