"""Words of the catalogue that mean what a shopper's word means, by the embedder's vectors of single words.

Nothing is listed by hand: "trousers" is near "pants" in a shop that sells pants. Does not know products.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np

from retrieval.confidence import synonym_weights
from retrieval.embed import Embedder
from retrieval.minilm import Vectors

MOST_WORDS = 3000
"""Vectors are made of no more words than the first so many: one takes 1 to 2 ms, once."""
_NEAREST = 3


class Synonyms:
    """Safe for threads; makes the vectors when they are first needed."""

    def __init__(self, spoken: Mapping[str, str], embedder: Embedder) -> None:
        self._tokens: Sequence[str] = list(spoken)[:MOST_WORDS]
        self._words = [spoken[token] for token in self._tokens]
        self._embedder = embedder
        self._vectors: Vectors | None = None
        self._lock = threading.Lock()

    def of(self, word: str) -> dict[str, float]:
        """The tokens that ``word`` may stand for, and how much each counts, up to 1."""
        weights = synonym_weights(self._embedder.name)
        if weights is None or not self._words or not word.isascii() or any(c.isdigit() for c in word):
            return {}
        near, same = weights.near, weights.same
        cosines = self._ready() @ self._embedder.queries([word])[0]
        best = [i for i in np.argsort(-cosines, kind="stable")[:_NEAREST] if cosines[i] >= near]
        return {self._tokens[i]: min(1.0, float((cosines[i] - near) / (same - near))) for i in best}

    def _ready(self) -> Vectors:
        with self._lock:
            if self._vectors is None:
                self._vectors = self._embedder.passages(self._words)
            return self._vectors
