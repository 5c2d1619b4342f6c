"""Applies a mapping to batches of columns: which rows are left out, and each field's values with what is wrong.

Works column by column and remembers each distinct value, which is what makes large tables quick. Does not know
how rows become records.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from chatbot.importers import fields
from chatbot.importers.fields import Target
from chatbot.importers.mapping import Condition, Source, TableMapping
from chatbot.importers.tables import Batch
from chatbot.importers.transforms import UnreadableError, build
from configs.errors import ConfigError, InputError

_REMEMBERED = 50_000
_MISSING = "a value"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell that cannot be read."""

    column: str
    value: Any
    expected: str


class _Memo(dict[Any, Any]):
    """The results of ``read`` by value. Forgets everything when it has grown large."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, value: Any) -> Any:
        if len(self) >= _REMEMBERED:
            self.clear()
        result = self[value] = self._read(value)
        return result

    def all(self, values: Sequence[Any]) -> list[Any]:
        try:
            return [self[value] for value in values]
        except TypeError:  # lists and objects of JSON cannot be remembered
            return [self._read(value) for value in values]


class Test:
    """One condition, ready to run."""

    def __init__(self, condition: Condition) -> None:
        self.column = condition.column
        self._memo = _Memo(_tester(condition))

    def rows(self, batch: Batch) -> list[bool]:
        return self._memo.all(_cells(batch, self.column))


def holds(tests: Sequence[Test], batch: Batch) -> list[bool]:
    """For each row, whether all tests hold."""
    found = [test.rows(batch) for test in tests]
    return [all(row) for row in zip(*found, strict=True)] if found else [True] * len(batch.lines)


def _tester(condition: Condition) -> Callable[[Any], bool]:
    if condition.matches is not None:
        pattern = re.compile(condition.matches)
        return lambda value: pattern.search(fields.text(value) or "") is not None
    if condition.empty is not None:
        return lambda value: (fields.text(value) is None) == condition.empty
    if condition.below is not None:
        limit = Decimal(str(condition.below))
        return lambda value: (number := _number(value)) is not None and number < limit
    wanted = str(condition.equals)
    number = _number(condition.equals)
    return lambda value: fields.text(value) == wanted or (number is not None and _number(value) == number)


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(fields.text(value) or "")
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


class Reader:
    """One field's source, ready to run: ``read`` gives a batch's values, ``Wrong`` where a cell is unreadable."""

    def __init__(self, name: str, source: Source, target: Target, zone: str) -> None:
        self.name = name
        self.pick = source.pick
        self._source = source
        self._required = target.required
        self._default = target.default
        self._steps = [build(step) for step in source.transforms]
        self._parse = fields.time(zone, source.format) if source.format else target.parse
        self._tests = [Test(condition) for condition in source.when]
        self._memo = _Memo(self._one)
        if source.default is not None:
            self._default = self._constant(source.default)
        self._value = self._constant(source.value) if source.value is not None else None

    def read(self, batch: Batch) -> tuple[list[Any], list[int]]:
        """The values and the places of those that are ``Wrong``."""
        count = len(batch.lines)
        if self._source.column is None:
            values = [self._value] * count
        else:
            values = self._memo.all(_cells(batch, self._source.column))
        if self._tests:
            held = holds(self._tests, batch)
            values = [value if hold else None for value, hold in zip(values, held, strict=True)]
        if self._default is not None:
            values = [self._default if value is None else value for value in values]
        if self._required:
            wrong = Wrong(self._source.column or self.name, None, f"{_MISSING} for {self.name}")
            values = [wrong if value is None else value for value in values]
        return values, [place for place, value in enumerate(values) if type(value) is Wrong]

    def _one(self, value: Any) -> Any:
        try:
            return self._readable(value)
        except UnreadableError as error:
            return Wrong(self._source.column or self.name, value, error.expected)

    def _readable(self, value: Any) -> Any:
        if self._steps or self._source.part is not None:
            found = fields.text(value)
            if found is not None and self._source.part is not None:
                found = _part(found, self._source.part)
            for step in self._steps:
                if found is None:
                    return None
                found = step(found)
            value = found
        return self._parse(value)

    def _constant(self, value: Any) -> Any:
        try:
            return self._parse("yes" if value is True else "no" if value is False else value)
        except UnreadableError as error:
            raise ConfigError(
                f"the mapping gives {self.name!r} the constant {value!r}", expected=error.expected
            ) from error


def _part(cell: str, name: str) -> str | None:
    """The value of ``name`` in ``name=value,name=value``."""
    for pair in cell.split(","):
        found, equals, value = pair.partition("=")
        if equals and found.strip() == name:
            return value.strip() or None
    return None


def _cells(batch: Batch, column: str) -> Sequence[Any]:
    cells = batch.columns.get(column)
    return [None] * len(batch.lines) if cells is None else cells


def check_columns(table: str, present: Sequence[str] | None, mapping: TableMapping) -> None:
    """Every column that the mapping names must be there, unless it is optional.

    Raises:
        InputError: one is missing; the message suggests the nearest.
    """
    if present is None:
        return
    for column in mapping.columns(optional=False):
        if column not in present:
            close = difflib.get_close_matches(column, present, n=1)
            raise InputError(
                f"{table} has no column {column!r}, which the mapping names",
                expected=f"one of its columns {', '.join(present)}",
                hint=f"did you mean {close[0]!r}?"
                if close
                else "correct the mapping, or mark it optional: true",
            )
