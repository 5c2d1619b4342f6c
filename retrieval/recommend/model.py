"""Item-item recommender on baskets: cosine with shrinkage, pairs that beat chance, recent baskets count more.

A customer's list adds up the similarities to what they own; the less is known of them, the more it leans on
recent popularity. ``because`` is the owned product that contributed most. Knows skus and times, and nothing of
products: whether something is in stock, or its version, is for the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from retrieval.recommend import storage

BASKET_HALF_LIFE = 30.0
"""Days after which a basket counts half. Chosen on two months of a real shop, as the other numbers are."""
POPULARITY_HALF_LIFE = 14.0
MIN_LIFT = 2.0
"""Pairs that share fewer baskets than this many times chance are no pairs: otherwise whatever is popular would
seem to go with everything, and ``because`` would be untrue."""
MIN_SHARED = 3
"""Baskets that a pair must share: "often bought together" is not said of an accident."""
SHRINKAGE = 15.0
"""Pretends that many baskets with one of the two items alone, so that one shared basket proves little."""
KNOWN_HALF = 1.0
"""With so many known items, similarity and popularity weigh the same."""
NEIGHBOURS = 100
"""Kept per item; bounds memory and time on large catalogues."""
MAX_BASKET = 100
"""A larger basket (a wholesale order) says little about any pair in it and would cost quadratic time."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``because`` is the sku in the history or cart that speaks most for this one; None: popularity spoke."""

    sku: str
    score: float
    because: str | None


@dataclass(frozen=True, slots=True)
class Recommender:
    """A fitted model. Immutable, and safe to share between threads."""

    skus: tuple[str, ...]
    similarity: Any
    """scipy CSR, items by items: row = item owned, column = item suggested."""
    popularity: Floats
    """In [0, 1]; 1.0 is the item in the most recent baskets."""
    latest: datetime | None
    """When the newest purchase was made (UTC)."""
    position: dict[str, int]

    # --- fitting -------------------------------------------------------------------------------------------

    @classmethod
    def fit(
        cls,
        customer_ids: Sequence[str],
        skus: Sequence[str],
        at: ArrayLike,
        quantity: ArrayLike,
        order_ids: Sequence[str] | None = None,
    ) -> Recommender:
        """Learn from purchases given as columns; ``at`` is UTC. Rows with a quantity of 0 or less are left out.

        A purchase without an order belongs to the basket of its customer and day.
        """
        times = np.asarray(at, dtype="datetime64[s]")
        keep = np.asarray(quantity) > 0
        names, item = _codes(np.asarray(skus, dtype=object)[keep])
        times = times[keep]
        if len(times) == 0:
            empty = sp.csr_matrix((0, 0), dtype=np.float32)
            return cls((), empty, np.zeros(0, np.float32), None, {})
        basket = _baskets(np.asarray(customer_ids, dtype=object)[keep], times, order_ids, keep)
        latest = times.max()
        age = (latest - times).astype(np.float64) / 86_400
        baskets, youngest = _matrix(basket, item, age, len(names))
        seen = np.asarray(baskets.T @ _decay(youngest, POPULARITY_HALF_LIFE), dtype=np.float32).ravel()
        return cls(
            tuple(names),
            _similarity(baskets, youngest),
            seen / seen.max() if seen.max() else seen,
            latest.astype(datetime),
            _positions(names),
        )

    @classmethod
    def load_or_fit(
        cls,
        folder: Path,
        customer_ids: Sequence[str],
        skus: Sequence[str],
        at: ArrayLike,
        quantity: ArrayLike,
        order_ids: Sequence[str] | None = None,
    ) -> Recommender:
        """The model kept in ``folder`` if it was fitted on this very data, else a new one, which is then kept."""
        key = storage.digest(customer_ids, skus, at, quantity, order_ids or (), parameters=_PARAMETERS)
        kept = storage.load(folder, key)
        if kept is not None:
            return cls(kept.skus, kept.similarity, kept.popularity, kept.latest, _positions(kept.skus))
        fitted = cls.fit(customer_ids, skus, at, quantity, order_ids)
        fitted.save(folder, key)
        return fitted

    def save(self, folder: Path, key: str) -> None:
        """Keep the model under the hash of its data; older ones in the folder are removed."""
        storage.save(folder, key, storage.Kept(self.skus, self.similarity, self.popularity, self.latest))

    # --- asking --------------------------------------------------------------------------------------------

    def for_customer(
        self, history: Sequence[str], *, exclude: Iterable[str] = (), k: int = 10, repeats: bool = False
    ) -> list[Suggestion]:
        """What this customer may like next; ``history`` is what they bought, of any length and order.

        What they own is left out unless ``repeats`` is set (for what is used up); ``exclude`` always is.
        """
        owned = self._known(history)
        left_out = set(self._known(exclude)) | (set() if repeats else set(owned))
        personal = self._add_up(owned)
        share = len(owned) / (len(owned) + KNOWN_HALF)
        likeness = share * personal
        return self._best(likeness + (1 - share) * self.popularity, likeness, owned, left_out, k)

    def similar(self, sku: str, k: int = 10) -> list[Suggestion]:
        """What is bought by those who buy this."""
        return self.complete([sku], k)

    def complete(self, cart_skus: Sequence[str], k: int = 10) -> list[Suggestion]:
        """What is bought together with these; empty if nothing is known of them (popularity is no answer here)."""
        cart = self._known(cart_skus)
        likeness = self._add_up(cart)
        return self._best(likeness, likeness, cart, set(cart), k)

    def popular(self, *, exclude: Iterable[str] = (), k: int = 10) -> list[Suggestion]:
        """What is in most recent baskets."""
        return self.for_customer((), exclude=exclude, k=k)

    def _known(self, skus: Iterable[str]) -> list[int]:
        found = (self.position.get(sku.strip().casefold()) for sku in skus)
        return list(dict.fromkeys(index for index in found if index is not None))

    def _add_up(self, owned: Sequence[int]) -> Floats:
        if not owned:
            return np.zeros(len(self.skus), np.float32)
        total = np.asarray(self.similarity[owned].sum(axis=0), dtype=np.float32).ravel()
        peak = total.max(initial=0.0)
        return total / peak if peak > 0 else total

    def _best(
        self, score: Floats, likeness: Floats, owned: Sequence[int], left_out: set[int], k: int
    ) -> list[Suggestion]:
        score = score.copy()
        score[list(left_out)] = 0.0
        count = min(k, int(np.count_nonzero(score > 0)))
        if count <= 0:
            return []
        top = np.argpartition(-score, count - 1)[:count]
        # Equal scores in a fixed order, so that the same question gives the same list.
        top = top[np.lexsort((top, -score[top]))]
        reasons = self.similarity[owned][:, top].toarray() if owned else np.zeros((0, count))
        suggestions = []
        for column, index in enumerate(top):
            # A purchase is named only if popularity is not the greater part of why the item is here.
            personal = likeness[index] > 0 and likeness[index] >= score[index] / 2
            best = int(reasons[:, column].argmax()) if personal and len(owned) else None
            because = self.skus[owned[best]] if best is not None else None
            suggestions.append(Suggestion(self.skus[index], float(score[index]), because))
        return suggestions


_PARAMETERS = (
    BASKET_HALF_LIFE,
    POPULARITY_HALF_LIFE,
    MIN_LIFT,
    MIN_SHARED,
    SHRINKAGE,
    NEIGHBOURS,
    MAX_BASKET,
)


def _codes(values: NDArray[np.object_]) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct values in order of first appearance, and each row's place among them."""
    place: dict[str, int] = {}
    codes = np.fromiter((place.setdefault(value, len(place)) for value in values), np.int64, len(values))
    return list(place), codes


def _positions(skus: Sequence[str]) -> dict[str, int]:
    return {sku.casefold(): index for index, sku in enumerate(skus)}


def _baskets(
    customers: NDArray[np.object_],
    times: NDArray[np.datetime64],
    order_ids: Sequence[str] | None,
    keep: NDArray[np.bool_],
) -> NDArray[np.int64]:
    days = times.astype("datetime64[D]").astype(np.int64)
    orders = np.asarray(order_ids, dtype=object)[keep] if order_ids else np.full(len(times), "", object)
    place: dict[object, int] = {}
    rows = zip(orders, customers, days.tolist(), strict=True)
    keys = (order or (customer, day) for order, customer, day in rows)
    return np.fromiter((place.setdefault(key, len(place)) for key in keys), np.int64, len(times))


def _matrix(
    basket: NDArray[np.int64], item: NDArray[np.int64], age: NDArray[np.float64], items: int
) -> tuple[Any, NDArray[np.float64]]:
    """Baskets by items, 1 where bought, and each basket's age in days."""
    count = int(basket.max()) + 1
    matrix = sp.csr_matrix((np.ones(len(item), np.float32), (basket, item)), (count, items))
    matrix.data[:] = 1.0
    youngest = np.full(count, np.inf)
    np.minimum.at(youngest, basket, age)
    return matrix, youngest


def _decay(age: NDArray[np.float64], half_life: float) -> NDArray[np.float64]:
    decayed: NDArray[np.float64] = 0.5 ** (age / half_life)
    return decayed


def _similarity(baskets: Any, age: NDArray[np.float64]) -> Any:
    sizes = np.diff(baskets.indptr)
    pairing = (sizes > 1) & (sizes <= MAX_BASKET)
    weight = _decay(age, BASKET_HALF_LIFE)
    weighted = sp.diags(np.sqrt(weight)).dot(baskets).astype(np.float32).tocsr()
    occurrences = np.asarray(weighted.multiply(weighted).sum(axis=0)).ravel()
    together, shared = (_co_occurrence(matrix[pairing]) for matrix in (weighted, baskets))
    rows = np.repeat(np.arange(together.shape[0]), np.diff(together.indptr))
    product = occurrences[rows] * occurrences[together.indices]
    by_chance = together.data * weight.sum() < MIN_LIFT * product
    together.data[by_chance | (shared.data < MIN_SHARED) | (rows == together.indices)] = 0.0
    together.data = (together.data / (np.sqrt(product) + SHRINKAGE)).astype(np.float32)
    together.eliminate_zeros()
    return _keep_nearest(together)


def _co_occurrence(baskets: Any) -> Any:
    """Items by items. The same baskets give the same entries in the same order, whatever their weights."""
    found = (baskets.T @ baskets).tocsr()
    found.sort_indices()
    return found


def _keep_nearest(matrix: Any) -> Any:
    """At most NEIGHBOURS per row, those with the highest values."""
    counts = np.diff(matrix.indptr)
    if counts.max(initial=0) <= NEIGHBOURS:
        return matrix
    kept = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(counts > NEIGHBOURS):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        order = np.argpartition(matrix.data[start:end], counts[row] - NEIGHBOURS)
        kept[start + order[: counts[row] - NEIGHBOURS]] = False
    rows = np.repeat(np.arange(matrix.shape[0]), counts)[kept]
    return sp.csr_matrix((matrix.data[kept], (rows, matrix.indices[kept])), matrix.shape)
