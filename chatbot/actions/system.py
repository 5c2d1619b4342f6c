"""Who carries out what was confirmed: the protocol, and the built-in one that writes kefu's own tables.

Each thing is done once for its key, however often it is asked: the second time the first outcome comes back. Whether it may be done is
asked again here, of the order as it stands, in the transaction that changes it. Knows no conversation and no wording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from chatbot import shop_tables as t
from chatbot.actions import rules
from chatbot.actions.rules import Kind
from chatbot.db import writing
from chatbot.shop import Order, Shop, fold
from configs.errors import InputError
from configs.settings import ActionSettings, ShopSettings


@dataclass(frozen=True, slots=True)
class Outcome:
    """``refused`` is a code, one of ``rules`` or the shop's own, if nothing was done."""

    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """``customer_id`` comes from the signed session, ``arguments`` are what the shopper saw and confirmed."""

    key: str
    kind: Kind
    customer_id: str
    arguments: Mapping[str, Any]


class System(Protocol):
    def carry_out(self, asked: Asked) -> Outcome:
        """Do it, once for the key.

        Raises:
            SystemDown: whether it was done is not known; ask again with the same key.
        """

    def take_back(self, key: str, asked: Asked) -> Outcome:
        """Undo what was done for ``key``, once for the key of ``asked``, which is otherwise as it was then.

        Raises:
            SystemDown: as ``carry_out``.
        """


class SystemDown(Exception):
    """The shop's system did not answer; the text says how."""


Change = Callable[[sa.Connection, Order | None, Asked], tuple[Outcome, dict[str, Any]]]
"""What is done, and what to put back to undo it."""


class DatabaseSystem:
    """For simulated shops, and for those whose orders live in kefu's tables alone."""

    def __init__(
        self, db: sa.Engine, facts: ShopSettings, may: ActionSettings, clock: Callable[[], datetime]
    ) -> None:
        self._db, self._facts, self._may, self._clock = db, facts, may, clock
        self._shop, self._zone = Shop(db), ZoneInfo(facts.timezone)
        self._changes: Mapping[Kind, Change] = {
            "cancel_order": self._cancel,
            "change_address": self._change_address,
            "request_return": self._take_back,
            "request_exchange": self._take_back,
            "resend_receipt": self._resend,
            "restock_alert": self._alert,
        }

    def carry_out(self, asked: Asked) -> Outcome:
        """
        Raises:
            InputError: there is no such kind.
        """
        if asked.kind not in self._changes:
            raise InputError(f"there is no action {asked.kind!r}", expected=", ".join(rules.KINDS))
        with self._alone(asked.key) as connection:
            known = self._known(connection, asked)
            if known is not None:
                return known
            order = self._order(connection, asked)
            wants_order = asked.kind != "restock_alert"
            if wants_order and order is None:
                return Outcome("not_found")
            outcome, before = self._changes[asked.kind](connection, order, asked)
            self._keep(connection, asked, outcome, before)
        return outcome

    def take_back(self, key: str, asked: Asked) -> Outcome:
        with self._alone(asked.key) as connection:
            known = self._known(connection, asked)
            if known is not None:
                return known
            row = connection.execute(
                sa.select(t.executions)
                .where(t.executions.c.key == key, t.executions.c.customer_key == fold(asked.customer_id))
                .with_for_update()
            ).first()
            if row is None or Outcome(**row.outcome).refused:
                return Outcome("not_done")
            order = self._order(connection, asked)
            outcome = self._put_back(connection, order, asked, row.before)
            self._keep(connection, asked, outcome, {})
        return outcome

    # --- the things themselves ---

    def _cancel(self, connection: sa.Connection, order: Order | None, _: Asked) -> tuple[Outcome, dict[str, Any]]:  # fmt: skip
        assert order is not None
        refused = rules.cancel(order, self._facts, self._may)
        if refused:
            return Outcome(refused), {}
        self._set(connection, order, status="cancelled", cancelled_at=self._clock())
        return Outcome(), {"status": order.status}

    def _change_address(
        self, connection: sa.Connection, order: Order | None, asked: Asked
    ) -> tuple[Outcome, dict[str, Any]]:
        assert order is not None
        address = str(asked.arguments["address"])
        refused = rules.change_address(order, address, self._facts, self._may)
        if refused:
            return Outcome(refused), {}
        own = t.addresses.c.order_key == fold(order.id)
        before = connection.execute(sa.select(t.addresses.c.address).where(own)).scalar()
        self._set_address(connection, order, address)
        return Outcome(), {"address": before, "now": address}

    def _take_back(
        self, connection: sa.Connection, order: Order | None, asked: Asked
    ) -> tuple[Outcome, dict[str, Any]]:
        assert order is not None
        wanted = {fold(str(sku)) for sku in asked.arguments.get("skus", ())}
        lines = [line for line in order.lines if rules.sold_as(line) in wanted]
        if not lines:
            return Outcome("not_in_order"), {}
        requested = self._shop.requested(order, within=connection)
        today, delivered = (
            self._day(self._clock()),
            self._day(order.delivered_at) if order.delivered_at else None,
        )
        products = {
            fold(one.sku): one for one in self._shop.products([line.sku for line in lines], within=connection)
        }
        refused = rules.take_back(
            order, lines, products, self._facts, today=today, last_day=rules.last_day(delivered, self._facts), requested=requested
        )  # fmt: skip
        if refused:
            return Outcome(refused), {}
        left = [line for line in lines if not rules.final_sale(line, products)]
        added = list(dict.fromkeys(sku for line in left if (sku := rules.sold_as(line)) not in requested))
        own = {"order_key": fold(order.id), "customer_key": fold(asked.customer_id)}
        more = {"exchange_for": asked.arguments.get("exchange_for"), "at": self._clock()}
        connection.execute(t.returns.insert(), [{**own, "sku_key": sku, **more} for sku in added])
        if {rules.sold_as(line) for line in order.lines} <= requested | set(added):
            self._set(connection, order, status="return_requested")
        return Outcome(), {"status": order.status, "skus": added}

    def _resend(self, connection: sa.Connection, order: Order | None, asked: Asked) -> tuple[Outcome, dict[str, Any]]:  # fmt: skip
        return Outcome(), {}

    def _alert(self, connection: sa.Connection, _: Order | None, asked: Asked) -> tuple[Outcome, dict[str, Any]]:  # fmt: skip
        own = {"customer_key": fold(asked.customer_id), "sku_key": fold(str(asked.arguments["sku"]))}
        c = t.restock_alerts.c
        there = sa.select(c.at).where(c.customer_key == own["customer_key"], c.sku_key == own["sku_key"])
        new = connection.execute(there).first() is None
        if new:
            connection.execute(t.restock_alerts.insert().values(**own, at=self._clock()))
        return Outcome(), {**own, "new": new}

    def _put_back(
        self, connection: sa.Connection, order: Order | None, asked: Asked, before: Mapping[str, Any]
    ) -> Outcome:
        """What somebody has worked on since is not touched."""
        match asked.kind:
            case "cancel_order" if order is not None and order.status == "cancelled":
                self._set(connection, order, status=before["status"], cancelled_at=None)
            case "change_address" if order is not None and order.status in self._facts.cancellable_states:
                own = t.addresses.c.order_key == fold(order.id)
                if connection.execute(sa.select(t.addresses.c.address).where(own)).scalar() != before["now"]:
                    return Outcome("moved_on")
                if before["address"] is None:
                    connection.execute(t.addresses.delete().where(own))
                else:
                    self._set_address(connection, order, before["address"])
            case "request_return" | "request_exchange" if order is not None and order.status in (
                "delivered",
                "return_requested",
            ):
                gone = t.returns.delete().where(
                    t.returns.c.order_key == fold(order.id), t.returns.c.sku_key.in_(before["skus"])
                )
                if connection.execute(gone).rowcount != len(before["skus"]):
                    return Outcome("moved_on")
                self._set(connection, order, status=before["status"])
            case "restock_alert" if before["new"]:
                c = t.restock_alerts.c
                connection.execute(
                    t.restock_alerts.delete().where(
                        c.customer_key == before["customer_key"], c.sku_key == before["sku_key"]
                    )
                )
            case _:
                return Outcome("moved_on")
        return Outcome()

    # --- rows ---

    def _order(self, connection: sa.Connection, asked: Asked) -> Order | None:
        """The customer's own order, its row held until the transaction ends."""
        order_id = asked.arguments.get("order_id")
        if order_id is None:
            return None
        c = t.orders.c
        held = sa.select(c.key).where(c.key == fold(str(order_id)), c.customer_key == fold(asked.customer_id))
        if connection.execute(held.with_for_update()).first() is None:
            return None
        return self._shop.order(asked.customer_id, str(order_id), within=connection)

    @contextmanager
    def _alone(self, key: str) -> Iterator[sa.Connection]:
        """A transaction beside which no other does the same deed."""
        with writing(self._db) as connection:
            if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(key))))
            yield connection

    def _day(self, moment: datetime) -> date:
        """The day on the shop's clock."""
        return moment.astimezone(self._zone).date()

    @staticmethod
    def _set(connection: sa.Connection, order: Order, **values: Any) -> None:
        connection.execute(t.orders.update().where(t.orders.c.key == fold(order.id)).values(**values))

    @staticmethod
    def _set_address(connection: sa.Connection, order: Order, address: str) -> None:
        own = fold(order.id)
        changed = t.addresses.update().where(t.addresses.c.order_key == own).values(address=address)
        if connection.execute(changed).rowcount == 0:
            owner = fold(order.customer_id or "")
            connection.execute(
                t.addresses.insert().values(order_key=own, customer_key=owner, address=address)
            )

    @staticmethod
    def _known(connection: sa.Connection, asked: Asked) -> Outcome | None:
        found = connection.execute(
            sa.select(t.executions.c.outcome).where(t.executions.c.key == asked.key)
        ).scalar()
        return Outcome(**found) if found is not None else None

    def _keep(
        self, connection: sa.Connection, asked: Asked, outcome: Outcome, before: Mapping[str, Any]
    ) -> None:
        connection.execute(
            t.executions.insert().values(
                key=asked.key,
                customer_key=fold(asked.customer_id),
                outcome=asdict(outcome),
                before=dict(before),
                at=datetime.now(UTC),
            )
        )
