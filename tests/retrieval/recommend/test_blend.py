"""The blend learns what decides, and keeps to its prior where nothing was seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp  # type: ignore[import-untyped]  # it ships no types

from retrieval.recommend.blend import LEVELS, TASKS, Blend, Sample, _pooled, _within, eligible, fit, level_of
from retrieval.recommend.features import FEATURES, NAMES
from retrieval.recommend.interactions import Known
from retrieval.recommend.training import fitted, packaged, trained

from .conftest import LATER, random_shop


def samples(weights: np.ndarray, count: int, *, seed: int = 0) -> list[Sample]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        values = rng.normal(size=(50, len(NAMES)))
        chance = 1 / (1 + np.exp(-(values @ weights - 2)))
        made.append(Sample(values, rng.random(50) < chance))
    return made


def only(task: str, level: int, own: list[Sample]) -> dict[str, list[list[Sample]]]:
    return {name: [own if (name, at) == (task, level) else [] for at in range(len(LEVELS))] for name in TASKS}


def test_weights_are_found_again() -> None:
    true = np.zeros(len(NAMES))
    true[[0, 3, 9]] = 1.0, -0.5, 0.8
    found = fit(only("mixed", 3, samples(true, 200)))  # type: ignore[arg-type]  # tasks by their names
    assert np.abs(found.weights["mixed"][3] - true).max() < 0.15


def test_of_what_is_new_it_learns_which_and_not_how_many() -> None:
    """Those who take much differ in a feature that is the same for all their candidates: it says nothing of which."""
    true = np.zeros(len(NAMES))
    true[3] = 1.0
    rng = np.random.default_rng(1)
    shoppers = []
    for busy in rng.random(200) * 2:
        values = rng.normal(size=(50, len(NAMES)))
        values[:, 0] = busy
        chance = 1 / (1 + np.exp(-(values @ true + 2 * busy - 4)))
        shoppers.append(Sample(values, rng.random(50) < chance))
    found = fit(only("discover", 3, shoppers)).weights["discover"][3]  # type: ignore[arg-type]  # tasks by their names
    assert abs(found[0]) < 1e-6
    assert found[3] > 0.5
    assert np.abs(np.delete(found, 3)).max() < 0.1
    pooled = fit(only("buy_again", 3, shoppers)).weights["buy_again"][3]  # type: ignore[arg-type]  # tasks by their names
    assert pooled[0] > 1.0


@pytest.mark.parametrize("conditional", [False, True])
def test_gradient_and_curvature_are_those_of_the_likelihood(conditional: bool) -> None:
    shoppers = samples(np.linspace(-0.3, 0.3, len(NAMES)), 6)
    values = np.concatenate([one.values[:, :4] for one in shoppers])
    taken = np.concatenate([one.taken for one in shoppers]).astype(float)
    sizes = [len(one.taken) for one in shoppers]
    bends = _within(values, taken, sizes) if conditional else _pooled(values, taken)

    def likelihood(at: np.ndarray) -> float:
        if not conditional:
            return float(np.sum(taken * (values @ at) - np.logaddexp(0, values @ at)))
        parts = zip(np.split(values @ at, 6), np.split(taken, 6), strict=True)
        return float(
            sum((told @ own - own.sum() * logsumexp(told)) / np.sqrt(own.sum()) for told, own in parts)
        )

    at, step = np.array([0.2, -0.4, 0.1, 0.6]), 1e-5
    gradient, curvature = bends(at)
    for number, along in enumerate(step * np.eye(4)):
        rise = (likelihood(at + along) - likelihood(at - along)) / (2 * step)
        assert abs(gradient[number] - rise) < 1e-5
        bend = (bends(at + along)[0] - bends(at - along)[0]) / (2 * step)
        assert np.abs(curvature[number] + bend).max() < 1e-5


def test_where_nothing_was_seen_the_prior_stays_and_a_level_leans_on_its_task() -> None:
    prior = Blend({task: np.full((len(LEVELS), len(NAMES)), 0.25) for task in TASKS})
    true = np.full(len(NAMES), 0.25)
    true[2] = 2.0
    found = fit(only("mixed", 3, samples(true, 100)), prior)  # type: ignore[arg-type]  # tasks by their names
    assert np.array_equal(found.weights["discover"], prior.weights["discover"])
    assert found.weights["mixed"][0][2] > 1.0
    held = fit(only("mixed", 3, samples(true, 1)), prior, 1000.0)  # type: ignore[arg-type]  # tasks by their names
    assert np.abs(held.weights["mixed"][3] - 0.25).max() < 0.1


def test_levels_and_candidates_of_a_task() -> None:
    assert [level_of(count) for count in (0, 1, 4, 5, 19, 20, 500)] == [0, 1, 1, 2, 2, 3, 3]
    known = Known.of([1, 2])
    cart = Known.of([3])
    every = np.arange(5)
    assert eligible(every, "buy_again", known).tolist() == [1, 2]
    assert eligible(every, "discover", known).tolist() == [0, 3, 4]
    assert eligible(every, "complete", known, cart).tolist() == [0, 1, 2, 4]


def test_a_file_of_weights_is_read_as_it_was_written_and_knows_names() -> None:
    told = packaged().told()
    assert set(told) == set(TASKS)
    assert all(set(row) <= set(FEATURES) for rows in told.values() for row in rows)
    assert Blend.read(told).told() == told


def test_the_blend_is_better_than_what_it_began_with_on_a_window_that_it_did_not_see() -> None:
    data = random_shop(120, 60, 9000)
    cut = LATER - np.timedelta64(28, "D")
    flat = Blend({task: np.zeros((len(LEVELS), len(NAMES))) for task in TASKS})
    seen, unseen = data.before(cut), data.between(cut, LATER)

    def hits(prior: Blend, fitting: bool) -> float:
        told = trained(seen, cut, prior=prior)
        if not fitting:
            told = type(told)(**{name: getattr(told, name) for name in told.__slots__} | {"blend": prior})  # type: ignore[attr-defined]  # slots of a dataclass
        found = 0
        for number, known in enumerate(seen.by_customer(cut)):
            taken = {seen.items[item] for item in unseen.item[unseen.customer == number]}
            found += len(taken & {one.sku for one in told.recommend(known, n=10)})
        return found

    assert hits(flat, True) > 1.1 * hits(flat, False)


def test_too_few_who_came_back_and_the_prior_is_kept() -> None:
    data = random_shop(20, 30, 300)
    blend, _ = fitted(data, LATER - np.timedelta64(28, "D"), None, packaged())
    assert blend is packaged()
