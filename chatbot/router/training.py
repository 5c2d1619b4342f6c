"""Trains the router on a shop's labelled messages, compares before it serves, and forgets.

A new model is compared on messages that it was not trained on (folds), with what is in service and with nearest
examples (zero-shot), and it is served if it is right at least as often. Knows no database and prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from chatbot.intent_model import IntentModel
from chatbot.intents import TEMPERATURE, Labels, Space, Vectors, nearness, packaged_intents, softmax
from chatbot.router import store
from chatbot.router.blend import Blend
from chatbot.router.logs import Labelled
from chatbot.router.served import assembled
from chatbot.router.store import Example, Kept, Trained
from configs.errors import ConfigError, InputError

Progress = Callable[[str, int, int], None]
Mark = Callable[[str], str]
Right = NDArray[np.bool_]

FOLDS = 5
_BATCH = 64
_DRAWS = 2000
_KEY = "\0the key itself"
"""No customer's id: its mark shows with which secret the others were made."""


@dataclass(frozen=True, slots=True)
class Router:
    """Where the router of one language is kept, and what it is made with."""

    folder: Path
    language: str
    space: Space
    mark: Mark

    @property
    def path(self) -> Path:
        return store.path_of(self.folder, self.language)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its bootstrap interval of 95 %."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """``zero_shot``, ``before`` and ``after`` are shares of right intents among the same held-out messages of the shop;
    ``gain`` is after less before, message by message. ``packaged_before`` and so on: the same of the packaged examples.
    ``confused`` counts (intent, taken for)."""

    messages: int
    zero_shot: Interval
    before: Interval
    after: Interval
    gain: Interval
    packaged_before: Interval
    packaged_after: Interval
    packaged_gain: Interval
    confused: Sequence[tuple[str, str, int]]

    @property
    def worse(self) -> str:
        """Why the new model should not serve; empty if it may."""
        if self.gain.mean < 0:
            return "on the shop's messages it is right less often than what is in service"
        if self.packaged_gain.high < 0:
            return "on the packaged examples it is clearly worse than what is in service"
        return ""

    def figures(self) -> dict[str, float]:
        found = {"messages": float(self.messages)}
        for name in ("zero_shot", "before", "after", "packaged_before", "packaged_after"):
            value: Interval = getattr(self, name)
            found |= {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
        return {name: round(value, 4) for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class Outcome:
    """``served`` says whether the new model answers from now on; ``added`` and ``replaced`` count examples."""

    served: bool
    added: int
    replaced: int
    examples: int
    comparison: Comparison


def train(router: Router, rows: Sequence[Labelled], tell: Progress, *, force: bool = False) -> Outcome:
    """Add the rows of this language to the examples, train, compare, and serve the model if it is not worse.

    Without rows: train anew on what is kept. A model that is not served leaves all as it was, examples too.

    Raises:
        InputError: there is nothing to train on.
        ConfigError: the kept file is damaged, or made with another secret.
    """
    with store.writing(router.folder):
        old = _current(router, tell)
        new, replaced = _added(router, old, rows, tell)
        if not new.examples:
            raise InputError(
                f"the router ({router.language}) has no examples of the shop's to train on",
                hint="give a file of labelled messages: kefu router train FILE",
            )
        comparison = compare(router, old, new, tell)
        served = force or not comparison.worse
        if served:
            store.save(router.path, _fitted(router, new, comparison.figures(), tell))
        added = len(new.examples) - len(old.examples)
        return Outcome(served, added, replaced, len(new.examples), comparison)


def forget(router: Router, customer_id: str, tell: Progress = lambda *_: None) -> int:
    """Remove a customer's examples and their vectors, and train anew without them; how many there were.

    The words are gone before the training starts. With no example left there is no model: nearest examples serve.

    Raises:
        ConfigError: the file is damaged or its marks were made with another secret, so that nobody can tell whose
            words it holds.
    """
    if not router.folder.exists():
        return 0
    with store.writing(router.folder):
        kept = store.load(router.path)
        if kept is None:
            return 0
        _check_key(router, kept)
        mark = router.mark(customer_id.strip())
        stay = [number for number, example in enumerate(kept.examples) if example.mark != mark]
        gone = len(kept.examples) - len(stay)
        if not gone:
            return 0
        if not stay:
            store.remove(router.path)
            return gone
        left = replace(
            kept,
            examples=tuple(kept.examples[number] for number in stay),
            vectors=kept.vectors[stay],
            trained=None,
        )
        store.save(router.path, left)  # the weights are made of their words too
        if kept.trained is not None and not left.stale(router.language, router.space):
            store.save(router.path, _fitted(router, left, compare(router, left, left, tell).figures(), tell))
        return gone


def reset(folder: Path, language: str) -> bool:
    """Back to nearest examples, the shop's examples deleted; whether there was something."""
    if not folder.exists():
        return False
    with store.writing(folder):
        return store.remove(store.path_of(folder, language))


# --- examples -----------------------------------------------------------------------------------------------


def _current(router: Router, tell: Progress) -> Kept:
    """What is kept, in today's embedder's vectors; the model only if it fits."""
    version, probes = store.packaged_version(router.language), store.probes(router.language, router.space)
    kept = store.load(router.path)
    if kept is None:
        nothing = np.zeros((0, probes.shape[1]), np.float32)
        return Kept((), nothing, version, probes, router.mark(_KEY))
    _check_key(router, kept)
    if not kept.stale(router.language, router.space):
        return kept
    vectors = kept.vectors
    if not store.same_embedder(kept.probes, probes):
        vectors = _embedded(router, [example.text for example in kept.examples], tell)
    return replace(kept, vectors=vectors, packaged=version, probes=probes, trained=None)


def _check_key(router: Router, kept: Kept) -> None:
    if kept.key != router.mark(_KEY):
        raise ConfigError(
            f"the customers in {router.path} were marked with another secret than today's",
            expected="the secret (KEFU_SECRET or home/secret) with which it was trained",
            hint="bring the secret back, or run: kefu router reset",
        )


def _added(router: Router, old: Kept, rows: Sequence[Labelled], tell: Progress) -> tuple[Kept, int]:
    """The old examples and the rows; of a text that is in both the row counts."""
    own = {row.text.lower(): row for row in rows if row.language == router.language}
    stay = [number for number, example in enumerate(old.examples) if example.text.lower() not in own]
    fresh = tuple(
        Example(row.text, row.intent, router.mark(row.customer) if row.customer else "")
        for row in own.values()
    )
    vectors = _embedded(router, [example.text for example in fresh], tell)
    examples = tuple(old.examples[number] for number in stay) + fresh
    joined = np.concatenate([old.vectors[stay], vectors]) if fresh else old.vectors
    return replace(old, examples=examples, vectors=joined), len(old.examples) - len(stay)


def _embedded(router: Router, texts: Sequence[str], tell: Progress) -> Vectors:
    parts = []
    for start in range(0, len(texts), _BATCH):
        parts.append(router.space.words(texts[start : start + _BATCH]))
        tell("embedding", min(start + _BATCH, len(texts)), len(texts))
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


def _fitted(router: Router, kept: Kept, figures: Mapping[str, float], tell: Progress) -> Kept:
    vectors, labels = assembled(kept, router.language, router.space)
    tell("training", 0, 1)
    with threadpool_limits(1):  # matrices this small only wait for each other on several threads
        model = IntentModel.fit(list(packaged_intents(router.language)), vectors, labels)
    tell("training", 1, 1)
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return replace(kept, trained=Trained(model.weights, model.spread, model.limit, at, dict(figures)))


# --- comparison ---------------------------------------------------------------------------------------------


def compare(router: Router, old: Kept, new: Kept, tell: Progress) -> Comparison:
    """Nearest examples, what is in service and the new model, on messages that none of them was trained on."""
    intents = list(packaged_intents(router.language))
    vectors, labels = assembled(new, router.language, router.space)
    packaged = len(
        assembled(replace(new, examples=(), vectors=new.vectors[:0]), router.language, router.space)[1]
    )
    known = {example.text.lower(): example.intent for example in old.examples} if old.trained else {}
    names = [example for example in new.examples if example.intent in intents]
    is_old = np.array([True] * packaged + [known.get(e.text.lower()) == e.intent for e in names])
    is_packaged = np.arange(len(labels)) < packaged
    # two rounds: the shop's messages with all packaged examples trained on, then the packaged ones
    fold = np.where(is_packaged, -1, folds(labels))
    rounds = [fold, np.where(is_packaged, folds(labels), -1)]
    found: dict[str, Labels] = {
        name: np.zeros(len(labels), np.int64) for name in ("zero_shot", "before", "after")
    }
    with threadpool_limits(1):
        for done, (which, number) in enumerate((r, n) for r in range(2) for n in range(FOLDS)):
            tell("comparing", done, 2 * FOLDS)
            test, train_on = rounds[which] == number, rounds[which] != number
            if not test.any():
                continue
            near = nearness(
                vectors[test] @ vectors[train_on & is_packaged].T,
                labels[train_on & is_packaged],
                len(intents),
            )
            found["zero_shot"][test] = softmax(near / TEMPERATURE).argmax(1)
            for name, rows in (("after", train_on), ("before", train_on & is_old)):
                if name == "before" and not known:
                    found[name][test] = found["zero_shot"][test]
                elif name == "before" and bool(np.all(is_old)):
                    found[name][test] = found["after"][test]
                else:
                    model = IntentModel.without_limit(intents, vectors[rows], labels[rows])
                    blend = Blend(model, int((rows & is_packaged).sum()))
                    found[name][test] = blend.probabilities(vectors[test]).argmax(1)
        tell("comparing", 2 * FOLDS, 2 * FOLDS)
    right = {name: np.asarray(taken == labels, np.float64) for name, taken in found.items()}
    own, theirs = ~is_packaged, is_packaged
    return Comparison(
        messages=int(own.sum()),
        zero_shot=interval(right["zero_shot"][own]),
        before=interval(right["before"][own]),
        after=interval(right["after"][own]),
        gain=interval((right["after"] - right["before"])[own]),
        packaged_before=interval(right["before"][theirs]),
        packaged_after=interval(right["after"][theirs]),
        packaged_gain=interval((right["after"] - right["before"])[theirs]),
        confused=_confused(intents, labels[own], found["after"][own]),
    )


def folds(labels: Labels) -> Labels:
    """A fold for each row; each intent is spread evenly."""
    rng = np.random.default_rng(0)
    fold = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        fold[own] = (np.arange(len(own)) + rng.integers(FOLDS)) % FOLDS
    return fold


def interval(values: NDArray[np.float64]) -> Interval:
    """Mean and bootstrap interval of 95 %: messages drawn anew with replacement. Few values differ, so that it is
    enough to draw how often each occurs."""
    rng = np.random.default_rng(7)
    distinct, counts = np.unique(values, return_counts=True)
    means = rng.multinomial(len(values), counts / len(values), size=_DRAWS) @ distinct / len(values)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def _confused(intents: Sequence[str], labels: Labels, taken: Labels) -> list[tuple[str, str, int]]:
    pairs = Counter(zip(labels.tolist(), taken.tolist(), strict=True))
    wrong = [(intents[a], intents[b], count) for (a, b), count in pairs.items() if a != b]
    return sorted(wrong, key=lambda row: (-row[2], row))
