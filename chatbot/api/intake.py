"""Takes messages in and has them answered: stored first, one turn at a time in each conversation.

Messages that arrive while a turn runs are joined into one next turn; every poster's stream gets the events of
the turn that answers its message. A client that goes away stops nothing. What a process leaves unanswered when
it dies is answered at the next start. Does not know HTTP or how a turn is made.

A conversation belongs to one process: behind a balancer, keep a session on the process that it began on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from chatbot.api.errors import ApiError
from chatbot.api.metrics import Metrics
from chatbot.api.streams import Record, TurnLog, note, record, replay
from chatbot.conversation import Conversation, Done, Event, Failed, Sentence
from chatbot.store import Posted, Store
from configs.errors import NotFoundError

logger = logging.getLogger(__name__)

FINISHED_LOGS = 200
"""Logs that are kept after their turn, for streams that broke near its end; later ones are rebuilt."""
MAX_TRIES = 2
RECOVERED_AT_ONCE = 2

_BROKEN = {
    "en": "Sorry, something went wrong on our side. Your message is kept and will be answered.",
    "zh": "抱歉，我们这边出了问题。您的消息已保存，稍后会得到回复。",
}


class Answer(Protocol):
    """``chatbot.turn.answer`` with its bot already bound."""

    def __call__(
        self, conversation: Conversation, text: str, *, message_ids: Sequence[str]
    ) -> AsyncIterator[Event]: ...


@dataclass(slots=True)
class _Line:
    """The messages of one conversation, waiting for their turn. ``kicks`` counts what was posted."""

    locale: str = "en"
    kicks: int = 0
    task: asyncio.Task[None] | None = None
    logs: dict[str, TurnLog] = field(default_factory=dict)


class Intake:
    """One per process. All methods belong to the event loop; the store is called in threads."""

    def __init__(
        self,
        store: Store,
        answer: Answer,
        metrics: Metrics,
        *,
        max_turn_chars: int,
        grace_seconds: float = 30,
    ) -> None:
        self._store, self._answer, self._metrics = store, answer, metrics
        self._max_turn_chars, self._grace_seconds = max_turn_chars, grace_seconds
        self._lines: dict[str, _Line] = {}
        self._finished: OrderedDict[str, TurnLog] = OrderedDict()
        self._tries: dict[str, int] = {}
        self._recovery: asyncio.Task[None] | None = None
        self._closing = False

    async def start(self) -> None:
        """Answer, in the background, what an earlier process left unanswered."""
        left = await asyncio.to_thread(self._store.claim, f"serve:{os.getpid()}", lease=timedelta(0))
        conversations = list(dict.fromkeys(message.conversation_id for message in left))
        if conversations:
            logger.info("answering %d messages that an earlier process left", len(left))
            self._recovery = asyncio.create_task(self._recover(conversations))

    async def _recover(self, conversations: Sequence[str]) -> None:
        # A few at a time, so that shoppers who write now do not wait behind those who wrote before.
        slots = asyncio.Semaphore(RECOVERED_AT_ONCE)

        async def one(conversation_id: str) -> None:
            async with slots:
                if not self._closing:
                    await self._kick(conversation_id)

        await asyncio.gather(*(one(conversation_id) for conversation_id in conversations))

    async def aclose(self) -> None:
        """Let running turns end; what still waits stays in the store for the next start."""
        self._closing = True
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        if self._recovery is not None:
            tasks.append(self._recovery)
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def post(self, conversation: Conversation, text: str, client_id: str | None = None) -> TurnLog:
        """Store a message and give back the log of the turn that answers it.

        The same ``client_id`` again is the same message: its log comes back, running or finished.

        Raises:
            ApiError: the server is stopping, the conversation is closed, or the ``client_id`` was used before
                for another text.
            NotFoundError: there is no such conversation any more.
        """
        if self._closing:
            raise ApiError(503, "stopping", "the server is stopping", hint="send it again in a few seconds")
        if conversation.status == "closed":
            raise ApiError(409, "closed", "this conversation is closed", hint="start a new conversation")
        posted = await asyncio.to_thread(self._store.add_message, conversation.id, text, client_id)
        if posted.text != text:
            raise ApiError(
                409,
                "client_id_reused",
                f"client_id {client_id!r} belongs to another message of this conversation",
                expected="a new client_id for each message, the same one only to send a message again",
            )
        known = self._finished.get(posted.id)
        if known is not None:
            return known
        if posted.turn_id is not None:
            return await self._stored(conversation.id, posted.turn_id, None)
        line = self._lines.setdefault(conversation.id, _Line())
        log = line.logs.setdefault(posted.id, TurnLog(conversation.id))
        self._kick(conversation.id)
        return log

    async def resume(self, conversation_id: str, turn_id: str, after: str | None) -> TurnLog:
        """The log of a turn that runs or has run.

        Raises:
            NotFoundError: this conversation has no such turn.
        """
        line = self._lines.get(conversation_id)
        running = list(line.logs.values()) if line else []
        for log in (*running, *reversed(self._finished.values())):
            if log.conversation_id == conversation_id and _turn_id(log) == turn_id:
                return log
        return await self._stored(conversation_id, turn_id, after)

    async def _stored(self, conversation_id: str, turn_id: str, after: str | None) -> TurnLog:
        turn = await asyncio.to_thread(self._store.turn, turn_id)
        if turn.conversation_id != conversation_id:
            raise NotFoundError("this conversation has no such turn")
        log = TurnLog(conversation_id)
        for item in replay(turn, after):
            log.append(item)
        log.close()
        return log

    def _kick(self, conversation_id: str) -> asyncio.Task[None]:
        """Something was posted: see to it that somebody works on this conversation."""
        line = self._lines.setdefault(conversation_id, _Line())
        line.kicks += 1
        if line.task is None:
            line.task = asyncio.create_task(self._work(conversation_id, line))
        return line.task

    async def _work(self, conversation_id: str, line: _Line) -> None:
        """Answer until nothing is left. One task per conversation, so turns never overlap."""
        try:
            while not self._closing:
                seen = line.kicks
                conversation = await asyncio.to_thread(self._store.conversation, conversation_id)
                waiting = await asyncio.to_thread(self._store.pending, conversation_id)
                line.locale = conversation.locale
                if conversation.status not in (
                    "bot",
                    "waiting",
                ):  # whoever waits for a person may go on asking
                    self._leave_to_people(conversation, line, waiting)
                    batch: Sequence[Posted] = ()
                else:
                    batch = self._batch(waiting)
                if batch:
                    await self._turn(conversation, line, batch)
                elif line.kicks == seen:  # else something was stored while we looked: look again
                    break
        except (
            Exception
        ):  # this line must end in order, whatever broke, so that its messages are answered later
            logger.exception("conversation %s: its messages wait for the next one", conversation_id)
            self._metrics.failure()
        finally:
            # No await from here on: a message that is posted next finds either this line or none.
            del self._lines[conversation_id]
            for message_id, log in line.logs.items():
                if not log.closed:
                    log.append(_broken(message_id, line.locale))
                    log.close()

    def _batch(self, waiting: Sequence[Posted]) -> Sequence[Posted]:
        """The messages of the next turn. One that broke a turn before is tried once more, alone."""
        usable = [message for message in waiting if self._tries.get(message.id, 0) < MAX_TRIES]
        batch: list[Posted] = []
        for message in usable:
            joined = sum(len(earlier.text) + 1 for earlier in batch) + len(message.text)
            if batch and (message.id in self._tries or batch[0].id in self._tries):
                break
            if batch and joined > self._max_turn_chars:
                break
            batch.append(message)
        return batch

    async def _turn(self, conversation: Conversation, line: _Line, batch: Sequence[Posted]) -> None:
        logs = [line.logs.setdefault(message.id, TurnLog(conversation.id)) for message in batch]
        text = "\n".join(message.text for message in batch)
        started = time.perf_counter()
        first_sentence: float | None = None
        ended = False
        with self._metrics.turns_running.track_inprogress():
            try:
                events = self._answer(conversation, text, message_ids=[message.id for message in batch])
                async for event in events:
                    if isinstance(event, Sentence) and first_sentence is None:
                        first_sentence = time.perf_counter() - started
                    if isinstance(event, Done):
                        self._metrics.turn(event.turn, time.perf_counter() - started, first_sentence)
                    if isinstance(event, Failed):
                        self._metrics.failure()
                    ended = ended or isinstance(event, (Done, Failed))
                    item = record(event)
                    for log in logs:
                        log.append(item)
            except Exception:  # the next message of the conversation must still be answered
                logger.exception("conversation %s: a turn broke", conversation.id)
        if not ended:
            self._metrics.failure()
            for message, log in zip(batch, logs, strict=True):
                self._tries[message.id] = self._tries.get(message.id, 0) + 1
                log.append(_broken(message.id, conversation.locale))
        for message, log in zip(batch, logs, strict=True):
            log.close()
            line.logs.pop(message.id, None)
            if ended:
                self._tries.pop(message.id, None)
                self._keep(message.id, log)

    def _leave_to_people(self, conversation: Conversation, line: _Line, waiting: Sequence[Posted]) -> None:
        """A person has this conversation: the message is stored, and the stream says no more."""
        for message in waiting:
            log = line.logs.pop(message.id, None)
            if log is not None:
                log.append(note(f"{message.id}:1", "handedover", {"reason": conversation.status}))
                log.close()

    def _keep(self, message_id: str, log: TurnLog) -> None:
        self._finished[message_id] = log
        while len(self._finished) > FINISHED_LOGS:
            self._finished.popitem(last=False)


def _turn_id(log: TurnLog) -> str:
    return log.records[0].id.rpartition(":")[0] if log.records else ""


def _broken(message_id: str, locale: str) -> Record:
    text = _BROKEN["zh" if locale.startswith("zh") else "en"]
    return note(f"{message_id}:0", "failed", {"text": text})
