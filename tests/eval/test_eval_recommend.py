"""What the evaluation of recommendations asks, and of whom, on a small simulated shop: purchases alone are taken, nobody's number is needed."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from eval.bench_recommend import Size, _measured
from eval.purchases import Split, split
from eval.recommend import _cold
from eval.recommend_systems import BY_NUMBER, SYSTEMS, OfImplicit, measured
from retrieval.recommend import Interactions
from retrieval.recommend.base import Case
from retrieval.recommend.interactions import NOTHING, Floats, Known
from retrieval.recommend.training import WINDOW, fitted, packaged

from ..retrieval.recommend.conftest import LATER, random_shop

needs_implicit = pytest.mark.skipif(
    importlib.util.find_spec("implicit") is None,
    reason="implicit is not installed: pip install 'kefu[recommend]'",
)
# The library's nearest neighbours hand themselves a matrix of another kind than they ask for.
pytestmark = pytest.mark.filterwarnings("ignore:Method expects CSR input")
START = LATER - np.timedelta64(WINDOW, "D")
"""Of the window that is guessed."""


@pytest.fixture(scope="module")
def sold() -> Interactions:
    return random_shop(80, 150, 24_000)


@pytest.fixture(scope="module")
def parted(sold: Interactions) -> Split:
    return split(sold, str(START.astype("datetime64[D]")), carts=40)


def texts(data: Interactions) -> Floats:
    """Those of one taste are alike."""
    rng = np.random.default_rng(0)
    made = np.eye(8)[[int(name[1:]) % 3 for name in data.items]] + 0.1 * rng.normal(size=(len(data.items), 8))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def and_seen(
    data: Interactions, rows: Sequence[tuple[int, int]], weights: Sequence[float], day: int = 0
) -> Interactions:
    """As if these customers had also looked at these products, liked or disliked them, on that day of the window."""
    customer, item = np.array(rows).T
    return Interactions.of(
        np.array(data.customers)[np.append(data.customer, customer)],
        np.array(data.items)[np.append(data.item, item)],
        np.append(data.at, np.repeat(START + np.timedelta64(day, "D"), len(rows))),
        np.append(data.weight, weights),
        purchases=np.append(data.order >= 0, np.zeros(len(rows), bool)),
    )


# --- what was taken ---


def test_what_was_only_seen_or_judged_in_the_window_was_not_taken(sold: Interactions) -> None:
    in_window = sold.at >= START
    quiet = 7  # comes back to look, and buys nothing
    data = sold.only(~in_window | (sold.customer != quiet))
    bought = [data.item[(data.customer == who) & (data.at >= START)] for who in range(len(data.customers))]
    rows = [
        (who, int(item))
        for who, own in enumerate(bought)
        for item in np.setdiff1d(np.arange(len(data.items)), own)[:3]
    ]
    seen = and_seen(data, rows, [0.1, 1.0, -1.0] * len(bought))
    assert len(seen) == len(data) + len(rows)
    day = str(START.astype("datetime64[D]"))
    plain, told = (split(each, day, carts=40) for each in (data, seen))
    assert quiet not in {case.known.customer for case in told.cases}
    assert len(told.cases) == len(bought) - 1
    for one, other in zip(plain.cases, told.cases, strict=True):
        assert one.known.customer == other.known.customer
        assert one.taken.tolist() == other.taken.tolist()
    for (one, shown), (other, cart) in zip(plain.carts, told.carts, strict=True):
        assert one.taken.tolist() == other.taken.tolist()
        assert shown.item.tolist() == cart.item.tolist()


def test_the_blend_learns_from_purchases_alone(sold: Interactions) -> None:
    rng = np.random.default_rng(0)
    rows = [(who, int(item)) for who in range(80) for item in rng.integers(0, len(sold.items), 5)]
    plain, penalty = fitted(sold, START, None, packaged())
    told, other = fitted(and_seen(sold, rows, [0.1] * len(rows), 9), START, None, packaged())
    assert plain is not packaged()  # it did learn something
    assert other == penalty
    assert all(np.array_equal(plain.weights[task], told.weights[task]) for task in plain.weights)


def test_a_cold_product_that_the_household_had_bought_before_is_not_new_to_it(parted: Split) -> None:
    every = np.arange(len(parted.train.items))

    def counted(taken: Sequence[np.ndarray]) -> Mapping[str, Floats]:
        cases = [Case(case.known, own) for case, own in zip(parted.cases, taken, strict=True)]
        return _cold(replace(parted, cases=cases), texts(parted.train), lambda *_: None)

    all_of_them, new_ones = "cold_item_recall_at_20", "cold_item_new_recall_at_20"
    before = [case.known.bought for case in parted.cases]
    assert len(counted(before)[all_of_them]) > 0
    assert new_ones not in counted(before)
    new = [np.setdiff1d(every, own) for own in before]
    told = counted(new)
    assert 0 < len(told[new_ones]) <= len(parted.cases)
    assert told[new_ones].max() > 0
    assert np.array_equal(told[new_ones], told[all_of_them])
    assert np.array_equal(told[new_ones], counted([every] * len(before))[new_ones])


# --- who is asked ---


@needs_implicit
@pytest.mark.parametrize("kind", ["cosine", "bm25", "als"])
def test_the_library_is_asked_for_somebody_whom_it_was_not_trained_on(parted: Split, kind: str) -> None:
    model = OfImplicit(kind, {"factors": 16, "iterations": 30} if kind == "als" else None)
    model.train(parted.train, parted.now)

    def ranked(known: Known) -> list[int]:
        return model.ranked(known, "mixed", NOTHING).tolist()

    few = [replace(case.known.latest(5), customer=-1) for case in parted.cases[:6]]
    assert all(len(known.bought) == 5 for known in few)
    lists = [ranked(known) for known in few]
    assert len({tuple(own) for own in lists}) == len(few)
    for case in parted.cases:
        own, same = ranked(case.known), ranked(replace(case.known, customer=-1))
        if kind == "als":  # one more step of least squares, in single precision
            assert len(set(own) & set(same)) >= 17
        else:
            assert own == same


# --- what is measured ---


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs_implicit if name.startswith("implicit") or name == "als" else ()) for name in SYSTEMS]
)  # fmt: skip
def test_every_system_is_measured(parted: Split, name: str) -> None:
    found = measured(name, parted, texts(parted.train))
    asked = {"all": len(parted.cases), "new": len(parted.cases)}
    if name not in BY_NUMBER:
        assert 10 < len(parted.carts) <= 40
        asked |= {"cart": len(parted.carts), "five_items": len(parted.cases)}
    for measure in (found.recall, found.ndcg):
        assert {task: len(values) for task, values in measure.items()} == asked
        for task, values in measure.items():
            figures = values[~np.isnan(values)]
            assert len(figures) > 10, task
            assert figures.min() >= 0, task
            assert figures.max() <= 1, task
    assert set(found.hit[~np.isnan(found.hit)].tolist()) <= {0.0, 1.0}
    assert np.isnan(found.hit).tolist() == np.isnan(found.recall["new"]).tolist()
    assert found.recall["all"].mean() > 0
    assert len(found.each) == sum(asked.values())
    assert found.seconds >= 0
    assert found.memory >= 0
    assert 0 < found.covered <= len(parted.train.items)


def test_the_benchmark_returns_all_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.bench_recommend.CALLS", 20)
    told = _measured(Size(products=120, customers=80, rows=6000))
    calls = ("recommend", "complete", "similar", "explain", "product")
    assert set(told) == {"fit_seconds", "peak_gib"} | {f"{it}_{p}_ms" for it in calls for p in ("p50", "p95")}
    assert all(np.isfinite(value) and value >= 0 for value in told.values())
    assert all(told[f"{it}_p50_ms"] <= told[f"{it}_p95_ms"] for it in calls)
