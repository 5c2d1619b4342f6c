"""From a passage's signals to the probability that it answers the question. Does not know texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Signals:
    """``total`` is the summed z-score, ``margin`` its lead over the next passage, ``words`` the query's length."""

    cosine: float
    coverage: float
    total: float
    margin: float
    words: int


def confidence(signals: Signals, embedder: str) -> float:
    floor = 0.80 if embedder == "e5-small-q4" else 0.35
    scale = 0.03 if embedder == "e5-small-q4" else 0.10
    logit = (signals.cosine - floor) / scale + 2 * (signals.coverage - 0.5)
    return float(1 / (1 + np.exp(-logit)))


@dataclass(frozen=True, slots=True)
class ProductSignals:
    """``coverage`` weighs the query's words by rarity over all texts; ``name_coverage`` counts those in the name."""

    cosine: float
    coverage: float
    name_coverage: float
    words: int


def product_confidence(signals: ProductSignals) -> float:
    logit = 6 * (signals.cosine - 0.45) + 3 * (signals.coverage - 0.6) + 2 * signals.name_coverage
    return float(1 / (1 + np.exp(-logit)))
