"""A small shop in memory, a product search over it, and contexts to call tools with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from chatbot.actions.journal import Action
from chatbot.conversation import ToolCall, ToolResult
from chatbot.recommending import seconds
from chatbot.shop import Customer, Order, OrderLine, Product, Rate, Shop, Variant, fold
from chatbot.tools import BUILTIN
from chatbot.tools.base import Context, Tool, load_tools, run_tool
from configs import templates
from configs.settings import ActionSettings, ShopSettings
from retrieval.recommend import Event, Recommender

# A Tuesday, 11:00 in Berlin.
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

BOARD = Product(
    "KIT-1",
    "Oak board",
    "橡木砧板",
    "Kitchen",
    "厨房",
    brand="Tarn",
    description="A board of solid oak. It weighs 1.2 kg.",
    attributes={"material": "oak", "weight": "1.2 kg", "dishwasher_safe": "no", "food_safe": "yes"},
    price=Decimal("39.00"),
    currency="EUR",
    stock=12,
)
KNIFE = replace(BOARD, sku="KIT-2", name="Paring knife 9 cm", name_zh="削皮刀 9厘米", description="", attributes={"dishwasher_safe": "yes", "blade_length": "9 cm", "induction": "no"}, price=Decimal("9.90"), stock=3, age_limit=16)  # fmt: skip
RAIL = replace(
    BOARD,
    sku="KIT-3",
    name="Magnetic rail",
    name_zh="磁吸刀架",
    attributes={"magnet": "neodymium"},
    stock=15,
    variants=(
        Variant("KIT-3-35-BLA", {"colour": "black", "length": "35 cm"}, Decimal("39.00"), 11),
        Variant("KIT-3-50-BLA", {"colour": "black", "length": "50 cm"}, Decimal("52.00"), 4),
        Variant("KIT-3-50-RED", {"colour": "red", "length": "50 cm"}, Decimal("52.00"), 0),
    ),
)
GONE = replace(BOARD, sku="KIT-4", name="Walnut board", name_zh="", price=Decimal("59.00"), stock=0)
CARD = replace(BOARD, sku="GIF-1", name="Gift card", name_zh="礼品卡", category="Gifts", category_zh="礼品", price=Decimal("50.00"), stock=None, attributes={}, final_sale=True)  # fmt: skip
SOAP = replace(BOARD, sku="CAR-1", name="Pine soap", name_zh="松木皂", category="Care", category_zh="护理", price=Decimal("4.50"), attributes={"returnable": "only unopened, with intact seal"}, repeat_days=30)  # fmt: skip
BARE = Product("85123A", "WHITE HANGING HEART")
PRODUCTS = (BOARD, KNIFE, RAIL, GONE, CARD, SOAP, BARE)

ANNA = Customer("C1", "Anna", country="DE")
BELA = Customer("C2", "Bela", country="AT")


def order(
    order_id: str, status: str, *, customer: str = "C1", skus: Sequence[str] = ("KIT-1",), **more: Any
) -> Order:
    by_sku = {product.sku: product for product in PRODUCTS}
    lines = tuple(
        OrderLine(sku, None, by_sku[sku].name if sku in by_sku else sku, 1, Decimal("10.00")) for sku in skus
    )
    values: dict[str, Any] = {
        "placed_at": datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
        "country": "DE",
        "region": None,
        "method": "standard",
        "subtotal": Decimal("10.00") * len(lines),
        "shipping": Decimal("3.90"),
        "total": Decimal("10.00") * len(lines) + Decimal("3.90"),
        "currency": "EUR",
        "lines": lines,
    } | more
    return Order(order_id, customer, status=status, **values)


def rate(country: str, price: str, low: int | None = 2, high: int | None = 3, **more: Any) -> Rate:
    values = {"region": None, "method": "standard", "min_subtotal": Decimal(0), "currency": "EUR"} | more
    return Rate(country, price=Decimal(price), days_min=low, days_max=high, **values)


RATES = (
    rate("DE", "3.90"),
    rate("DE", "0.00", min_subtotal=Decimal("49.00")),
    rate("DE", "9.90", 1, 1, method="express"),
    rate("AT", "6.90", 3, 6),
    rate("AT", "0.00", 3, 6, min_subtotal=Decimal("79.00")),
    rate("NL", "6.90", 3, 6),
)


@dataclass
class FakeShop:
    """What tools read of ``chatbot.shop.Shop``, over tuples."""

    catalogue: Sequence[Product] = PRODUCTS
    all_orders: Sequence[Order] = ()
    all_rates: Sequence[Rate] = RATES
    bought: Mapping[str, Sequence[str]] = field(default_factory=dict)
    requested_skus: Sequence[str] = ()

    def product(self, sku: str) -> Product | None:
        return next(iter(self.products([sku])), None)

    def products(self, skus: Sequence[str]) -> list[Product]:
        found: dict[str, Product] = {}
        for sku in skus:
            for item in self.catalogue:
                if sku.casefold() in {
                    item.sku.casefold(),
                    *(version.sku.casefold() for version in item.variants),
                }:
                    found.setdefault(item.sku, item)
        return list(found.values())

    def orders(self, customer_id: str, limit: int = 20) -> list[Order]:
        own = [item for item in self.all_orders if item.customer_id == customer_id]
        return sorted(own, key=lambda item: item.placed_at, reverse=True)[:limit]

    def order(self, customer_id: str, order_id: str) -> Order | None:
        return next(
            (item for item in self.orders(customer_id) if item.id.casefold() == order_id.casefold()), None
        )

    def requested(self, order: Order) -> set[str]:
        return {fold(sku) for sku in self.requested_skus}

    def rates(self, country: str, region: str | None = None) -> list[Rate]:
        found = [item for item in self.all_rates if item.country == country]
        local = [item for item in found if region and item.region == region]
        general = [item for item in found if item.region is None]
        return local or general or ([] if region else found)

    def countries(self) -> list[str]:
        return sorted({item.country for item in self.all_rates})

    def history(self, customer_id: str) -> list[tuple[str, datetime]]:
        return [(sku, NOW) for sku in self.bought.get(customer_id, ())]


@dataclass
class FakeSearch:
    """Finds what shares a word with the query, or is of the category, which alone scores low. Knows no stock."""

    catalogue: Sequence[Product] = PRODUCTS
    score: float = 0.9
    asked: list[dict[str, Any]] = field(default_factory=list)

    def categories(self) -> list[str]:
        return sorted({item.category for item in self.catalogue})

    def search(self, query: str, **limits: Any) -> list[Any]:
        self.asked.append({"query": query, **limits})
        words = set(query.casefold().split())
        hits = []
        for item in self.catalogue:
            text = {*item.name.casefold().split(), *item.name_zh, item.category.casefold()}
            above = limits.get("max_price") is not None and (item.price or 0) > Decimal(
                str(limits["max_price"])
            )
            other = limits.get("category") not in (None, item.category) or item.sku in limits.get(
                "exclude", ()
            )
            stated = f"{item.name} {item.category} {' '.join(item.attributes.values())}".casefold()
            unwanted = any(word.casefold() in stated for word in limits.get("without", ()))
            if (words & text or limits.get("category")) and not above and not other and not unwanted:
                hits.append(
                    SimpleNamespace(sku=item.sku, score=self.score if words & text else 0.01, matched=())
                )
        return hits[: limits.get("k", 6)]

    def suggestible(
        self,
        *,
        max_price: float | None = None,
        min_price: float | None = None,
        category: str | None = None,
        without: Sequence[str] = (),
        any_age: bool = False,
    ) -> Any:
        """Knows no stock, as an index that is older than the shop's figures."""

        def keeps(item: Product) -> bool:
            dear = max_price is not None and (item.price or 0) > Decimal(str(max_price))
            cheap = min_price is not None and (item.price or 0) < Decimal(str(min_price))
            text = f"{item.name} {item.category} {' '.join(item.attributes.values())}".casefold()
            unwanted = any(word.casefold() in text for word in without)
            other = category not in (None, item.category)
            return not (dear or cheap or unwanted or other) and (any_age or item.age_limit is None)

        return np.array([keeps(item) for item in self.catalogue], bool)


def _bought(shop: FakeShop, customer: Customer | None) -> list[Event]:
    """As ``chatbot.recommending`` has it: a version counts as its product."""
    if customer is None:
        return []
    product_of = {
        fold(sku): item.sku
        for item in shop.catalogue
        for sku in (item.sku, *(own.sku for own in item.variants))
    }
    return [Event(product_of.get(fold(sku), sku), seconds(at)) for sku, at in shop.history(customer.id)]


def _masked(recommender: Recommender, catalogue: Sequence[Product], mask: Any) -> Any:
    allowed = {fold(item.sku) for item, kept in zip(catalogue, mask, strict=True) if kept}
    return np.array([fold(sku) in allowed for sku in recommender.skus], bool)


@dataclass(frozen=True)
class World:
    """The small shop and ways to ask it; what a test does not set is as above."""

    anna: Customer = ANNA
    bela: Customer = BELA
    now: datetime = NOW
    noted: list[tuple[str, str]] = field(default_factory=list)
    proposed: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    tools: Mapping[str, Tool] = field(default_factory=lambda: load_tools(BUILTIN))
    order = staticmethod(order)
    rate = staticmethod(rate)
    product = staticmethod(lambda sku: next(item for item in PRODUCTS if item.sku == sku))

    def context(
        self,
        *,
        customer: Customer | None = None,
        language: str = "en",
        now: datetime = NOW,
        recommender: Recommender | None = None,
        facts: Mapping[str, Any] | None = None,
        cart: Sequence[str] = (),
        offered: Sequence[str] = (),
        undoable: Action | None = None,
        **shop: Any,
    ) -> Context:
        """``facts`` are settings of the shop; further arguments are fields of ``FakeShop``. What is noted of products is in
        ``noted``, of the last context, and what was proposed in ``proposed``."""
        fake = FakeShop(**shop)
        self.noted.clear()
        self.proposed.clear()
        return Context(
            customer=customer,
            conversation_id="conversation",
            language=language,
            now=now,
            shop=cast(Shop, fake),
            facts=ShopSettings(**(facts or {})),
            products=cast(Any, FakeSearch(fake.catalogue)),
            recommender=recommender,
            known=lambda asked: asked.fold_in(_bought(fake, customer), seconds(now)),
            masked=lambda asked, mask: _masked(asked, fake.catalogue, mask),
            cart=lambda: list(cart),
            note=lambda sku, kind: self.noted.append((sku, kind)),
            offered=frozenset(offered),
            may=ActionSettings(),
            propose=self._propose,
            undoable=lambda: undoable,
            explored=lambda skus, features: 0,
            diversity=0.0,
        )

    def _propose(self, kind: str, arguments: Mapping[str, Any]) -> Action:
        self.proposed.append((kind, dict(arguments)))
        return Action("a1", "conversation", "C1", kind, arguments, "proposed", None, NOW, None)

    def run(self, context: Context, name: str, **arguments: Any) -> ToolResult:
        return run_tool(self.tools, context, ToolCall(name, arguments))

    def say(self, context: Context, name: str, **arguments: Any) -> str:
        """What the shopper reads."""
        result = self.run(context, name, **arguments)
        return templates.load(context.language).text(result.template, **result.data)


@pytest.fixture(scope="session")
def world() -> World:
    return World()
