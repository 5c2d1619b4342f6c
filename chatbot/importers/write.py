"""Brings records into the database: stages them, compares, and changes what differs in one short transaction.

Staging tables are temporary, so the shop's tables are locked only while the differences are applied; a running
server keeps answering and storing. A record whose content and source are as before is not touched. Does not
know where records come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from chatbot import shop_tables as t
from chatbot.importers.records import Record
from configs.errors import InputError

_TABLES: dict[str, tuple[sa.Table, sa.Table | None]] = {
    "products": (t.products, t.variants),
    "customers": (t.customers, None),
    "orders": (t.orders, t.order_lines),
    "purchases": (t.purchases, None),
    "rates": (t.rates, None),
}
_ROWS_A_TIME = 5000


@dataclass(frozen=True, slots=True)
class Changes:
    added: int
    changed: int
    unchanged: int
    removed: int
    taken_over: int
    """Of the changed ones: those that came from another source before."""


class Staging:
    """The temporary tables of one import."""

    def __init__(self, connection: sa.Connection, kind: str) -> None:
        self._connection = connection
        self._target, self._child_target = _TABLES[kind]
        temporary = sa.MetaData()
        self._stage = _copy(self._target, temporary)
        self._child_stage = None if self._child_target is None else _copy(self._child_target, temporary)
        self._spoilt = sa.Table(
            "stage_spoilt", temporary, sa.Column("key", t.products.c.key.type), prefixes=["TEMPORARY"]
        )
        self._temporary = temporary

    def create(self) -> None:
        with self._connection.begin():
            self._temporary.create_all(self._connection, checkfirst=False)

    def drop(self) -> None:
        with self._connection.begin():
            self._temporary.drop_all(self._connection, checkfirst=False)

    def add(self, records: Iterable[Record], source: str) -> Iterator[int]:
        """Stage the records; yields the count so far, now and then."""
        rows: list[dict[str, Any]] = []
        children: list[dict[str, Any]] = []
        count = 0
        for record in records:
            record.values.update(key=record.key, source=source, digest=record.digest)
            rows.append(record.values)
            for child in record.children:
                child["parent_key"] = record.key
            children += record.children
            count += 1
            if len(rows) + len(children) >= _ROWS_A_TIME:
                self._flush(rows, children)
                yield count
        self._flush(rows, children)
        yield count

    def _flush(self, rows: list[dict[str, Any]], children: list[dict[str, Any]]) -> None:
        with self._connection.begin():
            if rows:
                self._connection.execute(self._stage.insert(), rows)
            if children and self._child_stage is not None:
                self._connection.execute(self._child_stage.insert(), children)
        rows.clear()
        children.clear()

    def keep(self, keys: Iterable[str]) -> None:
        """Records that must not be removed although they are not staged."""
        rows = [{"key": key} for key in keys]
        if rows:
            with self._connection.begin():
                self._connection.execute(self._spoilt.insert(), rows)

    def apply(self, source: str, *, prune: bool) -> Changes:
        """Make the database hold what is staged, in one transaction.

        Raises:
            InputError: nothing is staged although the source has records, or a variant belongs to two products.
        """
        target, stage = self._target, self._stage
        same_source = stage.c.source == target.c.source
        same = sa.and_(same_source, stage.c.digest == target.c.digest)
        comparison = sa.select(
            sa.func.count(),
            sa.func.count(target.c.key),
            sa.func.count(sa.case((same, 1))),
            sa.func.count(sa.case((~same_source, 1))),
        ).select_from(stage.outerjoin(target, stage.c.key == target.c.key))
        self._connection.execution_options(sqlite_begin="IMMEDIATE")
        with self._connection.begin():
            staged, known, unchanged, taken_over = self._connection.execute(comparison).one()
            removed = self._prune(source, staged) if prune else 0
            if unchanged < staged:
                self._replace(sa.exists().where(stage.c.key == target.c.key, same))
        return Changes(staged - known, known - unchanged, unchanged, removed, taken_over)

    def _prune(self, source: str, staged: int) -> int:
        target = self._target
        gone = (
            target.delete()
            .where(target.c.source == source)
            .where(target.c.key.not_in(sa.select(self._stage.c.key)))
            .where(target.c.key.not_in(sa.select(self._spoilt.c.key)))
        )
        removed = self._connection.execute(gone).rowcount
        if removed and not staged:
            raise InputError(
                f"the import would remove all {removed} {target.name} of source {source!r} and add none",
                expected="a file with at least one usable row",
                hint="check the file; to import without removing, use --keep",
            )
        return removed

    def _replace(self, unchanged: sa.Exists) -> None:
        """Put the staged records that differ in place of the old ones."""
        connection, target, stage = self._connection, self._target, self._stage
        connection.execute(stage.delete().where(unchanged))
        connection.execute(target.delete().where(target.c.key.in_(sa.select(stage.c.key))))
        columns = [column.name for column in target.c]
        connection.execute(
            target.insert().from_select(columns, sa.select(*(stage.c[name] for name in columns)))
        )
        child, child_stage = self._child_target, self._child_stage
        if child is None or child_stage is None:
            return
        rows = sa.select(*(child_stage.c[column.name] for column in child.c)).where(
            child_stage.c.parent_key.in_(sa.select(stage.c.key))
        )
        if child is t.variants:
            self._refuse_shared_variants(child_stage)
        connection.execute(child.insert().from_select([column.name for column in child.c], rows))

    def _refuse_shared_variants(self, staged: sa.Table) -> None:
        shared = sa.select(staged.c.sku, staged.c.parent_key, t.variants.c.parent_key).join(
            t.variants, t.variants.c.key == staged.c.key
        )
        found = self._connection.execute(
            shared.where(staged.c.parent_key.in_(sa.select(self._stage.c.key)))
        ).first()
        if found:
            raise InputError(
                f"the variant {found[0]!r} belongs to the products {found[1]!r} and {found[2]!r}",
                expected="each variant's sku once in the shop",
            )


def _copy(table: sa.Table, metadata: sa.MetaData) -> sa.Table:
    """The same columns without constraints, so that nothing but the comparison can fail."""
    columns = [sa.Column(column.name, column.type) for column in table.c]
    return sa.Table(f"stage_{table.name}", metadata, *columns, prefixes=["TEMPORARY"])


@contextmanager
def staging(db: sa.Engine, kind: str) -> Iterator[Staging]:
    """Staging tables on a connection of their own; gone when the block ends."""
    with db.connect() as connection:
        stage = Staging(connection, kind)
        stage.create()
        try:
            yield stage
        finally:
            stage.drop()
