"""Whether something can be returned, until when, and if not why and what instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from conftest import World

DELIVERED = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


def ask(
    world: World, *orders: Any, language: str = "en", facts: Any = None, now: Any = None, **arguments: Any
) -> Any:
    context = world.context(
        customer=world.anna, all_orders=orders, language=language, facts=facts, now=now or world.now
    )
    result = world.run(context, "return_eligibility", **arguments)
    return result.error, world.say(context, "return_eligibility", **arguments)


def test_a_delivered_order_until_the_deadline(world: World) -> None:
    order = world.order("LL-1", "delivered", delivered_at=DELIVERED)
    assert ask(world, order) == (
        None,
        "Yes, order LL-1 can be returned until Wednesday 2 December (30 days from delivery on Monday 2 November).",
    )
    assert ask(world, order, language="zh")[1] == (
        "可以，订单 LL-1 在12月2日之前（含当天）可以退货（11月2日送达后30天内）。"
    )


@pytest.mark.parametrize(("days_later", "error"), [(30, None), (31, "too_late")])
def test_the_last_day_counts_to_its_end(world: World, days_later: int, error: str | None) -> None:
    order = world.order("LL-1", "delivered", delivered_at=DELIVERED)
    # 23:30 in Berlin
    now = (DELIVERED + timedelta(days=days_later)).replace(hour=22, minute=30)
    assert ask(world, order, now=now)[0] == error


@given(days_ago=st.integers(0, 400), rule=st.integers(1, 365))
def test_the_deadline_is_the_rule_and_nothing_else(world: World, days_ago: int, rule: int) -> None:
    order = world.order("LL-1", "delivered", delivered_at=world.now - timedelta(days=days_ago))
    error, _ = ask(world, order, facts={"return_days": rule})
    assert error == (None if days_ago <= rule else "too_late")


def test_too_late_says_when_it_ended_and_what_instead(world: World) -> None:
    order = world.order("LL-1", "delivered", delivered_at=datetime(2026, 10, 2, tzinfo=UTC))
    error, said = ask(world, order)
    assert error == "too_late"
    assert "ended on Sunday 1 November (30 days from delivery on Friday 2 October)" in said
    assert "warranty" in said


@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        ("pending_payment", "not_sent", "It can still be cancelled instead."),
        ("processing", "not_sent", "It can still be cancelled instead."),
        ("packed", "not_delivered", "Once it has arrived you have 30 days to return it."),
        ("shipped", "not_delivered", "has not been delivered yet (shipped)"),
        ("out_for_delivery", "not_delivered", "Once it has arrived"),
        ("cancelled", "already_cancelled", "was cancelled, so there is nothing to return"),
        ("return_requested", "already_requested", "A return is already registered"),
        ("returned", "already_returned", "has already come back to us"),
        ("refunded", "already_refunded", "has already been returned and refunded"),
        ("at_customs", "unknown_state", "A person can check it for you."),
    ],
)
def test_states(world: World, state: str, error: str, said: str) -> None:
    got = ask(world, world.order("LL-1", state), order_id="LL-1")
    assert got[0] == error
    assert said in got[1]


def test_a_shop_that_cancels_nothing_offers_no_cancelling(world: World) -> None:
    error, said = ask(world, world.order("LL-1", "processing"), facts={"cancellable_states": ()})
    assert error == "not_delivered"
    assert "cancel" not in said


def test_final_sale(world: World) -> None:
    order = world.order("LL-1", "delivered", delivered_at=DELIVERED, skus=("GIF-1",))
    error, said = ask(world, order)
    assert error == "final_sale"
    assert said.startswith(
        "I'm sorry, Gift card from order LL-1 can't be returned, because it is a final-sale article."
    )
    assert "damaged or faulty" in said
    assert ask(world, world.order("LL-1", "shipped", skus=("GIF-1",)))[0] == "final_sale", (
        "known before it arrives"
    )


def test_a_mixed_order_names_what_is_left_out(world: World) -> None:
    order = world.order("LL-1", "delivered", delivered_at=DELIVERED, skus=("KIT-1", "GIF-1"))
    error, said = ask(world, order)
    assert error is None
    assert "except Gift card: it is a final-sale article" in said
    assert ask(world, order, sku="GIF-1")[0] == "final_sale"
    assert ask(world, order, sku="KIT-1") == (
        None,
        "Yes, Oak board from order LL-1 can be returned until Wednesday 2 December (30 days from delivery on Monday 2 November).",
    )


def test_conditions_of_the_catalogue_are_passed_on(world: World) -> None:
    order = world.order("LL-1", "delivered", delivered_at=DELIVERED, skus=("CAR-1",))
    assert "Please note for Pine soap: only unopened, with intact seal." in ask(world, order)[1]
    assert "松木皂的退货条件：仅限未拆封且封口完好。" in ask(world, order, language="zh")[1]


def test_without_a_number_it_is_what_arrived_last(world: World) -> None:
    first = world.order("LL-1", "delivered", delivered_at=DELIVERED, placed_at=DELIVERED - timedelta(days=30))
    second = world.order(
        "LL-2",
        "delivered",
        delivered_at=DELIVERED - timedelta(days=9),
        placed_at=DELIVERED - timedelta(days=10),
    )
    under_way = world.order("LL-3", "shipped")
    assert "order LL-1" in ask(world, first, second, under_way)[1]


def test_with_an_article_it_is_the_order_that_has_it(world: World) -> None:
    board = world.order("LL-1", "delivered", delivered_at=DELIVERED, skus=("KIT-1",))
    knife = world.order("LL-2", "delivered", delivered_at=DELIVERED + timedelta(days=1), skus=("KIT-2",))
    assert "Oak board from order LL-1" in ask(world, board, knife, sku="kit-1")[1]
    assert ask(world, board, knife, sku="KIT-3")[0] == "not_bought"
    assert ask(world, board, knife, order_id="LL-2", sku="KIT-1") == (
        "not_in_order",
        "I can't find that article in order LL-2. It contains 1 × Paring knife 9 cm.",
    )


def test_a_version_is_found_by_its_products_sku_and_by_its_own(world: World) -> None:
    line = world.order("LL-1", "packed").lines[0]
    version = type(line)("KIT-3", "KIT-3-50-RED", "Magnetic rail", 1, line.unit_price)
    order = world.order("LL-1", "delivered", delivered_at=DELIVERED, lines=(line, version))
    for sku in ("KIT-3", "KIT-3-50-RED"):
        assert "Magnetic rail (red / 50 cm) from order LL-1 can be returned" in ask(world, order, sku=sku)[1]


def test_without_a_delivery_date_no_day_is_invented(world: World) -> None:
    error, said = ask(world, world.order("LL-1", "delivered"))
    assert error == "no_date"
    assert "You have 30 days from delivery" in said


def test_a_shop_without_a_rule_and_a_customer_without_orders(world: World) -> None:
    order = world.order("LL-1", "delivered", delivered_at=DELIVERED)
    assert ask(world, order, facts={"return_days": 0})[0] == "no_rule"
    assert ask(world)[0] == "no_orders"
