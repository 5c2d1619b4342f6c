"""What a catalogue says of its products in single values: categories, attributes, options, and the names.

Finds the values and the words of a query among them. Knows neither texts nor scores.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.tokens import fold, stem

Rows = NDArray[np.int32]
Value = tuple[str, ...]
"""The tokens of one value: ``("organ", "cotton")``."""

_PIECE = re.compile(r"[,;/&|\n]|\band\b")
_MARKUP = re.compile(r"&#?\w+;")
_TOKEN = re.compile(r"[^\W_]+(?:\.\d+)?")
_LONGEST = 3
_LONGEST_TEXT = 4
"""Values of more words than this are texts."""
_TRUE = frozenset({"yes", "true", "是"})
_FALSE = frozenset({"no", "false", "否"})
NO_ROWS: Rows = np.empty(0, np.int32)


@dataclass(frozen=True)
class Facets:
    """``values`` and ``words`` say which products have a value, and a word in a value or the name.

    ``kinds`` are the words that say what a product is: those of the categories, and the last of each name.
    ``spoken`` has a word as people write it for each token that may stand for another, the commonest first.
    """

    size: int
    values: Mapping[Value, Rows]
    words: Mapping[str, Rows]
    kinds: frozenset[str]
    spoken: Mapping[str, str]

    def rows(self, token: str) -> Rows:
        return self.words.get(token, NO_ROWS)

    def phrases(self, tokens: Sequence[str]) -> list[Value]:
        """The query cut into values, the longest first; what is no value stays a single word."""
        found: list[Value] = []
        start = 0
        while start < len(tokens):
            length = next(
                (n for n in range(_LONGEST, 1, -1) if tuple(tokens[start : start + n]) in self.values), 1
            )
            found.append(tuple(tokens[start : start + length]))
            start += length
        return found


def read_facets(facts: Sequence[Mapping[str, Any]]) -> Facets:
    values: defaultdict[Value, dict[int, None]] = defaultdict(dict)
    words: defaultdict[str, dict[int, None]] = defaultdict(dict)
    kinds: set[str] = set()
    spoken: dict[str, str] = {}
    for row, item in enumerate(facts):
        for text in _values_of(item):
            value = value_tokens(text)
            if not value or len(value) > _LONGEST_TEXT or text.strip().casefold() in _FALSE:
                continue
            values[value][row] = None
            for token in value:
                words[token][row] = None
            spoken |= _spoken(text)
        for text in pieces(item["category"]):
            kinds |= set(value_tokens(text))
        name = value_tokens(item["name"])
        for token in name:
            words[token][row] = None
        heads = [word for word in _TOKEN.findall(fold(item["name"])) if word.isalpha()][-1:]
        kinds |= {stem(word) for word in heads}
        spoken |= _spoken(" ".join(heads))
    return Facets(
        len(facts),
        {value: np.fromiter(rows, np.int32) for value, rows in values.items()},
        {word: np.fromiter(rows, np.int32) for word, rows in words.items()},
        frozenset(kinds),
        {token: spoken[token] for token in sorted(spoken, key=lambda token: -len(words[token]))},
    )


def value_tokens(text: str) -> Value:
    """Unlike in a text, short and common words count: "S", "all-weather"."""
    return tuple(stem(word) for word in _TOKEN.findall(fold(_MARKUP.sub("", text))))


def _spoken(text: str) -> dict[str, str]:
    return {
        stem(word): word
        for word in _TOKEN.findall(fold(_MARKUP.sub("", text)))
        if word.isalpha() and len(word) > 2
    }


def _values_of(item: Mapping[str, Any]) -> Iterable[str]:
    yield from pieces(item["category"])
    yield from pieces(item["brand"])
    for name, text in item["attributes"].items():
        # "eco_collection: Yes" is the value "eco collection".
        said = name.replace("_", " ") if str(text).strip().casefold() in _TRUE else str(text)
        yield from pieces(said)
    for variant in item["variants"]:
        yield from variant["options"].values()


def pieces(text: str) -> list[str]:
    """The alternatives that a value lists: "Camping" and "outdoor" of "Camping & outdoor"."""
    return [piece for piece in _PIECE.split(text) if piece.strip()]
