"""What a message wants, told by embeddings of example sentences (``configs/intents``).

Knows no dialogue, no slots and no shop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import yaml
from numpy.typing import NDArray

import configs

SOCIAL = frozenset({"greeting", "thanks", "goodbye", "who_are_you"})
PERSONAL = frozenset({"order_status", "order_list", "return_eligibility"})
PRODUCT = frozenset({"product_search", "product_details", "recommend"})
"""Families of intents."""

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
Ask = Callable[[str], NDArray[np.float32]]


@cache
def packaged_intents(language: str) -> dict[str, list[str]]:
    """Example sentences by intent."""
    path = Path(configs.__file__).parent / "intents" / f"{language}.yaml"
    data: dict[str, dict[str, list[str]]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {intent: list(entry["examples"]) for intent, entry in data.items()}


class Classifier(Protocol):
    def scores(self, text: str) -> dict[str, float]: ...


class IntentClassifier:
    """Nearest examples in the space of the embedder.

    The score of an intent is the mean of its best example and of its three best; confidences are a softmax
    over scores, so that two intents with near examples share it. ``encode`` maps the examples to unit vectors and may keep them; ``ask`` maps a shopper's
    words, which nobody keeps.
    """

    TEMPERATURE = 0.05

    def __init__(self, examples: Mapping[str, Sequence[str]], encode: Encode, ask: Ask) -> None:
        self.intents = list(examples)
        self._ask = ask
        texts = [(name, text) for name, list_ in examples.items() for text in list_]
        self._vectors = encode([text for _, text in texts])
        self._rows = {name: [i for i, (n, _) in enumerate(texts) if n == name] for name in self.intents}

    def scores(self, text: str) -> dict[str, float]:
        """Confidence of each intent; they sum to one."""
        similarity = self._vectors @ self._ask(text)
        raw = []
        for name in self.intents:
            best = np.sort(similarity[self._rows[name]])[::-1]
            raw.append(0.5 * best[0] + 0.5 * best[:3].mean())
        scaled = np.exp((np.array(raw) - max(raw)) / self.TEMPERATURE)
        return dict(zip(self.intents, (scaled / scaled.sum()).tolist(), strict=True))
