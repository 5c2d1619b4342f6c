"""Finds the passages that may answer a message.

Four scores of every passage (BM25 and cosine, each of the newest turn and of the dialogue) are standardised
over the corpus, weighted and added; a calibrated confidence is put on each passage that is returned. Does not
know what is done with them.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from configs.settings import RetrievalSettings, Settings
from retrieval.confidence import Signals, confidence
from retrieval.embed import Embedder
from retrieval.index import Index
from retrieval.minilm import Vectors
from retrieval.passages import Passage, PassageKind
from retrieval.snapshot import Snapshot
from retrieval.tokens import tokenize

DEFAULT_WEIGHTS = RetrievalSettings().weights
_CANDIDATES = 200
"""How many passages Chroma's graph is asked for, above the limit of exact search."""


class Search:
    """Safe for threads. Follows the index: after an ingest of another process the next search sees it."""

    def __init__(
        self, index: Index, *, weights: Mapping[str, float] = DEFAULT_WEIGHTS, today: date | None = None
    ) -> None:
        self._index = index
        self._weights = weights
        self._today = today
        self._lock = threading.Lock()
        self._loaded: dict[PassageKind, tuple[str, Snapshot]] = {}

    @classmethod
    def open(cls, settings: Settings) -> Search:
        fixed = settings.shop.today
        return cls(
            Index.open(settings),
            weights=settings.retrieval.weights,
            today=date.fromisoformat(fixed[:10]) if fixed else None,
        )

    @property
    def version(self) -> str:
        return self._index.version

    @property
    def index(self) -> Index:
        return self._index

    @property
    def embedder(self) -> Embedder:
        return self._index.embedder

    def warm(self) -> None:
        """Load what the first search would load."""
        self.search("warm")

    def passage(self, passage_id: str) -> Passage | None:
        """The passage with this id, if a shopper may see it today."""
        found = self._index.rows.passages_by_id([passage_id])
        return next(iter(self._servable(list(found.values()))), None)

    def document(self, source: str) -> list[Passage]:
        """All passages of one page or product, in order, as far as a shopper may see them today."""
        return self._servable(self._index.rows.passages_of(source))

    def pages(self) -> list[Passage]:
        """Every passage of every page that a shopper may see today."""
        return self._servable([row.passage for row in self._index.rows.passages("page")])

    def _servable(self, passages: Sequence[Passage]) -> list[Passage]:
        if not passages:
            return []
        snapshot = self._snapshot(passages[0].kind)
        allowed = snapshot.servable(self._today or date.today())
        visible = {passage_id for passage_id, may in zip(snapshot.ids, allowed, strict=True) if may}
        return [passage for passage in passages if passage.id in visible]

    def search(
        self,
        query: str,
        *,
        dialogue: Sequence[str] = (),
        language: str = "en",
        k: int = 6,
        kind: PassageKind = "page",
    ) -> list[Passage]:
        """The ``k`` best passages for ``query``, best first; ``dialogue`` holds earlier turns, newest first."""
        snapshot = self._snapshot(kind)
        if not len(snapshot) or not query.strip():
            return []
        tokens = tokenize(query)
        texts = [query]
        if dialogue:
            texts.append("\n".join([query, *dialogue]))
        embedder = self._embedder_for(language, kind)
        lexical = [snapshot.lexical.scores(tokenize(text)) for text in texts]
        dense = self._dense(snapshot, kind, embedder, embedder.queries(texts), lexical)
        total = np.zeros(len(snapshot), np.float32)
        for name, legs in (("lexical", lexical), ("dense", dense)):
            for turn, leg in zip(("last", "dialogue"), legs, strict=False):
                total += np.float32(self._weights[f"{name}_{turn}"]) * standardised(leg)
        total[~snapshot.servable(self._today or date.today())] = -np.inf
        best = np.argsort(-total, kind="stable")[: k + _SPARE]
        best = best[np.isfinite(total[best])]
        coverage = snapshot.lexical.coverage(tokens)
        passages = self._index.rows.passages_by_id([snapshot.ids[i] for i in best])
        results: list[Passage] = []
        for rank, i in enumerate(best):
            passage = passages.get(snapshot.ids[i])
            if passage is None or any(passage.text == other.text for other in results):
                continue  # removed since, or said by another page in the same words
            following = total[best[rank + 1]] if rank + 1 < len(best) else total[i]
            signals = Signals(
                cosine=float(dense[-1][i]),
                coverage=float(coverage[i]),
                total=float(total[i]),
                margin=float(total[i] - following),
                words=len(tokens),
            )
            results.append(dataclasses.replace(passage, score=confidence(signals, embedder.name)))
        return results[:k]

    def _snapshot(self, kind: PassageKind) -> Snapshot:
        version = self._index.version
        loaded = self._loaded.get(kind)
        if loaded is None or loaded[0] != version:
            with self._lock:
                loaded = self._loaded.get(kind)
                if loaded is None or loaded[0] != version:
                    loaded = version, self._index.snapshot(kind)
                    self._loaded[kind] = loaded
        return loaded[1]

    def _embedder_for(self, language: str, kind: PassageKind) -> Embedder:
        """English goes to the main embedder, other languages to the multilingual one where there is one."""
        if language != "en" and kind == "page" and self._index.multilingual:
            return self._index.multilingual
        return self._index.embedder

    def _dense(
        self,
        snapshot: Snapshot,
        kind: PassageKind,
        embedder: Embedder,
        queries: Vectors,
        lexical: Sequence[NDArray[np.float32]],
    ) -> list[NDArray[np.float32]]:
        """Cosines of all passages; above the limit of exact search, of the best candidates of either leg."""
        if embedder.name in snapshot.vectors:
            return list(queries @ snapshot.vectors[embedder.name].T)
        place = {passage_id: i for i, passage_id in enumerate(snapshot.ids)}
        chosen: set[int] = set()
        for query, leg in zip(queries, lexical, strict=True):
            near = self._index.nearest(kind, embedder, query, _CANDIDATES)
            chosen |= {place[passage_id] for passage_id in near if passage_id in place}
            chosen |= set(np.argsort(-leg)[:_CANDIDATES].tolist())
        rows = sorted(chosen)
        vectors = self._index.vectors_of(kind, embedder, [snapshot.ids[i] for i in rows])
        legs = []
        for query in queries:
            cosines = vectors @ query
            leg = np.full(len(snapshot), cosines.min(), np.float32)
            leg[rows] = cosines
            legs.append(leg)
        return legs


_SPARE = 4
"""Candidates beyond k, for those that are said twice."""


def standardised(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean 0 and deviation 1 over the corpus; all zero if the scores do not differ."""
    deviation = scores.std()
    if deviation < 1e-9:
        return np.zeros_like(scores)
    return np.asarray((scores - scores.mean()) / deviation, np.float32)
