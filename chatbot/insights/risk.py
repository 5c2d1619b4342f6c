"""Whether a customer may leave: 1 - P(at least one order within the shop's period), by BG/NBD on the shop's own orders.

Orders count by days: two on one day are one. Where too few customers came back to fit anything, there is no figure, and the reason is
said. Knows neither what was bought nor how much was spent.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.insights import churn
from chatbot.insights.churn import Fitted
from chatbot.insights.folded import Folded
from chatbot.insights.history import BuyingDays


@dataclass(frozen=True, slots=True)
class Risk:
    """``churn`` is the probability of no order in the ``period`` days from now on, ``expected`` the orders in that time, ``alive``
    the probability of being a customer still, which is 1 for whoever ordered once and so says little of them. All are None where ``why``
    says what is missing; else it says what they rest on."""

    period: int
    why: str
    churn: float | None = None
    expected: float | None = None
    alive: float | None = None


@dataclass(frozen=True, slots=True)
class Odds:
    """The shop's model, or None and what is missing for one."""

    fitted: Fitted | None
    why: str


def odds(days: BuyingDays, today: int, latest: int) -> Odds:
    """``today`` counts from 1970, as does ``latest``, after which nothing can have happened: an order of a mistyped year would make
    everybody else look long gone."""
    days = days.before(latest + 1)
    first, last, count = days.first_and_last()
    returning = int((count > 1).sum())
    if returning < churn.RETURNING:
        return Odds(
            None,
            f"no risk is told: {returning:,} of {len(first):,} customers came back on another day, and below {churn.RETURNING} "
            "a model would be a guess",
        )
    # A clock that stands still, as the demo shop's does, may lie before the newest orders.
    now = max(today, int(last.max()))
    fitted = churn.fit(count - 1, last - first, now - first)
    return Odds(fitted, f"BG/NBD, fitted on {len(first):,} customers, {returning:,} of whom came back")


def risk(known: Folded, shop: Odds, period: int, today: int) -> Risk:
    """Of a customer, for the ``period`` days from today on."""
    if known.first is None or known.last is None:
        return Risk(period, "no risk is told: no order is known")
    if shop.fitted is None:
        return Risk(period, shop.why)
    told = (known.days - 1, known.last - known.first, max(today, known.last) - known.first)
    comes = float(shop.fitted.any_order(period, *told)[0])
    return Risk(
        period,
        shop.why,
        round(1 - comes, 4),
        round(float(shop.fitted.expected(period, *told)[0]), 4),
        round(float(shop.fitted.alive(*told)[0]), 4),
    )
