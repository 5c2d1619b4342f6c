"""How texts are put together for one pass of the embedder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.minilm import _BATCH_PIECES, _LEAST_FILLED, _batches


@given(st.lists(st.integers(2, 256), max_size=60))
def test_batches_hold_each_text_once_and_little_padding(lengths: list[int]) -> None:
    batches = _batches([[0] * length for length in lengths])
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        own = [lengths[i] for i in batch]
        assert len(own) * max(own) <= max(_BATCH_PIECES, max(own))
        assert min(own) >= _LEAST_FILLED * max(own)


def test_texts_of_one_length_share_a_pass() -> None:
    assert len(_batches([[0] * 64] * 8)) == 1
    assert len(_batches([[0] * 20, [0] * 40, [0] * 200])) == 3
