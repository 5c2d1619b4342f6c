"""What speaks for a product: numbers that the blend weighs, each of one family that an explanation can name.

``repeat``: how often and how lately the customer took it, and whether it is due; ``together``: EASE's score from all that they
took; ``basket``: what lay in baskets with what they took last, or with their cart; ``text``: how like its text is to the texts of what they took; ``popular``: what
everybody takes, lately and for long. Every number is zero where nothing speaks, so that a sum of them is an explanation. A product
that nobody took yet stands on its neighbours by text (``Parts.with_items``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from retrieval.recommend.base import popularity
from retrieval.recommend.baskets import Baskets
from retrieval.recommend.ease import Ease
from retrieval.recommend.interactions import NOTHING, Floats, Interactions, Ints, Known, places

Family = Literal["repeat", "together", "basket", "text", "popular"]
HALF_LIVES = (7, 20, 45, 90, 200)
"""Days, of a customer's own interactions."""
TRENDS = (5, 14, 45, 365)
"""Days, of everybody's."""
LATELY = 14.0
"""Days before a customer's last interaction that ``basket`` looks at."""
FLOOR = 1e-3
"""EASE scores below it are nothing."""

FEATURES: Mapping[str, Family] = {
    **{f"taken_{days}": "repeat" for days in HALF_LIVES},
    "times": "repeat", "since": "repeat", "overdue": "repeat", "off_pace": "repeat", "pace": "repeat",
    "repeated": "repeat", "owned": "repeat",
    "together": "together", "together_owned": "together", "together_log": "together", "together_root": "together",
    "basket": "basket", "text": "text",
    **{f"popular_{days}": "popular" for days in TRENDS},
    **{f"popular_{days}_owned": "popular" for days in TRENDS},
}  # fmt: skip
NAMES = tuple(FEATURES)
TOGETHER = [place for place, name in enumerate(NAMES) if FEATURES[name] == "together"]


@dataclass(frozen=True)
class Parts:
    """The models that the features are read from. ``popular`` has a row for each of ``TRENDS``, shape (trends, items);
    ``texts`` has the vector of each item's text, shape (items, dimensions), of length one, or zero where there is none."""

    ease: Ease
    baskets: Baskets
    popular: Floats
    texts: Floats

    @classmethod
    def trained(
        cls,
        data: Interactions,
        now: np.datetime64,
        texts: Floats | None = None,
        *,
        penalty: float = 10.0,
        rank: int | None = 128,
    ) -> Parts:
        ease, baskets = Ease(penalty, rank=rank), Baskets()
        ease.train(data, now)
        baskets.train(data, now)
        popular = np.stack([np.log1p(popularity(data, now, days)) for days in TRENDS]).astype(np.float32)
        return cls(
            ease, baskets, popular, np.zeros((len(data.items), 0), np.float32) if texts is None else texts
        )

    @cached_property
    def trend(self) -> Ints:
        """What is taken lately, the most taken first."""
        order: Ints = np.argsort(-self.popular[1], kind="stable")
        wanted: Ints = order[self.popular[1][order] > 0]
        return wanted

    @property
    def items(self) -> int:
        return int(self.popular.shape[1])

    def with_items(self, texts: Floats, count: int = 20) -> Parts:
        """Items more, at the end, of which only the texts are known, shape (new, dimensions): each scores as its ``count``
        neighbours do on the mean, by likeness, and nothing is its own."""
        near, share = nearest(texts, self.texts, count)
        share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
        rows = np.repeat(np.arange(len(texts)), near.shape[1])
        stands_on = sp.csr_matrix(
            (share.ravel(), (rows, near.ravel())), (len(texts), self.items), dtype=np.float32
        )
        popular = np.column_stack([self.popular, (stands_on @ self.popular.T).T])
        return Parts(
            self.ease.with_items(stands_on),
            self.baskets.with_items(stands_on),
            popular.astype(np.float32),
            np.vstack([self.texts, texts]).astype(np.float32),
        )


BLOCK = 20_000_000
"""Pairs of texts that are held against each other at once."""


def nearest(texts: Floats, others: Floats, count: int) -> tuple[Ints, Floats]:
    """The places of the ``count`` likest of the others, in no order, and how like each is, not below zero; each of shape
    (texts, count)."""
    kept = min(count, len(others))
    places, alike = np.zeros((len(texts), kept), np.int64), np.zeros((len(texts), kept), np.float32)
    rows = max(1, BLOCK // max(1, len(others)))
    for start in range(0, len(texts) if kept else 0, rows):
        likeness = texts[start : start + rows] @ others.T
        near = np.argpartition(likeness, -kept, axis=1)[:, -kept:]
        places[start : start + rows] = near
        alike[start : start + rows] = np.maximum(np.take_along_axis(likeness, near, axis=1), 0)
    return places, alike


def candidates(
    parts: Parts,
    known: Known,
    together: Floats,
    count: int,
    *,
    cart: Known = NOTHING,
    allowed: NDArray[np.bool_] | None = None,
) -> Ints:
    """What is worth ranking of what is ``allowed`` and was not refused: what was taken before, and of the rest the ``count``
    best by EASE, by trend and by the cart."""
    left = np.ones(len(together), bool) if allowed is None else allowed.copy()
    left[known.refused] = False
    found = np.zeros(len(together), bool)
    found[known.bought] = left[known.bought]
    left[known.bought] = False
    for score in (together, *((parts.baskets.predict(cart),) if len(cart.item) else ())):
        best = np.flatnonzero(left & (score > 0))
        if len(best) > count:
            best = best[np.argpartition(score[best], -count)[-count:]]
        found[best] = True
    lately = parts.trend[left[parts.trend]][:count]
    found[lately] = True
    return np.flatnonzero(found)


def features(
    parts: Parts, known: Known, together: Floats, chosen: Ints, *, cart: Known = NOTHING
) -> NDArray[np.float64]:
    """Shape (chosen, features), in the order of ``NAMES``."""
    own_place = places(chosen, known.distinct[0])

    def of_chosen(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.append(values, 0.0)[own_place]

    times = of_chosen(known.sums(known.purchase))
    owned, repeated = times > 0, times > 1
    columns: list[Any] = [
        np.log1p(np.maximum(of_chosen(known.sums(known.weight * np.exp2(-known.age / days))), 0))
        for days in HALF_LIVES
    ]
    first, last = (of_chosen(ages) for ages in _first_and_last(known))
    pace = np.where(repeated, (first - last) / np.maximum(times - 1, 1), 0.0)
    overdue = np.where(repeated, np.log((last + 1) / (pace + 1)), 0.0)
    columns += [np.log1p(times), np.log1p(last), overdue, np.abs(overdue), np.log1p(pace), repeated, owned]
    own = together[chosen].astype(np.float64)
    above = np.maximum(own, 0)
    columns += [own, own * owned, np.log(np.maximum(own, FLOOR) / FLOOR), np.sqrt(above)]
    beside = cart if len(cart.item) else lately(known)
    columns.append(
        np.sqrt(parts.baskets.predict(beside)[chosen]) if len(beside.item) else np.zeros(len(chosen))
    )
    columns.append(_alike(parts, known, chosen))
    popular = parts.popular[:, chosen]
    columns += [*popular, *(popular * owned)]
    return np.stack(columns, axis=1).astype(np.float64)


def _first_and_last(known: Known) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many days ago each distinct product was bought first and last; zero if it never was."""
    place, age = known.distinct[1][known.purchase], known.age[known.purchase]
    count = len(known.distinct[0])
    first, last = np.zeros(count), np.full(count, np.inf)
    np.maximum.at(first, place, age)
    np.minimum.at(last, place, age)
    return first, np.where(np.isfinite(last), last, 0.0)


def lately(known: Known) -> Known:
    if len(known.age) == 0:
        return known
    chosen = known.age < known.age.min() + LATELY
    return known.only(chosen)


def _alike(parts: Parts, known: Known, chosen: Ints) -> Floats:
    """The cosine of an item's text and the customer's: the mean of the texts of what they took, by their square roots."""
    items, held = parts.ease.held(known)
    profile = held @ parts.texts[items]
    length = float(np.linalg.norm(profile)) if parts.texts.shape[1] else 0.0
    if length == 0:
        return np.zeros(len(chosen), np.float32)
    return np.maximum(parts.texts[chosen] @ (profile / length), 0)
