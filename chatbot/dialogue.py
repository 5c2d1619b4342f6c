"""What the last turns left behind for the next message to lean on. Knows no search and no catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chatbot.conversation import Plan, ToolCall, Turn
from chatbot.intents import SOCIAL

CHANGE = "change"
"""The intent of a plan that changes an order, or takes that back."""
RECENT = 6
"""Turns that a message may lean on."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What the last turns left behind for the next message to lean on."""

    skus: tuple[str, ...] = ()
    """The products that were shown or named last."""
    named: tuple[str, ...] = ()
    """The last products that one question each was about, newest first."""
    orders: tuple[str, ...] = ()
    order_id: str | None = None
    signed_in: bool = False
    own_country: str | None = None
    country: str | None = None
    intent: str | None = None
    asked: str | None = None
    query: str = ""
    messages: tuple[str, ...] = ()
    """What the shopper said before, newest first."""
    told: frozenset[str] = frozenset()
    """The ids of the passages that the last answer cited."""
    suggested_by: ToolCall | None = None
    """The last call that suggested products."""
    suggested: tuple[str, ...] = ()
    """What it suggested."""
    without: tuple[str, ...] = ()
    """What the last search left out."""
    changing: ToolCall | None = None
    """The call that asked back in the last turn what was missing for a change of an order."""
    changed: bool = False
    """Whether one of the last two turns was about a change of an order."""
    avoid: tuple[str, ...] = ()
    """What the shopper must not have, allergies and the like: of the whole conversation, for nobody is cured by the next question."""

    @classmethod
    def of(cls, turns: Sequence[Turn]) -> Dialogue:
        """Fold the turns, oldest first: the last ``RECENT``, and of all of them what must be avoided."""
        state = cls(avoid=_avoided(plan for turn in turns for plan in turn.plans))
        for turn in turns[-RECENT:]:
            for plan in turn.plans:
                state = state.after(plan)
            shown = tuple(card.id for card in turn.reply.cards if card.kind == "product")
            orders = tuple(card.id for card in turn.reply.cards if card.kind == "order")
            suggests = any(call.name == "recommend" for plan in turn.plans for call in plan.calls)
            state = replace(
                state,
                skus=shown or state.skus,
                suggested=shown if suggests else state.suggested,
                orders=orders or state.orders,
                order_id=orders[0] if orders else state.order_id,
                asked=turn.plans[-1].intent if turn.reply.kind == "clarify" and turn.plans else None,
                messages=(turn.message, *state.messages),
                changing=_unfinished(turn),
                changed=any(plan.intent == CHANGE for one in turns[-2:] for plan in one.plans),
                told=frozenset(citation.passage_id for citation in turn.reply.citations),
            )
        return state

    def after(self, plan: Plan) -> Dialogue:
        sku = plan.slots.get("sku")
        searched = next((call for call in plan.calls if call.name == "product_search"), None)
        return replace(
            self,
            skus=(sku,) if sku else self.skus,
            named=(sku, *(other for other in self.named if other != sku))[:2] if sku else self.named,
            order_id=plan.slots.get("order_id", self.order_id),
            country=plan.slots.get("country", self.country),
            intent=self.intent if plan.intent in SOCIAL else plan.intent,
            query=plan.query,
            suggested_by=next((call for call in plan.calls if call.name == "recommend"), self.suggested_by),
            without=tuple(searched.arguments.get("without", ())) if searched else self.without,
            avoid=tuple(dict.fromkeys((*self.avoid, *_avoided([plan])))),
        )


def _avoided(plans: Iterable[Plan]) -> tuple[str, ...]:
    """What messages said that could do harm, each once."""
    careful = [plan.slots for plan in plans if plan.slots.get("must_avoid")]
    return tuple(dict.fromkeys(said for slots in careful for said in slots.get("without", ())))


def _unfinished(turn: Turn) -> ToolCall | None:
    calls = [call for plan in turn.plans if plan.intent == CHANGE for call in plan.calls]
    return calls[-1] if calls and turn.reply.kind == "clarify" else None
