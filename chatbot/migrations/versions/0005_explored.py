"""Choices that were made by chance in lists of suggestions, with their odds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatbot.db import CleanText, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "explored",
        sa.Column("turn_id", CleanText(64), nullable=False),
        sa.Column("session_id", CleanText(200), nullable=False),
        sa.Column("customer_key", CleanText(200)),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("skus", sa.JSON(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("propensity", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", name="pk_explored"),
        sa.CheckConstraint("propensity > 0 AND propensity <= 1", name="propensity"),
    )
    op.create_index("ix_explored_at", "explored", ["at"])
    op.create_index("ix_explored_customer_key", "explored", ["customer_key"])


def downgrade() -> None:
    op.drop_table("explored")
