"""Any first so many examples have the shares that are wanted, and nothing is lost but what is unanswerable and too much."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from finetune.mix import mixed


@dataclass(frozen=True)
class One:
    id: str


def some(kind: str, count: int, end: str = "") -> list[One]:
    return [One(f"{kind}{number}{end}") for number in range(count)]


@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 60),
    st.floats(0, 0.95),
    st.floats(0, 0.9),
    st.integers(0, 5),
)
def test_the_shares_hold_from_the_first_on(
    replies: int, answered: int, silent: int, grounded: float, unanswerable: float, seed: int
) -> None:
    behind = [*some("a", answered), *some("u", silent, "/without")]
    made = mixed(some("r", replies), behind, grounded=grounded, unanswerable=unanswerable, seed=seed)
    assert len({one.id for one in made}) == len(made)
    kinds = {kind: [one for one in made if one.id.startswith(kind)] for kind in "rau"}
    assert (len(kinds["r"]), len(kinds["a"])) == (replies, answered)
    wanted = answered * unanswerable / (1 - unanswerable)
    assert len(kinds["u"]) <= silent
    assert len(kinds["u"]) == silent or abs(len(kinds["u"]) - wanted) <= 0.5
    notes = len(kinds["a"]) + len(kinds["u"])
    for count in range(1, len(made) + 1):
        taken = sum(not one.id.startswith("r") for one in made[:count])
        if taken < notes and count - taken < replies:
            assert abs(taken - grounded * count) <= 1


def test_the_same_seed_draws_the_same_order_and_another_another() -> None:
    def made(seed: int) -> list[One]:
        return mixed(some("r", 40), some("a", 40), grounded=0.5, unanswerable=0.2, seed=seed)

    assert made(1) == made(1) != made(2)
