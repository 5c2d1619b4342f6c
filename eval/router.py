"""``kefu eval run router``: the trained intent classifier on two public sets, without the shop.

banking77: accuracy on the training file in five folds, drawn per intent with a fixed seed; the baseline is the classifier
that is not trained, nearest examples, over the examples of the first fold. clinc150: trained on its training part, judged on its
validation part, where 100 messages are of no intent. Needs the data folder named by ``KEFU_DATA``.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.intent_model import IntentModel
from chatbot.intents import OUT_OF_SCOPE, IntentClassifier, packaged_intents
from configs.errors import ConfigError
from eval.golden import CASES, load_cases
from eval.metrics import interval
from eval.report import err, out, print_json, print_metrics
from retrieval.embed import load_embedder

SEED = 0
FOLDS = 5
BASELINE = 4
"""Every so many-th message is put to the baseline, which takes one at a time."""
ZERO_SHOT_FALSE = 0.05
"""The share of the demo's questions at which the recall of the classifier that is not trained is told."""
Labelled = Sequence[tuple[str, str]]


def run_router(*, as_json: bool = False) -> dict[str, float]:
    """Train and judge on both sets, print the report.

    Raises:
        ConfigError: ``KEFU_DATA`` does not lead to the data.
    """
    started = time.perf_counter()
    banking, clinc = _data("banking77", "train.csv"), _data("clinc150", "train_val.json")
    metrics = {**_banking(banking), **_clinc(clinc), **_zero_shot_scope(clinc)}
    print_metrics(out(quiet=as_json), metrics)
    if as_json:
        print_json("suite", "router", metrics, time.perf_counter() - started)
    return metrics


def _banking(file: Path) -> dict[str, float]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(lines)]
    embedder = load_embedder("minilm")
    err.print(f"[dim]banking77: {len(rows):,} messages in {FOLDS} folds[/dim]")
    started = time.perf_counter()
    vectors = dict(
        zip([text for text, _ in rows], embedder.passages([text for text, _ in rows]), strict=True)
    )
    embedding = time.perf_counter() - started

    def kept(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([vectors[text] for text in texts], np.float32)

    right: list[float] = []
    plain: list[float] = []
    training = 0.0
    for number, (train, test) in enumerate(folds(rows)):
        started = time.perf_counter()
        model = IntentModel.train(grouped(train), kept)
        training = max(training, time.perf_counter() - started)
        right += _right(model, kept([text for text, _ in test]), [label for _, label in test])
        if number == 0:
            nearest = IntentClassifier(grouped(train), kept, lambda text: vectors[text])
            plain = [float(_best(nearest.scores(text)) == label) for text, label in test[::BASELINE]]
    low, high = interval(right)
    return {
        "accuracy": round(float(np.mean(right)), 4),
        "accuracy_low": round(low, 4),
        "accuracy_high": round(high, 4),
        "nearest_accuracy": round(float(np.mean(plain)), 4),
        "train_seconds": round(embedding + training, 1),
    }


def _clinc(file: Path) -> dict[str, float]:
    parts: Mapping[str, list[tuple[str, str]]] = json.loads(file.read_text(encoding="utf-8"))
    err.print(f"[dim]clinc150: training on {len(parts['train']):,} messages[/dim]")
    embedder = load_embedder("minilm")
    model = IntentModel.train(grouped(parts["train"]), embedder.passages)
    inside = embedder.passages([text for text, _ in parts["val"]])
    outside = embedder.passages([text for text, _ in parts["oos_val"]])
    found = (model.scope(outside) < model.limit).astype(float).tolist()
    false = (model.scope(inside) < model.limit).astype(float).tolist()
    right = _right(model, inside, [label for _, label in parts["val"]])
    (low, high), (false_low, false_high) = interval(found), interval(false)
    return {
        "clinc_accuracy": round(float(np.mean(right)), 4),
        "oos_recall": round(float(np.mean(found)), 4),
        "oos_recall_low": round(low, 4),
        "oos_recall_high": round(high, 4),
        "false_oos_rate": round(float(np.mean(false)), 4),
        "false_oos_rate_low": round(false_low, 4),
        "false_oos_rate_high": round(false_high, 4),
    }


def _zero_shot_scope(file: Path) -> dict[str, float]:
    """How well the classifier that is not trained tells clinc150's messages out of scope from the demo's answerable
    questions: recall where so many of those would be taken for out of scope, and with its confidence above one half."""
    parts: Mapping[str, list[tuple[str, str]]] = json.loads(file.read_text(encoding="utf-8"))
    asked = [c.turns[0].say for c in load_cases(CASES / "demo") if c.language == "en" and c.answerable]
    embedder = load_embedder("minilm")
    router = IntentClassifier(
        packaged_intents("en"), embedder.passages, lambda text: embedder.queries([text])[0]
    )
    inside = np.array([router.scores(text)[OUT_OF_SCOPE] for text in asked])
    outside = np.array([router.scores(text)[OUT_OF_SCOPE] for text, _ in parts["oos_val"]])
    found = (outside > np.quantile(inside, 1 - ZERO_SHOT_FALSE)).astype(float).tolist()
    low, high = interval(found)
    return {
        "zero_shot_oos_recall": round(float(np.mean(found)), 4),
        "zero_shot_oos_recall_low": round(low, 4),
        "zero_shot_oos_recall_high": round(high, 4),
        "zero_shot_false_oos_rate": ZERO_SHOT_FALSE,
        "zero_shot_oos_sure": round(float((outside > 0.5).mean()), 4),
        "zero_shot_false_oos_sure": round(float((inside > 0.5).mean()), 4),
    }


def folds(rows: Labelled) -> Iterator[tuple[Labelled, Labelled]]:
    """(train, test) for each fold; each label is spread evenly over the folds."""
    rng = np.random.default_rng(SEED)
    fold = np.zeros(len(rows), np.int64)
    by_label: dict[str, list[int]] = {}
    for number, (_, label) in enumerate(rows):
        by_label.setdefault(label, []).append(number)
    for own in by_label.values():
        fold[rng.permutation(own)] = np.arange(len(own)) % FOLDS
    for n in range(FOLDS):
        yield (
            [row for row, own in zip(rows, fold, strict=True) if own != n],
            [row for row, own in zip(rows, fold, strict=True) if own == n],
        )


def grouped(rows: Labelled) -> dict[str, list[str]]:
    examples: dict[str, list[str]] = {}
    for text, label in rows:
        examples.setdefault(label, []).append(text)
    return examples


def _best(scores: Mapping[str, float]) -> str:
    return max(scores, key=lambda name: scores[name])


def _right(model: IntentModel, vectors: NDArray[np.float32], labels: Sequence[str]) -> list[float]:
    best = model.probabilities(vectors).argmax(1)
    return [float(model.intents[i] == label) for i, label in zip(best, labels, strict=True)]


def _data(folder: str, file: str) -> Path:
    path = Path(os.environ.get("KEFU_DATA", "")) / folder / file
    if not path.exists():
        raise ConfigError(f"there is no {path}", expected=f"KEFU_DATA to name the folder that holds {folder}")
    return path
