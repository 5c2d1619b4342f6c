"""Small shops whose right answers are known."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from retrieval.recommend import Interactions

START = np.datetime64("2026-03-01", "s")
NOW = START + np.timedelta64(21, "D")
LATER = START + np.timedelta64(200, "D")


def purchases(*baskets: tuple[str, str, int], start: np.datetime64 = START) -> Interactions:
    """Of ``("customer", "a b c", day)`` baskets."""
    rows = [
        (customer, sku, start + np.timedelta64(day, "D"), f"O{number}")
        for number, (customer, items, day) in enumerate(baskets)
        for sku in items.split()
    ]
    customers, skus, at, orders = (
        (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    )
    return Interactions.of(customers, skus, at, orders=orders)


def random_shop(customers: int, items: int, rows: int, *, seed: int = 0, days: int = 200) -> Interactions:
    """Customers of three tastes; an item belongs to the taste of its number modulo 3."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, customers, rows)
    what = rng.integers(0, items, rows)
    same = rng.random(rows) < 0.8
    what = np.where(same, what - what % 3 + who % 3, what) % items
    at = START + rng.integers(0, days * 86_400, rows).astype("timedelta64[s]")
    return Interactions.of([f"c{n:03}" for n in who], [f"i{n:03}" for n in what], at)


@pytest.fixture(scope="session")
def shop() -> Interactions:
    """Tea goes with cups, paint with brushes; soap is what everybody bought last week."""
    return purchases(*BASKETS)


BASKETS: Iterable[tuple[str, str, int]] = (
    *((f"t{n}", "tea cup", 0) for n in range(8)),
    *((f"p{n}", "paint brush", 1) for n in range(8)),
    *((f"s{n}", "soap sponge", 20) for n in range(20)),
    ("x", "tea brush", 2),
)
