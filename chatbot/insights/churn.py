"""BG/NBD (Fader, Hardie and Lee 2005, Marketing Science 24(2)): who is still a customer, and how often they will order.

While somebody is a customer they order at a rate of their own, λ ~ Gamma(r, alpha); after each order they leave for good with
a chance of their own, p ~ Beta(a, b). Of a customer three figures matter: ``x`` orders after the first, ``recency``, the time from
the first to the last order, and ``age``, the time from the first order to now. All times are days, ``alpha`` too. Knows no shop, no
season and no price: a shop that sells most before Christmas is no such process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError

Floats = NDArray[np.float64]
RETURNING = 50
"""Customers who came back, below which nothing is fitted: four parameters would be guessed rather than estimated."""
PENALTY = 1.0
"""Of the squared logarithms of the parameters, with times in units of the mean age. There is one for the whole shop, so that it fades
as customers come; it keeps a and b from running away together where the data do not tell them apart. Chosen on the development
windows of ``kefu eval run retention``."""
_FARTHEST = 12.0
"""Bound of the logarithms."""
_NODES = 64
_EQUAL = 1e-6


@dataclass(frozen=True, slots=True)
class Fitted:
    """Parameters of a shop, ``alpha`` in days, and what they were fitted on."""

    r: float
    alpha: float
    a: float
    b: float
    customers: int = 0
    returning: int = 0

    def alive(self, x: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
        """P(still a customer). 1 for whoever ordered once: in this model nobody leaves but after a repeat order."""
        count, since, until = _columns(x, recency, age)
        gone = np.log(self.a) - np.log(np.maximum(self.b + count - 1, _EQUAL))
        gone += (self.r + count) * (np.log(self.alpha + until) - np.log(self.alpha + since))
        # 1 / (1 + e^gone), without overflow.
        left: Floats = np.exp(-np.logaddexp(0.0, gone))
        left[count == 0] = 1.0
        return left

    def any_order(self, days: float, x: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
        """P(at least one order in the ``days`` from now on).

        Whoever is still a customer orders at λ ~ Gamma(r + x, alpha + age) until the next order, so that none comes with
        probability ((alpha + age) / (alpha + age + days)) ** (r + x).
        """
        count, _, until = _columns(x, recency, age)
        none: Floats = -(self.r + count) * np.log1p(days / (self.alpha + until))
        return self.alive(x, recency, age) * -np.expm1(none)

    def expected(self, days: float, x: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
        """Orders expected in the ``days`` from now on (equation 10 of the paper).

        E[(1 - E[exp(-λ p days)]) / p] over p ~ Beta(a, b + x), by quadrature over the quantiles of p: the hypergeometric form
        of the paper loses its digits for large counts and divides by zero at a = 1.
        """
        from scipy.special import betaincinv

        count, _, until = _columns(x, recency, age)
        nodes, weights = _quantiles()
        p = betaincinv(self.a, (self.b + count)[:, None], nodes[None, :])
        p = np.maximum(p, 1e-300)
        ordered = -np.expm1(-(self.r + count)[:, None] * np.log1p(p * (days / (self.alpha + until))[:, None]))
        orders: Floats = self.alive(x, recency, age) * ((ordered / p) @ weights)
        return orders


def _quantiles() -> tuple[Floats, Floats]:
    """Nodes and weights in (0, 1), crowded at both ends, where quantiles of a Beta may be steep."""
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    angle = (points + 1) / 2
    # u = 3v² - 2v³ maps [0, 1] onto itself with slope 6v(1 - v).
    return 3 * angle**2 - 2 * angle**3, weights / 2 * 6 * angle * (1 - angle)


def fit(x: ArrayLike, recency: ArrayLike, age: ArrayLike, *, penalty: float = PENALTY) -> Fitted:
    """The parameters that make these customers likeliest, each with a figure in the three columns, less the penalty.

    Raises:
        InputError: the columns differ in length, hold what no customer can have, or too few customers came back.
    """
    from scipy.optimize import minimize

    count, since, until = _columns(x, recency, age)
    _check(count, since, until)
    returning = int((count > 0).sum())
    if returning < RETURNING:
        raise InputError(
            f"{returning} of {len(count)} customers came back",
            expected=f"at least {RETURNING}, to fit a model on",
        )
    scale = float(until.mean()) or 1.0
    rows, times = np.unique(np.stack([count, since / scale, until / scale]), axis=1, return_counts=True)

    def loss(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, slope = likelihood(parameters, rows, times)
        return penalty * float(logs @ logs) - value, 2 * penalty * logs - slope * parameters

    found = minimize(
        loss, np.zeros(4), jac=True, method="L-BFGS-B", bounds=[(-_FARTHEST, _FARTHEST)] * 4,
        options={"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-8},
    )  # fmt: skip
    r, alpha, a, b = (float(value) for value in np.exp(found.x))
    return Fitted(r, alpha * scale, a, b, len(count), returning)


def likelihood(parameters: Floats, rows: Floats, times: NDArray[np.int64]) -> tuple[float, Floats]:
    """The logarithm of the likelihood (equation 6) of all customers, and its slopes by r, alpha, a and b.

    ``rows`` are x, recency and age, shape (3, distinct customers); ``times`` says how many are like that.
    """
    from scipy.special import gammaln, psi

    r, alpha, a, b = parameters
    count, since, until = rows
    back = count > 0
    left = np.where(back, b + count - 1, 1.0)
    stays = -(r + count) * np.log(alpha + until)
    goes = np.where(back, np.log(a) - np.log(left) - (r + count) * np.log(alpha + since), -np.inf)
    both = np.logaddexp(stays, goes)
    value = (
        gammaln(r + count) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) + gammaln(b + count) - gammaln(b) - gammaln(a + b + count) + both
    )  # fmt: skip
    gone = np.exp(goes - both)
    here = 1 - gone
    slopes = (
        psi(r + count) - psi(r) + np.log(alpha) - here * np.log(alpha + until) - gone * np.log(alpha + since),
        r / alpha - (r + count) * (here / (alpha + until) + gone / (alpha + since)),
        psi(a + b) - psi(a + b + count) + gone / a,
        psi(a + b) + psi(b + count) - psi(b) - psi(a + b + count) - gone / left,
    )
    return float(times @ value), np.array([times @ slope for slope in slopes])


def _columns(x: ArrayLike, recency: ArrayLike, age: ArrayLike) -> tuple[Floats, Floats, Floats]:
    count, since, until = (np.atleast_1d(np.asarray(column, np.float64)) for column in (x, recency, age))
    if not len(count) == len(since) == len(until):
        raise InputError(
            f"x, recency and age have {len(count)}, {len(since)} and {len(until)} rows",
            expected="one a customer",
        )
    return count, since, until


def _check(count: Floats, since: Floats, until: Floats) -> None:
    wrong = (count < 0) | (since < 0) | (since > until) | ((count == 0) & (since > 0)) | ~np.isfinite(until)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"customer {row} has x {count[row]:g}, recency {since[row]:g}, age {until[row]:g}",
            expected="0 <= recency <= age, and recency 0 where x is 0",
        )
