"""Lists hold their promises, say the true reason, and follow what happened a second ago."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import NotFoundError
from retrieval.recommend import Event, Interactions, Known, Recommender
from retrieval.recommend.interactions import NOTHING
from retrieval.recommend.training import trained

from .conftest import NOW, START, purchases, random_shop

SECOND = np.timedelta64(1, "s")
LATER = START + np.timedelta64(200, "D")


@pytest.fixture(scope="module")
def recommender(shop: Interactions) -> Recommender:
    return trained(shop, NOW)


@pytest.fixture(scope="module")
def tastes() -> Interactions:
    return random_shop(90, 240, 5000)


@pytest.fixture(scope="module")
def fitted(tastes: Interactions) -> Recommender:
    return trained(tastes, LATER, groups=np.arange(240) % 5)


def took(recommender: Recommender, *skus: str) -> Known:
    return recommender.fold_in([Event(sku, NOW - SECOND) for sku in skus], NOW)


def test_goes_by_what_is_bought_together(recommender: Recommender) -> None:
    first = recommender.complete(["tea"], n=3)[0]
    assert (first.sku, first.why.because) == ("cup", ("tea",))
    assert recommender.similar("paint", n=1)[0][0] == "brush"


def test_names_the_purchase_that_contributed_most(recommender: Recommender) -> None:
    listed = recommender.recommend(took(recommender, "tea", "paint"), mode="discover")
    because = {one.sku: one.why.because[:1] for one in listed}
    assert because["cup"] == ("tea",)
    assert because["brush"] == ("paint",)


def test_a_stranger_gets_what_is_popular_now_and_no_false_reason(recommender: Recommender) -> None:
    listed = recommender.recommend(NOTHING, n=2)
    assert {one.sku for one in listed} == {"soap", "sponge"}
    assert {(one.why.rule, one.why.because) for one in listed} == {("popular", ())}
    assert recommender.recommend(took(recommender, "never-sold"), n=2) == listed


def test_the_modes_part_what_is_owned_from_what_is_not(recommender: Recommender) -> None:
    known = took(recommender, "soap", "tea")
    again, new, both = (
        {one.sku for one in recommender.recommend(known, mode=mode)}
        for mode in ("buy_again", "discover", "mixed")
    )
    assert again == {"soap", "tea"}
    assert not new & again
    assert both == new | again


def test_a_pace_is_named_where_there_is_one() -> None:
    """In a shop of habits: everybody has three products that they take every week."""
    rng = np.random.default_rng(0)
    rows = [
        (f"c{who:02}", f"i{what:03}", LATER - np.timedelta64(7 * week + int(rng.integers(0, 2)), "D"))
        for who in range(80)
        for what in rng.choice(40, 3, replace=False)
        for week in range(1, 20)
    ]
    fitted = trained(Interactions.of(*(list(column) for column in zip(*rows, strict=True))), LATER)
    weekly = [Event("i001", LATER - np.timedelta64(day, "D")) for day in (29, 22, 15, 8)]
    why = fitted.recommend(fitted.fold_in(weekly, LATER), mode="buy_again")[0].why
    assert (why.rule, why.times, why.every_days) == ("repeat", 4, 7.0)
    twice = fitted.recommend(fitted.fold_in(weekly[:2], LATER), mode="buy_again")[0].why
    assert (twice.times, twice.every_days) == (2, None)


def test_staples_explain_nothing() -> None:
    baskets = [(f"c{n}", "bag apple pear" if n % 4 == 0 else "bag", n % 20) for n in range(40)]
    data = purchases(*baskets)
    told = trained(data, NOW)
    listed = told.recommend(took(told, "bag", "apple"), mode="discover")
    assert {one.sku: one.why.because for one in listed}["pear"] == ("apple",)


def test_skus_match_in_any_case(recommender: Recommender) -> None:
    assert recommender.complete([" TEA "], n=1)[0].sku == "cup"
    assert "cup" not in {one.sku for one in recommender.recommend(took(recommender, "tea"), exclude=["CUP"])}


def test_nothing_is_said_to_go_with_the_unknown(recommender: Recommender) -> None:
    assert recommender.complete(["never-sold"]) == []
    for ask in (recommender.similar, lambda sku: recommender.explain(NOTHING, sku)):
        with pytest.raises(NotFoundError, match="never-sold"):
            ask("never-sold")


def test_no_purchases_no_suggestions() -> None:
    empty = trained(purchases(), NOW)
    assert empty.recommend(NOTHING) == []
    assert empty.complete(["tea"]) == []
    assert empty.latest is None


# --- why ----------------------------------------------------------------------------------------------------


def test_the_contributions_are_the_score(fitted: Recommender, tastes: Interactions) -> None:
    for known in tastes.by_customer(LATER)[:12]:
        for mode in ("mixed", "discover"):
            for one in fitted.recommend(known, mode=mode, n=5):  # type: ignore[arg-type]  # literals of a tuple
                told = fitted.explain(known, one.sku, mode=mode)  # type: ignore[arg-type]  # literals of a tuple
                assert told.score == pytest.approx(one.score, abs=1e-5)
                assert told.reason == one.why


def test_without_the_purchases_that_are_named_the_product_falls(
    fitted: Recommender, tastes: Interactions
) -> None:
    seen = 0
    for known in tastes.by_customer(LATER):
        for one in fitted.recommend(known, mode="discover", n=5):
            if one.why.rule != "together":
                continue
            named = fitted.items_of(one.why.because)
            left = known.only(~np.isin(known.item, named))
            assert fitted.explain(left, one.sku, mode="discover").score < one.score
            seen += 1
    assert seen >= 20


# --- what just happened -------------------------------------------------------------------------------------


def test_the_next_list_knows_what_happened_a_second_ago(fitted: Recommender) -> None:
    before = [one.sku for one in fitted.recommend(NOTHING, mode="discover", n=10)]
    events = [Event(f"i{n:03}", LATER - SECOND) for n in (1, 4, 7, 10)]
    after = [one.sku for one in fitted.recommend(fitted.fold_in(events, LATER), mode="discover", n=10)]

    def of_their_taste(listed: list[str]) -> int:
        return sum(int(sku[1:]) % 3 == 1 for sku in listed)

    assert of_their_taste(after) > of_their_taste(before)


def test_what_was_refused_is_not_shown_again(fitted: Recommender) -> None:
    liked = [Event(f"i{n:03}", LATER - SECOND) for n in (1, 4, 7)]
    down = Event("i001", LATER, weight=-2.0)
    before, after = (
        {one.sku: one.score for one in fitted.recommend(fitted.fold_in(events, LATER), n=60)}
        for events in (liked, [*liked, down])
    )
    assert "i001" in before
    assert "i001" not in after


def test_a_new_product_is_found_by_its_text_at_once() -> None:
    data = random_shop(90, 60, 5000)
    texts = np.zeros((60, 3), np.float32)
    texts[np.arange(60), np.arange(60) % 3] = 1.0
    old = trained(data, LATER, texts=texts)
    new = old.add_product("fresh", np.array([0, 1, 0], np.float32))
    known = new.fold_in([Event(f"i{n:03}", LATER - SECOND) for n in (1, 4, 7)], LATER)
    other = new.fold_in([Event(f"i{n:03}", LATER - SECOND) for n in (0, 3, 6)], LATER)
    score = {
        name: new.explain(who, "fresh", mode="discover").score
        for name, who in (("like", known), ("other", other))
    }
    assert score["like"] > score["other"]
    assert new.similar("fresh", n=1)[0][0] in {f"i{n:03}" for n in range(1, 60, 3)}
    assert "fresh" not in old.skus


def test_diversity_spreads_a_list_over_categories(fitted: Recommender, tastes: Interactions) -> None:
    known = tastes.by_customer(LATER)[0]

    def categories(diversity: float) -> int:
        return len({int(one.sku[1:]) % 5 for one in fitted.recommend(known, n=5, diversity=diversity)})

    assert categories(100.0) == 5
    assert categories(0.0) < 5


# --- promises -----------------------------------------------------------------------------------------------

SKUS = st.sampled_from([f"i{n:03}" for n in range(40)] + ["unknown"])
EVENTS = st.builds(
    Event,
    SKUS,
    st.integers(0, 10**7).map(lambda ago: LATER - np.timedelta64(ago, "s")),
    st.sampled_from([1.0, 0.1, -1.0, -2.0]),
)


@settings(max_examples=300, deadline=None)
@given(
    events=st.lists(EVENTS, max_size=30),
    cart=st.lists(SKUS, max_size=4),
    exclude=st.lists(SKUS, max_size=10),
    forbidden=st.sets(st.integers(0, 239), max_size=240),
    mode=st.sampled_from(["buy_again", "discover", "mixed"]),
    n=st.integers(0, 70),
)
def test_lists_hold_their_promises(
    fitted: Recommender,
    events: list[Event],
    cart: list[str],
    exclude: list[str],
    forbidden: set[int],
    mode: str,
    n: int,
) -> None:
    allowed = np.ones(240, bool)
    allowed[list(forbidden)] = False
    known = fitted.fold_in(events, LATER)
    for listed in (
        fitted.recommend(known, mode=mode, cart=cart, exclude=exclude, allowed=allowed, n=n),  # type: ignore[arg-type]  # literals of a tuple
        fitted.complete(cart, known, exclude=exclude, allowed=allowed, n=n),
    ):
        skus = [one.sku for one in listed]
        assert len(skus) == len(set(skus)) <= n
        assert not set(skus) & ({*exclude, *cart} | {f"i{place:03}" for place in forbidden})
        assert all(np.isfinite(one.score) for one in listed)
        assert [one.score for one in listed] == sorted((one.score for one in listed), reverse=True)
        assert not set(skus) & {fitted.skus[item] for item in known.refused}
        mine = {event.sku for event in events} | set(cart)
        assert all(set(one.why.because) <= mine for one in listed)
