"""BG/NBD against the figures of its authors, against customers that were simulated from it, and against what must hold of any."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath  # torch brings it
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from chatbot.insights.churn import RETURNING, Fitted, fit, likelihood
from configs.errors import InputError

CDNOW = Fitted(0.243, 4.414, 0.793, 2.426)
"""Table 2 of the paper; times in weeks there, and so here."""


@dataclass(frozen=True)
class Customers:
    """What was seen of each until ``age``, and how often each ordered in the ``days`` after it."""

    x: NDArray[np.int64]
    recency: NDArray[np.float64]
    age: NDArray[np.float64]
    later: NDArray[np.int64]
    alive: NDArray[np.bool_]


def simulated(truth: Fitted, count: int, days: float, seed: int = 1, longest: float = 60.0) -> Customers:
    """Order by order, as the model says that customers behave."""
    rng = np.random.default_rng(seed)
    rate, leaving = rng.gamma(truth.r, 1 / truth.alpha, count), rng.beta(truth.a, truth.b, count)
    age = rng.uniform(longest / 3, longest, count)
    x, later = np.zeros(count, np.int64), np.zeros(count, np.int64)
    recency, alive = np.zeros(count), np.ones(count, bool)
    for one in range(count):
        moment = 0.0
        while True:
            moment += rng.exponential(1 / rate[one]) if rate[one] > 0 else np.inf
            if moment > age[one] + days:
                break
            if moment <= age[one]:
                x[one] += 1
                recency[one] = moment
            else:
                later[one] += 1
            if rng.random() < leaving[one]:
                alive[one] = moment > age[one]
                break
    return Customers(x, recency, age, later, alive)


# --- the figures of the authors -----------------------------------------------------------------------------


def test_the_authors_example_of_one_customer() -> None:
    """Fader, Hardie and Lee: two repeat orders, the last in week 30.43 of 38.86, give 1.226 orders in the 39 weeks after."""
    assert CDNOW.expected(39, 2, 30.43, 38.86)[0] == pytest.approx(1.226, abs=5e-4)


def test_the_authors_curve_of_a_new_customer() -> None:
    """E[X(t)] as their spreadsheet has it, from parameters with more digits than they print."""
    weeks = (0.1429, 1.0, 3.0, 31.8571, 32.0, 78.0)
    expected = [float(CDNOW.expected(week, 0, 0, 0)[0]) for week in weeks]
    assert expected == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576], rel=6e-3)


# --- the formulas -------------------------------------------------------------------------------------------


def exact(model: Fitted, days: float, x: int, recency: float, age: float) -> float:
    """Equation 10 as it is printed, with fifty digits; a = 1 is approached."""
    with mpmath.workdps(50):
        r, alpha, a, b = (mpmath.mpf(value) for value in (model.r, model.alpha, model.a, model.b))
        a += mpmath.mpf("1e-15") if model.a == 1 else 0
        z = days / (alpha + age + days)
        sum_ = ((alpha + age) / (alpha + age + days)) ** (r + x) * mpmath.hyp2f1(
            r + x, b + x, a + b + x - 1, z
        )
        below = 1 + (a / (b + x - 1) * ((alpha + age) / (alpha + recency)) ** (r + x) if x else 0)
        return float((a + b + x - 1) / (a - 1) * (1 - sum_) / below)


@pytest.mark.parametrize(
    "model", [CDNOW, Fitted(0.5, 300, 0.05, 0.2), Fitted(2, 10, 1.0, 3), Fitted(0.9, 30, 0.3, 300)]
)
@pytest.mark.parametrize(
    ("days", "x", "recency", "age"),
    [(39, 0, 0, 38.86), (1, 0, 0, 500), (60, 400, 600, 610), (60, 2000, 600, 600), (700, 30, 100, 110)],
)
def test_expected_orders_are_those_of_the_paper_also_for_thousands(
    model: Fitted, days: float, x: int, recency: float, age: float
) -> None:
    assert model.expected(days, x, recency, age)[0] == pytest.approx(
        exact(model, days, x, recency, age), rel=1e-7
    )


parameters = st.floats(0.02, 50)
times = st.floats(0.1, 3000)


@given(
    st.builds(Fitted, parameters, times, parameters, parameters), st.integers(0, 5000), times, times, times
)
def test_probabilities_are_some_and_a_longer_period_brings_more(
    model: Fitted, x: int, recency: float, more: float, days: float
) -> None:
    since = recency if x else 0.0
    told = (x, since, since + more)
    alive, comes, orders = (
        model.alive(*told)[0],
        model.any_order(days, *told)[0],
        model.expected(days, *told)[0],
    )
    assert 0 <= comes <= alive <= 1
    assert comes <= orders + 1e-9  # the chance of one is never above the mean number
    assert comes <= model.any_order(2 * days, *told)[0] + 1e-12
    assert orders <= model.expected(2 * days, *told)[0] + 1e-9
    assert np.isfinite(orders)
    assert model.alive(*told)[0] >= model.alive(x, since, since + 2 * more)[0]  # silence speaks against it


def test_who_ordered_once_counts_as_a_customer() -> None:
    assert CDNOW.alive([0, 0], [0, 0], [1, 10_000]).tolist() == [1, 1]


# --- brute force --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many() -> Customers:
    return simulated(CDNOW, 60_000, 20.0, seed=3)


def test_all_three_figures_are_what_simulated_customers_do(many: Customers) -> None:
    told = (many.x, many.recency, many.age)
    groups = [many.x == 0, many.x == 1, (many.x >= 2) & (many.x <= 4), many.x >= 5]
    groups += [(many.x >= 1) & (many.age - many.recency < 5), (many.x >= 1) & (many.age - many.recency > 25)]
    for seen, foretold in (
        (many.alive, CDNOW.alive(*told)),
        (many.later > 0, CDNOW.any_order(20.0, *told)),
        (many.later, CDNOW.expected(20.0, *told)),
    ):
        for group in groups:
            noise = 4 * seen[group].std() / np.sqrt(group.sum()) + 1e-3
            assert foretold[group].mean() == pytest.approx(seen[group].mean(), abs=noise)


# --- the fit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("truth", [CDNOW, Fitted(1.2, 12.0, 0.5, 4.0)])
def test_the_fit_finds_what_customers_were_simulated_from(truth: Fitted) -> None:
    found = simulated(truth, 20_000, 0.0, seed=5)
    made = fit(found.x, found.recency, found.age)
    assert (made.customers, made.returning) == (20_000, int((found.x > 0).sum()))
    assert made.r == pytest.approx(truth.r, rel=0.1)
    assert made.alpha == pytest.approx(truth.alpha, rel=0.12)
    # Of a and b the data tell the mean well, and the size less well.
    assert made.a / (made.a + made.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.15)
    assert made.a == pytest.approx(truth.a, rel=0.35)


def test_the_unit_of_time_does_not_matter() -> None:
    found = simulated(CDNOW, 3000, 0.0)
    weeks, days = (fit(found.x, k * found.recency, k * found.age) for k in (1, 7))
    assert days.alpha == pytest.approx(7 * weeks.alpha, rel=1e-3)
    assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-3)


def test_the_slopes_are_those_of_thelikelihood() -> None:
    found = simulated(CDNOW, 200, 0.0)
    rows, ones = np.stack([found.x, found.recency, found.age]).astype(float), np.ones(200, np.int64)
    at = np.array([0.4, 3.0, 0.7, 1.9])
    _, slopes = likelihood(at, rows, ones)
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-6
        rise = likelihood(at + step, rows, ones)[0] - likelihood(at - step, rows, ones)[0]
        assert slopes[place] == pytest.approx(rise / 2e-6, rel=1e-4)


def test_customers_who_never_leave_do_not_drive_the_fit_away() -> None:
    rng = np.random.default_rng(0)
    x = rng.poisson(rng.gamma(2, 1, 3000) * 5)
    age = np.full(3000, 50.0)
    made = fit(x, np.where(x > 0, age * x / (x + 1), 0), age)
    assert np.isfinite([made.r, made.alpha, made.a, made.b]).all()
    assert made.a / (made.a + made.b) < 0.05


def test_thousands_of_orders_are_no_trouble() -> None:
    found = simulated(Fitted(3.0, 0.05, 0.5, 60.0), 300, 0.0)
    assert found.x.max() > 1000
    made = fit(found.x, found.recency, found.age)
    assert made.r == pytest.approx(3.0, rel=0.3)
    assert np.isfinite(made.expected(20.0, found.x, found.recency, found.age)).all()


def test_too_few_who_came_back_are_not_fitted() -> None:
    x = np.array([1] * (RETURNING - 1) + [0] * 500)
    with pytest.raises(InputError, match=f"{RETURNING - 1} of 549 customers came back"):
        fit(x, np.where(x > 0, 3.0, 0.0), np.full(len(x), 9.0))


@pytest.mark.parametrize(
    ("x", "recency", "age"), [(-1, 0, 5), (1, 6, 5), (0, 1, 5), (1, -1, 5), (1, 1, float("nan"))]
)
def test_what_no_customer_can_have_is_named(x: float, recency: float, age: float) -> None:
    with pytest.raises(InputError, match="customer 1 has"):
        fit([1, x], [2, recency], [5, age])
    with pytest.raises(InputError, match="1, 2 and 2 rows"):
        fit([1], [2, 2], [5, 5])
