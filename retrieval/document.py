"""A page as readers see it, whatever its file format: a title, facts about it, and sections of plain text.

Does not know where the page came from, nor how it is cut into passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from configs.errors import InputError


@dataclass(frozen=True, slots=True)
class Section:
    """Text under one heading. ``path`` holds the headings above it, outermost first, without the page's title."""

    path: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """``key`` tells apart the pages of one file (a CSV export of pages); it is empty for a file of one page."""

    title: str
    sections: tuple[Section, ...]
    language: str = "en"
    updated: str = ""
    audience: str = "shopper"
    valid_from: date | None = None
    valid_until: date | None = None
    url: str | None = None
    key: str = ""


class Block(NamedTuple):
    """A heading of ``level`` 1 to 6, or (level 0) a paragraph, list or table."""

    level: int
    text: str


def assemble(
    blocks: Iterable[Block], facts: Mapping[str, Any], *, fallback_title: str, key: str = ""
) -> Document:
    """Group blocks under their headings.

    ``facts`` are those of a front matter: title, language, updated, audience, valid_from, valid_until, url.

    Raises:
        InputError: a fact has a value that it cannot have.
    """
    valid_from, valid_until = _date(facts, "valid_from"), _date(facts, "valid_until")
    if valid_from and valid_until and valid_until < valid_from:
        raise InputError(
            f"the page is valid from {valid_from} until {valid_until}",
            expected="valid_from before valid_until",
        )
    blocks = [Block(level, cleaned) for level, text in blocks if (cleaned := _tidy(text))]
    first_heading = next((text for level, text in blocks if level), "")
    title = _tidy(str(facts.get("title") or "")) or first_heading or fallback_title
    open_headings: list[tuple[int, str]] = []
    sections: list[tuple[tuple[str, ...], list[str]]] = [((), [])]
    for level, text in blocks:
        if not level:
            sections[-1][1].append(text)
            continue
        text = text.replace("\n", " ")
        while open_headings and open_headings[-1][0] >= level:
            open_headings.pop()
        open_headings.append((level, text))
        path = tuple(heading for _, heading in open_headings)
        sections.append((path[1:] if path[0] == title else path, []))
    return Document(
        title=title,
        sections=tuple(Section(path, "\n\n".join(texts)) for path, texts in sections if texts),
        language=str(facts.get("language") or "en").lower().split("-")[0],
        updated=str(facts.get("updated") or ""),
        audience=str(facts.get("audience") or "shopper").lower(),
        valid_from=valid_from,
        valid_until=valid_until,
        url=str(facts["url"]) if facts.get("url") else None,
        key=key,
    )


def _tidy(text: str) -> str:
    """One space between words, no space at the ends of lines, lines kept."""
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _date(facts: Mapping[str, Any], name: str) -> date | None:
    value = facts.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise InputError(f"{name} is {value!r}", expected="a date such as 2026-12-31") from error
