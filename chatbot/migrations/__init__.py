"""The schema's history, one file a step. ``HEAD`` lets a start-up skip Alembic when nothing is to be done."""

HEAD = "0007"
