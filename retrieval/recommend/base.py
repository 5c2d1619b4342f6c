"""The protocol of every model, train / predict / evaluate, and the two that only count.

``predict`` scores the whole catalogue for what is known of one customer, so that somebody who came a minute ago is served like
anybody else: nothing is looked up by a customer's name. Filters and lists are others' work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from retrieval.recommend import measures
from retrieval.recommend.interactions import Floats, Interactions, Ints, Known


class Model(Protocol):
    """Trained once, then read by many threads."""

    def train(self, data: Interactions, now: np.datetime64) -> None:
        """Learn from what happened until ``now`` (UTC)."""

    def predict(self, known: Known) -> Floats:
        """A score for each item of the data, shape (items,); higher is better."""


@dataclass(frozen=True, slots=True)
class Case:
    """What was known of a customer, and what they took afterwards."""

    known: Known
    taken: Ints


@dataclass(frozen=True, slots=True)
class Scores:
    """Of each case, in their order."""

    recall: Floats
    ndcg: Floats


def evaluate(model: Model, cases: Sequence[Case], *, new: bool = False) -> Scores:
    """Recall at 20 and NDCG at 10, full ranking; with ``new`` what is known already is left out of list and case.

    Cases of which nothing is left score NaN.
    """
    recall, ndcg = (np.full(len(cases), np.nan, np.float32) for _ in range(2))
    for number, case in enumerate(cases):
        scores, taken = model.predict(case.known).astype(np.float64), case.taken
        if new:
            scores[case.known.bought] = -np.inf
            taken = np.setdiff1d(taken, case.known.bought)
        if len(taken):
            ranked = measures.top(scores, measures.RECALL_AT)
            recall[number], ndcg[number] = measures.recall(ranked, taken), measures.ndcg(ranked, taken)
    return Scores(recall, ndcg)


class RecentPopularity:
    """What was taken most, the last weeks before all."""

    def __init__(self, half_life: float = 14.0) -> None:
        self.half_life = half_life
        self.score = np.zeros(0, np.float32)

    def train(self, data: Interactions, now: np.datetime64) -> None:
        self.score = popularity(data, now, self.half_life)

    def predict(self, known: Known) -> Floats:
        return self.score


class PersonalFrequency:
    """What this customer took most, the last months before all. Does not know what is due; the blend does."""

    def __init__(self, half_life: float = 90.0) -> None:
        self.half_life = half_life
        self._items = 0

    def train(self, data: Interactions, now: np.datetime64) -> None:
        self._items = len(data.items)

    def predict(self, known: Known) -> Floats:
        score = np.zeros(self._items, np.float32)
        items, told = known.faded(self.half_life)
        score[items] = told
        return score


def popularity(data: Interactions, now: np.datetime64, half_life: float) -> Floats:
    """The faded weights of each item, all customers together."""
    told = np.bincount(data.item, data.weight * 0.5 ** (data.age(now) / half_life), len(data.items))
    return np.maximum(told, 0).astype(np.float32)
