"""Imports a shop's own tables: products, customers, orders, purchases and delivery rates; reads pages.

``import_file`` reads CSV, JSON lines or Parquet through a mapping and makes the database agree with the file.
A file is the whole content of its source: what it no longer holds is removed (``prune=False`` keeps it), what
it holds unchanged is not touched, and all happens in one transaction. Knows nothing of search indexes:
whoever imports products rebuilds theirs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from chatbot.importers.columns import check_columns
from chatbot.importers.identity import identity_mapping
from chatbot.importers.kinds import targets
from chatbot.importers.mapping import Kind, TableMapping, load_mapping
from chatbot.importers.records import Assembler, Record
from chatbot.importers.tables import Table, from_rows, open_table
from chatbot.importers.write import staging
from configs.errors import ConfigError, InputError, RowError

__all__ = [
    "Progress",
    "Report",
    "TableMapping",
    "import_file",
    "import_rows",
    "load_mapping",
    "pages_from_table",
]

Progress = Callable[[str, int], None]
"""Told what is being done ("reading" rows, "staging" records, "writing") and how many are done."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did.

    ``read`` rows were found; of these ``skipped`` were left out by the mapping (by reason) and
    ``rejected_count`` could not be used (``rejected`` holds the first 1,000). The rest made records:
    ``added``, ``changed``, ``unchanged``; ``removed`` records were in the database but not in the file.
    """

    kind: str
    source: str
    read: int
    added: int
    changed: int
    unchanged: int
    removed: int
    rejected: tuple[RowError, ...]
    rejected_count: int
    skipped: Mapping[str, int]
    notes: tuple[str, ...]
    seconds: float


def import_file(
    db: sa.Engine,
    kind: Kind,
    path: Path,
    mapping: TableMapping | None = None,
    *,
    strict: bool = False,
    prune: bool = True,
    source: str | None = None,
    currency: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Make the database agree with a file.

    Without a mapping the file's columns have the names of the fields. ``source`` names the data's origin
    (the mapping's, else the file's name); ``currency`` is for rows that name none.

    Raises:
        RowError: with ``strict``, the first row that cannot be used; nothing was changed.
        InputError: the file cannot be read, or lacks a column; nothing was changed.
        ConfigError: the mapping is for another kind of table, or is wrong in itself.
    """
    given = mapping or TableMapping(kind=kind, fields={})
    table = open_table(path, delimiter=given.delimiter, encoding=given.encoding)
    return _run(
        db,
        kind,
        table,
        mapping,
        source=source or given.source or path.name,
        strict=strict,
        prune=prune,
        currency=currency,
        progress=progress,
    )


def import_rows(
    db: sa.Engine,
    kind: Kind,
    rows: Iterable[Mapping[str, Any]],
    mapping: TableMapping | None = None,
    *,
    source: str,
    strict: bool = False,
    prune: bool = True,
    currency: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """``import_file`` for rows that are in memory already."""
    return _run(
        db,
        kind,
        from_rows(source, rows),
        mapping,
        source=source,
        strict=strict,
        prune=prune,
        currency=currency,
        progress=progress,
    )


def pages_from_table(path: Path, mapping: TableMapping | None = None) -> Iterator[tuple[str, str, str]]:
    """The pages of a content-management export: identifier, title, HTML.

    Raises:
        RowError: a row has no identifier, title or text, or an identifier twice.
        InputError: the file cannot be read, or lacks a column.
    """
    given = mapping or TableMapping(kind="pages", fields={})
    table = open_table(path, delimiter=given.delimiter, encoding=given.encoding)
    for record in _assemble(_assembler("pages", table, mapping, strict=True, currency=None), table, None):
        yield record.values["identifier"], record.values["title"], record.values["html"]


def _run(
    db: sa.Engine,
    kind: Kind,
    table: Table,
    mapping: TableMapping | None,
    *,
    source: str,
    strict: bool,
    prune: bool,
    currency: str | None,
    progress: Progress | None,
) -> Report:
    started = time.perf_counter()
    if len(source) > 200:
        raise InputError(f"the source's name has {len(source)} characters", expected="at most 200")
    if kind == "pages":
        raise ConfigError("pages do not go into the database", hint="kefu ingest docs FILE --mapping NAME")
    assembler = _assembler(kind, table, mapping, strict=strict, currency=currency)
    tally = assembler.tally
    try:
        with staging(db, kind) as stage:
            for count in stage.add(_assemble(assembler, table, progress), source):
                if progress:
                    progress("staging", count)
            stage.keep(tally.spoilt)
            if progress:
                progress("writing", count)
            whole = prune and not tally.without_key
            changes = stage.apply(source, prune=whole)
    except (sa.exc.DataError, sa.exc.IntegrityError) as error:
        raise InputError(f"the database refuses a record of {table.name}: {error.orig}") from error
    notes = list(table.notes)
    if prune and not whole:
        notes.append(
            f"nothing was removed, because {tally.without_key} rejected rows do not show whose record they are"
        )
    if changes.taken_over:
        notes.append(f"{changes.taken_over} records came from another source before; now they are {source!r}")
    if mapping is None and (unused := sorted(table.seen - assembler.columns)):
        notes.append(f"columns that no field is called after were not used: {', '.join(unused)}")
    return Report(
        kind=kind,
        source=source,
        read=tally.read,
        added=changes.added,
        changed=changes.changed,
        unchanged=changes.unchanged,
        removed=changes.removed,
        rejected=tuple(tally.rejected),
        rejected_count=tally.rejected_count,
        skipped=dict(tally.skipped),
        notes=tuple(notes),
        seconds=time.perf_counter() - started,
    )


def _assembler(
    kind: Kind, table: Table, mapping: TableMapping | None, *, strict: bool, currency: str | None
) -> Assembler:
    if mapping is not None and mapping.kind != kind:
        raise ConfigError(f"the mapping is for {mapping.kind}", expected=f"a mapping for {kind}")
    of_kind = targets(kind, mapping.timezone if mapping else "UTC", currency)
    mapping = mapping or identity_mapping(kind, table.columns, of_kind)
    check_columns(table.name, table.columns, mapping)
    return Assembler(mapping, of_kind, table, strict=strict)


def _assemble(assembler: Assembler, table: Table, progress: Progress | None) -> Iterator[Record]:
    for batch in table.batches:
        yield from assembler.feed(batch)
        if progress:
            progress("reading", assembler.tally.read)
    yield from assembler.finish()
