"""Decides which product a message names. Knows names and numbers of products, nothing else of them."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.confidence import NameWeights, name_weights
from retrieval.spelling import Spelling, word_ranks
from retrieval.tokens import fold, tokenize_with_words

_HAN_RUN = re.compile(r"[㐀-䶿一-鿿豈-﫿]+")
_LATIN = re.compile(r"[^㐀-䶿一-鿿豈-﫿]+")
_CODE = re.compile(r"[a-z0-9]+(?:[-_./][a-z0-9]+)*")
_ALTERNATIVES = re.compile(r"\b(?:or|and|vs|versus|compared (?:to|with))\b|[,;/、，]|和|或者?|还是|与")
_MAX_ROWS = 500
"""A word that more products than this have in their name says nothing about which one is meant."""


@dataclass(frozen=True, slots=True)
class Named:
    row: int
    score: float
    matched: tuple[str, ...]


class NameIndex:
    """Postings of the words of all names, and of all numbers.

    A product's Chinese name is a second name: whoever writes English leaves none of it out.
    """

    def __init__(
        self, skus: Sequence[str], facts: Sequence[Mapping[str, Any]], fitted: NameWeights | None = None
    ) -> None:
        self._fitted = fitted or name_weights()
        self._size = len(skus)
        self._owner: list[int] = []
        names: list[dict[str, str]] = []
        self._by_code: dict[str, int] = {}
        for row, (sku, item) in enumerate(zip(skus, facts, strict=True)):
            for name in filter(None, (item["name"], item["name_zh"])):
                self._owner.append(row)
                names.append(dict(_name_words(name)))
            for code in (sku, *(variant["sku"] for variant in item["variants"])):
                if _is_code(fold(code)):
                    self._by_code.setdefault(fold(code), row)
        self._names_with: defaultdict[str, list[int]] = defaultdict(list)
        for number, words in enumerate(names):
            for token in words:
                self._names_with[token].append(number)
        self._weights = [
            {token: self._weight(token, word) for token, word in words.items()} for words in names
        ]
        # What the product is ("knife") and who made it help, but a name lacks nothing without them.
        self._support = [
            {
                token: _SUPPORT * self._everyday(word)
                for token, word in _name_words(f"{item['category']} {item['brand']}")
            }
            for item in facts
        ]
        self._words_of: defaultdict[int, set[str]] = defaultdict(set)
        for row, words in zip(self._owner, names, strict=True):
            self._words_of[row] |= words.keys()

    def coverage(self, text: str, row: int) -> float:
        """Which share of the words of ``text`` stands in the name of this product."""
        words = {token for token, _ in _name_words(text)}
        return len(words & self._words_of[row]) / len(words) if words else 0.0

    def codes(self, text: str) -> dict[int, str]:
        """Products whose number, or that of a variant, stands in ``text``."""
        found = _CODE.findall(fold(text))
        return {self._by_code[code]: code for code in found if code in self._by_code}

    def resolve(self, text: str, spelling: Spelling) -> list[Named]:
        """Products that ``text`` names, best first. Each alternative of "the A or the B" is looked at too."""
        best = {row: Named(row, 1.0, (code,)) for row, code in self.codes(text).items()}
        pieces = [text, *(piece for piece in _ALTERNATIVES.split(text) if piece.strip() and piece != text)]
        for piece in pieces:
            for named in self._by_name(piece, spelling):
                if named.row not in best or named.score > best[named.row].score:
                    best[named.row] = named
        return sorted(best.values(), key=lambda named: (-named.score, named.row))

    def _by_name(self, text: str, spelling: Spelling) -> list[Named]:
        words = self._spelt(text, spelling)
        matched: defaultdict[int, list[str]] = defaultdict(list)
        for token in words:
            names = self._names_with.get(token, ())
            if len(names) <= _MAX_ROWS:
                for number in names:
                    matched[number].append(token)
        best: dict[int, tuple[float, int]] = {}
        for number, tokens in matched.items():
            row = self._owner[number]
            support = sum(
                w for token, w in self._support[row].items() if token in words and token not in tokens
            )
            logit = self._logit(number, tokens) + self._fitted.matched * support
            best[row] = max(best.get(row, (-math.inf, 0)), (logit, number))
        if not best:
            return []
        nothing = self._fitted.nothing
        highest = max(nothing, max(logit for logit, _ in best.values()))
        # Products of the very same name do not compete: whoever says the name names each of them.
        distinct = {frozenset(self._weights[number]): logit for logit, number in best.values()}
        mass = math.exp(nothing - highest) + sum(math.exp(logit - highest) for logit in distinct.values())
        return [
            Named(row, math.exp(logit - highest) / mass, tuple(words[token] for token in matched[number]))
            for row, (logit, number) in sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:10]
        ]

    def _spelt(self, text: str, spelling: Spelling) -> dict[str, str]:
        """Token → word, where a word that no name has may be a misspelt word of a name."""
        words: dict[str, str] = {}
        for token, word in _name_words(text):
            if token not in self._names_with and (correction := spelling.correct(word)):
                words.update(_name_words(correction))
            else:
                words[token] = word
        return words

    def _logit(self, number: int, tokens: Sequence[str]) -> float:
        weights = self._weights[number]
        said = sum(weights[token] for token in tokens)
        return self._fitted.matched * said - self._fitted.missing * (sum(weights.values()) - said)

    def _weight(self, token: str, word: str) -> float:
        """How much a word says: rare among the names, whatever the size of the shop, and rare in English."""
        rarity = math.log(1 + self._size / len(self._names_with[token])) / math.log(1 + self._size)
        measure = self._fitted.measure if token[:1].isdigit() or token in _UNITS else 1.0
        return _FULL_WEIGHT * rarity * self._everyday(word) * measure

    @staticmethod
    def _everyday(word: str) -> float:
        """1 for a word that hardly anybody uses, near 0 for the commonest."""
        return math.log(2 + word_ranks().get(word, _RARE_RANK)) / math.log(_RARE_RANK)


_RARE_RANK = 30_000
_SUPPORT = 1.5
_FULL_WEIGHT = 6.0
"""What a word of one single name is worth, in units of log-odds before ``NameWeights.matched``."""
_UNITS = frozenset("cm mm m ml cl l g kg w v inch x".split())


def _is_code(code: str) -> bool:
    """Numbers that could be a quantity, and words, name no product: "M", "POST", "12"."""
    return any(c.isdigit() for c in code) and len(code) >= 4


def _name_words(text: str) -> list[tuple[str, str]]:
    """Like ``tokenize_with_words``, but Chinese in pairs of characters: how a name is cut must not matter."""
    words = []
    for run in _HAN_RUN.findall(text):
        words += [(run[i : i + 2], run[i : i + 2]) for i in range(max(1, len(run) - 1))]
    for run in _LATIN.findall(text):
        words += [(token, word) for token, word in tokenize_with_words(run) if token.isalnum()]
    return words
