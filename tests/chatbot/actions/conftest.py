"""A small shop with one order in each state, in both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from chatbot.actions.journal import Actions
from chatbot.actions.system import DatabaseSystem
from chatbot.conversation import Conversation
from chatbot.importers import import_rows
from chatbot.shop import Shop
from chatbot.store import Store
from configs.settings import ActionSettings, ShopSettings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STATES = (
    "pending_payment", "processing", "packed", "shipped", "out_for_delivery", "delivered", "cancelled", "return_requested", "returned",
    "refunded",
)  # fmt: skip


def order_row(number: str, status: str, customer: str = "C1", price: str = "20.00", **more: Any) -> dict[str, Any]:  # fmt: skip
    lines = [
        {"sku": sku, "name": sku, "quantity": 1, "unit_price": price} for sku in more.pop("skus", ("MUG", "PAN"))
    ]  # fmt: skip
    own = {"id": number, "customer_id": customer, "placed_at": "2026-11-10T10:00:00Z", "status": status}
    delivered = {"delivered_at": "2026-11-15T10:00:00Z"} if status == "delivered" else {}
    return {**own, "country": "DE", "lines": lines, **delivered, **more}


@pytest.fixture
def shop(db: sa.Engine) -> Shop:
    def bring(kind: Any, rows: list[dict[str, Any]]) -> None:
        assert import_rows(db, kind, rows, source="test", currency="EUR", strict=True).added == len(rows)

    products = [{"sku": sku, "name": sku.title(), "price": "20", "stock": 0} for sku in ("MUG", "PAN")]
    bring("products", [*products, {"sku": "GIFT", "name": "Gift card", "final_sale": True}])
    bring("customers", [{"id": "C1", "name": "Ana", "email": "ana@shopper.example", "country": "DE"}])
    rows = [order_row(f"O-{state}", state) for state in STATES]
    rows += [
        order_row("O-foreign", "processing", "C2"),
        order_row("O-large", "processing", price="900.00"),
        order_row("O-gift", "delivered", skus=("GIFT",)),
        order_row("O-late", "delivered", delivered_at="2026-09-01T10:00:00Z"),
    ]
    bring("orders", rows)
    return Shop(db)


@pytest.fixture
def system(db: sa.Engine, shop: Shop) -> DatabaseSystem:
    return DatabaseSystem(db, ShopSettings(), ActionSettings(), lambda: NOW)


@pytest.fixture
def actions(db: sa.Engine, system: DatabaseSystem) -> Actions:
    return Actions(db, b"a secret of this test", system, ActionSettings())


@pytest.fixture
def talk(db: sa.Engine) -> Callable[[str | None], Conversation]:
    """A new conversation of a customer."""
    return lambda customer: Store(db).create_conversation(f"session of {customer}", customer, "en")
