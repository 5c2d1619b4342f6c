"""Turn events as a shopper's browser sees them: what each says, how they are kept, how they travel as SSE.

A ``TurnLog`` holds the events of one turn while it runs and for a while after, for any number of readers. Later
the stream is rebuilt from the stored turn. Does not know who posts, who answers, or HTTP status codes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.responses import StreamingResponse

from chatbot.conversation import (
    Carded,
    Cited,
    Done,
    Event,
    HandedOver,
    Planned,
    Retrieved,
    Sentence,
    ToolRan,
    Turn,
    to_json,
)

KEEP_ALIVE_SECONDS = 15.0
_PING = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class Record:
    """One event, ready to be sent. ``data`` is JSON."""

    id: str
    type: str
    data: str

    def encode(self) -> bytes:
        return f"id: {self.id}\nevent: {self.type}\ndata: {self.data}\n\n".encode()


def public_turn(turn: Turn) -> dict[str, Any]:
    """A turn without its evidence, its dropped sentences and what the router thought."""
    reply = to_json(turn.reply)
    del reply["dropped"]
    return {
        "id": turn.id,
        "number": turn.number,
        "message": turn.message,
        "reply": reply,
        "rung": turn.reply.rung,
        "timings": to_json(turn.timings),
        "created_at": turn.created_at.isoformat(),
    }


def record(event: Event) -> Record:
    """What a shopper may see of an event: all of it, but for the stored turn's evidence."""
    data = to_json(event)
    if isinstance(event, Done):
        data["turn"] = public_turn(event.turn)
    return note(event.id, data["type"], data)


def note(event_id: str, event_type: str, data: Mapping[str, Any]) -> Record:
    content = {"type": event_type, "id": event_id, **data}
    return Record(event_id, event_type, json.dumps(content, ensure_ascii=False, separators=(",", ":")))


class TurnLog:
    """The events of the turn that answers one message. Lives on the event loop; needs no lock."""

    def __init__(self, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self.records: list[Record] = []
        self.closed = False
        self._changed = asyncio.Event()

    def append(self, item: Record) -> None:
        self.records.append(item)
        self._wake()

    def close(self) -> None:
        """No more events will come; readers end when they have read what there is."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(
        self, after: str | None = None, *, keep_alive: float | None = None
    ) -> AsyncIterator[Record | None]:
        """Every record behind the one called ``after`` (from the first if there is none of that id).

        With ``keep_alive``, None is yielded whenever that many seconds pass without a record.
        """
        ids = [item.id for item in self.records]
        index = ids.index(after) + 1 if after in ids else 0
        while True:
            while index < len(self.records):
                yield self.records[index]
                index += 1
            if self.closed:
                return
            try:
                async with asyncio.timeout(keep_alive):
                    await self._changed.wait()
            except TimeoutError:
                yield None


def replay(turn: Turn, after: str | None) -> list[Record]:
    """The stream of a stored turn.

    Where sentences were cut is not stored. Whoever had part of the stream already gets ``done`` alone, whose
    turn holds the whole reply; whoever had nothing gets the whole reply as one sentence as well.
    """
    numbers = iter(range(1, 10_000))

    def next_id() -> str:
        return f"{turn.id}:{next(numbers)}"

    if after is not None and after.startswith(f"{turn.id}:"):
        return [record(Done(f"{turn.id}:end", turn))]
    events: list[Event] = [Planned(next_id(), plan) for plan in turn.plans]
    if turn.evidence.passages:
        events.append(Retrieved(next_id(), turn.evidence.passages))
    events += [ToolRan(next_id(), result) for result in turn.evidence.results]
    if turn.reply.text:
        events.append(Sentence(next_id(), turn.reply.text, 0))
    events += [Carded(next_id(), card) for card in turn.reply.cards]
    events += [Cited(next_id(), citation) for citation in turn.reply.citations]
    if turn.reply.kind == "handoff":
        events.append(HandedOver(next_id(), "handoff"))
    events.append(Done(f"{turn.id}:end", turn))
    return [record(event) for event in events]


def event_stream(log: TurnLog, after: str | None = None) -> StreamingResponse:
    """The log as ``text/event-stream``; a comment every 15 silent seconds keeps proxies from hanging up."""

    async def encoded() -> AsyncIterator[bytes]:
        # Sent at once: the client learns that its message was taken, before the turn says anything.
        yield b": taken\n\n"
        async for item in log.follow(after, keep_alive=KEEP_ALIVE_SECONDS):
            yield item.encode() if item is not None else _PING

    return StreamingResponse(
        encoded(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
