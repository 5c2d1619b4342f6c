"""Reads CSV, JSON lines and Parquet in batches of columns. Does not know what the columns mean.

The encoding of a CSV or JSON-lines file is found by reading it: UTF-8 (with or without a mark), UTF-16 with a
mark, else Windows-1252, else Latin-1; anything but UTF-8 is reported. The delimiter is the one that splits the header best.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from configs.errors import InputError, RowError

BATCH = 20_000
_LONGEST_CELL = 10_000_000
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as columns. ``lines`` are the rows' places in the file; ``broken`` rows could not be split at all."""

    lines: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    broken: Sequence[RowError] = ()


@dataclass(slots=True)
class Table:
    """``columns`` is None where each row brings its own (JSON lines); ``seen`` are the names that occurred."""

    name: str
    columns: Sequence[str] | None
    batches: Iterator[Batch]
    notes: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


def open_table(path: Path, *, delimiter: str | None = None, encoding: str | None = None) -> Table:
    """Open a table by its file's ending.

    Raises:
        InputError: there is no such file, or it is none of CSV, JSON lines and Parquet.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    kind = path.suffix.lower()
    if kind == ".parquet":
        return _open_parquet(path)
    if kind not in (".csv", ".tsv", ".txt", ".jsonl", ".ndjson"):
        raise InputError(
            f"{path.name} ends in {kind or 'nothing'!r}",
            expected=".csv, .tsv, .txt, .jsonl, .ndjson or .parquet",
            hint="export the table as CSV",
        )
    notes: list[str] = []
    if encoding is None:
        encoding = _find_encoding(path)
        if not encoding.startswith("utf-8"):
            notes.append(f"{path.name} is not UTF-8: read as {encoding}")
    if kind in (".jsonl", ".ndjson"):
        return _open_json_lines(path, encoding, notes)
    return _open_csv(path, encoding, delimiter, notes)


def from_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> Table:
    """A table of rows that are in memory; their place is their number, from 1."""
    table = Table(name, None, iter(()))
    table.batches = _of_objects(enumerate(rows, start=1), [], table.seen)
    return table


def _find_encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return name
        if b"\0" in head:
            raise InputError(f"{path.name} is a binary file", expected="text", hint="export the table as CSV")
        utf8 = codecs.getincrementaldecoder("utf-8")()
        cp1252 = codecs.getincrementaldecoder("cp1252")()
        candidates = {"utf-8": utf8, "cp1252": cp1252}
        file.seek(0)
        while block := file.read(1 << 20):
            for name, decoder in list(candidates.items()):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    del candidates[name]
        if "utf-8" in candidates:
            try:
                utf8.decode(b"", final=True)
            except UnicodeDecodeError:  # the last character is cut off
                del candidates["utf-8"]
    return next(iter(candidates), "latin-1")


def _open_csv(path: Path, encoding: str, delimiter: str | None, notes: list[str]) -> Table:
    csv.field_size_limit(_LONGEST_CELL)
    delimiter = delimiter or _find_delimiter(path, encoding)
    try:
        with path.open(encoding=encoding, newline="") as file:
            header = next(csv.reader(file, delimiter=delimiter), [])
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError(f"{path.name} cannot be read as {encoding}: {error}") from error
    columns = [name.strip().lstrip("\ufeff") for name in header]
    twice = sorted({name for name in columns if columns.count(name) > 1 and name})
    if not any(columns) or twice:
        raise InputError(
            f"the first line of {path.name} is {'empty' if not any(columns) else f'naming {twice[0]!r} twice'}",
            expected="a header with each column's name once",
        )
    batches = _csv_batches(path, encoding, delimiter, columns)
    return Table(path.name, columns, batches, notes, set(columns))


def _find_delimiter(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, newline="", errors="replace") as file:
        head = file.readline()
    widths = {mark: len(next(csv.reader([head], delimiter=mark), [])) for mark in ",;\t|"}
    return max(widths, key=lambda mark: widths[mark])


def _csv_batches(path: Path, encoding: str, delimiter: str, columns: Sequence[str]) -> Iterator[Batch]:
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        next(reader)
        start = reader.line_num + 1
        done = False
        while not done:
            rows: list[list[str]] = []
            lines: list[int] = []
            broken: list[RowError] = []
            while len(rows) + len(broken) < BATCH:
                try:
                    row = next(reader, None)
                except (csv.Error, UnicodeDecodeError) as error:
                    raise InputError(f"{path.name}:{start}: the file cannot be read on: {error}") from error
                if row is None:
                    done = True
                    break
                if len(row) == len(columns):
                    rows.append(row)
                    lines.append(start)
                elif row:  # a blank line is no row
                    broken.append(
                        RowError(
                            file=path.name,
                            line=start,
                            column=f"{len(row)} cells",
                            value=delimiter.join(row),
                            expected=f"{len(columns)} cells, as in the header",
                        )
                    )
                start = reader.line_num + 1
            if rows or broken:
                cells = zip(*rows, strict=True) if rows else [()] * len(columns)
                yield Batch(lines, dict(zip(columns, cells, strict=True)), broken)


def _open_json_lines(path: Path, encoding: str, notes: list[str]) -> Table:
    table = Table(path.name, None, iter(()), notes)
    broken: list[RowError] = []
    table.batches = _of_objects(_json_objects(path, encoding, broken), broken, table.seen)
    return table


def _json_objects(
    path: Path, encoding: str, broken: list[RowError]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding=encoding) as file:
        for number, line in _numbered(file, path.name):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                expected = f"one JSON object a line ({error})"
                broken.append(
                    RowError(file=path.name, line=number, column="", value=line.rstrip(), expected=expected)
                )
                continue
            if isinstance(row, dict):
                yield number, row
            else:
                broken.append(
                    RowError(file=path.name, line=number, column="", value=row, expected="a JSON object")
                )


def _numbered(file: TextIO, name: str) -> Iterator[tuple[int, str]]:
    number = 0
    while True:
        number += 1
        try:
            line = file.readline()
        except UnicodeDecodeError as error:
            raise InputError(f"{name}:{number}: the file cannot be read on: {error}") from error
        if not line:
            return
        yield number, line


def _of_objects(
    rows: Iterator[tuple[int, Mapping[str, Any]]], broken: list[RowError], seen: set[str]
) -> Iterator[Batch]:
    while True:
        taken = list(islice(rows, BATCH))
        found = list(broken)
        broken.clear()
        if not taken and not found:
            return
        names = {name for _, row in taken for name in row}
        seen |= names
        # JSON's true equals 1 in Python: as text, the two cannot be mistaken for one another.
        columns = {name: [_unboolean(row.get(name)) for _, row in taken] for name in names}
        yield Batch([number for number, _ in taken], columns, found)


def _unboolean(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _open_parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path.name} is no Parquet file: {error}") from error
    columns = list(file.schema_arrow.names)
    return Table(path.name, columns, _parquet_batches(file), seen=set(columns))


def _parquet_batches(file: Any) -> Iterator[Batch]:
    first = 1
    with file:
        for batch in file.iter_batches(batch_size=BATCH):
            yield Batch(range(first, first + batch.num_rows), _Columns(batch))
            first += batch.num_rows


class _Columns(Mapping[str, Sequence[Any]]):
    """A Parquet batch whose columns become Python values when somebody asks for them."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getitem__(self, name: str) -> Sequence[Any]:
        values: list[Any] = self._batch.column(name).to_pylist()
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self._batch.schema.names)

    def __len__(self) -> int:
        return int(self._batch.num_columns)
