"""Answers what staff ask about shoppers: profiles, kept and brought up to date when somebody asks, and who comes back.

Of each customer who was asked about, what their facts add up to is kept with how far it was read and a seal over that part. If the part
still is what it was, only what came after is folded in; if an order came late, changed or went, everything is folded anew. What is
usual in the shop is read at most once in a quarter of an hour. Knows no wording.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from chatbot import store_tables as t
from chatbot.behaviour import Behaviour
from chatbot.db import writing
from chatbot.insights import history
from chatbot.insights.folded import FORMAT, HALF_LIFE, Folded, sealed
from chatbot.insights.norms import Norms, norms
from chatbot.insights.profile import Profile, profile
from chatbot.insights.retention import Retention, retention
from chatbot.insights.risk import Odds, odds, risk
from chatbot.shop import Customer, Shop, fold
from configs.errors import NotFoundError
from configs.settings import Settings

FRESH = 900.0
"""Seconds for which what is usual in the shop is kept."""
KEPT = timedelta(days=30)
"""How long a profile that nobody had to bring up to date is kept: what was deleted elsewhere goes from here too, without being asked for."""
LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Erased:
    """``explored`` counts what exploring had offered; ``orders`` and ``messages`` are those that are still there: a profile can be made of them again."""

    profile: bool
    events: int
    explored: int
    orders: int
    messages: int


class Insights:
    """Safe to share between threads and processes."""

    def __init__(self, db: sa.Engine, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._db, self._clock = db, clock
        self._shop, self._behaviour = Shop(db), Behaviour(db)
        self._weights = settings.recommend.weights.model_dump()
        self._period = settings.insights.period_days
        told = f"{FORMAT} {HALF_LIFE} {sorted(self._weights.items())}"
        self._made_with = blake2b(told.encode(), digest_size=8).hexdigest()
        self._lock = threading.Lock()
        self._usual: tuple[float, Norms, Odds] | None = None

    def profile(self, customer_id: str) -> Profile:
        """
        Raises:
            NotFoundError: nothing is known of such a customer.
        """
        customer, known = self._known(customer_id)
        usual, shop = self._norms()
        now = self._clock()
        told = risk(known, shop, self._period, history.day_number(now))
        return profile(customer_id, customer, known, usual, told, now)

    def kept(self, customer_id: str) -> dict[str, Any]:
        """What is kept of a customer for their profile, as it is stored once it was brought up to date.

        Raises:
            NotFoundError: nothing is known of such a customer.
        """
        return self._known(customer_id)[1].told()

    def erase(self, customer_id: str) -> Erased:
        """Delete a customer's profile, and what they did on the shop's pages in every session of theirs.

        Raises:
            NotFoundError: nothing is known of such a customer.
        """
        customer = self._customer(customer_id)
        # The events first: whoever makes the profile meanwhile makes it without them, or loses it again.
        forgotten = self._behaviour.forget(customer_id)
        with self._alone(customer_id) as connection:
            gone = self._drop(connection, t.profiles.c.customer_key == fold(customer_id))
            left = self._outline(connection, customer_id, customer)
        if customer is None and not left and not any(forgotten) and not gone:
            raise _unknown(customer_id)
        orders = sum(isinstance(fact, history.Bought) for fact in left)
        messages = sum(isinstance(fact, history.Said) for fact in left)
        return Erased(gone > 0, *forgotten, orders, messages)

    def retention(self, period: int | None = None) -> Retention:
        """``period`` in days; the shop's own if none is given.

        Raises:
            InputError: no period is that long.
        """
        with self._db.connect() as connection:
            days = history.buying_days(connection)
        today = history.day_number(self._clock())
        return retention(days, today, self._period if period is None else period)

    # --- inside ---

    def _customer(self, customer_id: str) -> Customer | None:
        """
        Raises:
            NotFoundError: nobody can have such an id.
        """
        if not customer_id.isprintable() or not customer_id.strip() or len(customer_id) > LONGEST_ID:
            raise _unknown(customer_id)
        return self._shop.customer(customer_id)

    def _known(self, customer_id: str) -> tuple[Customer | None, Folded]:
        """Brought up to date and stored."""
        customer, key = self._customer(customer_id), fold(customer_id)
        with self._alone(customer_id) as connection:
            facts = self._outline(connection, customer_id, customer)
            row = connection.execute(sa.select(t.profiles).where(t.profiles.c.customer_key == key)).first()
            known = self._kept(row, facts)
            if not facts:
                self._drop(connection, t.profiles.c.customer_key == key)
            elif row is None or not known.read == row.read == len(facts):
                for fact in history.filled(connection, customer_id, facts[known.read :]):
                    known.add(fact, self._weights)
                self._store(connection, key, known)
        if customer is None and not facts:
            raise _unknown(customer_id)
        return customer, known

    def _outline(
        self, connection: sa.Connection, customer_id: str, customer: Customer | None
    ) -> list[history.Fact]:
        return history.outline(connection, customer_id, customer.id if customer else None)

    def _kept(self, row: Any, facts: list[history.Fact]) -> Folded:
        """What is kept, if it is of the beginning of these facts; else nothing, to begin with."""
        if row is None or row.made_with != self._made_with or row.read > len(facts):
            return Folded()
        seal = ""
        for fact in facts[: row.read]:
            seal = sealed(seal, fact)
        return Folded.read_from(row.folded) if seal == row.seal else Folded()

    def _store(self, connection: sa.Connection, key: str, known: Folded) -> None:
        insert = postgresql.insert if self._db.dialect.name == "postgresql" else sqlite.insert
        now = datetime.now(UTC)
        values = {
            "made_with": self._made_with,
            "read": known.read,
            "seal": known.seal,
            "folded": known.told(),
            "updated_at": now,
        }
        statement = insert(t.profiles).values(customer_key=key, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["customer_key"], set_=values))
        self._drop(connection, t.profiles.c.updated_at < now - KEPT)

    def _drop(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
        return connection.execute(t.profiles.delete().where(which)).rowcount

    @contextmanager
    def _alone(self, customer_id: str) -> Iterator[sa.Connection]:
        """A transaction in which nobody else makes or erases this customer's profile; SQLite has one writer anyway."""
        with writing(self._db) as connection:
            if self._db.dialect.name == "postgresql":
                hashed = blake2b(fold(customer_id).encode(), digest_size=8).digest()
                lock = sa.func.pg_advisory_xact_lock(int.from_bytes(hashed, "big", signed=True))
                connection.execute(sa.select(lock))
            yield connection

    def _norms(self) -> tuple[Norms, Odds]:
        with self._lock:
            if self._usual is None or time.monotonic() - self._usual[0] > FRESH:
                made, today = norms(self._db), history.day_number(self._clock())
                # The clock of a simulated shop stands still, and what is bought in it now is later.
                latest = max(today, history.day_number(datetime.now(UTC)))
                self._usual = (time.monotonic(), made, odds(made.days, today, latest))
            return self._usual[1], self._usual[2]


def _unknown(customer_id: str) -> NotFoundError:
    return NotFoundError(
        f"nothing is known of a customer {customer_id[:LONGEST_ID]!a}",
        expected="the id of a customer of the shop",
    )
