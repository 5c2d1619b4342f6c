"""Fits the constants of search and writes them to ``configs/search.json``.

Two kinds of logistic regression, for each embedder. *Context*: does a turn continue the dialogue? Turns of
doc2dial_dev (tuning half) against first turns behind another dialogue. *Passage*: does a passage answer the
question? The development questions of ``eval/cases/search`` over the demo shop's pages, cross-validated by
question; Chinese ones with and without the glossary. Prints what the fits are worth. Needs the data folder
named by ``KEFU_DATA``.

    KEFU_DATA=… python -m eval.search_fit [--home FOLDER]
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from eval.doc2dial import Question, build, shifted
from retrieval.confidence import FITTED, load_fitted
from retrieval.embed import load_embedder
from retrieval.index import Index
from retrieval.ingest import ingest_docs
from retrieval.search import Search

Matrix = NDArray[np.float64]
CASES = Path(__file__).parent / "cases" / "search" / "demo.yaml"
PAGES = Path(__file__).parent.parent / "chatbot" / "demo" / "pages"
NO_GLOSSARY = "xx"
"""A language for which there is no glossary."""
_E5_DIALOGUES = 150
"""e5 is slow: so many of each kind are enough for two coefficients."""


@dataclass(frozen=True)
class Examples:
    """``groups`` says which rows belong to one question."""

    signals: Matrix
    labels: Matrix
    groups: NDArray[np.int64]


def fit(signals: Matrix, labels: Matrix, *, ridge: float = 0.01) -> list[float]:
    """Logistic regression by Newton's method, the intercept first; the ridge holds on standardised signals."""
    mean, deviation = signals.mean(0), signals.std(0) + 1e-9
    design = np.column_stack([np.ones(len(signals)), (signals - mean) / deviation])
    penalty = np.diag([0.0] + [ridge] * signals.shape[1])
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (p - labels) / len(labels) + penalty @ beta
        hessian = (design * (p * (1 - p))[:, None]).T @ design / len(labels) + penalty
        beta -= np.linalg.solve(hessian, gradient)
    slopes = beta[1:] / deviation
    return [round(float(b), 4) for b in (beta[0] - slopes @ mean, *slopes)]


def predict(coefficients: Sequence[float], signals: Matrix) -> Matrix:
    return np.asarray(1 / (1 + np.exp(-(coefficients[0] + signals @ np.array(coefficients[1:])))))


def held_out(examples: Examples, folds: int = 5) -> Matrix:
    """Predictions for each row by a fit that has not seen its question."""
    fold = np.random.default_rng(0).permutation(examples.groups.max() + 1)[examples.groups] % folds
    out = np.zeros(len(examples.labels))
    for n in range(folds):
        seen = fold != n
        out[~seen] = predict(fit(examples.signals[seen], examples.labels[seen]), examples.signals[~seen])
    return out


def auc(positive: Matrix, negative: Matrix) -> float:
    """How often a positive is above a negative; ties count half."""
    greater = (positive[:, None] > negative[None, :]).mean()
    return float(greater + (positive[:, None] == negative[None, :]).mean() / 2)


def context_examples(search: Search, questions: Sequence[Question]) -> Examples:
    """Signals of turns that continue their dialogue and of turns that do not, as many of each."""
    tuning = [question for question in questions if question.tuning]
    new = shifted(tuning)
    continuing = [question for question in tuning if len(question.turns) >= 3]
    count = len(new) if search.embedder.name == "minilm" else _E5_DIALOGUES
    continuing, new = random.Random(0).sample(continuing, count), new[:count]
    rows = [search.context(question.turns[0], question.dialogue).fitted for question in (*continuing, *new)]
    labels = np.repeat([1.0, 0.0], [len(continuing), len(new)])
    return Examples(np.array(rows), labels, np.arange(len(rows)))


def passage_examples(search: Search, cases: Sequence[Mapping[str, Any]], language: str) -> Examples:
    rows, labels, groups = [], [], []
    for group, case in enumerate(cases):
        gold = tuple(map(str, case.get("gold", ())))
        for passage, signals in search.examine(str(case["q"]), language=language, k=6):
            rows.append(signals.fitted)
            labels.append(float(bool(gold) and passage.id.startswith(gold)))
            groups.append(group)
    return Examples(np.array(rows), np.array(labels), np.array(groups))


def report_passages(examples: Examples, answerable: NDArray[np.bool_]) -> dict[str, float]:
    """What the confidence is worth, on questions that its fit has not seen."""
    p = held_out(examples)
    top = np.array([p[examples.groups == group].max() for group in range(len(answerable))])
    first = np.array([examples.labels[examples.groups == group][0] for group in range(len(answerable))])
    found = np.array([examples.labels[examples.groups == group].max() for group in range(len(answerable))])
    likelihood = examples.labels * np.log(p) + (1 - examples.labels) * np.log(1 - p)
    sure = p >= 0.5
    return {
        "r1": float(first[answerable].mean()),
        "r6": float(found[answerable].mean()),
        "log_loss": float(-likelihood.mean()),
        "answerable_auc": auc(top[answerable], top[~answerable]),
        "precision_at_0.5": float(examples.labels[sure].mean()) if sure.any() else 1.0,
        "answerable_above_0.35": float((top[answerable] >= 0.35).mean()),
        "unanswerable_below_0.35": float((top[~answerable] < 0.35).mean()),
        "answerable_above_0.5": float((top[answerable] >= 0.5).mean()),
        "unanswerable_below_0.5": float((top[~answerable] < 0.5).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the constants of search")
    parser.add_argument("--home", type=Path, help="keeps the indexes there, so that a second run is quick")
    home = parser.parse_args().home
    embedders = {name: load_embedder(name) for name in ("minilm", "e5-small-q4")}
    cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    fitted = {key: dict(value) if isinstance(value, dict) else value for key, value in load_fitted().items()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = home or Path(scratch)
        dialogues = {}
        for name in embedders:
            index, questions = build(folder / f"doc2dial-{name}", name)
            dialogues[name] = context_examples(Search(index), questions)
            index.close()
        index = Index(folder / "demo", embedders["minilm"], multilingual=embedders["e5-small-q4"])
        ingest_docs(index, [PAGES])
        for name, context in dialogues.items():
            p = held_out(context)
            print(f"{name} context: auc {auc(p[context.labels == 1], p[context.labels == 0]):.3f}")
            fitted["context"][name] = fit(context.signals, context.labels)
        english_only = Index(folder / "demo", embedders["minilm"])
        for name, reader, part, language in (
            ("minilm", index, "en", "en"),
            ("e5-small-q4", index, "zh", NO_GLOSSARY),
            ("e5-small-q4+gloss", index, "zh", "zh"),
            ("minilm+gloss", english_only, "zh", "zh"),
        ):
            passages = passage_examples(Search(reader), cases[part], language)
            answerable = np.array([bool(case.get("gold")) for case in cases[part]])
            for key, value in report_passages(passages, answerable).items():
                print(f"{name} passage: {key} {value:.3f}")
            fitted["passage"][name] = fit(passages.signals, passages.labels)
        english_only.close()
        index.close()
    FITTED.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    print(f"written to {FITTED}")


if __name__ == "__main__":
    main()
