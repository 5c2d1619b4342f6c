"""What is explored is recorded with its odds, judged by what the shopper did, and valued for other policies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from chatbot.behaviour import Behaviour, Done
from chatbot.exploring import CHOICES, POLICIES, WITHIN, Exploring, features_of, value_of
from chatbot.importers import import_rows
from chatbot.shop import Shop
from configs.errors import InputError

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SKUS = [f"A-{number}" for number in range(CHOICES)]
FEATURES = features_of([3.0 - number / 4 for number in range(CHOICES)], [0.2] * (CHOICES - 1) + [0.0])


@pytest.fixture
def shop(db: sa.Engine) -> Shop:
    rows: list[dict[str, Any]] = [{"sku": sku, "name": sku, "price": "3"} for sku in SKUS[1:]]
    rows.append(
        {
            "sku": SKUS[0],
            "name": "first",
            "price": "3",
            "variants": [{"sku": "A-0-RED", "options": {"colour": "red"}}],
        }
    )
    import_rows(db, "products", rows, source="test", currency="EUR", strict=True)
    return Shop(db)


def show(exploring: Exploring, turn: str, *, customer: str | None = None, at: datetime = NOW) -> int:
    return exploring.choose(turn, f"session-{turn}", customer, SKUS, FEATURES, at)


def test_nothing_is_explored_or_recorded_unless_it_is_asked_for(db: sa.Engine, shop: Shop) -> None:
    off = Exploring(db, shop, 0.0)
    assert show(off, "1") == 0
    assert off.records() == []
    one = Exploring(db, shop, 0.5)
    assert one.choose("2", "session", None, SKUS[:1], FEATURES[:1], NOW) == 0
    assert one.records() == []


def test_what_was_drawn_is_kept_with_its_odds(db: sa.Engine, shop: Shop) -> None:
    exploring = Exploring(db, shop, 0.5, seed=1)
    drawn = [show(exploring, str(number), customer="C1") for number in range(60)]
    assert {0} < set(drawn) <= set(range(CHOICES))
    records = exploring.records()
    assert sorted(record.shown for record in records) == sorted(drawn)
    for record in records:
        assert 0 < record.propensity <= 1
        assert np.array_equal(record.features, FEATURES)
        # The likeliest is shown at least whenever nothing is explored.
        assert record.shown or record.propensity >= 0.5


def test_taken_is_what_the_same_shopper_took_in_time(db: sa.Engine, shop: Shop) -> None:
    exploring, behaviour = Exploring(db, shop, 0.5, seed=2), Behaviour(db)
    for turn in "abcd":
        show(exploring, turn, customer="C1" if turn == "c" else None)
    shown = {record.session_id: record.sku for record in exploring.records()}
    day = timedelta(days=1)

    def did(turn: str, kind: str, at: datetime, **more: Any) -> None:
        behaviour.add(
            f"session-{turn}", None, [Done(f"{turn}-{kind}", shown[f"session-{turn}"], kind, at, **more)]
        )

    did("a", "cart", NOW + day)
    did("b", "view", NOW + day)  # looking at it is not taking it
    did("d", "cart", NOW + WITHIN + day)  # too late
    bought = {"customer_id": "c1", "sku": "A-0-RED" if shown["session-c"] == "A-0" else shown["session-c"], "quantity": 1, "at": (NOW + day).isoformat(), "order_id": "1"}  # fmt: skip
    import_rows(db, "purchases", [bought], source="test", currency="EUR", strict=True)
    later = {own.session_id: reward for own, reward in exploring.rewarded(NOW + WITHIN + 2 * day)}
    assert later == {"session-a": 1.0, "session-b": 0.0, "session-c": 1.0, "session-d": 0.0}
    # What may still be taken is not judged yet, also where it was taken already: else the young ones would all be successes.
    assert exploring.rewarded(NOW + 2 * day) == []


def test_whoever_is_forgotten_was_shown_nothing(db: sa.Engine, shop: Shop) -> None:
    exploring, behaviour = Exploring(db, shop, 0.5, seed=3), Behaviour(db)
    show(exploring, "mine", customer="C1")
    exploring.choose("mine too", "session-mine", None, SKUS, FEATURES, NOW)
    show(exploring, "theirs", customer="C2")
    behaviour.add("session-theirs", None, [Done("e", "A-1", "view", NOW)])
    assert behaviour.forget("c1") == (0, 2)
    assert [record.customer_key for record in exploring.records()] == ["c2"]
    assert len(behaviour.all()) == 1
    assert behaviour.drop_old(NOW + timedelta(days=400)) == 2


def simulated(
    exploring: Exploring, behaviour: Behaviour, wanted: Callable[[int], float], count: int = 500
) -> None:
    rng = np.random.default_rng(0)
    for number in range(count):
        place = show(exploring, str(number))
        if rng.random() < wanted(place):
            behaviour.add(f"session-{number}", None, [Done("e", SKUS[place], "cart", NOW)])


def test_a_policy_that_is_better_is_found_to_be_better(sqlite_db: sa.Engine) -> None:
    import_rows(sqlite_db, "products", [{"sku": sku, "name": sku, "price": "3"} for sku in SKUS], source="test", currency="EUR", strict=True)  # fmt: skip
    exploring = Exploring(sqlite_db, Shop(sqlite_db), 0.5, seed=4)
    # The product that nobody knows is what shoppers want.
    simulated(exploring, Behaviour(sqlite_db), lambda place: 0.9 if place == CHOICES - 1 else 0.1)
    rewarded = exploring.rewarded(NOW + 2 * WITHIN)
    value = {policy: {one.method: one for one in value_of(policy, rewarded, 0.5)} for policy in POLICIES}
    assert value["linucb"]["snips"].low > value["greedy"]["snips"].high
    assert value["linucb"]["dr"].gain_low > 0
    assert value["greedy"]["ips"].low < 0.1 < value["greedy"]["ips"].high
    random = value["random"]["dr"]
    assert random.low < 0.1 + 0.8 / CHOICES < random.high


def test_too_few_records_are_told(sqlite_db: sa.Engine) -> None:
    with pytest.raises(InputError, match="0 suggestions were explored"):
        value_of("greedy", Exploring(sqlite_db, Shop(sqlite_db), 0.1).rewarded(), 0.1)
