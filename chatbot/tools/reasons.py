"""Why a product is suggested, as people say it: in a few words on its card, and in full when they ask.

Everything said here is read from the recommender's own sum: who asks why hears what spoke for it, and how much of it. Decides no list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chatbot.conversation import ToolCall, ToolResult
from chatbot.recommending import seconds
from chatbot.shop import Product, fold
from chatbot.tools.base import Context, tool
from chatbot.tools.catalogue import product_name
from chatbot.tools.speak import call_of, of_product, result
from chatbot.tools.wording import Words
from retrieval.recommend import Known, Recommender, Suggestion
from retrieval.recommend.explain import STAPLE, Explanation

_RECENT = np.timedelta64(31, "D")
_SAID = 4
"""So many causes are told, the weightiest."""
_TOO_LITTLE = 0.01
"""Of what speaks for a product: less than this share is not told."""


@dataclass(frozen=True, slots=True)
class Ground:
    """``cause`` is the product of theirs behind it; ``days`` the pace at which they buy the product itself."""

    kind: Literal[
        "bought", "seen", "alike", "alike_seen", "popular", "popular_ever", "new", "together", "similar", "again", "category",
    ]  # fmt: skip
    cause: str | None = None
    days: int | None = None


def ground(context: Context, recommender: Recommender, known: Known, item: Suggestion) -> Ground:
    """What may be said of a suggestion: what was only looked at was not bought, and what nobody took yet is not popular."""
    bought = {recommender.skus[own] for own in known.bought}
    if item.why.because:
        return Ground("bought" if item.why.because[0] in bought else "seen", item.why.because[0])
    target = recommender.place[fold(item.sku)]
    if item.why.rule == "text":
        return Ground("alike" if _likest(recommender, known, target) in bought else "alike_seen")
    if not recommender.staple[target]:
        return Ground("new")
    current = recommender.latest is not None and seconds(context.now) - recommender.latest <= _RECENT
    return Ground("popular" if current else "popular_ever")


def _likest(recommender: Recommender, known: Known, target: int) -> str:
    """Of what they bought or looked at, the product whose text says most of the target's; something of it speaks for the target."""
    items, held = recommender.parts.ease.held(known)
    texts = recommender.parts.texts
    return recommender.skus[int(items[np.argmax(held * (texts[items] @ texts[target]))])]


def short(to: Words, said: Ground, names: Mapping[str, Product]) -> str:
    """For a card: "because you bought Oak board"."""
    if said.kind == "again":
        return to.text("reason_pace", days=said.days) if said.days else to.text("reason_again")
    cause = names.get(said.cause or "")
    # What was bought may have left the catalogue since.
    because = product_name(to, cause) if cause else said.cause
    return to.text(f"reason_{said.kind}", because=because)


# --- asked for --------------------------------------------------------------------------------------------


def why_suggested(
    context: Context,
    *,
    sku: str,
    mode: Literal["for_me", "again", "similar", "complete"] | None = None,
    with_sku: str | None = None,
) -> ToolResult:
    """Say why a product was suggested to this shopper: what speaks for it, and how much each part."""
    call = call_of("why_suggested", sku=sku, mode=mode, with_sku=with_sku)
    product = context.shop.product(sku)
    other = context.shop.product(with_sku) if with_sku else None
    if product is None:
        return result(context, call, "product_not_found", error="not_found")
    if mode is None:
        return of_product(context, call, product, "why_searched")
    if mode == "similar" and other is not None:
        facts = {
            "other": lambda to: product_name(to, other),
            "category": lambda to: to.name(product.category, product.category_zh),
        }
        same = bool(product.category) and product.category == other.category
        return of_product(context, call, product, "why_similar" if same else "why_near", facts)
    recommender = context.recommender
    if recommender is None or fold(product.sku) not in recommender.place:
        return of_product(context, call, product, "why_unknown")
    known = context.known(recommender)
    if mode == "again":
        return _again(context, call, product, recommender, known)
    cart = [other.sku] if other else context.cart() if mode == "complete" else []
    told = recommender.explain(known, product.sku, mode="discover", cart=cart)
    return _in_full(context, call, product, told, _Whose.of(recommender, known, cart, product.sku))


def _again(
    context: Context, call: ToolCall, product: Product, recommender: Recommender, known: Known
) -> ToolResult:
    rows = (known.item == recommender.place[fold(product.sku)]) & known.purchase
    ages = np.unique(np.floor(known.age[rows]))
    if not len(ages):
        return of_product(context, call, product, "why_unknown")
    pace = recommender.explain(known, product.sku, mode="buy_again").reason.every_days
    facts = {
        "times": lambda to: to.count("time", len(ages)),
        "last": lambda to: to.count("day", int(ages[0])),
        "pace": lambda to: to.text("why_pace", days=max(1, round(pace))) if pace else "",
    }
    return of_product(context, call, product, "why_again", facts)


@dataclass(frozen=True, slots=True)
class _Whose:
    """How the products that speak for a suggestion came to be known; ``staples`` are those that most customers take. ``owned``: the shopper
    bought the suggestion itself; ``taken``: some customer took it."""

    bought: frozenset[str]
    cart: frozenset[str]
    staples: frozenset[str]
    owned: bool
    taken: bool

    @classmethod
    def of(cls, recommender: Recommender, known: Known, cart: Sequence[str], sku: str) -> _Whose:
        target = recommender.place[fold(sku)]
        return cls(
            frozenset(recommender.skus[item] for item in known.bought),
            frozenset(recommender.skus[item] for item in recommender.items_of(cart)),
            frozenset(recommender.skus[item] for item in np.flatnonzero(recommender.staple > STAPLE)),
            target in known.bought,
            bool(recommender.staple[target] > 0),
        )


def _in_full(
    context: Context, call: ToolCall, product: Product, told: Explanation, whose: _Whose
) -> ToolResult:
    """The parts that speak for it, as shares of all that speaks for it."""
    parts: dict[tuple[str, str | None], float] = defaultdict(float)
    for one in told.contributions:
        named = one.sku if one.sku and one.sku not in whose.staples and one.value > 0 else None
        parts[(_kind(one.family, named, whose), named)] += one.value
    speaking = {part: value for part, value in parts.items() if value > 0}
    total = sum(speaking.values())
    if not total:
        return of_product(context, call, product, "why_unknown")
    best = [
        part
        for part in sorted(speaking, key=lambda part: -speaking[part])
        if speaking[part] / total >= _TOO_LITTLE
    ][:_SAID]
    names = {item.sku: item for item in context.shop.products([sku for _, sku in best if sku])}

    def reason(to: Words, part: tuple[str, str | None]) -> str:
        kind, sku = part
        because = product_name(to, names[sku]) if sku in names else sku
        share = f"{100 * speaking[part] / total:.0f}"
        it = to.text("why_it" if whose.taken else "why_things_like_it")
        return to.text("why_share", reason=to.text(f"why_{kind}", because=because, it=it), share=share)

    facts = {"reasons": lambda to: to.semicolon([reason(to, part) for part in best])}
    return of_product(context, call, product, "why_suggested", facts)


def _kind(family: str, sku: str | None, whose: _Whose) -> str:
    if sku is None:
        again = "repeat" if whose.owned else "looked"
        return {"text": "text", "popular": "popular", "repeat": again}.get(family, "taken")
    if sku in whose.cart:
        return "cart"
    return "bought" if sku in whose.bought else "seen"


TOOLS = (tool(why_suggested),)
