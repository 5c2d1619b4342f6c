"""The recommender finds what is bought together, says why, and keeps to what it may suggest."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.recommend import Recommender, storage

Columns = tuple[list[str], list[str], np.ndarray, np.ndarray, list[str]]


def purchases(*baskets: tuple[str, str, str], start: str = "2026-03-01") -> Columns:
    """Columns of ``("customer", "a b c", day offset)`` baskets."""
    customers, skus, at, orders = [], [], [], []
    for number, (customer, items, day) in enumerate(baskets):
        for sku in items.split():
            customers.append(customer)
            skus.append(sku)
            at.append(np.datetime64(start) + np.timedelta64(int(day), "D"))
            orders.append(f"O{number}")
    return customers, skus, np.array(at, "datetime64[s]"), np.ones(len(skus), np.int64), orders


# Tea goes with cups, paint with brushes; soap is what everybody bought last week.
SHOP = purchases(
    *((f"t{n}", "tea cup", "0") for n in range(8)),
    *((f"p{n}", "paint brush", "1") for n in range(8)),
    *((f"s{n}", "soap sponge", "20") for n in range(20)),
    ("x", "tea brush", "2"),
)

# Customers who buy something else altogether: against them it shows that two products go together.
OTHERS = [(f"other{n}", "this that", "0") for n in range(30)]


@pytest.fixture
def recommender() -> Recommender:
    return Recommender.fit(*SHOP)


def test_goes_by_what_is_bought_together(recommender: Recommender) -> None:
    first = recommender.complete(["tea"], k=3)[0]
    assert (first.sku, first.because) == ("cup", "tea")
    assert recommender.similar("paint", k=1)[0].sku == "brush"


def test_names_the_purchase_that_contributed_most(recommender: Recommender) -> None:
    suggested = {item.sku: item for item in recommender.for_customer(["tea", "paint"], k=10)}
    assert suggested["cup"].because == "tea"
    assert suggested["brush"].because == "paint"


def test_a_stranger_gets_what_is_popular_now_and_no_false_reason(recommender: Recommender) -> None:
    suggested = recommender.for_customer([], k=2)
    assert {item.sku for item in suggested} == {"soap", "sponge"}
    assert all(item.because is None for item in suggested)
    assert recommender.for_customer(["never-sold"], k=2) == suggested


def test_recent_purchases_outweigh_old_ones() -> None:
    old, new = ((f"a{n}", "old", "0") for n in range(5)), ((f"b{n}", "new", "60") for n in range(3))
    suggested = Recommender.fit(*purchases(*old, *new)).popular(k=2)
    assert [item.sku for item in suggested] == ["new", "old"]


def test_what_is_owned_is_left_out_unless_repeats_are_asked_for(recommender: Recommender) -> None:
    owned = ["soap", "sponge"]
    assert not {"soap", "sponge"} & {item.sku for item in recommender.for_customer(owned, k=10)}
    assert {"soap", "sponge"} <= {item.sku for item in recommender.for_customer(owned, k=10, repeats=True)}
    assert "cup" not in {
        item.sku for item in recommender.for_customer(["tea"], exclude=["CUP"], repeats=True)
    }


def test_skus_match_in_any_case(recommender: Recommender) -> None:
    assert recommender.complete([" TEA "], k=1)[0].sku == "cup"


def test_nothing_is_said_to_go_with_the_unknown(recommender: Recommender) -> None:
    assert recommender.complete(["never-sold"]) == []
    assert recommender.similar("never-sold") == []


def test_few_shared_baskets_prove_less_than_many_and_two_nothing() -> None:
    many = [(f"m{n}", "a b", "0") for n in range(10)]
    model = Recommender.fit(*purchases(*many, *[(f"few{n}", "a rare", "0") for n in range(3)], *OTHERS))
    assert [item.sku for item in model.complete(["a"], k=3)] == ["b", "rare"]
    accident = Recommender.fit(*purchases(*many, *[(f"few{n}", "a rare", "0") for n in range(2)], *OTHERS))
    assert [item.sku for item in accident.complete(["a"], k=3)] == ["b"]


def test_what_is_in_every_basket_goes_with_nothing() -> None:
    baskets = [(f"u{n}", f"bag item{n % 5} friend{n % 5}", "0") for n in range(30)]
    model = Recommender.fit(*purchases(*baskets))
    assert [item.sku for item in model.complete(["item1"])] == ["friend1"]
    assert model.complete(["bag"]) == []


def test_without_orders_a_basket_is_a_customers_day() -> None:
    visits = [(f"u{n}", items, day) for n in range(3) for items, day in (("a b", "0"), ("c", "5"))]
    customers, skus, at, quantity, _ = purchases(*visits, *OTHERS)
    model = Recommender.fit(customers, skus, at, quantity)
    assert [item.sku for item in model.complete(["a"])] == ["b"]


def test_cancelled_rows_teach_nothing() -> None:
    customers, skus, at, quantity, orders = purchases(("u", "a b", "0"))
    quantity[1] = -1
    assert Recommender.fit(customers, skus, at, quantity, orders).skus == ("a",)


def test_a_wholesale_basket_pairs_nothing() -> None:
    wholesale = " ".join(f"i{n}" for n in range(150))
    small = [(f"u{n}", "i1 i2", "0") for n in range(3)]
    model = Recommender.fit(*purchases(*[(f"big{n}", wholesale, "0") for n in range(3)], *small, *OTHERS))
    assert [item.sku for item in model.complete(["i1"])] == ["i2"]


def test_no_purchases_no_suggestions() -> None:
    model = Recommender.fit([], [], [], [], [])
    assert model.for_customer(["a"]) == []
    assert model.latest is None


def test_knows_when_the_newest_purchase_was_made(recommender: Recommender) -> None:
    assert recommender.latest == datetime(2026, 3, 21)


@given(
    history=st.lists(
        st.sampled_from(["tea", "cup", "paint", "brush", "soap", "sponge", "unknown"]), max_size=8
    ),
    exclude=st.lists(st.sampled_from(["tea", "cup", "soap"]), max_size=3),
    k=st.integers(0, 12),
)
def test_lists_hold_their_promises(history: list[str], exclude: list[str], k: int) -> None:
    suggested = Recommender.fit(*SHOP).for_customer(history, exclude=exclude, k=k)
    skus = [item.sku for item in suggested]
    assert len(skus) == len(set(skus)) <= k
    assert not set(skus) & (set(history) | set(exclude))
    assert all(item.because in {None, *history} for item in suggested)
    assert [item.score for item in suggested] == sorted((item.score for item in suggested), reverse=True)


# --- on disk --------------------------------------------------------------------------------------------------


def test_comes_back_from_disk_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = Recommender.load_or_fit(tmp_path, *SHOP)
    monkeypatch.setattr(Recommender, "fit", lambda *_: pytest.fail("fitted again although nothing changed"))
    loaded = Recommender.load_or_fit(tmp_path, *SHOP)
    assert loaded.for_customer(["tea"], k=9) == fitted.for_customer(["tea"], k=9)
    assert loaded.latest == fitted.latest


def test_other_data_is_another_model(tmp_path: Path) -> None:
    Recommender.load_or_fit(tmp_path, *SHOP)
    other = purchases(("u", "a b", "0"))
    assert Recommender.load_or_fit(tmp_path, *other).skus == ("a", "b")
    assert len(list(tmp_path.iterdir())) == 1, "the model of the old data is of no more use"


def test_a_damaged_file_is_fitted_again(tmp_path: Path) -> None:
    fitted = Recommender.load_or_fit(tmp_path, *SHOP)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:500])
    assert Recommender.load_or_fit(tmp_path, *SHOP).popular() == fitted.popular()


def test_the_digest_sees_every_column() -> None:
    whole = storage.digest(*SHOP, parameters=(1.0,))
    customers, skus, at, quantity, orders = SHOP
    changed = [
        ([*customers[:-1], "?"], skus, at, quantity, orders),
        (customers, [*skus[:-1], "?"], at, quantity, orders),
        (customers, skus, at + np.timedelta64(1, "s"), quantity, orders),
        (customers, skus, at, quantity + 1, orders),
        (customers, skus, at, quantity, [*orders[:-1], "?"]),
    ]
    digests = {storage.digest(*columns, parameters=(1.0,)) for columns in changed}
    assert len(digests | {whole, storage.digest(*SHOP, parameters=(2.0,))}) == 7


# --- size -----------------------------------------------------------------------------------------------------


def test_is_quick_enough_for_a_shop_of_40_000_purchases() -> None:
    rng = np.random.default_rng(7)
    rows, products = 40_000, 4_000
    skus = [f"p{n}" for n in np.minimum(rng.zipf(1.2, rows), products)]
    orders = [f"o{n}" for n in np.sort(rng.integers(0, rows // 4, rows))]
    at = np.datetime64("2026-01-01") + np.sort(rng.integers(0, 300 * 86_400, rows)).astype("timedelta64[s]")
    started = time.perf_counter()
    model = Recommender.fit(orders, skus, at, np.ones(rows), orders)
    fitted = time.perf_counter()
    for start in range(0, 400, 20):
        model.for_customer(skus[start : start + 20], k=10)
    listed = time.perf_counter()
    # The budgets are 2 s and 5 ms; the bounds here leave room for a busy machine.
    assert fitted - started < 4.0
    assert (listed - fitted) / 20 < 0.015
