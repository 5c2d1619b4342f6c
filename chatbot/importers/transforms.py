"""The named steps that a mapping may apply to a cell's text before it is read as a price, a date and so on.

A step takes text and gives text, or None for "no value". Knows neither files nor fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from typing import Any

from configs.errors import ConfigError

Step = Callable[[str], str | None]


class UnreadableError(ValueError):
    """A cell's value cannot be read; ``expected`` says what could be."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


class _Text(HTMLParser):
    """Collects the text; each block element starts a new line."""

    _BLOCKS = frozenset(
        "address blockquote br dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p table td th tr ul".split()
    )
    _SILENT = frozenset(("script", "style"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """``<![`` with nothing known behind it is no error, as the parser has it, but a comment, as in a browser."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in self._SILENT
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in self._SILENT and self._silent > 0
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def strip_html(text: str) -> str:
    """The text of an HTML fragment, one line a paragraph or list item."""
    parser = _Text()
    parser.feed(text)
    parser.close()
    lines = (re.sub(r" +", " ", line).strip() for line in "".join(parser.parts).split("\n"))
    return "\n".join(line for line in lines if line)


def sentence_case(text: str) -> str:
    """``RED  MUG`` becomes ``Red mug``; text that has small letters of its own is left alone."""
    text = " ".join(text.split())
    if sum(letter.islower() for letter in text) > sum(letter.isupper() for letter in text):
        return text
    lowered = text.lower()
    for position, letter in enumerate(lowered):
        if letter.isalpha():
            return lowered[:position] + letter.upper() + lowered[position + 1 :]
    return lowered


def absolute(text: str) -> str:
    """A number without its sign."""
    try:
        return str(abs(Decimal(text)))
    except InvalidOperation:
        raise UnreadableError("a number") from None


def decimal_comma(text: str) -> str:
    """``1.234,50`` becomes ``1234.50``."""
    return text.replace(".", "").replace(",", ".")


def slug(text: str) -> str:
    """``Free gifts & more`` becomes ``free-gifts-more``."""
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-")


def _list(separator: str) -> Step:
    def step(text: str) -> str | None:
        return ", ".join(part.strip() for part in text.split(separator) if part.strip()) or None

    return step


def _item(by: str, at: int) -> Step:
    def step(text: str) -> str | None:
        parts = text.split(by)
        return parts[at].strip() if -len(parts) <= at < len(parts) else None

    return step


def _remove(pattern: str) -> Step:
    compiled = re.compile(pattern)
    return lambda text: compiled.sub("", text)


def _map(values: Mapping[Any, Any]) -> Step:
    if any(isinstance(word, bool) for pair in values.items() for word in pair):
        raise TypeError("YAML reads yes, no, on and off as truth values: write the word in quotes")
    by_text = {str(key): None if value is None else str(value) for key, value in values.items()}
    return lambda text: by_text.get(text, text)


_PLAIN: dict[str, Step] = {
    "upper": str.upper,
    "lower": str.lower,
    "sentence_case": sentence_case,
    "strip_html": strip_html,
    "absolute": absolute,
    "decimal_comma": decimal_comma,
    "slug": slug,
}
_WITH_ARGUMENT: dict[str, Callable[[Any], Step]] = {
    "list": _list,
    "item": lambda argument: _item(**argument),
    "remove": _remove,
    "map": _map,
}


def build(step: str | Mapping[str, Any]) -> Step:
    """Make a step of its YAML: a name, or one name with its argument.

    Raises:
        ConfigError: there is no such step, or its argument does not fit.
    """
    if isinstance(step, str) and step in _PLAIN:
        return _PLAIN[step]
    if isinstance(step, Mapping) and len(step) == 1:
        ((name, argument),) = step.items()
        if name in _WITH_ARGUMENT:
            try:
                return _WITH_ARGUMENT[name](argument)
            except (TypeError, AttributeError, re.error) as error:
                raise ConfigError(
                    f"transform {name!r} cannot use {argument!r}: {error}",
                    expected="item: {by: TEXT, at: NUMBER}, list: TEXT, remove: PATTERN or map: {from: to}",
                ) from error
    raise ConfigError(
        f"there is no transform {step!r}",
        expected=f"one of {', '.join(_PLAIN)}, or one of {', '.join(_WITH_ARGUMENT)} with its argument",
    )
