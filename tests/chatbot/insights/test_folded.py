"""Folding is folding: in one go, in parts, and through JSON it comes to the same, to the last digit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.insights.folded import DAYS, HALF_LIFE, REFERENCES, Folded, Reference, folded, sealed
from chatbot.insights.history import Bought, Did, Fact, Said, in_order
from configs.settings import EventWeights

WEIGHTS = EventWeights().model_dump()
START = datetime(2026, 1, 1, tzinfo=UTC)
SKUS = ("TEA", "tea", "CUP", "MUG")

moments = st.integers(0, 400 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
ids = st.text("abc123", min_size=1, max_size=4)
bought = st.builds(
    Bought, moments, ids, ids,
    total=st.none() | st.decimals(0, 500, places=2),
    currency=st.sampled_from(["EUR", "USD"]),
    kept=st.booleans(),
    skus=st.lists(st.sampled_from(SKUS), max_size=4).map(tuple),
)  # fmt: skip
did = st.one_of(
    st.builds(
        Did, moments, ids, ids, st.sampled_from(SKUS), st.sampled_from(["view", "cart", "like", "dislike"])
    ),
    st.builds(Did, moments, ids, ids, st.sampled_from(SKUS), st.just("rating"), st.integers(1, 5)),
)
said = st.builds(
    Said, moments, ids, ids, st.sampled_from(["Do you have green tea?", "有绿茶吗", "the MUG, please", ""])
)
histories = st.lists(st.one_of(bought, did, said), max_size=40).map(in_order)


@given(histories, st.data())
def test_one_part_and_then_the_next_is_all_at_once(facts: list[Fact], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(facts)), max_size=4)))
    made, start = Folded(), 0
    for cut in [*cuts, len(facts)]:
        for fact in facts[start:cut]:
            made.add(fact, WEIGHTS)
        start = cut
        made = Folded.read_from(json.loads(json.dumps(made.told())))
    assert made == folded(facts, WEIGHTS)


@given(histories)
def test_what_fades_is_the_sum_of_what_each_fact_left(facts: list[Fact]) -> None:
    """The fold keeps one number and its time; here every purchase is faded by itself."""
    made, now = folded(facts, WEIGHTS), START + timedelta(days=500)
    for key, taken in made.taken.items():
        each = sum(
            0.5 ** ((now - fact.at) / timedelta(days=HALF_LIFE))
            for fact in facts
            if isinstance(fact, Bought) and fact.kept
            for sku in dict.fromkeys(fact.skus)
            if sku.casefold() == key
        )
        assert taken.faded(now)[1] == pytest.approx(each)
    for stem, word in made.words.items():
        each = sum(
            0.5 ** ((now - fact.at) / timedelta(days=HALF_LIFE))
            for fact in facts
            if isinstance(fact, Said) and word.said.casefold() in fact.text.casefold()
        )
        assert word.faded(now) == pytest.approx(each), stem


@given(histories)
def test_counts_are_those_of_the_facts(facts: list[Fact]) -> None:
    made = folded(facts, WEIGHTS)
    orders = [fact for fact in facts if isinstance(fact, Bought)]
    days = {fact.at.date() for fact in orders}
    assert (made.read, made.orders, made.days) == (len(facts), len(orders), len(days))
    assert made.sent_back + made.unpriced + sum(money.orders for money in made.money.values()) == len(orders)
    for currency, money in made.money.items():
        totals = [
            one.total for one in orders if one.kept and one.currency == currency and one.total is not None
        ]
        assert money.total == sum(totals, Decimal(0))
    assert all(len(taken.days) == min(taken.times, DAYS) for taken in made.taken.values())
    assert all(len(taken.references) == min(taken.facts, REFERENCES) for taken in made.taken.values())


@given(histories, st.data())
def test_the_seal_tells_of_every_change(facts: list[Fact], data: st.DataObject) -> None:
    if not facts:
        return
    place = data.draw(st.integers(0, len(facts) - 1))
    other = list(facts)
    kind = type(facts[place])
    match facts[place]:
        case Bought(at, name, digest) | Did(at, name, digest) | Said(at, name, digest):
            changed = data.draw(st.sampled_from(["digest", "time", "gone"]))
            other[place : place + 1] = {
                "digest": [Said(at, name, digest + "!")],
                "time": [Said(at + timedelta(seconds=1), name, digest)],
                "gone": [],
            }[changed] if kind is Said or changed == "gone" else [Said(at, name, digest)]  # fmt: skip
    assert seal_of(facts) != seal_of(other)


def seal_of(facts: list[Fact]) -> str:
    seal = ""
    for fact in facts:
        seal = sealed(seal, fact)
    return seal


def test_the_newest_facts_are_the_evidence_and_looking_all_day_is_looking_once() -> None:
    looks = [Did(START + timedelta(minutes=minute), f"e{minute}", "s", "CUP", "view") for minute in range(30)]
    looks += [Did(START + timedelta(days=day), f"d{day}", "s", "CUP", "view") for day in range(1, 8)]
    looks.append(Did(START + timedelta(days=9), "r", "s", "cup", "rating", 4))
    cup = folded(looks, WEIGHTS).taken["cup"]
    assert cup.facts == 9
    assert [one.id for one in cup.references] == ["d4", "d5", "d6", "d7", "r"]
    assert cup.references[-1] == Reference("rating 4", "r", "2026-01-10T00:00:00+00:00")


def test_what_was_sent_back_was_an_order_but_is_no_taste_and_no_money() -> None:
    made = folded([Bought(START, "O-1", "", Decimal("9.00"), "EUR", kept=False, skus=("CUP",))], WEIGHTS)
    assert (made.orders, made.sent_back, made.money, made.taken) == (1, 1, {}, {})
