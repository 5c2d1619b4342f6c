"""Which attribute of a product a shopper asks for, and how its value is said. Knows words, not what they weigh."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from chatbot.tools.wording import Words, vocabulary

_ENOUGH = 0.5
_VAGUE = frozenset(
    {"safe", "free", "proof", "type", "to", "at", "in", "max", "of", "set", "light", "hair", "included"}
)
"""Parts of attribute names that say nothing by themselves."""
_EMPTY = frozenset({"the", "is", "it", "a", "an", "for", "what", "this", "that", "i", "can", "does"})
_QUALIFIED = re.compile(r"\b(?:for|with|without|of)\b", re.IGNORECASE)
_TRUTH = {"yes": True, "true": True, "no": False, "false": False, "是": True, "否": False}


def find_attribute(names: Iterable[str], wanted: str, *, about: str = "") -> str | None:
    """The attribute that a shopper's words ask for; None if they ask for none of these.

    ``wanted`` is a name ("dishwasher safe", 刀长) or a whole question ("Can I put it in the dishwasher?");
    ``about`` is the product's name, whose words in the question ask for nothing.
    """
    names = list(names)
    # "Which oven temperature for a pan with a coating?" asks for the oven, not for the coating.
    for question in dict.fromkeys((_QUALIFIED.split(wanted)[0], wanted)):
        scores = {name: _score(name, question, about) for name in names}
        best = max(scores, key=lambda name: scores[name], default=None)
        if best is not None and scores[best] >= _ENOUGH:
            return best
    return None


def _score(name: str, wanted: str, about: str) -> float:
    """Above 1: named; up to 1: asked for in other words. Each further matching word decides between two."""
    key = name.casefold()
    parts = set(_words(name))
    # "Is the vegan soap vegan?" asks for it, "Is the vegan soap solid?" does not.
    asked = set((Counter(_words(wanted)) - Counter(_words(about))).keys())
    if parts and parts == set(_words(wanted)):
        return 20.0
    if parts and parts == asked:
        return 10.0
    chinese = [word for word in _chinese(key) if word in wanted]
    if chinese:
        return 2.0 + max(map(len, chinese)) / 10
    if parts and parts <= asked:
        return 2.0 + len(parts)
    if asked and asked <= parts and not asked <= _VAGUE:
        return 2.0
    question = wanted.casefold().replace(about.casefold(), " ") if about else wanted.casefold()
    spoken = f" {' '.join(re.findall(r'[a-z0-9]+', question))} "
    phrases = [
        word
        for word in _asked_as().get(key, ())
        if f" {word} " in spoken or (not word.isascii() and word in wanted)
    ]
    if phrases:
        return 1.0 + max(len(word) for word in phrases) / 100
    shared = (parts & asked) - _VAGUE
    return 0.5 + len(shared) / 10 if shared else 0.0


def _words(text: str) -> list[str]:
    words = re.findall(r"[a-z0-9]+", text.casefold().replace("colour", "color"))
    return [word for word in words if word not in _EMPTY]


def _chinese(key: str) -> list[str]:
    return [str(word) for word in vocabulary()["options"].get(key, ())]


@lru_cache(maxsize=1)
def _asked_as() -> Mapping[str, tuple[str, ...]]:
    return {key: tuple(map(str, words)) for key, words in vocabulary()["asked_as"].items()}


def attribute_text(words: Words, key: str, value: str) -> str:
    """``blade length 20 cm``."""
    return words.text("attribute_value", attribute=words.option(key), value=words.value(value))


def holds(value: str) -> bool | None:
    """Whether an attribute says yes or no; None if it says something else."""
    return _TRUTH.get(value.strip().casefold())
