"""The index: rows are the truth, Chroma keeps the vectors, a snapshot is what searchers load.

Order of a write: rows (one transaction) → vectors (each batch noted before and after) → snapshot files → the
version, which is what readers follow. A writer that is killed anywhere leaves a state that the next write
completes. Searchers take passages, vectors and the lexical index from their snapshot alone, so what they find is of
one state; of Chroma they ask only where to look, and only while it holds the vectors of their snapshot. Does not know
file formats, products, or how scores are made.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from configs.errors import IndexError_
from configs.settings import Settings
from retrieval import snapshot as snapshots
from retrieval import tokens
from retrieval.embed import Embedder, Progress, load_embedder, multilingual_installed
from retrieval.index.chroma import ChromaVectors
from retrieval.index.collections import Collection, collections, lexical_tokens
from retrieval.index.mend import Mended, mend
from retrieval.index.verify import Parts, Verification, verify
from retrieval.lexical import LexicalIndex
from retrieval.lock import index_folder, writing
from retrieval.minilm import Vectors
from retrieval.passages import KINDS, PassageKind
from retrieval.rows import Rows
from retrieval.snapshot import DAMAGES, EMPTY, MANIFEST, Snapshot

log = logging.getLogger("kefu.index")

EXACT_LIMIT = 50_000
"""Up to so many passages, search compares with every vector; above it asks Chroma's graph."""
_CHROMA = "chroma"
"""In which folder embedded Chroma keeps its files; each rebuild takes another one."""
_GRAPH = "graph"
"""Of which version Chroma holds the vectors; empty while a writer moves them."""
_BATCH = 128
StageProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    version: str
    mended: Mended


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
        second = (
            multilingual_installed() and retrieval.embedder != "e5-small-q4" and "zh" in retrieval.languages
        )
        return cls(
            index_folder(settings),
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
            self._vectors.refresh(self._chroma_folder)
            try:
                return Snapshot.load(self._snapshot_folder(version, kind), in_memory=self.exact_limit)
            except DAMAGES as error:
                if self.version == version:  # otherwise a writer has just replaced it
                    raise IndexError_(
                        f"the snapshot {version} in {self.folder} cannot be read ({error})",
                        hint="run `kefu rebuild`",
                    ) from error
        raise IndexError_(
            f"the index in {self.folder} keeps changing", hint="try again when the ingest has ended"
        )

    def candidates(
        self, snapshot: Snapshot, kind: PassageKind, embedder: Embedder, queries: Vectors, count: int
    ) -> list[list[int]] | None:
        """For each query, the rows of ``snapshot`` that Chroma's graph finds nearest; ``None``: compare with all.

        So it is up to the limit of exact search, and above it while a writer moves the vectors or Chroma fails: a
        search is slower then, and finds the same.
        """
        if len(snapshot) <= self.exact_limit or self.rows.meta(_GRAPH) != snapshot.version:
            return None
        name = Collection(kind, embedder).name
        try:
            found = [self._vectors.nearest(name, query, count) for query in queries]
        except IndexError_:
            log.warning("Chroma does not answer: searching without its graph", exc_info=True)
            return None
        rows = [[snapshot.place[key] for key in near if key in snapshot.place] for near in found]
        return rows if all(len(near) == count for near in rows) else None

    # --- writing -------------------------------------------------------------------------------------------

    @contextmanager
    def write(self) -> Iterator[Rows]:
        """Hold the writer's lock; change the rows in a transaction, then call ``publish``.

        Raises:
            IndexLockedError: somebody else writes.
        """
        with writing(self.folder):
            self._writing = True
            self._vectors.refresh(self._chroma_folder)
            try:
                yield self.rows
            finally:
                self._writing = False
                self._vectors.refresh(self._chroma_folder)

    def publish(self, progress: StageProgress | None = None, *, anew: bool = False) -> str:
        """Bring vectors and snapshot up to date with the rows; returns the version.

        Does nothing when they are, unless ``anew``. Also completes what a killed writer left.
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
        if not anew and old.partition("-")[2] == fingerprint and self._snapshots_exist(old):
            self._switch(old)
            return old
        number = int(self.rows.meta("serial") or "0") + 1
        self.rows.set_meta("serial", str(number))
        version = f"{number}-{fingerprint}"
        for number, kind in enumerate(KINDS, 1):
            self._save_snapshot(version, kind)
            if progress:
                progress("write the snapshot", number, len(KINDS))
        self._switch(version)
        self._delete_old_snapshots(version)
        for path in self.folder.glob("chroma*") if self._vectors.embedded else ():
            if path != self._chroma_folder:
                shutil.rmtree(path, ignore_errors=True)
        return version

    def rebuild(
        self, progress: StageProgress | None = None, *, change: Callable[[Rows], object] | None = None
    ) -> Rebuilt:
        """Mend the rows as far as possible, and make vectors and snapshots anew from them.

        Searchers keep the old snapshot until the new one is complete; then nothing of what was deleted stays in any
        file. Chroma's files are made in another folder, as a dropped collection leaves traces. Its graph files hold whatever was in the memory of the process
        that writes them, so run this in a process that never read what must be gone: `kefu rebuild` is one.
        ``change`` may change the mended rows.
        """
        with self.write() as rows:
            if problems := rows.problems():
                raise IndexError_(
                    f"{self.folder / 'index.db'} is damaged ({problems[0]})",
                    hint=f"delete the folder {self.folder} and ingest again",
                )
            with rows.transaction():
                mended = mend(rows, self._readable_snapshots())
                if change:
                    change(rows)
            with rows.transaction():
                rows.forget_all_vectors()
                rows.set_meta(_GRAPH, "")
                rows.set_meta(_CHROMA, f"chroma-{int(rows.meta('serial') or '0') + 1}")
            if self._vectors.embedded:  # beside the old files, which a search may be reading
                self._vectors.refresh(self._chroma_folder)
            else:
                self._vectors.drop([collection.name for collection in self._collections])
            version = self.publish(progress, anew=True)
            self._delete_old_snapshots(version, kept=0)
            rows.compact()
            return Rebuilt(version, mended)

    def verify(self, *, full: bool = False, progress: StageProgress | None = None) -> Verification:
        """Compare rows, snapshot files, Chroma and, for a sample or for all, the embedders; changes nothing.

        Raises:
            IndexLockedError: somebody writes, so that the parts cannot agree.
        """
        with self.write():
            version = self.version
            folders = {} if version == "0" else {kind: self._snapshot_folder(version, kind) for kind in KINDS}
            parts = Parts(self.rows, self._vectors, self._collections, folders, version, self._fingerprint)
            return verify(parts, full=full, progress=progress)

    def _readable_snapshots(self) -> list[Snapshot]:
        found = []
        for kind in KINDS if self.version != "0" else ():
            try:
                found.append(Snapshot.load(self._snapshot_folder(self.version, kind)))
            except DAMAGES:
                log.warning("the snapshot of kind %s cannot be read", kind, exc_info=True)
        return found

    def _switch(self, version: str) -> None:
        """From now on searchers load this version, and may ask Chroma for it."""
        if self.rows.meta(_GRAPH) != version:
            with self.rows.transaction():
                self.rows.set_meta("version", version)
                self.rows.set_meta(_GRAPH, version)

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
        orphans = self.rows.orphan_vectors(name, collection.kind)
        missing = self.rows.without_vector(name, collection.kind)
        if orphans or missing:
            self.rows.set_meta(_GRAPH, "")
        if orphans:
            self._vectors.delete(name, orphans)
            self.rows.forget_vectors(name, orphans)
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

    def _save_snapshot(self, version: str, kind: PassageKind) -> None:
        rows = self.rows.passages(kind)
        documents = {document.id: document for document in self.rows.documents(kind)}
        vectors: dict[str, Vectors] = {}
        sentences, starts = None, [0]
        for collection in self._collections if rows else ():
            if collection.kind != kind:
                continue
            units = [collection.units(row) for row in rows]
            ids = [unit_id for of_row in units for unit_id, _ in of_row]
            matrix = self._vectors.get(collection.name, ids, collection.embedder.dim)
            if collection.by_sentence:
                sentences, starts = matrix, np.cumsum([0, *map(len, units)]).tolist()
            else:
                vectors[collection.embedder.name] = matrix
        lexical = LexicalIndex.build([lexical_tokens(row) for row in rows])
        snapshots.save(
            self._snapshot_folder(version, kind), rows, documents, lexical, vectors, sentences, starts
        )

    @property
    def _chroma_folder(self) -> Path:
        return self.folder / (self.rows.meta(_CHROMA) or "chroma")

    def _fingerprint(self) -> str:
        """A hash of all that is served, so that an ingest that changed nothing changes no version."""
        digest = hashlib.blake2b(digest_size=4)
        digest.update(f"{snapshots.FORMAT} {tokens.VERSION} {tokens.jieba_installed()}".encode())
        digest.update(" ".join(collection.name for collection in self._collections).encode())
        for document_id, seal in self.rows.seals().items():
            digest.update(f"{document_id}\0{seal}\0".encode())
        return digest.hexdigest()

    def _snapshot_folder(self, version: str, kind: PassageKind) -> Path:
        return self.folder / f"snapshot-{version}" / kind

    def _snapshots_exist(self, version: str) -> bool:
        return all((self._snapshot_folder(version, kind) / MANIFEST).exists() for kind in KINDS)

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
