"""Words that say what a message is about, and how unusual each is among what shoppers write.

English stems and Chinese words. Addresses, links, numbers and what is too short to mean anything are left out. Knows no customer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from chatbot import lang, store_tables
from chatbot.insights.history import message_text
from chatbot.intents import packaged_intents, packaged_languages
from retrieval.tokens import has_chinese, tokenize_with_words

NEWEST = 5000
"""Messages of the shop that are looked at."""
_ADDRESS = re.compile(r"\S+@\S+|\b(?:https?://|www\.)\S+", re.IGNORECASE)
_SHORTEST, _SHORTEST_CHINESE = 3, 2


def telling_words(text: str) -> dict[str, str]:
    """The words of a message by their stems, each once, in order, as they were written."""
    plain = _ADDRESS.sub(" ", lang.normalise(text))
    found: dict[str, str] = {}
    for stem, word in tokenize_with_words(plain):
        least = _SHORTEST_CHINESE if has_chinese(word) else _SHORTEST
        if word.isalpha() and len(word) >= least and not {word, stem} & (lang.STOPWORDS | lang.NEGATIONS):
            found.setdefault(stem, word)
    return found


@dataclass(frozen=True, slots=True)
class Usage:
    """In how many of ``messages`` a stem occurs."""

    messages: int
    counts: Mapping[str, int]

    def unusual(self, stem: str) -> float:
        """Inverse document frequency; 0 of a word that is in every message."""
        return math.log((1 + self.messages) / (1 + self.counts.get(stem, 0)))

    def share(self, stem: str) -> float:
        return self.counts.get(stem, 0) / self.messages if self.messages else 0.0


def usage(texts: Iterable[str]) -> Usage:
    counts: Counter[str] = Counter()
    messages = 0
    for text in texts:
        messages += 1
        counts.update(telling_words(text).keys())
    return Usage(messages, counts)


def usage_of_shop(connection: sa.Connection) -> Usage:
    """Of the newest messages of all shoppers and the packaged examples of what shoppers ask, which are all that a new shop has."""
    newest = sa.select(message_text()).order_by(store_tables.turns.c.created_at.desc()).limit(NEWEST)
    everyday = (
        text
        for language in packaged_languages()
        for examples in packaged_intents(language).values()
        for text in examples
    )
    return usage([*everyday, *(text or "" for text in connection.execute(newest).scalars())])
