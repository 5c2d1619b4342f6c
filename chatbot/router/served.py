"""The classifier that answers shoppers: the trained one where there is one that fits, else nearest examples.

Follows the file: what another process trains or resets, the next message sees. A file that cannot be used is said once
in the log, and the turn goes on. Trains nothing.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np

from chatbot.intent_model import IntentModel
from chatbot.intents import Classifier, IntentClassifier, Labels, Space, Vectors, labelled, packaged_intents
from chatbot.router.blend import Blend
from chatbot.router.store import Kept, Version, load, path_of, version
from configs.errors import ConfigError

log = logging.getLogger("kefu.router")


class Served:
    """Of one language. Safe for threads."""

    def __init__(self, language: str, folder: Path, space: Space) -> None:
        self._language = language
        self._path = path_of(folder, language)
        self._space = space
        self._lock = threading.Lock()
        self._zero_shot = IntentClassifier(packaged_intents(language), space.kept, space.ask)
        self._loaded: tuple[Version | None, Classifier] = None, self._zero_shot

    def scores(self, text: str) -> dict[str, float]:
        """Confidence of each intent; they sum to one."""
        return self._current().scores(text)

    def _current(self) -> Classifier:
        now = version(self._path)
        if now != self._loaded[0]:
            with self._lock:
                if now != self._loaded[0]:
                    self._loaded = now, self._load()
        return self._loaded[1]

    def _load(self) -> Classifier:
        try:
            kept = load(self._path)
            why = kept.stale(self._language, self._space) if kept else ""
            if kept and not why:
                return TrainedClassifier(blend_of(kept, self._language, self._space), self._space)
        except ConfigError as error:
            why = str(error)
        if why:
            log.warning(
                "router (%s): the trained model is not used, nearest examples are: %s", self._language, why
            )
        return self._zero_shot


class TrainedClassifier:
    def __init__(self, blend: Blend, space: Space) -> None:
        self._blend = blend
        self._space = space

    def scores(self, text: str) -> dict[str, float]:
        """Confidence of each intent; they sum to one."""
        found = self._blend.probabilities(self._space.ask(text)[None])[0]
        return dict(zip(self._blend.model.intents, found.tolist(), strict=True))


def blend_of(kept: Kept, language: str, space: Space) -> Blend:
    """
    Raises:
        ConfigError: what was kept is not trained, or its parts do not belong together.
    """
    trained = kept.trained
    if trained is None:
        raise ConfigError(f"the router ({language}) has examples but no model", hint="run: kefu router train")
    vectors, labels = assembled(kept, language, space)
    intents = list(packaged_intents(language))
    wanted = (vectors.shape[1] + 1, len(intents))
    if trained.weights.shape != wanted or not np.isfinite(trained.weights).all():
        raise ConfigError(
            f"the router's model ({language}) has weights of shape {trained.weights.shape}",
            expected=f"finite ones of {wanted}",
            hint="run: kefu router train",
        )
    model = IntentModel(intents, trained.weights, vectors, labels, trained.spread, trained.limit)
    return Blend(model, sum(len(texts) for texts in packaged_intents(language).values()))


def assembled(kept: Kept, language: str, space: Space) -> tuple[Vectors, Labels]:
    """Vectors and numbers of intents: the packaged examples, then the kept ones whose intent there still is."""
    packaged = packaged_intents(language)
    texts, labels = labelled(packaged)
    names = {name: number for number, name in enumerate(packaged)}
    known = [number for number, example in enumerate(kept.examples) if example.intent in names]
    own = np.array([names[kept.examples[number].intent] for number in known], np.int64)
    vectors = space.kept(texts)
    if not known:
        return vectors, labels
    return np.concatenate([vectors, kept.vectors[known]]), np.concatenate([labels, own])
