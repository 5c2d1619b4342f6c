"""What shoppers did is stored once, belongs to whom it belongs, and goes with them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from chatbot.behaviour import KEPT, MOST, Behaviour, Done

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def seen(
    number: int, *, sku: str = "KIT-0001", kind: str = "view", minutes: int = 0, stars: int | None = None
) -> Done:
    return Done(f"e{number}", sku, kind, NOW + timedelta(minutes=minutes), stars)


@pytest.fixture
def behaviour(db: sa.Engine) -> Behaviour:
    return Behaviour(db)


def test_what_comes_twice_is_stored_once(behaviour: Behaviour) -> None:
    assert behaviour.add("s1", None, [seen(1), seen(2, sku="KIT-0002"), seen(1)]) == 2
    assert behaviour.add("s1", None, [seen(2), seen(3, kind="rating", stars=4)]) == 1
    assert behaviour.add("s1", None, []) == 0
    assert [(done.id, done.sku, done.kind, done.stars) for done in behaviour.of("s1", None)] == [
        ("e1", "KIT-0001", "view", None),
        ("e2", "KIT-0002", "view", None),
        ("e3", "KIT-0001", "rating", 4),
    ]


def test_the_same_id_in_another_session_is_another_event(behaviour: Behaviour) -> None:
    assert behaviour.add("s1", None, [seen(1)]) == 1
    assert behaviour.add("s2", None, [seen(1)]) == 1
    assert len(behaviour.of("s1", None)) == 1


def test_two_at_once_store_each_event_once(behaviour: Behaviour) -> None:
    stored: list[int] = []

    def add() -> None:
        stored.append(behaviour.add("s1", None, [seen(number, minutes=number) for number in range(40)]))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(stored) == 40
    assert len(behaviour.of("s1", None)) == 40


def test_a_customer_brings_along_what_they_did_elsewhere_and_nobody_elses(behaviour: Behaviour) -> None:
    behaviour.add("phone", "C1", [seen(1, sku="A", minutes=1)])
    behaviour.add("laptop", "c1", [seen(2, sku="B", minutes=2)])
    behaviour.add("other", "C2", [seen(3, sku="C", minutes=3)])
    behaviour.add("stranger", None, [seen(4, sku="D", minutes=4)])
    assert [done.sku for done in behaviour.of("laptop", "C1")] == ["A", "B"]
    assert [done.sku for done in behaviour.of("stranger", None)] == ["D"]
    assert [done.sku for done in behaviour.of("new", None)] == []


def test_the_newest_are_looked_at(behaviour: Behaviour) -> None:
    behaviour.add("s1", None, [seen(number, minutes=number) for number in range(MOST + 5)])
    found = behaviour.of("s1", None)
    assert len(found) == MOST
    assert found[0].id == "e5"
    assert found[-1].id == f"e{MOST + 4}"


def test_looking_all_day_counts_once_a_day(behaviour: Behaviour) -> None:
    behaviour.add("s1", "C1", [seen(number, minutes=number) for number in range(30)])
    behaviour.add("s1", "C1", [seen(100, minutes=60 * 24), seen(101, kind="cart")])
    behaviour.add("s2", None, [seen(1)])
    told = [(who, done.kind, done.at.day) for who, done in behaviour.all()]
    assert sorted(told) == [
        ("c1", "cart", 20),
        ("c1", "view", 20),
        ("c1", "view", 21),
        ("session:s2", "view", 20),
    ]


def test_whoever_is_forgotten_leaves_nothing_in_any_session(behaviour: Behaviour) -> None:
    behaviour.add("phone", None, [seen(1)])  # before signing in
    behaviour.add("phone", "C1", [seen(2)])
    behaviour.add("laptop", "C1", [seen(3)])
    behaviour.add("other", "C2", [seen(4)])
    assert behaviour.forget("C1") == 3
    assert [who for who, _ in behaviour.all()] == ["c2"]
    assert behaviour.forget("C1") == 0


def test_old_events_are_dropped(behaviour: Behaviour) -> None:
    behaviour.add("s1", None, [seen(1), Done("old", "A", "view", NOW - KEPT - timedelta(days=1))])
    assert behaviour.drop_old(NOW) == 1
    assert [done.id for done in behaviour.of("s1", None)] == ["e1"]
