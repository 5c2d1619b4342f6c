"""Columns of interactions: what is kept, what fades, and what is left of somebody who must be forgotten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from configs.settings import EventWeights
from retrieval.recommend import Interactions, Known, weight_of
from retrieval.recommend.interactions import KINDS

from .conftest import NOW, START, purchases, random_shop

DAY = np.timedelta64(1, "D")


def test_rows_are_ordered_by_customer_and_time_whatever_their_order() -> None:
    late, early = START + 5 * DAY, START
    data = Interactions.of(["b", "a", "b"], ["x", "y", "z"], [late, early, early])
    assert [data.customers[code] for code in data.customer] == ["a", "b", "b"]
    assert [data.items[code] for code in data.item] == ["y", "z", "x"]
    assert data.latest == late


def test_weights_say_what_a_kind_is_worth() -> None:
    weights = {**EventWeights().model_dump(), "like": 2.0}
    assert set(weights) == set(KINDS)
    assert weight_of("purchase", weights) == 1.0
    assert weight_of("returned", weights) == -1.0
    assert [weight_of("rating", weights, stars) for stars in (5, 3, 1)] == [2.0, 0.0, -2.0]
    with pytest.raises(InputError, match="hug"):
        weight_of("hug", weights)
    with pytest.raises(InputError, match="rating"):
        weight_of("rating", weights)


def test_a_half_life_halves_and_a_return_takes_back() -> None:
    known = replace(Known.of([3, 3, 7, 7], [0, 10, 0, 0]), weight=np.array([1, 1, 1, -1], np.float32))
    items, told = known.faded(10.0)
    assert items.tolist() == [3, 7]
    assert told.tolist() == [1.5, 0.0]
    assert known.bought.tolist() == [3, 7]


def test_what_was_touched_last_is_what_remains() -> None:
    known = Known.of([1, 2, 1, 3], [9, 8, 7, 6])
    assert known.latest(2).item.tolist() == [1, 1, 3]
    assert known.latest(0).item.tolist() == []
    assert known.latest(9).item.tolist() == [1, 2, 1, 3]


def test_without_orders_a_basket_is_a_customers_day() -> None:
    data = Interactions.of(["u", "u", "u", "v"], ["a", "b", "c", "a"], [START, START, START + DAY, START])
    assert len(set(data.order.tolist())) == 3
    assert data.order[data.item == 0][0] == data.order[data.item == 1][0]


def test_orders_that_lack_a_number_stay_apart_from_those_that_have_one() -> None:
    data = Interactions.of(["u", "u", "v"], ["a", "b", "c"], [START] * 3, orders=["O1", "", ""])
    assert len(set(data.order.tolist())) == 3


def test_what_was_seen_or_liked_is_known_and_not_owned() -> None:
    data = Interactions.of(
        ["u"] * 3, ["a", "b", "c"], [START] * 3, [1.0, 0.1, 1.0], purchases=[True, False, False]
    )
    (known,) = data.by_customer(NOW)
    assert known.bought.tolist() == [0]
    assert known.touched.tolist() == [0, 1, 2]
    assert (data.order >= 0).tolist() == [True, False, False]


def test_what_speaks_against_a_product_is_no_order() -> None:
    data = Interactions.of(["u", "u"], ["a", "b"], [START] * 2, [1.0, -1.0])
    assert sorted(data.order.tolist())[0] == -1
    assert data.matrix(NOW, 90).toarray().tolist()[0][1] == 0


@given(st.sets(st.integers(0, 19), max_size=20))
def test_of_whoever_is_forgotten_nothing_is_left(gone: set[int]) -> None:
    data = random_shop(20, 12, 150)
    left = data.without([f"c{n:03}" for n in gone])
    assert not set(left.customers) & {f"c{n:03}" for n in gone}
    assert len(left) == sum(data.customers[code] not in {f"c{n:03}" for n in gone} for code in data.customer)
    before, after = data.matrix(NOW, 90), left.matrix(NOW, 90)
    for name in left.customers:
        row, same = before[data.customers.index(name)], after[left.customers.index(name)]
        assert np.allclose(row.toarray(), same.toarray())


def test_items_that_few_took_are_left_out_with_new_numbers() -> None:
    data = purchases(("a", "x y", 0), ("b", "x", 0), ("c", "x x z", 0)).with_support(2)
    assert data.items == ("x",)
    assert set(data.item.tolist()) == {0}
    assert data.customers == ("a", "b", "c")


def test_each_customer_has_a_part_also_the_one_of_whom_nothing_is_left() -> None:
    data = purchases(("a", "x", 0), ("b", "y", 9))
    known = data.before(START + DAY).by_customer(NOW)
    assert [len(one.item) for one in known] == [1, 0]
    assert known[0].age.tolist() == [21.0]
    assert [one.customer for one in known] == [0, 1]
