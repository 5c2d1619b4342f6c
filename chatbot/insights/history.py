"""What is on record of a customer, in order of time: orders, what they did on the shop's pages, what they asked in the chat.

An order's own row decides whether it counts: one that was cancelled or waits for money does not, whatever the purchases say.
Purchases of no known order count as one order for each order id, or for each day where they have none. Days are UTC. Draws no
conclusion.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from chatbot import shop_tables, store_tables
from chatbot.behaviour import Done, standing
from chatbot.shop import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NOT_BOUGHT = ("cancelled", "pending_payment")
SENT_BACK = ("returned", "refunded")
"""States of orders that were bought, and of which nothing was kept."""
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Bought:
    """One order. ``total`` is None where only purchases are known; ``kept`` is false if it was sent back. ``digest`` changes
    with its content, as it does of all facts."""

    at: datetime
    id: str
    digest: str
    total: Decimal | None = None
    currency: str = ""
    kept: bool = True
    skus: tuple[str, ...] = ()
    """Of the versions where they are known, each line's."""


@dataclass(frozen=True, slots=True)
class Did:
    """Something done on the shop's pages that still holds."""

    at: datetime
    id: str
    digest: str
    sku: str
    kind: str
    stars: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A message of theirs: one that was answered in a turn, or one that a person answered or nobody yet."""

    at: datetime
    id: str
    digest: str
    text: str = ""


Fact = Bought | Did | Said
_RANK = {Bought: 0, Did: 1, Said: 2}


def in_order(facts: Sequence[Fact]) -> list[Fact]:
    """By time; what happened at the same moment always comes in the same order."""
    return sorted(facts, key=lambda fact: (fact.at, _RANK[type(fact)], fact.id, fact.digest))


def outline(connection: sa.Connection, customer_id: str, also: str | None = None) -> list[Fact]:
    """All facts of a customer, without the lines of orders and the texts of messages; see ``filled``.

    ``also`` is another spelling of the id, under which conversations may be kept.
    """
    key = fold(customer_id)
    names = {customer_id, *([also] if also else [])}
    return in_order([*_orders(connection, key), *_events(connection, key), *_messages(connection, names)])


def filled(connection: sa.Connection, customer_id: str, facts: Sequence[Fact]) -> Iterator[Fact]:
    """The same facts, with lines and texts."""
    lines = _lines(connection, fold(customer_id), [fact.id for fact in facts if isinstance(fact, Bought)])
    texts = _texts(connection, [fact.id for fact in facts if isinstance(fact, Said)])
    for fact in facts:
        if isinstance(fact, Bought):
            yield dataclasses.replace(fact, skus=tuple(lines.get(fold(fact.id), ())))
        elif isinstance(fact, Said):
            yield dataclasses.replace(fact, text=texts.get(fact.id, ""))
        else:
            yield fact


# --- parts --------------------------------------------------------------------------------------------------


def _orders(connection: sa.Connection, key: str) -> Iterator[Bought]:
    o, p = shop_tables.orders.c, shop_tables.purchases.c
    query = sa.select(o.key, o.id, o.digest, o.placed_at, o.status, o.total, o.currency)
    orders = connection.execute(query.where(o.customer_key == key)).all()
    query = sa.select(p.key, p.digest, p.at, p.order_id).where(p.customer_key == key, p.quantity > 0)
    bought: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query.order_by(p.at, p.key)):
        bought[fold(_order_of(row.order_id, row.at))].append(row)
    for order in orders:
        rows = bought.pop(order.key, [])
        if order.status not in NOT_BOUGHT:
            digest = _digest(order.digest, *(f"{row.key}{row.digest}" for row in rows))
            kept = order.status not in SENT_BACK
            yield Bought(order.placed_at, order.id, digest, order.total, order.currency, kept)
    for rows in bought.values():
        first = rows[0]
        digest = _digest(*(f"{row.key}{row.digest}" for row in rows))
        yield Bought(first.at, _order_of(first.order_id, first.at), digest)


def _order_of(order_id: str | None, at: datetime) -> str:
    return order_id or f"purchases of {at.date()}"


def _lines(connection: sa.Connection, key: str, order_ids: Sequence[str]) -> dict[str, list[str]]:
    """Skus by folded order id: of the order's lines, else of the purchases."""
    wanted = {fold(order_id) for order_id in order_ids}
    found: dict[str, list[str]] = defaultdict(list)
    c = shop_tables.order_lines.c
    for chunk in _chunks(sorted(wanted)):
        query = sa.select(c.parent_key, c.sku, c.variant_sku).where(c.parent_key.in_(chunk))
        for row in connection.execute(query.order_by(c.parent_key, c.position)):
            found[row.parent_key].append(row.variant_sku or row.sku)
    if missing := wanted - found.keys():
        p = shop_tables.purchases.c
        query = sa.select(p.sku, p.at, p.order_id).where(p.customer_key == key, p.quantity > 0)
        for row in connection.execute(query.order_by(p.at, p.key)):
            name = fold(_order_of(row.order_id, row.at))
            if name in missing:
                found[name].append(row.sku)
    return found


def _events(connection: sa.Connection, key: str) -> Iterator[Did]:
    c = store_tables.events.c
    query = sa.select(c.session_id, c.id, c.sku, c.kind, c.stars, c.at).where(c.customer_key == key)
    rows = connection.execute(query.order_by(c.at, c.id, c.session_id)).all()
    done = [Done(row.id, row.sku, row.kind, row.at, row.stars) for row in rows]
    # By place: two sessions may call two events the same.
    still = {id(event) for _, event in standing([("", event) for event in done])}
    for row, event in zip(rows, done, strict=True):
        if id(event) in still:
            yield Did(row.at, row.id, row.session_id, row.sku, row.kind, row.stars)


def _messages(connection: sa.Connection, names: set[str]) -> Iterator[Said]:
    c, t, m = store_tables.conversations.c, store_tables.turns.c, store_tables.messages.c
    theirs = sa.select(c.id).where(c.customer_id.in_(names)).scalar_subquery()
    answered = sa.select(t.id, t.created_at).where(t.conversation_id.in_(theirs))
    others = sa.select(m.id, m.created_at).where(m.conversation_id.in_(theirs), m.turn_id.is_(None))
    for query in (answered, others):
        for row in connection.execute(query):
            yield Said(row.created_at, row.id, "")


def _texts(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    t, m = store_tables.turns.c, store_tables.messages.c
    found: dict[str, str] = {}
    for chunk in _chunks(ids):
        found.update(_pairs(connection, sa.select(t.id, message_text()).where(t.id.in_(chunk))))
        found.update(_pairs(connection, sa.select(m.id, m.text).where(m.id.in_(chunk))))
    return found


def message_text() -> sa.ColumnElement[str]:
    """The shopper's message within a stored turn, without decoding all of it."""
    text: sa.ColumnElement[str] = store_tables.turns.c.turn["$Turn", "message"].as_string()
    return text


def _pairs(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[tuple[str, str]]:
    return ((row[0], row[1] or "") for row in connection.execute(query))


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def _digest(*parts: str) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()


# --- everybody's --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BuyingDays:
    """Each day on which a customer ordered, once, by customer and then by day; ``day`` counts from 1970."""

    customers: tuple[str, ...]
    customer: NDArray[np.int64]
    day: NDArray[np.int64]

    @classmethod
    def of(
        cls, customers: Sequence[str] | NDArray[Any], days: Sequence[int] | NDArray[np.int64]
    ) -> BuyingDays:
        """From a customer and a day for each order, in any order."""
        import numpy as np
        import pandas as pd

        if len(customers) == 0:
            return cls((), np.zeros(0, np.int64), np.zeros(0, np.int64))
        # By hash, and as they are: in a column of fixed width the longest name would set the width of all.
        codes, names = pd.factorize(np.asarray(customers, dtype=object), sort=True)
        pairs = np.unique(np.stack([codes, np.asarray(days, np.int64)]), axis=1)
        return cls(tuple(map(str, names)), pairs[0], pairs[1])

    def before(self, day: int) -> BuyingDays:
        """What was known at the start of a day; customers who had not come yet are gone."""
        import numpy as np

        kept = self.day < day
        codes, customer = np.unique(self.customer[kept], return_inverse=True)
        return BuyingDays(tuple(self.customers[code] for code in codes), customer, self.day[kept])

    def first_and_last(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """First day, last day and how many days, of each customer."""
        import numpy as np

        numbers = np.arange(len(self.customers))
        starts, ends = (np.searchsorted(self.customer, numbers, side) for side in ("left", "right"))
        return self.day[starts], self.day[ends - 1], ends - starts


def buying_days(connection: sa.Connection) -> BuyingDays:
    """Of all customers; orders of guests are nobody's."""
    o, p = shop_tables.orders.c, shop_tables.purchases.c
    who: list[str] = []
    when: list[int] = []
    own = set()
    orders = sa.select(o.key, o.customer_key, o.placed_at, o.status)
    for key, customer_key, placed_at, status in connection.execute(orders):
        own.add((key, customer_key))
        if customer_key is not None and status not in NOT_BOUGHT:
            who.append(customer_key)
            when.append(day_number(placed_at))
    bought = sa.select(p.customer_key, p.order_id, sa.func.min(p.at)).where(p.quantity > 0)
    ordered = bought.where(p.order_id != "").group_by(p.customer_key, p.order_id)
    first: dict[tuple[str, str], int] = {}
    for customer_key, order_id, at in connection.execute(ordered):
        place, day = (fold(order_id), customer_key), day_number(at)
        if place not in own:
            first[place] = min(day, first.get(place, day))
    loose = sa.select(p.customer_key, p.at).where(p.quantity > 0, sa.func.coalesce(p.order_id, "") == "")
    who += [customer_key for _, customer_key in first]
    when += first.values()
    for customer_key, at in connection.execute(loose):
        who.append(customer_key)
        when.append(day_number(at))
    return BuyingDays.of(who, when)


def day_number(moment: datetime) -> int:
    """Days from 1970-01-01 to the UTC day of a moment."""
    return int(moment.timestamp() // 86_400)
