"""``kefu eval run grounding``: is a sentence that the evidence does not back dropped, and does a true one pass?

Three parts, none of whose documents were used to fit ``configs/ground.json``: true and untrue sentences made by rule
from the test documents (``eval.ground_rows``), with planted figures, dates and negations of which none may pass;
what people said to customers from the same documents; and sentences of the packaged model, labelled by hand
(``cases/grounding``). Coverage alone and cosine alone, their thresholds fitted on the development documents, are the
baselines. Needs the data folder named by ``KEFU_DATA``.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from chatbot import compose, ground
from chatbot.ground_marks import spans
from eval.data import data_folder
from eval.golden import CASES
from eval.ground_fit import Kept, Read, embedded, made, read
from eval.ground_rows import Case
from eval.ground_sources import SETS, texts, titles
from eval.metrics import percentile
from eval.outcome import Curve, Options, Outcome, Tell
from retrieval.embed import load_embedder

HAND = CASES / "grounding" / "hand.jsonl"
_DRAWS = 500
_TIMED = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    case: Case
    dropped: bool
    sure: float


def run(options: Options, tell: Tell) -> Outcome:
    """Check every sentence of the test documents and of the labelled replies.

    Raises:
        ConfigError: ``KEFU_DATA`` does not lead to the data.
    """
    tell("sentences", 0, 4)
    dev = [case for case in made(["dev"]) if case.kind != "agent"]
    test, labelled = made(["test"]), hand_cases()
    tell("vectors", 1, 4)
    embedding = embedded([*dev, *test, *labelled])
    tell("checks", 2, 4)
    told = [verdict(case, embedding) for case in test]
    built = [one for one in told if one.case.kind != "agent"]
    agents = [one for one in told if one.case.kind == "agent"]
    hand = [verdict(case, embedding) for case in labelled]
    tell("baselines", 3, 4)
    metrics = rates(built, "unsupported_", "true_dropped_rate") | _bounds(built)
    planted = [one for one in built if one.case.planted]
    metrics |= {"planted": len(planted), "planted_passed": sum(not one.dropped for one in planted)}
    metrics |= {"agent_dropped_rate": fmean(one.dropped for one in agents), "agents": len(agents)}
    tried, known = read(dev, embedding), read([one.case for one in built], embedding)
    for name, values in (("coverage", "best"), ("cosine", "similarity")):
        metrics[f"{name}_unsupported_f1"] = _alone(tried, known, values)
    metrics |= rates(hand, "hand_", "hand_true_dropped_rate")
    metrics |= {"hand_sentences": len(hand), "hand_supported": sum(one.case.supported for one in hand)}
    metrics |= {"hand_passed_unsupported": sum(not one.dropped and not one.case.supported for one in hand)}
    metrics |= {"sentences": len(built)}
    metrics |= _speed([one.case for one in built][:: len(built) // _TIMED])
    tell("done", 4, 4)
    return Outcome(
        metrics={name: round(float(value), 4) for name, value in metrics.items()},
        about=(
            f"{len(built)} sentences made from {len({one.case.document for one in built})} test documents of doc2dial_dev, "
            f"basecamp_policies and Magento, {len(agents)} of agents, {len(hand)} of the packaged model labelled by hand"
        ),
        scores={
            "right": {_id(one, n): float(one.dropped != one.case.supported) for n, one in enumerate(built)}
        },
        plots=[_precision_recall(built), _reliability(built)],
        notes=_by_kind(told),
    )


def verdict(case: Case, embedding: Kept) -> Verdict:
    """As a turn checks a sentence."""
    check = ground.check(case.sentence, case.evidence, embedding)
    return Verdict(case, not check.ok, check.probability)


def hand_cases() -> list[Case]:
    """The labelled sentences, put together from their own words and what they copy from the documents."""
    data = data_folder(*SETS)
    known, named = texts(data), titles(data)

    def cut(place: Sequence[str | int]) -> str:
        key, start, end = place
        return known[str(key)][int(start) : int(end)]

    cases = []
    for line in HAND.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        evidence = tuple(cut(place) for place in row["evidence"])
        for said in row["sentences"]:
            sentence = "".join(piece if isinstance(piece, str) else cut(piece) for piece in said["pieces"])
            sentence = compose.unlabelled(sentence, named)
            cases.append(Case(row["id"], said["why"], said["supported"], sentence, evidence))
    return cases


# --- figures ------------------------------------------------------------------------------------------------


def rates(told: Sequence[Verdict], prefix: str, dropped_rate: str) -> dict[str, float]:
    """Precision, recall and F1 of finding what is not supported, and the share of the true that is dropped."""
    hits = sum(one.dropped and not one.case.supported for one in told)
    dropped = sum(one.dropped for one in told)
    unsupported = sum(not one.case.supported for one in told)
    return {
        f"{prefix}precision": hits / dropped if dropped else 0.0,
        f"{prefix}recall": hits / unsupported if unsupported else 0.0,
        f"{prefix}f1": 2 * hits / (dropped + unsupported) if dropped + unsupported else 0.0,
        dropped_rate: (dropped - hits) / max(1, len(told) - unsupported),
    }


def _bounds(told: Sequence[Verdict]) -> dict[str, float]:
    """The 95 % interval of F1: documents drawn anew with replacement, since sentences of one are alike."""
    counts: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(3))
    for one in told:
        counts[one.case.document] += (
            one.dropped and not one.case.supported,
            one.dropped,
            not one.case.supported,
        )
    table = np.array(list(counts.values()))
    rng = np.random.default_rng(7)
    drawn = table[rng.integers(0, len(table), (_DRAWS, len(table)))].sum(1)
    f1 = 2 * drawn[:, 0] / (drawn[:, 1] + drawn[:, 2])
    return {
        "unsupported_f1_low": float(np.quantile(f1, 0.025)),
        "unsupported_f1_high": float(np.quantile(f1, 0.975)),
    }


def _alone(dev: Sequence[Read], test: Sequence[Read], signal: str) -> float:
    """F1 on the test documents of the best threshold on one signal of the development documents."""

    def f1(rows: Sequence[Read], cut: float) -> float:
        dropped = [bool(getattr(row.signals, signal) < cut) for row in rows]
        hits = sum(out and not row.case.supported for out, row in zip(dropped, rows, strict=True))
        return float(2 * hits / max(1, sum(dropped) + sum(not row.case.supported for row in rows)))

    best = max(np.linspace(0.01, 1.0, 100), key=lambda cut: f1(dev, float(cut)))
    return f1(test, float(best))


def _speed(cases: Sequence[Case]) -> dict[str, float]:
    """One check with the real embedder; the vectors of the evidence are kept, as the pages' are. Each check counts with
    the best of three runs, since a busy machine says little about the check."""
    embedder = load_embedder("minilm")
    evidence = sorted({span.text for case in cases for text in case.evidence for span in spans(text)})
    kept = dict(zip(evidence, embedder.passages(evidence), strict=True))

    @dataclass(frozen=True, slots=True)
    class Live:
        def query(self, text: str) -> NDArray[np.float32]:
            return np.asarray(embedder.passages([text])[0])

        def passages(self, asked: Sequence[str]) -> NDArray[np.float32]:
            return np.stack([kept[text] for text in asked])

    took = []
    for case in cases:
        runs = []
        for _ in range(3):
            started = time.perf_counter()
            ground.check(case.sentence, case.evidence, Live())
            runs.append((time.perf_counter() - started) * 1000)
        took.append(min(runs))
    return {
        "check_ms": fmean(took),
        "check_p50_ms": percentile(took, 0.5),
        "check_p95_ms": percentile(took, 0.95),
    }


def _precision_recall(told: Sequence[Verdict]) -> Curve:
    """Of finding what is not supported: what is dropped comes first, and what is less probable before the rest."""
    ordered = sorted(told, key=lambda one: (not one.dropped, one.sure))
    unsupported = sum(not one.case.supported for one in told)
    points, hits = [], 0
    for count, one in enumerate(ordered, start=1):
        hits += not one.case.supported
        if count % max(1, len(ordered) // 60) == 0:
            points.append((hits / unsupported, hits / count))
    return Curve("Finding unsupported sentences", "recall", "precision", {"check": points})


def _reliability(told: Sequence[Verdict]) -> Curve:
    """How often sentences of a probability are true, among those that the regression was asked about."""
    bins: dict[int, list[Verdict]] = defaultdict(list)
    for one in told:
        if one.sure > 0:
            bins[min(9, int(one.sure * 10))].append(one)
    points = [
        (fmean(v.sure for v in part), fmean(v.case.supported for v in part))
        for _, part in sorted(bins.items())
    ]
    return Curve(
        "Reliability",
        "probability",
        "share that is true",
        {"check": points, "ideal": [(0.0, 0.0), (1.0, 1.0)]},
    )


def _by_kind(told: Iterable[Verdict]) -> list[str]:
    groups: Mapping[tuple[bool, str], list[Verdict]] = defaultdict(list)
    for one in told:
        groups[not one.case.supported, one.case.kind].append(one)
    return [
        f"{'untrue' if untrue else 'true'}: {kind}: {sum(one.dropped for one in part)} of {len(part)} dropped"
        for (untrue, kind), part in sorted(groups.items())
    ]


def _id(one: Verdict, number: int) -> str:
    return f"{one.case.document}/{one.case.kind}/{number}"
