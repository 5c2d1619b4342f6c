"""Where an order is: every state, what the data lacks, and whose order it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from chatbot.conversation import to_json
from chatbot.shop import ORDER_STATES
from configs import templates

if TYPE_CHECKING:
    from conftest import World


def at(day: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, 9, 0, tzinfo=UTC)


def status(world: World, *orders: Any, language: str = "en", **arguments: Any) -> str:
    return world.say(
        world.context(customer=world.anna, language=language, all_orders=orders), "order_status", **arguments
    )


# --- states ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "dates", "english", "chinese"),
    [
        ("pending_payment", {}, "is waiting for your payment", "正在等待付款"),
        ("processing", {"eta": at(27)}, "It should arrive on Friday 27 November.", "预计11月27日送达。"),
        ("packed", {}, "It can no longer be cancelled.", "现在已经不能取消了。"),
        ("shipped", {"shipped_at": at(23)}, "It left us yesterday (Monday 23 November).", "发货时间：昨天（11月23日）。"),
        ("out_for_delivery", {}, "is out for delivery and should arrive today", "正在派送，预计今天送达"),
        ("delivered", {"delivered_at": at(22)}, "You can return it until Tuesday 22 December.", "您可以在12月22日之前（含当天）退货。"),
        ("cancelled", {"cancelled_at": at(21)}, "was cancelled on Saturday 21 November", "已于11月21日取消"),
        ("return_requested", {}, "A return is registered", "已登记退货"),
        ("returned", {}, "has reached us. Next we send the refund", "接下来会安排退款"),
        ("refunded", {}, "has been sent back", "款项已退还"),
    ],
)  # fmt: skip
def test_every_state_has_a_text_of_its_own(
    world: World, state: str, dates: dict[str, datetime], english: str, chinese: str
) -> None:
    order = world.order("LL-1", state, **dates)
    assert english in status(world, order)
    assert chinese in status(world, order, language="zh")


def test_no_state_is_left_out() -> None:
    assert {f"order_status_{state}" for state in ORDER_STATES} <= set(templates.load("en").texts)
    assert {f"state_{state}" for state in ORDER_STATES} <= set(templates.load("en").texts)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("state", [*ORDER_STATES, "at_customs"])
def test_an_order_without_dates_carrier_lines_still_reads_well(
    world: World, state: str, language: str
) -> None:
    said = status(world, world.order("536365", state, lines=(), shipping=None), language=language)
    assert "536365" in said
    assert "None" not in said
    assert "  " not in said
    assert said.endswith((".", "。"))


def test_a_state_of_another_shop_is_shown_as_it_is(world: World) -> None:
    assert 'has the state "at customs"' in status(world, world.order("1", "at_customs"))


def test_carrier_and_tracking_number(world: World) -> None:
    both = world.order("1", "shipped", carrier="Kranich Paket", tracking="KP77")
    assert "Kranich Paket brings it; the tracking number is KP77." in status(world, both)
    assert "The tracking number is KP77." in status(world, world.order("1", "shipped", tracking="KP77"))
    assert "I have no delivery date for it yet." in status(world, both)


def test_an_overdue_order_is_said_to_be_late(world: World) -> None:
    said = status(world, world.order("1", "shipped", eta=at(20)))
    assert "It was expected on Friday 20 November and is late" in said
    assert "should arrive" not in said


def test_no_return_is_promised_for_final_sale_or_after_the_deadline(world: World) -> None:
    final = world.order("1", "delivered", delivered_at=at(22), skus=("KIT-1", "GIF-1"))
    old = world.order("1", "delivered", delivered_at=at(1, 10))
    assert "return" not in status(world, final)
    assert "return" not in status(world, old)


def test_says_what_is_in_it_with_versions_and_total(world: World) -> None:
    line = world.order("1", "packed").lines[0]
    version = type(line)("KIT-3", "KIT-3-50-RED", "Magnetic rail", 2, line.unit_price)
    order = world.order("1", "packed", lines=(line, version))
    assert "It contains 1 × Oak board and 2 × Magnetic rail (red / 50 cm); the total is 13.90 EUR." in status(
        world, order
    )
    assert "磁吸刀架（红色 / 50 cm） × 2" in status(world, order, language="zh")


def test_a_long_order_is_shortened(world: World) -> None:
    order = world.order("1", "packed", skus=[f"A{n}" for n in range(20)])
    assert "1 × A3 and 16 more" in status(world, order)


# --- which order ----------------------------------------------------------------------------------------------


def test_without_a_number_it_is_the_newest_open_order_and_the_others_are_mentioned(world: World) -> None:
    said = status(
        world,
        world.order("LL-9", "delivered", placed_at=at(23), delivered_at=at(24)),
        world.order("LL-2", "shipped", placed_at=at(20)),
        world.order("LL-1", "processing", placed_at=at(10)),
    )
    assert said.startswith("Order LL-2")
    assert "You also have 1 other open order: LL-1 (being prepared)." in said
    assert "LL-9" not in said


def test_without_open_orders_it_is_the_newest_and_said_so(world: World) -> None:
    said = status(world, world.order("LL-1", "delivered"), world.order("LL-2", "cancelled", placed_at=at(1)))
    assert said.startswith("Order LL-1")
    assert "You have no open orders; this is your newest one." in said


@pytest.mark.parametrize("typed", ["LL-1", "ll-1", " #LL-1 "])
def test_numbers_as_people_type_them(world: World, typed: str) -> None:
    assert status(world, world.order("LL-1", "packed"), order_id=typed).startswith("Order LL-1")


def test_a_customer_without_orders(world: World) -> None:
    assert status(world) == "There are no orders in your account yet."


# --- whose order ----------------------------------------------------------------------------------------------

ORDER_CALLS = [
    ("order_status", {}),
    ("order_status", {"order_id": "LL-1"}),
    ("order_list", {}),
    ("return_eligibility", {}),
    ("return_eligibility", {"order_id": "LL-1", "sku": "KIT-1"}),
]


@pytest.mark.parametrize(("name", "arguments"), ORDER_CALLS)
def test_nobody_sees_orders_without_signing_in(world: World, name: str, arguments: dict[str, str]) -> None:
    result = world.run(world.context(all_orders=[world.order("LL-1", "packed")]), name, **arguments)
    assert (result.template, result.error, result.cards, dict(result.data)) == ("sign_in", "sign_in", (), {})


def test_no_tool_takes_a_customer(world: World) -> None:
    for tool in world.tools.values():
        for name in tool.parameters["properties"]:
            assert not any(word in name for word in ("customer", "user", "email", "session", "account")), (
                tool.name
            )


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("name", "extra"), [("order_status", {}), ("return_eligibility", {}), ("return_eligibility", {"sku": "KIT-1"})])  # fmt: skip
def test_a_foreign_order_and_an_unknown_one_are_the_same_to_the_byte(
    world: World, name: str, extra: dict[str, str], language: str
) -> None:
    annas = [
        world.order("LL-1", "delivered", delivered_at=at(22)),
        world.order("LL-3", "shipped", customer="C2"),
    ]
    asked = {"order_id": "LL-1", **extra}
    foreign = world.run(
        world.context(customer=world.bela, language=language, all_orders=annas), name, **asked
    )
    unknown = world.run(
        world.context(customer=world.bela, language=language, all_orders=annas[1:]), name, **asked
    )
    assert json.dumps(to_json(foreign)).encode() == json.dumps(to_json(unknown)).encode()
    assert foreign.error == "not_found"


# --- the list -------------------------------------------------------------------------------------------------


def test_lists_the_newest_five(world: World) -> None:
    orders = [world.order(f"LL-{n}", "delivered", placed_at=at(n)) for n in range(1, 8)]
    result = world.run(world.context(customer=world.anna, all_orders=orders), "order_list")
    assert [card.id for card in result.cards] == ["LL-7", "LL-6", "LL-5", "LL-4", "LL-3"]
    assert result.text.startswith(
        "These are your 5 newest orders:\n- LL-7, Saturday 7 November: delivered, 13.90 EUR (1 × Oak board)"
    )


def test_lists_all_if_they_are_few(world: World) -> None:
    orders = [world.order("LL-1", "delivered")]
    context = world.context(customer=world.anna, all_orders=orders)
    assert world.say(context, "order_list").startswith("There is one order in your account:\n- LL-1")
    context = world.context(
        customer=world.anna, all_orders=[*orders, world.order("LL-2", "packed", lines=())]
    )
    assert world.say(context, "order_list").startswith("These are your 2 orders, the newest first:")


def test_a_card_carries_the_facts(world: World) -> None:
    order = world.order("LL-1", "shipped", eta=at(27), tracking="KP7")
    card = world.run(world.context(customer=world.anna, all_orders=[order]), "order_status").cards[0]
    assert (card.kind, card.id, card.fields["state"], card.fields["status"]) == (
        "order",
        "LL-1",
        "shipped",
        "shipped",
    )
    assert (card.fields["total"], card.fields["eta"], card.fields["tracking"]) == (
        "13.90 EUR",
        "Friday 27 November",
        "KP7",
    )
