"""Reads support logs from tables, one exchange or one turn a row.

The columns of a few public sets are known; others are named by the caller. Does not clean.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from configs.errors import InputError
from finetune.formats import Columns, Record, Rejected, attempt, conversation_of, moment
from finetune.logs import Conversation

KNOWN = (
    Columns(customer="instruction", agent="response", intent="intent"),  # bitext
    Columns(customer="question", agent="answer"),
    Columns(customer="prompt", agent="response"),
)
_START = datetime.min.replace(tzinfo=UTC)


def read_table(path: Path, columns: Columns | None = None) -> Iterator[Conversation | Rejected]:
    """The conversations of a CSV file, or of one with tabs.

    Raises:
        InputError: a column is missing, or none is known to hold what was said.
    """
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with path.open(encoding="utf-8-sig", newline="") as file:
        present = next(csv.reader(file, delimiter=delimiter), [])
        chosen = columns or next(
            (known for known in KNOWN if {known.customer, known.agent} <= {*present}), None
        )
        if chosen is None:
            raise InputError(
                f"{path} has the columns {', '.join(present) or 'none'}",
                expected="columns that hold what customer and agent said",
                hint="name them, for example --columns customer=question,agent=answer",
            )
        _check(path, chosen, present)
        rows = enumerate(csv.DictReader(file, present, delimiter=delimiter), 2)
        yield from _grouped(path, rows, chosen) if chosen.conversation else _single(path, rows, chosen)


def _check(path: Path, columns: Columns, present: Sequence[str]) -> None:
    named = [getattr(columns, name) for name in Columns.__slots__]
    missing = [name for name in named if name and name not in present]
    if missing:
        raise InputError(f"{path} has no column {missing[0]!r}", expected=f"one of {', '.join(present)}")
    if not (columns.customer and columns.agent) and not (
        columns.role and columns.text and columns.conversation
    ):
        raise InputError(
            f"{path}: which columns hold what was said is not named",
            expected="customer and agent; or conversation, role and text",
        )


def _single(
    path: Path, rows: Iterable[tuple[int, Record]], columns: Columns
) -> Iterator[Conversation | Rejected]:
    for number, row in rows:
        yield attempt(f"{path.name}:{number}", partial(_exchange, row, columns))


def _exchange(row: Record, columns: Columns) -> Conversation:
    said = [("customer", row[columns.customer]), ("agent", row[columns.agent])]
    if not all(text and text.strip() for _, text in said):
        raise ValueError("an empty question or answer")
    return conversation_of(_facts(row, columns), said)


def _grouped(
    path: Path, rows: Iterable[tuple[int, Record]], columns: Columns
) -> Iterator[Conversation | Rejected]:
    """A conversation of all its rows, wherever in the file they stand."""
    groups: dict[str, list[tuple[int, Record]]] = {}
    for number, row in rows:
        groups.setdefault(str(row[columns.conversation]), []).append((number, row))
    for key, group in groups.items():
        yield attempt(f"{path.name}:{group[0][0]}", partial(_together, key, group, columns))


def _together(key: str, group: Sequence[tuple[int, Record]], columns: Columns) -> Conversation:
    if columns.at:
        group = sorted(group, key=lambda pair: moment(pair[1][columns.at]) or _START)
    said: list[tuple[object, object]] = []
    for _, row in group:
        if columns.role:
            said.append((row[columns.role], row[columns.text]))
        else:
            said += [("customer", row[columns.customer]), ("agent", row[columns.agent])]
    return conversation_of({**_facts(group[0][1], columns), "id": key}, said)


def _facts(row: Record, columns: Columns) -> dict[str, Any]:
    return {
        "customer": row.get(columns.person),
        "started_at": row.get(columns.at),
        "intent": row.get(columns.intent),
        "consent": row.get(columns.consent),
    }
