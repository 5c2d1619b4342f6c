"""What stands behind the scripted server: a bot that says what a test wrote, and a shop of three products."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from chatbot import shop_tables
from chatbot.conversation import (
    Card,
    Carded,
    Citation,
    Cited,
    Conversation,
    Done,
    Dropped,
    Event,
    Evidence,
    Failed,
    Plan,
    Planned,
    Reply,
    Retrieved,
    Sentence,
    Turn,
)
from chatbot.db import writing
from chatbot.engine.base import Health
from chatbot.store import Store
from retrieval.passages import Passage
from retrieval.products import ProductHit

RETURNS = Passage(
    "returns.md#0", "returns.md", "Returns › Deadline", "You have 30 days. The label is free.", score=0.9
)
CUSTOMERS = {"C00001": "Ada Example", "C00002": "Bo Example"}


@dataclass
class Script:
    """Answers every message with its own words, and keeps what it was asked.

    A message with "wait" holds its turn until ``gate`` is set; "break" raises in the middle; "fail" ends in a
    stored ``Failed``; "person" hands over.
    """

    asked: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    most_running: dict[str, int] = field(default_factory=dict)
    histories: list[list[str]] = field(default_factory=list)

    async def answer(
        self, bot: Any, conversation: Conversation, text: str, *, message_ids: Sequence[str] = ()
    ) -> AsyncIterator[Event]:
        store: Store = bot.store
        self.asked.append((conversation.id, text, tuple(message_ids)))
        self.histories.append([message.text for message in store.history(conversation.id)])
        now = self.most_running.get(conversation.id, 0)
        self.running += 1
        self.most_running[conversation.id] = max(now, self.running)
        try:
            async for event in self._turn(store, conversation, text, message_ids):
                yield event
        finally:
            self.running -= 1

    async def _turn(
        self, store: Store, conversation: Conversation, text: str, message_ids: Sequence[str]
    ) -> AsyncIterator[Event]:
        turn_id = uuid.uuid4().hex
        numbers = iter(range(1, 1000))

        def next_id() -> str:
            return f"{turn_id}:{next(numbers)}"

        plan = Plan("echo", 1.0, "en", text)
        yield Planned(next_id(), plan)
        yield Retrieved(next_id(), (RETURNS,))
        yield Sentence(next_id(), f"You said: {text}.", 0)
        while "wait" in text and not self.gate.is_set():
            await asyncio.sleep(0.005)
        if "break" in text:
            raise RuntimeError("the script says break, with secret internals")
        yield Sentence(next_id(), " You have 30 days.", 1)
        citation = Citation(RETURNS.id, RETURNS.source, RETURNS.title, "You have 30 days.", 0, 17, 1)
        card = Card("product", "KIT-0001", "Kettle", {"price": "19.90"})
        handoff = "person" in text
        reply = Reply(
            f"You said: {text}. You have 30 days.",
            "handoff" if handoff else "answer",
            "quote",
            (citation,),
            (card,),
            ("Talk to a person",),
            (Dropped("an unchecked thought", "number not in the evidence"),),
            0.8,
        )
        if handoff:
            store.set_status(conversation.id, "waiting")
        turn = Turn(
            id=turn_id,
            conversation_id=conversation.id,
            number=store.next_number(conversation.id),
            message=text,
            plans=(plan,),
            evidence=Evidence((RETURNS,), ()),
            reply=reply,
            timings={"first_sentence": 1.0, "done": 2.0},
            model="scripted",
            index_version="1",
            created_at=datetime.now(UTC),
            error="scripted" if "fail" in text else None,
        )
        store.add_turn(turn, message_ids)
        if "fail" in text:
            yield Failed(next_id(), "Something went wrong on our side.")
            return
        yield Carded(next_id(), card)
        yield Cited(next_id(), citation)
        yield Done(next_id(), turn)


class FakeSearch:
    version = "1"

    def passage(self, passage_id: str) -> Passage | None:
        return RETURNS if passage_id == RETURNS.id else None


class FakeProducts:
    """Finds the kettle and the pan, whatever is asked, and the rake without much confidence."""

    def search(self, query: str, **limits: Any) -> list[ProductHit]:
        return [ProductHit("KIT-0002", 0.9), ProductHit("KIT-0001", 0.8), ProductHit("GAR-0001", 0.1)]


@dataclass
class FakeEngine:
    ready: bool = True
    model: str = "scripted"

    async def health(self) -> Health:
        return Health(self.ready, self.model)


@dataclass
class FakeBot:
    store: Store


def add_shop(db: sa.Engine) -> None:
    """Two customers, one order, three products."""
    source = {"source": "test", "digest": ""}
    products = [
        {
            **source,
            "key": sku.lower(),
            "sku": sku,
            "name": name,
            "name_zh": "",
            "category": category,
            "category_zh": "",
            "brand": "",
            "description": f"A {name.lower()}.",
            "attributes": {"material": "steel"},
            "price": Decimal(price),
            "currency": "EUR",
            "stock": 3,
            "final_sale": False,
        }
        for sku, name, category, price in (
            ("KIT-0001", "Kettle", "Kitchen", "19.90"),
            ("KIT-0002", "Pan", "Kitchen", "39.00"),
            ("GAR-0001", "Rake", "Garden", "24.50"),
        )
    ]
    order = {
        **source,
        "key": "ll-100001",
        "id": "LL-100001",
        "customer_key": "c00001",
        "customer_id": "C00001",
        "placed_at": datetime(2026, 1, 2, tzinfo=UTC),
        "status": "shipped",
        "subtotal": Decimal("19.90"),
        "total": Decimal("23.80"),
        "currency": "EUR",
    }
    with writing(db) as connection:
        connection.execute(shop_tables.products.insert(), products)
        connection.execute(
            shop_tables.variants.insert().values(
                key="kit-0001-red",
                parent_key="kit-0001",
                position=0,
                sku="KIT-0001-RED",
                options={"colour": "red"},
                price=Decimal("20.90"),
                stock=1,
            )
        )
        for identifier, name in CUSTOMERS.items():
            connection.execute(
                shop_tables.customers.insert().values(
                    **source, key=identifier.lower(), id=identifier, name=name, country="DE"
                )
            )
        connection.execute(shop_tables.orders.insert().values(order))
