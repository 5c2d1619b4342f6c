"""An intent classifier that is trained on labelled messages in seconds, and says when a message is of no intent.

Softmax regression over sentence vectors, mixed with the votes of the nearest examples. Knows vectors and names of
intents; knows no shop, keeps nothing on disk, and is not yet what answers shoppers: ``chatbot.intents`` is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from chatbot.intents import Encode
from configs.errors import InputError

Matrix = NDArray[np.float32]

NEIGHBOURS = 10
SHARPNESS = 30.0
"""How fast a neighbour's vote falls with its cosine."""
VOTES = 0.3
"""The neighbours' share in a probability. These constants were chosen on folds of banking77's training file."""
STEPS, RATE, RIDGE = 400, 0.5, 3e-6
"""Of Adam over the whole training set."""
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
    labels: NDArray[np.int64]
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
        intents = list(examples)
        labels = np.repeat(np.arange(len(intents)), [len(examples[name]) for name in intents])
        vectors = np.asarray(encode([text for name in intents for text in examples[name]]), np.float32)
        held = _held_out(labels, seed)
        partial = cls._fitted(intents, vectors[~held], labels[~held], np.ones(2, np.float32), 0.0)
        signals = partial._signals(vectors[held])
        spread = np.maximum(signals.std(0), 1e-6)
        limit = float(np.quantile((signals / spread).sum(1), FALSE_ALARMS))
        return cls._fitted(intents, vectors, labels, spread, limit)

    @classmethod
    def _fitted(
        cls, intents: Sequence[str], vectors: Matrix, labels: NDArray[np.int64], spread: Matrix, limit: float
    ) -> IntentModel:
        return cls(intents, softmax_regression(vectors, labels, len(intents)), vectors, labels, spread, limit)

    def probabilities(self, vectors: Matrix) -> Matrix:
        """Of each intent, for each row: the regression's and the neighbours', weighted."""
        logits = _with_bias(vectors) @ self.weights
        regression = _softmax(logits)
        cosines = vectors @ self.vectors.T
        k = min(NEIGHBOURS, cosines.shape[1])
        nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        votes = np.zeros_like(regression)
        rows = np.arange(len(vectors))[:, None]
        np.add.at(
            votes, (rows, self.labels[nearest]), np.exp(SHARPNESS * np.take_along_axis(cosines, nearest, 1))
        )
        votes /= votes.sum(1, keepdims=True)
        return np.asarray((1 - VOTES) * regression + VOTES * votes, np.float32)

    def scope(self, vectors: Matrix) -> Matrix:
        """How surely each row is of one of the intents: the best logit and the mean cosine of the five nearest
        examples, each in units of its deviation over messages in scope. Below ``limit`` it is of none."""
        return np.asarray((self._signals(vectors) / self.spread).sum(1), np.float32)

    def _signals(self, vectors: Matrix) -> Matrix:
        cosines = vectors @ self.vectors.T
        k = min(5, cosines.shape[1])
        nearest = -np.partition(-cosines, k - 1, axis=1)[:, :k]
        return np.column_stack([(_with_bias(vectors) @ self.weights).max(1), nearest.mean(1)])


def softmax_regression(vectors: Matrix, labels: NDArray[np.int64], classes: int) -> Matrix:
    """Weights of shape (dim + 1, classes) of a multinomial logistic regression with a small ridge, by Adam."""
    design = _with_bias(vectors)
    targets = np.eye(classes, dtype=np.float32)[labels]
    weights = np.zeros((design.shape[1], classes), np.float32)
    mean: NDArray[np.floating] = np.zeros_like(weights)
    square: NDArray[np.floating] = np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        gradient = design.T @ (_softmax(design @ weights) - targets) / len(design)
        gradient[:-1] += RIDGE * weights[:-1]
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        weights -= RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return cast(Matrix, weights)


def _held_out(labels: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """A share of each intent's examples, at least one and never all."""
    held = np.zeros(len(labels), np.bool_)
    rng = np.random.default_rng(seed)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        held[own[: max(1, int(HELD_OUT * len(own)))]] = True
    return held


def _with_bias(vectors: Matrix) -> Matrix:
    return np.column_stack([vectors, np.ones(len(vectors), np.float32)])


def _softmax(logits: Matrix) -> Matrix:
    scaled = np.exp(logits - logits.max(1, keepdims=True))
    return cast(Matrix, scaled / scaled.sum(1, keepdims=True))
