"""Recall and NDCG by hand."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.recommend import measures


def test_recall_counts_against_what_could_be_found() -> None:
    ranked = np.array([4, 2, 9])
    assert measures.recall(ranked, np.array([2, 4, 7, 8]), k=2) == 1.0
    assert measures.recall(ranked, np.array([9]), k=2) == 0.0
    assert measures.recall(ranked, np.array([9, 1])) == 0.5


def test_ndcg_is_of_the_best_possible_list() -> None:
    taken = np.array([1, 5])
    assert measures.ndcg(np.array([5, 1, 0]), taken) == 1.0
    by_hand = (1 / math.log2(3) + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    assert measures.ndcg(np.array([0, 5, 1]), taken) == float(np.float64(by_hand))
    assert measures.ndcg(np.array([], np.int64), taken) == 0.0


def test_the_best_come_first_equals_in_order_and_what_is_shut_out_never() -> None:
    scores = np.array([1.0, 3.0, -np.inf, 3.0, 2.0])
    assert measures.top(scores, 3).tolist() == [1, 3, 4]
    assert measures.top(scores, 9).tolist() == [1, 3, 4, 0]
    assert measures.top(np.zeros(0), 3).tolist() == []


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(0, 50))
def test_top_is_a_stable_sort(values: list[int], k: int) -> None:
    scores = np.array(values, np.float64)
    assert measures.top(scores, k).tolist() == np.argsort(-scores, kind="stable")[:k].tolist()
