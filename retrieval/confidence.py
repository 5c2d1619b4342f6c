"""From signals to probabilities, by regressions that ``eval.search_fit`` and ``eval.product_fit`` fit.

Their coefficients are in ``configs/search.json``, by embedder: cosines of different models lie in different
ranges. An embedder that was never fitted gets MiniLM's. Does not know texts.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from configs.settings import CONFIG_DIR

FITTED = CONFIG_DIR / "search.json"


@dataclass(frozen=True, slots=True)
class PassageSignals:
    """``behind`` is how far the passage's score lies below the best one's, in standard deviations.

    ``bonus``, in log-odds, is what is known of it beside the fitted signals.
    """

    cosine: float
    sentence: float
    coverage: float
    behind: float
    bonus: float = 0.0

    @property
    def fitted(self) -> tuple[float, ...]:
        return self.cosine, self.sentence, self.coverage, self.behind


@dataclass(frozen=True, slots=True)
class ContextSignals:
    """How a turn stands to the dialogue: the ``cosine`` to its earlier turns, the number of its content ``words``, and
    the ``gap`` by which the turn alone prefers another page to the dialogue's, in units of the fused score."""

    cosine: float
    words: int
    gap: float

    @property
    def fitted(self) -> tuple[float, ...]:
        return self.cosine, math.log1p(self.words), self.gap


@dataclass(frozen=True, slots=True)
class ProductSignals:
    """``coverage`` weighs the query's words by rarity over all texts; ``name_coverage`` counts those in the name."""

    cosine: float
    coverage: float
    name_coverage: float
    category: float


@dataclass(frozen=True, slots=True)
class NameWeights:
    """How the words of a message become the probability that it names a product.

    ``matched`` and ``missing`` weigh the words of the name that the message has and lacks, ``nothing`` is what
    naming nothing weighs, and ``measure`` is the share of its weight that a number or unit keeps.
    """

    matched: float
    missing: float
    nothing: float
    measure: float


@dataclass(frozen=True, slots=True)
class RankingWeights:
    """How products are ordered, in standard deviations of their scores by BM25.

    ``vector`` weighs the cosines in theirs, ``category`` weighs how near the query is to the product's category as a whole.
    ``wish`` is what having all that was wished for is worth. Of that, a word that says the kind of product weighs
    ``kind``, a value of the catalogue ``value``, and any other word up to ``word``, by its rarity; where only the
    text has it, ``text`` of it counts. ``price`` is lost outside of price limits, ``order`` is won by the cheapest.
    """

    vector: float
    category: float
    wish: float
    kind: float
    value: float
    word: float
    text: float
    price: float
    order: float


@dataclass(frozen=True, slots=True)
class SynonymWeights:
    """From the cosine ``near`` on a word counts as a synonym, and from ``same`` on as much as the word itself."""

    near: float
    same: float


def ranking_weights() -> RankingWeights:
    return RankingWeights(**load_fitted()["ranking"])


def synonym_weights(embedder: str) -> SynonymWeights | None:
    """None for an embedder that they were not fitted for: other models put all words near each other."""
    found = load_fitted()["synonym"].get(embedder)
    return SynonymWeights(**found) if found else None


def name_weights() -> NameWeights:
    return NameWeights(**load_fitted()["name"])


def passage_confidence(signals: PassageSignals, embedder: str) -> float:
    """How probable it is that the passage answers the question."""
    intercept, *factors = _fitted("passage", embedder)
    return logistic((intercept + signals.bonus, *factors), signals.fitted)


def product_confidence(signals: ProductSignals, embedder: str) -> float:
    """How probable it is that the product is of the kind that was asked for.

    Queries in Chinese are found by words alone and have a fit of their own under the name ``chinese``.
    """
    return logistic(_fitted("product", embedder), astuple(signals))


def continues(signals: ContextSignals, embedder: str) -> float:
    """How probable it is that a turn continues the dialogue."""
    return logistic(_fitted("context", embedder), signals.fitted)


def logistic(coefficients: Sequence[float], signals: Sequence[float]) -> float:
    """The first coefficient is the intercept."""
    logit = coefficients[0] + sum(b * x for b, x in zip(coefficients[1:], signals, strict=True))
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


def _fitted(what: str, embedder: str) -> Sequence[float]:
    by_embedder: dict[str, list[float]] = load_fitted()[what]
    return by_embedder.get(embedder) or by_embedder["minilm"]


@functools.cache
def load_fitted() -> Any:
    return json.loads(FITTED.read_text(encoding="utf-8"))
