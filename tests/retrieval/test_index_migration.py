"""An index of an earlier kefu is brought to the newest schema when it is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from configs.errors import IndexError_
from retrieval.index import Index
from retrieval.ingest import ingest_docs
from retrieval.rows import SCHEMA_VERSION, Rows
from retrieval.search import Search


def made_old(index: Index) -> Path:
    """Takes the index back to schema 1, and its pages to a time when ``valid_from`` was not read."""
    path = index.folder / "index.db"
    index.close()
    with sqlite3.connect(path) as db:
        for column in ("valid_from", "seal"):
            db.execute(f"ALTER TABLE documents DROP COLUMN {column}")
        db.execute("UPDATE documents SET hash = 'of the old reader'")
        db.execute("PRAGMA user_version = 1")
    db.close()
    return path


def test_schema_1_is_migrated_and_the_next_ingest_reads_the_dates(
    open_index: Callable[..., Index], pages: Path
) -> None:
    (pages / "sale.md").write_text("---\nvalid_from: 2026-12-01\n---\n# Sale\n\nAll camels are reduced.\n")
    index = open_index()
    ingest_docs(index, [pages])
    made_old(index)
    again = open_index()
    assert again.rows.broken_seals() == []
    assert [document.valid_from for document in again.rows.documents("page")] == [""] * 4
    embedded = again.embedder.embedded  # type: ignore[attr-defined]  # the tests' embedder counts
    assert ingest_docs(again, [pages]).changed == 4
    assert again.embedder.embedded == embedded  # type: ignore[attr-defined]  # the texts are the same
    assert again.verify().problems == ()
    assert Search(again, today=date(2026, 11, 30)).passage("sale.md#top/1") is None


def test_two_processes_may_migrate_at_once(index: Index, pages: Path) -> None:
    ingest_docs(index, [pages])
    path = made_old(index)
    first, second = Rows(path), Rows(path)
    assert first.seals() == second.seals()
    second._add_validity_and_seals()  # it came too late
    assert first.broken_seals() == []
    first.close()
    second.close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Rows(tmp_path / "index.db").close()
    with sqlite3.connect(tmp_path / "index.db") as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(IndexError_, match=f"Expected: version {SCHEMA_VERSION}"):
        Rows(tmp_path / "index.db")
