"""Whether two sentences of a shop's pages contradict each other: the same said of the same, with another figure or denied.

Works on strings and a similarity that the caller gives; knows no passages. It finds what pages get when a rule changes
and an old page stays, and misses contradictions in other words (open and closed).
"""

from __future__ import annotations

import re

from chatbot import lang
from chatbot.ground import _units as units

MIN_SIMILARITY, MIN_DENIED_SIMILARITY = 0.8, 0.72
"""Cosine from which two sentences are taken to speak of the same thing: with other figures, and with a denial."""
MIN_SHARED = 0.6
"""Share of the shorter one's content words, beside figures and units, that the other has too; two words at least."""
MIN_DENIED = 0.8
"""Share of the longer one's content words that both have where one denies the other: nearly the same sentence."""
_NAME = re.compile(r"(?<=[a-z,;:(] )[A-Z][\w'-]+")
_ZH_UNIT = frozenset("天日周月年小时元欧分")


def disagree(one: str, other: str, similarity: float) -> bool:
    """Whether not both can be true. ``similarity`` is the cosine of the two.

    The names that each mentions must be the same ("3.90 to Germany" and "6.90 to Austria" go together), and so must the
    kind of the figures that differ: a number of days against a number of days.
    """
    if similarity < MIN_DENIED_SIMILARITY or _names(one) != _names(other):
        return False
    words, others = _things(one), _things(other)
    shared = len(words & others)
    if lang.is_negated(one) != lang.is_negated(other):
        alike = shared >= MIN_DENIED * max(len(words), len(others)) and shared >= 2
        return alike and lang.figures(one) == lang.figures(other)
    if similarity < MIN_SIMILARITY or shared < max(2, MIN_SHARED * min(len(words), len(others))):
        return False
    figures, other_figures = _by_unit(one), _by_unit(other)
    return any(not figures[unit] & other_figures[unit] for unit in figures.keys() & other_figures.keys())


def _names(text: str) -> set[str]:
    return {word for word in _NAME.findall(text) if not units(f"1 {word}")["1"]}


def _by_unit(text: str) -> dict[str, set[str]]:
    """The figures of each unit; those without a unit tell nothing."""
    found: dict[str, set[str]] = {}
    for figure, kinds in units(text).items():
        for unit in kinds:
            found.setdefault(unit, set()).add(figure)
    return found


def _things(text: str) -> set[str]:
    """Content words without figures and units."""
    return {
        word
        for word in lang.content_words(text)
        if not lang.figures(word) and not units(f"1 {word}")["1"] and word not in _ZH_UNIT
    }
