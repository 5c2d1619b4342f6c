"""Finds the passages that may answer a message.

Every passage gets four scores (BM25 and cosine, each of the newest turn and of the dialogue), the best hundred a
fifth (the cosine of their best sentence); they are fused, and a calibrated confidence is put on each passage that
is returned. Does not know what is done with them.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from configs.settings import RetrievalSettings, Settings
from retrieval.confidence import ContextSignals, PassageSignals, continues, passage_confidence
from retrieval.embed import Embedder
from retrieval.fusion import Legs, Scores, add_sentences, context_signals, fuse, sum_of_standardised
from retrieval.glossary import gloss
from retrieval.index import Index
from retrieval.minilm import Vectors
from retrieval.passages import KINDS, Passage, PassageKind
from retrieval.snapshot import Snapshot
from retrieval.tokens import bare_words, tokenize

DEFAULT_WEIGHTS = RetrievalSettings().weights
_CANDIDATES = 100
"""How many passages are looked at sentence by sentence, and asked for above the limit of exact search."""
TOLD_RANK, TOLD_LOGIT = 1.0, 1.0
"""Where the newest turn surely continues the dialogue: what the other passages of the page that the last answer cited
gain, in deviations of the fused score and in log-odds. Chosen on the development half of the golden cases."""
_DECAY = 0.9
"""What a turn counts in the vector of the dialogue against the next newer one. Chosen on the development half of
doc2dial (1,004 questions). The whole dialogue read as one text finds the passage as often (R@5 .838 and .834), but has
to be embedded anew in each turn (64 word pieces 40 ms, 256 140 ms); turns are embedded once."""
_TURN = 200
"""Characters of an earlier turn that are embedded: more find no more and take longer."""
_SPARE = 4
"""Candidates beyond k, for those that are said twice."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query and the turns before it, newest first."""

    query: str
    dialogue: tuple[str, ...] = ()

    @property
    def embedded(self) -> list[str]:
        """What is turned into vectors, one text a turn. Of a long earlier turn only how it begins."""
        return [self.query, *(beginning(turn) for turn in self.dialogue)]

    @property
    def weights(self) -> Vectors:
        """How much each turn counts in the vector of the dialogue: newer and longer ones more."""
        turns = self.embedded
        return np.array([_DECAY**age * len(turn) ** 0.5 for age, turn in enumerate(turns)], np.float32)

    def glossed(self, language: str) -> Asked:
        """In the glossary's English; turns of which it knows no word are left out."""
        turns = (gloss(turn, language) for turn in self.dialogue)
        return Asked(gloss(self.query, language), tuple(turn for turn in turns if turn))


@dataclass(slots=True)
class _View:
    """What one embedder makes of what was asked: vectors of the query and of each earlier turn, and the cosines of the
    query and of the dialogue to all passages."""

    embedder: Embedder
    asked: Asked
    vectors: Vectors = field(default_factory=lambda: np.empty((0, 0), np.float32))
    last: Scores = field(default_factory=lambda: np.empty(0, np.float32))
    dialogue: Scores | None = None


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
        for kind in KINDS:
            snapshot = self._snapshot(kind)
            if passage_id in snapshot.place:
                return next(iter(self._servable(snapshot, [snapshot.place[passage_id]])), None)
        return None

    def document(self, source: str) -> list[Passage]:
        """All passages of one page or product, in order, as far as a shopper may see them today.

        A page may be named without the ending of its file.
        """
        pages, products = self._snapshot("page"), self._snapshot("product")
        if rows := pages.rows_of(source) or pages.rows_of_stem(source):
            return self._servable(pages, rows)
        return self._servable(products, products.rows_of(source))

    def pages(self) -> list[Passage]:
        """Every passage of every page that a shopper may see today."""
        snapshot = self._snapshot("page")
        return self._servable(snapshot, range(len(snapshot)))

    def _servable(self, snapshot: Snapshot, rows: Sequence[int]) -> list[Passage]:
        allowed = snapshot.servable(self._today or date.today())
        return [snapshot.passage(row) for row in rows if allowed[row]]

    def search(
        self,
        query: str,
        *,
        dialogue: Sequence[str] = (),
        told: Collection[str] = (),
        language: str = "en",
        k: int = 6,
        kind: PassageKind = "page",
    ) -> list[Passage]:
        """The ``k`` best passages for ``query``, best first.

        ``dialogue`` holds earlier turns, newest first; ``told`` the ids of the passages that the last answer cited.
        """
        name = self.fit_name(query, language, kind)
        examined = self.examine(query, dialogue=dialogue, told=told, language=language, k=k, kind=kind)
        return [
            dataclasses.replace(passage, score=passage_confidence(signals, name))
            for passage, signals in examined
        ]

    def fit_name(self, query: str, language: str, kind: PassageKind = "page") -> str:
        """Which fitted confidence holds for this query: by embedder, and by whether the glossary knew words."""
        name = self._embedder_for(language, kind).name
        return f"{name}+gloss" if language != "en" and gloss(query, language) else name

    def remember(self, turn: str, language: str = "en") -> None:
        """Embed a turn that was just said, so that the next search, whose dialogue it is in, need not."""
        for view in self._views(Asked(turn), language, "page"):
            view.embedder.queries([beginning(view.asked.query)])

    def examine(
        self,
        query: str,
        *,
        dialogue: Sequence[str] = (),
        told: Collection[str] = (),
        language: str = "en",
        k: int = 6,
        kind: PassageKind = "page",
    ) -> list[tuple[Passage, PassageSignals]]:
        """Like ``search``, with what the confidence is made of in place of the confidence."""
        snapshot = self._snapshot(kind)
        if not len(snapshot) or not query.strip():
            return []
        views = self._views(Asked(query, tuple(dialogue)), language, kind)
        tokens = _tokens(snapshot, [view.asked.query for view in views], language)
        legs = self._legs(snapshot, kind, views, tokens, language)
        cosine = _mixed(views[0].last, views[0].dialogue, legs.context)
        total = fuse(legs, self._weights)
        near = _continuing(snapshot, told, legs.context)
        total += TOLD_RANK * total.std() * near
        total[~snapshot.servable(self._today or date.today())] = -np.inf
        candidates = _best(total, _CANDIDATES)
        sentence = np.zeros(len(snapshot), np.float32)
        for view in views:
            if view.embedder is self._index.embedder:
                sentence[candidates] = snapshot.best_sentences(view.vectors[0], candidates)
                weight = self._weights["sentence_last"]
                add_sentences(total, candidates, sentence[candidates], view.last, weight)
        best = candidates[np.argsort(-total[candidates], kind="stable")][: k + _SPARE]
        coverage = snapshot.lexical.coverage(tokens)
        results: list[tuple[Passage, PassageSignals]] = []
        said: set[str] = set()
        for i in best:
            passage = snapshot.passage(i)
            if (words := bare_words(passage.text)) in said:
                continue  # another page says it in the same words
            said.add(words)
            signals = PassageSignals(
                cosine=float(cosine[i]),
                sentence=float(sentence[i]),
                coverage=float(coverage[i]),
                behind=float(total[best[0]] - total[i]),
                bonus=TOLD_LOGIT * float(near[i]),
            )
            results.append((passage, signals))
        return results[:k]

    def _views(self, asked: Asked, language: str, kind: PassageKind) -> list[_View]:
        """Who reads what: the embedder of the language the words themselves, the main one the glossary's English."""
        embedder, main = self._embedder_for(language, kind), self._index.embedder
        english = asked.glossed(language) if language != "en" else asked
        if embedder is main:
            return [_View(main, english if english.query else asked)]
        return [_View(embedder, asked), *([_View(main, english)] if english.query else [])]

    def _legs(
        self,
        snapshot: Snapshot,
        kind: PassageKind,
        views: Sequence[_View],
        tokens: Sequence[str],
        language: str,
    ) -> Legs:
        """Scores of all passages; those of several embedders are added, each standardised. Fills the views."""
        lexical = [snapshot.lexical.scores(tokens)]
        first = views[0].asked
        if first.dialogue:
            texts = [text for view in views for text in view.asked.dialogue]
            lexical.append(snapshot.lexical.scores([*tokens, *_tokens(snapshot, texts, language)]))
        for view in views:
            view.vectors = view.embedder.queries(view.asked.embedded)
            sought = np.stack([view.vectors[0], _unit(view.asked.weights @ view.vectors)])
            dense = self._dense(snapshot, kind, view.embedder, sought[: len(lexical)], lexical)
            view.last, view.dialogue = dense[0], dense[1] if first.dialogue else None
        legs = Legs(
            lexical[0],
            sum_of_standardised([view.last for view in views]),
            float(snapshot.lexical.coverage(tokens).max()),
        )
        if not first.dialogue:
            return legs
        legs = dataclasses.replace(
            legs,
            lexical_dialogue=lexical[1],
            dense_dialogue=sum_of_standardised(
                [view.dialogue for view in views if view.dialogue is not None]
            ),
            pages=snapshot.pages,
        )
        context = continues(self._context(views, tokens, legs), views[0].embedder.name)
        return dataclasses.replace(legs, context=context)

    def _context(self, views: Sequence[_View], tokens: Sequence[str], legs: Legs) -> ContextSignals:
        vectors = views[0].vectors
        return context_signals(vectors[0], vectors[1:], len(tokens), legs, self._weights)

    def context(self, query: str, dialogue: Sequence[str], language: str = "en") -> ContextSignals:
        """What says whether ``query`` continues ``dialogue`` (earlier turns, newest first), over the pages."""
        snapshot = self._snapshot("page")
        views = self._views(Asked(query, tuple(dialogue)), language, "page")
        tokens = _tokens(snapshot, [view.asked.query for view in views], language)
        return self._context(views, tokens, self._legs(snapshot, "page", views, tokens, language))

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
        matrix = snapshot.vectors[embedder.name]
        near = self._index.candidates(snapshot, kind, embedder, queries, _CANDIDATES)
        if near is None:
            return list(queries @ matrix.T)
        chosen = {row for of_query in near for row in of_query}
        for leg in lexical:
            chosen |= set(np.argsort(-leg)[:_CANDIDATES].tolist())
        rows = sorted(chosen)
        vectors = np.asarray(matrix[rows])
        legs = []
        for query in queries:
            cosines = vectors @ query
            leg = np.full(len(snapshot), cosines.min(), np.float32)
            leg[rows] = cosines
            legs.append(leg)
        return legs


def beginning(turn: str) -> str:
    """As much of an earlier turn as is embedded."""
    return turn[:_TURN]


def _unit(vector: Vectors) -> Vectors:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def _best(total: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Positions of the highest finite scores, best first."""
    best = np.argsort(-total, kind="stable")[:count]
    return best[np.isfinite(total[best])]


def _continuing(snapshot: Snapshot, told: Collection[str], context: float) -> Scores:
    """``context`` for the other passages of the pages of ``told``, zero for the rest."""
    near = np.zeros(len(snapshot), np.float32)
    if told and context:
        rows = [i for i, passage_id in enumerate(snapshot.ids) if passage_id in told]
        near[np.isin(snapshot.pages, snapshot.pages[rows])] = context
        near[rows] = 0.0
    return near


def _mixed(last: Scores, dialogue: Scores | None, context: float) -> Scores:
    """The cosines of the turn, or of the dialogue as far as the turn continues it."""
    return last if dialogue is None else np.asarray((1 - context) * last + context * dialogue, np.float32)


def _tokens(snapshot: Snapshot, texts: Sequence[str], language: str) -> list[str]:
    """Words to look for. On pages of another language, words that no page has say nothing of coverage."""
    tokens = [token for text in texts for token in tokenize(text)]
    if language == "en":
        return tokens
    return [token for token in tokens if token in snapshot.lexical.vocabulary or token.isascii()]
