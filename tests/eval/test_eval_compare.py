"""Comparing runs: the paired bootstrap against every draw there is, counts, remarks, refusals."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from eval.compare import as_dict, compare, paired, remarks
from eval.kept import Origin, Run
from eval.outcome import Outcome

SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-5, 5), min_size=1)


def run(scores: dict[str, dict[str, float]], suite: str = "demo", **more: object) -> Run:
    made = Run(
        suite, Outcome({}, "", scores), Origin("c", "s", "d", {"numpy": "1"}), "", "20260101T000000Z", 1.0, {}
    )
    return replace(made, **more)  # type: ignore[arg-type]  # whatever field the test changes


def test_the_interval_is_that_of_all_draws() -> None:
    """Five cases can be drawn in 3,125 ways; the quantiles of their means are what the bootstrap approaches."""
    first = {"a": 0.0, "b": 1.0, "c": 0.25, "d": 0.5, "e": 1.0}
    second = {"a": 1.0, "b": 0.5, "c": 0.5, "d": 2.0, "e": 0.75}
    gains = [second[case] - first[case] for case in first]
    means = sorted(fmean(drawn) for drawn in product(gains, repeat=len(gains)))
    told = paired("x", first, second, draws=40_000)
    assert told is not None
    assert told.difference == pytest.approx(fmean(gains))
    assert told.low == pytest.approx(means[int(0.025 * len(means))], abs=0.03)
    assert told.high == pytest.approx(means[int(0.975 * len(means))], abs=0.03)


def test_pairing_sees_what_two_separate_intervals_would_not() -> None:
    """Each case is better by a tenth, and cases differ by far more than that."""
    first = {str(n): float(n % 2) for n in range(100)}
    told = paired("x", first, {case: score + 0.1 for case, score in first.items()})
    assert told is not None
    assert told.low == pytest.approx(0.1)
    assert told.high == pytest.approx(0.1)
    assert (told.better, told.worse, told.verdict) == (100, 0, "better")


@given(SCORES, SCORES)
def test_the_difference_is_of_the_shared_cases_and_turns_round(
    first: dict[str, float], second: dict[str, float]
) -> None:
    there, back = paired("x", first, second, draws=200), paired("x", second, first, draws=200)
    shared = first.keys() & second.keys()
    if not shared:
        assert there is None
        assert back is None
        return
    assert there is not None
    assert back is not None
    assert there.difference == pytest.approx(-back.difference)
    assert there.cases + there.only_first == len(first)
    assert there.cases + there.only_second == len(second)
    assert (there.better, there.worse) == (back.worse, back.better)
    assert there.better + there.worse <= there.cases
    gains = [second[case] - first[case] for case in shared]
    assert min(gains) - 1e-9 <= there.low <= there.high <= max(gains) + 1e-9


def test_less_is_better_where_the_suite_says_so() -> None:
    before, after = {"a": 10.0, "b": 20.0, "c": 5.0}, {"a": 5.0, "b": 12.0, "c": 1.0}
    told = paired("turn_ms", before, after, lower_is_better=True)
    assert told is not None
    assert (told.better, told.worse, told.verdict) == (3, 0, "better")
    plain = paired("turn_ms", before, after)
    assert plain is not None
    assert (plain.better, plain.worse, plain.verdict) == (0, 3, "worse")


def test_cases_and_measures_in_one_run_alone_are_told() -> None:
    first = run({"passed": {"a": 1.0, "b": 0.0, "old": 1.0}, "gone": {"a": 1.0}})
    second = run({"passed": {"a": 1.0, "b": 1.0, "new": 0.0, "newer": 0.0}, "fresh": {"a": 1.0}})
    [difference] = compare(first, second)
    assert (difference.cases, difference.only_first, difference.only_second) == (2, 1, 2)
    assert difference.difference == 0.5
    told = "\n".join(remarks(first, second, [difference]))
    assert "left out 1 cases that only the first run has and 2 that only the second has" in told
    assert "only in the first run: gone" in told
    assert "only in the second run: fresh" in told
    assert as_dict(first, second, [difference])["measures"]["passed"]["better"] == 1


def test_what_else_differs_is_told() -> None:
    first = run({"passed": {"a": 1.0}}, machine={"cpu": "one"})
    second = run(
        {"passed": {"a": 1.0}}, machine={"cpu": "two"}, origin=Origin("c", "t", "d", {"numpy": "2"}, "tone-1")
    )
    told = remarks(first, second, compare(first, second))
    assert told == [
        "the runs had different settings",
        "other adapters: the bare model → tone-1",
        "other versions: numpy 1 → 2",
        "the runs were made on different processors: compare no times",
    ]


def test_runs_that_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="two suites, demo and router"):
        compare(run({}), run({}, "router"))
    with pytest.raises(InputError, match="no case of any measure in common"):
        compare(run({"passed": {"a": 1.0}}), run({"passed": {"b": 1.0}}))
