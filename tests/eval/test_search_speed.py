"""The index of many chunks on which the speed of search is measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.search_speed import RandomPassages, fill, many
from retrieval.embed import Progress
from retrieval.index import Index
from retrieval.minilm import Vectors
from retrieval.passages import Passage
from retrieval.search import Search

PASSAGES = [
    Passage(
        f"a#{n}",
        "a",
        f"Page {n}",
        f"Parcels of kind {n} arrive in {n} days. They cost 4.90 in all. Ask us first.",
    )
    for n in range(1, 4)
]


class Constant:
    """Gives every query the same vector and refuses to embed passages."""

    name, dim = "constant", 8

    def queries(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), self.dim), self.dim**-0.5, np.float32)

    def passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        raise AssertionError("ten thousand passages would be embedded")


def test_chunks_are_distinct_and_the_same_every_time() -> None:
    made = many(PASSAGES, 50)
    assert made == many(PASSAGES, 50)
    assert len({chunk.text for chunk in made}) == len({chunk.id for chunk in made}) == 50
    assert all("Ask us first." in chunk.text for chunk in made)


def test_a_filled_index_is_searched_and_not_filled_again(tmp_path: Path) -> None:
    index = Index(tmp_path, RandomPassages(Constant()))
    stages: list[str] = []
    fill(index, many(PASSAGES, 20), lambda stage, done, of: stages.append(stage))
    version = index.version
    assert len(Search(index).search("when do parcels arrive?", dialogue=["hello"])) == 6
    assert stages
    stages.clear()
    fill(index, many(PASSAGES, 20), lambda stage, done, of: stages.append(stage))
    assert (index.version, [stage for stage in stages if "embed" in stage]) == (version, [])
    fill(index, many(PASSAGES, 30), lambda *_: None)
    assert index.rows.count("page") == 30
    index.close()
