"""Reading tables: encodings, delimiters, broken rows, Parquet."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.importers.tables import Table, open_table
from configs.errors import InputError, RowError


def rows(table: Table) -> tuple[list[tuple[int, dict[str, Any]]], list[RowError]]:
    read: list[tuple[int, dict[str, Any]]] = []
    broken: list[RowError] = []
    for batch in table.batches:
        broken += batch.broken
        for place, line in enumerate(batch.lines):
            read.append((line, {name: cells[place] for name, cells in batch.columns.items()}))
    return read, broken


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        ("cp1252", ["t.csv is not UTF-8: read as cp1252"]),
        ("utf-16", ["t.csv is not UTF-8: read as utf-16"]),
    ],
)
def test_encodings_are_found_and_told(tmp_path: Path, encoding: str, note: list[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("sku;name\r\nA;Käse für 5 €\r\n".encode(encoding))
    table = open_table(path)
    assert rows(table) == ([(2, {"sku": "A", "name": "Käse für 5 €"})], [])
    assert table.notes == note


def test_bytes_that_windows_does_not_know_are_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"sku,name\nA,caf\xe9\x81\n")
    table = open_table(path)
    assert rows(table)[0] == [(2, {"sku": "A", "name": "caf\xe9\x81"})]
    assert table.notes == ["t.csv is not UTF-8: read as latin-1"]


def test_a_character_cut_off_at_the_end_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("sku\né".encode()[:-1])
    assert open_table(path).notes == ["t.csv is not UTF-8: read as cp1252"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'sku{delimiter}name\nA{delimiter}"one{delimiter}two"\n')
    assert rows(open_table(path))[0] == [(2, {"sku": "A", "name": f"one{delimiter}two"})]


_cell = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.tuples(_cell, _cell), max_size=6))
def test_any_cells_come_back_with_the_line_that_they_begin_on(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["a", "b"])
    starts = []
    for row in cells:
        starts.append(_lines(text.getvalue()) + 1)
        writer.writerow(row)
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(text.getvalue().encode())
    read, broken = rows(open_table(path))
    assert read == [(line, {"a": a, "b": b}) for line, (a, b) in zip(starts, cells, strict=True)]
    assert broken == []


def _lines(text: str) -> int:
    """Lines as an editor counts them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def test_rows_of_the_wrong_width_are_told(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sku,name\nA,Cup,blue\nB\nC,Mug\n")
    read, broken = rows(open_table(path))
    assert read == [(4, {"sku": "C", "name": "Mug"})]
    assert [str(error) for error in broken] == [
        "t.csv:2: column '3 cells' has 'A,Cup,blue'. Expected: 2 cells, as in the header.",
        "t.csv:3: column '1 cells' has 'B'. Expected: 2 cells, as in the header.",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "the first line of t.csv is empty"),
        ("t.csv", b"sku,name,sku\n", "naming 'sku' twice"),
        ("t.csv", b"sku\0\0\0", "t.csv is a binary file"),
        ("t.xlsx", b"PK", "ends in '.xlsx'"),
        ("t.parquet", b"PAR0", "t.parquet is no Parquet file"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_table(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        open_table(tmp_path / "nothing.csv")


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_wrong_encoding_is_told_with_its_place(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b'{"a":\n' + b"x" * 10_000 + b"\n\xff\n")
    with pytest.raises(InputError, match=rf"{name}.*cannot be read"):
        rows(open_table(path, encoding="utf-8"))


def test_json_lines_that_are_no_objects_are_told(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"sku": "A", "new": true}\n{"sku"\n[]\n' + "[" * 100_000 + "\n")
    read, broken = rows(open_table(path))
    assert read == [(1, {"sku": "A", "new": "true"})]
    assert [error.line for error in broken] == [2, 3, 4]


def test_parquet_columns_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"sku": ["A", "B"], "stock": [1, None]}), path)
    table = open_table(path)
    assert table.columns == ["sku", "stock"]
    assert rows(table)[0] == [(1, {"sku": "A", "stock": 1}), (2, {"sku": "B", "stock": None})]


def test_large_tables_come_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.importers.tables.BATCH", 10)
    path = tmp_path / "t.csv"
    path.write_text("n\n" + "\n".join(str(n) for n in range(25)))
    assert [len(batch.lines) for batch in open_table(path).batches] == [10, 10, 5]
