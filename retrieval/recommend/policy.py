"""Exploring a little, with the odds written down, and what another policy would have earned, told from such logs.

``Explorer`` gives one place of a list to a product that Thompson sampling draws from those below it: a Bayesian linear model of the
reward over a few features, whose uncertainty shrinks with what is learnt (Agrawal and Goyal 2013). The odds of each draw are counted and
logged. ``estimate`` values a policy from logs of another: importance sampling (IPS), the same with weights that add up to one (SNIPS,
Swaminathan and Joachims 2015), and doubly robust (DR, Dudík et al. 2011). Knows no products and shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError

Floats = NDArray[np.float64]
DRAWS = 500
"""Draws that the odds of an explorer are counted over."""
_BLOCK = 100
FLOOR = 0.2
"""Part of what is explored that goes to all choices alike: what is never shown tells nothing of policies that would show it."""


class Explorer:
    """A belief over the weights of a linear reward: mean and covariance, shapes (features,) and (features, features)."""

    def __init__(self, features: int, *, share: float = 0.1, noise: float = 0.5, wide: float = 1.0) -> None:
        """``share`` of requests explore. ``noise`` is the standard deviation of a reward, ``wide`` that of a weight before
        anything is learnt."""
        self.share, self.noise = share, noise
        self._precision = np.eye(features) / wide**2
        self._weighted = np.zeros(features)

    @property
    def mean(self) -> Floats:
        return np.asarray(np.linalg.solve(self._precision, self._weighted), np.float64)

    def learn(self, features: Floats, reward: float) -> None:
        self._precision += np.outer(features, features) / self.noise**2
        self._weighted += features * reward / self.noise**2

    def upper(self, choices: Floats, above: float) -> Floats:
        """The reward of each choice that is still believable: the mean and so many standard deviations (LinUCB, Li et al. 2010)."""
        spread = np.sqrt(np.einsum("ij,jk,ik->i", choices, np.linalg.inv(self._precision), choices))
        return np.asarray(choices @ self.mean + above * spread, np.float64)

    def odds(self, choices: Floats, rng: np.random.Generator) -> Floats:
        """How likely each of the choices, shape (choices, features), is to be shown; the first is what is shown without exploring."""
        if len(choices) == 0:
            return np.zeros(0)
        told = np.zeros(len(choices))
        told[0] = 1.0
        if self.share and len(choices) > 1:
            spread = np.linalg.cholesky(np.linalg.inv(self._precision))
            weights = self.mean + rng.standard_normal((DRAWS, len(self._weighted))) @ spread.T
            best = np.bincount((weights @ choices.T).argmax(axis=1), minlength=len(choices)) / DRAWS
            drawn = (1 - FLOOR) * best + FLOOR / len(choices)
            told = (1 - self.share) * told + self.share * drawn
        return told

    def choose(self, choices: Floats, rng: np.random.Generator) -> tuple[int, float]:
        """Which one is shown, and how likely that was."""
        odds = self.odds(choices, rng)
        chosen = int(rng.choice(len(odds), p=odds))
        return chosen, float(odds[chosen])


@dataclass(frozen=True, slots=True)
class Logged:
    """What was shown once: ``propensity`` is how likely that was, ``wanted`` how likely the other policy shows it."""

    reward: float
    propensity: float
    wanted: float
    expected: float = 0.0
    """A model's guess of the reward of what was shown; for DR alone."""
    expected_wanted: float = 0.0
    """The same of what the other policy would show, by its odds."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of the other policy's mean reward, and of its gain over what was shown: 95 % intervals."""

    method: str
    value: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float
    effective: float
    """How many of the logged cases the estimate rests on (Kish)."""


def estimate(logs: Sequence[Logged], *, most: float = 50.0, draws: int = 2000) -> list[Estimate]:
    """IPS, SNIPS and DR, by bootstrap over the logs. Weights above ``most`` are cut off there.

    Raises:
        InputError: there are no logs, or one was shown that could not have been.
    """
    if not logs:
        raise InputError(
            "there is nothing to estimate from",
            expected="logged suggestions",
            hint="recommend.explore says how",
        )
    wrong = next((one for one in logs if not 0 < one.propensity <= 1 or not 0 <= one.wanted <= 1), None)
    if wrong is not None:
        raise InputError(
            f"a suggestion is logged with odds {wrong.propensity:g} and {wrong.wanted:g}",
            expected="above 0 and at most 1",
        )
    reward, propensity, wanted, expected, expected_wanted = (
        np.array([getattr(one, name) for one in logs])
        for name in ("reward", "propensity", "wanted", "expected", "expected_wanted")
    )
    weight = np.minimum(wanted / propensity, most)
    counts = _drawn(len(logs), draws)
    every = np.ones((1, len(logs)))

    def snips(of: Floats) -> Floats:
        total = of @ weight
        return np.asarray((of @ (weight * reward)) / np.where(total > 0, total, 1.0), np.float64)

    def mean(values: Floats, of: Floats) -> Floats:
        return np.asarray((of @ values) / len(logs), np.float64)

    robust = expected_wanted + weight * (reward - expected)
    effective = float(weight.sum() ** 2 / max(float((weight**2).sum()), 1e-12))
    made = []
    for method, value in (
        ("ips", lambda at: mean(weight * reward, at)),
        ("snips", snips),
        ("dr", lambda at: mean(robust, at)),
    ):
        told = [(value(block), mean(reward, block)) for block in counts()]
        drawn = np.concatenate([own for own, _ in told])
        gains = drawn - np.concatenate([shown for _, shown in told])
        low, high = np.quantile(drawn, (0.025, 0.975))
        gain_low, gain_high = np.quantile(gains, (0.025, 0.975))
        point = float(value(every)[0])
        gain = point - float(reward.mean())
        made.append(
            Estimate(
                method, point, float(low), float(high), gain, float(gain_low), float(gain_high), effective
            )
        )
    return made


def _drawn(size: int, draws: int) -> Callable[[], Iterator[Floats]]:
    """How often each log is drawn, in blocks of draws that fit into memory; the same blocks each time."""

    def blocks() -> Iterator[Floats]:
        rng = np.random.default_rng(0)
        for start in range(0, draws, _BLOCK):
            yield rng.multinomial(size, np.full(size, 1 / size), min(_BLOCK, draws - start)).astype(
                np.float64
            )

    return blocks
