"""Seeds: which packaged shop the database holds, so that it is not made twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatbot.db import CleanText, UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seeds",
        sa.Column("name", CleanText(60), nullable=False),
        sa.Column("fingerprint", CleanText(64), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_seeds"),
    )


def downgrade() -> None:
    op.drop_table("seeds")
