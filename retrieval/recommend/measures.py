"""How good a ranking is against what was taken: recall at 20, NDCG at 10, over the whole catalogue.

Recall counts against what could be found: ``min(k, taken)``. NDCG (Järvelin and Kekäläinen 2002) knows hit or miss. Both are
of one customer; means and intervals are the caller's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RECALL_AT, NDCG_AT = 20, 10


def top(scores: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """The numbers of the best items, the best first; of equals the one with the lower number. What scores ``-inf`` is none."""
    count = min(k, len(scores))
    if count == 0:
        return np.zeros(0, np.int64)
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    found = np.flatnonzero(scores >= edge)
    found = found[np.lexsort((found, -scores[found]))][:count]
    best: NDArray[np.int64] = found[np.isfinite(scores[found])]
    return best


def recall(ranked: NDArray[np.int64], taken: NDArray[np.int64], k: int = RECALL_AT) -> float:
    """
    Raises:
        ZeroDivisionError: nothing was taken.
    """
    return float(np.isin(ranked[:k], taken).sum() / min(k, len(taken)))


def ndcg(ranked: NDArray[np.int64], taken: NDArray[np.int64], k: int = NDCG_AT) -> float:
    """
    Raises:
        IndexError: nothing was taken.
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    hits = np.isin(ranked[:k], taken)
    best = np.cumsum(discounts)[min(k, len(taken)) - 1]
    return float(discounts[: len(hits)][hits].sum() / best)
