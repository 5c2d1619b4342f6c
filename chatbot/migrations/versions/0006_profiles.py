"""Profiles of customers: what their facts add up to, and how far it was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatbot.db import CleanText, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "profiles",
        sa.Column("customer_key", CleanText(200), nullable=False),
        sa.Column("made_with", CleanText(64), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("seal", CleanText(64), nullable=False),
        sa.Column("folded", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("customer_key", name="pk_profiles"),
    )


def downgrade() -> None:
    op.drop_table("profiles")
