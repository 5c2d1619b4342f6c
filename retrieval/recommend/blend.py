"""How much each thing that speaks for a product weighs: what customers took next, by regression.

One vector of weights for each task (buy again, discover, both, complete a cart) and for how much is known of the customer, since
with two known products popularity is worth more and habits less. Fitted on a window behind what the models were trained on; each
is held near a prior (MAP): a level near its task's, a task near the packaged weights, so that a shop with three
orders a day begins with what other shops taught. Scores are log odds up to a constant; they add up feature by feature.

What is new to a customer, and anything to somebody of whom little is known, is weighed by conditional logit (McFadden 1974): which of the
candidates did this customer take, and not how much do customers take. Where habits are known, pooled logistic regression foretells
more, since whoever buys much says more. Both were tried on a grocer's validation window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.recommend.base import Case
from retrieval.recommend.features import NAMES, Parts, candidates, features
from retrieval.recommend.interactions import NOTHING, Ints, Known, places

Task = Literal["buy_again", "discover", "mixed", "complete"]
TASKS: tuple[Task, ...] = ("buy_again", "discover", "mixed", "complete")
LEVELS = (0, 1, 5, 20)
"""From how many known products on a customer belongs to a level; the last has no end."""
CANDIDATES = 150
STRENGTH = 1.0
"""Of the priors: so many observations' worth in each direction, on features of unit variance."""
STEPS, LEAP, CLOSE = 30, 2.0, 1e-3
"""Of Newton's method: at most so many, none longer, and enough when one is shorter."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Blend:
    """``weights[task]`` has a row for each level and a column for each of ``NAMES``: shape (levels, features)."""

    weights: Mapping[Task, Floats]

    def of(self, task: Task, known: int) -> Floats:
        row: Floats = self.weights[task][level_of(known)]
        return row

    def told(self) -> dict[str, list[dict[str, float]]]:
        """For a file: names beside numbers, so that a feature may be added later."""
        return {
            task: [
                {name: round(float(value), 5) for name, value in zip(NAMES, row, strict=True)} for row in rows
            ]
            for task, rows in self.weights.items()
        }

    @classmethod
    def read(cls, told: Mapping[str, Sequence[Mapping[str, float]]]) -> Blend:
        return cls(
            {task: np.array([[row.get(name, 0.0) for name in NAMES] for row in told[task]]) for task in TASKS}
        )


def level_of(known: int) -> int:
    return int(np.searchsorted(LEVELS, known, side="right")) - 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One customer's candidates: features, and which of them were taken."""

    values: Floats
    taken: NDArray[np.bool_]


def samples_of(parts: Parts, case: Case) -> dict[Task, Sample]:
    """What a customer's case teaches each task but carts; what is known already is no discovery."""
    together = parts.ease.predict(case.known)
    chosen = candidates(parts, case.known, together, CANDIDATES)
    values, taken = features(parts, case.known, together, chosen), np.isin(chosen, case.taken)
    made: dict[Task, Sample] = {}
    for task in TASKS[:3]:
        kept = np.isin(chosen, eligible(chosen, task, case.known))
        made[task] = Sample(values[kept], taken[kept])
    return made


def cart_sample(parts: Parts, case: Case, cart: Known) -> Sample:
    """What the half of an order that is hidden teaches of the half that is shown."""
    together = parts.ease.predict(case.known.with_more(cart))
    found = candidates(parts, case.known, together, CANDIDATES, cart=cart)
    chosen = eligible(found, "complete", case.known, cart)
    return Sample(features(parts, case.known, together, chosen, cart=cart), np.isin(chosen, case.taken))


def eligible(chosen: Ints, task: Task, known: Known, cart: Known = NOTHING) -> Ints:
    """The candidates that the task is about; what lies in the cart is never one."""
    own, held = known.bought, cart.distinct[0]
    owned = places(chosen, own) < len(own)
    kept = owned if task == "buy_again" else ~owned if task == "discover" else np.ones(len(chosen), bool)
    left: Ints = chosen[kept & (places(chosen, held) == len(held))]
    return left


def fit(
    samples: Mapping[Task, Sequence[Sequence[Sample]]], prior: Blend | None = None, strength: float = STRENGTH
) -> Blend:
    """``samples[task][level]`` are of that task and level."""
    weights: dict[Task, Floats] = {}
    for task in TASKS:
        before = prior.weights[task] if prior else np.zeros((len(LEVELS), len(NAMES)))
        every = [one for own in samples[task] for one in own]
        center = _fit(every, before[-1], strength, conditional=task == "discover")
        weights[task] = np.stack(
            [
                _fit(
                    own,
                    center + before[level] - before[-1],
                    strength,
                    conditional=task == "discover" or level < len(LEVELS) - 1,
                )
                for level, own in enumerate(samples[task])
            ]
        )
    return Blend(weights)


def _fit(samples: Sequence[Sample], prior: Floats, strength: float, *, conditional: bool) -> Floats:
    """Weights of the raw features, by Newton's method; ``prior`` itself where nobody took anything."""
    told = [one for one in samples if one.taken.any()]
    if not told:
        return prior
    if not conditional:
        told = [one for one in samples if len(one.taken)]
    values = np.concatenate([one.values for one in told])
    taken = np.concatenate([one.taken for one in told]).astype(np.float64)
    scale = values.std(axis=0)
    used = scale > 1e-9
    wide = np.where(used, scale, 1.0)
    scaled = np.column_stack([(values - values.mean(axis=0)) / wide, np.ones(len(values))])
    start = np.append(prior * wide, 0.0)
    held = np.append(np.full(len(wide), strength), 0.0)
    bends = (
        _within(scaled, taken, [len(one.taken) for one in told]) if conditional else _pooled(scaled, taken)
    )
    at = start.copy()
    rate = taken.mean()
    at[-1] = np.log(rate / (1 - rate)) if rate < 1 else 0.0
    for _ in range(STEPS):
        gradient, curvature = bends(at)
        gradient, curvature = gradient - held * (at - start), curvature + np.diag(held + 1e-6)
        step = np.linalg.solve(curvature, gradient)
        # A leap that is too long for the curve's bend is cut short.
        at = at + step / max(1.0, float(np.abs(step).max()) / LEAP)
        if float(np.abs(step).max()) < CLOSE:
            break
    return np.where(used, at[:-1] / wide, prior)


def _pooled(values: Floats, taken: Floats) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Gradient and curvature of the likelihood that each candidate was taken, all customers in one."""

    def bends(at: Floats) -> tuple[Floats, Floats]:
        chance = 1 / (1 + np.exp(-(values @ at)))
        return values.T @ (taken - chance), (values * (chance * (1 - chance))[:, None]).T @ values

    return bends


def _within(values: Floats, taken: Floats, sizes: Sequence[int]) -> Callable[[Floats], tuple[Floats, Floats]]:
    """The same of which candidates each customer took, ``sizes`` of them; one who took much counts by the root of how much."""
    starts = np.cumsum([0, *sizes[:-1]])
    whose = np.repeat(np.arange(len(sizes)), sizes)
    count = np.add.reduceat(taken, starts)
    share = 1 / np.sqrt(count)

    def bends(at: Floats) -> tuple[Floats, Floats]:
        told = values @ at
        odds = np.exp(told - np.maximum.reduceat(told, starts)[whose])
        chance = (count / np.add.reduceat(odds, starts))[whose] * odds
        mean = np.add.reduceat(values * chance[:, None], starts)
        curvature = (values * (share[whose] * chance)[:, None]).T @ values - (
            mean * (share / count)[:, None]
        ).T @ mean
        return values.T @ (share[whose] * (taken - chance)), curvature

    return bends
