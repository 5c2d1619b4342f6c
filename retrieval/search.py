"""Finds the passages that may answer a message.

Every passage gets four scores (BM25 and cosine, each of the newest turn and of the dialogue), the best hundred a
fifth (the cosine of their best sentence); they are fused, and a calibrated confidence is put on each passage that
is returned. Does not know what is done with them.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from configs.settings import RetrievalSettings, Settings
from retrieval.confidence import PassageSignals, passage_confidence
from retrieval.embed import Embedder
from retrieval.fusion import Legs, add_sentences, context_share, fuse
from retrieval.index import Index
from retrieval.minilm import Vectors
from retrieval.passages import Passage, PassageKind
from retrieval.snapshot import Snapshot
from retrieval.tokens import tokenize

DEFAULT_WEIGHTS = RetrievalSettings().weights
_CANDIDATES = 100
"""How many passages are looked at sentence by sentence, and asked for above the limit of exact search."""
_SPARE = 4
"""Candidates beyond k, for those that are said twice."""


class Search:
    """Safe for threads. Follows the index: after an ingest of another process the next search sees it."""

    def __init__(
        self, index: Index, *, weights: Mapping[str, float] = DEFAULT_WEIGHTS, today: date | None = None
    ) -> None:
        self._index = index
        self._weights = {**DEFAULT_WEIGHTS, **weights}
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
        name = self._embedder_for(language, kind).name
        examined = self.examine(query, dialogue=dialogue, language=language, k=k, kind=kind)
        return [
            dataclasses.replace(passage, score=passage_confidence(signals, name))
            for passage, signals in examined
        ]

    def examine(
        self,
        query: str,
        *,
        dialogue: Sequence[str] = (),
        language: str = "en",
        k: int = 6,
        kind: PassageKind = "page",
    ) -> list[tuple[Passage, PassageSignals]]:
        """Like ``search``, with what the confidence is made of in place of the confidence."""
        snapshot = self._snapshot(kind)
        if not len(snapshot) or not query.strip():
            return []
        tokens = tokenize(query)
        embedder = self._embedder_for(language, kind)
        vectors = embedder.queries([query, "\n".join([query, *dialogue]), *dialogue])
        legs = self._legs(snapshot, kind, embedder, vectors, tokens, dialogue)
        total = fuse(legs, self._weights)
        total[~snapshot.servable(self._today or date.today())] = -np.inf
        candidates = _best(total, _CANDIDATES)
        sentence = np.zeros(len(snapshot), np.float32)
        if embedder is self._index.embedder:
            sentence[candidates] = snapshot.best_sentences(vectors[0], candidates)
            add_sentences(
                total, candidates, sentence[candidates], legs.dense_last, self._weights["sentence_last"]
            )
        best = candidates[np.argsort(-total[candidates], kind="stable")][: k + _SPARE]
        passages = self._index.rows.passages_by_id([snapshot.ids[i] for i in best])
        coverage = snapshot.lexical.coverage(tokens)
        results: list[tuple[Passage, PassageSignals]] = []
        for i in best:
            passage = passages.get(snapshot.ids[i])
            if passage is None or any(passage.text == other.text for other, _ in results):
                continue  # removed since, or said by another page in the same words
            signals = PassageSignals(
                cosine=_mixed(legs.dense_last[i], legs.dense_dialogue, i, legs.context),
                sentence=float(sentence[i]),
                coverage=float(coverage[i]),
                behind=float(total[best[0]] - total[i]),
            )
            results.append((passage, signals))
        return results[:k]

    def _legs(
        self,
        snapshot: Snapshot,
        kind: PassageKind,
        embedder: Embedder,
        vectors: Vectors,
        tokens: Sequence[str],
        dialogue: Sequence[str],
    ) -> Legs:
        lexical = [snapshot.lexical.scores(tokens)]
        if dialogue:
            lexical.append(snapshot.lexical.scores([*tokens, *tokenize("\n".join(dialogue))]))
        dense = self._dense(snapshot, kind, embedder, vectors[: len(lexical)], lexical)
        legs = Legs(lexical[0], dense[0], float(snapshot.lexical.coverage(tokens).max()))
        if not dialogue:
            return legs
        context = context_share(vectors[0], vectors[2:], len(tokens), embedder.name)
        return dataclasses.replace(
            legs, lexical_dialogue=lexical[1], dense_dialogue=dense[1], context=context
        )

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


def _best(total: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Positions of the highest finite scores, best first."""
    best = np.argsort(-total, kind="stable")[:count]
    return best[np.isfinite(total[best])]


def _mixed(last: float, dialogue: NDArray[np.float32] | None, row: int, context: float) -> float:
    """The cosine of the turn, or of the dialogue as far as the turn continues it."""
    return float(last if dialogue is None else (1 - context) * last + context * dialogue[row])
