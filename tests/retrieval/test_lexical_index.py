"""BM25, coverage and the way to disk and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from retrieval.lexical import LexicalIndex
from retrieval.tokens import tokenize

TEXTS = ["Delivery costs 3.90 EUR", "Returns are free", "Returns of mugs", "退货 需要 30 天"]


def built() -> LexicalIndex:
    return LexicalIndex.build([tokenize(text) for text in TEXTS])


def test_the_text_with_the_words_is_first() -> None:
    assert int(built().scores(tokenize("what does delivery cost")).argmax()) == 0
    assert int(built().scores(tokenize("退货")).argmax()) == 3


def test_coverage_weighs_rare_words_more() -> None:
    coverage = built().coverage(tokenize("free returns"))
    assert coverage[1] == 1
    assert 0 < coverage[2] < 0.5
    assert coverage[0] == 0


def test_unknown_words_lower_the_coverage() -> None:
    known, unknown = built().coverage(["free"]), built().coverage(["free", "zebra"])
    assert unknown[1] < known[1] == 1


def test_disk_and_back(tmp_path: Path) -> None:
    index = built()
    index.save(tmp_path / "lexical")
    loaded = LexicalIndex.load(tmp_path / "lexical")
    query = tokenize("free delivery")
    assert np.array_equal(loaded.scores(query), index.scores(query))
    assert np.array_equal(loaded.coverage(query), index.coverage(query))


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    index = LexicalIndex.build([[], []])
    index.save(tmp_path)
    assert LexicalIndex.load(tmp_path).scores(["a"]).tolist() == [0, 0]
