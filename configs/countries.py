"""Names of countries and their ISO 3166 codes, in English and Chinese. Does not know where a shop delivers."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import yaml

from configs.errors import ConfigError

_TABLE = Path(__file__).parent / "tables" / "countries.yaml"


@lru_cache(maxsize=1)
def _table() -> dict[str, list[str]]:
    data = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    for code, names in data.items():
        if not (isinstance(code, str) and len(code) == 2 and isinstance(names, list) and len(names) >= 2):
            raise ConfigError(f"{_TABLE}: {code!r} has {names!r}", expected="CODE: [English, 中文, …]")
    return dict(data)


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    codes = {code.casefold(): code for code in _table()}
    for code, names in _table().items():
        codes.update((str(name).casefold(), code) for name in names)
    return codes


@lru_cache(maxsize=1)
def _mention() -> re.Pattern[str]:
    """Names in running text, the longest first. Codes are left out: "us", "it", "no" and "in" are words."""
    names = {str(name).casefold() for entry in _table().values() for name in entry} - {"us"}
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    return re.compile(rf"(?<![a-z])(?:{'|'.join(map(re.escape, longest_first))})(?![a-z])")


def resolve(name: str) -> str | None:
    """The code of a country given by name or code, None if it is in no list."""
    plain = name.strip(" ,;!?。！？").casefold()
    codes = _codes()
    bare = plain.removeprefix("the ")
    return codes.get(plain) or codes.get(bare) or codes.get(bare.rstrip("."))


def find(text: str) -> str | None:
    """The code of the first country that a message names ("Do you ship to the UK?"), None if it names none."""
    found = _mention().search(text.casefold())
    if found:
        return _codes()[found.group()]
    return "US" if re.search(r"\bUS\b", text) and not text.isupper() else None


def display(code: str, language: str) -> str:
    """The country's name in a language; the code itself if it is in no list."""
    names = _table().get(code.upper())
    if names is None:
        return code
    if language == "zh":
        return str(names[1])
    return f"the {names[0]}" if names[0] in _WITH_ARTICLE else str(names[0])


_WITH_ARTICLE = {
    "Netherlands",
    "Philippines",
    "United Arab Emirates",
    "United Kingdom",
    "United States",
}
