"""The values that a turn is made of, and the events that tell of it. Knows no model, store or transport."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from retrieval.passages import Passage

Role = Literal["shopper", "assistant", "agent"]
ReplyKind = Literal["answer", "clarify", "refuse", "handoff"]
Rung = Literal["approved", "tool", "quote", "model", "clarify", "handoff", "social"]


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """Something that the widget shows beside the text: a product or an order."""

    kind: Literal["product", "order"]
    id: str
    title: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returned.

    ``template`` names the text of ``configs/templates/<language>.yaml`` that words it, filled with ``data``;
    ``text`` says the same facts in plain English, as evidence for the model; ``cards`` go to the widget.
    ``error`` is a short code (``sign_in``, ``not_found``, ``broken`` ...) for logs and evaluation. ``proposal`` is the id of the action
    that the shopper's next yes carries out, ``quick_replies`` what they may want to say next.
    """

    call: ToolCall
    template: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    cards: Sequence[Card] = ()
    error: str | None = None
    quick_replies: Sequence[str] = ()
    proposal: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What the router understood of one question.

    ``question`` is the shopper's own words, ``query`` what is searched for. ``confidence`` is in [0, 1].
    """

    intent: str
    confidence: float
    language: str
    query: str
    slots: Mapping[str, Any] = field(default_factory=dict)
    calls: Sequence[ToolCall] = ()
    question: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    passages: Sequence[Passage] = ()
    results: Sequence[ToolResult] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a sentence of the reply comes from.

    ``start`` and ``end`` are character offsets of ``quote`` in the passage's text; ``sentence`` is the index
    of the reply's sentence that it supports.
    """

    passage_id: str
    source: str
    title: str
    quote: str
    start: int
    end: int
    sentence: int
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that was not sent, and the check that it failed."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    kind: ReplyKind
    rung: Rung
    citations: Sequence[Citation] = ()
    cards: Sequence[Card] = ()
    quick_replies: Sequence[str] = ()
    dropped: Sequence[Dropped] = ()
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One stored exchange. ``timings`` are milliseconds since the message arrived, by stage."""

    id: str
    conversation_id: str
    number: int
    message: str
    plans: Sequence[Plan]
    evidence: Evidence
    reply: Reply
    timings: Mapping[str, float]
    model: str
    index_version: str
    created_at: datetime
    adapter: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """``customer_id`` comes from the signed session and from nowhere else."""

    id: str
    session_id: str
    customer_id: str | None
    locale: str
    status: Literal["bot", "waiting", "person", "closed"]
    created_at: datetime


# --- events, in the order in which a turn emits them -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """``id`` is ``turn:number``; a broken stream resumes after the last id that arrived."""

    id: str


@dataclass(frozen=True, slots=True)
class Planned(Event):
    plan: Plan


@dataclass(frozen=True, slots=True)
class Retrieved(Event):
    passages: Sequence[Passage]


@dataclass(frozen=True, slots=True)
class ToolRan(Event):
    result: ToolResult


@dataclass(frozen=True, slots=True)
class Sentence(Event):
    """A checked piece of the reply; the pieces' texts, joined as they are, make the reply's text."""

    text: str
    index: int


@dataclass(frozen=True, slots=True)
class Carded(Event):
    card: Card


@dataclass(frozen=True, slots=True)
class Cited(Event):
    citation: Citation


@dataclass(frozen=True, slots=True)
class HandedOver(Event):
    reason: str


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """The turn broke; ``text`` is fit for the shopper and was stored as the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Done(Event):
    """Sent after the turn was stored."""

    turn: Turn


def to_json(value: Any) -> Any:
    """Turn any of these values into what ``json.dumps`` takes; an event gets its class name as ``type``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        out = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__.lower(), **out} if isinstance(value, Event) else out
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
