"""The likest texts, found in blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.recommend import features
from retrieval.recommend.features import nearest
from retrieval.recommend.interactions import Floats


def unit(count: int, seed: int) -> Floats:
    rows = np.random.default_rng(seed).normal(size=(count, 6))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(texts=st.integers(0, 9), others=st.integers(0, 25), count=st.integers(1, 30), block=st.integers(1, 60))
def test_in_blocks_as_at_once_and_as_by_hand(texts: int, others: int, count: int, block: int) -> None:
    ours, theirs = unit(texts, 1), unit(others, 2)
    at_once = nearest(ours, theirs, count)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(features, "BLOCK", block)
        in_blocks = nearest(ours, theirs, count)
    likeness = ours.astype(np.float64) @ theirs.T
    for places, alike in (at_once, in_blocks):
        assert places.shape == alike.shape == (texts, min(count, others))
        for own, told, row in zip(places, alike, likeness, strict=True):
            assert set(own.tolist()) == set(np.argsort(-row, kind="stable")[:count].tolist())
            assert np.allclose(told, np.maximum(row[own], 0), atol=1e-6)
