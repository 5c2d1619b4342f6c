"""An intent classifier that is trained on labelled messages in seconds, and says when a message is of no intent.

Softmax regression over sentence vectors, mixed with the votes of the nearest examples. Knows vectors and names of
intents; knows no shop and what none of the intents means.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from chatbot.intents import OUT_OF_SCOPE, Ask, Encode
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

    def save(self, path: Path) -> None:
        """Write all of it into one file, complete or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        with temporary.open("wb") as file:
            np.savez_compressed(
                file,
                intents=np.array(self.intents),
                weights=self.weights,
                vectors=self.vectors.astype(np.float16),
                labels=self.labels,
                spread=self.spread,
                limit=self.limit,
            )
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> IntentModel:
        """Raises InputError if the file is none that ``save`` wrote."""
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return cls(
                    [str(name) for name in file["intents"]],
                    file["weights"],
                    file["vectors"].astype(np.float32),
                    file["labels"],
                    file["spread"],
                    float(file["limit"]),
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError) as error:
            raise InputError(
                f"{path} is no trained router", hint="train it again with `kefu router train`"
            ) from error


class TrainedClassifier:
    """The model behind the interface that the router uses; ``ask`` maps a shopper's words to a unit vector."""

    def __init__(self, model: IntentModel, ask: Ask) -> None:
        self._model = model
        self._ask = ask

    def scores(self, text: str) -> dict[str, float]:
        """Confidence of each intent; they sum to one. Half of it goes out of scope where the model knows nothing like it."""
        vectors = self._ask(text)[None, :]
        found = dict(zip(self._model.intents, self._model.probabilities(vectors)[0].tolist(), strict=True))
        if self._model.scope(vectors)[0] < self._model.limit:
            found = {name: score / 2 for name, score in found.items()}
            found[OUT_OF_SCOPE] = found.get(OUT_OF_SCOPE, 0.0) + 0.5
        return found


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
