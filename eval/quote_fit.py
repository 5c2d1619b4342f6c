"""Fits how sure a quote must be: ``python -m eval.quote_fit`` writes ``configs/quote.json``.

Each question is searched and quoted as in a turn; the signals of the quote are one row, and whether it answers is
the label. Rows come from the questions that search was fitted on and the wordings of the demo shop's approved
answers (their passage or page is known), from the development half of the golden cases, and from questions that the
pages do not answer. Chinese questions over English pages have coefficients of their own. Does not read the test half.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from importlib.resources import files

import numpy as np
import yaml
from numpy.typing import NDArray

from chatbot import compose, lang, slots
from chatbot.app import App, build
from configs.settings import CONFIG_DIR, load
from eval.golden import CASES, load_cases
from eval.match import says_one
from retrieval.passages import Passage

AUTO_WEIGHT = 0.4
"""Rows whose label follows from a page's or passage's name alone count less than those that were judged by facts."""
RIDGE = 0.3


@dataclass(frozen=True, slots=True)
class Row:
    same_language: bool
    signals: compose.QuoteSignals
    answers: bool
    weight: float
    origin: str


def quoted(app: App, question: str, language: str, passages: Sequence[Passage]) -> compose.QuoteDraft | None:
    """The quote of a turn for this question over these passages."""
    embedding = app.bot.embeddings[language]
    limit = app.settings.compose.quote_sentences
    vector = embedding.query(question)
    return compose.quote(question, vector, passages, embedding.passages, language=language, limit=limit)


def _row(
    draft: compose.QuoteDraft | None, language: str, answers: bool, weight: float, origin: str
) -> Iterator[Row]:
    if draft is not None and draft.signals is not None:
        yield Row(draft.passage.language == language, draft.signals, answers, weight, origin)


def approved_rows(app: App) -> Iterator[Row]:
    text = (files("chatbot.demo") / "answers.yaml").read_text(encoding="utf-8")
    for answer in yaml.safe_load(text):
        for question in answer["questions"]:
            language = lang.detect_language(question)
            draft = quoted(app, question, language, app.search.search(question, language=language))
            # Another page may answer as well, so only a quote from the named page is a sure label.
            if draft and draft.passage.source.startswith(f"{answer['source']}."):
                yield from _row(draft, language, True, AUTO_WEIGHT, "approved")


def search_rows(app: App) -> Iterator[Row]:
    cases = yaml.safe_load((CASES / "search" / "demo.yaml").read_text(encoding="utf-8"))
    for language, questions in cases.items():
        for case in questions:
            draft = quoted(app, case["q"], language, app.search.search(case["q"], language=language))
            answers = draft is not None and draft.passage.id.startswith(tuple(case.get("gold", ["-"])))
            yield from _row(draft, language, answers, AUTO_WEIGHT, "search")


def unanswerable_rows(app: App) -> Iterator[Row]:
    for language, questions in yaml.safe_load((CASES / "quote_fit.yaml").read_text(encoding="utf-8")).items():
        for question in questions:
            draft = quoted(app, question, language, app.search.search(question, language=language))
            yield from _row(draft, language, False, 1.0, "unanswerable")


def case_rows(app: App) -> Iterator[Row]:
    """First turns of the development half that no tool answers."""
    for case in load_cases(CASES / "demo", split="dev"):
        turn = case.turns[0]
        if turn.calls or (case.answerable and not turn.must):
            continue
        question = slots.core(turn.say)
        draft = quoted(app, question, case.language, app.search.search(question, language=case.language))
        said = "".join(piece.text for piece in draft.pieces) if draft else ""
        answers = case.answerable and all(says_one(entry, said) for entry in turn.must)
        yield from _row(draft, case.language, answers, 1.0, "case")


def fit(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Weighted logistic regression with a ridge, by Newton's method; the first coefficient is the intercept."""
    x = np.array([(1.0, *astuple(row.signals)) for row in rows])
    y = np.array([row.answers for row in rows], dtype=float)
    weight = np.array([row.weight for row in rows])
    penalty = RIDGE * np.diag([1e-6] + [1.0] * (x.shape[1] - 1))
    w = np.zeros(x.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (weight * (p - y)) + penalty @ w
        w -= np.linalg.solve(x.T @ (x * (weight * p * (1 - p))[:, None]) + penalty, gradient)
    return w


def describe(rows: Sequence[Row], w: NDArray[np.float64]) -> None:
    """Recall of answers and share of non-answers let through, by threshold and origin."""
    p = 1 / (1 + np.exp(-np.array([(1.0, *astuple(row.signals)) for row in rows]) @ w))
    for threshold in (0.3, 0.4, 0.45, 0.5, 0.6, 0.7):
        told = []
        for origin in dict.fromkeys(row.origin for row in rows):
            own = np.array([row.origin == origin for row in rows])
            yes = own & np.array([row.answers for row in rows])
            no = own & ~np.array([row.answers for row in rows])
            told.append(
                f"{origin} {np.mean(p[yes] > threshold) if yes.any() else 0:.2f}/{np.mean(p[no] > threshold) if no.any() else 0:.2f}"
            )
        print(f"  {threshold}: recall/let through  " + "  ".join(told))


def main() -> None:
    settings = load(engine={"kind": "off"})
    app = build(settings)
    rows = [*approved_rows(app), *search_rows(app), *unanswerable_rows(app), *case_rows(app)]
    fitted = {}
    for name, same in (("same_language", True), ("cross_lingual", False)):
        chosen = [row for row in rows if row.same_language == same]
        w = fit(chosen)
        fitted[name] = [round(float(value), 3) for value in w]
        print(name, len(chosen), "rows", fitted[name])
        describe(chosen, w)
    (CONFIG_DIR / "quote.json").write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
