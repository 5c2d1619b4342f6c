"""Actions: what shoppers were asked to confirm, and what the built-in system did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatbot.db import CleanText, UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "actions",
        sa.Column("id", CleanText(64), nullable=False),
        sa.Column("conversation_id", CleanText(64), nullable=False),
        sa.Column("customer_id", CleanText(200), nullable=False),
        sa.Column("customer_key", CleanText(200), nullable=False),
        sa.Column("kind", CleanText(32), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("seal", CleanText(64), nullable=False),
        sa.Column("state", CleanText(16), nullable=False),
        sa.Column("outcome", sa.JSON()),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("decided_at", UtcTime()),
        sa.CheckConstraint(
            "state IN ('proposed', 'lapsed', 'declined', 'running', 'done', 'refused', 'undone')",
            name="state",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_actions_conversation_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_actions"),
    )
    op.create_index("ix_actions_customer_key", "actions", ["customer_key"])
    op.create_index("ix_actions_conversation_id_created_at", "actions", ["conversation_id", "created_at"])
    op.create_index("ix_actions_state", "actions", ["state"])
    op.create_table(
        "executions",
        sa.Column("key", CleanText(64), nullable=False),
        sa.Column("customer_key", CleanText(200), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_executions"),
    )
    op.create_index("ix_executions_customer_key", "executions", ["customer_key"])
    op.create_table(
        "addresses",
        sa.Column("order_key", CleanText(200), nullable=False),
        sa.Column("customer_key", CleanText(200), nullable=False),
        sa.Column("address", CleanText(), nullable=False),
        sa.PrimaryKeyConstraint("order_key", name="pk_addresses"),
    )
    op.create_index("ix_addresses_customer_key", "addresses", ["customer_key"])
    op.create_table(
        "returns",
        sa.Column("order_key", CleanText(200), nullable=False),
        sa.Column("customer_key", CleanText(200), nullable=False),
        sa.Column("sku_key", CleanText(200), nullable=False),
        sa.Column("exchange_for", CleanText(200)),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("order_key", "sku_key", name="pk_returns"),
    )
    op.create_index("ix_returns_customer_key", "returns", ["customer_key"])
    op.create_table(
        "restock_alerts",
        sa.Column("customer_key", CleanText(200), nullable=False),
        sa.Column("sku_key", CleanText(200), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("customer_key", "sku_key", name="pk_restock_alerts"),
    )


def downgrade() -> None:
    for table in ("restock_alerts", "returns", "addresses", "executions", "actions"):
        op.drop_table(table)
