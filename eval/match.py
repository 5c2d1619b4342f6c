"""Whether a reply says a fact, whatever its wording: numbers as numbers, dates in any form, words as whole words.

An entry of a case is one of

* ``"49.90"``            the number, anywhere in the reply: ``49.90 EUR`` and ``49.9`` say it, ``149.90`` does not
* ``"date:2026-12-06"``  the day in any of the usual forms, English or Chinese
* anything else          the text, without regard to case, spaces and Markdown; it must begin and end at the edge
                         of a word or number, unless it ends in ``*`` (``euro*``)

Knows no shop, no case and no language model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("‘’`´", "'") | dict.fromkeys("“”„", '"'))
_MARKDOWN = re.compile(r"\*\*|__|^#+\s+|^\s*[-*]\s+|(?<=\])\([^)\s]*\)|[\[\]]", re.MULTILINE)
_CJK = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef"
_BESIDE_CJK = re.compile(rf"(?<=[{_CJK}])\s+|\s+(?=[{_CJK}])")
NUMBER = re.compile(r"(?<![\d.,])\d+(?:,\d{3})+(?:\.\d+)?(?![\d])|(?<!\d)(?<!\d[.,])\d+(?:[.,]\d+)?")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" if name[3:] else name for name in _MONTHS)
_DATES = (
    re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})(?!\d)"),
    re.compile(r"(?:(?<!\d)(?P<y>\d{4})年)?(?<!\d)(?P<m>\d{1,2})月(?P<d>\d{1,2})日"),
    re.compile(rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<name>{_MONTH})\b(?:\.?,? (?P<y>\d{{4}})(?!\d))?"),
    re.compile(rf"\b(?P<name>{_MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,? (?P<y>\d{{4}})(?!\d))?"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """A day as a text gives it; ``year`` None where the text leaves it out."""

    year: int | None
    month: int
    day: int
    start: int
    end: int

    def is_(self, day: date) -> bool:
        return (self.month, self.day) == (day.month, day.day) and self.year in (None, day.year)


@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """Lower case, one kind of dash and quote, no Markdown, single spaces, none beside Chinese characters."""
    # NFKC would make "，" a comma, and "6，11" a number.
    plain = unicodedata.normalize("NFKC", text.replace("，", ", ")).translate(_DASHES).casefold()
    plain = _MARKDOWN.sub("", plain)
    return _BESIDE_CJK.sub("", " ".join(plain.split()))


def numbers(text: str) -> list[Decimal]:
    """The numbers of a text: ``1,000`` and ``3,90`` are read as English and German write them."""
    return [value for value, _, _ in spans(normalise(text))]


def spans(plain: str) -> Iterator[tuple[Decimal, int, int]]:
    """Each number with where it stands; ``plain`` is a normalised text."""
    for match in NUMBER.finditer(plain):
        yield as_number(match.group()), match.start(), match.end()


def as_number(text: str) -> Decimal:
    """``1,000`` is a thousand; ``3,90`` is three ninety."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        return Decimal(text.replace(",", ""))
    return Decimal(text.replace(",", "."))


def days(plain: str) -> list[Day]:
    """The days that a normalised text names, in order."""
    found = []
    for pattern in _DATES:
        for match in pattern.finditer(plain):
            parts = match.groupdict()
            name = parts.get("name")
            month = (
                next(i for i, m in enumerate(_MONTHS, 1) if m[:3] == name[:3]) if name else int(parts["m"])
            )
            day = int(parts["d"])
            if not (1 <= month <= 12 and 1 <= day <= 31):
                continue
            year = int(parts["y"]) if parts.get("y") else None
            found.append(Day(year, month, day, match.start(), match.end()))
    return sorted(found, key=lambda item: item.start)


def says(entry: str, text: str) -> bool:
    """Whether ``text`` says the fact ``entry``."""
    plain = normalise(text)
    if entry.startswith("date:"):
        wanted = date.fromisoformat(entry.removeprefix("date:"))
        return any(found.is_(wanted) for found in days(plain))
    if NUMBER.fullmatch(entry):
        return any(value == as_number(entry) for value, _, _ in spans(plain))
    return bool(_pattern(entry).search(plain))


def says_one(entry: str | list[str], text: str) -> bool:
    """Whether ``text`` says one of the alternatives of an entry."""
    return any(says(option, text) for option in ([entry] if isinstance(entry, str) else entry))


@lru_cache(maxsize=4096)
def _pattern(entry: str) -> re.Pattern[str]:
    """The entry as a pattern that matches whole words and whole numbers."""
    open_end = entry.endswith("*")
    plain = normalise(entry.rstrip("*"))
    first, last = plain[0], plain[-1]
    # A figure must not be cut out of a longer one: neither "3.90" out of "13.90" nor "30 days" out of "130 days".
    left = (
        r"(?<!\d)(?<!\d[.,])"
        if first.isdigit()
        else r"(?<![a-z0-9])"
        if first.isascii() and first.isalpha()
        else ""
    )
    right = (
        r"(?!\d)(?![.,]\d)"
        if last.isdigit()
        else r"(?![a-z0-9])"
        if last.isascii() and last.isalpha()
        else ""
    )
    return re.compile(left + re.escape(plain) + ("" if open_end else right))
