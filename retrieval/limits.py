"""Limits of a product search: price, category, options, stock. Knows the facts of products, not their texts."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.tokens import fold, has_chinese, tokenize

Mask = NDArray[np.bool_]

COLOURS = ("colour", "color")


class Figures(Protocol):
    """What limits look at; row i is the product ``skus[i]``, ``low`` and ``high`` its prices (NaN: unknown)."""

    @property
    def skus(self) -> Sequence[str]: ...
    @property
    def facts(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def low(self) -> NDArray[np.float64]: ...
    @property
    def high(self) -> NDArray[np.float64]: ...
    @property
    def in_stock(self) -> Mask: ...


def category_tokens(facts: Mapping[str, Any], *, chinese: bool) -> frozenset[str]:
    """Cutting Chinese loads a dictionary: only where Chinese is asked for."""
    return _tokens_of(facts["category_zh"] if chinese else facts["category"])


@functools.lru_cache(maxsize=4096)
def _tokens_of(text: str) -> frozenset[str]:
    return frozenset(tokenize(text))


def prices(facts: Mapping[str, Any]) -> list[float]:
    found = [variant["price"] for variant in facts["variants"] if variant["price"] is not None]
    if not found or len(found) < len(facts["variants"]):
        found.append(facts["price"])
    return [float(price) for price in found if price is not None]


def within_limits(
    figures: Figures,
    max_price: float | None,
    min_price: float | None,
    category: str | None,
    options: Mapping[str, str],
    in_stock: bool,
    exclude: Collection[str],
) -> Mask:
    mask = np.ones(len(figures.skus), np.bool_)
    if max_price is not None:
        mask &= figures.low <= max_price
    if min_price is not None:
        mask &= figures.high >= min_price
    if category:
        wanted = set(tokenize(category))
        mask &= np.array(
            [wanted <= category_tokens(item, chinese=has_chinese(category)) for item in figures.facts]
        )
    if options:
        mask &= np.array([_has_options(item, options) for item in figures.facts])
    if in_stock:
        mask &= (
            np.array([has_stock(item, options) for item in figures.facts]) if options else figures.in_stock
        )
    if exclude:
        mask &= ~np.isin(np.array(figures.skus), list(exclude))
    return mask


def _has_options(facts: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    if any(_matches(variant["options"], wanted) for variant in facts["variants"]):
        return True
    # Where an option is no variant, the attributes or the name may say it.
    own = {**facts["attributes"], "name": facts["name"]}
    offered = {_option(name) for variant in facts["variants"] for name in variant["options"]}
    left = {name: value for name, value in wanted.items() if _option(name) not in offered}
    if len(left) < len(wanted) and not any(
        _matches(variant["options"], {n: v for n, v in wanted.items() if n not in left})
        for variant in facts["variants"]
    ):
        return False
    return bool(left) and all(
        any(
            set(tokenize(value)) <= set(tokenize(str(text)))
            for name, text in own.items()
            if name == "name" or _option(name) == _option(key)
        )
        for key, value in left.items()
    )


def _matches(options: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether one variant has all wanted values; "size" is any option that is no colour."""
    return all(
        any(
            _option(name) == _option(key) and set(_value(value)) <= set(_value(text))
            for name, text in options.items()
        )
        for key, value in wanted.items()
    )


def _option(name: str) -> str:
    return "colour" if name.casefold() in COLOURS else "size"


def _value(text: str) -> list[str]:
    """Words of an option's value; unlike in a text, short and common ones count ("S", "all")."""
    return fold(text).replace("-", " ").split()


def has_stock(facts: Mapping[str, Any], options: Mapping[str, str]) -> bool:
    """Known to be sold out, or not; a shop that gives no stock has everything."""
    variants = [v for v in facts["variants"] if not options or _matches(v["options"], options)]
    counts = [variant["stock"] for variant in variants] or [facts["stock"]]
    return any(count is None or count > 0 for count in counts)
