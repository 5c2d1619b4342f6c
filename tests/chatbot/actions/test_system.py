"""The built-in system does what may be done to an order as it stands, and says why not otherwise."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from chatbot import shop_tables
from chatbot.actions.system import Asked, DatabaseSystem, Outcome
from chatbot.importers import import_rows
from chatbot.shop import Shop
from configs.settings import ActionSettings, ShopSettings

from .conftest import STATES, order_row

ELSEWHERE = "Hafenweg 3, 20457 Hamburg"
_keys = (f"key-{number}" for number in itertools.count())


def ask(system: DatabaseSystem, kind: str, customer: str = "C1", **arguments: object) -> Outcome:
    return system.carry_out(Asked(next(_keys), kind, customer, arguments))  # type: ignore[arg-type]  # kinds by their names


def status(shop: Shop, order_id: str) -> str:
    order = shop.order("C1", order_id)
    assert order is not None
    return order.status


@pytest.mark.parametrize("state", STATES)
def test_an_order_is_cancelled_until_it_is_packed(system: DatabaseSystem, shop: Shop, state: str) -> None:
    done = ask(system, "cancel_order", order_id=f"o-{state}")
    allowed = state in ("pending_payment", "processing")
    assert (done.refused is None) is allowed
    assert status(shop, f"O-{state}") == ("cancelled" if allowed else state)


@pytest.mark.parametrize("state", STATES)
def test_an_address_is_changed_until_the_order_is_packed(
    system: DatabaseSystem, shop: Shop, state: str
) -> None:
    done = ask(system, "change_address", order_id=f"O-{state}", address=ELSEWHERE)
    order = shop.order("C1", f"O-{state}")
    assert order is not None
    allowed = state in ("pending_payment", "processing")
    assert (done.refused is None, shop.address(order)) == (allowed, ELSEWHERE if allowed else None)


@pytest.mark.parametrize(
    ("address", "code"),
    [("Rue de la Paix 4, 75002 Paris, France", "other_country"), ("somewhere", "no_address"), ("1 " * 200, "no_address")],
)  # fmt: skip
def test_an_address_that_cannot_be_or_is_abroad(system: DatabaseSystem, address: str, code: str) -> None:
    assert ask(system, "change_address", order_id="O-processing", address=address).refused == code


@pytest.mark.parametrize("kind", ["cancel_order", "change_address"])
def test_a_large_order_is_for_people(system: DatabaseSystem, shop: Shop, kind: str) -> None:
    assert ask(system, kind, order_id="O-large", address=ELSEWHERE).refused == "too_large"
    assert status(shop, "O-large") == "processing"


@pytest.mark.parametrize("kind", ["cancel_order", "change_address", "request_return", "resend_receipt"])
def test_orders_of_others_and_those_that_are_not_there_look_the_same(
    system: DatabaseSystem, kind: str
) -> None:
    more = {"address": ELSEWHERE, "skus": ["MUG"]}
    for order_id in ("O-foreign", "O-none", "", "' OR 1=1 --"):
        assert ask(system, kind, order_id=order_id, **more) == Outcome("not_found")


def test_articles_are_taken_back_one_by_one_and_then_the_order_is(system: DatabaseSystem, shop: Shop) -> None:
    assert ask(system, "request_return", order_id="O-delivered", skus=["mug"]) == Outcome()
    order = shop.order("C1", "O-delivered")
    assert order is not None
    assert (order.status, shop.requested(order)) == ("delivered", {"mug"})
    assert ask(system, "request_return", order_id="O-delivered", skus=["MUG"]).refused == "already_requested"
    assert ask(system, "request_return", order_id="O-delivered", skus=["MUG", "PAN"]) == Outcome()
    assert (status(shop, "O-delivered"), shop.requested(order)) == ("return_requested", {"mug", "pan"})


@pytest.mark.parametrize(
    ("order_id", "sku", "code"),
    [
        ("O-gift", "GIFT", "final_sale"), ("O-late", "MUG", "too_late"), ("O-shipped", "MUG", "not_delivered"), ("O-processing", "MUG", "not_sent"),
        ("O-delivered", "LAMP", "not_in_order"), ("O-cancelled", "MUG", "already_cancelled"),
    ],
)  # fmt: skip
def test_what_is_not_taken_back(system: DatabaseSystem, order_id: str, sku: str, code: str) -> None:
    assert ask(system, "request_return", order_id=order_id, skus=[sku]).refused == code


def test_the_same_key_is_the_same_deed(system: DatabaseSystem, shop: Shop) -> None:
    asked = Asked("once", "request_return", "C1", {"order_id": "O-delivered", "skus": ["MUG"]})
    assert system.carry_out(asked) == system.carry_out(asked) == Outcome()


def test_taking_back_puts_back_what_was(system: DatabaseSystem, shop: Shop) -> None:
    first = Asked("k1", "change_address", "C1", {"order_id": "O-processing", "address": ELSEWHERE})
    second = Asked(
        "k2", "change_address", "C1", {"order_id": "O-processing", "address": "Am Wall 5, 28195 Bremen"}
    )
    for asked in (first, second):
        assert system.carry_out(asked) == Outcome()
    order = shop.order("C1", "O-processing")
    assert order is not None
    assert system.take_back("k1", Asked("u1", "change_address", "C1", first.arguments)).refused == "moved_on"
    assert system.take_back("k2", Asked("u2", "change_address", "C1", second.arguments)) == Outcome()
    assert shop.address(order) == ELSEWHERE
    stranger = Asked("u3", "change_address", "C2", first.arguments)
    assert system.take_back("k1", stranger).refused == "not_done"


def test_a_return_and_an_alert_are_taken_back(system: DatabaseSystem, shop: Shop) -> None:
    back = Asked("r", "request_return", "C1", {"order_id": "O-delivered", "skus": ["MUG", "PAN"]})
    alert = Asked("a", "restock_alert", "C1", {"sku": "MUG"})
    for asked in (back, alert):
        assert system.carry_out(asked) == Outcome()
        assert (
            system.take_back(asked.key, Asked(f"undo {asked.key}", asked.kind, "C1", asked.arguments))
            == Outcome()
        )
    order = shop.order("C1", "O-delivered")
    assert order is not None
    assert (order.status, shop.requested(order)) == ("delivered", set())


def test_an_alert_that_was_there_before_stays(db: sa.Engine, system: DatabaseSystem, shop: Shop) -> None:
    for key in ("first", "second"):
        assert system.carry_out(Asked(key, "restock_alert", "C1", {"sku": "MUG"})) == Outcome()
    assert (
        system.take_back("second", Asked("undo", "restock_alert", "C1", {"sku": "MUG"})).refused == "moved_on"
    )
    with db.connect() as connection:
        assert len(connection.execute(sa.select(shop_tables.restock_alerts)).all()) == 1


def test_the_last_day_is_the_one_on_the_shops_clock(db: sa.Engine, shop: Shop) -> None:
    """Delivered half an hour after midnight in Berlin; on the thirtieth day there it is still the twenty-ninth in UTC."""
    late = datetime(2026, 12, 15, 23, 30, tzinfo=UTC)
    rows = [order_row("O-night", "delivered", delivered_at="2026-11-15T23:30:00Z")]
    import_rows(db, "orders", rows, source="night", currency="EUR", strict=True)
    system = DatabaseSystem(db, ShopSettings(), ActionSettings(), lambda: late)
    assert ask(system, "request_return", order_id="O-night", skus=["MUG"]) == Outcome()


@pytest.mark.parametrize(
    ("address", "country"),
    [("12 Malta Road, 20457 Hamburg", None), ("Hauptstr. 1, 20457 Hamburg, Germany", None), ("12 Main Street, Valletta, Malta", "other_country")],
)  # fmt: skip
def test_a_street_that_is_called_like_a_country(
    system: DatabaseSystem, address: str, country: str | None
) -> None:
    assert ask(system, "change_address", order_id="O-processing", address=address).refused == country
