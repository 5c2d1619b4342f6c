"""The index: rows are the truth, Chroma keeps the vectors, a snapshot is what searchers load.

Order of a write: rows (one transaction) → vectors (each batch noted before and after) → snapshot files → the
version, which is what readers follow. A writer that is killed anywhere leaves a state that the next write
completes. Does not know file formats, products, or how scores are made.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from configs.errors import IndexError_
from configs.settings import Settings
from retrieval import tokens
from retrieval.embed import Embedder, Progress, load_embedder, multilingual_installed
from retrieval.index.chroma import ChromaVectors
from retrieval.index.collections import Collection, collections
from retrieval.lexical import LexicalIndex
from retrieval.lock import writing
from retrieval.minilm import Vectors
from retrieval.passages import PassageKind
from retrieval.rows import PassageRow, Rows
from retrieval.snapshot import EMPTY, Snapshot
from retrieval.tokens import tokenize

KINDS: tuple[PassageKind, ...] = get_args(PassageKind)
EXACT_LIMIT = 50_000
"""Up to so many passages, search compares with every vector; above it asks Chroma's graph."""
_TITLE_WEIGHT: Mapping[PassageKind, int] = {"page": 1, "product": 3}
_BATCH = 128
StageProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Verification:
    """``problems`` is empty when rows, vectors and snapshot agree."""

    passages: Mapping[str, int]
    vectors: Mapping[str, int]
    problems: tuple[str, ...]


class Index:
    """Open for reading at once; ``write()`` takes the lock."""

    def __init__(
        self,
        folder: Path,
        embedder: Embedder,
        *,
        multilingual: Embedder | None = None,
        chroma: Literal["embedded", "server"] = "embedded",
        chroma_url: str = "",
        exact_limit: int = EXACT_LIMIT,
        chunk_tokens: int = 200,
    ) -> None:
        self.folder = folder
        self.chunk_tokens = chunk_tokens
        self.embedder = embedder
        self.multilingual = multilingual
        self.exact_limit = exact_limit
        self.rows = Rows(folder / "index.db")
        self._collections = collections(embedder, multilingual)
        self._vectors = ChromaVectors(folder / "chroma", chroma_url if chroma == "server" else None)
        self._writing = False

    @classmethod
    def open(cls, settings: Settings, embedder: Embedder | None = None) -> Index:
        """The index that the settings name; ``embedder``, if it is loaded already, must be the settings'."""
        retrieval = settings.retrieval
        second = multilingual_installed() and retrieval.embedder != "e5-small-q4"
        return cls(
            settings.home / "index",
            embedder or load_embedder(retrieval.embedder),
            multilingual=load_embedder("e5-small-q4") if second else None,
            chroma=retrieval.chroma,
            chroma_url=retrieval.chroma_url,
            chunk_tokens=retrieval.chunk_tokens,
        )

    def close(self) -> None:
        self._vectors.close()
        self.rows.close()

    @property
    def version(self) -> str:
        """Changes whenever the content does; ``"0"`` before the first ingest."""
        return self.rows.meta("version") or "0"

    # --- reading -------------------------------------------------------------------------------------------

    def snapshot(self, kind: PassageKind) -> Snapshot:
        """The current snapshot of a kind.

        Raises:
            IndexError_: its files are missing or damaged.
        """
        for _ in range(3):
            version = self.version
            if version == "0":
                return EMPTY
            self._vectors.refresh()
            try:
                return Snapshot.load(self._snapshot_folder(version, kind))
            except (OSError, ValueError, KeyError, TypeError) as error:
                if self.version == version:  # otherwise a writer has just replaced it
                    raise IndexError_(
                        f"the snapshot {version} in {self.folder} cannot be read ({error})",
                        hint="run `kefu rebuild`",
                    ) from error
        raise IndexError_(
            f"the index in {self.folder} keeps changing", hint="try again when the ingest has ended"
        )

    def nearest(self, kind: PassageKind, embedder: Embedder, query: Vectors, count: int) -> dict[str, float]:
        """Cosines of the passages that Chroma's graph finds nearest to ``query``."""
        return self._vectors.nearest(Collection(kind, embedder).name, query, count)

    def vectors_of(self, kind: PassageKind, embedder: Embedder, ids: Sequence[str]) -> Vectors:
        return self._vectors.get(Collection(kind, embedder).name, ids, embedder.dim)

    # --- writing -------------------------------------------------------------------------------------------

    @contextmanager
    def write(self) -> Iterator[Rows]:
        """Hold the writer's lock; change the rows in a transaction, then call ``publish``.

        Raises:
            IndexLockedError: somebody else writes.
        """
        with writing(self.folder):
            self._writing = True
            self._vectors.refresh()
            try:
                yield self.rows
            finally:
                self._writing = False
                self._vectors.refresh()

    def publish(self, progress: StageProgress | None = None) -> str:
        """Bring vectors and snapshot up to date with the rows; returns the version.

        Does nothing when they are. Also completes what a killed writer left.
        """
        if not self._writing:
            raise IndexError_(
                "publish() was called without the writer's lock", expected="`with index.write():`"
            )
        self._drop_unused()
        for collection in self._collections:
            self._sync(collection, progress)
        fingerprint = self._fingerprint()
        old = self.version
        if old.partition("-")[2] == fingerprint and self._snapshots_exist(old):
            return old
        number = int(self.rows.meta("serial") or "0") + 1
        self.rows.set_meta("serial", str(number))
        version = f"{number}-{fingerprint}"
        for kind in KINDS:
            self._build_snapshot(kind).save(self._snapshot_folder(version, kind))
        self.rows.set_meta("version", version)
        self._delete_old_snapshots(version)
        return version

    def rebuild(self, progress: StageProgress | None = None) -> str:
        """Make vectors and snapshots anew from the rows; nothing of what was deleted stays in any file.

        Chroma's files are deleted, not emptied. Its graph files hold whatever was in the memory of the process
        that writes them, so run this in a process that never read what must be gone: `kefu rebuild` is one.
        """
        with self.write():
            for name in self.rows.collections():
                self.rows.forget_vectors(name)
            self._vectors.destroy([collection.name for collection in self._collections])
            shutil.rmtree(self._snapshot_folder(self.version, "page").parent, ignore_errors=True)
            version = self.publish(progress)
            self._delete_old_snapshots(version, kept=0)
            self.rows.compact()
            return version

    def verify(self) -> Verification:
        """Compare rows, vectors and snapshot; changes nothing."""
        self._vectors.refresh()
        problems = [f"index.db: {problem}" for problem in self.rows.problems()]
        vectors = {}
        for collection in self._collections:
            name = collection.name
            rows = {unit for row in self.rows.passages(collection.kind) for unit, _ in collection.units(row)}
            pending = len(self.rows.without_vector(name, collection.kind))
            if pending:
                problems.append(f"{name}: {pending} passages wait for their vector (an ingest was cut off)")
            kept = self._vectors.ids(name)
            vectors[name] = len(kept)
            if lost := sorted(rows - kept):
                problems.append(f"{name}: {len(lost)} vectors are missing, such as {lost[0]}")
            if foreign := sorted(kept - rows):
                problems.append(f"{name}: {len(foreign)} vectors have no passage, such as {foreign[0]}")
            if unfound := self._vectors.unfound(name, sorted(kept), collection.embedder.dim):
                problems.append(
                    f"{name}: {len(unfound)} vectors do not find themselves, such as {unfound[0]}"
                )
        if self.version.partition("-")[2] != self._fingerprint() and self.version != "0":
            problems.append(f"the snapshot {self.version} is older than the rows")
        elif self.version != "0" and not self._snapshots_exist(self.version):
            problems.append(f"the files of snapshot {self.version} are missing")
        return Verification({kind: self.rows.count(kind) for kind in KINDS}, vectors, tuple(problems))

    def _drop_unused(self) -> None:
        """Vectors of an embedder that is no longer set would outlive the pages that they tell of."""
        unused = set(self.rows.collections()) - {collection.name for collection in self._collections}
        if unused:
            self._vectors.drop(unused)
            for name in unused:
                self.rows.forget_vectors(name)

    def _sync(self, collection: Collection, progress: StageProgress | None) -> None:
        """Give each passage its vectors, and take away those of passages that are gone."""
        name, embedder = collection.name, collection.embedder
        if orphans := self.rows.orphan_vectors(name, collection.kind):
            self._vectors.delete(name, orphans)
            self.rows.forget_vectors(name, orphans)
        missing = self.rows.without_vector(name, collection.kind)
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            units = [(row.passage.id, *unit) for row in batch for unit in collection.units(row)]
            owners, ids, texts = (list(column) for column in zip(*units, strict=True))
            # The old text may have had more sentences than the new one.
            if old := self.rows.noted(name, [row.passage.id for row in batch]):
                self._vectors.delete(name, old)
            self.rows.note_vectors(name, {row.passage.id: "" for row in batch})
            report = _shifted(
                progress, f"embed {name.removeprefix('kefu-')}", start, len(batch), len(missing)
            )
            self._vectors.put(name, ids, embedder.passages(texts, report), owners)
            self.rows.note_vectors(name, {row.passage.id: row.hash for row in batch})

    def _build_snapshot(self, kind: PassageKind) -> Snapshot:
        rows = self.rows.passages(kind)
        served = self.rows.served(kind)
        vectors: dict[str, Vectors] = {}
        sentences, starts = None, [0]
        for collection in self._collections if rows else ():
            if collection.kind != kind or (len(rows) > self.exact_limit and not collection.by_sentence):
                continue
            units = [collection.units(row) for row in rows]
            ids = [unit_id for of_row in units for unit_id, _ in of_row]
            matrix = self._vectors.get(collection.name, ids, collection.embedder.dim)
            if collection.by_sentence:
                sentences, starts = matrix, np.cumsum([0, *map(len, units)]).tolist()
            else:
                vectors[collection.embedder.name] = matrix
        return Snapshot(
            ids=[row.passage.id for row in rows],
            languages=[language for _, language, _, _ in served],
            audiences=[audience for _, _, audience, _ in served],
            valid_until=[until for _, _, _, until in served],
            lexical=LexicalIndex.build([_lexical_tokens(row, kind) for row in rows]),
            vectors=vectors,
            sentences=sentences,
            sentence_starts=starts,
        )

    def _fingerprint(self) -> str:
        """A hash of all that is served, so that an ingest that changed nothing changes no version."""
        digest = hashlib.blake2b(digest_size=4)
        digest.update(f"{tokens.VERSION} {tokens.jieba_installed()}".encode())
        digest.update(" ".join(collection.name for collection in self._collections).encode())
        for kind in KINDS:
            for row in self.rows.documents(kind):
                digest.update(f"{row.id}\0{row.hash}\0".encode())
        return digest.hexdigest()

    def _snapshot_folder(self, version: str, kind: PassageKind) -> Path:
        return self.folder / f"snapshot-{version}" / kind

    def _snapshots_exist(self, version: str) -> bool:
        return all((self._snapshot_folder(version, kind) / "passages.json").exists() for kind in KINDS)

    def _delete_old_snapshots(self, current: str, kept: int = 1) -> None:
        """By default keep one old snapshot: a reader may be loading it."""
        found = [path for path in self.folder.glob("snapshot-*") if path.name != f"snapshot-{current}"]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in found[kept:]:
            shutil.rmtree(path, ignore_errors=True)


def _shifted(
    progress: StageProgress | None, stage: str, start: int, size: int, total: int
) -> Progress | None:
    """Progress of a batch of ``size`` passages, however many texts it has, as progress of the whole."""
    return (lambda done, of: progress(stage, start + size * done // of, total)) if progress else None


def _lexical_tokens(row: PassageRow, kind: PassageKind) -> list[str]:
    passage = row.passage
    return tokenize(passage.title) * _TITLE_WEIGHT[kind] + tokenize(passage.text) + tokenize(row.hidden)
