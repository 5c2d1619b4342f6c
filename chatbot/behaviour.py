"""What shoppers did on the shop's pages: products seen, put into the cart and taken out, rated, liked, refused.

Kept under the session, and under the customer once the session is signed in. An event that comes twice is stored once. Old events are
dropped; of one person and product the same kind counts once a day, so that nobody makes a product popular by looking at
it all day. What was taken back is resolved here (``standing``): nobody else meets an ``uncart`` or a ``neutral``. Knows no recommender,
and of what was bought only that it no longer lies in the cart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from chatbot import store_tables as t
from chatbot.db import writing
from chatbot.shop import Shop, fold, product_skus

KEPT = timedelta(days=365)
"""How long an event is kept."""
MOST = 500
"""Events of one person that are looked at, the newest."""
IN_CART = timedelta(days=7)
"""How long what was put into a cart is taken to lie there."""
_OPINIONS = frozenset({"like", "dislike", "rating", "neutral"})


@dataclass(frozen=True, slots=True)
class Done:
    """Something that somebody did. ``stars`` are a rating's, 1 to 5.

    ``uncart`` takes a ``cart`` back, ``neutral`` a ``like``, a ``dislike`` or a ``rating``.
    """

    id: str
    sku: str
    kind: str
    at: datetime
    stars: int | None = None


class Forgotten(NamedTuple):
    """Rows that were deleted: what a customer did, and what exploring had offered them."""

    events: int
    explored: int


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
        """What holds of what this session did, and the customer in others; the oldest first."""
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
            told = [("", Done(*row)) for row in reversed(connection.execute(query).all())]
        return [event for _, event in standing(told)]

    def cart(self, session_id: str, customer_id: str | None, now: datetime | None = None) -> list[str]:
        """The products in the cart, the newest first: put in within ``IN_CART``, not taken out and not bought since.

        A version counts as its product; what the shop no longer has is left out.
        """
        since = (now or datetime.now(UTC)) - IN_CART
        put = [
            event for event in self.of(session_id, customer_id) if event.kind == "cart" and event.at >= since
        ]
        shop = Shop(self._db)
        bought = shop.history(customer_id) if customer_id is not None and put else []
        own = product_skus(shop.products([event.sku for event in put] + [sku for sku, _ in bought]))
        # Many shops export the day of an order alone, as its midnight: a purchase of the same day is one since.
        last = {own.get(fold(sku)): at.date() for sku, at in bought}
        found: dict[str, None] = {}
        for event in reversed(put):
            sku = own.get(fold(event.sku))
            if sku is not None and (sku not in last or last[sku] < event.at.date()):
                found.setdefault(sku)
        return list(found)

    def all(self) -> list[tuple[str, Done]]:
        """What holds of everybody, by customer or, where nobody signed in, by session; of a day and kind one."""
        c = t.events.c
        query = sa.select(c.customer_key, c.session_id, c.id, c.sku, c.kind, c.at, c.stars).order_by(
            c.at, c.id
        )
        with self._db.connect() as connection:
            told = [
                (customer or f"session:{session}", Done(*columns))
                for customer, session, *columns in connection.execute(query)
            ]
        seen: set[tuple[Any, ...]] = set()
        found = []
        for who, event in standing(told):
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
            rows = connection.execute(query.where(c.session_id.in_(sessions_of(customer_id)))).all()
        return [(session, Done(*told)) for session, *told in rows]

    def forget(self, customer_id: str) -> Forgotten:
        """Delete all that a customer did and was shown, in every session of theirs."""
        with writing(self._db) as connection:
            # Read first: what is deleted of one table would no longer tell the sessions of the other.
            theirs = list(connection.execute(sessions_of(customer_id)).scalars())
            return Forgotten(
                *(
                    connection.execute(own.delete().where(own.c.session_id.in_(theirs))).rowcount
                    for own in (t.events, t.explored)
                )
            )

    def drop_old(self, now: datetime | None = None) -> int:
        """Delete what is older than ``KEPT``; how many rows that were."""
        before = (now or datetime.now(UTC)) - KEPT
        with writing(self._db) as connection:
            return sum(
                connection.execute(own.delete().where(own.c.at < before)).rowcount
                for own in (t.events, t.explored)
            )


def standing(told: Sequence[tuple[str, Done]]) -> list[tuple[str, Done]]:
    """What still holds of what was done, by who did it; the oldest first, as it comes.

    What was taken out of a cart was not put in, and of one person's opinions of a product the newest counts alone.
    """
    taken_out: dict[tuple[str, str], datetime] = {}
    judged: set[tuple[str, str]] = set()
    kept = []
    for who, event in reversed(told):
        what = (who, fold(event.sku))
        if event.kind == "uncart":
            taken_out[what] = event.at
            continue
        if event.kind == "cart" and what in taken_out and taken_out[what] - event.at <= IN_CART:
            continue
        if event.kind in _OPINIONS:
            if what in judged:
                continue
            judged.add(what)
            if event.kind == "neutral":
                continue
        kept.append((who, event))
    kept.reverse()
    return kept


def sessions_of(customer_id: str) -> sa.CompoundSelect[tuple[str]]:
    """All in which the customer signed in; what was done before that in the same session is theirs as well."""
    tables = (t.events, t.explored)
    return sa.union(
        *(sa.select(own.c.session_id).where(own.c.customer_key == fold(customer_id)) for own in tables)
    )
