"""BM25 over tokenised texts, kept on disk. Does not know what the texts are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
_EQUAL = 1e-5


class LexicalIndex:
    """Immutable once built. Texts are known by their position."""

    def __init__(self, bm25: Any, size: int) -> None:
        self._bm25 = bm25
        self.size = size
        self.vocabulary: dict[str, int] = bm25.vocab_dict if bm25 else {}

    @classmethod
    def build(cls, texts: Sequence[Sequence[str]]) -> LexicalIndex:
        """Index tokenised texts; repeat a token to give it weight."""
        if not any(texts):
            return cls(None, len(texts))
        import bm25s

        bm25 = bm25s.BM25(method="lucene")
        bm25.index([list(tokens) for tokens in texts], show_progress=False)
        return cls(bm25, len(texts))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "size").write_text(str(self.size))
        if self._bm25:
            self._bm25.save(str(folder))

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        size = int((folder / "size").read_text())
        if not list(folder.glob("vocab*")):
            return cls(None, size)
        import bm25s

        return cls(bm25s.BM25.load(str(folder)), size)

    def scores(self, tokens: Sequence[str]) -> Scores:
        """BM25 of each text."""
        known = [token for token in tokens if token in self.vocabulary]
        if not known:
            return np.zeros(self.size, np.float32)
        return np.asarray(self._bm25.get_scores(known), np.float32)

    def postings(self, token: str) -> NDArray[np.int32]:
        """Positions of the texts that hold ``token``."""
        column = self.vocabulary.get(token)
        if column is None:
            return np.empty(0, np.int32)
        matrix = self._bm25.scores
        return np.asarray(matrix["indices"][matrix["indptr"][column] : matrix["indptr"][column + 1]])

    def rarity(self, token: str) -> float:
        """Inverse document frequency; a token that no text holds is the rarest."""
        count = len(self.postings(token))
        return float(np.log(1 + (self.size - count + 0.5) / (count + 0.5)))

    def differences(self, other: LexicalIndex) -> list[int]:
        """Positions of the texts whose tokens, or their scores, are not the same in both.

        Raises:
            ValueError: they hold different numbers of texts, or one is damaged.
        """
        if self.size != other.size:
            raise ValueError(f"it holds {self.size} texts instead of {other.size}")
        tokens = sorted(self.vocabulary.keys() | other.vocabulary.keys())
        gap = abs(self._matrix(tokens) - other._matrix(tokens)) > _EQUAL
        rows: list[int] = np.unique(gap.nonzero()[0]).tolist()
        return rows

    def _matrix(self, tokens: Sequence[str]) -> Any:
        """Scores of the texts (rows) by tokens (columns)."""
        from scipy.sparse import csc_matrix

        if self._bm25 is None:
            return csc_matrix((self.size, len(tokens)), dtype=np.float32)
        scores = self._bm25.scores
        shape = (self.size, len(scores["indptr"]) - 1)
        matrix = csc_matrix((scores["data"], scores["indices"], scores["indptr"]), shape=shape)
        matrix.check_format(full_check=True)
        beyond = shape[1]  # an empty column, for tokens that only the other index knows
        matrix.resize(self.size, beyond + 1)
        columns = [self.vocabulary.get(token, beyond) for token in tokens]
        if max(columns, default=0) > beyond or min(columns, default=0) < 0:
            raise ValueError("its vocabulary points outside its postings")
        return matrix[:, columns]

    def coverage(self, tokens: Sequence[str]) -> Scores:
        """For each text: which share of the query's distinct tokens it holds, weighed by rarity."""
        distinct = list(dict.fromkeys(tokens))
        covered = np.zeros(self.size, np.float32)
        total = 0.0
        for token in distinct:
            weight = self.rarity(token)
            total += weight
            covered[self.postings(token)] += weight
        return covered / np.float32(total) if total else covered
