"""What shoppers did is stored once, belongs to whom it belongs, and goes with them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from chatbot.behaviour import IN_CART, KEPT, MOST, Behaviour, Done, standing
from chatbot.importers import import_rows

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
    assert behaviour.forget("C1") == (3, 0)
    assert [who for who, _ in behaviour.all()] == ["c2"]
    assert behaviour.forget("C1") == (0, 0)


def test_old_events_are_dropped(behaviour: Behaviour) -> None:
    behaviour.add("s1", None, [seen(1), Done("old", "A", "view", NOW - KEPT - timedelta(days=1))])
    assert behaviour.drop_old(NOW) == 1
    assert [done.id for done in behaviour.of("s1", None)] == ["e1"]


# --- what is taken back -------------------------------------------------------------------------------------


def test_what_is_taken_out_of_the_cart_was_not_put_in(behaviour: Behaviour) -> None:
    behaviour.add(
        "s1",
        "C1",
        [
            seen(1, kind="cart"),
            seen(2, sku="KIT-0002", kind="cart", minutes=1),
            seen(3, sku="kit-0001", kind="uncart", minutes=2),
            seen(4, minutes=3),
        ],
    )
    assert [(done.sku, done.kind) for done in behaviour.of("s1", "C1")] == [
        ("KIT-0002", "cart"),
        ("KIT-0001", "view"),
    ]
    assert [(done.sku, done.kind) for _, done in behaviour.all()] == [
        ("KIT-0002", "cart"),
        ("KIT-0001", "view"),
    ]
    behaviour.add("s1", "C1", [seen(5, kind="cart", minutes=4)])
    assert [done.id for done in behaviour.of("s1", "C1")] == ["e2", "e4", "e5"]


def test_taking_out_empties_ones_own_cart_alone_and_not_that_of_a_month_ago(behaviour: Behaviour) -> None:
    month = 60 * 24 * 30
    behaviour.add("s1", "C1", [seen(1, kind="cart", minutes=-month), seen(2, kind="uncart")])
    behaviour.add("s2", "C2", [seen(3, kind="cart", minutes=-1)])
    assert [(who, done.id) for who, done in behaviour.all()] == [("c1", "e1"), ("c2", "e3")]


def test_of_opinions_the_newest_counts(behaviour: Behaviour) -> None:
    behaviour.add(
        "s1",
        None,
        [
            seen(1, kind="dislike"),
            seen(2, kind="like", minutes=1),
            seen(3, sku="KIT-0002", kind="rating", stars=5, minutes=2),
            seen(4, sku="KIT-0002", kind="dislike", minutes=3),
            seen(5, sku="KIT-0003", kind="dislike", minutes=4),
            seen(6, sku="KIT-0003", kind="neutral", minutes=5),
        ],
    )
    assert [(done.sku, done.kind) for done in behaviour.of("s1", None)] == [
        ("KIT-0001", "like"),
        ("KIT-0002", "dislike"),
    ]


_TOLD = st.lists(
    st.tuples(
        st.sampled_from(["c1", "c2"]),
        st.sampled_from(["A", "B"]),
        st.sampled_from(["view", "cart", "uncart", "like", "dislike", "neutral"]),
        st.integers(0, 20),
    ),
    max_size=30,
)


@given(_TOLD)
def test_what_stands(rows: list[tuple[str, str, str, int]]) -> None:
    """Step by step, as a shop would keep a cart and an opinion, it comes to the same."""
    days = sorted(rows, key=lambda row: row[3])
    told = [
        (who, Done(f"e{number}", sku, kind, NOW + timedelta(days=day)))
        for number, (who, sku, kind, day) in enumerate(days)
    ]
    kept: dict[str, tuple[str, Done]] = {}
    for who, event in told:
        of_product = [done for it, done in kept.values() if (it, done.sku) == (who, event.sku)]
        if event.kind == "uncart":
            gone = [done for done in of_product if done.kind == "cart" and event.at - done.at <= IN_CART]
        elif event.kind in ("view", "cart"):
            gone = []
        else:
            gone = [done for done in of_product if done.kind in ("like", "dislike")]
        for done in gone:
            del kept[done.id]
        if event.kind not in ("uncart", "neutral"):
            kept[event.id] = (who, event)
    assert standing(told) == list(kept.values())


# --- the cart -----------------------------------------------------------------------------------------------


@pytest.fixture
def stocked(db: sa.Engine) -> sa.Engine:
    """A shop with three products, one of them in two colours."""
    colours = [{"sku": f"MUG-{colour[0]}", "options": {"colour": colour}} for colour in ("RED", "BLUE")]
    rows = [{"sku": sku, "name": f"{sku} of clay", "price": "3"} for sku in ("MUG", "BOWL", "JUG")]
    rows[0]["variants"] = colours  # type: ignore[assignment]  # the other values are texts
    import_rows(db, "products", rows, source="t", currency="EUR", strict=True)
    return db


def test_the_cart_holds_what_was_put_in_within_a_week_and_not_taken_out(stocked: sa.Engine) -> None:
    behaviour = Behaviour(stocked)
    behaviour.add(
        "s1",
        None,
        [
            seen(1, sku="JUG", kind="cart", minutes=-60 * 24 * 8),
            seen(2, sku="BOWL", kind="cart"),
            seen(3, sku="mug-r", kind="cart", minutes=1),
            seen(4, sku="MUG-B", kind="cart", minutes=2),
            seen(5, sku="GONE", kind="cart", minutes=3),
            seen(6, sku="JUG", minutes=4),
        ],
    )
    assert behaviour.cart("s1", None, NOW) == ["MUG", "BOWL"]
    behaviour.add("s1", None, [seen(7, sku="MUG-B", kind="uncart", minutes=5)])
    assert behaviour.cart("s1", None, NOW) == ["MUG", "BOWL"]
    behaviour.add("s1", None, [seen(8, sku="MUG-R", kind="uncart", minutes=6)])
    assert behaviour.cart("s1", None, NOW) == ["BOWL"]
    assert behaviour.cart("s2", None, NOW) == []
    assert behaviour.cart("s1", None, NOW + IN_CART + timedelta(hours=1)) == []


def test_what_was_bought_since_has_left_the_cart(stocked: sa.Engine) -> None:
    behaviour = Behaviour(stocked)
    behaviour.add(
        "s1",
        "C1",
        [seen(1, sku="MUG", kind="cart"), seen(2, sku="BOWL", kind="cart"), seen(3, sku="JUG", kind="cart")],
    )
    sold = [
        {"customer_id": "C1", "sku": "MUG-R", "quantity": 1, "at": "2026-11-20T00:00:00Z", "order_id": "o1"},
        {"customer_id": "C1", "sku": "BOWL", "quantity": 1, "at": "2026-11-19T18:00:00Z", "order_id": "o2"},
        {"customer_id": "C2", "sku": "JUG", "quantity": 1, "at": "2026-11-21T10:00:00Z", "order_id": "o3"},
    ]
    import_rows(stocked, "purchases", sold, source="t", currency="EUR", strict=True)
    assert behaviour.cart("phone", "c1", NOW) == ["JUG", "BOWL"]
    behaviour.add("s1", "C1", [seen(4, sku="MUG-B", kind="cart", minutes=60 * 24)])
    assert behaviour.cart("phone", "C1", NOW + timedelta(days=1)) == ["MUG", "JUG", "BOWL"]
