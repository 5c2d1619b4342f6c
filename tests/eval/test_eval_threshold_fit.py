"""From trials to a threshold: what is worth saying, what a wrong answer costs, and when nothing is changed."""

from __future__ import annotations

import json

from configs.settings import THRESHOLDS, ComposeSettings
from eval.threshold_fit import FEWEST, NAMES, SILENT, Trial, at, best, fitted

CLEAR = [Trial("demo", n / 40, n >= 20) for n in range(40)]


def test_coverage_and_risk_of_a_threshold() -> None:
    point = at(CLEAR, 0.25, cost=2.0)
    assert (point.coverage, round(point.risk, 3)) == (0.75, 0.333)
    assert round(point.reliability, 3) == round((20 - 2 * 10) / 40, 3)
    assert at([*CLEAR, *[Trial("demo", SILENT, right=False)] * 40], 0.0, cost=1.0).coverage == 0.5


def test_each_shop_counts_the_same() -> None:
    many = [Trial("large", 0.9, right=True)] * 90 + [Trial("small", 0.9, right=False)] * 10
    assert at(many, 0.5, cost=1.0).risk == 0.5


def test_the_best_threshold_parts_right_from_wrong() -> None:
    assert best(CLEAR, cost=2.0).threshold == 0.49  # the middle of what lies between 19/40 and 20/40


def test_what_the_rungs_below_would_have_said_counts() -> None:
    better_below = [Trial("demo", 0.6, right=True, instead=1.0), Trial("demo", 0.8, right=True)] * 20
    wrong_below = [Trial("demo", 0.6, right=True, instead=-2.0), Trial("demo", 0.8, right=True)] * 20
    assert at(better_below, 0.0, 2.0).reliability == at(better_below, 0.7, 2.0).reliability
    assert at(wrong_below, 0.0, 2.0).reliability > at(wrong_below, 0.7, 2.0).reliability


def test_too_few_trials_change_nothing() -> None:
    told = fitted("quote", CLEAR[-FEWEST + 1 :], before=0.33)
    assert (told["threshold"], told["fitted"]) == (0.33, False)
    assert fitted("quote", CLEAR, before=0.33)["fitted"] is True


def test_other_shops_are_told_beside_and_do_not_decide() -> None:
    told = fitted("quote", [*CLEAR, *[Trial("doc2dial", 0.9, right=False)] * 100], before=0.33)
    assert told["threshold"] == fitted("quote", CLEAR, before=0.33)["threshold"]
    assert told["doc2dial"] == {
        "trials": 100,
        "there": [told["threshold"], 1.0, 1.0],
        "curve": [[round(n * 0.05, 2), 1.0, 1.0] for n in range(19)],
    }


def test_the_settings_are_the_files() -> None:
    told = json.loads(THRESHOLDS.read_text(encoding="utf-8"))
    assert {name: one["threshold"] for name, one in told.items()} == {
        name: getattr(ComposeSettings(), f"{name}_threshold") for name in NAMES
    }
