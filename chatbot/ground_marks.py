"""Sentences cut into content words and marks, and where each mark stands.

A *mark* is a word that must stand where the evidence has it: a figure, a month, a name, a negation, one word of a
pair of opposites. A mark's place is the content words around it with their distances; two places are compared by
``alike``. Works on English strings; decides nothing, and knows neither models nor embeddings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from chatbot import lang

REACH = 5
"""How many content words on each side are a mark's place."""
LOST = 7
"""Words that stand so much nearer or farther than they should say nothing."""
_TOKEN = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_ROW = re.compile(r"[^.;:\n]{1,60}: [^;\n]+; [^.;:\n]{1,60}: ")
_CODE = re.compile(r"[A-Za-z]-?$")
_CLAUSE = re.compile(
    r"[,;:()\n](?!\d)\s*|\s(?:-|–|—)\s|\s(?:and|but|or|so|because|while|which)\s", re.IGNORECASE
)
_CONDITIONS = frozenset("if unless except only provided until otherwise when".split())
_ABSOLUTES = frozenset("always any every all only free guarantee guaranteed fully completely forever automatically immediately instantly".split())  # fmt: skip
_DATES = frozenset(
    "january february april june july august september october november december "
    "monday tuesday wednesday thursday friday saturday sunday".split()
)
_LENGTHS = frozenset("minut hour day week month year percent".split())
_NUMBERS = {
    "eleven": "11", "thirteen": "13", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
    "forty": "40", "fifty": "50", "seventy": "70", "eighty": "80", "half": "1/2", "twice": "2", "double": "2",
    "thousand": "1000", "million": "1000000",
}  # fmt: skip

_OPPOSITES: Sequence[tuple[str, str]] = (
    ("must shall required mandatory obligatory", "may might can could optional voluntary"),
    ("before prior earlier until", "after later following since"),
    ("more above exceed exceeds higher greater longer over increase increases increased raise", "less below fewer lower shorter under decrease decreases decreased reduce reduces reduced"),
    ("least minimum", "most maximum"),
    ("include includes included including", "exclude excludes excluded excluding"),
    ("accept accepts accepted allow allows allowed permit permits permitted approve approved grant granted", "reject rejects rejected refuse refuses refused deny denied prohibit prohibits prohibited forbid forbidden decline declined"),
    ("able possible eligible valid legal", "unable impossible ineligible invalid illegal"),
    ("first beginning begin begins start starts", "last end ends stop stops"),
    ("open opens opened", "closed close closes"),
    ("always", "never"),
    ("send sends sent", "receive receives received"),
    ("buy buys bought purchase", "sell sells sold"),
    ("add adds added", "remove removes removed delete deleted"),
    ("full fully whole", "partial partially part"),
    ("new", "old used"),
    ("same", "different"),
    ("all every", "none some"),
    ("temporary temporarily", "permanent permanently"),
    ("successful", "unsuccessful"),
    ("inside within", "outside beyond"),
    ("with", "without"),
)  # fmt: skip
_POLES: Mapping[str, tuple[int, int]] = {
    word: (pair, pole) for pair, poles in enumerate(_OPPOSITES) for pole, words in enumerate(poles) for word in words.split()
}  # fmt: skip
_NOT = frozenset(
    """no not never none nothing neither nor without cannot cant dont doesnt didnt isnt arent wasnt werent wont
    wouldnt shouldnt couldnt havent hasnt hadnt mustnt neednt unable""".split()
)

Place = Mapping[str, Sequence[int]]
"""Content words around a spot: stem → signed distances, the nearest first."""


@dataclass(frozen=True, slots=True)
class Mark:
    """``kind`` groups what can be taken for each other; ``value`` says which of them it is; ``word`` shows it."""

    kind: str
    value: str
    word: str
    at: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """A sentence as its content words and marks in order (``keys``), its marks, their places and its clauses."""

    text: str
    keys: Sequence[str]
    words: frozenset[str]
    figures: frozenset[str]
    marks: Sequence[Mark]
    places: Sequence[Place]
    conditions: Sequence[int]
    clauses: Sequence[frozenset[str]]
    absolutes: frozenset[str]
    row: bool = False
    """Whether it is a row of a table."""

    def place(self, at: int) -> Place:
        return _in_row(self.keys, at) if self.row else place_at(self.keys, at)


def parse(text: str) -> Parsed:
    """Cut a sentence into content words and marks; function words are left out."""
    keys: list[str] = []
    marks: list[Mark] = []
    conditions: list[int] = []
    absolutes = set()
    tokens = list(_TOKEN.finditer(text))
    lowered = [re.sub(r"['’]", "", token.group().lower()) for token in tokens]
    for number, (token, word) in enumerate(zip(tokens, lowered, strict=True)):
        following = lowered[number + 1] if number + 1 < len(lowered) else ""
        at = len(keys)
        if word[0].isdigit() and _CODE.search(
            text[max(0, token.start() - 2) : token.start()]
        ):  # the 20 of "I-20" counts nothing
            mark: Mark | None = Mark("name", word, word, at)
        else:
            mark = _mark(token.group(), word, following, at, opens=_opens(text, token.start()))
        if word in _CONDITIONS:
            conditions.append(at)
        if word in _ABSOLUTES:
            absolutes.add(word)
        if mark is not None:
            marks.append(mark)
            if mark.kind in ("not", "figure"):
                keys.append(f"{mark.kind} {mark.value}")
                continue
        if word not in lang.STOPWORDS:
            keys.append(_stem(word))
        elif mark is not None:
            keys.append(f"{mark.kind} {mark.value}")
    row = bool(_ROW.match(text))
    return Parsed(
        text=text,
        keys=keys,
        words=frozenset(lang.content_words(text)),
        figures=frozenset(lang.figures(text)),
        marks=marks,
        places=[_place_of(mark, keys, row=row) for mark in marks],
        conditions=conditions,
        clauses=[frozenset(lang.content_words(clause)) for clause in _CLAUSE.split(text) if clause],
        absolutes=frozenset(absolutes),
        row=row,
    )


@lru_cache(maxsize=512)
def spans(text: str) -> tuple[Parsed, ...]:
    """The parsed sentences of an evidence text. Kept, so give it texts of the shop only."""
    return tuple(parse(span.text) for span in lang.sentences(text))


@cache
def _stem(word: str) -> str:
    return lang.stem(word)


def _opens(text: str, start: int) -> bool:
    """Whether a word opens a sentence or line, where a capital says nothing."""
    before = text[:start].rstrip("\"'“‘(*_ ")
    return not before or before[-1] in ".!?:;\n-•"


def _mark(token: str, word: str, following: str, at: int, *, opens: bool) -> Mark | None:
    if token[0].isdigit():
        return Mark("figure", next(iter(lang.figures(token)), token), token, at)
    if word in _NUMBERS:
        return Mark("figure", _NUMBERS[word], word, at)
    if word in ("one", "a", "an", "each", "per", "every") and _stem(following) in _LENGTHS:
        return Mark("figure", "1", word, at)
    figures = lang.figures(word)
    if figures:
        return Mark("figure", figures.pop(), word, at)
    if _stem(word) in _LENGTHS:
        return Mark("unit", _stem(word), word, at)
    if word in _DATES or (word in ("march", "may") and token[0].isupper() and not opens):
        return Mark("date", word, token, at)
    if word in _NOT:
        return Mark("not", "not", word, at)
    if word in _POLES:
        pair, pole = _POLES[word]
        return Mark(f"pair{pair}", str(pole), word, at)
    if token[0].isupper() and not opens and word not in lang.STOPWORDS:
        return Mark("name", _stem(word), token, at)
    return None


def place_at(keys: Sequence[str], at: int, *, gap: bool = False) -> Place:
    """The words around position ``at``; with ``gap``, around the gap before it."""
    place: dict[str, list[int]] = {}
    for distance in range(1, REACH + 1):
        left, right = at - distance, at + distance - (1 if gap else 0)
        if left >= 0:
            place.setdefault(keys[left], []).append(-distance)
        if right < len(keys):
            place.setdefault(keys[right], []).append(distance)
    return place


def _place_of(mark: Mark, keys: Sequence[str], *, row: bool) -> Place:
    if mark.kind == "figure":  # figures are no landmarks for each other: two may have been exchanged
        keys = [key.split()[0] if key.startswith("figure ") else key for key in keys]
    return _in_row(keys, mark.at) if row else place_at(keys, mark.at)


def _in_row(keys: Sequence[str], at: int) -> Place:
    """In a row of a table every cell is near every other."""
    anywhere = tuple(distance for distance in range(-REACH, REACH + 1) if distance)
    return {key: anywhere for position, key in enumerate(keys) if position != at}


def alike(one: Place, other: Place) -> float:
    """How much of ``one`` stands in ``other`` at about the same distance, near words counting most; in [0, 1]."""
    total = found = 0.0
    for word, distances in one.items():
        for distance in distances:
            weight = 1 / abs(distance)
            total += weight
            there = other.get(word)
            if there:
                nearest = min(abs(distance - place) for place in there)
                found += weight * max(0.0, 1 - nearest / LOST)
    return found / total if total else 1.0
