"""Conversations: what was posted, what was answered, what the shopper thought of it.

A message is stored when it arrives and a turn before ``Done`` is sent, so a process that dies loses nothing:
its messages stay pending and another process can claim them. Times are UTC. Does not know how a turn is made.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from chatbot import store_tables as t
from chatbot.conversation import Conversation, Message, Turn
from chatbot.db import writing
from chatbot.store_codec import decode, encode
from configs.errors import InputError, NotFoundError

Status = Literal["bot", "waiting", "person", "closed"]
Rating = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Posted:
    """A shopper's message as it was stored; ``turn_id`` is None until a turn has answered it."""

    id: str
    conversation_id: str
    number: int
    text: str
    client_id: str | None
    created_at: datetime
    turn_id: str | None


@dataclass(frozen=True, slots=True)
class Feedback:
    turn_id: str
    rating: Rating
    comment: str
    created_at: datetime


class Store:
    """Safe to share between threads and processes: each call is one transaction of its own."""

    def __init__(self, db: sa.Engine) -> None:
        self._db = db

    # --- conversations ---

    def create_conversation(self, session_id: str, customer_id: str | None, locale: str) -> Conversation:
        """Raises:
        InputError: an id or the locale is too long to be one.
        """
        _check_length("session id", session_id, 200)
        _check_length("customer id", customer_id, 200)
        _check_length("locale", locale, 35)
        made = Conversation(_id(), session_id, customer_id, locale, "bot", _now())
        with writing(self._db) as connection:
            connection.execute(
                t.conversations.insert().values(
                    id=made.id,
                    session_id=session_id,
                    customer_id=customer_id,
                    locale=locale,
                    status=made.status,
                    created_at=made.created_at,
                )
            )
        return made

    def conversation(self, conversation_id: str, session_id: str | None = None) -> Conversation:
        """Give the session's id whenever a shopper asks.

        Raises:
            NotFoundError: there is no such conversation, or it belongs to another session.
        """
        query = sa.select(t.conversations).where(t.conversations.c.id == conversation_id)
        if session_id is not None:
            query = query.where(t.conversations.c.session_id == session_id)
        with self._db.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError(f"there is no conversation {conversation_id!r}")
        return Conversation(row.id, row.session_id, row.customer_id, row.locale, row.status, row.created_at)

    def set_status(self, conversation_id: str, status: Status) -> None:
        """Who owns the conversation: the bot, a queue, a person, or nobody any more.

        Raises:
            InputError: there is no such status.
            NotFoundError: there is no such conversation.
        """
        if status not in ("bot", "waiting", "person", "closed"):
            raise InputError(f"there is no status {status!r}", expected="bot, waiting, person or closed")
        change = t.conversations.update().where(t.conversations.c.id == conversation_id)
        with writing(self._db) as connection:
            if connection.execute(change.values(status=status)).rowcount == 0:
                raise NotFoundError(f"there is no conversation {conversation_id!r}")

    # --- turns ---

    def add_turn(self, turn: Turn, message_ids: Sequence[str] = ()) -> None:
        """Store the turn and mark the messages that it answers, both or neither.

        Raises:
            InputError: the conversation has a turn of this number or id, or a message was answered before.
            NotFoundError: there is no such conversation.
        """
        row = {
            "id": turn.id,
            "conversation_id": turn.conversation_id,
            "number": turn.number,
            "created_at": turn.created_at,
            "turn": encode(turn),
        }
        with writing(self._db) as connection:
            _lock(connection, turn.conversation_id)
            taken = sa.select(t.turns.c.id).where(
                (t.turns.c.id == turn.id)
                | (t.turns.c.conversation_id == turn.conversation_id) & (t.turns.c.number == turn.number)
            )
            if connection.execute(taken).first():
                raise InputError(
                    f"conversation {turn.conversation_id!r} already has turn {turn.number} ({turn.id!r})",
                    expected="a new id and the number that next_number() gives",
                )
            connection.execute(t.turns.insert().values(row))
            wanted = set(message_ids)
            answered = (
                t.messages.update()
                .where(t.messages.c.id.in_(wanted), t.messages.c.conversation_id == turn.conversation_id)
                .where(t.messages.c.turn_id.is_(None))
                .values(turn_id=turn.id)
            )
            if wanted and connection.execute(answered).rowcount != len(wanted):
                raise InputError(
                    f"turn {turn.id!r} answers messages that are unknown or were answered before",
                    expected="ids of pending messages of this conversation",
                )

    def turn(self, turn_id: str) -> Turn:
        """Raises:
        NotFoundError: there is no such turn.
        """
        with self._db.connect() as connection:
            found = connection.execute(sa.select(t.turns.c.turn).where(t.turns.c.id == turn_id)).scalar()
        if found is None:
            raise NotFoundError(f"there is no turn {turn_id!r}")
        return _turn(found)

    def turns(self, conversation_id: str) -> list[Turn]:
        """Oldest first; empty for an unknown conversation."""
        query = (
            sa.select(t.turns.c.turn)
            .where(t.turns.c.conversation_id == conversation_id)
            .order_by(t.turns.c.number)
        )
        with self._db.connect() as connection:
            return [_turn(found) for found in connection.execute(query).scalars()]

    def next_number(self, conversation_id: str) -> int:
        """The number of the next turn; the first is 1."""
        with self._db.connect() as connection:
            return _next_number(connection, t.turns, conversation_id)

    def history(self, conversation_id: str, limit: int = 20) -> list[Message]:
        """The last ``limit`` messages that were said and answered, oldest first."""
        query = (
            sa.select(t.turns.c.turn)
            .where(t.turns.c.conversation_id == conversation_id)
            .order_by(t.turns.c.number.desc())
            .limit((limit + 1) // 2)
        )
        with self._db.connect() as connection:
            newest_first = [_turn(found) for found in connection.execute(query).scalars()]
        said: list[Message] = []
        for turn in reversed(newest_first):
            said += [Message("shopper", turn.message), Message("assistant", turn.reply.text)]
        return said[-limit:] if limit > 0 else []

    # --- messages that wait for an answer ---

    def add_message(self, conversation_id: str, text: str, client_id: str | None = None) -> Posted:
        """Store what a shopper posted. The same ``client_id`` again returns the first message, stored once.

        Raises:
            InputError: the ``client_id`` is too long.
            NotFoundError: there is no such conversation.
        """
        _check_length("client id", client_id, 200)
        with writing(self._db) as connection:
            _lock(connection, conversation_id)
            if client_id is not None:
                known = sa.select(t.messages).where(
                    t.messages.c.conversation_id == conversation_id, t.messages.c.client_id == client_id
                )
                if (row := connection.execute(known).first()) is not None:
                    return _posted(row)
            number = _next_number(connection, t.messages, conversation_id)
            made = Posted(_id(), conversation_id, number, text, client_id, _now(), None)
            connection.execute(
                t.messages.insert().values(
                    id=made.id,
                    conversation_id=conversation_id,
                    number=number,
                    text=text,
                    client_id=client_id,
                    created_at=made.created_at,
                )
            )
        return made

    def pending(self, conversation_id: str) -> list[Posted]:
        """The messages that no turn has answered yet, oldest first."""
        query = (
            sa.select(t.messages)
            .where(t.messages.c.conversation_id == conversation_id, t.messages.c.turn_id.is_(None))
            .order_by(t.messages.c.number)
        )
        with self._db.connect() as connection:
            return [_posted(row) for row in connection.execute(query)]

    def claim(
        self, worker: str, *, conversation_id: str | None = None, lease: timedelta = timedelta(minutes=2)
    ) -> list[Posted]:
        """Take the pending messages that nobody else works on; each goes to one worker only.

        A claim older than ``lease`` counts as abandoned. At its start, a process that runs alone claims with
        ``lease=timedelta(0)`` what its predecessor left.
        """
        now = _now()
        c = t.messages.c
        query = (
            sa.select(t.messages)
            .where(c.turn_id.is_(None), c.claimed_at.is_(None) | (c.claimed_at <= now - lease))
            .order_by(c.created_at, c.number)
            .with_for_update(skip_locked=True)
        )
        if conversation_id is not None:
            query = query.where(c.conversation_id == conversation_id)
        with writing(self._db) as connection:
            taken = [_posted(row) for row in connection.execute(query)]
            for message in taken:
                connection.execute(
                    t.messages.update().where(c.id == message.id).values(claimed_by=worker, claimed_at=now)
                )
        return taken

    def release(self, worker: str) -> None:
        """Give back what this worker claimed and has not answered."""
        given_back = t.messages.update().where(
            t.messages.c.claimed_by == worker, t.messages.c.turn_id.is_(None)
        )
        with writing(self._db) as connection:
            connection.execute(given_back.values(claimed_by=None, claimed_at=None))

    # --- feedback ---

    def add_feedback(self, turn_id: str, rating: Rating, comment: str = "") -> None:
        """Store a shopper's opinion of a turn; a later one replaces it.

        Raises:
            InputError: the rating is neither "up" nor "down".
            NotFoundError: there is no such turn.
        """
        if rating not in ("up", "down"):
            raise InputError(f"there is no rating {rating!r}", expected="up or down")
        with writing(self._db) as connection:
            found = sa.select(t.turns.c.id).where(t.turns.c.id == turn_id).with_for_update()
            if connection.execute(found).first() is None:
                raise NotFoundError(f"there is no turn {turn_id!r}")
            connection.execute(t.feedback.delete().where(t.feedback.c.turn_id == turn_id))
            connection.execute(
                t.feedback.insert().values(turn_id=turn_id, rating=rating, comment=comment, created_at=_now())
            )

    def feedback(self, conversation_id: str) -> list[Feedback]:
        """The feedback on a conversation's turns, in the order of the turns."""
        query = (
            sa.select(t.feedback)
            .join(t.turns)
            .where(t.turns.c.conversation_id == conversation_id)
            .order_by(t.turns.c.number)
        )
        with self._db.connect() as connection:
            return [
                Feedback(row.turn_id, row.rating, row.comment, row.created_at)
                for row in connection.execute(query)
            ]


def _id() -> str:
    return uuid.uuid4().hex


def _now() -> datetime:
    return datetime.now(UTC)


def _turn(stored: Any) -> Turn:
    turn: Turn = decode(stored)
    return turn


def _check_length(what: str, value: str | None, most: int) -> None:
    if value is not None and len(value) > most:
        raise InputError(f"the {what} has {len(value)} characters", expected=f"at most {most}")


def _posted(row: Any) -> Posted:
    return Posted(
        row.id, row.conversation_id, row.number, row.text, row.client_id, row.created_at, row.turn_id
    )


def _lock(connection: sa.Connection, conversation_id: str) -> None:
    """Let one writer at a time number the conversation's rows (SQLite has one writer anyway)."""
    row = sa.select(t.conversations.c.id).where(t.conversations.c.id == conversation_id).with_for_update()
    if connection.execute(row).first() is None:
        raise NotFoundError(f"there is no conversation {conversation_id!r}")


def _next_number(connection: sa.Connection, table: sa.Table, conversation_id: str) -> int:
    highest = sa.select(sa.func.max(table.c.number)).where(table.c.conversation_id == conversation_id)
    return int(connection.execute(highest).scalar() or 0) + 1
