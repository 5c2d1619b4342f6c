"""A reply, what it may draw on, and what of it turned out wrong. Knows no checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from chatbot.conversation import Card, ToolCall
from chatbot.shop import Order, Product
from eval.match import numbers
from eval.world import World


@dataclass(frozen=True, slots=True)
class Said:
    """A reply and all that it may draw on.

    ``heard`` are the shopper's messages up to this turn, ``cited`` the texts of the documents that the reply cites.
    """

    text: str
    customer_id: str | None = None
    heard: Sequence[str] = ()
    cited: Sequence[str] = ()
    calls: Sequence[ToolCall] = ()
    cards: Sequence[Card] = ()

    def loose(self) -> set[Decimal]:
        """Figures that need no thing to be about: of the cited documents and of the shopper's own words."""
        return {number for text in (*self.cited, *self.heard) for number in numbers(text)}

    def countries(self, world: World) -> set[str]:
        """Where the delivery tool was asked to look."""
        asked = [call for call in self.calls if call.name == "delivery_estimate"]
        own = world.customers.get(self.customer_id or "")
        given = {str(call.arguments.get("country") or (own.country if own else "") or "") for call in asked}
        served = {rate.country for rate in world.rates}
        # A shop that delivers to one country alone need not ask which.
        return served if given == {""} and len(served) == 1 else given - {""}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A figure that the data does not bear out."""

    what: str
    value: str
    why: str


@dataclass
class Focus:
    """What the sentences so far were about."""

    product: Product | None = None
    order: Order | None = None
    products: set[int] = field(default_factory=set)
