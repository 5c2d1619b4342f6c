"""What a message wants, told by embeddings of example sentences (``configs/intents``).

Knows no dialogue, no slots and no shop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import yaml
from numpy.typing import NDArray

import configs

SOCIAL = frozenset({"greeting", "thanks", "goodbye", "who_are_you"})
PERSONAL = frozenset({"order_status", "order_list", "return_eligibility"})
PRODUCT = frozenset({"product_search", "product_details", "recommend"})
"""Families of intents."""
OUT_OF_SCOPE = "out_of_scope"

TEMPERATURE = 0.05
"""Of the softmax over scores: two intents with near examples share the confidence."""

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
Encode = Callable[[Sequence[str]], Vectors]
Ask = Callable[[str], Vectors]


@dataclass(frozen=True, slots=True)
class Space:
    """How texts become unit vectors: ``kept`` may keep them on disk, so it is for packaged sentences alone; of what
    goes through ``words`` nothing stays anywhere."""

    kept: Encode
    words: Encode

    def ask(self, text: str) -> Vectors:
        return cast(Vectors, self.words([text])[0])


@cache
def packaged_intents(language: str) -> dict[str, list[str]]:
    """Example sentences by intent."""
    path = _FOLDER / f"{language}.yaml"
    data: dict[str, dict[str, list[str]]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {intent: list(entry["examples"]) for intent, entry in data.items()}


_FOLDER = Path(configs.__file__).parent / "intents"


def packaged_languages() -> list[str]:
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


class Classifier(Protocol):
    def scores(self, text: str) -> dict[str, float]: ...


class IntentClassifier:
    """Nearest examples in the space of the embedder: needs no training.

    ``encode`` maps the examples to unit vectors and may keep them; ``ask`` maps a shopper's words, which nobody keeps.
    """

    def __init__(self, examples: Mapping[str, Sequence[str]], encode: Encode, ask: Ask) -> None:
        self.intents = list(examples)
        self._ask = ask
        texts, self._labels = labelled(examples)
        self._vectors = encode(texts)

    def scores(self, text: str) -> dict[str, float]:
        """Confidence of each intent; they sum to one."""
        near = nearness(self._ask(text)[None] @ self._vectors.T, self._labels, len(self.intents))
        return dict(zip(self.intents, softmax(near / TEMPERATURE)[0].tolist(), strict=True))


def labelled(examples: Mapping[str, Sequence[str]]) -> tuple[list[str], Labels]:
    """All texts, and for each the number of its intent."""
    texts = [text for list_ in examples.values() for text in list_]
    return texts, np.repeat(np.arange(len(examples)), [len(list_) for list_ in examples.values()])


def nearness(cosines: Vectors, labels: Labels, intents: int) -> Vectors:
    """How near each row is to each intent, shape (n, intents): the mean of its best example and of its three best."""
    near = np.zeros((len(cosines), intents), np.float32)
    for intent in range(intents):
        own = cosines[:, labels == intent]
        best = -np.partition(-own, min(2, own.shape[1] - 1), axis=1)[:, :3]
        near[:, intent] = 0.5 * best.max(1) + 0.5 * best.mean(1)
    return near


def softmax(logits: Vectors) -> Vectors:
    scaled = np.exp(logits - logits.max(1, keepdims=True))
    return cast(Vectors, scaled / scaled.sum(1, keepdims=True))
