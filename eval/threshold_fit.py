"""Fits how sure a rung must be to speak: ``python -m eval.threshold_fit`` writes ``configs/thresholds.json``.

Each question of the development half is put to each rung alone; what the rung would say is right if it holds the case's
facts. A threshold is the middle of the range in which the most is gained, where a right answer counts 1 and a wrong one
costs what it costs a shop: ``WRONG``. Beside it stands the rung's risk and coverage (answering the surest first: the share
answered, the share of the answers that is wrong). Whether a message's purpose is known is fitted on the router's plans.
Does not read the test half.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import yaml

from chatbot import compose, slots
from chatbot.app import App, build
from chatbot.dialogue import NO_DIALOGUE
from configs.settings import CONFIG_DIR, load
from eval.golden import CASES, load_cases
from eval.match import says_one
from eval.quote_fit import quoted

WRONG = {"approved": 3.0, "quote": 2.0, "product_quote": 2.0, "model": 0.5, "intent": 1.0}
"""What a wrong answer costs. An approved answer is given as the shop's own word; what the model says is checked again,
so that letting it try costs time alone."""
Row = tuple[float, bool]
"""(confidence, whether what would be said is right)."""
POINTS = 20


def rows(app: App) -> dict[str, list[Row]]:
    """What each rung makes of each question."""
    found: dict[str, list[Row]] = {name: [] for name in WRONG}
    for question, language, right, calls in _questions():
        for name, confidence, said in _said(app, question, language):
            found[name].append((confidence, right(said)))
        plan = app.bot.router.plan(question, NO_DIALOGUE, language=language)[0]
        if calls is not None:
            found["intent"].append((plan.confidence, {call.name for call in plan.calls} == calls))
    return found


def _questions() -> Iterator[tuple[str, str, Callable[[str], bool], set[str] | None]]:
    for case in load_cases(CASES / "demo", split="dev"):
        turn = case.turns[0]
        calls = None if turn.calls is None else {call.name for call in turn.calls}
        must = turn.must if case.answerable else None
        if must or not case.answerable:
            yield slots.core(turn.say), case.language, _holds(must), calls
    for language, questions in yaml.safe_load((CASES / "quote_fit.yaml").read_text(encoding="utf-8")).items():
        for question in questions:
            yield question, language, _holds(None), None


def _holds(must: Sequence[str | list[str]] | None) -> Callable[[str], bool]:
    return lambda said: must is not None and all(says_one(entry, said) for entry in must)


def _said(app: App, question: str, language: str) -> Iterator[tuple[str, float, str]]:
    """(rung, confidence, what it would say)."""
    match = app.bot.answers.match(question, language)
    if match is not None:
        yield "approved", match.score, match.answer.answer[language]
    found = app.search.search(question, language=language)
    draft = quoted(app, question, language, found)
    if draft is not None:
        yield "quote", draft.confidence, "".join(piece.text for piece in draft.pieces)
        yield "model", draft.confidence, " ".join(passage.text for passage in found)
    named = app.products.resolve(question, language=language, k=1)
    if named and language == "en":
        embedding = app.bot.embeddings[language]
        text = app.search.document(f"product:{named[0].sku}")
        told = compose.product_quote(question, text, embedding.passages, embedding.query, limit=3)
        if told is not None:
            yield "product_quote", told.confidence, "".join(piece.text for piece in told.pieces)


def threshold(scored: Sequence[Row], wrong: float) -> float:
    """The middle of the best range; above all confidences if nothing is gained anywhere."""
    ordered = sorted(scored, reverse=True)
    gain, best, range_ = 0.0, 0.0, (1.0, ordered[0][0] if ordered else 1.0)
    for place, (confidence, right) in enumerate(ordered):
        gain += 1.0 if right else -wrong
        below = ordered[place + 1][0] if place + 1 < len(ordered) else 0.0
        if gain > best and below < confidence:
            best, range_ = gain, (confidence, below)
    return round(sum(range_) / 2, 3)


def risk_coverage(scored: Sequence[Row]) -> list[tuple[float, float]]:
    """At most ``POINTS`` points (share answered, share of the answers that is wrong), the surest first."""
    ordered = sorted(scored, reverse=True)
    points, wrong = [], 0
    for number, (_, right) in enumerate(ordered, 1):
        wrong += not right
        if number % max(1, len(ordered) // POINTS) == 0:
            points.append((round(number / len(ordered), 3), round(wrong / number, 3)))
    return points


def main() -> None:
    app = build(load(engine={"kind": "off"}))
    found = rows(app)
    fitted = {name: threshold(scored, WRONG[name]) for name, scored in found.items()}
    for name, scored in found.items():
        spoken = [right for confidence, right in scored if confidence >= fitted[name]]
        print(
            f"{name}: from {fitted[name]}, {len(spoken)} of {len(scored)} answered, {len(spoken) - sum(spoken)} of them wrong"
        )
    written = {
        "command": "python -m eval.threshold_fit",
        **fitted,
        "risk_coverage": {name: risk_coverage(scored) for name, scored in found.items()},
    }
    (CONFIG_DIR / "thresholds.json").write_text(json.dumps(written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
