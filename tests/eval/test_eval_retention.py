"""The suite ``retention`` on customers whose behaviour is known, and its figures by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chatbot.insights.history import BuyingDays
from configs.errors import ConfigError
from eval.outcome import Options
from eval.purchases import Record
from eval.retention import Window, asked, auc, buying_days, day_of, foretold, run
from retrieval.recommend.interactions import Interactions


def test_auc_by_hand() -> None:
    came = np.array([True, False, True, False])
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), came) == 0.75
    assert auc(np.array([1.0, 1.0, 1.0, 1.0]), came) == 0.5
    assert np.isnan(auc(np.array([1.0, 2.0]), np.array([True, True])))


def test_only_what_was_known_is_asked_about() -> None:
    days = BuyingDays.of(["a", "a", "a", "b", "c", "d"], [10, 30, 55, 20, 50, 61])
    found = asked(days, 50, 10)
    assert found.names == ("a", "b")  # c came on the first day of the period, and is no customer yet
    assert (found.x.tolist(), found.recency.tolist(), found.age.tolist(), found.since.tolist()) == (
        [1, 0], [20, 0], [40, 30], [20, 30],
    )  # fmt: skip
    assert found.came.tolist() == [True, False]
    with pytest.raises(ConfigError, match="ends before the period"):
        asked(days, 55, 10)


def shop(leaving: float, count: int = 400) -> Record:
    """Customers who order every few weeks and leave after an order with a chance; 400 days from 1 January 2011 on."""
    rng = np.random.default_rng(2)
    who, at = [], []
    for number in range(count):
        day, rate = rng.uniform(0, 150), rng.gamma(2, 0.03)
        while day < 400:
            who.append(f"c{number}")
            at.append(np.datetime64("2011-01-01", "s") + np.timedelta64(int(day * 86_400), "s"))
            day += rng.exponential(1 / rate)
            if rng.random() < leaving:
                break
    return Record(Interactions.of(who, ["x"] * len(who), np.array(at)), {})


def test_who_left_is_told_from_who_stays() -> None:
    days = buying_days(shop(0.2))
    start = day_of("2011-11-01")
    now, before = asked(days, start, 60), asked(days, start - 60, 60)
    told = foretold(now, before, 60)
    assert auc(told["risk"], now.came) > 0.8
    assert auc(told["risk"], now.came) > auc(told["frequency"], now.came)
    assert told["risk"].mean() == pytest.approx(now.came.mean(), abs=0.06)
    for probability in told.values():
        assert ((probability >= 0) & (probability <= 1)).all()


def test_the_suite_tells_figures_intervals_baselines_and_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.retention.DRAWS", 40)
    monkeypatch.setattr("eval.retention.LAST", (Window("shop", lambda: shop(0.2), "2011-11-01", 60),))
    seen: list[Any] = []
    found = run(Options(), lambda *told: seen.append(told))
    metrics = found.metrics
    assert seen == [("shop", 0, 1)]
    for name in ("shop_auc", "shop_brier", "recency_shop_auc", "frequency_shop_brier", "base_shop_brier"):
        assert metrics[f"{name}_low"] <= metrics[name] <= metrics[f"{name}_high"]
    assert metrics["shop_auc"] > metrics["frequency_shop_auc"]
    assert np.mean(list(found.scores["shop_brier"].values())) == pytest.approx(
        metrics["shop_brier"], abs=1e-4
    )
    assert found.lower_is_better == ("shop_brier",)
    assert "2011-11-01" in found.about
    assert sum("AUC against" in line for line in found.notes) == 2
    dev = run(Options(split="dev"), lambda *told: None)
    assert "2011-09-02" in dev.about
    assert dev.metrics["shop_auc"] != metrics["shop_auc"]
