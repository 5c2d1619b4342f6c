"""What shoppers did on the shop's pages: products seen, put into the cart, rated, liked, refused.

Kept under the session, and under the customer once the session is signed in. An event that comes twice is stored once. Old events are
dropped; of one person and product the same kind counts once a day, so that nobody makes a product popular by looking at
it all day. Knows no purchases and no recommender.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from chatbot import store_tables as t
from chatbot.db import writing
from chatbot.shop import fold

KEPT = timedelta(days=365)
"""How long an event is kept."""
MOST = 500
"""Events of one person that are looked at, the newest."""


@dataclass(frozen=True, slots=True)
class Done:
    """Something that somebody did. ``stars`` are a rating's, 1 to 5."""

    id: str
    sku: str
    kind: str
    at: datetime
    stars: int | None = None


class Behaviour:
    """Safe to share between threads and processes."""

    def __init__(self, db: sa.Engine) -> None:
        self._db = db

    def add(self, session_id: str, customer_id: str | None, events: Sequence[Done]) -> int:
        """How many were new."""
        rows = {
            event.id: {
                "session_id": session_id,
                "id": event.id,
                "customer_key": fold(customer_id) if customer_id else None,
                "sku": event.sku,
                "kind": event.kind,
                "stars": event.stars,
                "at": event.at,
            }
            for event in events
        }
        if not rows:
            return 0
        insert = postgresql.insert if self._db.dialect.name == "postgresql" else sqlite.insert
        statement = insert(t.events).on_conflict_do_nothing().returning(t.events.c.id)
        with writing(self._db) as connection:
            return len(connection.execute(statement, list(rows.values())).all())

    def of(self, session_id: str, customer_id: str | None) -> list[Done]:
        """What this session did, and what the customer did in others; the oldest first."""
        c = t.events.c
        whose = c.session_id == session_id
        if customer_id is not None:
            whose = sa.or_(whose, c.customer_key == fold(customer_id))
        query = (
            sa.select(c.id, c.sku, c.kind, c.at, c.stars)
            .where(whose)
            .order_by(c.at.desc(), c.id.desc())
            .limit(MOST)
        )
        with self._db.connect() as connection:
            return [Done(*row) for row in reversed(connection.execute(query).all())]

    def all(self) -> list[tuple[str, Done]]:
        """Everybody's, by customer or, where nobody signed in, by session; of a day and kind one."""
        c = t.events.c
        query = sa.select(c.customer_key, c.session_id, c.id, c.sku, c.kind, c.at, c.stars).order_by(
            c.at, c.id
        )
        seen: set[tuple[Any, ...]] = set()
        found = []
        with self._db.connect() as connection:
            for customer, session, *told in connection.execute(query):
                event = Done(*told)
                who = customer or f"session:{session}"
                once = (who, fold(event.sku), event.kind, event.at.date())
                if once not in seen:
                    seen.add(once)
                    found.append((who, event))
        return found

    def in_sessions_of(self, customer_id: str) -> list[tuple[str, Done]]:
        """What ``forget`` would delete, with the session, the oldest first."""
        c = t.events.c
        query = sa.select(c.session_id, c.id, c.sku, c.kind, c.at, c.stars).order_by(c.at, c.session_id, c.id)
        with self._db.connect() as connection:
            rows = connection.execute(query.where(_in_sessions_of(customer_id))).all()
        return [(session, Done(*told)) for session, *told in rows]

    def forget(self, customer_id: str) -> int:
        """Delete all that a customer did, in every session of theirs; how many events that were."""
        with writing(self._db) as connection:
            return connection.execute(t.events.delete().where(_in_sessions_of(customer_id))).rowcount

    def drop_old(self, now: datetime | None = None) -> int:
        """Delete what is older than ``KEPT``; how many events that were."""
        before = (now or datetime.now(UTC)) - KEPT
        with writing(self._db) as connection:
            return connection.execute(t.events.delete().where(t.events.c.at < before)).rowcount


def _in_sessions_of(customer_id: str) -> sa.ColumnElement[bool]:
    """Also what was done before signing in, in the same session."""
    c = t.events.c
    sessions = sa.select(c.session_id).where(c.customer_key == fold(customer_id))
    return c.session_id.in_(sessions.scalar_subquery())
