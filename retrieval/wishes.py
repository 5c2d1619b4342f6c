"""What a query wishes for, and how much of it each product has.

A query's words are held against the catalogue's categories, values and names; words that it does not have, against
those that mean the same. Nothing is ruled out: what meets a wish ranks above what does not. Does not know how
texts are searched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.confidence import RankingWeights
from retrieval.facets import Facets, Value
from retrieval.lexical import LexicalIndex
from retrieval.synonyms import Synonyms

Points = NDArray[np.float32]

_SIZES = {
    ("small",): "s", ("medium",): "m", ("larg",): "l", ("extra", "larg"): "xl", ("extra", "small"): "xs",
    ("x", "larg"): "xl", ("x", "small"): "xs",
}  # fmt: skip
"""Stems of sizes as people say them, and as shops write them."""
_PARTLY = 0.5
"""What a product gets that has all words of a value, but not the value."""
_OF_THE_KIND = 0.8
"""Part of the best product's wishes that another one needs to be compared by price."""


@dataclass(frozen=True, slots=True)
class Wish:
    """``has`` is how much of it each product has, from 0 to 1."""

    weight: float
    has: Points


def wishes(
    words: Sequence[tuple[str, str]],
    facets: Facets,
    lexical: LexicalIndex,
    synonyms: Synonyms,
    weights: RankingWeights,
) -> list[Wish]:
    """One for each word of the query (as token and word), or for several that are one value: "organic cotton"."""
    spoken = dict(words)
    tokens = _with_sizes([token for token, _ in words], facets)
    found = []
    for value in facets.phrases(tokens):
        if len(value) > 1:
            found.append(_of_value(value, facets, weights))
        else:
            others = {} if len(facets.rows(value[0])) else synonyms.of(spoken.get(value[0], ""))
            # In "coffee without caffeine" the one does not stand for the other.
            others = {token: strength for token, strength in others.items() if token not in tokens}
            found.append(_of_word(value[0], others, facets, lexical, weights))
    return [wish for wish in found if wish.weight and wish.has.any()]


def share_met(found: Sequence[Wish], size: int) -> Points:
    """Which share of the wishes each product meets, by their weights."""
    total = sum(wish.weight for wish in found)
    met = np.zeros(size, np.float32)
    for wish in found:
        met += np.float32(wish.weight / total) * wish.has
    return met


def price_points(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    *,
    min_price: float | None = None,
    max_price: float | None = None,
) -> Points:
    """0 within the limits, -1 outside, and in between where the price is not known."""
    points = np.zeros(len(low), np.float32)
    if max_price is not None:
        points[low > max_price] = -1
    if min_price is not None:
        points[high < min_price] = -1
    if min_price is not None or max_price is not None:
        points[np.isnan(low)] = -0.5
    return points


def order_points(low: NDArray[np.float64], met: Points, *, dearest: bool) -> Points:
    """1 for the cheapest (or dearest) of the products that meet about as many wishes as the best, down to 0."""
    points = np.zeros(len(low), np.float32)
    compared = np.flatnonzero((met >= _OF_THE_KIND * met.max(initial=0)) & ~np.isnan(low))
    if len(compared) < 2:
        return points
    known = low[compared] if dearest else -low[compared]
    # Equal prices have equal places.
    places = np.searchsorted(np.sort(known), known)
    points[compared] = places / max(1, places.max())
    return points


def _with_sizes(tokens: Sequence[str], facets: Facets) -> list[str]:
    """ "extra large" as the catalogue writes it, if it does."""
    out: list[str] = []
    start = 0
    while start < len(tokens):
        for length in (2, 1):
            said = tuple(tokens[start : start + length])
            written = _SIZES.get(said)
            if len(said) == length and written and (written,) in facets.values and said not in facets.values:
                out.append(written)
                break
        else:
            length = 1
            out.append(tokens[start])
        start += length
    return out


def _of_value(value: Value, facets: Facets, weights: RankingWeights) -> Wish:
    has = np.full(facets.size, _PARTLY, np.float32)
    for token in value:
        held = np.zeros(facets.size, np.bool_)
        held[facets.rows(token)] = True
        has[~held] = 0
    has[facets.values[value]] = 1
    kind = any(token in facets.kinds for token in value)
    return Wish(max(weights.value, weights.kind if kind else 0), has)


def _of_word(
    token: str,
    others: Mapping[str, float],
    facets: Facets,
    lexical: LexicalIndex,
    weights: RankingWeights,
) -> Wish:
    """``others`` are the words that it may stand for, with how much each counts."""
    has = np.zeros(facets.size, np.float32)
    has[lexical.postings(token)] = weights.text
    if len(rows := facets.rows(token)):
        has[rows] = 1
        return Wish(_weight(token, facets, lexical, weights), has)
    weight = _weight(token, facets, lexical, weights)
    for other, strength in others.items():
        rows = facets.rows(other)
        has[rows] = np.maximum(has[rows], np.float32(strength))
        weight = max(weight, strength * _weight(other, facets, lexical, weights))
    return Wish(weight, has)


def _weight(token: str, facets: Facets, lexical: LexicalIndex, weights: RankingWeights) -> float:
    if token in facets.kinds:
        return weights.kind
    if (token,) in facets.values:
        return weights.value
    rarest = np.log(1 + (facets.size + 0.5) / 0.5)
    return weights.word * float(lexical.rarity(token) / rarest)
