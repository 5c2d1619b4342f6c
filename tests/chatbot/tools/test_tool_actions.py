"""What is proposed says what will be done, to the letter; what cannot be done says why; a receipt says what came of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from chatbot.actions.journal import Action
from chatbot.actions.system import Outcome
from chatbot.conversation import ToolCall
from chatbot.tools.actions import hidden, outcome
from configs import templates

if TYPE_CHECKING:
    from conftest import World

DELIVERED = datetime(2026, 11, 10, 12, tzinfo=UTC)


def ask(world: World, name: str, *, email: str | None = "anna@shopper.example", orders: Any = (), **arguments: Any) -> Any:  # fmt: skip
    """The result, and what the shopper reads."""
    context = world.context(customer=replace(world.anna, email=email), all_orders=orders)
    result = world.run(context, name, **arguments)
    return result, templates.load("en").text(result.template, **result.data)


def test_what_is_proposed_is_what_is_said(world: World) -> None:
    orders = [world.order("LL-1", "processing", skus=("KIT-1", "CAR-1"))]
    result, said = ask(world, "cancel_order", orders=orders)
    assert said == (
        "Order LL-1 of Friday 20 November is being prepared and can still be cancelled. It contains 1 × Oak board and 1 × Pine soap; the total is "
        "23.90 EUR. If you had already paid, the money is sent back. Shall I cancel it?"
    )
    assert world.proposed == [("cancel_order", {"order_id": "LL-1"})]
    assert (result.proposal, result.quick_replies) == ("a1", ("Yes, cancel LL-1", "No, leave it"))


def test_a_return_names_what_goes_back_and_what_does_not(world: World) -> None:
    orders = [world.order("LL-1", "delivered", skus=("KIT-1", "GIF-1", "CAR-1"), delivered_at=DELIVERED)]
    _, said = ask(world, "request_return", orders=orders, order_id="ll-1")
    assert said == (
        "Yes, Oak board and Pine soap from order LL-1 can be returned until Thursday 10 December. Not taken back: Gift card, because it is a "
        "final-sale article. Please note for Pine soap: only unopened, with intact seal. Shall I register the return?"
    )
    assert world.proposed == [("request_return", {"order_id": "LL-1", "skus": ["KIT-1", "CAR-1"]})]


def test_an_exchange_names_both(world: World) -> None:
    orders = [world.order("LL-1", "delivered", skus=("KIT-3",), delivered_at=DELIVERED)]
    _, said = ask(world, "request_exchange", orders=orders, exchange_for="KIT-3-50-RED")
    assert said.startswith(
        "Shall I register the exchange of Magnetic rail from order LL-1 for Magnetic rail ("
    )
    assert world.proposed == [
        ("request_exchange", {"order_id": "LL-1", "skus": ["KIT-3"], "exchange_for": "KIT-3-50-RED"})
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "status", "said"),
    [
        ("cancel_order", {}, "shipped", "Order LL-1 is shipped and can no longer be cancelled."),
        ("change_address", {}, "packed", "Order LL-1 is packed, so its address can no longer be changed."),
        ("change_address", {}, "processing", "Please write street and number, postcode and town"),
        ("change_address", {"address": "1 High Street, London, United Kingdom"}, "processing", "within its country alone"),
        ("resend_receipt", {}, "pending_payment", "Order LL-1 is not paid yet, so there is no receipt."),
        ("request_return", {}, "refunded", "Order LL-1 has already been returned and refunded."),
        ("cancel_order", {"order_id": "LL-9"}, "processing", "I can't find an order LL-9 in your account."),
    ],
)  # fmt: skip
def test_what_cannot_be_done_says_why_and_proposes_nothing(
    world: World, name: str, arguments: dict[str, Any], status: str, said: str
) -> None:
    result, text = ask(world, name, orders=[world.order("LL-1", status)], **arguments)
    assert said in text
    assert result.error
    assert result.proposal is None
    assert world.proposed == []


@pytest.mark.parametrize("name", ["cancel_order", "change_address", "resend_receipt", "request_return"])
def test_without_orders_and_without_a_customer(world: World, name: str) -> None:
    assert "no_orders" in (ask(world, name)[0].error, ask(world, name)[0].template)
    stranger = world.context()
    assert world.run(stranger, name).error == "sign_in"
    assert world.run(stranger, "undo_change").error == "sign_in"


def test_a_receipt_goes_to_the_address_of_the_account_alone(world: World) -> None:
    orders = [world.order("LL-1", "delivered", delivered_at=DELIVERED)]
    _, said = ask(world, "resend_receipt", orders=orders)
    assert "sent again to a•••@shopper.example, the address in your account?" in said
    assert ask(world, "resend_receipt", orders=orders, email=None)[0].error == "no_email"
    assert (hidden(""), hidden("not an address")) == ("", "")


@pytest.mark.parametrize(
    ("sku", "error"),
    [
        ("KIT-4", None),
        ("KIT-3-50-RED", None),
        ("KIT-1", "in_stock"),
        ("KIT-3", "in_stock"),
        ("NONE-1", "no_product"),
    ],
)
def test_an_alert_is_for_what_is_sold_out(world: World, sku: str, error: str | None) -> None:
    result, said = ask(world, "restock_alert", sku=sku)
    assert result.error == error
    if error is None:
        assert said.endswith(
            "is sold out. Shall I have one message sent to a•••@shopper.example when it is back?"
        )
        assert world.proposed == [("restock_alert", {"sku": sku})]
    assert ask(world, "restock_alert", sku="KIT-4", email=None)[0].error == "no_email"
    assert world.run(world.context(), "restock_alert", sku="KIT-4").error == "sign_in"


def made(kind: str, state: Any, arguments: dict[str, Any], refused: str | None = None) -> Action:
    answered = Outcome(refused) if state in ("done", "refused") else None
    return Action("abcdef0123", "conversation", "C1", kind, arguments, state, answered, DELIVERED, None)


OF: dict[str, dict[str, Any]] = {
    "cancel_order": {"order_id": "LL-1"},
    "change_address": {"order_id": "LL-1", "address": "Lindenweg 4, 04103 Leipzig"},
    "resend_receipt": {"order_id": "LL-1"},
    "request_return": {"order_id": "LL-1", "skus": ["KIT-1"]},
    "request_exchange": {"order_id": "LL-1", "skus": ["KIT-1"], "exchange_for": "KIT-3-50-RED"},
    "restock_alert": {"sku": "KIT-4"},
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", OF)
@pytest.mark.parametrize("state", ["done", "refused", "declined", "lapsed", "undone", "running"])
def test_every_outcome_can_be_told(world: World, kind: str, state: str, language: str) -> None:
    customer = replace(world.anna, email="anna@shopper.example")
    context = world.context(
        customer=customer, language=language, all_orders=[world.order("LL-1", "delivered")]
    )
    action = made(kind, state, OF[kind], "moved_on" if state == "refused" else None)
    result = outcome(context, ToolCall(kind), action)
    said = templates.load(language).text(result.template, **result.data)
    assert ("A-ABCDEF01" in said) is (state in ("done", "running"))
    assert (result.error is None) is (state in ("done", "undone"))
    if state != "done":
        assert not result.template.startswith("action_done")
    undo = outcome(context, ToolCall("undo"), made("undo", state, {**OF[kind], "undoes": "a0", "of": kind}))
    assert templates.load(language).text(undo.template, **undo.data)


def test_taking_back_names_what_is_taken_back(world: World) -> None:
    last = made("change_address", "done", OF["change_address"])
    context = world.context(
        customer=world.anna, undoable=last, all_orders=[world.order("LL-1", "processing")]
    )
    assert world.say(context, "undo_change") == "Shall I take this back: the new address of order LL-1?"
    assert world.proposed[-1] == (
        "undo",
        {**OF["change_address"], "undoes": "abcdef0123", "of": "change_address"},
    )
    assert world.run(world.context(customer=world.anna), "undo_change").error == "nothing"
