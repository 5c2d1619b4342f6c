"""Documents and passages as rows of an SQLite file: the truth from which everything else is derived.

Also notes, for each collection of vectors, which passage has a vector of which text; the note is written before
the vector (with an empty hash) and completed after it, so that a killed writer leaves a difference that the
next one sees, and never a vector that nobody knows of. Does not know how vectors are made or kept.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs.errors import IndexError_
from retrieval.passages import Passage, PassageKind

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, root TEXT NOT NULL, title TEXT NOT NULL, hash TEXT NOT NULL,
    audience TEXT NOT NULL, valid_until TEXT NOT NULL, facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passages (
    id TEXT PRIMARY KEY, document_id TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    position INTEGER NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, hidden TEXT NOT NULL,
    language TEXT NOT NULL, url TEXT, meta TEXT NOT NULL, hash TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS passages_of ON passages (document_id, position);
CREATE TABLE IF NOT EXISTS vectors (
    collection TEXT NOT NULL, passage_id TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (collection, passage_id)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """``facts`` holds what a searcher of this kind needs: for a product, the product."""

    id: str
    kind: PassageKind
    root: str
    title: str
    hash: str
    audience: str = "shopper"
    valid_until: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage; ``hidden`` is searched but never shown (a product's name in another language)."""

    passage: Passage
    hidden: str
    hash: str

    @property
    def searched_text(self) -> str:
        return f"{self.passage.title}\n{self.passage.text}\n{self.hidden}".strip()


class Rows:
    """One connection, safe for threads. Other processes see what is committed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._path = path
        self._db = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
            if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'vectors'").fetchone():
                self._db.executescript(_SCHEMA)
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise IndexError_(
                f"{path} is damaged ({error})",
                expected="an index written by kefu",
                hint="delete the file and ingest again",
            ) from error
        if found != SCHEMA_VERSION:
            raise IndexError_(
                f"{path} has schema version {found}",
                expected=f"version {SCHEMA_VERSION}",
                hint=f"delete the folder {path.parent} and ingest again",
            )

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _all(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, parameters).fetchall()

    # --- facts of the index --------------------------------------------------------------------------------

    def meta(self, key: str) -> str:
        rows = self._all("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else ""

    def set_meta(self, key: str, value: str) -> None:
        self._all("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def compact(self) -> None:
        """Leave no trace of deleted rows, neither in the file nor in its log."""
        self._all("VACUUM")
        self._all("PRAGMA wal_checkpoint(TRUNCATE)")

    def problems(self) -> list[str]:
        """What SQLite itself finds wrong with the file."""
        return [row[0] for row in self._all("PRAGMA integrity_check") if row[0] != "ok"]

    # --- documents and passages ----------------------------------------------------------------------------

    def documents(self, kind: PassageKind) -> list[DocumentRow]:
        rows = self._all(
            "SELECT id, kind, root, title, hash, audience, valid_until, facts FROM documents WHERE kind = ? ORDER BY id",
            (kind,),
        )
        return [DocumentRow(*row[:-1], **{"facts": json.loads(row[-1])}) for row in rows]

    def put(self, document: DocumentRow, passages: Iterable[PassageRow]) -> None:
        """Add or replace a document with all its passages. Call it in a transaction."""
        self.remove([document.id])
        self._all(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id,
                document.kind,
                document.root,
                document.title,
                document.hash,
                document.audience,
                document.valid_until,
                json.dumps(dict(document.facts), ensure_ascii=False),
            ),
        )
        for position, row in enumerate(passages):
            passage = row.passage
            self._all(
                "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    passage.id,
                    document.id,
                    position,
                    passage.kind,
                    passage.title,
                    passage.text,
                    row.hidden,
                    passage.language,
                    passage.url,
                    json.dumps(dict(passage.meta), ensure_ascii=False),
                    row.hash,
                ),
            )

    def remove(self, document_ids: Iterable[str]) -> None:
        for document_id in document_ids:
            self._all("DELETE FROM documents WHERE id = ?", (document_id,))

    def passages(self, kind: PassageKind) -> list[PassageRow]:
        """All passages of a kind, by document and position."""
        return self._passages("kind = ? ORDER BY document_id, position", (kind,))

    def passages_by_id(self, ids: Sequence[str]) -> dict[str, Passage]:
        marks = ",".join("?" * len(ids))
        return {row.passage.id: row.passage for row in self._passages(f"id IN ({marks})", ids)}

    def passages_of(self, source: str) -> list[Passage]:
        """The passages of one document in order; a page may be named without the ending of its file."""
        where = "document_id = ? OR (kind = 'page' AND document_id GLOB ?) ORDER BY document_id, position"
        stem = "".join(f"[{c}]" if c in "*?[" else c for c in source)
        return [row.passage for row in self._passages(where, (source, f"{stem}.[a-z]*"))]

    def _passages(self, where: str, parameters: Sequence[object]) -> list[PassageRow]:
        columns = "id, document_id, title, text, kind, language, url, meta, hidden, hash"
        rows = self._all(f"SELECT {columns} FROM passages WHERE {where}", parameters)  # noqa: S608 - our own text
        return [
            PassageRow(Passage(*row[:7], meta=json.loads(row[7])), hidden=row[8], hash=row[9])  # type: ignore[misc]  # sqlite3 gives Any
            for row in rows
        ]

    def served(self, kind: PassageKind) -> list[tuple[str, str, str, str]]:
        """(passage id, language, audience, valid_until) in the order of ``passages``."""
        return self._all(
            "SELECT p.id, p.language, d.audience, d.valid_until FROM passages p JOIN documents d ON d.id = p.document_id "
            "WHERE p.kind = ? ORDER BY p.document_id, p.position",
            (kind,),
        )

    def count(self, kind: PassageKind) -> int:
        return int(self._all("SELECT count(*) FROM passages WHERE kind = ?", (kind,))[0][0])

    # --- which vectors exist -------------------------------------------------------------------------------

    def without_vector(self, collection: str, kind: PassageKind) -> list[PassageRow]:
        """Passages of ``kind`` whose vector in ``collection`` is missing or of an older text."""
        return self._passages(
            "kind = ? AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.collection = ? AND v.passage_id = passages.id "
            "AND v.hash = passages.hash) ORDER BY document_id, position",
            (kind, collection),
        )

    def noted(self, collection: str, ids: Sequence[str]) -> list[str]:
        """Those of the passages for which a vector was announced or exists."""
        marks = ",".join("?" * len(ids))
        sql = f"SELECT passage_id FROM vectors WHERE collection = ? AND passage_id IN ({marks})"  # noqa: S608 - marks are question marks
        return [row[0] for row in self._all(sql, (collection, *ids))]

    def orphan_vectors(self, collection: str, kind: PassageKind) -> list[str]:
        """Vectors of passages that exist no longer."""
        rows = self._all(
            "SELECT passage_id FROM vectors WHERE collection = ? "
            "AND passage_id NOT IN (SELECT id FROM passages WHERE kind = ?) ORDER BY passage_id",
            (collection, kind),
        )
        return [row[0] for row in rows]

    def note_vectors(self, collection: str, hashes: Mapping[str, str]) -> None:
        """Note that the passages (id → hash of the text) have vectors; an empty hash announces one."""
        with self.transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                [(collection, passage_id, digest) for passage_id, digest in hashes.items()],
            )

    def forget_vectors(self, collection: str, ids: Sequence[str] | None = None) -> None:
        """Forget the given vectors, or all of a collection."""
        with self.transaction():
            if ids is None:
                self._db.execute("DELETE FROM vectors WHERE collection = ?", (collection,))
            else:
                self._db.executemany(
                    "DELETE FROM vectors WHERE collection = ? AND passage_id = ?",
                    [(collection, passage_id) for passage_id in ids],
                )

    def collections(self) -> list[str]:
        return [row[0] for row in self._all("SELECT DISTINCT collection FROM vectors ORDER BY collection")]
