"""Proposals and what came of them: a shopper confirms one to the letter, and it is carried out once.

``propose`` keeps what will be done under a seal over its exact arguments; a newer proposal of the conversation takes its place. ``confirm``
belongs to the customer of the session it was proposed in, within its minutes, and hands it to the shop's system with its own id as the key,
so that two tabs, a retry and a restart do it once. Knows no wording and does not judge what may be proposed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import sqlalchemy as sa

from chatbot import store_tables as t
from chatbot.actions.rules import Kind
from chatbot.actions.system import Asked, Outcome, System, SystemDown
from chatbot.conversation import Conversation
from chatbot.db import writing
from chatbot.shop import fold
from configs.errors import ForbiddenError, NotFoundError
from configs.settings import ActionSettings

State = Literal["proposed", "lapsed", "declined", "running", "done", "refused", "undone"]
UNDO = "undo"
"""The kind of an action that takes another one back; its arguments are those of the other, and ``undoes``."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Action:
    """``outcome`` is None until the shop's system has answered."""

    id: str
    conversation_id: str
    customer_id: str
    kind: str
    arguments: Mapping[str, Any]
    state: State
    outcome: Outcome | None
    created_at: datetime
    decided_at: datetime | None

    @property
    def reference(self) -> str:
        """What a shopper can name it by."""
        return f"A-{self.id[:8].upper()}"


class Actions:
    """Safe to share between threads and processes."""

    def __init__(self, db: sa.Engine, secret: bytes, system: System | None, may: ActionSettings) -> None:
        self._db, self._system, self.may = db, system, may
        self._key = hmac.new(secret, b"kefu v1 actions", hashlib.sha256).digest()

    @property
    def offered(self) -> frozenset[str]:
        """The kinds that can be asked for here."""
        return frozenset(self.may.offered) if self._system is not None else frozenset()

    def propose(
        self, conversation: Conversation, kind: Kind | Literal["undo"], arguments: Mapping[str, Any]
    ) -> Action:
        """
        Raises:
            ForbiddenError: nobody is signed in.
        """
        if conversation.customer_id is None:
            raise ForbiddenError("nobody is signed in", hint="sign in at the shop")
        now = datetime.now(UTC)
        action_id, owner = uuid.uuid4().hex, fold(conversation.customer_id)
        row = {
            "id": action_id,
            "conversation_id": conversation.id,
            "customer_id": conversation.customer_id,
            "customer_key": owner,
            "kind": kind,
            "arguments": dict(arguments),
            "seal": self._seal(action_id, owner, kind, arguments),
            "state": "proposed",
            "created_at": now,
            "expires_at": now + timedelta(minutes=self.may.confirm_minutes),
        }
        with writing(self._db) as connection:
            c = t.actions.c
            older = t.actions.update().where(c.conversation_id == conversation.id, c.state == "proposed")
            connection.execute(older.values(state="lapsed", decided_at=now))
            connection.execute(t.actions.insert().values(row))
        return self.action(action_id, conversation.customer_id)

    def action(self, action_id: str, customer_id: str) -> Action:
        """
        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        query = sa.select(t.actions).where(
            t.actions.c.id == action_id, t.actions.c.customer_key == fold(customer_id)
        )
        with self._db.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError(f"there is no action {action_id!r}")
        return _action(row)

    def decline(self, action_id: str, customer_id: str) -> bool:
        """Whether there still was something to decline."""
        c = t.actions.c
        change = t.actions.update().where(
            c.id == action_id, c.customer_key == fold(customer_id), c.state == "proposed"
        )
        with writing(self._db) as connection:
            done = connection.execute(change.values(state="declined", decided_at=datetime.now(UTC)))
        return done.rowcount == 1

    def confirm(self, action_id: str, customer_id: str) -> Action:
        """Carry it out, or say what came of it if that was done before. ``running`` comes back if the shop's system does not answer:
        then nobody knows, and ``finish`` asks it again. ``lapsed``: the yes came too late, or another proposal came in between.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
            ForbiddenError: what is stored is not what was proposed.
        """
        now = datetime.now(UTC)
        c = t.actions.c
        own = (c.id == action_id) & (c.customer_key == fold(customer_id))
        with writing(self._db) as connection:
            row = connection.execute(sa.select(t.actions).where(own).with_for_update()).first()
            if row is None:
                raise NotFoundError(f"there is no action {action_id!r}")
            seal = self._seal(row.id, row.customer_key, row.kind, row.arguments)
            if not hmac.compare_digest(seal, row.seal):
                raise ForbiddenError(f"action {action_id!r} is not what was proposed")
            if row.state != "proposed":
                return _action(row)
            late = row.expires_at < now or self._system is None
            state = "lapsed" if late else "running"
            change = t.actions.update().where(own)
            connection.execute(change.values(state=state, decided_at=now))
        return self.action(action_id, customer_id) if late else self._run(action_id, customer_id)

    def finish(self, *, older_than: timedelta = timedelta(0)) -> int:
        """Ask the shop's system once more for what it has not answered; how many are settled now."""
        c = t.actions.c
        left = sa.select(c.id, c.customer_id).where(
            c.state == "running", c.decided_at <= datetime.now(UTC) - older_than
        )
        with self._db.connect() as connection:
            rows = connection.execute(left.order_by(c.created_at)).all()
        settled = 0
        for row in rows:
            try:
                settled += self._run(row.id, row.customer_id).state != "running"
            except Exception:  # noqa: BLE001 - one that cannot be settled must not hold up the others
                _log.exception("action %s could not be asked for", row.id)
        return settled

    def undoable(self, conversation: Conversation) -> Action | None:
        """What was done last in this conversation, if it can still be taken back; ``running`` if that is not known yet."""
        if conversation.customer_id is None or self.may.undo_minutes == 0:
            return None
        c = t.actions.c
        query = (
            sa.select(t.actions)
            .where(
                c.conversation_id == conversation.id,
                c.customer_key == fold(conversation.customer_id),
                c.state.in_(("done", "running")),
                c.kind.not_in((UNDO, "resend_receipt")),
                c.decided_at >= datetime.now(UTC) - timedelta(minutes=self.may.undo_minutes),
            )
            .order_by(c.decided_at.desc())
            .limit(1)
        )
        with self._db.connect() as connection:
            row = connection.execute(query).first()
        return _action(row) if row else None

    def of_conversation(self, conversation_id: str) -> list[Action]:
        """All that was proposed in it, oldest first."""
        query = (
            sa.select(t.actions)
            .where(t.actions.c.conversation_id == conversation_id)
            .order_by(t.actions.c.created_at)
        )
        with self._db.connect() as connection:
            return [_action(row) for row in connection.execute(query)]

    def _run(self, action_id: str, customer_id: str) -> Action:
        action = self.action(action_id, customer_id)
        assert self._system is not None
        arguments = {name: value for name, value in action.arguments.items() if name not in ("undoes", "of")}
        undoes = action.arguments.get("undoes")
        kind = cast(Kind, action.arguments["of"] if undoes else action.kind)
        asked = Asked(action.id, kind, action.customer_id, arguments)
        try:
            outcome = self._system.take_back(str(undoes), asked) if undoes else self._system.carry_out(asked)
        except SystemDown as error:
            _log.warning("action %s (%s) waits: %s", action.id, action.kind, error)
            return action
        state = "refused" if outcome.refused else "done"
        c = t.actions.c
        with writing(self._db) as connection:
            told = {"refused": outcome.refused}
            change = t.actions.update().where(c.id == action.id, c.state == "running")
            connection.execute(change.values(state=state, outcome=told))
            if undoes and not outcome.refused:
                undone = t.actions.update().where(c.id == undoes, c.customer_key == fold(customer_id))
                connection.execute(undone.values(state="undone"))
        return self.action(action_id, customer_id)

    def _seal(self, action_id: str, owner: str, kind: str, arguments: Mapping[str, Any]) -> str:
        said = json.dumps([action_id, owner, kind, arguments], sort_keys=True, ensure_ascii=False)
        return hmac.new(self._key, said.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _action(row: Any) -> Action:
    return Action(
        row.id,
        row.conversation_id,
        row.customer_id,
        row.kind,
        row.arguments,
        row.state,
        Outcome(**row.outcome) if row.outcome is not None else None,
        row.created_at,
        row.decided_at,
    )
