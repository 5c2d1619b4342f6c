"""Whether a sentence may be sent: each claim in it must be found in the evidence.

First hard checks, each of which can drop a sentence by itself: figures with their units and places, links and codes,
names, negation. Then, for English, the probability that the evidence says the sentence: a logistic regression over the
signals of ``chatbot.ground_signals`` and the cosine with the nearest sentence of the evidence, if the caller brings an
embedding. For Chinese, the share of the words that the evidence covers. Works on strings; knows neither models nor
databases, and does not judge whether the sentence answers anything.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chatbot import ground_signals, lang
from chatbot.ground_marks import spans
from configs.settings import CONFIG_DIR

Vectors = NDArray[np.float32]

MIN_COVERAGE = 0.8
MIN_BEST_COVERAGE = 0.5
"""For Chinese: the share of the words that all evidence, and its best sentence, must cover."""
MIN_HELD = 0.5
"""For English: the same of all evidence, below which nothing else is asked."""
SURE_NEGATION = 0.5
_COSINES = tuple(n / 20 for n in range(21))
"""Of a sentence with the nearest one of the evidence: all that it can be, near enough."""

_LEAD_IN = re.compile(
    r"^(?:\d{1,2}[.)]\s+)?(?:(?:yes|sure|well|ok|okay|certainly|hello|hi|great question)[,!.]\s+)?(?=\S)",
    re.IGNORECASE,
)
_LITERAL = re.compile(
    r"https?://\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b(?:[a-z0-9-]+\.)+(?:com|org|net|example|shop|eu|de|uk)\b(?:/\S*)?"
    r"|\b[A-Z]{1,5}-?\d{3,}[\w-]*",
    re.IGNORECASE,
)
_CODE = re.compile(r"\b[A-Za-z]{1,5}-?\d[\w-]*")
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


class Embedding(Protocol):
    """Texts to unit vectors: a sentence, which must not be kept, and sentences of the evidence, which may be."""

    @property
    def query(self) -> Callable[[str], Vectors]: ...
    @property
    def passages(self) -> Callable[[Sequence[str]], Vectors]: ...


@dataclass(frozen=True, slots=True)
class Check:
    """``support`` is the index of the evidence text that covers the sentence best, or None. ``probability``: how sure
    it is that the evidence says the sentence, as far as that was asked."""

    ok: bool
    reason: str = ""
    support: int | None = None
    probability: float = field(default=0.0, compare=False)


def check(sentence: str, evidence: Sequence[str], embedding: Embedding | None = None) -> Check:
    """Check one sentence against the texts that it would cite.

    The first failing check gives the reason: ``no evidence``, ``figure 45``, ``unit of 30``, ``literal …``,
    ``name …``, ``figure 45 of another``, ``says nothing``, ``negation``, ``coverage 0.42``, ``opposite of must``,
    ``condition left out``, ``doubtful 0.31``.
    """
    sentence = bare(sentence)
    reason = unbacked(sentence, evidence)
    if reason:
        return Check(False, reason)
    if lang.detect_language(sentence) != "en":
        return _covered(sentence, evidence)
    finding = read(sentence, evidence, None)
    reason = misplaced(finding)
    if reason:
        return Check(False, reason)
    signals, sure = finding.signals, None
    fitted = _fitted()["without_similarity" if embedding is None else "with_similarity"]
    if embedding is not None:
        sure = _whatever_the_cosine(signals, fitted)
        if sure is None:
            signals = replace(signals, similarity=_similarity(sentence, evidence, embedding))
    if sure is None:
        sure = probability(signals, fitted["coefficients"])
    reason = doubt(finding, sure) if sure < fitted["threshold"] else None
    if reason:
        return Check(False, reason, probability=sure)
    return Check(True, support=finding.support, probability=sure)


def bare(sentence: str) -> str:
    """The sentence without the number of a list item or a word like "Sure," before it."""
    return _LEAD_IN.sub("", sentence, count=1)


def unbacked(sentence: str, evidence: Sequence[str]) -> str | None:
    """Why the sentence cannot be sent whatever else speaks for it, read from its words alone."""
    if not evidence:
        return "no evidence"
    parsed = [span for text in evidence for span in spans(text)]
    unknown = sorted(lang.figures(sentence).difference(*(span.figures for span in parsed)))
    if unknown:
        return f"figure {unknown[0]}"
    bad_unit = _unit_conflict(sentence, evidence)
    if bad_unit:
        return f"unit of {bad_unit}"
    lowered = "\n".join(evidence).lower()
    for match in _LITERAL.finditer(sentence):
        literal = match.group().rstrip(".,;:!?)")
        if literal.lower() not in lowered:
            return f"literal {literal}"
    name = _unknown_name(sentence, lowered)
    if name:
        return f"name {name}"
    apart = _figure_apart(sentence, evidence)
    if apart:
        return f"figure {apart} of another"
    wanted = set(lang.content_words(sentence))
    if not wanted:
        return "says nothing"
    covered = 1 - len(wanted.difference(*(span.words for span in parsed))) / len(wanted)
    return f"coverage {covered:.2f}" if covered < MIN_HELD else None


def read(sentence: str, evidence: Sequence[str], embedding: Embedding | None) -> ground_signals.Finding:
    """The signals of an English sentence."""
    similarity = _similarity(sentence, evidence, embedding) if embedding is not None else 0.0
    return ground_signals.find(sentence, evidence, similarity)


def _similarity(sentence: str, evidence: Sequence[str], embedding: Embedding) -> float:
    texts = list(dict.fromkeys(span.text for text in evidence for span in spans(text)))
    return float((embedding.passages(texts) @ embedding.query(sentence)).max())


def _whatever_the_cosine(signals: ground_signals.Signals, fitted: Mapping[str, Any]) -> float | None:
    """The probability that is nearest to the threshold over all cosines, if they leave no doubt on which side it lies;
    half of the sentences need not be embedded, which takes ten times as long as the rest of the check."""
    every = [probability(replace(signals, similarity=cosine), fitted["coefficients"]) for cosine in _COSINES]
    if min(every) >= fitted["threshold"]:
        return min(every)
    return max(every) if max(every) < fitted["threshold"] else None


def misplaced(finding: ground_signals.Finding) -> str | None:
    """Why the sentence cannot be sent, read from where its figures and negations stand."""
    if finding.figure:
        return f"figure {finding.figure} of another"
    if finding.unit:
        return f"unit {finding.unit}"
    return "negation" if finding.signals.negation >= SURE_NEGATION else None


def doubt(finding: ground_signals.Finding, sure: float) -> str:
    """The likeliest cause of a low probability, in words."""
    signals = finding.signals
    if finding.opposite:
        return f"opposite of {finding.opposite}"
    if signals.best < MIN_COVERAGE:
        return f"coverage {signals.best:.2f}"
    return "condition left out" if signals.condition else f"doubtful {sure:.2f}"


def _covered(sentence: str, evidence: Sequence[str]) -> Check:
    """Chinese: by the words that the evidence covers."""
    wanted = set(lang.content_words(sentence))
    covered = len(wanted & set(lang.content_words("\n".join(evidence)))) / len(wanted)
    if covered < MIN_COVERAGE:
        return Check(False, f"coverage {covered:.2f}")
    support, best, overlap = _best_support(wanted, evidence)
    if overlap < MIN_BEST_COVERAGE:
        return Check(False, f"coverage {overlap:.2f}")
    if lang.is_negated(sentence) != lang.is_negated(best):
        return Check(False, "negation")
    return Check(True, support=support, probability=overlap)


def probability(signals: ground_signals.Signals, coefficients: Mapping[str, float]) -> float:
    """How sure it is that the evidence says the sentence."""
    terms = ground_signals.terms(signals)
    logit = coefficients["intercept"] + sum(coefficients[name] * value for name, value in terms.items())
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


@cache
def _fitted() -> dict[str, Any]:
    """Written by ``python -m eval.ground_fit``."""
    fitted: dict[str, Any] = json.loads((CONFIG_DIR / "ground.json").read_text(encoding="utf-8"))
    return fitted


def _unit_conflict(sentence: str, evidence: Sequence[str]) -> str | None:
    """A figure whose unit in the sentence differs from every unit that it has in the evidence."""
    known: dict[str, set[str]] = {}
    for text in evidence:
        for figure, units in _kept_units(text).items():
            known.setdefault(figure, set()).update(units)
    for figure, units in _units(sentence).items():
        if units and known.get(figure) and not units & known[figure]:
            return figure
    return None


@lru_cache(maxsize=512)
def _kept_units(text: str) -> Mapping[str, set[str]]:
    return _units(text)


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
    named_at = [
        (clause, found)
        for clause in _CLAUSE.split(_CODE.sub(" ", sentence))
        if (found := lang.figures(clause))
    ]
    if not named_at:
        return None
    spans = [_CODE.sub(" ", span.text) for text in evidence for span in lang.sentences(text)]
    common = {word for span in spans for word in _WORD.findall(span) if not word[0].isupper()}

    def names(text: str) -> set[str]:
        words = {word for word in _WORD.findall(text) if word[0].isupper()}
        return {word for word in words if word.lower() not in common and word.lower() not in _UNITS}

    known = names("\n".join(spans))
    for clause, found in named_at:
        named = names(clause) & known
        for figure in sorted(found) if named else ():
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
