"""What shoppers did on the shop's pages, for the recommender."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatbot.db import CleanText, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("session_id", CleanText(200), nullable=False),
        sa.Column("id", CleanText(64), nullable=False),
        sa.Column("customer_key", CleanText(200)),
        sa.Column("sku", CleanText(200), nullable=False),
        sa.Column("kind", CleanText(16), nullable=False),
        sa.Column("stars", sa.Integer()),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "id", name="pk_events"),
        sa.CheckConstraint(
            "kind IN ('view', 'cart', 'uncart', 'like', 'dislike', 'rating', 'neutral', 'returned')",
            name="kind",
        ),
    )
    op.create_index("ix_events_session_id_at", "events", ["session_id", "at"])
    op.create_index("ix_events_customer_key_at", "events", ["customer_key", "at"])


def downgrade() -> None:
    op.drop_table("events")
