"""Churn risk is the model's, asked about what is known of the customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chatbot.insights.churn import RETURNING, Fitted
from chatbot.insights.folded import Folded, folded
from chatbot.insights.history import Bought, BuyingDays, day_number
from chatbot.insights.risk import Odds, odds, risk
from configs.settings import EventWeights

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = day_number(NOW)
MODEL = Fitted(0.6, 40.0, 0.5, 3.0, 500, 200)


def ordered(*days_ago: float) -> Folded:
    facts = [Bought(NOW - timedelta(days=days), f"O-{days}", "") for days in days_ago]
    return folded(facts, EventWeights().model_dump())


def test_orders_of_one_day_are_one_and_times_are_days() -> None:
    told = risk(ordered(30, 20.2, 20.1, 12), Odds(MODEL, "so"), 60, TODAY)
    known = (2, 18, 30)
    assert told.churn == pytest.approx(1 - MODEL.any_order(60, *known)[0], abs=1e-4)
    assert told.expected == pytest.approx(MODEL.expected(60, *known)[0], abs=1e-4)
    assert told.alive == pytest.approx(MODEL.alive(*known)[0], abs=1e-4)
    assert (told.period, told.why) == (60, "so")


def test_a_longer_period_is_less_risk() -> None:
    known, shop = ordered(50, 10), Odds(MODEL, "")
    month, year = (risk(known, shop, period, TODAY).churn for period in (30, 365))
    assert month is not None
    assert year is not None
    assert month > year


def test_an_order_after_today_counts_as_todays() -> None:
    """The demo shop's day stands still."""
    told = risk(ordered(30, -9), Odds(MODEL, ""), 60, TODAY)
    assert told.alive == pytest.approx(MODEL.alive(1, 39, 39)[0], abs=1e-4)


def test_without_orders_or_without_a_model_the_reason_stands_there() -> None:
    assert "no order is known" in risk(Folded(), Odds(MODEL, ""), 60, TODAY).why
    few = BuyingDays.of([f"c{n}" for n in range(90)] * 2, [*range(90), *([0] * 90)])
    shop = odds(few, 100, 100)
    assert shop.fitted is not None  # 89 came back on another day
    assert (shop.fitted.customers, shop.fitted.returning) == (90, 89)
    fewer = odds(BuyingDays.of([*few.customers[:RETURNING], "a"], [1] * (RETURNING + 1)), 100, 100)
    assert fewer.fitted is None
    assert f"0 of {RETURNING + 1} customers came back" in fewer.why
    assert risk(ordered(5, 3), fewer, 60, TODAY).churn is None
