"""Every model learns what it should, and agrees with the formula or the library that it stands on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp

from retrieval.recommend import Interactions, Known, baskets
from retrieval.recommend.als import Als
from retrieval.recommend.base import Case, Model, PersonalFrequency, RecentPopularity, evaluate
from retrieval.recommend.baskets import Baskets
from retrieval.recommend.ease import Ease, form_of
from retrieval.recommend.interactions import NOTHING
from retrieval.recommend.paper import PaperModel

from .conftest import NOW, START, purchases, random_shop

LATER = START + np.timedelta64(200, "D")
# Customers who buy something else altogether: against them it shows that two products go together.
OTHERS = [(f"other{n}", "this that", 0) for n in range(30)]


def scores(model: Model, data: Interactions, known: Known, now: np.datetime64 = NOW) -> dict[str, float]:
    model.train(data, now)
    return dict(zip(data.items, model.predict(known).tolist(), strict=True))


def having(data: Interactions, *skus: str) -> Known:
    items = np.array([data.items.index(sku) for sku in skus])
    return Known.of(items)


# --- counting -----------------------------------------------------------------------------------------------


def test_recent_purchases_outweigh_old_ones() -> None:
    old, new = ((f"a{n}", "old", 0) for n in range(5)), ((f"b{n}", "new", 60) for n in range(3))
    told = scores(RecentPopularity(), purchases(*old, *new), NOTHING, START + np.timedelta64(61, "D"))
    assert told["new"] > told["old"] > 0


def test_a_customer_is_served_what_they_take_often(shop: Interactions) -> None:
    known = shop.by_customer(NOW)[shop.customers.index("x")]
    told = scores(PersonalFrequency(), shop, known)
    assert told["tea"] == told["brush"] > told["soap"] == 0


# --- EASE ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("customers", "items"), [(40, 24), (24, 42)])
@pytest.mark.parametrize("form", ["primal", "dual", None])
def test_ease_is_the_closed_form_in_either_form(customers: int, items: int, form: str | None) -> None:
    data = random_shop(customers, items, 600)
    matrix = np.asarray(data.matrix(LATER, 90.0).sqrt().toarray(), np.float64)
    penalty = 5 * float((matrix**2).sum()) / matrix.shape[1]
    inverse = np.linalg.inv(matrix.T @ matrix + penalty * np.eye(matrix.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    model = Ease(5.0, rank=None)
    model.train(data, LATER, form)  # type: ignore[arg-type]  # parametrized
    told = np.stack([model.predict(known) for known in data.by_customer(LATER)])
    assert np.allclose(told, matrix @ weights, atol=1e-5)


def test_ease_takes_the_smaller_side() -> None:
    assert form_of((100, 900)) == "dual"
    assert form_of((900, 100)) == "primal"
    assert form_of((50_000, 20_000)) == "truncated"


def test_a_truncated_spectrum_is_that_of_lanczos() -> None:
    data = random_shop(60, 30, 900)
    exact, lanczos = Ease(rank=10), Ease(rank=10)
    exact.train(data, LATER)
    lanczos.train(data, LATER, "truncated")
    for known in data.by_customer(LATER)[:10]:
        assert np.allclose(exact.predict(known), lanczos.predict(known), atol=1e-4)


def test_what_ease_says_is_the_sum_of_what_each_purchase_says() -> None:
    data = random_shop(40, 30, 800)
    model = Ease(rank=8)
    model.train(data, LATER)
    known = data.by_customer(LATER)[3]
    items, each = model.contributions(known, np.arange(30))
    assert items.tolist() == known.bought.tolist()
    assert np.allclose(each.sum(axis=0), model.predict(known), atol=1e-5)


def test_a_new_item_scores_as_its_neighbours_do_and_says_nothing_of_itself() -> None:
    data = random_shop(40, 30, 800)
    model = Ease(rank=None)
    model.train(data, LATER)
    near, share = np.array([3, 6]), np.array([0.75, 0.25], np.float32)
    stands_on = sp.csr_matrix((share, ([0, 0], near)), (1, 30))
    wider = model.with_items(stands_on)
    known = next(one for one in data.by_customer(LATER) if not {3, 6} & set(one.bought.tolist()))
    before, after = model.predict(known), wider.predict(known)
    assert np.allclose(after[:30], before, atol=1e-6)
    assert after[30] == pytest.approx(float(before[near] @ share), abs=1e-5)
    owner = Known.of([30])
    assert wider.predict(owner)[30] == pytest.approx(0, abs=1e-5)


# --- ALS ----------------------------------------------------------------------------------------------------


def test_als_folds_in_what_the_library_would_say() -> None:
    als = pytest.importorskip(
        "implicit.cpu.als", reason="implicit is not installed: pip install 'kefu[recommend]'"
    )
    data = random_shop(60, 30, 900)
    model = Als(factors=8)
    model.train(data, LATER)
    library = als.AlternatingLeastSquares(factors=8, regularization=model.penalty, alpha=model.confidence)
    library.item_factors = model.factors
    matrix = data.matrix(LATER, 90.0).log1p()
    for number, known in enumerate(data.by_customer(LATER)[:10]):
        wanted = library.recalculate_user(0, matrix[number]) @ model.factors.T
        assert np.allclose(model.predict(known), wanted, atol=1e-3)
    assert not model.predict(NOTHING).any()


# --- baskets ------------------------------------------------------------------------------------------------


def test_baskets_go_by_what_is_bought_together(shop: Interactions) -> None:
    told = scores(Baskets(), shop, having(shop, "tea"))
    assert told["cup"] > 0
    assert told["cup"] == max(told.values())
    assert told["tea"] == told["soap"] == 0


def test_few_shared_baskets_prove_less_than_many_and_two_nothing() -> None:
    many = [(f"m{n}", "a b", 0) for n in range(10)]
    three = purchases(*many, *[(f"few{n}", "a rare", 0) for n in range(3)], *OTHERS)
    told = scores(Baskets(), three, having(three, "a"))
    assert told["b"] > told["rare"] > 0
    two = purchases(*many, *[(f"few{n}", "a rare", 0) for n in range(2)], *OTHERS)
    assert scores(Baskets(), two, having(two, "a"))["rare"] == 0


def test_what_is_in_every_basket_goes_with_nothing() -> None:
    data = purchases(*[(f"u{n}", f"bag item{n % 5} friend{n % 5}", 0) for n in range(30)])
    assert {sku for sku, score in scores(Baskets(), data, having(data, "item1")).items() if score} == {
        "friend1"
    }
    assert not any(scores(Baskets(), data, having(data, "bag")).values())


def test_a_wholesale_basket_pairs_nothing() -> None:
    wholesale = " ".join(f"i{n}" for n in range(150))
    small = [(f"u{n}", "i1 i2", 0) for n in range(3)]
    data = purchases(*[(f"big{n}", wholesale, 0) for n in range(3)], *small, *OTHERS)
    assert {sku for sku, score in scores(Baskets(), data, having(data, "i1")).items() if score} == {"i2"}


def test_a_new_item_that_stands_on_many_keeps_the_nearest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Baskets()
    model.similarity = sp.csr_matrix(np.random.default_rng(0).random((30, 30)), dtype=np.float32)
    stands_on = sp.csr_matrix(np.random.default_rng(1).random((3, 30)), dtype=np.float32)
    monkeypatch.setattr(baskets, "NEIGHBOURS", 5)
    made = model.with_items(stands_on).similarity.toarray()
    assert made.shape == (33, 33)
    assert np.array_equal(made[:30, :30], model.similarity.toarray())
    assert not made[30:].any()
    for column, wanted in zip(made[:30, 30:].T, (stands_on @ model.similarity.T).toarray(), strict=True):
        kept = np.flatnonzero(column)
        assert set(kept.tolist()) == set(np.argsort(-wanted)[:5].tolist())
        assert np.allclose(column[kept], wanted[kept])


# --- the paper's model --------------------------------------------------------------------------------------


def test_the_papers_additive_model_gives_everybody_the_same_list() -> None:
    data = random_shop(40, 30, 800)
    model = PaperModel(bilinear=False, size=8, epochs=3)
    model.train(data, LATER)
    told = np.stack([model.predict(known) for known in data.by_customer(LATER)])
    # s(customer, item) = a(customer) + b(item): the difference of two customers is the same for every item.
    assert np.allclose(told - told[0], (told - told[0])[:, :1], atol=1e-5)
    assert len({tuple(np.argsort(-row, kind="stable")[:5]) for row in told.round(4)}) == 1
    assert np.ptp(told[:, 0]) > 1e-3


def test_the_papers_bilinear_formula_does_not() -> None:
    data = random_shop(40, 30, 800)
    model = PaperModel(bilinear=True, size=8, epochs=10)
    model.train(data, LATER)
    told = np.stack([model.predict(known) for known in data.by_customer(LATER)])
    assert len({tuple(np.argsort(-row)[:5]) for row in told}) > 5


# --- all of them --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Ease, Als, PersonalFrequency])
def test_a_model_that_looks_at_the_customer_beats_popularity_where_there_are_tastes(
    make: Callable[[], Model],
) -> None:
    if make is Als:
        pytest.importorskip("implicit", reason="implicit is not installed: pip install 'kefu[recommend]'")
    data = random_shop(60, 90, 4000)
    cut = START + np.timedelta64(150, "D")
    before, after = data.before(cut), data.between(cut, LATER)
    cases = [
        Case(known, np.unique(after.item[after.customer == number]))
        for number, known in enumerate(before.by_customer(cut))
    ]
    # A penalty for thousands of customers is too much for sixty.
    popular, own = RecentPopularity(), Als(penalty=5.0) if make is Als else make()
    popular.train(before, cut)
    own.train(before, cut)
    assert np.nanmean(evaluate(own, cases).recall) > 1.2 * np.nanmean(evaluate(popular, cases).recall)


@pytest.mark.parametrize("make", [RecentPopularity, PersonalFrequency, Ease, Baskets])
def test_a_shop_without_purchases_has_models_that_say_nothing(make: Callable[[], Model]) -> None:
    model = make()
    model.train(purchases(), NOW)
    assert model.predict(NOTHING).tolist() == []


def test_a_new_item_stands_on_others_and_on_whoever_took_them() -> None:
    data = random_shop(40, 30, 900)
    ease = Ease()
    ease.train(data, LATER)
    stands_on = sp.csr_matrix(np.array([[0.5, 0.5] + [0.0] * 28, [0.0] * 29 + [1.0]], np.float32))
    more = ease.with_items(stands_on).with_items(sp.csr_matrix(np.eye(1, 32, 3, dtype=np.float32)))
    known = Known.of([0, 4, 29])
    score = more.predict(known)
    assert np.allclose(score[:30], ease.predict(known))
    # What is known of it adds up, piece by piece, as of the others.
    _, told = more.contributions(known, np.arange(33))
    assert np.allclose(told.sum(axis=0), score, atol=1e-5)
    # Somebody who took what it stands on gets it before somebody who took nothing of the kind.
    assert score[30] > more.predict(Known.of([4]))[30]
    assert score[32] < score[30]
