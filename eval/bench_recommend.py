"""``kefu bench recommend``: how long the recommender takes to train and to answer, at the sizes of a middling and a large shop.

Purchases are simulated: customers of mixed tastes, products as unevenly wanted as they are in shops, orders of a few products over a year.
Each size is trained and asked in a process of its own, with reasons, as the chat asks. Says nothing of quality; `kefu eval run recommend` does.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eval.report import err, out, print_json, print_metrics
from retrieval.recommend.interactions import Floats, Interactions, Known
from retrieval.recommend.training import trained

TASTES = 40
CALLS = 200
DIMENSIONS = 384
NOW = np.datetime64("2026-11-01", "s")


@dataclass(frozen=True, slots=True)
class Size:
    products: int
    customers: int
    rows: int


SIZES: Mapping[str, Size] = {
    "middling": Size(16_000, 20_000, 1_000_000),
    "large": Size(100_000, 200_000, 5_000_000),
}


def run(*, as_json: bool = False) -> None:
    started = time.perf_counter()
    metrics: dict[str, float] = {}
    for name, size in SIZES.items():
        err.print(
            f"{name}: {size.products:,} products, {size.customers:,} customers, {size.rows:,} purchases"
        )
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            told = pool.apply(_measured, (size,))
        metrics |= {f"{name}_{what}": value for what, value in told.items()}
    print_metrics(out(quiet=as_json), metrics)
    if as_json:
        print_json("bench", "recommend", metrics, time.perf_counter() - started)


def simulated(size: Size, seed: int = 0) -> Interactions:
    """Four of five purchases are of the customer's taste; within it, and over all, some products are wanted far more than others."""
    rng = np.random.default_rng(seed)
    who = (size.customers * rng.random(size.rows) ** 2).astype(np.int64)
    what = (size.products * rng.random(size.rows) ** 3).astype(np.int64)
    own = rng.random(size.rows) < 0.8
    what = np.where(own, what - what % TASTES + who % TASTES, what) % size.products
    at = NOW - rng.integers(0, 365 * 86_400, size.rows).astype("timedelta64[s]")
    names = np.array([f"P{number:06}" for number in range(size.products)], object)
    people = np.array([f"C{number:06}" for number in range(size.customers)], object)
    return Interactions.of(people[who], names[what], at)


def _measured(size: Size) -> dict[str, float]:
    rng = np.random.default_rng(1)
    data = simulated(size)
    texts: Floats = rng.standard_normal((len(data.items), DIMENSIONS), np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    started = time.perf_counter()
    made = trained(data, NOW, texts=texts)
    told = {"fit_seconds": round(time.perf_counter() - started, 1), "peak_gib": round(_peak() / 2**30, 2)}
    known = data.by_customer(NOW)
    asked = [known[number] for number in rng.integers(0, len(known), CALLS) if len(known[number])]
    skus = [made.skus[number] for number in rng.integers(0, len(made.skus), CALLS)]
    row = rng.standard_normal(made.parts.ease.vectors.shape[1], np.float32)
    calls: Mapping[str, Callable[[int, Known], Any]] = {
        "recommend": lambda _, known: made.recommend(known, mode="discover"),
        "complete": lambda n, known: made.complete(skus[n : n + 3], known),
        "similar": lambda n, _: made.similar(skus[n]),
        "explain": lambda n, known: made.explain(known, skus[n]),
        # The least that any list costs: every product's score from its vector.
        "product": lambda *_: made.parts.ease.vectors @ row,
    }
    for name, call in calls.items():
        call(0, asked[0])
        each = []
        for number in range(CALLS - 3):
            # A copy keeps nothing of what was computed before, as a shopper's request does not either.
            known = replace(asked[number % len(asked)])
            before = time.perf_counter()
            call(number, known)
            each.append(1e3 * (time.perf_counter() - before))
        told |= {
            f"{name}_p50_ms": round(float(np.quantile(each, 0.5)), 2),
            f"{name}_p95_ms": round(float(np.quantile(each, 0.95)), 2),
        }
    return told


def _peak() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
