"""Why a product stands in a list: what each thing that is known adds to its score.

The score is a sum of weighted features. What EASE's features add is shared out among the customer's products as these share
its score; what the baskets add, among what lies in the cart or was taken last. So the contributions add up to the score. For people,
only causes that tell something are named: not the staples that everybody takes, and the rule that spoke loudest
("you take this every nine days"). Knows no wording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.recommend.features import FEATURES, NAMES, Family, Parts, lately
from retrieval.recommend.interactions import Floats, Ints, Known, places

STAPLE = 0.5
"""Of all customers: what more than this share of them take explains nothing."""
NAMED = 3
"""Causes that are named."""


FAMILIES: tuple[Family, ...] = ("repeat", "together", "basket", "text", "popular")
NAMING: tuple[Family, ...] = ("together", "basket")
"""Those that come from single products of the customer."""
_OF_FAMILY = np.array([[FEATURES[name] == family for family in FAMILIES] for name in NAMES], np.float64)
_TEXT = NAMES.index("text")
_DAYS = 10**6
"""More than any purchase is old."""
OFTEN = 3
"""Days on which a product was taken, from which on a pace is spoken of."""


@dataclass(frozen=True, slots=True)
class Reason:
    """``rule`` made the difference; ``because`` are the customer's products behind it, the weightiest first. On ``times`` days they
    took this product, on average ``every_days`` days apart (None below three times)."""

    rule: Family
    because: tuple[str, ...]
    times: int
    every_days: float | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """``sku`` is the product of the customer that it comes from; None: it comes from no single one."""

    family: Family
    sku: str | None
    value: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The contributions add up to the score."""

    reason: Reason
    contributions: tuple[Contribution, ...]

    @property
    def score(self) -> float:
        return sum(one.value for one in self.contributions)


@dataclass(frozen=True, slots=True)
class Asked:
    """``known`` holds the cart as well; ``staple`` is the share of customers who take each item."""

    parts: Parts
    known: Known
    cart: Known
    skus: Sequence[str]
    staple: Floats


def reasons(
    asked: Asked, targets: Ints, told: NDArray[np.float64], usual: NDArray[np.float64]
) -> list[Reason]:
    """``told`` are the targets' features times their weights, shape (targets, features); ``usual`` is the mean of what could
    have been suggested as well, shape (features,): what makes the difference is the reason, and what speaks for all is none.
    """
    loud = (told - usual) @ _OF_FAMILY
    named = {family: _named(asked, *_told_by(asked, targets, family)) for family in NAMING}
    paces = _paces(asked.known, targets)
    of = targets.tolist()
    speaks = np.ones((len(of), len(FAMILIES)), bool)
    for place, family in enumerate(FAMILIES):
        if family == "repeat":
            speaks[:, place] = [target in paces for target in of]
        elif family == "text":
            speaks[:, place] = told[:, _TEXT] > 0
        elif family in named:
            speaks[:, place] = [bool(causes) for causes in named[family]]
    loudest = np.where(speaks, loud, -np.inf).argmax(axis=1).tolist()
    made = []
    for number, (target, place) in enumerate(zip(of, loudest, strict=True)):
        rule = FAMILIES[place]
        causes = named[rule][number] if rule in named else ()
        made.append(Reason(rule, causes, *paces.get(target, (0, None))))
    return made


def explained(
    asked: Asked, target: int, told: NDArray[np.float64], usual: NDArray[np.float64]
) -> Explanation:
    """``told`` are the target's features times their weights, shape (features,); ``usual`` as in ``reasons``."""
    found: list[Contribution] = []
    for family, value in zip(FAMILIES, (told @ _OF_FAMILY).tolist(), strict=True):
        items, each = _told_by(asked, np.array([target]), family)
        total = float(each.sum())
        if total <= 0:
            found.append(Contribution(family, None, value))
            continue
        shares = (each[:, 0] / total).tolist()
        found += [
            Contribution(family, asked.skus[item], value * share)
            for item, share in zip(items.tolist(), shares, strict=True)
            if share
        ]
    return Explanation(reasons(asked, np.array([target]), told[None], usual)[0], tuple(found))


def _told_by(asked: Asked, targets: Ints, family: Family) -> tuple[Ints, Floats]:
    """The customer's products that a family's part rests on, and what each says of each target: shape (items, targets)."""
    if family == "together":
        return asked.parts.ease.contributions(asked.known, targets)
    if family == "basket":
        beside = asked.cart if len(asked.cart.item) else lately(asked.known)
        return asked.parts.baskets.contributions(beside, targets)
    return np.zeros(0, np.int64), np.zeros((0, len(targets)), np.float32)


def _named(asked: Asked, items: Ints, each: Floats) -> list[tuple[str, ...]]:
    """Of each target the causes that tell most, by what they add and by how few others take them; ``each`` is (items, targets)."""
    if len(items) == 0:
        return [()] * each.shape[1]
    rare = asked.staple[items]
    telling = each.T * np.where(rare <= STAPLE, -np.log(np.clip(rare, 1e-6, 1)), 0).astype(np.float32)
    rows = np.arange(len(telling))
    found: list[list[str]] = [[] for _ in rows]
    for _ in range(min(NAMED, len(items))):
        best = telling.argmax(axis=1)
        for names, place, value in zip(found, best.tolist(), telling[rows, best].tolist(), strict=True):
            if value > 0:
                names.append(asked.skus[items[place]])
        telling[rows, best] = 0
    return [tuple(names) for names in found]


def _paces(known: Known, targets: Ints) -> dict[int, tuple[int, float | None]]:
    """Of each target that was bought: on how many days, and how many days apart on the mean."""
    chosen = known.purchase & (places(known.item, np.sort(targets)) < len(targets))
    # Item and day in one number, so that one sort tells both apart.
    both = np.unique(known.item[chosen] * _DAYS + np.floor(known.age[chosen]).astype(np.int64))
    items, first, count = np.unique(both // _DAYS, return_index=True, return_counts=True)
    span = both[first + count - 1] - both[first]
    return {
        item: (days, apart / (days - 1) if days >= OFTEN else None)
        for item, days, apart in zip(items.tolist(), count.tolist(), span.tolist(), strict=True)
    }
