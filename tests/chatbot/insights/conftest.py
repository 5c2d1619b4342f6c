"""A small shop in a database, on either backend, with one shopper who buys coffee again and again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from chatbot.behaviour import Behaviour, Done
from chatbot.conversation import Evidence, Reply, Turn
from chatbot.importers import import_rows
from chatbot.insights.kept import Insights
from chatbot.store import Store
from configs.settings import Settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PRODUCTS = [
    (
        "COF-1",
        "Dark beans",
        "Coffee",
        "Ridge",
        "9.00",
        {"organic": "yes", "roast": "dark", "weight": "250 g"},
    ),
    ("COF-2", "Light beans", "Coffee", "Ridge", "14.00", {"organic": "yes", "roast": "light"}),
    (
        "COF-3",
        "Decaf beans",
        "Coffee",
        "Vale",
        "11.00",
        {"organic": "no", "roast": "dark", "weight": "250 g"},
    ),
    ("COF-4", "Espresso beans", "Coffee", "Vale", "12.00", {"roast": "dark", "weight": "250 g"}),
    ("CUP-1", "Blue cup", "Cups", "Potter", "7.00", {"material": "clay"}),
    ("CUP-2", "Tin cup", "Cups", "Potter", "5.00", {"material": "tin"}),
    ("MUG-1", "Big mug", "Cups", "Potter", "8.00", {"material": "clay"}),
    ("POT-1", "Tea pot", "Cups", "Potter", "30.00", {"material": "clay", "organic": "yes"}),
]


@dataclass
class Town:
    """``insights`` look at the shop; the others put something into it."""

    db: sa.Engine
    insights: Insights

    def order(
        self, number: int, customer: str, days_ago: float, *skus: str, status: str = "delivered"
    ) -> None:
        at = NOW - timedelta(days=days_ago)
        lines = [{"sku": sku, "name": sku, "quantity": 1, "unit_price": "10.00"} for sku in skus]
        row = {
            "id": f"O-{number}",
            "customer_id": customer,
            "placed_at": at.isoformat(),
            "status": status,
            "lines": lines,
        }
        self.bring("orders", [row])

    def purchase(self, customer: str, days_ago: float, sku: str, order: str | None = None) -> None:
        at = NOW - timedelta(days=days_ago)
        row = {"customer_id": customer, "sku": sku, "quantity": 1, "at": at.isoformat(), "order_id": order}
        self.bring("purchases", [row])

    def bring(self, kind: Any, rows: list[dict[str, Any]]) -> None:
        import_rows(self.db, kind, rows, source="test", currency="EUR", strict=True, prune=False)

    def did(
        self,
        customer: str,
        days_ago: float,
        kind: str,
        sku: str,
        session: str = "s1",
        stars: int | None = None,
    ) -> None:
        event = Done(uuid.uuid4().hex, sku, kind, NOW - timedelta(days=days_ago), stars)
        assert Behaviour(self.db).add(session, customer, [event]) == 1

    def said(self, customer: str | None, days_ago: float, text: str) -> str:
        """The id of the turn."""
        store = Store(self.db)
        conversation = store.create_conversation("s1", customer, "en")
        turn = Turn(
            id=uuid.uuid4().hex,
            conversation_id=conversation.id,
            number=1,
            message=text,
            plans=(),
            evidence=Evidence(),
            reply=Reply("Yes.", "answer", "quote"),
            timings={},
            model="none",
            index_version="1",
            created_at=NOW - timedelta(days=days_ago),
        )
        store.add_turn(turn)
        return turn.id


def products() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "sku": sku,
            "name": name,
            "category": category,
            "brand": brand,
            "price": price,
            "stock": 5,
            "attributes": attributes,
        }
        for sku, name, category, brand, price, attributes in PRODUCTS
    ]
    rows[4]["variants"] = [
        {"sku": f"CUP-1-{colour[:3].upper()}", "options": {"colour": colour}, "price": None, "stock": 1}
        for colour in ("blue", "red")
    ]
    return rows


@pytest.fixture
def town(db: sa.Engine, tmp_path: Path) -> Town:
    made = Town(db, Insights(db, Settings(home=tmp_path), lambda: NOW))
    made.bring("products", products())
    made.bring(
        "customers", [{"id": "C1", "name": "Ada Example", "email": "ada@shop.example", "country": "DE"}]
    )
    return made


@pytest.fixture
def anew(town: Town, tmp_path: Path) -> Callable[[], Insights]:
    """Insights that have nothing in memory."""
    return lambda: Insights(town.db, Settings(home=tmp_path), lambda: NOW)
