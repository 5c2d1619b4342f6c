"""An intent classifier that is trained on labelled messages in seconds, and says when a message is of no intent.

Softmax regression over sentence vectors, times the nearest examples (``chatbot.intents``). Knows vectors and names of
intents; knows no shop and keeps nothing on disk: that is ``chatbot.router``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatbot.intents import TEMPERATURE, Encode, Labels, labelled, nearness, softmax
from configs.errors import InputError

Matrix = NDArray[np.float32]

STEPS, RIDGE = 60, 1e-5
"""Steps of L-BFGS over the whole training set: more change the loss in its third figure only."""
FALSE_ALARMS = 0.03
"""So many of the examples held out may be taken for out of scope; of new messages it will be some more."""
HELD_OUT = 0.2
"""Share of the examples that sets that limit; they are trained on afterwards."""


@dataclass(frozen=True)
class IntentModel:
    """``weights`` has shape (dim + 1, intents), the last row being the bias; row i of ``vectors`` is an example of the
    intent ``labels[i]``. ``limit`` and ``spread`` belong to the scope score: see ``scope``."""

    intents: Sequence[str]
    weights: Matrix
    vectors: Matrix
    labels: Labels
    spread: Matrix
    limit: float

    @classmethod
    def train(cls, examples: Mapping[str, Sequence[str]], encode: Encode, *, seed: int = 0) -> IntentModel:
        """Fit to examples by intent; ``encode`` maps texts to unit vectors of shape (n, dim).

        Raises:
            InputError: there are fewer than two intents, or an intent has fewer than two examples.
        """
        few = [name for name, texts in examples.items() if len(texts) < 2]
        if len(examples) < 2 or few:
            raise InputError(
                f"{'intent ' + few[0] if few else 'the training set'} has too few examples",
                expected="two or more intents with two or more examples each",
            )
        texts, labels = labelled(examples)
        return cls.fit(list(examples), np.asarray(encode(texts), np.float32), labels, seed=seed)

    @classmethod
    def fit(cls, intents: Sequence[str], vectors: Matrix, labels: Labels, *, seed: int = 0) -> IntentModel:
        """Fit to vectors; every intent has at least two rows."""
        held = _held_out(labels, seed)
        partial = cls.without_limit(intents, vectors[~held], labels[~held])
        signals = partial._signals(vectors[held])
        spread = np.maximum(signals.std(0), 1e-6)
        limit = float(np.quantile((signals / spread).sum(1), FALSE_ALARMS))
        weights = softmax_regression(vectors, labels, len(intents))
        return cls(intents, weights, vectors, labels, spread, limit)

    @classmethod
    def without_limit(cls, intents: Sequence[str], vectors: Matrix, labels: Labels) -> IntentModel:
        """Half the work, for who asks for probabilities alone."""
        weights = softmax_regression(vectors, labels, len(intents))
        return cls(intents, weights, vectors, labels, np.ones(2, np.float32), 0.0)

    def probabilities(self, vectors: Matrix) -> Matrix:
        """Of each intent, for each row: the geometric mean of the regression's and of the nearest examples'."""
        return softmax(self.logits(vectors))

    def logits(self, vectors: Matrix) -> Matrix:
        """What the probabilities are the softmax of: the mean of both, which spreads as that of the nearest examples
        does, so that whoever weighs confidences weighs them alike."""
        near = nearness(vectors @ self.vectors.T, self.labels, len(self.intents))
        return np.asarray((_with_bias(vectors) @ self.weights + near / TEMPERATURE) / 2, np.float32)

    def scope(self, vectors: Matrix) -> Matrix:
        """How surely each row is of one of the intents: the best logit and the mean cosine of the five nearest
        examples, each in units of its deviation over messages in scope. Below ``limit`` it is of none."""
        return np.asarray((self._signals(vectors) / self.spread).sum(1), np.float32)

    def _signals(self, vectors: Matrix) -> Matrix:
        cosines = vectors @ self.vectors.T
        k = min(5, cosines.shape[1])
        nearest = -np.partition(-cosines, k - 1, axis=1)[:, :k]
        return np.column_stack([(_with_bias(vectors) @ self.weights).max(1), nearest.mean(1)])


def softmax_regression(vectors: Matrix, labels: Labels, classes: int) -> Matrix:
    """Weights of shape (dim + 1, classes) of a multinomial logistic regression with a small ridge.

    Each class counts the same, however many rows it has: a log holds some intents a hundred times more often than
    others, and what a shop forgot to label must not become less likely for that.
    """
    from scipy.optimize import minimize

    design = _with_bias(vectors)
    rows = np.arange(len(design))
    rare = 1 / np.maximum(np.bincount(labels, minlength=classes), 1)[labels]
    share = np.asarray(rare / rare.sum(), np.float32)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, classes).astype(np.float32)
        found = softmax(design @ weights)
        surprise = -np.log(np.maximum(found[rows, labels], 1e-30))
        ridge = RIDGE * weights
        ridge[-1] = 0
        found[rows, labels] -= 1
        gradient = design.T @ (found * share[:, None]) + ridge
        return float(surprise @ share + (ridge * weights).sum() / 2), gradient.astype(np.float64).ravel()

    start = np.zeros(design.shape[1] * classes)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return np.asarray(best.x.reshape(-1, classes), np.float32)


def _held_out(labels: Labels, seed: int) -> NDArray[np.bool_]:
    """A share of each intent's examples, at least one and never all."""
    held = np.zeros(len(labels), np.bool_)
    rng = np.random.default_rng(seed)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        held[own[: max(1, int(HELD_OUT * len(own)))]] = True
    return held


def _with_bias(vectors: Matrix) -> Matrix:
    return np.column_stack([vectors, np.ones(len(vectors), np.float32)])
