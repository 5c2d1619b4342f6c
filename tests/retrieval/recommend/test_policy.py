"""In a made-up world whose truth is known: the estimates are right, and exploring finds what is good."""

from __future__ import annotations

import numpy as np
import pytest

from configs.errors import InputError
from retrieval.recommend.policy import Explorer, Logged, estimate

RATES = np.array([0.1, 0.3, 0.6])
"""How often each of three products is taken when it is shown."""
SHOWN = np.array([0.7, 0.2, 0.1])
OTHER = np.array([0.1, 0.1, 0.8])
TRUE, NOW = float(RATES @ OTHER), float(RATES @ SHOWN)


def logs(count: int, seed: int, *, guess: np.ndarray = RATES) -> list[Logged]:
    rng = np.random.default_rng(seed)
    made = []
    for item in rng.choice(3, count, p=SHOWN):
        reward = float(rng.random() < RATES[item])
        made.append(Logged(reward, SHOWN[item], OTHER[item], float(guess[item]), float(guess @ OTHER)))
    return made


def test_the_estimates_hold_the_truth_as_often_as_they_say() -> None:
    held = {"ips": 0, "snips": 0, "dr": 0}
    for seed in range(60):
        for one in estimate(logs(600, seed), draws=300):
            held[one.method] += one.low <= TRUE <= one.high
    assert min(held.values()) >= 50  # 57 of 60 are wanted


def test_on_the_mean_they_are_right_and_a_model_narrows_the_interval() -> None:
    found = {method: [] for method in ("ips", "snips", "dr")}
    widths = {method: [] for method in ("ips", "snips", "dr")}
    for seed in range(40):
        for one in estimate(logs(500, seed), draws=200):
            found[one.method].append(one.value)
            widths[one.method].append(one.high - one.low)
    assert {method: np.mean(values) for method, values in found.items()} == pytest.approx(
        dict.fromkeys(found, TRUE), abs=0.03
    )
    assert np.mean(widths["dr"]) < np.mean(widths["ips"])


def test_a_bad_model_does_not_spoil_dr() -> None:
    wrong = [
        estimate(logs(500, seed, guess=np.array([0.9, 0.9, 0.0])), draws=50)[2].value for seed in range(40)
    ]
    assert np.mean(wrong) == pytest.approx(TRUE, abs=0.05)


def test_the_gain_is_over_what_was_shown() -> None:
    for one in estimate(logs(4000, 1)):
        assert one.gain == pytest.approx(TRUE - NOW, abs=0.08)
        assert one.gain_low > 0
    same = [
        Logged(one.reward, one.propensity, one.propensity, one.expected, one.expected) for one in logs(300, 2)
    ]
    for one in estimate(same):
        assert one.gain == pytest.approx(0, abs=1e-9)
        assert one.effective == pytest.approx(300)


def test_logs_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="nothing"):
        estimate([])
    with pytest.raises(InputError, match="odds 0"):
        estimate([Logged(1.0, 0.0, 0.5)])


def test_an_explorer_finds_what_is_taken_and_its_odds_are_true() -> None:
    rng = np.random.default_rng(3)
    choices, explorer = np.eye(3), Explorer(3, share=1.0)
    counts = np.zeros(3)
    odds = explorer.odds(choices, rng)
    for _ in range(3000):
        counts[explorer.choose(choices, rng)[0]] += 1
    assert counts / 3000 == pytest.approx(odds, abs=0.06)
    for _ in range(800):
        chosen, likely = explorer.choose(choices, rng)
        assert 0 < likely <= 1
        explorer.learn(choices[chosen], float(rng.random() < RATES[chosen]))
    assert explorer.odds(choices, rng).argmax() == 2
    assert explorer.mean[2] == pytest.approx(0.6, abs=0.12)


def test_without_a_share_nothing_is_explored() -> None:
    rng = np.random.default_rng(0)
    assert Explorer(3, share=0.0).odds(np.eye(3), rng).tolist() == [1.0, 0.0, 0.0]
    assert Explorer(3, share=0.2).odds(np.eye(3)[:1], rng).tolist() == [1.0]
    tenth = Explorer(3, share=0.1).odds(np.eye(3), rng)
    assert tenth[0] >= 0.9
    assert tenth.sum() == pytest.approx(1)
