"""Fits from which confidence each rung may speak: ``python -m eval.threshold_fit`` writes ``configs/thresholds.json``.

Development questions of the demo shop, of doc2dial and of basecamp's policies are asked with one rung alone, which has
to speak whatever its confidence; each question is then a trial with a confidence and whether the reply was right. The
threshold is the one with the best effective reliability (Whitehead et al. 2022): a right answer counts 1, silence 0, a
wrong answer minus what it costs; an approved answer is held against what the rungs below say there. Answers are decided on the demo, which is a shop, since on the other two the confidence
in a quote does not tell right from wrong, so that no threshold would help; what it does there is kept beside it. A
threshold with too few trials stays as it is. The file keeps each threshold's curve of coverage and risk. Needs the data folder named by ``KEFU_DATA``. Does not read the test halves.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.console import Console

from chatbot.app import App, build
from chatbot.conversation import Turn
from configs.settings import THRESHOLDS, Settings, load
from eval.demo import ask, demo_app
from eval.golden import CASES, Case, load_cases
from eval.metrics import judge
from eval.policies import ask as ask_there
from eval.policies import finds_gold, offers_gold
from eval.policy_data import Place, basecamp, doc2dial

COST = {"offer": 0.5}
"""What a wrong answer costs, in right answers: two; a wrong offer of sections only a look at them."""
OTHER_COST = 2.0
DECIDED_ON = {"offer": ("doc2dial", "basecamp")}
"""The shops whose trials choose the threshold; for the others the demo."""
FEWEST = 20
"""A rung that spoke in fewer trials keeps its threshold."""
SILENT = -1.0
"""The confidence of a rung that said nothing."""
SAMPLE = 150
MODEL_EVERY = 5
"""The model is slow: it answers every so many-th question."""
_STEP = 0.01
_CURVE_STEP = 0.05
_RUNGS: Mapping[str, Mapping[str, object]] = {
    "approved": {"rungs": ("tool", "approved"), "approved_threshold": 0.0},
    "quote": {"rungs": ("tool", "quote"), "quote_threshold": 0.0, "product_quote_threshold": 2.0},
    "product_quote": {"rungs": ("tool", "quote"), "quote_threshold": 0.0, "product_quote_threshold": 0.0},
    "model": {"rungs": ("tool", "model"), "model_threshold": 0.0, "quote_threshold": 0.0},
    "offer": {"rungs": ("tool",), "offer_threshold": 0.0},
    "below approved": {"rungs": ("tool", "quote", "model")},
}
"""How the ladder is cut for each threshold."""

NAMES = ("approved", "quote", "product_quote", "model", "offer", "intent")
console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """``instead`` is what the rungs below are worth there, if this one says nothing."""

    shop: str
    confidence: float
    right: bool
    instead: float = 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """``coverage``: the share of questions that are answered; ``risk``: the share of the answers that are wrong."""

    threshold: float
    coverage: float
    risk: float
    reliability: float


# --- from trials to a threshold -----------------------------------------------------------------------------


def at(trials: Sequence[Trial], threshold: float, cost: float) -> Point:
    """What a threshold does to the trials, each shop counting the same."""
    shops = _by_shop(trials)
    coverage = wrong = worth = 0.0
    for own in shops.values():
        spoken = [trial for trial in own if trial.confidence >= threshold]
        false = sum(not trial.right for trial in spoken)
        coverage += len(spoken) / len(own) / len(shops)
        wrong += false / len(own) / len(shops)
        gained = len(spoken) - false - cost * false - sum(trial.instead for trial in spoken)
        worth += gained / len(own) / len(shops)
    return Point(threshold, coverage, wrong / coverage if coverage else 0.0, worth)


def best(trials: Sequence[Trial], cost: float) -> Point:
    """The middle of the thresholds that are best, as far as they lie side by side."""
    points = [at(trials, round(number * _STEP, 2), cost) for number in range(int(1 / _STEP) + 1)]
    top = max(point.reliability for point in points)
    first = next(n for n, point in enumerate(points) if point.reliability >= top - 1e-9)
    last = first
    while last + 1 < len(points) and points[last + 1].reliability >= top - 1e-9:
        last += 1
    return points[(first + last) // 2]


def fitted(name: str, trials: Sequence[Trial], before: float) -> dict[str, object]:
    """What the file says of one threshold; ``before`` stays if the trials are too few."""
    cost = COST.get(name, OTHER_COST)
    deciding = [trial for trial in trials if trial.shop in DECIDED_ON.get(name, ("demo",))]
    enough = sum(trial.confidence > SILENT for trial in deciding) >= FEWEST
    threshold = best(deciding, cost).threshold if enough else before
    told: dict[str, object] = {"threshold": threshold, "fitted": enough}
    for shop, own in _by_shop(trials).items():
        steps = [at(own, round(n * _CURVE_STEP, 2), cost) for n in range(int(1 / _CURVE_STEP) + 1)]
        told[shop] = {
            "trials": len(own),
            "there": _rounded(at(own, threshold, cost)),
            "curve": [_rounded(point) for point in steps if point.coverage],
        }
    return told


def _by_shop(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    shops: dict[str, list[Trial]] = {}
    for trial in trials:
        shops.setdefault(trial.shop, []).append(trial)
    return shops


def _rounded(point: Point) -> list[float]:
    """Threshold, coverage, risk."""
    return [point.threshold, round(point.coverage, 3), round(point.risk, 3)]


# --- trials -------------------------------------------------------------------------------------------------


def cut(settings: Settings, rung: str) -> Settings:
    """The settings under which this rung alone speaks, however unsure."""
    return settings.model_copy(update={"compose": settings.compose.model_copy(update=dict(_RUNGS[rung]))})


async def demo_turns(
    app: App, cases: Sequence[Case], rung: str
) -> AsyncIterator[tuple[str, Turn, bool, bool | None]]:
    """Each turn of the cases under the cut ladder by its name, whether it was right, and whether its calls were."""
    cut_app = replace(app, bot=replace(app.bot, settings=cut(app.settings, rung)))
    for case in cases:
        conversation = app.store.create_conversation(f"fit-{case.id}", case.customer, case.language)
        for number, say in enumerate(case.turns):
            reply, turn = await ask(cut_app, conversation, say.say)
            judged = judge(say, reply)
            if turn is not None:
                yield f"{case.id}/{number}", turn, not judged.problems, judged.calls_ok
            conversation = app.store.conversation(conversation.id)


async def demo_trials(app: App, cases: Sequence[Case], rung: str) -> list[Trial]:
    """Trials of one rung. Of ``intent``: a message's purpose is right if the calls that follow from it were made."""
    if rung == "intent":
        return [
            Trial("demo", min(plan.confidence for plan in turn.plans), calls_ok)
            async for _, turn, _, calls_ok in demo_turns(app, cases, "below approved")
            if calls_ok is not None
        ]
    trials = await _named_trials(app, cases, rung, rung)
    if rung != "approved":
        return list(trials.values())
    below = await _named_trials(app, cases, "below approved", "")
    return [
        replace(trial, instead=_worth(below[name], OTHER_COST))
        for name, trial in trials.items()
        if name in below
    ]


async def _named_trials(app: App, cases: Sequence[Case], ladder: str, rung: str) -> dict[str, Trial]:
    every = demo_turns(app, cases, ladder)
    return {name: trial async for name, turn, right, _ in every for trial in _of(turn, rung, right)}


def _worth(trial: Trial, cost: float) -> float:
    return 0.0 if trial.confidence == SILENT else 1.0 if trial.right else -cost


def _of(turn: Turn, rung: str, right: bool) -> Iterator[Trial]:
    """A turn that a tool answered is no trial of another rung; a quote of a product is none of the pages. Without a rung:
    whatever answered."""
    said = turn.reply
    if said.rung in ("tool", "social") or any(result.cards for result in turn.evidence.results):
        return
    speaker = {"product_quote": "quote", "": said.rung}.get(rung, rung)
    if said.rung != speaker or said.kind != "answer":
        if rung != "product_quote":
            yield Trial("demo", SILENT, right=False)
        return
    of_product = any(citation.source.startswith("product:") for citation in said.citations)
    if rung in ("quote", "product_quote") and of_product != (rung == "product_quote"):
        return
    yield Trial("demo", said.confidence, right)


async def policy_trials(app: App, place: Place, rung: str) -> list[Trial]:
    """Right is a quote or a citation of a passage with gold; of offered sections, one that holds gold."""
    settings = cut(place.settings, rung)
    rungs = tuple(name for name in settings.compose.rungs if name not in ("approved", "tool"))
    trials = []
    asked = place.questions[::MODEL_EVERY] if rung == "model" else place.questions
    for question in asked:
        got = await ask_there(app, replace(place, settings=settings), question, rungs)
        if rung == "offer":
            scores = [passage.score for passage in got.passages.values() if passage.kind == "page"]
            offered = bool(got.reply.quick_replies[:-1]) and scores
            trials.append(Trial(place.shop, max(scores) if offered else SILENT, offers_gold(got)))
        elif got.spoke:
            right = place.answerable and finds_gold(got)
            trials.append(Trial(place.shop, got.reply.confidence, right))
        else:
            trials.append(Trial(place.shop, SILENT, right=False))
    return trials


async def trials_of(settings: Settings) -> dict[str, list[Trial]]:
    cases = load_cases(CASES / "demo", split="dev")
    found: dict[str, list[Trial]] = {name: [] for name in NAMES}
    async with demo_app(settings, console.print) as app:
        for rung in (name for name in NAMES if name != "offer"):
            console.print(f"demo: {rung}")
            found[rung] += await demo_trials(app, cases, rung)

    def tell(stage: str, done: int, total: int) -> None:
        if done == total:
            console.print(stage)

    for place in (*doc2dial(settings, "dev", SAMPLE, SAMPLE, tell), *basecamp(settings, "dev", tell)):
        app = build(place.settings)
        try:
            for rung in ("quote", "model", "offer"):
                console.print(f"{place.shop}{'' if place.answerable else ', unanswerable'}: {rung}")
                found[rung] += await policy_trials(app, place, rung)
        finally:
            await app.aclose()
    return found


def main() -> None:
    settings = load()
    found = asyncio.run(trials_of(settings))
    made = {
        name: fitted(name, trials, getattr(settings.compose, f"{name}_threshold"))
        for name, trials in found.items()
    }
    for name, told in made.items():
        console.print(name, {key: value for key, value in told.items() if key in ("threshold", "fitted")})
    THRESHOLDS.write_text(json.dumps(made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
