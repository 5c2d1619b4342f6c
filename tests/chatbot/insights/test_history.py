"""What counts as a fact, on both backends, and that one customer's facts and everybody's days agree."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from chatbot.insights.history import Bought, Did, Said, buying_days, day_number, filled, outline
from chatbot.insights.words import telling_words, usage, usage_of_shop
from chatbot.store import Store

from .conftest import NOW

if TYPE_CHECKING:
    from .conftest import Town


def facts(town: Town, customer: str) -> list[Bought | Did | Said]:
    with town.db.connect() as connection:
        return list(filled(connection, customer, outline(connection, customer)))


def days_of(town: Town, customer: str) -> list[int]:
    with town.db.connect() as connection:
        found = buying_days(connection)
    if customer not in found.customers:
        return []
    return found.day[found.customer == found.customers.index(customer)].tolist()


def test_orders_events_and_messages_in_order_of_time(town: Town) -> None:
    town.order(2, "C1", 5, "COF-1", "CUP-1")
    town.did("C1", 7, "cart", "COF-2")
    turn = town.said("C1", 6, "Is the blue cup dishwasher safe?")
    town.order(1, "c1 ", 9, "COF-1")
    town.order(3, "C2", 1, "COF-3")
    town.did("C2", 1, "view", "COF-3", session="s2")
    town.said("C2", 1, "Where is my order?")
    found = facts(town, "C1")
    assert [(type(one), one.id) for one in found] == [
        (Bought, "O-1"), (Did, found[1].id), (Said, turn), (Bought, "O-2"),
    ]  # fmt: skip
    assert found[3].skus == ("COF-1", "CUP-1")  # type: ignore[union-attr]
    assert found[2].text == "Is the blue cup dishwasher safe?"  # type: ignore[union-attr]


def test_an_orders_own_row_decides_whether_it_counts(town: Town) -> None:
    for number, status in enumerate(("delivered", "cancelled", "pending_payment", "refunded", "shipped")):
        town.order(number, "C1", 20 - number, "COF-1", status=status)
        town.purchase("C1", 20 - number, "COF-1", f"o-{number}")
    found = facts(town, "C1")
    assert [(one.id, one.kept) for one in found if isinstance(one, Bought)] == [
        ("O-0", True), ("O-3", False), ("O-4", True),
    ]  # fmt: skip
    assert days_of(town, "c1") == [day_number(one.at) for one in found]


def test_purchases_without_an_order_are_one_by_order_id_or_by_day(town: Town) -> None:
    town.purchase("C1", 30, "COF-1", "X-1")
    town.purchase("C1", 29.9, "CUP-2", "x-1")
    town.purchase("C1", 12, "COF-1")
    town.purchase("C1", 11.8, "MUG-1")
    town.purchase("C1", 3, "MUG-1")
    found = facts(town, "C1")
    assert [(one.id.casefold(), one.total, one.skus) for one in found if isinstance(one, Bought)] == [
        ("x-1", None, ("COF-1", "CUP-2")),
        ("purchases of 2026-11-08", None, ("COF-1", "MUG-1")),
        ("purchases of 2026-11-17", None, ("MUG-1",)),
    ]
    assert days_of(town, "c1") == [day_number(one.at) for one in found]


def test_an_order_without_lines_has_those_of_its_purchases(town: Town) -> None:
    row = {
        "id": "O-9",
        "customer_id": "C1",
        "placed_at": NOW.isoformat(),
        "status": "shipped",
        "total": "8.00",
    }
    town.bring("orders", [row])
    town.purchase("C1", 0, "MUG-1", "O-9")
    (order,) = facts(town, "C1")
    assert isinstance(order, Bought)
    assert (order.skus, str(order.total)) == (("MUG-1",), "8.00")


def test_a_message_that_no_turn_answered_is_one_too(town: Town) -> None:
    store = Store(town.db)
    conversation = store.create_conversation("s1", "C1", "en")
    posted = store.add_message(conversation.id, "I would like to talk about teapots")
    assert [(one.id, one.text) for one in facts(town, "C1") if isinstance(one, Said)] == [
        (posted.id, posted.text)
    ]


def test_guests_are_nobody(town: Town) -> None:
    row = {
        "id": "G-1",
        "customer_id": None,
        "placed_at": NOW.isoformat(),
        "status": "shipped",
        "total": "8.00",
    }
    town.bring("orders", [row])
    town.said(None, 1, "hello")
    with town.db.connect() as connection:
        assert buying_days(connection).customers == ()


def test_days_before_a_day(town: Town) -> None:
    for number, days_ago in enumerate((40, 20, 10)):
        town.order(number, "C1", days_ago, "COF-1")
    town.order(7, "C2", 10, "COF-1")
    with town.db.connect() as connection:
        found = buying_days(connection)
    cut = day_number(NOW - timedelta(days=10))
    first, last, count = found.before(cut).first_and_last()
    assert found.before(cut).customers == ("c1",)
    assert (np.diff([first[0], last[0]])[0], count[0]) == (20, 2)


# --- words --------------------------------------------------------------------------------------------------


def test_words_that_tell_something() -> None:
    told = telling_words(
        "Hi, please write to ada@shop.example: do you have TEAPOTS for 12 people, or https://x.example/a?"
    )
    assert list(told.values()) == ["write", "teapots", "people"]
    assert telling_words("的 ok 123 LL-100234 a1") == {}
    assert "茶壶" in telling_words("你们有茶壶吗？").values()


def test_what_everybody_writes_is_not_unusual() -> None:
    found = usage(["where is my order", "my order is late", "do you sell teapots"])
    (order,), (teapot,) = telling_words("order"), telling_words("teapots")
    assert found.unusual(order) < found.unusual(teapot)
    assert found.share(order) == 2 / 3
    assert usage(["tea"]).unusual("tea") == 0


def test_a_new_shop_knows_what_shoppers_ask_everywhere(town: Town) -> None:
    with town.db.connect() as connection:
        before = usage_of_shop(connection)
    town.said("C2", 1, "Do you sell zithers?")
    with town.db.connect() as connection:
        after = usage_of_shop(connection)
    (order,), (zither,) = telling_words("order"), telling_words("zithers")
    assert before.share(order) > 0.02
    assert (before.counts.get(zither, 0), after.counts[zither]) == (0, 1)
    assert after.messages == before.messages + 1


def test_the_text_within_a_turn_is_read_by_the_database(town: Town) -> None:
    """Quotes, Chinese and emoji come out as they went in."""
    odd = 'a "quoted" \\ 茶壶 😀 é'
    town.said("C1", 1, odd)
    (message,) = facts(town, "C1")
    assert isinstance(message, Said)
    assert message.text == odd


def test_the_same_moment_has_one_order_everywhere(db: sa.Engine, town: Town) -> None:
    town.order(1, "C1", 5, "COF-1")
    town.did("C1", 5, "view", "COF-1")
    town.order(0, "C1", 5, "COF-2")
    with db.connect() as connection:
        once, again = outline(connection, "C1"), outline(connection, "C1")
    assert once == again
    assert [one.id for one in once][:2] == ["O-0", "O-1"]
