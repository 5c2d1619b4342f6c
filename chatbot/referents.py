"""Which products, or which order, a message means: named in it, picked from a list that was shown, or just spoken of.

Knows what was said and what products are called; decides no intent and looks up no facts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chatbot import asks, lang, slots, suggesting
from chatbot.dialogue import Dialogue
from chatbot.intents import PERSONAL, PRODUCT
from retrieval.products import ProductSearch

RESOLVE_THRESHOLD = 0.6
"""From this score on, a message names a product."""
SOLD = 0.5
"""From this score of the search on, the shop sells what a message asks for."""
_COMPARED = 4
"""So many products are answered for at once."""

_CHEAPEST = re.compile(
    r"\bthe (?P<low>cheap(?:er|est)|least expensive)|\bthe (?:(?:most|more) expensive|dearest|priciest)|最便宜(?P<low_zh>的)|最贵的",
    re.IGNORECASE,
)
_ALL_OF_THEM = re.compile(
    r"\b(?:which|what)(?: ones?)? of (?:them|these|those)\b|\bany of (?:them|these|those)\b|\ball of (?:them|these|those)\b"
    r"|\b(?:do|are|can|have|will) (?:they|these|those)\b(?= all\b)|哪(?:一)?[款个件把]",
    re.IGNORECASE,
)
_THE_TWO = re.compile(
    r"\b(?:these|those|them|both|the (?:first |last )?two)\b|它们|[这那前]?两[个款件]|这些",
    re.IGNORECASE,
)
_THAT_ONE = re.compile(
    r"^\W*(?:it|this|that|this one|that one|这个|这款|这件|那个|那款|那件|它)\W*$", re.IGNORECASE
)
_OTHER_ONE = re.compile(r"^\W*the other(?: one)?\W*$|^另(?:外)?一?[个款件]$", re.IGNORECASE)
_COMPARES = re.compile(
    r"\bwhich(?: one)?(?: of (?:the two|both))? is (?:the )?(?:\w+er|\w+est|better|more \w+|less \w+)\b|\b(?:of )?(?:both|the two)\b",
    re.IGNORECASE,
)


def find(
    text: str,
    values: Mapping[str, Any],
    dialogue: Dialogue,
    products: ProductSearch,
    language: str,
    scores: Mapping[str, float],
) -> dict[str, Any]:
    """``sku`` with its ``sku_score``, ``skus`` if several are meant, or ``order_id``; empty if nothing is meant."""
    index = slots.ordinal(text)
    if (
        index is not None
        and (dialogue.intent in PERSONAL or dialogue.changing is not None)
        and -len(dialogue.orders) <= index < len(dialogue.orders)
    ):
        return {"order_id": dialogue.orders[index]}
    shown = dialogue.skus
    if index is not None and shown and -len(shown) <= index < len(shown):
        return _one(shown[index], 1.0)
    superlative = _CHEAPEST.search(text)
    if superlative and len(shown) > 1:
        low = superlative["low"] or superlative["low_zh"]
        return _one(products.by_price(shown)[0 if low else -1], 0.9)
    hits = products.resolve(text, language=language, k=8)
    if hits and hits[0].score >= RESOLVE_THRESHOLD:
        return _one(hits[0].sku, round(hits[0].score, 3))
    if not shown:
        return {}
    several = shown if _ALL_OF_THEM.search(text) else dialogue.named if _COMPARES.search(text) else ()
    if len(several) > 1 and dialogue.intent in PRODUCT:
        return {**_one(several[0], 0.9), "skus": list(several[:_COMPARED])}
    which = slots.which_one(text)
    if which and dialogue.intent in PRODUCT:
        found = products.search(which, language=language, k=8)
        of_shown = [hit.sku for hit in found if hit.sku in shown and hit.matched]
        others = products.search(f"{which} {dialogue.query}", language=language, exclude=shown, k=3)
        like = [hit.sku for hit in others if which.lower() in hit.matched]
        if of_shown or like:
            return _one((of_shown or like)[0], 0.6)
    limited = {"max_price", "min_price"} & values.keys() and not slots.is_follow_up(text)
    if slots.other_ones(text) or limited:  # "and blue ones?", "something under 30 euros"
        return {}
    if asks.whether_sold(text) and not slots.is_follow_up(text) and "aspect" not in values:
        best = products.search(text, language=language, k=1)
        # "do you have chocolate?", after a list of something else
        if best and best[0].score >= SOLD and best[0].sku not in shown:
            return {}
    about_products = sum(scores.get(intent, 0.0) for intent in ("product_details", "recommend"))
    elsewhere = max((score for intent, score in scores.items() if intent not in PRODUCT), default=0.0)
    short = len(lang.words(text)) <= 8 and elsewhere < 0.8 and not asks.own_order(text)
    leans = slots.is_follow_up(text) and about_products > 0.15
    goes_on = dialogue.intent in PRODUCT and ("aspect" in values or slots.is_elliptic(text) or short)
    return _one(shown[0], suggesting.LEANT) if leans or goes_on else {}


def pair(text: str, dialogue: Dialogue, products: ProductSearch) -> dict[str, Any]:
    """``compare``: the two products that are to be compared, by their names, or as "it", "them", "the first two". Empty if there are no two:
    the difference between standard and express is none of products."""
    said = suggesting.compared(text)
    before = next((skus for skus in (dialogue.skus, dialogue.suggested) if len(skus) > 1), dialogue.named)
    if said is None:
        both = list(before[:2]) if _THE_TWO.search(text) else []
        return {"compare": both} if len(both) == 2 else {}
    found = [_meant(words, before, dialogue, products) for words in said]
    if found[0] and _OTHER_ONE.match(said[1]):
        found[1] = next((sku for sku in before if sku != found[0]), None)
    return {"compare": found} if all(found) and found[0] != found[1] else {}


def _meant(words: str, before: Sequence[str], dialogue: Dialogue, products: ProductSearch) -> str | None:
    """One of the two: by its place in what was shown, as "it", or by its name."""
    index = slots.ordinal(words)
    if index is not None and -len(before) <= index < len(before):
        return before[index]
    if _THAT_ONE.match(words) and dialogue.skus:
        return dialogue.skus[0]
    hits = products.resolve(words, k=1)
    return hits[0].sku if hits and hits[0].score >= RESOLVE_THRESHOLD else None


def _one(sku: str, score: float) -> dict[str, Any]:
    return {"sku": sku, "sku_score": score}
