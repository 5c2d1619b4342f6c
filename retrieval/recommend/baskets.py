"""Item-item on orders: what lies in one basket more often than chance would put it there.

Cosine of faded baskets, shrunk so that one shared basket proves little, kept only where the pair beats chance. A cart's
scores add up the similarities to what lies in it. Knows no customers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from retrieval.recommend.interactions import Floats, Interactions, Ints, Known

HALF_LIFE = 90.0
"""Days after which a basket counts half."""
MIN_LIFT = 2.0
"""Pairs that share fewer baskets than this many times chance are no pairs: otherwise whatever is popular would seem to go
with everything, and an explanation by it would be untrue."""
MIN_SHARED = 3
"""Baskets that a pair must share: "often bought together" is not said of an accident."""
SHRINKAGE = 15.0
"""Pretends that many baskets with one of the two items alone."""
NEIGHBOURS = 200
"""Kept per item; bounds memory and time on large catalogues."""
MAX_BASKET = 100
"""A larger basket (a wholesale order) says little about any pair in it and would cost quadratic time."""


class Baskets:
    """After ``train``: ``similarity``, scipy CSR, items by items: row = item held, column = item suggested."""

    def __init__(self) -> None:
        self.similarity: Any = sp.csr_matrix((0, 0), dtype=np.float32)

    def train(self, data: Interactions, now: np.datetime64) -> None:
        bought = data.only(data.order >= 0)
        if len(bought) == 0:
            self.similarity = sp.csr_matrix((len(data.items),) * 2, dtype=np.float32)
            return
        numbers, basket = np.unique(bought.order, return_inverse=True)
        baskets = sp.csr_matrix(
            (np.ones(len(bought), np.float32), (basket, bought.item)), (len(numbers), len(data.items))
        )
        baskets.data[:] = 1.0
        age = np.full(len(numbers), np.inf)
        np.minimum.at(age, basket, bought.age(now))
        self.similarity = _similarity(baskets, 0.5 ** (age / HALF_LIFE))

    def predict(self, known: Known) -> Floats:
        _, columns, values = self._rows(known.bought)
        return np.bincount(columns, values, self.similarity.shape[1]).astype(np.float32)

    def contributions(self, known: Known, targets: Ints) -> tuple[Ints, Floats]:
        """What each item that was bought adds to the score of each target, shape (bought, targets)."""
        items = known.bought
        rows, columns, values = self._rows(items)
        place = np.full(self.similarity.shape[1], -1)
        place[targets] = np.arange(len(targets))
        column = place[columns]
        meant = column >= 0
        each = np.zeros((len(items), len(targets)), np.float32)
        each[rows[meant], column[meant]] = values[meant]
        return items, each

    def _rows(self, items: Ints) -> tuple[Ints, Ints, Floats]:
        """The entries of these rows: each one's number among them, column and value. What scipy does, without its checks."""
        matrix = self.similarity
        start = matrix.indptr[items].astype(np.int64)
        counts = matrix.indptr[items + 1] - start
        entries = np.arange(counts.sum()) + np.repeat(start - np.cumsum(counts) + counts, counts)
        return np.repeat(np.arange(len(items)), counts), matrix.indices[entries], matrix.data[entries]

    def with_items(self, stands_on: Any) -> Baskets:
        """Items more, at the end, that lie beside what others lie beside: shares, scipy CSR, shape (new, items)."""
        made = Baskets()
        # Cut by new item, as others are cut by the item that is held: one that stands on many has many neighbours.
        beside = _keep_nearest((stands_on @ self.similarity.T).tocsr()).T
        nothing = sp.csr_matrix((beside.shape[1], beside.shape[1]))
        made.similarity = sp.bmat([[self.similarity, beside], [None, nothing]], "csr", np.float32)
        return made


def _similarity(baskets: Any, weight: NDArray[np.float64]) -> Any:
    sizes = np.diff(baskets.indptr)
    pairing = (sizes > 1) & (sizes <= MAX_BASKET)
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
