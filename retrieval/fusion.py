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

from retrieval.confidence import ContextSignals

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Legs:
    """Scores of all passages; those of the dialogue are None without earlier turns.

    ``context`` is the probability that the newest turn continues the dialogue. ``best_coverage`` is the
    largest share of the query's words, by rarity, that a passage holds. ``pages`` says of which page each passage
    is, by numbers from 0: a dialogue seldom leaves its page, so the best passage of a page speaks for all of it.
    """

    lexical_last: Scores
    dense_last: Scores
    best_coverage: float
    lexical_dialogue: Scores | None = None
    dense_dialogue: Scores | None = None
    context: float = 0.0
    pages: NDArray[np.intp] | None = None


def fuse(legs: Legs, weights: Mapping[str, float]) -> Scores:
    total = _alone(legs, weights)
    if legs.context and legs.lexical_dialogue is not None and legs.dense_dialogue is not None:
        dialogue = weights["dense_dialogue"] * standardised(legs.dense_dialogue)
        dialogue += weights["lexical_dialogue"] * standardised(legs.lexical_dialogue)
        total += legs.context * (dialogue + _of_the_page(legs, weights))
    return np.asarray(total, np.float32)


def _alone(legs: Legs, weights: Mapping[str, float]) -> Scores:
    """The newest turn by itself."""
    total = weights["dense_last"] * standardised(legs.dense_last)
    total += weights["lexical_last"] * legs.best_coverage**2 * standardised(legs.lexical_last)
    return np.asarray(total, np.float32)


def _of_the_page(legs: Legs, weights: Mapping[str, float]) -> Scores:
    """How well the dialogue finds the page of each passage; zeros where pages are not known."""
    total = np.zeros_like(legs.dense_last)
    if legs.pages is not None and legs.dense_dialogue is not None and legs.lexical_dialogue is not None:
        total += weights["dense_page"] * standardised(_best_of_page(legs.dense_dialogue, legs.pages))
        total += weights["lexical_page"] * standardised(_best_of_page(legs.lexical_dialogue, legs.pages))
    return total


def _best_of_page(scores: Scores, pages: NDArray[np.intp]) -> Scores:
    """For each passage the best score of its page."""
    best = np.full(int(pages.max()) + 1, -np.inf, np.float32)
    np.maximum.at(best, pages, scores)
    return np.asarray(best[pages], np.float32)


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


def context_signals(
    newest: Scores, earlier: Scores, words: int, legs: Legs, weights: Mapping[str, float]
) -> ContextSignals:
    """How a turn (vector ``newest``, with so many content words) stands to the dialogue of ``legs``.

    ``earlier`` are the vectors of the earlier turns, one a row. A short turn that is near to what was said leans
    on it; a long one about something else, or one that surely finds another page, stands alone.
    """
    mean = earlier.mean(0)
    length = float(np.linalg.norm(mean))
    return ContextSignals(float(newest @ mean) / length if length else 0.0, words, _topic_gap(legs, weights))


def _topic_gap(legs: Legs, weights: Mapping[str, float]) -> float:
    """How far the turn's own best passage lies above its best one of the dialogue's page."""
    alone, page = _alone(legs, weights), _of_the_page(legs, weights)
    return float(alone.max() - alone[page >= page.max() - 1e-6].max())
