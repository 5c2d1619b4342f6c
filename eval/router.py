"""``kefu eval run router``: the trained intent classifier on two public sets, without the shop.

banking77: accuracy on two of five folds of the training file, drawn per intent with a fixed seed; the baseline is the classifier
that is not trained, nearest examples, over the examples of the first fold. clinc150: trained on its training part, judged on its
validation part, where 100 messages are of no intent. Needs the data folder named by ``KEFU_DATA``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.intent_model import IntentModel
from chatbot.intents import OUT_OF_SCOPE, IntentClassifier, packaged_intents
from eval.data import data_file
from eval.golden import CASES, load_cases
from eval.metrics import interval
from eval.outcome import Confusion, Options, Outcome, Tell
from retrieval.embed import load_embedder

SEED = 0
FOLDS = 5
JUDGED = 2
"""How many of the folds are judged: the others would change the figure by less than its interval."""
BASELINE = 4
"""Every so many-th message is put to the baseline, which takes one at a time."""
ZERO_SHOT_FALSE = 0.05
"""The share of the demo's questions at which the recall of the classifier that is not trained is told."""
Labelled = Sequence[tuple[str, str]]


def run(options: Options, tell: Tell) -> Outcome:
    """Train and judge on both sets.

    Raises:
        ConfigError: ``KEFU_DATA`` does not lead to the data.
    """
    banking, clinc = data_file("banking77", "train.csv"), data_file("clinc150", "train_val.json")
    metrics, scores, confusion = _banking(banking, tell)
    clinc_metrics, clinc_scores = _clinc(clinc, tell)
    return Outcome(
        metrics | clinc_metrics | _zero_shot_scope(clinc),
        f"The trained intent classifier without the shop: accuracy on {JUDGED} of {FOLDS} folds of banking77's training file "
        "(its constants were chosen on those folds), beside nearest examples untrained; on clinc150, trained on its training "
        "part, what it takes to be of no intent in the validation part.",
        scores | clinc_scores,
        [confusion],
        lower_is_better=("false_oos_rate",),
    )


def _banking(file: Path, tell: Tell) -> tuple[dict[str, float], dict[str, dict[str, float]], Confusion]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(lines)]
    texts = [text for text, _ in rows]
    labels = sorted({label for _, label in rows})
    embedder = load_embedder("minilm")
    started = time.perf_counter()
    embedded = embedder.passages(texts, lambda done, of: tell("banking77: embedding", done, of))
    vectors = dict(zip(texts, embedded, strict=True))
    embedding = time.perf_counter() - started

    def kept(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([vectors[text] for text in texts], np.float32)

    told: list[tuple[str, str, str]] = []
    plain: list[float] = []
    training = 0.0
    for number, (train, test) in enumerate(islice(folds(rows), JUDGED)):
        tell("banking77: folds", number, JUDGED)
        started = time.perf_counter()
        model = IntentModel.train(grouped(train), kept)
        training = max(training, time.perf_counter() - started)
        found = _found(model, kept([text for text, _ in test]))
        told += [(text, label, best) for (text, label), best in zip(test, found, strict=True)]
        if number == 0:
            nearest = IntentClassifier(grouped(train), kept, lambda text: vectors[text])
            plain = [float(_best(nearest.scores(text)) == label) for text, label in test[::BASELINE]]
    right = [float(label == best) for _, label, best in told]
    metrics = {
        **_with_interval("accuracy", right),
        "nearest_accuracy": round(float(np.mean(plain)), 4),
        "train_seconds": round(embedding + training, 1),
    }
    scores = {_key(text, label): float(label == best) for text, label, best in told}
    confusion = Confusion("banking77: what was taken for what", labels, counts(labels, told))
    return metrics, {"accuracy": scores}, confusion


def _clinc(file: Path, tell: Tell) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    parts: Mapping[str, list[tuple[str, str]]] = json.loads(file.read_text(encoding="utf-8"))
    embedder = load_embedder("minilm")
    model = IntentModel.train(
        grouped(parts["train"]),
        lambda texts: embedder.passages(texts, lambda done, of: tell("clinc150: embedding", done, of)),
    )
    tell("clinc150: judging", 0, 0)
    inside = embedder.passages([text for text, _ in parts["val"]])
    outside = embedder.passages([text for text, _ in parts["oos_val"]])
    found = (model.scope(outside) < model.limit).astype(float).tolist()
    false = (model.scope(inside) < model.limit).astype(float).tolist()
    best = _found(model, inside)
    right = [float(label == own) for (_, label), own in zip(parts["val"], best, strict=True)]
    metrics = {
        **_with_interval("clinc_accuracy", right),
        **_with_interval("oos_recall", found),
        **_with_interval("false_oos_rate", false),
    }
    scores = {
        measure: {_key(*row): score for row, score in zip(parts[part], values, strict=True)}
        for measure, part, values in (
            ("clinc_accuracy", "val", right), ("oos_recall", "oos_val", found), ("false_oos_rate", "val", false),
        )
    }  # fmt: skip
    return metrics, scores


def _with_interval(name: str, values: Sequence[float]) -> dict[str, float]:
    low, high = interval(values)
    figures = {name: float(np.mean(values)), f"{name}_low": low, f"{name}_high": high}
    return {name: round(value, 4) for name, value in figures.items()}


def counts(labels: Sequence[str], told: Sequence[tuple[str, str, str]]) -> list[list[int]]:
    """How often a message of each label (row) was taken for each label (column); ``told`` is (text, label, found)."""
    place = {label: n for n, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), np.int64)
    for _, label, found in told:
        matrix[place[label], place[found]] += 1
    return [[int(count) for count in row] for row in matrix]


def _key(text: str, label: str) -> str:
    """A message by a name that does not repeat it."""
    return f"{label}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


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


def _found(model: IntentModel, vectors: NDArray[np.float32]) -> list[str]:
    return [model.intents[i] for i in model.probabilities(vectors).argmax(1)]
