"""The sliding window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.api.limits import Limiter
from configs.errors import LimitError


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from("ab")), max_size=80), st.integers(1, 4))
def test_no_window_ever_holds_more_than_the_limit(steps: list[tuple[int, str]], most: int) -> None:
    clock = Clock()
    limiter = Limiter("things", most, 10, clock)
    taken: dict[str, list[float]] = {"a": [], "b": []}
    for wait, name in steps:
        clock.now += wait
        recent = [at for at in taken[name] if at > clock.now - 10]
        if len(recent) < most:
            limiter.take(name)
            taken[name].append(clock.now)
            continue
        with pytest.raises(LimitError) as caught:
            limiter.take(name)
        assert 0 < caught.value.retry_after <= 10


def test_after_retry_after_it_is_allowed_again() -> None:
    clock = Clock()
    limiter = Limiter("things", 2, 10, clock)
    limiter.take("a")
    clock.now += 3
    limiter.take("a")
    with pytest.raises(LimitError, match="more than 2 things in 10 seconds") as caught:
        limiter.take("a")
    assert caught.value.retry_after == 7
    clock.now += caught.value.retry_after
    limiter.take("a")


def test_names_that_were_quiet_are_forgotten() -> None:
    clock = Clock()
    limiter = Limiter("things", 2, 10, clock)
    for number in range(1000):
        limiter.take(str(number))
    clock.now += 11
    limiter.take("later")
    assert list(limiter._times) == ["later"]


def test_a_limit_of_none_at_all() -> None:
    with pytest.raises(LimitError):
        Limiter("things", 0, 10).take("a")
