"""Whether a sentence may be sent: each claim in it must be found in the evidence.

Hard checks (figures with their units, links and codes, names, negation) and coverage of the content words.
Works on strings; knows neither models nor embeddings, and does not judge whether the sentence answers anything.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot import lang

MIN_COVERAGE = 0.8
MIN_BEST_COVERAGE = 0.5

_LITERAL = re.compile(
    r"https?://\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b(?:[a-z0-9-]+\.)+(?:com|org|net|example|shop|eu|de|uk)\b(?:/\S*)?"
    r"|\b[A-Z]{1,5}-?\d{3,}[\w-]*",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:\n](?!\d)|，|；|、")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_UNIT = re.compile(
    r"(?P<before>€|\$|£|EUR|USD|GBP|CHF|CNY)?\s?(?P<figure>\d+(?:[.,:/]\d+)*)"
    r"(?:\s?(?:-|–|to|or|and)\s?(?P<upper>\d+(?:[.,]\d+)*))?"
    r"[\s-]?(?P<after>€|%|[A-Za-z°\u4e00-\u9fff]+)?(?:\s(?P<noun>[a-z]+))?"
)
_UNITS = {
    "eur": "money", "euro": "money", "€": "money", "usd": "money", "dollar": "money", "$": "money", "gbp": "money",
    "pound": "money", "£": "money", "chf": "money", "cny": "money", "元": "money", "欧": "money",
    "%": "percent", "percent": "percent", "per": "percent",
    "day": "day", "天": "day", "日": "day", "working": "day", "busi": "day", "week": "week", "周": "week",
    "month": "month", "月": "month", "year": "year", "年": "year", "hour": "hour", "小": "hour", "minut": "minute",
    "kg": "kg", "g": "g", "cm": "cm", "mm": "mm", "m": "m", "l": "litre", "litr": "litre", "ml": "ml", "w": "watt",
    "watt": "watt", "point": "point", "积": "point", "°c": "°c", "°": "°c", "degre": "°c",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """``support`` is the index of the evidence text that covers the sentence best, or None."""

    ok: bool
    reason: str = ""
    support: int | None = None


def check(sentence: str, evidence: Sequence[str]) -> Check:
    """Check one sentence against the texts that it would cite.

    The first failing check gives the reason: ``no evidence``, ``figure 45``, ``unit of 30``, ``literal …``,
    ``name …``, ``figure 45 of another``, ``negation``, ``coverage 0.42``.
    """
    if not evidence:
        return Check(False, "no evidence")
    whole = "\n".join(evidence)
    unknown = sorted(lang.figures(sentence) - lang.figures(whole))
    if unknown:
        return Check(False, f"figure {unknown[0]}")
    bad_unit = _unit_conflict(sentence, whole)
    if bad_unit:
        return Check(False, f"unit of {bad_unit}")
    lowered = whole.lower()
    for match in _LITERAL.finditer(sentence):
        literal = match.group().rstrip(".,;:!?)")
        if literal.lower() not in lowered:
            return Check(False, f"literal {literal}")
    name = _unknown_name(sentence, lowered)
    if name:
        return Check(False, f"name {name}")
    apart = _figure_apart(sentence, evidence)
    if apart:
        return Check(False, f"figure {apart} of another")

    wanted = set(lang.content_words(sentence))
    if not wanted:
        return Check(False, "says nothing")
    covered = len(wanted & set(lang.content_words(whole))) / len(wanted)
    if covered < MIN_COVERAGE:
        return Check(False, f"coverage {covered:.2f}")
    support, best, overlap = _best_support(wanted, evidence)
    if overlap < MIN_BEST_COVERAGE:
        return Check(False, f"coverage {overlap:.2f}")
    if lang.is_negated(sentence) != lang.is_negated(best):
        return Check(False, "negation")
    return Check(True, support=support)


def _unit_conflict(sentence: str, evidence: str) -> str | None:
    """A figure whose unit in the sentence differs from every unit that it has in the evidence."""
    known = _units(evidence)
    for figure, units in _units(sentence).items():
        if units and known.get(figure) and not units & known[figure]:
            return figure
    return None


def _units(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in _UNIT.finditer(text):
        unit = _unit(match["before"]) or _unit(match["after"])
        for figure in (match["figure"], match["upper"]):
            for canonical in lang.figures(figure or ""):
                units = found.setdefault(canonical, set())
                if unit:
                    units.add(unit)
    return found


def _unit(word: str | None) -> str | None:
    if not word:
        return None
    word = word.lower()
    return (
        _UNITS.get(word)
        or _UNITS.get(lang.stem(word))
        or _UNITS.get(word[0] if ord(word[0]) > 0x3400 else word)
    )


def _unknown_name(sentence: str, evidence: str) -> str | None:
    """A capitalised word inside the sentence that the evidence does not hold in any case."""
    tokens: list[str] = sentence.split()
    for previous, token in itertools.pairwise(tokens):
        word = token.strip(".,;:!?()\"'“”")
        if (
            word[:1].isupper()
            and word not in ("I", "I'm", "I'll", "I've", "I'd")
            and not previous.endswith((".", "!", "?", ":"))
        ):
            bare = re.sub(r"['’]s$", "", word).lower()
            if bare not in evidence:
                return word
    return None


def _figure_apart(sentence: str, evidence: Sequence[str]) -> str | None:
    """A figure that the evidence gives, but not of what the sentence names: "3.90 to Austria" where that is Germany's.

    One sentence of the evidence has to hold each figure together with all names that stand in the figure's clause, and
    so has one of its clauses, unless that clause names nothing.
    """
    spans = [span.text for text in evidence for span in lang.sentences(text)]
    common = {word for span in spans for word in _WORD.findall(span) if not word[0].isupper()}

    def names(text: str) -> set[str]:
        words = {word for word in _WORD.findall(text) if word[0].isupper()}
        return {word for word in words if word.lower() not in common and word.lower() not in _UNITS}

    known = names("\n".join(spans))
    for clause in _CLAUSE.split(sentence):
        named = names(clause) & known
        for figure in sorted(lang.figures(clause)) if named else ():
            holding = [span for span in spans if figure in lang.figures(span)]
            clauses = [
                part for span in holding for part in (_CLAUSE.split(span) if "|" not in span else [span])
            ]
            parts = [names(part) for part in clauses if figure in lang.figures(part)]
            together = any(named <= names(span) for span in holding)
            if not together or not any(named <= part or not part for part in parts):
                return figure
    return None


def _best_support(wanted: set[str], evidence: Sequence[str]) -> tuple[int, str, float]:
    """The evidence sentence (with its neighbour, since facts span two) that covers the most wanted words."""
    best = (0, "", -1.0)
    for index, text in enumerate(evidence):
        for span in lang.sentences(text):
            overlap = len(wanted & set(lang.content_words(span.text))) / len(wanted)
            if overlap > best[2]:
                best = (index, span.text, overlap)
    return best
