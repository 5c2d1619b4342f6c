"""EASE (Steck 2019): the linear item-item model with a zero diagonal, in closed form.

The weights are ``B = I - P / diag(P)`` with ``P = (X'X + λI)^-1``. P is never written down: its eigenvectors are those of X'X, so
``P = I/λ - V diag(1/λ - 1/(e + λ)) V'``, and V comes from the smaller of X'X (primal) and XX' (dual); both give the same. With a
``rank`` only the largest eigenvalues are kept: a list then costs two small products instead of a row of items by items, and
a customer who is new is folded in by the same two. X holds the square root of faded counts. Above ``LARGEST`` on both sides
V is the truncated singular vectors (Lanczos). λ is told as a multiple of the mean of X'X's diagonal, so that it means the same
in a small shop and in a large one. Knows no popularity: what few took is scored by few.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

from retrieval.recommend.interactions import Floats, Interactions, Ints, Known

LARGEST = 6000
KIN = 0.1
"""What a product says of a new one that stands on it: the weight that EASE would give them if they were bought together. Chosen on the
grocer's validation window."""
Form = Literal["primal", "dual", "truncated"]


class Ease:
    """After ``train``: ``vectors`` (items, rank), ``shrunk`` (rank,), ``diagonal`` (items,), the diagonal of P, and ``own``
    (items,), what an item would say of itself. ``kin`` has a row for each item that ``with_items`` added at the end: the shares of the
    items that it stands on. ``rank`` None keeps the whole spectrum: then it is EASE to the last digit."""

    def __init__(self, penalty: float = 10.0, half_life: float = 90.0, rank: int | None = 512) -> None:
        self.penalty, self.half_life, self.rank = penalty, half_life, rank
        self._mean = 0.0
        self._values: Any = np.zeros(0)
        self.vectors: Floats = np.zeros((0, 0), np.float32)
        self.shrunk: Floats = np.zeros(0, np.float32)
        self.diagonal: Floats = np.zeros(0, np.float32)
        self.own: Floats = np.zeros(0, np.float32)
        self.kin: Any = scipy.sparse.csr_matrix((0, 0), dtype=np.float32)

    def train(self, data: Interactions, now: np.datetime64, form: Form | None = None) -> None:
        matrix = data.matrix(now, self.half_life).sqrt()
        form = form or form_of(matrix.shape)
        values, vectors = _spectrum(matrix, form, self.rank)
        self.vectors, self._values = np.ascontiguousarray(vectors, np.float32), values
        self._mean = float(matrix.multiply(matrix).sum()) / max(1, matrix.shape[1])
        self.use(self.penalty)

    def use(self, penalty: float) -> None:
        """Take another penalty; the spectrum stays."""
        self.penalty, weight = penalty, max(penalty * self._mean, 1e-9)
        self.shrunk = (1 / weight - 1 / (self._values + weight)).astype(np.float32)
        explained = np.einsum("ir,r->i", self.vectors.astype(np.float64) ** 2, self.shrunk.astype(np.float64))
        diagonal = 1 / weight - explained
        self.diagonal, self.own = diagonal.astype(np.float32), (explained / diagonal).astype(np.float32)

    def predict(self, known: Known) -> Floats:
        items, held = self.held(known)
        if len(items) == 0:
            return np.zeros(len(self.diagonal), np.float32)
        score = self.vectors @ ((held @ self.vectors[items]) * self.shrunk)
        score /= self.diagonal
        score[items] -= held * self.own[items]
        new = self.kin.shape[0]
        if new:
            kept = items < self.kin.shape[1]
            score[-new:] += KIN * (self.kin[:, items[kept]] @ held[kept])
        return np.asarray(score, np.float32)

    def held(self, known: Known) -> tuple[Ints, Floats]:
        """The customer's row of X: items, and the square roots of their faded counts."""
        items, told = known.faded(self.half_life)
        return items[told > 0], np.sqrt(told[told > 0]).astype(np.float32)

    def contributions(self, known: Known, targets: Ints) -> tuple[Ints, Floats]:
        """What each item that is known adds to the score of each target, shape (known, targets); a column's sum is the score."""
        items, held = self.held(known)
        told = self.vectors[items] @ (self.vectors[targets] * self.shrunk).T / self.diagonal[targets]
        told[items[:, None] == targets] = 0.0
        known_before, new = items < self.kin.shape[1], targets >= self.kin.shape[1]
        if self.kin.shape[0] and new.any():
            rows = self.kin[targets[new] - self.kin.shape[1]][:, items[known_before]]
            told[np.ix_(known_before, new)] += KIN * rows.toarray().T
        return items, np.asarray(held[:, None] * told, np.float32)

    def with_items(self, stands_on: Any) -> Ease:
        """Items more, at the end, whose scores are means of others': shares, scipy CSR, shape (new, items). Whoever took one of
        these is likely to take the new one, as EASE, whose diagonal is zero, cannot say."""
        made = Ease(self.penalty, self.half_life, self.rank)
        before = self.kin.shape[1] or stands_on.shape[1]
        old = stands_on[:, :before]
        made.kin = scipy.sparse.vstack([self.kin, old]).tocsr() if self.kin.shape[0] else old.tocsr()
        rows = stands_on @ (self.vectors / self.diagonal[:, None])
        made.vectors = np.vstack([self.vectors, rows]).astype(np.float32)
        made.shrunk = self.shrunk
        made.diagonal = np.append(self.diagonal, np.ones(len(rows))).astype(np.float32)
        made.own = np.append(self.own, np.einsum("ir,r,ir->i", rows, self.shrunk, rows)).astype(np.float32)
        return made


def form_of(shape: tuple[int, int]) -> Form:
    """The cheaper form for so many customers and items."""
    customers, items = shape
    if min(shape) > LARGEST:
        return "truncated"
    return "dual" if customers < items else "primal"


def _spectrum(matrix: Any, form: Form, rank: int | None) -> tuple[Any, Any]:
    """The largest eigenvalues of X'X, and their vectors (items, rank)."""
    if form == "truncated":
        most = min(matrix.shape) - 1
        _, values, right = scipy.sparse.linalg.svds(
            matrix.astype(np.float64), k=min(rank or most, most), random_state=0
        )
        return values**2, right.T
    wide = matrix.astype(np.float64)
    gram = (wide.T @ wide if form == "primal" else wide @ wide.T).toarray()
    count = len(gram)
    kept = (max(0, count - rank), count - 1) if rank else None
    if count == 0:
        return np.zeros(0), np.zeros((matrix.shape[1], 0))
    values, vectors = scipy.linalg.eigh(gram, subset_by_index=kept)
    real = values > 1e-9 * max(1.0, values[-1])
    values, vectors = values[real], vectors[:, real]
    return (values, vectors) if form == "primal" else (values, (wide.T @ vectors) / np.sqrt(values))
