"""Alembic's entry: runs the steps on the connection and in the transaction that ``chatbot.db.migrate`` gives."""

from __future__ import annotations

from alembic import context

import chatbot.shop_tables
import chatbot.store_tables  # noqa: F401  (both register their tables)
from chatbot.db import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite can alter a table only by copying it
)
context.run_migrations()
