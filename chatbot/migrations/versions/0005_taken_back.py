"""What shoppers take back: out of the cart, no opinion any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatbot.db import CleanText, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# 0004 gave the whole name, and the naming convention put its prefix before it once more.
_BEFORE = (
    "ck_events_ck_events_kind",
    "kind IN ('view', 'cart', 'like', 'dislike', 'rating', 'returned')",
)
_AFTER = (
    "ck_events_kind",
    "kind IN ('view', 'cart', 'uncart', 'like', 'dislike', 'rating', 'neutral', 'returned')",
)


def upgrade() -> None:
    _change(_BEFORE, _AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM events WHERE kind IN ('uncart', 'neutral')")
    _change(_AFTER, _BEFORE)


def _change(old: tuple[str, str], new: tuple[str, str]) -> None:
    # SQLite changes a check by copying the table, and does not tell Alembic of the checks that it has.
    known = sa.Table(
        "events",
        sa.MetaData(),
        sa.Column("session_id", CleanText(200), nullable=False),
        sa.Column("id", CleanText(64), nullable=False),
        sa.Column("customer_key", CleanText(200)),
        sa.Column("sku", CleanText(200), nullable=False),
        sa.Column("kind", CleanText(16), nullable=False),
        sa.Column("stars", sa.Integer()),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "id", name="pk_events"),
        sa.CheckConstraint(old[1], name=old[0]),
        sa.Index("ix_events_session_id_at", "session_id", "at"),
        sa.Index("ix_events_customer_key_at", "customer_key", "at"),
    )
    with op.batch_alter_table("events", copy_from=known) as batch:
        batch.drop_constraint(op.f(old[0]), type_="check")
        batch.create_check_constraint(op.f(new[0]), sa.text(new[1]))
