"""What can be said of a sentence and its evidence in numbers: words, places of figures, negations, opposites, conditions.

Works on English strings; decides nothing, and knows neither models nor embeddings.
"""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from chatbot.ground_marks import Parsed, alike, parse, place_at, spans

MARGIN = 1e-6
"""By how much another figure must fit better, for the one that is said to stand in its place."""
SAME_PLACE = 0.45
"""From which likeness two negations negate the same."""


@dataclass(frozen=True, slots=True)
class Signals:
    """Numbers about a sentence and its evidence; ``eval.ground_fit`` fits what each is worth.

    ``whole``, ``best``, ``clause``: share of content words found in all evidence, in the best one or two sentences of
    it, and in those for the worst clause. ``pairs``: share of neighbouring words that are neighbours there. ``aligned``:
    share of words in the same order. ``missing``: how many words the best sentences lack. ``similarity``: cosine with
    the nearest evidence sentence. ``rival``: how much better another mark fits than the one that is said. ``place``:
    how well the worst mark fits. ``negation``: how surely a negation was added or lost. ``condition``: conditions of
    the best sentence that were left out. ``absolute``: words like "always" that it lacks. ``length``: log of the words.
    """

    whole: float
    best: float
    clause: float
    pairs: float
    aligned: float
    missing: float
    similarity: float
    rival: float
    place: float
    negation: float
    condition: float
    absolute: float
    length: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Signals with what they were read from: the best evidence text, and the marks that stand in a wrong place."""

    signals: Signals
    support: int
    figure: str = ""
    unit: str = ""
    opposite: str = ""


def find(sentence: str, evidence: Sequence[str], similarity: float) -> Finding:
    """Read all signals of a sentence; ``evidence`` must hold a word."""
    said = parse(sentence)
    parsed = [(index, span) for index, text in enumerate(evidence) for span in spans(text)]
    support, window = _window(said, parsed)
    held = frozenset().union(*(span.words for span in window))
    whole = frozenset().union(*(span.words for _, span in parsed))
    wanted = said.words
    clauses = [len(clause & held) / len(clause) for clause in said.clauses if len(clause) > 1]
    keys = [key for span in window for key in span.keys]
    ordered = not any(span.row for span in window)  # in a row of a table the order says nothing
    rival, place, wrong = _misplaced(said, [span for _, span in parsed])
    return Finding(
        Signals(
            whole=len(wanted & whole) / len(wanted) if wanted else 0.0,
            best=len(wanted & held) / len(wanted) if wanted else 0.0,
            clause=min(clauses, default=1.0),
            pairs=_pairs(said.keys, keys) if ordered else _among(said.keys, keys),
            aligned=_aligned(said.keys, keys) if ordered else _among(said.keys, keys),
            missing=float(min(4, len(wanted - held))),
            similarity=similarity,
            rival=rival,
            place=place,
            negation=_negation(said, window),
            condition=_conditions_left_out(said, window),
            absolute=float(len(said.absolutes - frozenset().union(*(span.absolutes for span in window)))),
            length=math.log(1 + len(said.keys)),
        ),
        support,
        **wrong,
    )


def _window(said: Parsed, parsed: Sequence[tuple[int, Parsed]]) -> tuple[int, list[Parsed]]:
    """The evidence sentence that covers most, and its neighbour if that adds to it, since facts span two."""
    wanted = said.words
    keys = frozenset(said.keys)

    def worth(span: Parsed) -> float:
        return len(wanted & span.words) + len(keys & frozenset(span.keys)) - 0.02 * len(span.keys)

    best = max(range(len(parsed)), key=lambda i: worth(parsed[i][1]))
    index, span = parsed[best]
    window = [span]
    near = [i for i in (best - 1, best + 1) if 0 <= i < len(parsed) and parsed[i][0] == index]
    if near:
        other = max(near, key=lambda i: len((wanted - span.words) & parsed[i][1].words))
        if (wanted - span.words) & parsed[other][1].words:
            window = [parsed[i][1] for i in sorted((best, other))]
    return index, window


def _pairs(said: Sequence[str], held: Sequence[str]) -> float:
    """The share of neighbouring words that are within three words of each other, in this order, in the evidence."""
    wanted = list(itertools.pairwise(said))
    if not wanted:
        return 1.0
    there = {(held[i], held[j]) for i in range(len(held)) for j in range(i + 1, min(i + 4, len(held)))}
    return sum(pair in there for pair in wanted) / len(wanted)


def _among(said: Sequence[str], held: Sequence[str]) -> float:
    return sum(key in held for key in said) / len(said) if said else 0.0


def _aligned(said: Sequence[str], held: Sequence[str]) -> float:
    if not said:
        return 0.0
    matcher = difflib.SequenceMatcher(None, said, held, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(said)


def _misplaced(said: Parsed, parsed: Sequence[Parsed]) -> tuple[float, float, dict[str, str]]:
    """By how much another mark of the kind fits better than the one that is said; how well the worst one fits; and
    which figure, unit or other mark is out of place."""
    worst, lowest = -1.0, 1.0
    wrong: dict[str, str] = {}
    for mark, place in zip(said.marks, said.places, strict=True):
        if mark.kind == "not":
            continue
        own = rival = 0.0
        for span in parsed:
            if mark.kind == "name" and mark.value in span.keys:  # also where a capital says nothing
                at = span.keys.index(mark.value)
                own = max(own, alike(place, span.place(at)))
            for other, there in zip(span.marks, span.places, strict=True):
                if other.kind == mark.kind and not place.keys().isdisjoint(there):
                    fit = alike(place, there)
                    if other.value == mark.value:
                        own = max(own, fit)
                    else:
                        rival = max(rival, fit)
        if not mark.kind.startswith("pair"):
            lowest = min(lowest, own)
        worst = max(worst, rival - own)
        if rival > own + MARGIN:
            kind = {"figure": "figure", "date": "figure", "unit": "unit"}.get(mark.kind, "opposite")
            wrong.setdefault(kind, mark.word)
    return worst, lowest, wrong


def _negation(said: Parsed, window: Sequence[Parsed]) -> float:
    """How surely a negation of the sentence is not the evidence's, or one of the evidence's was lost."""
    mine = [place for mark, place in zip(said.marks, said.places, strict=True) if mark.kind == "not"]
    theirs = [
        place
        for span in window
        for mark, place in zip(span.marks, span.places, strict=True)
        if mark.kind == "not"
    ]
    fits = sorted(
        ((alike(one, other), i, j) for i, one in enumerate(mine) for j, other in enumerate(theirs)),
        reverse=True,
    )
    taken_mine: set[int] = set()
    taken_theirs: set[int] = set()
    for fit, i, j in fits:  # each negation stands for one negation
        if fit >= SAME_PLACE and i not in taken_mine and j not in taken_theirs:
            taken_mine.add(i)
            taken_theirs.add(j)
    if len(taken_mine) < len(mine):
        return 1.0
    gaps = [place_at(said.keys, at, gap=True) for at in range(len(said.keys) + 1)]
    lost = (place for j, place in enumerate(theirs) if j not in taken_theirs)
    return max((max(alike(place, gap) for gap in gaps) for place in lost), default=0.0)


def _conditions_left_out(said: Parsed, window: Sequence[Parsed]) -> float:
    """Conditions of the best sentences whose words the sentence lacks although it says what they hold for."""
    count = 0
    for span in window:
        if len(span.words & said.words) < 0.5 * len(said.words):
            continue
        for at in span.conditions:
            following = span.keys[at : at + 4]
            if following and sum(key in said.keys for key in following) < 0.5 * len(following):
                count += 1
    return float(min(3, count))


def terms(signals: Signals) -> dict[str, float]:
    """What the regression adds up: the signals, and a few bends and products of them."""
    found = {item.name: getattr(signals, item.name) for item in fields(signals)}
    return found | {
        "rival over": max(0.0, signals.rival),
        "rival clear": float(signals.rival > 0.1),
        "best squared": signals.best**2,
        "clause squared": signals.clause**2,
        "similarity squared": signals.similarity**2,
        "missing unlike": signals.missing * (1 - signals.similarity),
        "pairs and clause": (1 - signals.pairs) * (1 - signals.clause),
        "any missing": float(signals.missing > 0),
    }
