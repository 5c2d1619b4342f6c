"""Makes records of rows: one product, customer, order, purchase or rate each, with its variants or lines.

A row that cannot be used is kept as a ``RowError`` and counted, a row that a mapping leaves out is counted under
its reason; nothing disappears silently. An order of which one row is unusable is left out whole, because a
part of it would have a wrong total. Does not know the database.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatbot.importers.columns import Reader, Test, Wrong, holds
from chatbot.importers.fields import Target, text
from chatbot.importers.kinds import LINE, VARIANT
from chatbot.importers.mapping import TableMapping
from chatbot.importers.shapes import COMPLETE, IDENTITY, digest_of, key_of
from chatbot.importers.tables import Batch, Table
from chatbot.importers.transforms import UnreadableError
from configs.errors import ConfigError, RowError

KEPT_ERRORS = 1000
_SPOILT = "another row of the same order was rejected"


@dataclass(frozen=True, slots=True)
class Record:
    """``values`` and ``children`` are rows of the tables, without the columns that say where they came from."""

    key: str
    digest: str
    values: dict[str, Any]
    children: list[dict[str, Any]]


@dataclass(slots=True)
class Tally:
    """What became of the rows. ``spoilt``: keys of unusable rows; what the database has of them stays."""

    read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: list[RowError] = field(default_factory=list)
    rejected_count: int = 0
    spoilt: set[str] = field(default_factory=set)
    without_key: int = 0


@dataclass(slots=True)
class _Row:
    line: int
    own: tuple[Any, ...] | None
    child: tuple[Any, ...] | None
    at: str


class Assembler:
    """Feed it a table's batches: it yields the records that are whole; ``finish`` yields the rest."""

    def __init__(
        self, mapping: TableMapping, targets: Mapping[str, Target], table: Table, *, strict: bool
    ) -> None:
        def readers(sources: Mapping[str, Any], of: Mapping[str, Target] | None = None) -> list[Reader]:
            default = Target(text)
            return [
                Reader(name, source, of[name] if of else default, mapping.timezone)
                for name, source in sources.items()
            ]

        self.tally = Tally()
        self._kind = mapping.kind
        self._table = table
        self._strict = strict
        self._targets = targets
        self._child_targets = LINE if mapping.lines else VARIANT
        self.columns = set(mapping.columns(optional=True))
        _check_fields(mapping.fields, targets, "fields")
        if children := mapping.lines or mapping.variants:
            _check_fields(children, self._child_targets, "lines" if mapping.lines else "variants")
        self._own = readers(mapping.fields, targets)
        self._attributes = readers(mapping.attributes)
        self._child = readers(mapping.lines or mapping.variants, self._child_targets)
        self._options = readers(mapping.options)
        self._order_by = readers({"order_by": mapping.order_by}) if mapping.order_by else []
        self._skips = [([Test(condition) for condition in skip.when], skip.reason) for skip in mapping.skip]
        self._own_rows = [Test(condition) for condition in mapping.product_rows]
        self._child_rows = [Test(condition) for condition in mapping.variant_rows]
        names = [reader.name for reader in self._own]
        self._identity = [names.index(name) if name in names else None for name in IDENTITY[self._kind]]
        self._grouped = mapping.grouped or bool(self._child) or self._kind == "purchases"
        self._groups: dict[str, list[_Row]] = {}
        self._lines: dict[str, int] = {}
        self._variants: dict[str, str] = {}

    def feed(self, batch: Batch) -> Iterator[Record]:
        tally = self.tally
        tally.read += len(batch.lines) + len(batch.broken)
        for error in batch.broken:
            self._reject(error, None)
        skipped = self._reasons(batch)
        own, own_wrong = _read([*self._own, *self._attributes], batch)
        child, child_wrong = _read([*self._child, *self._options], batch)
        is_own = holds(self._own_rows, batch)
        is_child = holds(self._child_rows, batch) if self._child else [False] * len(batch.lines)
        at = _read(self._order_by, batch)[0] if self._order_by else [("",)] * len(batch.lines)
        for place, line in enumerate(batch.lines):
            if (reason := skipped[place]) is not None:
                tally.skipped[reason] += 1
                continue
            identity = [None if column is None else own[place][column] for column in self._identity]
            unreadable = next((part for part in identity if type(part) is Wrong), None)
            if unreadable is not None:
                self._reject(self._error(line, unreadable), None)
                continue
            key = key_of(identity)
            wrong = own_wrong.get(place) if is_own[place] else None
            wrong = wrong or (child_wrong.get(place) if is_child[place] else None)
            if wrong is not None:
                self._reject(self._error(line, wrong), key)
                continue
            row = _Row(
                line,
                own[place] if is_own[place] else None,
                child[place] if is_child[place] else None,
                at[place][0] or "",
            )
            if self._grouped:
                self._groups.setdefault(key, []).append(row)
            else:
                yield from self._single(key, row)

    def finish(self) -> Iterator[Record]:
        """The records that are made of several rows."""
        for key in list(self._groups):
            rows = self._groups.pop(key)
            if self._kind == "orders" and key in self.tally.spoilt:
                self.tally.skipped[_SPOILT] += len(rows)
                continue
            if self._order_by:
                rows.sort(key=lambda row: row.at)
            yield from self._record(key, rows)

    def _single(self, key: str, row: _Row) -> Iterator[Record]:
        first = self._lines.setdefault(key, row.line)
        if first == row.line:
            yield from self._record(key, [row])
            return
        fields = " and ".join(IDENTITY[self._kind])
        wrong = Wrong(fields, key, f"each {fields} once (line {first} has it too)")
        self._reject(self._error(row.line, wrong), None, counts_as_keyless=False)

    def _record(self, key: str, rows: list[_Row]) -> Iterator[Record]:
        own = [row.own for row in rows if row.own is not None]
        values: dict[str, Any] = {name: target.default for name, target in self._targets.items()}
        children = [self._make_child(row.child) for row in rows if row.child is not None]
        try:
            if not own:
                raise UnreadableError("a row with the fields of the product itself")
            for column, reader in enumerate(self._own):
                values[reader.name] = _pick(own, column, reader, values[reader.name])
            if self._kind == "purchases":
                values["quantity"] = self._total_quantity(own)
            if self._attributes:
                found = (
                    (reader.name, _pick(own, len(self._own) + place, reader, None))
                    for place, reader in enumerate(self._attributes)
                )
                values["attributes"] = {name: value for name, value in found if value is not None}
            if self._kind in COMPLETE:
                COMPLETE[self._kind](values, children)
            if self._kind == "products":
                self._claim_variants(key, children)
        except UnreadableError as error:
            identity = IDENTITY[self._kind][0]
            self._reject(self._error(rows[0].line, Wrong(identity, key, error.expected)), key)
            if len(rows) > 1:
                self.tally.skipped["another row of the same record was rejected"] += len(rows) - 1
            return
        yield Record(key, digest_of((values, children)), values, children)

    def _claim_variants(self, key: str, children: Sequence[Mapping[str, Any]]) -> None:
        claimed = {variant["key"]: key for variant in children}
        for variant in claimed.keys() & self._variants.keys():
            raise UnreadableError(f"each variant once ({variant} belongs to {self._variants[variant]} too)")
        if len(claimed) < len(children):
            raise UnreadableError("each variant once in a product")
        self._variants.update(claimed)

    def _total_quantity(self, own: Sequence[tuple[Any, ...]]) -> int:
        column = next((place for place, reader in enumerate(self._own) if reader.name == "quantity"), None)
        return len(own) if column is None else sum(row[column] for row in own)

    def _make_child(self, cells: tuple[Any, ...]) -> dict[str, Any]:
        made = {name: target.default for name, target in self._child_targets.items()}
        count = len(self._child)
        made.update(zip((reader.name for reader in self._child), cells[:count], strict=True))
        if self._options:
            names = (reader.name for reader in self._options)
            made["options"] = {
                name: value for name, value in zip(names, cells[count:], strict=True) if value is not None
            }
        return made

    def _reasons(self, batch: Batch) -> list[str | None]:
        reasons: list[str | None] = [None] * len(batch.lines)
        for tests, reason in self._skips:
            for place, hold in enumerate(holds(tests, batch)):
                if hold and reasons[place] is None:
                    reasons[place] = reason
        return reasons

    def _error(self, line: int, wrong: Wrong) -> RowError:
        return RowError(
            file=self._table.name, line=line, column=wrong.column, value=wrong.value, expected=wrong.expected
        )

    def _reject(self, error: RowError, key: str | None, *, counts_as_keyless: bool = True) -> None:
        if self._strict:
            raise error
        self.tally.rejected_count += 1
        if len(self.tally.rejected) < KEPT_ERRORS:
            self.tally.rejected.append(error)
        if key is not None:
            self.tally.spoilt.add(key)
        else:
            self.tally.without_key += counts_as_keyless


def _read(readers: Sequence[Reader], batch: Batch) -> tuple[Sequence[tuple[Any, ...]], dict[int, Wrong]]:
    """Each row's values, and the first wrong one of each row that has any."""
    wrong: dict[int, Wrong] = {}
    columns: list[Iterable[Any]] = []
    for reader in readers:
        values, places = reader.read(batch)
        columns.append(values)
        for place in places:
            wrong.setdefault(place, values[place])
    return (list(zip(*columns, strict=True)) if columns else [()] * len(batch.lines)), wrong


def _pick(rows: Sequence[tuple[Any, ...]], column: int, reader: Reader, default: Any) -> Any:
    """The value that counts where several rows make one record; rows without a value do not count."""
    if len(rows) == 1:
        return rows[0][column]
    given = [row[column] for row in rows if row[column] is not None and row[column] != default]
    if not given:
        return rows[0][column]
    if reader.pick == "most_common":
        # Of values that are equally common, the last one.
        counts = Counter(reversed(given))
        return counts.most_common(1)[0][0]
    return given[0] if reader.pick == "first" else given[-1]


def _check_fields(sources: Mapping[str, Any], targets: Mapping[str, Target], section: str) -> None:
    for name in sources:
        if name not in targets:
            close = difflib.get_close_matches(name, targets, n=1)
            raise ConfigError(
                f"the mapping's {section} name {name!r}",
                expected=f"one of {', '.join(targets)}",
                hint=f"did you mean {close[0]}?" if close else "",
            )
    for name, target in targets.items():
        if target.required and target.default is None and name not in sources:
            hint = "; or set the shop's currency" if name == "currency" else ""
            raise ConfigError(
                f"the mapping's {section} lack {name!r}", hint=f"add it with a column or a value{hint}"
            )
