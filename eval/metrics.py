"""From replayed cases to figures: who passed, how often, and how sure that is. Knows no bot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from chatbot.conversation import Card, Citation, ToolCall
from eval.claims import Wrong
from eval.golden import ABSTAINING, Call, Case, Say
from eval.match import says_one


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one message. ``kind`` is ``failed`` if the turn broke."""

    text: str
    kind: str
    rung: str
    calls: Sequence[ToolCall] = ()
    cards: Sequence[Card] = ()
    citations: Sequence[Citation] = ()
    done_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnResult:
    """``problems`` are told in words; empty if the reply is right. ``None`` scores were not asked for."""

    say: Say
    reply: Reply
    problems: Sequence[str]
    calls_ok: bool | None
    source_recall: float | None
    wrong: Sequence[Wrong] = ()
    leaked: Sequence[Wrong] = ()
    facts: int = 0
    """How many figures were held against the data."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    case: Case
    turns: Sequence[TurnResult]
    problems: Sequence[str] = field(default=())
    """Of the case as a whole: its final state."""

    @property
    def passed(self) -> bool:
        return not self.problems and not any(turn.problems for turn in self.turns)

    @property
    def abstained(self) -> bool:
        """Whether the last reply promised nothing."""
        return self.turns[-1].reply.kind in ABSTAINING

    @property
    def rung(self) -> str:
        return self.turns[-1].reply.rung


def judge(say: Say, reply: Reply) -> TurnResult:
    """Score one reply; wrong facts and leaks are added by who knows the shop."""
    problems = [f"does not say {_shown(entry)}" for entry in say.must if not says_one(entry, reply.text)]
    problems += [f"says {_shown(entry)}" for entry in say.must_not if says_one(entry, reply.text)]
    if say.kind and reply.kind not in say.kind:
        problems.append(f"is {reply.kind}, not {' or '.join(say.kind)}")
    if reply.kind == "failed":
        problems.append("the turn failed")
    calls_ok = None if say.calls is None else calls_match(say.calls, reply.calls)
    return TurnResult(say, reply, tuple(problems), calls_ok, recall(say.sources, reply))


def calls_match(wanted: Sequence[Call], made: Sequence[ToolCall]) -> bool:
    """Whether each wanted call was made, its arguments among others; no call wanted means none made."""
    if not wanted:
        return not made
    return all(any(_is_call(call, done) for done in made) for call in wanted)


def _is_call(wanted: Call, made: ToolCall) -> bool:
    return wanted.name == made.name and all(
        _same(value, made.arguments.get(name)) for name, value in wanted.arguments.items()
    )


def _same(wanted: object, got: object) -> bool:
    if isinstance(wanted, (int, float)) and isinstance(got, (int, float)):
        return float(wanted) == float(got)
    return str(wanted).casefold() == str(got).casefold()


def recall(wanted: Sequence[str | list[str]], reply: Reply) -> float | None:
    """The share of the wanted sources that the reply shows; None if none is wanted."""
    if not wanted:
        return None
    shown = sources(reply)
    return fmean(
        any(option.casefold() in shown for option in ([entry] if isinstance(entry, str) else entry))
        for entry in wanted
    )


def sources(reply: Reply) -> set[str]:
    """Names of cited pages, and ``product:SKU`` of products cited, shown on a card or looked up."""
    pages = {stem(citation.source) for citation in reply.citations}
    cards = {f"product:{card.id}".casefold() for card in reply.cards if card.kind == "product"}
    looked_up = {
        f"product:{call.arguments['sku']}".casefold() for call in reply.calls if call.arguments.get("sku")
    }
    return pages | cards | looked_up


def stem(source: str) -> str:
    """``pages/returns.md`` is ``returns``; ``product:KIT-0001`` stays as it is."""
    if source.startswith("product:"):
        return source.casefold()
    return source.rsplit("/", 1)[-1].rsplit(".", 1)[0].casefold()


def _shown(entry: str | list[str]) -> str:
    return repr(entry) if isinstance(entry, str) else " or ".join(map(repr, entry))


# --- figures ------------------------------------------------------------------------------------------------


def summary(results: Sequence[CaseResult]) -> dict[str, float]:
    """The suite's metrics, over all cases and over each split that is there."""
    found = _figures(results, "")
    for split in ("dev", "test"):
        part = [result for result in results if result.case.split == split]
        if part and len(part) < len(results):
            found |= _figures(part, f"_{split}")
    return found


def _figures(results: Sequence[CaseResult], suffix: str) -> dict[str, float]:
    turns = [turn for result in results for turn in result.turns]
    answerable = [result.passed for result in results if result.case.answerable]
    others = [result for result in results if not result.case.answerable]
    rates: dict[str, Sequence[float]] = {
        "answerable_pass_rate": answerable,
        "unanswerable_abstain_rate": [result.abstained for result in others],
        "unanswerable_pass_rate": [result.passed for result in others],
        "call_accuracy": [turn.calls_ok for turn in turns if turn.calls_ok is not None],
        "source_recall": [turn.source_recall for turn in turns if turn.source_recall is not None],
    }
    found = {f"{name}{suffix}": round(fmean(values), 4) for name, values in rates.items() if values}
    for name in ("answerable_pass_rate", "unanswerable_abstain_rate"):
        if rates[name]:
            low, high = interval(rates[name])
            found |= {f"{name}{suffix}_low": round(low, 4), f"{name}{suffix}_high": round(high, 4)}
    found[f"cases{suffix}"] = len(results)
    found[f"turns{suffix}"] = len(turns)
    found[f"facts_checked{suffix}"] = sum(turn.facts for turn in turns)
    found[f"wrong_facts{suffix}"] = sum(len(turn.wrong) for turn in turns)
    found[f"leaks{suffix}"] = sum(len(turn.leaked) for turn in turns)
    return found


def interval(
    values: Sequence[float], *, share: float = 0.95, draws: int = 2000, seed: int = 7
) -> tuple[float, float]:
    """The bootstrap interval of the mean: cases drawn anew with replacement."""
    given = np.asarray(values, np.float64)
    rng = np.random.default_rng(seed)
    means = np.sort([given[rng.integers(len(given), size=len(given))].mean() for _ in range(draws)])
    cut = (1 - share) / 2
    return float(means[int(cut * draws)]), float(means[min(draws - 1, int((1 - cut) * draws))])


def by(results: Iterable[CaseResult], key: Callable[[CaseResult], str]) -> Mapping[str, tuple[int, int]]:
    """Passed and all, by group, the groups in order of their names."""
    groups: dict[str, list[bool]] = {}
    for result in results:
        groups.setdefault(key(result), []).append(result.passed)
    return {name: (sum(groups[name]), len(groups[name])) for name in sorted(groups)}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie, interpolated; 0.0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
