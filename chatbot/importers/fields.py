"""How a cell's value is read: as text, an amount, a time and so on.

A parser takes what a file holds (text, or a typed value of JSON or Parquet) and gives the value that the
database takes, None for "no value", or raises ``UnreadableError``. Knows neither files nor mappings,
and not which record has which fields.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from chatbot.db import MONEY_DECIMALS, clean
from chatbot.importers.transforms import UnreadableError
from chatbot.shop import ORDER_STATES, fold

Parser = Callable[[Any], Any]
_CENT = Decimal("0.01")
_SIGN = re.compile(r"^[A-Za-z]{0,3}[€$£¥₹]?\s*(?=[\d+\-.])|\s*(?:[€$£¥₹]|[A-Za-z]{3})$")


@dataclass(frozen=True, slots=True)
class Target:
    """A field of a record. ``default`` is stored where the file has no value."""

    parse: Parser
    required: bool = False
    default: Any = None


def text(value: Any) -> str | None:
    """Any value as text; outer space is nothing."""
    if isinstance(value, str):
        return clean(value).strip() or None
    if value is None:
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, (Mapping, list)):
        raise UnreadableError("text, not a list or an object")
    return str(value)


def identifier(value: Any) -> str | None:
    found = text(value)
    if found is not None and max(len(found), len(fold(found))) > 200:
        raise UnreadableError("at most 200 characters")
    return found


def short(most: int) -> Parser:
    """Text that the database has ``most`` characters for."""

    def parse(value: Any) -> str | None:
        found = text(value)
        if found is not None and len(found) > most:
            raise UnreadableError(f"at most {most} characters")
        return found

    return parse


def money(value: Any) -> Decimal | None:
    """An exact amount. Grouping commas and a currency sign before or behind are allowed."""
    found = text(value)
    if found is None:
        return None
    bare = _SIGN.sub("", found)
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", bare):
        bare = bare.replace(",", "")
    try:
        amount = Decimal(bare)
    except InvalidOperation:
        raise UnreadableError(
            "an amount such as 1234.50 (for 1.234,50 add the transform decimal_comma)"
        ) from None
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 12:
        raise UnreadableError("an amount below 1,000,000,000,000")
    cents = amount.quantize(_CENT) if amount == amount.quantize(_CENT) else amount.normalize()
    if -int(cents.as_tuple().exponent) > MONEY_DECIMALS:
        raise UnreadableError(f"an amount with at most {MONEY_DECIMALS} decimals")
    return cents


def price(value: Any) -> Decimal | None:
    amount = money(value)
    if amount is not None and amount < 0:
        raise UnreadableError("an amount of 0 or more")
    return amount


def whole(least: int) -> Parser:
    def parse(value: Any) -> int | None:
        found = text(value)
        if found is None:
            return None
        try:
            number = Decimal(found)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or not least <= number < 2**31 or number != int(number):
            raise UnreadableError(f"a whole number of {least} or more")
        return int(number)

    return parse


def yes_or_no(value: Any) -> bool | None:
    found = text(value)
    if found is None:
        return None
    known = {
        "true": True,
        "yes": True,
        "y": True,
        "1": True,
        "false": False,
        "no": False,
        "n": False,
        "0": False,
    }
    if found.lower() not in known:
        raise UnreadableError("yes or no, true or false, 1 or 0")
    return known[found.lower()]


def currency(value: Any) -> str | None:
    found = text(value)
    if found is None:
        return None
    if not re.fullmatch(r"[A-Za-z]{3}", found):
        raise UnreadableError("three letters such as EUR")
    return found.upper()


def country(value: Any) -> str | None:
    """Two-letter codes in capitals; anything else as it is."""
    found = short(60)(value)
    return found.upper() if isinstance(found, str) and len(found) == 2 else found


def region(value: Any) -> str | None:
    """``*`` is how many shops write "everywhere"."""
    found = short(60)(value)
    return None if found == "*" else found


def status(value: Any) -> str | None:
    found = text(value)
    if found is None:
        return None
    known = found.lower().replace(" ", "_").replace("-", "_")
    if known not in ORDER_STATES:
        raise UnreadableError(f"one of {', '.join(ORDER_STATES)} (map the shop's own words with map)")
    return known


def time(zone: str = "UTC", written: str | None = None) -> Parser:
    """A moment in UTC; ``zone`` holds for times that are written without one."""
    tz = ZoneInfo(zone)
    expected = (
        f"a time written as {written}"
        if written
        else "a time such as 2025-11-24T09:30:00+01:00 (format says how)"
    )

    def parse(value: Any) -> datetime | None:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day)
        else:
            found = text(value)
            if found is None:
                return None
            try:
                moment = datetime.strptime(found, written) if written else datetime.fromisoformat(found)
            except ValueError:
                raise UnreadableError(expected) from None
        try:
            return (moment if moment.tzinfo else moment.replace(tzinfo=tz)).astimezone(UTC)
        except OverflowError:
            raise UnreadableError(expected) from None

    return parse


def _nested(value: Any, kind: type, expected: str) -> Any:
    """A list or an object, as it is or as JSON text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = json.loads(value)
        except ValueError:
            raise UnreadableError(expected) from None
    if not isinstance(value, kind):
        raise UnreadableError(expected)
    return value


def names_to_text(value: Any) -> dict[str, str] | None:
    """Attributes or options: an object of text; empty values are left out."""
    found = _nested(value, dict, 'an object such as {"material": "wool"}')
    if found is None:
        return None
    read = {
        str(name): text("yes" if item is True else "no" if item is False else item)
        for name, item in found.items()
    }
    return {name: item for name, item in read.items() if item is not None}


def children(of: Mapping[str, Target]) -> Parser:
    """A list of objects with the fields ``of``; gives tuples in that order."""

    def parse(value: Any) -> list[tuple[Any, ...]] | None:
        found = _nested(value, list, f"a list of objects with {', '.join(of)}")
        return None if found is None else [one(item) for item in found]

    def one(item: Any) -> tuple[Any, ...]:
        if not isinstance(item, Mapping):
            raise UnreadableError(f"objects with {', '.join(of)}")
        read = []
        for name, target in of.items():
            try:
                value = target.parse(item.get(name))
            except UnreadableError as error:
                raise UnreadableError(f"in {name!r} {error.expected}, got {item.get(name)!r}") from None
            if value is None and target.required:
                raise UnreadableError(f"a value for {name!r} in each")
            read.append(target.default if value is None else value)
        return tuple(read)

    return parse
