"""What the facts of a customer add up to, folded in one after the other: what came yesterday is not read again.

``Folded`` is a left fold over facts in order of time. Folding one part and then the next gives exactly what folding all at once gives,
also if it was kept as JSON in between; its size grows with the products and words of a customer, not with their events. What speaks
for a product fades with time: after ``HALF_LIFE`` days it counts half. Knows neither the catalogue nor what is usual in the shop, so
that it stays true when these change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Self

from chatbot.insights.history import Bought, Did, Fact, Said, day_number
from chatbot.insights.words import telling_words
from chatbot.shop import fold
from retrieval.recommend import weight_of

FORMAT = 1
"""Raise it when the same facts add up to something else: what was kept is then folded anew."""
HALF_LIFE = 90.0
"""Days, of interests and keywords."""
DAYS = 21
"""The newest days of purchase that are kept of a product: twenty gaps."""
REFERENCES = 5
"""The newest facts that are kept as evidence for each entry."""
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Reference:
    """A fact that stands behind an entry. ``kind`` is order, message, or the kind of an event (``rating 4`` with its stars)."""

    kind: str
    id: str
    at: str
    """ISO 8601, UTC, to the second."""


@dataclass(slots=True)
class Taken:
    """What is known of a customer and a sku. ``weight`` (everything) and ``bought`` (purchases) are as of ``at``, in seconds
    from 1970; ``days`` are the newest days of purchase, from 1970, ``times`` counts them all; ``last`` has the last day of
    each kind of event."""

    sku: str
    at: float
    weight: float = 0.0
    bought: float = 0.0
    times: int = 0
    facts: int = 0
    days: list[int] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)

    def faded(self, now: datetime) -> tuple[float, float]:
        """``weight`` and ``bought`` at a moment."""
        left = _left(self.at, now.timestamp())
        return self.weight * left, self.bought * left


@dataclass(slots=True)
class Word:
    """A word of theirs as they last wrote it; ``weight`` counts messages as of ``at``."""

    said: str
    at: float
    weight: float = 0.0
    messages: int = 0
    references: list[Reference] = field(default_factory=list)

    def faded(self, now: datetime) -> float:
        return self.weight * _left(self.at, now.timestamp())


@dataclass(slots=True)
class Money:
    """Of one currency: the totals of orders, and how many orders that were."""

    total: Decimal = Decimal(0)
    orders: int = 0


@dataclass(slots=True)
class Folded:
    """``read`` facts were folded in, of which ``seal`` is a hash. ``orders`` counts those that were bought, ``days`` the days
    on which one was; ``unpriced`` are orders of unknown value, ``sent_back`` those that were returned or refunded whole."""

    read: int = 0
    seal: str = ""
    orders: int = 0
    days: int = 0
    first: int | None = None
    last: int | None = None
    last_at: str | None = None
    unpriced: int = 0
    sent_back: int = 0
    events: int = 0
    messages: int = 0
    money: dict[str, Money] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    taken: dict[str, Taken] = field(default_factory=dict)
    words: dict[str, Word] = field(default_factory=dict)

    def add(self, fact: Fact, weights: Mapping[str, float]) -> None:
        """Fold in a fact that is no older than those before. ``weights`` are what an event of a kind is worth."""
        self.read += 1
        self.seal = sealed(self.seal, fact)
        match fact:
            case Bought():
                self._buy(fact, weights["purchase"])
            case Did():
                self.events += 1
                self._do(fact, weights)
            case Said():
                self.messages += 1
                self._say(fact)

    def _buy(self, order: Bought, worth: float) -> None:
        day = day_number(order.at)
        self.orders += 1
        self.days += day != self.last
        self.first = day if self.first is None else self.first
        self.last, self.last_at = day, _iso(order.at)
        reference = Reference("order", order.id, _iso(order.at))
        _keep(self.references, reference)
        if not order.kept:
            self.sent_back += 1
            return
        if order.total is None:
            self.unpriced += 1
        else:
            money = self.money.setdefault(order.currency, Money())
            money.total += order.total
            money.orders += 1
        for sku in dict.fromkeys(order.skus):
            taken = self._of(sku, order.at)
            taken.weight += worth
            taken.bought += worth
            taken.facts += 1
            if not taken.days or taken.days[-1] != day:
                taken.times += 1
                taken.days = [*taken.days, day][-DAYS:]
            _keep(taken.references, reference)

    def _do(self, event: Did, weights: Mapping[str, float]) -> None:
        day = day_number(event.at)
        taken = self._of(event.sku, event.at)
        if taken.last.get(event.kind) == day:
            return  # looking all day says no more than looking once
        taken.last[event.kind] = day
        taken.weight += weight_of(event.kind, weights, event.stars)
        taken.facts += 1
        kind = event.kind if event.stars is None else f"{event.kind} {event.stars}"
        _keep(taken.references, Reference(kind, event.id, _iso(event.at)))

    def _say(self, message: Said) -> None:
        at = message.at.timestamp()
        for stem, said in telling_words(message.text).items():
            word = self.words.setdefault(stem, Word(said, at))
            word.weight = word.weight * _left(word.at, at) + 1.0
            word.said, word.at = said, at
            word.messages += 1
            _keep(word.references, Reference("message", message.id, _iso(message.at)))

    def _of(self, sku: str, moment: datetime) -> Taken:
        """What is known of the sku, faded to a moment."""
        at = moment.timestamp()
        taken = self.taken.setdefault(fold(sku), Taken(sku, at))
        left = _left(taken.at, at)
        taken.weight *= left
        taken.bought *= left
        taken.sku, taken.at = sku, at
        return taken

    # --- as JSON ---

    def told(self) -> dict[str, Any]:
        """What ``json.dumps`` takes."""
        made = asdict(self)
        for money in made["money"].values():
            money["total"] = str(money["total"])
        return made

    @classmethod
    def read_from(cls, told: Mapping[str, Any]) -> Self:
        """What ``told`` gave."""
        made = dict(told)
        made["money"] = {
            currency: Money(Decimal(one["total"]), one["orders"]) for currency, one in told["money"].items()
        }
        made["references"] = _references(told["references"])
        for name, kind in (("taken", Taken), ("words", Word)):
            made[name] = {
                key: kind(**{**one, "references": _references(one["references"])})
                for key, one in told[name].items()
            }
        return cls(**made)


def folded(facts: Iterable[Fact], weights: Mapping[str, float]) -> Folded:
    """All of them, in order of time."""
    made = Folded()
    for fact in facts:
        made.add(fact, weights)
    return made


def sealed(seal: str, fact: Fact) -> str:
    """The hash of a history with one fact more; lines and texts are in it by their digests."""
    told = "\n".join((seal, type(fact).__name__, fact.id, fact.at.isoformat(), fact.digest))
    return blake2b(told.encode(), digest_size=16).hexdigest()


def _left(since: float, until: float) -> float:
    """The share that is left after a time in seconds; a clock that went back changes nothing."""
    return math.pow(0.5, max(until - since, 0.0) / _DAY / HALF_LIFE)


def _keep(references: list[Reference], one: Reference) -> None:
    references.append(one)
    del references[:-REFERENCES]


def _references(told: Iterable[Mapping[str, str]]) -> list[Reference]:
    return [Reference(**one) for one in told]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
