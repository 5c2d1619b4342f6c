"""A shopper's profile: what interests them, what they buy again and when, what they ask about, how they buy, whether they may leave.

Made of what their facts add up to (``folded``) and of what is usual in the shop (``norms``), for one moment. Every entry carries the newest
facts that stand behind it, and how many there are. What the catalogue does not know any more is left out, except for its cycles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise
from math import log
from statistics import median
from typing import Literal

from chatbot.insights.folded import DAYS, REFERENCES, Folded, Taken
from chatbot.insights.norms import BRAND, CATEGORY, Norms
from chatbot.insights.risk import Risk
from chatbot.lang import words
from chatbot.shop import Customer, fold

SHOWN = 8
"""Entries of a kind at the most."""
KEYWORDS = 12
AGAIN = {"product": 3, "category": 5}
"""Days of purchase from which on something has a pace."""
LAPSED = 3.0
"""Gaps after the last purchase, from which on a cycle is over."""
_LEAST = 0.01
"""An interest that is a smaller part of all that a customer takes is none."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """``kind`` is order, message, or the kind of an event; ``product`` names what it was about, where it was about one."""

    kind: str
    id: str
    at: str
    sku: str | None = None
    product: str | None = None


@dataclass(frozen=True, slots=True)
class Interest:
    """``share`` is the part of all that speaks for something, faded with time, that speaks for this value of ``of``; ``usual`` is its part of
    what the shop sells; ``facts`` counts what stands behind it."""

    of: str
    value: str
    share: float
    usual: float
    facts: int
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """``rank`` is the mean place of what was bought among the prices of its category: 0 the lowest, 1 the highest. ``of`` is "all" for all categories
    together."""

    of: str
    rank: float
    level: Literal["low", "middle", "high"]
    products: int
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Cycle:
    """Something bought on ``times`` days (or more, of a category bought very often), at the median every ``every_days``. Dates are ISO 8601. ``due_in`` is in days, below zero if
    it is late; ``over`` if it is so late that the habit seems to have ended."""

    of: Literal["product", "category"]
    sku: str | None
    name: str
    times: int
    every_days: float
    last: str
    due: str
    due_in: int
    over: bool
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word of theirs in ``messages`` of their messages; ``usual`` is the share of all shoppers' messages that have it."""

    word: str
    weight: float
    messages: int
    usual: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Buying:
    """Recency, frequency and value. ``spent`` and ``average`` (of an order) are by currency and leave out orders that were sent
    back or whose value is not known (``unpriced``)."""

    orders: int
    days_since: int | None
    first: str | None
    last: str | None
    spent: Mapping[str, Decimal]
    average: Mapping[str, Decimal]
    sent_back: int
    unpriced: int
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    customer_id: str
    name: str
    as_of: str
    facts: Mapping[str, int]
    """How many orders, events and messages it was made of."""
    buying: Buying
    risk: Risk
    categories: tuple[Interest, ...]
    brands: tuple[Interest, ...]
    attributes: tuple[Interest, ...]
    prices: tuple[PriceLevel, ...]
    cycles: tuple[Cycle, ...]
    keywords: tuple[Keyword, ...]


def profile(
    customer_id: str, customer: Customer | None, known: Folded, norms: Norms, risk: Risk, now: datetime
) -> Profile:
    """``customer`` is None where the shop's customers do not have them."""
    taken = list(known.taken.values())
    interests = _interests(taken, norms, now)
    return Profile(
        customer_id=customer.id if customer else customer_id,
        name=customer.name if customer else "",
        as_of=now.astimezone(UTC).isoformat(timespec="seconds"),
        facts={"orders": known.orders, "events": known.events, "messages": known.messages},
        buying=_buying(known, now),
        risk=risk,
        categories=_first(one for one in interests if one.of == CATEGORY),
        brands=_first(one for one in interests if one.of == BRAND),
        attributes=_first(one for one in interests if one.of not in (CATEGORY, BRAND)),
        prices=_prices(taken, norms, now),
        cycles=_cycles(taken, norms, now),
        keywords=_keywords(known, norms, customer, now),
    )


def _first(interests: Iterable[Interest]) -> tuple[Interest, ...]:
    return tuple(islice(interests, SHOWN))


# --- interests ----------------------------------------------------------------------------------------------


def _interests(taken: Sequence[Taken], norms: Norms, now: datetime) -> list[Interest]:
    """Categories and brands by their share, attributes by how much they say: share times the logarithm of how much more that is than usual."""
    weights: defaultdict[tuple[str, str], float] = defaultdict(float)
    behind: defaultdict[tuple[str, str], list[Taken]] = defaultdict(list)
    spelt: dict[tuple[str, str], str] = {}
    whole = 0.0
    for one in taken:
        values = norms.values(one.sku)
        weight, _ = one.faded(now)
        whole += max(weight, 0.0) if values else 0.0
        for value, spelling in values.items():
            weights[value] += weight
            behind[value].append(one)
            spelt[value] = spelling
    found: list[tuple[float, Interest]] = []
    for value, weight in weights.items():
        share, usual = weight / whole if whole > 0 else 0.0, norms.shares.get(value, 0.0)
        facts = sum(one.facts for one in behind[value])
        told = share
        if value[0] not in (CATEGORY, BRAND):
            told = share * log(share / usual) if 0 < usual < share else 0.0
            if facts < 2:
                continue
        if told > 0 and share >= _LEAST:
            evidence = _evidence(behind[value], norms)
            interest = Interest(value[0], spelt[value], round(share, 4), round(usual, 4), facts, evidence)
            found.append((told, interest))
    return [interest for _, interest in sorted(found, key=lambda pair: (-pair[0], pair[1].of, pair[1].value))]


def _prices(taken: Sequence[Taken], norms: Norms, now: datetime) -> tuple[PriceLevel, ...]:
    """Of all categories together, and of each in which they bought two products or more."""
    ranked: defaultdict[str, list[tuple[float, float, Taken]]] = defaultdict(list)
    for one in taken:
        rank, bought = norms.price_rank(one.sku), one.faded(now)[1]
        if rank is not None and bought > 0:
            category = norms.products[fold(one.sku)][0].category
            ranked["all"].append((rank, bought, one))
            ranked[category].append((rank, bought, one))
    levels = []
    for name, rows in ranked.items():
        if len(rows) >= 2:
            whole = sum(weight for _, weight, _ in rows)
            rank = sum(rank * weight for rank, weight, _ in rows) / whole
            level: Literal["low", "middle", "high"] = (
                "low" if rank < 1 / 3 else "high" if rank > 2 / 3 else "middle"
            )
            evidence = _evidence([one for *_, one in rows], norms, only="order")
            levels.append((whole, PriceLevel(name, round(rank, 3), level, len(rows), evidence)))
    levels.sort(key=lambda pair: (pair[1].of != "all", -pair[0], pair[1].of))
    return tuple(level for _, level in levels[:SHOWN])


# --- cycles -------------------------------------------------------------------------------------------------


def _cycles(taken: Sequence[Taken], norms: Norms, now: datetime) -> tuple[Cycle, ...]:
    """Products first, then categories of which several products were bought; what is due next before what is over."""
    by_product: defaultdict[str, list[Taken]] = defaultdict(list)
    by_category: defaultdict[str, list[Taken]] = defaultdict(list)
    names: dict[str, tuple[str, str]] = {}
    for one in taken:
        found = norms.products.get(fold(one.sku))
        sku, name = (found[0].sku, found[0].name) if found else (one.sku, one.sku)
        by_product[fold(sku)].append(one)
        names[fold(sku)] = sku, name
        if found and found[0].category:
            by_category[found[0].category].append(one)
    products = [_cycle("product", *names[key], rows, norms, now) for key, rows in by_product.items()]
    several = {
        name: rows for name, rows in by_category.items() if len({_own(one, norms) for one in rows}) > 1
    }
    categories = [_cycle("category", None, name, rows, norms, now) for name, rows in several.items()]
    return tuple(cycle for kind in (products, categories) for cycle in _by_due(kind))


def _own(one: Taken, norms: Norms) -> str:
    found = norms.products.get(fold(one.sku))
    return found[0].sku if found else one.sku


def _by_due(cycles: Iterable[Cycle | None]) -> list[Cycle]:
    kept = [cycle for cycle in cycles if cycle is not None]
    return sorted(kept, key=lambda cycle: (cycle.over, cycle.due, cycle.name))[:SHOWN]


def _cycle(
    of: Literal["product", "category"],
    sku: str | None,
    name: str,
    rows: Sequence[Taken],
    norms: Norms,
    now: datetime,
) -> Cycle | None:
    """Each sku has its ``DAYS`` newest days, so that the ``DAYS`` newest of several skus are complete."""
    days = sorted({day for one in rows for day in one.days})
    times = max(len(days), *(one.times for one in rows))
    if len(days) < AGAIN[of]:
        return None
    every = float(median(later - day for day, later in pairwise(days[-DAYS:])))
    due, today = days[-1] + round(every), int(now.timestamp() // 86_400)
    evidence = _evidence(rows, norms, only="order")
    over = today - days[-1] > LAPSED * every
    return Cycle(of, sku, name, times, every, _date(days[-1]), _date(due), due - today, over, evidence)


# --- the rest -----------------------------------------------------------------------------------------------


def _buying(known: Folded, now: datetime) -> Buying:
    today = int(now.timestamp() // 86_400)
    return Buying(
        known.orders,
        None if known.last is None else max(0, today - known.last),
        None if known.first is None else _date(known.first),
        None if known.last is None else _date(known.last),
        {currency: money.total for currency, money in known.money.items()},
        {
            currency: (money.total / money.orders).quantize(Decimal("0.01"))
            for currency, money in known.money.items()
        },
        known.sent_back,
        known.unpriced,
        tuple(Evidence(one.kind, one.id, one.at) for one in reversed(known.references)),
    )


def _keywords(known: Folded, norms: Norms, customer: Customer | None, now: datetime) -> tuple[Keyword, ...]:
    """Words by how often and lately they used them and how unusual they are; never their own name."""
    own = (
        set(words(f"{customer.name} {(customer.email or '').replace('@', ' ').replace('.', ' ')}"))
        if customer
        else set()
    )
    found = []
    for stem, word in known.words.items():
        weight = word.faded(now) * norms.usage.unusual(stem)
        if weight > 0 and not own & {stem, word.said}:
            evidence = tuple(Evidence(one.kind, one.id, one.at) for one in reversed(word.references))
            usual = round(norms.usage.share(stem), 5)
            found.append(Keyword(word.said, round(weight, 4), word.messages, usual, evidence))
    return tuple(sorted(found, key=lambda one: (-one.weight, one.word))[:KEYWORDS])


def _evidence(rows: Iterable[Taken], norms: Norms, only: str | None = None) -> tuple[Evidence, ...]:
    """The newest facts behind several skus, each once; ``only`` of one kind."""
    found = {}
    for one in rows:
        known = norms.products.get(fold(one.sku))
        for reference in one.references:
            if only is None or reference.kind == only:
                name = known[0].name if known else None
                found[reference.kind, reference.id, one.sku] = Evidence(
                    reference.kind, reference.id, reference.at, one.sku, name
                )
    newest = sorted(found.values(), key=lambda one: (one.at, one.id, one.sku or ""), reverse=True)
    return tuple(newest[:REFERENCES])


def _date(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date().isoformat()
