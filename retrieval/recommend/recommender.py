"""What to suggest to whom, and why: the models, their blend, and the names of products and customers' interactions.

Immutable and shared between threads; a new training makes another one. Customers are not kept: what is known of somebody
comes with each question (``fold_in``), so what happened a second ago counts at once, and whoever is forgotten is in
no list. Knows skus, times and texts, and no prices and no stock: what may be shown is the caller's ``allowed``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import NotFoundError
from retrieval.recommend.blend import CANDIDATES, Blend, Task, eligible
from retrieval.recommend.explain import Asked, Explanation, Reason, explained, reasons
from retrieval.recommend.features import Parts, candidates, features
from retrieval.recommend.interactions import DAY, NOTHING, Floats, Ints, Known, Times

Mode = Literal["buy_again", "discover", "mixed"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a shopper did; ``weight`` as ``weight_of`` says it of the kind."""

    sku: str
    at: np.datetime64
    weight: float = 1.0
    purchase: bool = True


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``score`` orders a list and means nothing across lists."""

    sku: str
    score: float
    why: Reason


@dataclass(frozen=True, slots=True)
class Recommender:
    """``groups`` numbers each item's category, for diversity; ``staple`` is the share of customers who take an item."""

    skus: tuple[str, ...]
    parts: Parts
    blend: Blend
    staple: Floats
    groups: Ints
    latest: np.datetime64 | None
    place: Mapping[str, int] = field(default_factory=dict)

    # --- what is known ---

    def fold_in(self, events: Iterable[Event], now: np.datetime64) -> Known:
        """What these events tell of somebody; those of products that no model knows are left out."""
        rows = sorted(
            (
                (event.at, self.place[key], event.weight, event.purchase)
                for event in events
                if (key := event.sku.strip().casefold()) in self.place
            ),
        )
        if not rows:
            return NOTHING
        at, item, weight, purchase = zip(*rows, strict=True)
        moments: Times = np.array(at, "datetime64[s]")
        age = np.maximum((now - moments) / DAY, 0.0)
        return Known(np.array(item, np.int64), age, np.array(weight, np.float32), np.array(purchase, bool))

    def items_of(self, skus: Iterable[str]) -> Ints:
        found = [self.place[key] for sku in skus if (key := sku.strip().casefold()) in self.place]
        return np.array(sorted(set(found)), np.int64)

    # --- lists ---

    def recommend(
        self,
        known: Known,
        *,
        mode: Mode = "mixed",
        cart: Collection[str] = (),
        exclude: Collection[str] = (),
        allowed: NDArray[np.bool_] | None = None,
        n: int = 10,
        diversity: float = 0.0,
    ) -> list[Suggestion]:
        """The best ``n`` for somebody.

        ``allowed`` has a place for each of ``skus``; what it forbids, what is excluded and what lies in the cart is out before
        anything is ranked. ``diversity`` takes that much of the score for each suggestion of the same category before.
        """
        return self._best(known, mode, self._held(cart), exclude, allowed, n, diversity)

    def complete(
        self,
        cart: Collection[str],
        known: Known = NOTHING,
        *,
        exclude: Collection[str] = (),
        allowed: NDArray[np.bool_] | None = None,
        n: int = 10,
    ) -> list[Suggestion]:
        """What goes with a cart; empty if nothing is known of what lies in it."""
        held = self._held(cart)
        return self._best(known, "complete", held, exclude, allowed, n, 0.0) if len(held.item) else []

    def similar(
        self,
        sku: str,
        *,
        exclude: Collection[str] = (),
        allowed: NDArray[np.bool_] | None = None,
        n: int = 10,
    ) -> list[tuple[str, float]]:
        """What is like a product: by its text and by who takes it, each as a share of the likest.

        Raises:
            NotFoundError: no model knows it.
        """
        target = self._number(sku)
        score = np.zeros(len(self.skus))
        alike = self.parts.texts @ self.parts.texts[target] if self.parts.texts.shape[1] else score
        by_taste = self.parts.ease.predict(Known.of([target]))
        for own in (alike, by_taste):
            rest = np.maximum(np.delete(own, target), 0)
            score = score + np.maximum(own, 0) / max(float(rest.max(initial=0)), 1e-9)
        score[[target, *self.items_of(exclude)]] = 0.0
        if allowed is not None:
            score[~allowed] = 0.0
        order = np.argsort(-score, kind="stable")[:n]
        return [(self.skus[place], float(score[place])) for place in order if score[place] > 0]

    def explain(
        self, known: Known, sku: str, *, mode: Mode = "mixed", cart: Collection[str] = ()
    ) -> Explanation:
        """What each thing that is known adds to the score of a product; the sum is the score.

        Raises:
            NotFoundError: no model knows it.
        """
        target = self._number(sku)
        held = self._held(cart)
        task: Task = "complete" if len(held.item) else mode
        asked, chosen, told = self._told(known, task, held, None, CANDIDATES, target)
        place = int(np.flatnonzero(chosen == target)[0])
        return explained(asked, target, told[place], told.mean(axis=0))

    # --- new products ---

    def add_product(self, sku: str, text: Floats, group: int = -1) -> Recommender:
        """One product more, known by the vector of its text alone; the other recommender stays as it is."""
        return self.add_products([sku], text[None], np.array([group]))

    def add_products(self, skus: Sequence[str], texts: Floats, groups: Ints) -> Recommender:
        """``texts`` has a row for each; see ``add_product``."""
        place = {sku.casefold(): number for number, sku in enumerate(skus, len(self.skus))}
        return Recommender(
            (*self.skus, *skus),
            self.parts.with_items(texts),
            self.blend,
            np.append(self.staple, np.zeros(len(skus))).astype(np.float32),
            np.append(self.groups, groups),
            self.latest,
            {**self.place, **place},
        )

    # --- inside ---

    def _number(self, sku: str) -> int:
        place = self.place.get(sku.strip().casefold())
        if place is None:
            raise NotFoundError(f"nothing is known of the product {sku!r}", hint="kefu recommend train")
        return place

    def _held(self, cart: Collection[str]) -> Known:
        items = self.items_of(cart)
        return Known.of(items)

    def _best(
        self,
        known: Known,
        task: Task,
        cart: Known,
        exclude: Collection[str],
        allowed: NDArray[np.bool_] | None,
        n: int,
        diversity: float,
    ) -> list[Suggestion]:
        out = self.items_of(exclude)
        if len(out):
            allowed = np.ones(len(self.skus), bool) if allowed is None else allowed.copy()
            allowed[out] = False
        asked, chosen, told = self._told(known, task, cart, allowed, max(CANDIDATES, n))
        if len(chosen) == 0 or n <= 0:
            return []
        score = told.sum(axis=1)
        places = _spread(score, self.groups[chosen], n, diversity)
        why = reasons(asked, chosen[places], told[places], told.mean(axis=0))
        return [
            Suggestion(self.skus[chosen[place]], float(score[place]), reason)
            for place, reason in zip(places, why, strict=True)
        ]

    def _told(
        self,
        known: Known,
        task: Task,
        cart: Known,
        allowed: NDArray[np.bool_] | None,
        count: int,
        target: int | None = None,
    ) -> tuple[Asked, Ints, NDArray[np.float64]]:
        """The candidates, ``target`` among them, and their features times the weights: shape (candidates, features)."""
        everything = known.with_more(cart) if len(cart.item) else known
        together = self.parts.ease.predict(everything)
        found = candidates(self.parts, known, together, count, cart=cart, allowed=allowed)
        chosen = eligible(found, task, known, cart)
        if target is not None:
            chosen = np.union1d(chosen, [target])
        values = features(self.parts, known, together, chosen, cart=cart)
        told = values * self.blend.of(task, len(known.touched))
        return Asked(self.parts, everything, cart, self.skus, self.staple), chosen, told


def _spread(score: NDArray[np.float64], groups: Ints, n: int, diversity: float) -> Sequence[int]:
    """The places of the best, one after the other; each takes ``diversity`` off the others of its group."""
    if diversity <= 0:
        return list(map(int, np.argsort(-score, kind="stable")[:n]))
    left, found = score.copy(), []
    for _ in range(min(n, len(score))):
        best = int(np.argmax(left))
        found.append(best)
        left[best] = -np.inf
        if groups[best] >= 0:
            left[groups == groups[best]] -= diversity
    return found
