"""Documents and passages as rows of an SQLite file: the truth from which everything else is derived.

Each document is sealed with a hash of all that its rows hold, so that a row that was changed behind our back is seen.
Also notes, for each collection of vectors, which passage has a vector of which text; the note is written before
the vector (with an empty hash) and completed after it, so that a killed writer leaves a difference that the
next one sees, and never a vector that nobody knows of. Does not know how vectors are made or kept.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs.errors import IndexError_
from retrieval.passages import Passage, PassageKind

SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, root TEXT NOT NULL, title TEXT NOT NULL, hash TEXT NOT NULL,
    audience TEXT NOT NULL, valid_until TEXT NOT NULL, facts TEXT NOT NULL,
    valid_from TEXT NOT NULL DEFAULT '', seal TEXT NOT NULL DEFAULT ''
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
    valid_from: str = ""
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


def seal(document: DocumentRow, passages: Iterable[PassageRow]) -> str:
    """A hash of a document and its passages in order: of all that may be searched, shown or filtered by."""
    about = [getattr(document, name) for name in ("id", "kind", "root", "title", "hash", "audience")]
    about += [document.valid_from, document.valid_until, dict(document.facts)]
    of_passages = [
        [p.id, p.source, p.title, p.text, p.kind, p.language, p.url, dict(p.meta), row.hidden, row.hash]
        for row in passages
        for p in (row.passage,)
    ]
    whole = json.dumps([about, of_passages], ensure_ascii=False, sort_keys=True)
    return hashlib.blake2b(whole.encode(errors="surrogatepass"), digest_size=12).hexdigest()


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
            if self._version() == 1:
                self._add_validity_and_seals()
            found = self._version()
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
            except BaseException:  # an interruption, too, must leave nothing half written
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _version(self) -> int:
        return int(self._all("PRAGMA user_version")[0][0])

    def _add_validity_and_seals(self) -> None:
        """Schema 1 → 2. Pages are read anew at the next ingest, which finds since when they hold."""
        with self.transaction():
            if self._version() != 1:  # another process was quicker
                return
            for column in ("valid_from", "seal"):
                self._all(f"ALTER TABLE documents ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
            for document, passages in self._by_document():
                self._all(
                    "UPDATE documents SET seal = ? WHERE id = ?", (seal(document, passages), document.id)
                )
            self._all("PRAGMA user_version = 2")

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
        try:
            return [row[0] for row in self._all("PRAGMA integrity_check") if row[0] != "ok"]
        except sqlite3.DatabaseError as error:
            return [str(error)]

    def broken_seals(self) -> list[DocumentRow]:
        """Documents of which a row was changed, added or deleted by somebody else than ``put`` and ``remove``."""
        seals = self.seals()
        return [
            document
            for document, passages in self._by_document()
            if seals[document.id] != seal(document, passages)
        ]

    def strays(self) -> list[str]:
        """Passages of documents that do not exist."""
        rows = self._all(
            "SELECT id FROM passages WHERE document_id NOT IN (SELECT id FROM documents) ORDER BY id"
        )
        return [row[0] for row in rows]

    def remove_strays(self) -> None:
        self._all("DELETE FROM passages WHERE document_id NOT IN (SELECT id FROM documents)")

    def _by_document(self) -> Iterator[tuple[DocumentRow, list[PassageRow]]]:
        """Every document with its passages, whatever kind those say that they are."""
        passages = defaultdict(list)
        for row in self._passages("true ORDER BY document_id, position", ()):
            passages[row.passage.source].append(row)
        for document in self._documents("", ()):
            yield document, passages[document.id]

    # --- documents and passages ----------------------------------------------------------------------------

    def documents(self, kind: PassageKind) -> list[DocumentRow]:
        return self._documents("WHERE kind = ?", (kind,))

    def document(self, document_id: str) -> DocumentRow | None:
        found = self._documents("WHERE id = ?", (document_id,))
        return found[0] if found else None

    def seals(self) -> dict[str, str]:
        return dict(self._all("SELECT id, seal FROM documents ORDER BY id"))

    def _documents(self, where: str, parameters: Sequence[object]) -> list[DocumentRow]:
        columns = "id, kind, root, title, hash, audience, valid_until, valid_from, facts"
        rows = self._all(f"SELECT {columns} FROM documents {where} ORDER BY id", parameters)  # noqa: S608 - our own text
        return [DocumentRow(*row[:-1], **{"facts": json.loads(row[-1])}) for row in rows]

    def put(self, document: DocumentRow, passages: Iterable[PassageRow]) -> None:
        """Add or replace a document with all its passages. Call it in a transaction."""
        passages = list(passages)
        self.remove([document.id])
        self._all(
            "INSERT INTO documents (id, kind, root, title, hash, audience, valid_until, facts, valid_from, seal) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id,
                document.kind,
                document.root,
                document.title,
                document.hash,
                document.audience,
                document.valid_until,
                json.dumps(dict(document.facts), ensure_ascii=False),
                document.valid_from,
                seal(document, passages),
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

    def _passages(self, where: str, parameters: Sequence[object]) -> list[PassageRow]:
        columns = "id, document_id, title, text, kind, language, url, meta, hidden, hash"
        rows = self._all(f"SELECT {columns} FROM passages WHERE {where}", parameters)  # noqa: S608 - our own text
        return [
            PassageRow(Passage(*row[:7], meta=json.loads(row[7])), hidden=row[8], hash=row[9])  # type: ignore[misc]  # sqlite3 gives Any
            for row in rows
        ]

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

    def forget_all_vectors(self) -> None:
        self._all("DELETE FROM vectors")

    def collections(self) -> list[str]:
        return [row[0] for row in self._all("SELECT DISTINCT collection FROM vectors ORDER BY collection")]
