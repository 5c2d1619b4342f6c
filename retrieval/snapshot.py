"""What a searcher keeps in memory of one kind of passage: the passages, their vectors and the lexical index, as files.

A snapshot is written whole under a new name and never changed, so that readers need no lock and what they find is of
one state. A manifest holds the hash of each file. Does not know where passages or vectors come from.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.lexical import LexicalIndex
from retrieval.minilm import Vectors
from retrieval.passages import Passage
from retrieval.rows import DocumentRow, PassageRow

FORMAT = 2
"""Raise it when the files change: snapshots are then written anew at the next ingest."""
PUBLIC = ("shopper", "all")
DAMAGES = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError)
"""What reading a damaged file raises."""


class Lines(Sequence[Any]):
    """Texts of a file, read when they are asked for. A file that is deleted meanwhile stays readable."""

    def __init__(self, path: Path | None = None, ends: Sequence[int] = ()) -> None:
        self._ends = np.array([0, *ends], np.int64)
        self._data: bytes | mmap.mmap = b""
        if path is not None and ends:
            with path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if len(self._data) != self._ends[-1]:
                raise ValueError(f"{path.name} has {len(self._data)} bytes instead of {self._ends[-1]}")

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, row: Any) -> Any:
        return json.loads(self._data[int(self._ends[row]) : int(self._ends[row + 1])])


@dataclass(frozen=True)
class Snapshot:
    """Row i of each array, and text i of the lexical index, is the passage ``ids[i]``.

    ``vectors`` maps an embedder's name to its matrix. The sentences of passage i are the rows ``sentence_starts[i]``
    to ``sentence_starts[i + 1]`` of ``sentences``, which stays on disk, in half precision: a search reads those of
    its best passages alone.
    """

    ids: Sequence[str]
    sources: Sequence[str]
    languages: Sequence[str]
    audiences: Sequence[str]
    valid_from: Sequence[str]
    valid_until: Sequence[str]
    lexical: LexicalIndex
    version: str = "0"
    lines: Lines = field(default_factory=Lines)
    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    sentences: NDArray[np.floating[Any]] | None = None
    sentence_starts: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def place(self) -> dict[str, int]:
        """In which row each passage is."""
        return {passage_id: row for row, passage_id in enumerate(self.ids)}

    @cached_property
    def pages(self) -> NDArray[np.intp]:
        """Of which page each passage is, numbered from 0."""
        numbers: dict[str, int] = {}
        return np.array([numbers.setdefault(source, len(numbers)) for source in self.sources], np.intp)

    @cached_property
    def _rows_of(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        for row, source in enumerate(self.sources):
            rows.setdefault(source, []).append(row)
        return rows

    @cached_property
    def _rows_of_stem(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        for source, of_source in self._rows_of.items():
            rows.setdefault(source.rpartition(".")[0], []).extend(of_source)
        return rows

    def rows_of(self, source: str) -> list[int]:
        """The rows of one document in order."""
        return self._rows_of.get(source, [])

    def rows_of_stem(self, stem: str) -> list[int]:
        """The rows of the files that have this name but for their ending."""
        return self._rows_of_stem.get(stem, []) if stem else []

    def passage(self, row: int) -> Passage:
        """Its passage; the score is 0."""
        return self.stored(row).passage

    def stored(self, row: int) -> PassageRow:
        """As it was in the rows."""
        key, source, title, text, kind, language, url, meta, hidden, digest, _ = self.lines[row]
        return PassageRow(Passage(key, source, title, text, kind, language, url, meta=meta), hidden, digest)

    def facts(self, row: int) -> Mapping[str, Any]:
        """What its document's row says of it: for a product, the product."""
        facts: Mapping[str, Any] = self.lines[row][-1]
        return facts

    def servable(self, today: date) -> NDArray[np.bool_]:
        """Which passages a shopper may see today: meant for shoppers, valid already, and not expired."""
        if today not in self._servable:
            now = today.isoformat()
            columns = zip(self.audiences, self.valid_from, self.valid_until, strict=True)
            mask = np.array(
                [who in PUBLIC and start <= now and (not end or now <= end) for who, start, end in columns],
                np.bool_,
            )
            mask.setflags(write=False)
            self._servable.clear()  # yesterday's
            self._servable[today] = mask
            return mask
        return self._servable[today]

    @cached_property
    def _servable(self) -> dict[date, NDArray[np.bool_]]:
        return {}

    def best_sentences(self, query: Vectors, rows: NDArray[np.intp]) -> Vectors:
        """For each of the passages ``rows``: the cosine of its best sentence; zeros without sentences."""
        best = np.zeros(len(rows), np.float32)
        if self.sentences is None:
            return best
        for place, row in enumerate(rows):
            own = self.sentences[self.sentence_starts[row] : self.sentence_starts[row + 1]]
            best[place] = (own.astype(np.float32) @ query).max()
        return best

    @classmethod
    def load(cls, folder: Path, *, in_memory: int = 50_000) -> Snapshot:
        """Vectors of more than ``in_memory`` passages stay on disk."""
        version = _manifest(folder)["version"]
        if version != folder.parent.name.partition("-")[2]:
            raise ValueError(f"the files in {folder.name} are of version {version}")
        columns = json.loads((folder / "passages.json").read_text(encoding="utf-8"))
        ids, sources, languages, audiences, valid_from, valid_until, sentence_starts, ends = columns
        sentences = folder / "sentences.npy"
        mode: Literal["r"] | None = "r" if len(ids) > in_memory else None
        return cls(
            ids=ids,
            sources=sources,
            languages=languages,
            audiences=audiences,
            valid_from=valid_from,
            valid_until=valid_until,
            version=version,
            lines=Lines(folder / "passages.jsonl", ends),
            lexical=LexicalIndex.load(folder / "lexical"),
            vectors={
                path.stem: np.load(path, mmap_mode=mode)
                for path in sorted((folder / "vectors").glob("*.npy"))
            },
            sentences=np.load(sentences, mmap_mode="r") if sentences.exists() else None,
            sentence_starts=sentence_starts,
        )


EMPTY = Snapshot([], [], [], [], [], [], LexicalIndex.build([]))


def save(
    folder: Path,
    rows: Sequence[PassageRow],
    documents: Mapping[str, DocumentRow],
    lexical: LexicalIndex,
    vectors: Mapping[str, Vectors],
    sentences: Vectors | None,
    sentence_starts: Sequence[int],
) -> None:
    """Write a snapshot into a temporary name first: a folder that has the final name is complete."""
    temporary = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    lexical.save(temporary / "lexical")
    (temporary / "vectors").mkdir()
    for name, matrix in vectors.items():
        np.save(temporary / "vectors" / f"{name}.npy", matrix)
    if sentences is not None:
        np.save(temporary / "sentences.npy", sentences.astype(np.float16))
    ends, size = [], 0
    with (temporary / "passages.jsonl").open("wb") as file:
        for row in rows:
            size += file.write(line(row, documents[row.passage.source]))
            ends.append(size)
    text = json.dumps([*columns(rows, documents), sentence_starts, ends], ensure_ascii=False)
    (temporary / "passages.json").write_text(text, encoding="utf-8")
    manifest = {
        "format": FORMAT,
        "version": folder.parent.name.partition("-")[2],
        "files": _hashes(temporary),
    }
    sealed = {**manifest, "hash": _hash(manifest)}
    (temporary / MANIFEST).write_text(json.dumps(sealed, indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


MANIFEST = "manifest.json"


def line(row: PassageRow, document: DocumentRow) -> bytes:
    """What ``passages.jsonl`` holds of a passage."""
    p = row.passage
    meta, facts = dict(p.meta), dict(document.facts)
    values = [p.id, p.source, p.title, p.text, p.kind, p.language, p.url, meta, row.hidden, row.hash, facts]
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def columns(rows: Sequence[PassageRow], documents: Mapping[str, DocumentRow]) -> list[list[str]]:
    """Ids, sources, languages, audiences, valid_from and valid_until."""
    of = [documents[row.passage.source] for row in rows]
    return [
        [row.passage.id for row in rows],
        [row.passage.source for row in rows],
        [row.passage.language for row in rows],
        [document.audience for document in of],
        [document.valid_from for document in of],
        [document.valid_until for document in of],
    ]


def file_problems(folder: Path) -> list[str]:
    """Files of a snapshot that are not as they were written."""
    try:
        written = _manifest(folder)["files"]
        found = _hashes(folder)
        changed = sorted(
            name for name in written.keys() | found.keys() if written.get(name) != found.get(name)
        )
    except DAMAGES as error:
        return [f"{MANIFEST} cannot be read ({error})"]
    what = {True: "is missing", False: "was changed"}
    return [
        f"{name} {'does not belong there' if name not in written else what[name not in found]}"
        for name in changed
    ]


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["format"] != FORMAT:
        raise ValueError(f"its files have format {manifest['format']}, this kefu reads {FORMAT}")
    if manifest.pop("hash", "") != _hash(manifest):
        raise ValueError(f"{MANIFEST} was changed")
    return manifest


def _hash(manifest: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(manifest, sort_keys=True).encode(), digest_size=16).hexdigest()


def _hashes(folder: Path) -> dict[str, str]:
    """By the names of the files below ``folder``, without the manifest."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
            hashes[path.relative_to(folder).as_posix()] = digest.hexdigest()
    return hashes
