"""A server with staff's page and a bot of fixed answers, run as a process of its own.

Gradio and pandas warn of each other's deprecations, which our tests would turn into errors inside Gradio.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from chatbot.conversation import (
    Citation,
    Conversation,
    Done,
    Dropped,
    Event,
    Evidence,
    Plan,
    Planned,
    Reply,
    Retrieved,
    Sentence,
    ToolCall,
    ToolRan,
    ToolResult,
    Turn,
)
from chatbot.web import mount
from configs.settings import Settings
from retrieval.passages import Passage

PLAN = Plan(
    "delivery",
    0.83,
    "en",
    "delivery Austria",
    {"country": "AT"},
    (ToolCall("delivery_estimate", {"country": "AT"}),),
)
PASSAGES = (
    Passage(
        "delivery#1",
        "delivery.md",
        "Delivery › Costs",
        "6.90 EUR <img src=x onerror=window.broken=1>",
        score=0.88,
    ),
    Passage("returns#1", "returns.md", "Returns", "30 days", score=0.41),
)
RESULT = ToolResult(ToolCall("delivery_estimate"), "delivery", {}, "6.90 EUR to Austria", error="no_rates")
REPLY = Reply(
    "It costs 6.90 EUR. <b>Bold?</b>",
    "answer",
    "quote",
    citations=(Citation("delivery#1", "delivery.md", "Delivery", "6.90 EUR", 0, 8, 0),),
    dropped=(Dropped("It is always free.", "number not in the evidence"),),
    confidence=0.834,
)


def turn(conversation_id: str, message: str) -> Turn:
    return Turn(
        "t",
        conversation_id,
        1,
        message,
        (PLAN,),
        Evidence(PASSAGES, (RESULT,)),
        REPLY,
        {"done": 60.04, "planned": 20.1},
        "smollm2-135m",
        "2-abc",
        datetime(2026, 11, 1, tzinfo=UTC),
    )


def events(conversation_id: str, message: str) -> list[Event]:
    return [
        Planned("t:1", PLAN),
        ToolRan("t:2", RESULT),
        Retrieved("t:3", PASSAGES),
        Sentence("t:4", "It costs 6.90 EUR.", 0),
        Sentence("t:5", " <b>Bold?</b>", 1),
        Done("t:6", turn(conversation_id, message)),
    ]


class Store:
    """Keeps conversations in memory."""

    def __init__(self) -> None:
        self.made: list[Conversation] = []

    def create_conversation(self, session_id: str, customer_id: str | None, locale: str) -> Conversation:
        made = Conversation(f"c{len(self.made)}", session_id, customer_id, locale, "bot", datetime.now(UTC))
        self.made.append(made)
        return made

    def conversation(self, conversation_id: str) -> Conversation:
        return next(made for made in self.made if made.id == conversation_id)


def customer(customer_id: str) -> Any:
    return SimpleNamespace(id="C00001") if customer_id.lower() == "c00001" else None


async def answer(bot: Any, conversation: Conversation, text: str) -> AsyncIterator[Event]:
    for event in events(conversation.id, text):
        yield event


def main(port: int) -> None:
    import chatbot.turn

    chatbot.turn.answer = cast(Any, answer)  # before the page imports it
    store = Store()
    app = SimpleNamespace(settings=Settings(), store=store, shop=SimpleNamespace(customer=customer), bot=None)
    api = FastAPI()

    @api.get("/made")
    async def made() -> list[list[str | None]]:
        return [[conversation.session_id, conversation.customer_id] for conversation in store.made]

    mount(api, cast(Any, app))
    uvicorn.run(api, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
