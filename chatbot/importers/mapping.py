"""A mapping says in YAML how a shop's own table becomes products, customers, orders, purchases, rates or pages.

The packaged ones are in ``configs/mappings``; ``chatbot/docs/bring-your-own-shop.md`` explains every key. Reads and checks the
YAML only; does not know any file or value.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, field_validator, model_validator

from configs.errors import ConfigError
from configs.settings import CONFIG_DIR

Kind = Literal["products", "customers", "orders", "purchases", "rates", "pages"]
MAPPINGS = CONFIG_DIR / "mappings"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("YAML reads yes, no, on and off as truth values: write the word in quotes")
    return value


class Condition(_Model):
    """A test of one column of a row. Exactly one of the tests is given."""

    column: str
    matches: str | None = None
    """A regular expression that must be found in the text."""
    equals: Annotated[str | int | float | None, BeforeValidator(_no_truth_value)] = None
    below: float | None = None
    empty: bool | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        tests = [name for name in ("matches", "equals", "below", "empty") if getattr(self, name) is not None]
        if len(tests) != 1:
            raise ValueError(f"exactly one of matches, equals, below, empty is wanted, got {tests or 'none'}")
        try:
            re.compile(self.matches or "")
        except re.error as error:
            raise ValueError(f"{self.matches!r} is no regular expression: {error}") from error
        return self


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


Conditions = Annotated[tuple[Condition, ...], BeforeValidator(_one_or_more)]


class Skip(_Model):
    """Rows for which all conditions hold are left out and counted under ``reason``."""

    when: Conditions
    reason: str


class Source(_Model):
    """Where one field's value comes from; a bare string in YAML is a column's name."""

    column: str | None = None
    value: Any = None
    """A constant."""
    part: str | None = None
    """The cell is ``name=value,name=value``: take the value of this name."""
    transforms: tuple[str | Mapping[str, Any], ...] = ()
    format: str | None = None
    """How a time is written, as for strptime; ISO 8601 needs none."""
    when: Conditions = ()
    """Only for rows for which all hold; the others get ``default``."""
    default: Any = None
    optional: bool = False
    """The file may lack the column."""
    pick: Literal["first", "last", "most_common"] = "first"
    """Which row's value counts where several rows make one record."""

    @model_validator(mode="after")
    def _column_or_value(self) -> Source:
        if (self.column is None) == (self.value is None):
            raise ValueError("either column or value is wanted")
        return self


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Sources = Mapping[str, Annotated[Source, BeforeValidator(_column)]]


class TableMapping(_Model):
    kind: Kind
    source: str | None = None
    """Name of the data's origin; deletions are followed within it. The file's name if not given."""
    delimiter: str | None = None
    encoding: str | None = None
    timezone: str = "UTC"
    """Of times that are written without one."""
    skip: tuple[Skip, ...] = ()
    grouped: bool = False
    """Several rows make one record: those with the same sku or id."""
    order_by: Annotated[Source, BeforeValidator(_column)] | None = None
    """A time; rows of a group are put in its order, so that ``pick: last`` is the newest."""
    fields: Sources
    attributes: Sources = {}
    product_rows: Conditions = ()
    """Of a group: the rows that the product's own fields are taken from."""
    variant_rows: Conditions = ()
    """Of a group: the rows that are variants; all, if ``variants`` is given without it."""
    variants: Sources = {}
    options: Sources = {}
    lines: Sources = {}

    def columns(self, *, optional: bool) -> list[str]:
        """The columns that the mapping names, with or without those that a file may lack."""
        groups = (self.fields, self.attributes, self.variants, self.options, self.lines)
        sources = [source for group in groups for source in group.values()]
        sources += [self.order_by] if self.order_by else []
        conditions = [*self.product_rows, *self.variant_rows]
        conditions += [condition for skip in self.skip for condition in skip.when]
        conditions += [condition for source in sources for condition in source.when]
        named = [source.column for source in sources if source.column and (optional or not source.optional)]
        return list(dict.fromkeys([*named, *(condition.column for condition in conditions)]))

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("a name such as Europe/Berlin is wanted") from error
        return value


def load_mapping(name: str | Path) -> TableMapping:
    """Read a mapping: a YAML file, or the name of a packaged one.

    Raises:
        ConfigError: there is none, it is no YAML, or a key is unknown, missing or of the wrong type.
    """
    path = Path(name)
    if not path.is_file():
        path = MAPPINGS / f"{name}.yaml"
    if not path.is_file():
        known = sorted(found.stem for found in MAPPINGS.glob("*.yaml"))
        close = difflib.get_close_matches(str(name), known, n=1)
        raise ConfigError(
            f"there is no mapping {str(name)!r}",
            expected=f"a YAML file or one of: {', '.join(known)}",
            hint=f"did you mean {close[0]}?" if close else "",
        )
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    return parse_mapping(data, str(path))


def parse_mapping(data: Any, name: str) -> TableMapping:
    """Check a mapping that was read; ``name`` is for messages."""
    try:
        return TableMapping.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        known = ", ".join(TableMapping.model_fields)
        unknown = first["type"] == "extra_forbidden" and len(first["loc"]) == 1
        raise ConfigError(
            f"{name}: {where}: {'unknown key' if unknown else first['msg']}",
            expected=f"keys {known}" if unknown else "",
            hint="see the guide on bringing your own shop",
        ) from error
