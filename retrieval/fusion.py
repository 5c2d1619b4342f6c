"""One score per passage out of several. Does not know texts or where scores come from.

Lexical and dense scores are standardised over the corpus and added with weights. Two things keep one leg from
drowning the others: what words match counts by how much of the query any passage covers (a query that no
passage covers matches by accident), and the dialogue counts by how much the newest turn leans on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.confidence import continues

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Legs:
    """Scores of all passages; those of the dialogue are None without earlier turns.

    ``context`` is the probability that the newest turn continues the dialogue. ``best_coverage`` is the
    largest share of the query's words, by rarity, that a passage holds.
    """

    lexical_last: Scores
    dense_last: Scores
    best_coverage: float
    lexical_dialogue: Scores | None = None
    dense_dialogue: Scores | None = None
    context: float = 0.0


def fuse(legs: Legs, weights: Mapping[str, float]) -> Scores:
    total = weights["dense_last"] * standardised(legs.dense_last)
    total += weights["lexical_last"] * legs.best_coverage**2 * standardised(legs.lexical_last)
    if legs.lexical_dialogue is not None and legs.dense_dialogue is not None:
        dialogue = weights["dense_dialogue"] * standardised(legs.dense_dialogue)
        dialogue += weights["lexical_dialogue"] * standardised(legs.lexical_dialogue)
        total += legs.context * dialogue
    return np.asarray(total, np.float32)


def add_sentences(total: Scores, rows: NDArray[np.intp], best: Scores, dense: Scores, weight: float) -> None:
    """Add the best sentences' cosines of the candidates ``rows`` to ``total``, in units of the dense leg."""
    deviation = dense.std()
    if deviation > 1e-9:
        total[rows] += weight * best / deviation


def standardised(scores: Scores) -> Scores:
    """Mean 0 and deviation 1 over the corpus; all zero if the scores do not differ."""
    mean, deviation = scores.mean(dtype=np.float64), scores.std(dtype=np.float64)
    if deviation < 1e-9 + 1e-7 * abs(mean):
        return np.zeros_like(scores)
    return np.asarray((scores - mean) / deviation, np.float32)


def sum_of_standardised(legs: Sequence[Scores]) -> Scores:
    """Several embedders' cosines as one leg."""
    return np.asarray(sum(standardised(leg) for leg in legs), np.float32)


def context_share(newest: Scores, earlier: Scores, words: int, embedder: str) -> float:
    """How probable it is that a turn (vector ``newest``, with so many content words) continues the dialogue.

    ``earlier`` are the vectors of the earlier turns, one a row. A short turn that is near to what was said leans
    on it; a long one about something else stands alone.
    """
    mean = earlier.mean(0)
    length = float(np.linalg.norm(mean))
    return continues(float(newest @ mean) / length if length else 0.0, words, embedder)
