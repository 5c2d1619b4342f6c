"""What is confirmed is carried out once, to the letter, by whom it was proposed to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from chatbot import shop_tables, store_tables
from chatbot.actions.journal import Actions
from chatbot.actions.system import Asked, DatabaseSystem, Outcome, SystemDown
from chatbot.conversation import Conversation
from chatbot.db import writing
from chatbot.shop import Shop
from configs.errors import ForbiddenError, NotFoundError
from configs.settings import ActionSettings

Talk = Callable[[str | None], Conversation]
PROCESSING = {"order_id": "O-processing"}


def status(shop: Shop, order_id: str = "O-processing") -> str:
    order = shop.order("C1", order_id)
    assert order is not None
    return order.status


def test_a_proposal_changes_nothing_until_it_is_confirmed(actions: Actions, shop: Shop, talk: Talk) -> None:
    made = actions.propose(talk("C1"), "cancel_order", PROCESSING)
    assert (made.state, status(shop)) == ("proposed", "processing")
    assert actions.confirm(made.id, "C1").state == "done"
    order = shop.order("C1", "O-processing")
    assert order is not None
    assert (order.status, order.cancelled_at) == ("cancelled", datetime(2026, 11, 20, 12, tzinfo=UTC))


def test_nobody_who_is_not_signed_in_is_proposed_to(actions: Actions, talk: Talk) -> None:
    with pytest.raises(ForbiddenError, match="nobody is signed in"):
        actions.propose(talk(None), "cancel_order", PROCESSING)


def test_of_many_at_once_one_carries_it_out(actions: Actions, db: sa.Engine, shop: Shop, talk: Talk) -> None:
    made = actions.propose(
        talk("C1"), "change_address", {**PROCESSING, "address": "Hafenweg 3, 20457 Hamburg"}
    )
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: actions.confirm(made.id, "C1").state, range(16)))
    assert "done" in found
    assert set(found) <= {"done", "running"}
    with db.connect() as connection:
        assert (
            connection.execute(sa.select(sa.func.count()).select_from(shop_tables.executions)).scalar() == 1
        )
    assert actions.confirm(made.id, "C1").state == "done"


@pytest.mark.parametrize("stranger", ["C2", "", "c1 or 1=1"])
def test_somebody_elses_is_not_there(actions: Actions, shop: Shop, talk: Talk, stranger: str) -> None:
    made = actions.propose(talk("C1"), "cancel_order", PROCESSING)
    for ask in (actions.confirm, actions.action):
        with pytest.raises(NotFoundError):
            ask(made.id, stranger)
    assert not actions.decline(made.id, stranger)
    assert (actions.action(made.id, "C1").state, status(shop)) == ("proposed", "processing")


def test_the_order_of_another_customer_is_not_touched(actions: Actions, shop: Shop, talk: Talk) -> None:
    made = actions.propose(talk("C1"), "cancel_order", {"order_id": "O-foreign"})
    done = actions.confirm(made.id, "C1")
    assert (done.state, done.outcome) == ("refused", Outcome("not_found"))
    other = shop.order("C2", "O-foreign")
    assert other is not None
    assert other.status == "processing"


def test_arguments_that_were_changed_in_between_are_refused(actions: Actions, db: sa.Engine, shop: Shop, talk: Talk) -> None:  # fmt: skip
    made = actions.propose(talk("C1"), "cancel_order", {"order_id": "O-packed"})
    with writing(db) as connection:
        connection.execute(store_tables.actions.update().values(arguments=PROCESSING))
    with pytest.raises(ForbiddenError, match="not what was proposed"):
        actions.confirm(made.id, "C1")
    assert status(shop) == "processing"


def test_a_yes_that_comes_too_late_does_nothing(
    actions: Actions, db: sa.Engine, shop: Shop, talk: Talk
) -> None:
    made = actions.propose(talk("C1"), "cancel_order", PROCESSING)
    with writing(db) as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(store_tables.actions.update().values(expires_at=past))
    assert actions.confirm(made.id, "C1").state == "lapsed"
    assert actions.confirm(made.id, "C1").state == "lapsed"
    assert status(shop) == "processing"


def test_the_next_proposal_takes_the_place_of_the_last(actions: Actions, shop: Shop, talk: Talk) -> None:
    conversation = talk("C1")
    first = actions.propose(conversation, "cancel_order", PROCESSING)
    elsewhere = actions.propose(talk("C1"), "cancel_order", {"order_id": "O-pending_payment"})
    actions.propose(conversation, "resend_receipt", PROCESSING)
    assert actions.confirm(first.id, "C1").state == "lapsed"
    assert status(shop) == "processing"
    assert actions.action(elsewhere.id, "C1").state == "proposed"


def test_what_was_declined_stays_declined(actions: Actions, shop: Shop, talk: Talk) -> None:
    made = actions.propose(talk("C1"), "cancel_order", PROCESSING)
    assert actions.decline(made.id, "C1")
    assert not actions.decline(made.id, "C1")
    assert actions.confirm(made.id, "C1").state == "declined"
    assert status(shop) == "processing"


def test_an_order_that_moved_on_is_left_alone(
    actions: Actions, db: sa.Engine, shop: Shop, talk: Talk
) -> None:
    made = actions.propose(talk("C1"), "cancel_order", PROCESSING)
    with writing(db) as connection:
        own = shop_tables.orders.c.id == "O-processing"
        connection.execute(shop_tables.orders.update().where(own).values(status="shipped"))
    done = actions.confirm(made.id, "C1")
    assert (done.state, done.outcome, status(shop)) == ("refused", Outcome("not_cancellable"), "shipped")


# --- taking back ---


def test_what_was_done_can_be_taken_back_once(actions: Actions, shop: Shop, talk: Talk) -> None:
    conversation = talk("C1")
    made = actions.propose(conversation, "cancel_order", PROCESSING)
    actions.confirm(made.id, "C1")
    last = actions.undoable(conversation)
    assert last is not None
    undo = {**last.arguments, "undoes": last.id, "of": last.kind}
    back = actions.propose(conversation, "undo", undo)
    assert actions.confirm(back.id, "C1").state == "done"
    assert status(shop) == "processing"
    assert actions.action(made.id, "C1").state == "undone"
    assert actions.undoable(conversation) is None
    again = actions.propose(conversation, "undo", undo)
    assert actions.confirm(again.id, "C1").outcome == Outcome("moved_on")


def test_what_was_done_long_ago_or_by_somebody_else_is_not_taken_back(actions: Actions, db: sa.Engine, talk: Talk) -> None:  # fmt: skip
    conversation = talk("C1")
    made = actions.propose(conversation, "cancel_order", PROCESSING)
    actions.confirm(made.id, "C1")
    assert actions.undoable(replace(conversation, customer_id="C2")) is None
    assert actions.undoable(replace(conversation, customer_id=None)) is None
    assert actions.undoable(talk("C1")) is None
    with writing(db) as connection:
        past = datetime.now(UTC) - timedelta(minutes=31)
        connection.execute(store_tables.actions.update().values(decided_at=past))
    assert actions.undoable(conversation) is None


# --- a system that does not answer ---


class Flaky:
    """Loses its answers for a while, having done what was asked."""

    def __init__(self, inner: DatabaseSystem, lost: int) -> None:
        self.inner, self.lost, self.asked = inner, lost, list[str]()

    def carry_out(self, asked: Asked) -> Outcome:
        self.asked.append(asked.key)
        done = self.inner.carry_out(asked)
        if len(self.asked) <= self.lost:
            raise SystemDown("timed out")
        return done

    def take_back(self, key: str, asked: Asked) -> Outcome:
        return self.inner.take_back(key, asked)


def test_what_a_system_did_not_answer_is_asked_again_with_the_same_key(
    db: sa.Engine, system: DatabaseSystem, shop: Shop, talk: Talk
) -> None:
    flaky = Flaky(system, lost=2)
    actions = Actions(db, b"a secret of this test", flaky, ActionSettings())
    made = actions.propose(talk("C1"), "cancel_order", PROCESSING)
    assert actions.confirm(made.id, "C1").state == "running"
    assert actions.finish() == 0
    assert actions.finish() == 1
    assert actions.finish() == 0
    assert flaky.asked == [made.id] * 3
    assert (actions.action(made.id, "C1").state, status(shop)) == ("done", "cancelled")


def test_one_that_cannot_be_settled_does_not_hold_up_the_others(
    db: sa.Engine, system: DatabaseSystem, shop: Shop, talk: Talk
) -> None:
    class Broken(Flaky):
        def carry_out(self, asked: Asked) -> Outcome:
            if asked.kind == "resend_receipt" and len(self.asked) >= self.lost:
                raise ValueError("what nobody foresaw")
            return super().carry_out(asked)

    actions = Actions(db, b"a secret of this test", Broken(system, lost=2), ActionSettings())
    for kind in ("resend_receipt", "cancel_order"):
        made = actions.propose(talk("C1"), kind, PROCESSING)  # type: ignore[arg-type]  # kinds by their names
        actions.confirm(made.id, "C1")
    assert actions.finish() == 1
    assert status(shop) == "cancelled"


def test_a_yes_after_the_system_was_switched_off_does_nothing(
    db: sa.Engine, actions: Actions, shop: Shop, talk: Talk
) -> None:
    made = actions.propose(talk("C1"), "cancel_order", PROCESSING)
    off = Actions(db, b"a secret of this test", None, ActionSettings())
    assert off.confirm(made.id, "C1").state == "lapsed"
    assert status(shop) == "processing"


def test_what_is_not_known_yet_is_not_taken_back(db: sa.Engine, system: DatabaseSystem, talk: Talk) -> None:
    actions = Actions(db, b"a secret of this test", Flaky(system, lost=1), ActionSettings())
    conversation = talk("C1")
    actions.confirm(actions.propose(conversation, "cancel_order", PROCESSING).id, "C1")
    last = actions.undoable(conversation)
    assert last is not None
    assert last.state == "running"


def test_where_nothing_is_offered_nothing_is_finished(db: sa.Engine, shop: Shop) -> None:
    assert Actions(db, b"a secret of this test", None, ActionSettings()).offered == frozenset()
