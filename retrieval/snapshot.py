"""What a searcher keeps in memory of one kind of passage: ids, vectors and the lexical index, as files.

A snapshot is written whole under a new name and never changed, so that readers need no lock. Does not know
where passages or vectors come from.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.lexical import LexicalIndex
from retrieval.minilm import Vectors

PUBLIC = ("shopper", "all")


@dataclass(frozen=True)
class Snapshot:
    """Row i of each array, and text i of the lexical index, is the passage ``ids[i]``.

    ``vectors`` maps an embedder's name to its matrix; it is empty above the limit of exact search. The sentences
    of passage i are the rows ``sentence_starts[i]`` to ``sentence_starts[i + 1]`` of ``sentences``, which stays
    on disk, in half precision: a search reads those of its best passages alone.
    """

    ids: Sequence[str]
    languages: Sequence[str]
    audiences: Sequence[str]
    valid_until: Sequence[str]
    lexical: LexicalIndex
    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    sentences: NDArray[np.floating[Any]] | None = None
    sentence_starts: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def pages(self) -> NDArray[np.intp]:
        """Of which page each passage is, numbered from 0."""
        numbers: dict[str, int] = {}
        of = [numbers.setdefault(passage_id.split("#")[0], len(numbers)) for passage_id in self.ids]
        return np.array(of, np.intp)

    def servable(self, today: date) -> NDArray[np.bool_]:
        """Which passages a shopper may see today: meant for shoppers, and not expired."""
        now = today.isoformat()
        return np.array(
            [
                audience in PUBLIC and (not until or until >= now)
                for audience, until in zip(self.audiences, self.valid_until, strict=True)
            ],
            dtype=np.bool_,
        )

    def best_sentences(self, query: Vectors, rows: NDArray[np.intp]) -> Vectors:
        """For each of the passages ``rows``: the cosine of its best sentence; zeros without sentences."""
        best = np.zeros(len(rows), np.float32)
        if self.sentences is None:
            return best
        for place, row in enumerate(rows):
            own = self.sentences[self.sentence_starts[row] : self.sentence_starts[row + 1]]
            best[place] = (own.astype(np.float32) @ query).max()
        return best

    def save(self, folder: Path) -> None:
        """Write into a temporary name first: a folder that has the final name is complete."""
        temporary = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        self.lexical.save(temporary / "lexical")
        (temporary / "vectors").mkdir()
        for name, matrix in self.vectors.items():
            np.save(temporary / "vectors" / f"{name}.npy", matrix)
        if self.sentences is not None:
            np.save(temporary / "sentences.npy", self.sentences.astype(np.float16))
        columns = [
            list(column)
            for column in (self.ids, self.languages, self.audiences, self.valid_until, self.sentence_starts)
        ]
        (temporary / "passages.json").write_text(json.dumps(columns, ensure_ascii=False), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> Snapshot:
        columns = json.loads((folder / "passages.json").read_text(encoding="utf-8"))
        ids, languages, audiences, valid_until, sentence_starts = columns
        sentences = folder / "sentences.npy"
        return cls(
            ids=ids,
            languages=languages,
            audiences=audiences,
            valid_until=valid_until,
            lexical=LexicalIndex.load(folder / "lexical"),
            vectors={path.stem: np.load(path) for path in sorted((folder / "vectors").glob("*.npy"))},
            sentences=np.load(sentences, mmap_mode="r") if sentences.exists() else None,
            sentence_starts=sentence_starts,
        )


EMPTY = Snapshot([], [], [], [], LexicalIndex.build([]))
