"""Questions about shops that are not ours; what a right reply contains is looked up in their data when it is needed.

So none of their texts stands in the project: a case holds our question and says where the fact is to be found.
Knows tables of CSV and Parquet, and no bot.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs.errors import InputError
from eval.golden import Case, Entry, Say
from eval.match import says_one

if TYPE_CHECKING:
    import pandas as pd


class Lookup(BaseModel):
    """One fact of a table.

    ``where`` compares cells as text (a value that ends in ``*`` is a beginning). ``column`` is the cell,
    ``product_of`` the columns whose product is summed over the rows; ``part`` is the value of ``part=value``
    within a cell. ``format``: ``text``, ``number``, ``money`` and ``day`` take the first row; ``any`` makes the
    values of all rows alternatives; ``each`` asks for all of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    where: Mapping[str, str] = Field(min_length=1)
    column: str | None = None
    product_of: tuple[str, ...] = ()
    part: str | None = None
    format: Literal["text", "number", "money", "day", "any", "each"] = "text"


class RealSay(Say):
    say: str = Field(min_length=1)
    must_from: tuple[Lookup | tuple[Lookup, ...], ...] = ()
    """Facts to be met; several in one entry are alternatives."""
    must_not_from: tuple[Lookup, ...] = ()
    stands_in: Lookup | None = None
    """The cell in which the figures of ``must`` stand; checked before anything is asked."""


class RealCase(BaseModel):
    """``names`` fill the ``{…}`` of the questions; ``customer_from`` finds the signed-in customer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    category: str
    names: Mapping[str, Lookup] = Field(default_factory=dict)
    customer_from: Lookup | None = None
    answerable: bool = True
    turns: tuple[RealSay, ...] = Field(min_length=1)


def load_real_cases(file: Path) -> list[RealCase]:
    """The cases of one shop.

    Raises:
        InputError: a case is malformed.
    """
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    try:
        return [RealCase.model_validate(item) for item in data]
    except ValidationError as error:
        raise InputError(f"{file}: {error}", hint="see eval/cases/README.md") from None


def resolve(case: RealCase, data: Path) -> Case:
    """The case with all facts looked up under ``data``.

    Raises:
        InputError: a fact is not where the case says.
    """
    names = {name: str(_one(found, data)) for name, found in case.names.items()}
    turns = []
    for say in case.turns:
        must: list[str | list[str]] = list(say.must)
        if say.stands_in is not None:
            _check_stands(case.id, say.must, str(_one(say.stands_in, data)))
        for entry in say.must_from:
            must += _entries(entry, data)
        must_not = [*say.must_not, *(value for found in say.must_not_from for value in _values(found, data))]
        text = re.sub(r"\{(\w+)\}", lambda match: names[match[1]], say.say)
        turns.append({"say": text, "must": must, "must_not": must_not, "kind": say.kind})
    customer = str(_one(case.customer_from, data)) if case.customer_from else None
    return Case.model_validate(
        {
            "id": case.id, "category": case.category, "split": "test", "customer": customer,
            "answerable": case.answerable, "turns": turns,
        }
    )  # fmt: skip


def _check_stands(name: str, must: tuple[Entry, ...], cell: str) -> None:
    for entry in must:
        if not says_one(entry, cell):
            raise InputError(f"case {name}: {entry!r} does not stand in the data", hint="correct the case")


def _entries(entry: Lookup | tuple[Lookup, ...], data: Path) -> list[str | list[str]]:
    if isinstance(entry, tuple):
        return [[_one(lookup, data) for lookup in entry]]
    if entry.format == "any":
        return [_values(entry, data)]
    if entry.format == "each":
        return list(_values(entry, data))
    return [_one(entry, data)]


def _one(lookup: Lookup, data: Path) -> str:
    """The looked-up fact as an entry of a case."""
    if lookup.product_of:
        rows = _rows(lookup, data)
        total = sum(
            (_product([Decimal(str(row[name])) for name in lookup.product_of]) for row in rows), Decimal(0)
        )
        return f"{abs(total):.2f}"
    value = _values(lookup, data)[0]
    if lookup.format == "money":
        return f"{abs(Decimal(value)):.2f}"
    if lookup.format == "day":
        return f"date:{value[:10]}"
    return value


def _product(factors: list[Decimal]) -> Decimal:
    result = Decimal(1)
    for factor in factors:
        result *= factor
    return result


def _values(lookup: Lookup, data: Path) -> list[str]:
    """The distinct values of the cell over all rows, in order."""
    if lookup.column is None:
        raise InputError(f"a look-up in {lookup.file} names no column", expected="column or product_of")
    found = [_plain(row[lookup.column], lookup.part) for row in _rows(lookup, data)]
    distinct = [value for value in dict.fromkeys(found) if value]
    if not distinct:
        raise InputError(f"{lookup.file} has nothing in {lookup.column} where {dict(lookup.where)}")
    return distinct


def _plain(value: Any, part: str | None) -> str:
    """A cell as text: no HTML, no ``.0`` of a whole number that was read as a float."""
    if isinstance(value, float):
        return "" if value != value else str(int(value)) if value.is_integer() else str(value)
    text = html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", str(value), flags=re.DOTALL))
    if part is not None:
        found = re.search(rf"(?:^|,){re.escape(part)}=([^,]*)", text)
        return found[1] if found else ""
    return " ".join(text.split())


def _rows(lookup: Lookup, data: Path) -> list[dict[str, Any]]:
    kept = _table(str(data / lookup.file))
    for column, wanted in lookup.where.items():
        if column not in kept:
            raise InputError(f"{lookup.file} has no column {column!r}", expected=", ".join(kept.columns))
        cells = kept[column].astype(str).str.removesuffix(".0")
        kept = kept[cells.str.startswith(wanted[:-1]) if wanted.endswith("*") else cells == wanted]
    rows = [{str(name): cell for name, cell in row.items()} for row in kept.to_dict("records")]
    if not rows:
        raise InputError(f"{lookup.file} has no row where {dict(lookup.where)}")
    return rows


@lru_cache(maxsize=16)
def _table(path: str) -> pd.DataFrame:
    import pandas as pd

    if path.endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, dtype=str, keep_default_na=False)
