"""Compares everything that the index consists of: rows, notes, snapshot files, Chroma, and what the embedders make.

Names what differs, and changes nothing. Does not know the shop's database.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import IndexError_
from retrieval.index.chroma import ChromaVectors
from retrieval.index.collections import Collection, lexical_tokens
from retrieval.lexical import LexicalIndex
from retrieval.minilm import Vectors
from retrieval.passages import KINDS, PassageKind
from retrieval.rows import PassageRow, Rows
from retrieval.snapshot import DAMAGES, Snapshot, columns, file_problems, line

SAMPLE = 100
"""So many vectors of each collection are compared with what the embedder makes of their text, unless all are."""
_SELF = 500
"""So many vectors of each collection must find themselves in Chroma's graph."""
_SAME = 0.999
"""Cosine of two vectors of the same text: batches of another size round otherwise."""
_CLOSE, _CLOSE_HALF = 1e-4, 2e-3
_BLOCK = 2048
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """``part`` is where; ``repair`` is what to do about it."""

    part: str
    what: str
    repair: str = "kefu rebuild"

    def __str__(self) -> str:
        return f"{self.part}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verification:
    """``problems`` is empty when everything agrees; ``embedded`` says how many of the vectors were made again."""

    passages: Mapping[str, int]
    vectors: Mapping[str, int]
    embedded: Mapping[str, int]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """``folders`` are those of the snapshot ``version``; there are none before the first ingest."""

    rows: Rows
    chroma: ChromaVectors
    collections: Sequence[Collection]
    folders: Mapping[PassageKind, Path]
    version: str
    fingerprint: Callable[[], str]


Tell = Callable[[str, int, int], None]


def verify(parts: Parts, *, full: bool = False, progress: Tell | None = None) -> Verification:
    tell = progress or (lambda stage, done, total: None)
    if damage := parts.rows.problems():
        what = f"the file is damaged ({damage[0]})"
        repair = "delete the folder of the index, and ingest again"
        return Verification({}, {}, {}, (Problem("index.db", what, repair),))
    problems = [*_rows(parts.rows), *_published(parts)]
    rows: dict[PassageKind, list[PassageRow]] = {kind: parts.rows.passages(kind) for kind in KINDS}
    loaded: dict[PassageKind, Snapshot] = {}
    for kind, folder in parts.folders.items():
        tell("compare the snapshot", len(loaded), len(parts.folders))
        problems += [Problem(f"snapshot {parts.version}/{kind}", what) for what in file_problems(folder)]
        try:
            loaded[kind] = Snapshot.load(folder)
            found = list(_contents(parts.rows, kind, rows[kind], loaded[kind]))
        except DAMAGES as error:
            found = [f"it cannot be read ({type(error).__name__}: {error})"]
        problems += [Problem(f"snapshot {parts.version}/{kind}", what) for what in found]
    vectors: dict[str, int] = {}
    embedded: dict[str, int] = {}
    for collection in parts.collections:
        check = _Vectors(parts, collection, rows[collection.kind], loaded.get(collection.kind))
        try:
            problems += [Problem(f"Chroma {collection.name}", what) for what in check.problems(full, tell)]
        except IndexError_ as error:
            problems.append(Problem(f"Chroma {collection.name}", error.message))
        vectors[collection.name], embedded[collection.name] = check.kept, check.embedded
    counts: dict[str, int] = {kind: len(of_kind) for kind, of_kind in rows.items()}
    return Verification(counts, vectors, embedded, tuple(problems))


def _rows(rows: Rows) -> Iterator[Problem]:
    broken = [document.id for document in rows.broken_seals()]
    if broken:
        yield Problem("index.db", f"{some(broken, 'document')} changed since the ingest")
    if strays := rows.strays():
        yield Problem("index.db", f"{some(strays, 'passage')} without a document")


def _published(parts: Parts) -> Iterator[Problem]:
    if parts.version == "0":
        if parts.rows.count("page") + parts.rows.count("product"):
            yield Problem("snapshot", "nothing is published: the first ingest was cut off")
        return
    if parts.version.partition("-")[2] != parts.fingerprint():
        yield Problem(
            f"snapshot {parts.version}",
            "it is not of these rows: an ingest was cut off, or rows were changed",
        )
    if not all(folder.exists() for folder in parts.folders.values()):
        yield Problem(f"snapshot {parts.version}", "its files are missing")


def _contents(
    rows: Rows, kind: PassageKind, passages: Sequence[PassageRow], snapshot: Snapshot
) -> Iterator[str]:
    """What a snapshot holds otherwise than the rows: passages, facts about them, and tokens."""
    documents = {document.id: document for document in rows.documents(kind)}
    passages = [row for row in passages if row.passage.source in documents]
    wanted = {row.passage.id: row for row in passages}
    if missing := sorted(wanted.keys() - snapshot.place.keys()):
        yield f"it lacks {some(missing, 'passage')}"
    if foreign := sorted(snapshot.place.keys() - wanted.keys()):
        yield f"it has {some(foreign, 'passage')} that index.db lacks"
    other = [
        key
        for key, row in wanted.items()
        if key in snapshot.place
        and _line(snapshot, key) != json.loads(line(row, documents[row.passage.source]))
    ]
    if other:
        yield f"{some(other, 'passage')} in other words or with other facts than in index.db"
    if list(snapshot.ids) != list(wanted):
        if not missing and not foreign:
            yield "its passages are in another order"
        return
    found = [snapshot.ids, snapshot.sources, snapshot.languages, snapshot.audiences, snapshot.valid_from, snapshot.valid_until]  # fmt: skip
    facts = zip(
        snapshot.ids, zip(*found, strict=True), zip(*columns(passages, documents), strict=True), strict=True
    )
    if wrong := [key for key, had, has in facts if had != has]:
        yield f"{some(wrong, 'passage')} with another language, audience or validity than in index.db"
    tokens = LexicalIndex.build([lexical_tokens(row) for row in passages])
    try:
        if changed := [snapshot.ids[row] for row in snapshot.lexical.differences(tokens)]:
            yield f"the lexical index has other tokens for {some(changed, 'passage')}"
    except DAMAGES as error:
        yield f"the lexical index is damaged ({error})"


def _line(snapshot: Snapshot, key: str) -> Any:
    try:
        return snapshot.lines[snapshot.place[key]]
    except DAMAGES:
        return None


class _Vectors:
    """The checks of one collection."""

    def __init__(
        self, parts: Parts, collection: Collection, rows: Sequence[PassageRow], snapshot: Snapshot | None
    ) -> None:
        self._parts, self._collection, self._rows, self._snapshot = parts, collection, rows, snapshot
        self.kept = self.embedded = 0

    def problems(self, full: bool, tell: Tell) -> Iterator[str]:
        name, kind = self._collection.name, self._collection.kind
        if pending := [row.passage.id for row in self._parts.rows.without_vector(name, kind)]:
            yield f"{some(pending, 'passage')} waiting for a vector (an ingest was cut off)"
        if orphans := self._parts.rows.orphan_vectors(name, kind):
            yield f"{some(orphans, 'vector')} noted for no passage"
        of_rows = [self._collection.units(row) for row in self._rows]
        texts = {unit: text for units in of_rows for unit, text in units}
        ids = self._parts.chroma.ids(name)
        self.kept = len(ids)
        if lost := sorted(texts.keys() - ids):
            yield f"{some(lost, 'vector')} missing"
        if foreign := sorted(ids - texts.keys()):
            yield f"{some(foreign, 'vector')} of no passage"
        units = list(texts)
        matrix = self._parts.chroma.kept(name, units, self._collection.embedder.dim)
        present = np.flatnonzero(~np.isnan(matrix).any(axis=1))
        chosen = present[:: max(1, len(present) // _SELF)]
        if unfound := self._parts.chroma.unfound(name, [units[i] for i in chosen], matrix[chosen]):
            yield f"{some(unfound, 'vector')} not found by itself"
        if self._snapshot is not None and list(self._snapshot.ids) == [row.passage.id for row in self._rows]:
            starts = np.cumsum([0, *map(len, of_rows)]).tolist()
            yield from self._kept_otherwise(self._snapshot, units, matrix, present, starts)
        yield from self._made_otherwise(units, list(texts.values()), matrix, present, full, tell)

    def _kept_otherwise(
        self,
        snapshot: Snapshot,
        units: Sequence[str],
        matrix: Vectors,
        present: NDArray[np.intp],
        starts: list[int],
    ) -> Iterator[str]:
        """Compare with the snapshot's own vectors, all of them."""
        close, own = _CLOSE, snapshot.vectors.get(self._collection.embedder.name)
        if self._collection.by_sentence:
            close, own = _CLOSE_HALF, snapshot.sentences
            if units and list(snapshot.sentence_starts) != starts:
                yield "the snapshot's sentences are those of other passages"
        if own is None or own.shape != matrix.shape:
            if units:
                yield f"the snapshot has {0 if own is None else len(own)} vectors instead of {len(units)}"
            return
        other: list[str] = []
        for start in range(0, len(present), _BLOCK):
            block = present[start : start + _BLOCK]
            with np.errstate(all="ignore"):  # damaged numbers may be anything
                gaps = np.abs(own[block].astype(np.float32) - matrix[block]).max(axis=1)
            other += [units[i] for i in block[~(gaps <= close)]]
        if other:
            yield f"{some(other, 'vector')} not the same in the snapshot"

    def _made_otherwise(
        self,
        units: Sequence[str],
        texts: Sequence[str],
        matrix: Vectors,
        present: NDArray[np.intp],
        full: bool,
        tell: Tell,
    ) -> Iterator[str]:
        """Compare with what the embedder makes of the text."""
        chosen = present.tolist()
        if not full and len(chosen) > SAMPLE:
            chosen = sorted(random.sample(chosen, SAMPLE))
        other: list[str] = []
        for start in range(0, len(chosen), _BLOCK):
            block = chosen[start : start + _BLOCK]
            tell(f"embed {self._collection.name.removeprefix('kefu-')} again", start, len(chosen))
            made = self._collection.embedder.passages([texts[i] for i in block])
            stored = matrix[block]
            cosines = (made * stored).sum(axis=1) / np.maximum(np.linalg.norm(stored, axis=1), 1e-9)
            other += [units[i] for i, cosine in zip(block, cosines, strict=True) if not cosine >= _SAME]
        self.embedded = len(chosen)
        if other:
            yield f"{some(other, 'vector')} not what the embedder makes of the text"


def some(ids: Iterable[str], noun: str) -> str:
    """``2 passages (a, b)``."""
    ids = list(ids)
    more = ", …" if len(ids) > _SHOWN else ""
    return f"{len(ids)} {noun}{'s' if len(ids) > 1 else ''} ({', '.join(ids[:_SHOWN])}{more})"
