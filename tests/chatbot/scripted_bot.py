"""A bot whose search, engine and intents say what a test wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot import lang
from chatbot.conversation import (
    Conversation,
    Done,
    Event,
    Reply,
    Turn,
)
from chatbot.engine.base import Health, Sampling
from chatbot.store import Store
from chatbot.turn import Bot, answer
from retrieval.passages import Passage


def words(texts: Sequence[str]) -> NDArray[np.float32]:
    vectors = np.zeros((len(texts), 1024), dtype=np.float32)
    for row, text in zip(vectors, texts, strict=True):
        for word in lang.content_words(text) or lang.words(text):
            row[sum(word.encode()) % 1024] += 1
        row /= np.linalg.norm(row) or 1
    return vectors


@dataclass
class ScriptedEngine:
    """Says what it is told; an exception in the script is raised."""

    script: Sequence[str | Exception] = ()
    model: str = "scripted"
    asked: list[Any] = field(default_factory=list)

    async def stream(
        self, messages: Any, sampling: Sampling, adapter: str | None = None
    ) -> AsyncIterator[str]:
        self.asked.append(messages)
        for piece in self.script:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def health(self) -> Health:
        return Health(True, self.model)

    async def aclose(self) -> None:
        return


@dataclass
class ListedSearch:
    found: Sequence[Passage] = ()
    version: str = "1"
    error: Exception | None = None
    dialogues: list[Sequence[str]] = field(default_factory=list)
    remembered: list[str] = field(default_factory=list)

    def search(
        self,
        query: str,
        *,
        dialogue: Sequence[str] = (),
        told: Collection[str] = (),
        language: str = "en",
        k: int = 6,
    ) -> list[Passage]:
        if self.error:
            raise self.error
        self.dialogues.append(dialogue)
        return list(self.found)

    def remember(self, turn: str, language: str = "en") -> None:
        self.remembered.append(turn)

    def document(self, source: str) -> list[Passage]:
        return [p for p in self.found if p.source.removesuffix(".md") == source]


class NoProducts:
    vocabulary: dict[str, tuple[str, ...]] = {}  # noqa: RUF012 - a constant of the fake

    def resolve(self, text: str, *, language: str = "en", k: int = 3) -> list[Any]:
        return []

    def search(self, query: str, **filters: Any) -> list[Any]:
        return []


class Keywords:
    """An intent classifier that goes by words, so that these tests are about the ladder alone."""

    def scores(self, text: str) -> dict[str, float]:
        lowered = text.lower()
        rules = (
            ("where is my order", "order_status"),
            ("my orders", "order_list"),
            ("blorb", "out_of_context"),
        )
        intent = next((name for words_, name in rules if words_ in lowered), "policy")
        return {intent: 0.9, "policy": 0.05} if intent != "policy" else {"policy": 0.9}


RETURNS = Passage("returns#1", "returns.md", "Returns › How long can I return an order?", "Products can be returned within 30 days from delivery. Opened soap is excluded.", score=0.95)  # fmt: skip
WEAK = replace(RETURNS, score=0.3)


@dataclass
class Setup:
    bot: Bot
    engine: ScriptedEngine
    search: ListedSearch
    store: Store

    def run(
        self, text: str, conversation: Conversation | None = None, ids: Sequence[str] = ()
    ) -> list[Event]:
        talk = conversation or self.store.create_conversation("s", None, "en")

        async def collect() -> list[Event]:
            return [event async for event in answer(self.bot, talk, text, message_ids=ids)]

        return asyncio.run(collect())


def turn_of(events: Sequence[Event]) -> Turn:
    done = events[-1]
    assert isinstance(done, Done)
    return done.turn


def reply_of(events: Sequence[Event]) -> Reply:
    return turn_of(events).reply


QUESTION = "How long can I return an order?"
