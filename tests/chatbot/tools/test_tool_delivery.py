"""What delivery costs and when it arrives, for shops with and without rates, days and regions."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import World


def ask(
    world: World,
    *,
    customer: Any = None,
    language: str = "en",
    now: Any = None,
    rates: Any = None,
    **arguments: Any,
) -> Any:
    shop = {} if rates is None else {"all_rates": rates}
    context = world.context(customer=customer, language=language, now=now or world.now, **shop)
    result = world.run(context, "delivery_estimate", **arguments)
    return result.error, world.say(context, "delivery_estimate", **arguments)


def test_cost_days_threshold_and_arrival(world: World) -> None:
    assert ask(world, country="Austria") == (
        None,
        "Delivery to Austria: standard delivery 6.90 EUR (free from 79.00 EUR), 3-6 working days, arriving between "
        "Friday 27 November and Wednesday 2 December if you order now. Public holidays can add a day.",
    )
    assert ask(world, country="奥地利", language="zh")[1].startswith(
        "配送到奥地利：标准配送6.90欧元（满79.00欧元免运费），3-6个工作日，现在下单预计11月27日至12月2日之间送达。"
    )


@pytest.mark.parametrize("country", ["DE", "de", "Germany", "德国", "Deutschland"])
def test_countries_by_code_and_name(world: World, country: str) -> None:
    assert ask(world, country=country)[1].startswith(
        "Delivery to Germany: standard delivery 3.90 EUR (free from 49.00 EUR)"
    )


def test_the_customers_own_country_is_the_default(world: World) -> None:
    assert ask(world, customer=world.bela)[1].startswith("Delivery to Austria")
    assert ask(world) == (
        "no_country",
        "Which country should the order go to? We deliver to Austria, Germany and the Netherlands.",
    )


@pytest.mark.parametrize(
    ("subtotal", "said"),
    [
        (60, "standard delivery 6.90 EUR, 3-6 working days"),
        (60, "This is for an order of 60.00 EUR. With 19.00 EUR more, delivery would be free."),
        (78.99, "With 0.01 EUR more"),
        (79, "standard delivery free, 3-6 working days"),
    ],
)
def test_the_step_that_a_subtotal_reaches(world: World, subtotal: float, said: str) -> None:
    assert said in ask(world, country="AT", subtotal=subtotal)[1]


def test_an_article_stands_for_the_order(world: World) -> None:
    said = ask(world, country="AT", sku="KIT-4")[1]
    assert "This is for an order of 59.00 EUR." in said
    assert "Please note that Walnut board is sold out at the moment." in said
    assert ask(world, country="AT", sku="NOPE")[0] == "not_found"


@pytest.mark.parametrize(
    ("now", "arrives"),
    [
        ("2026-11-24T12:59:00+00:00", "tomorrow (Wednesday 25 November)"),  # 13:59 in Berlin
        ("2026-11-24T13:00:00+00:00", "on Thursday 26 November"),
        ("2026-11-27T10:00:00+00:00", "on Monday 30 November"),
        ("2026-11-27T15:00:00+00:00", "on Tuesday 1 December"),
        ("2026-11-28T09:00:00+00:00", "on Tuesday 1 December"),
    ],
)
def test_express_and_its_cutoff_on_the_shops_clock(world: World, now: str, arrives: str) -> None:
    error, said = ask(world, country="DE", express=True, now=datetime.fromisoformat(now))
    assert error is None
    assert f"express delivery 9.90 EUR, 1 working day, arriving {arrives} if you order now" in said
    assert "Express orders placed before 14:00 on a working day leave the same day." in said
    assert "standard" not in said


def test_no_express_there(world: World) -> None:
    error, said = ask(world, country="NL", express=True)
    assert error == "no_express"
    assert said.startswith(
        "There is no express delivery to the Netherlands. Delivery to the Netherlands: standard delivery 6.90 EUR"
    )


def test_countries_that_are_not_served_or_not_known(world: World) -> None:
    assert ask(world, country="Canada") == (
        "not_served",
        "I'm sorry, we don't deliver to Canada. We deliver to Austria, Germany and the Netherlands.",
    )
    assert ask(world, country="Narnia")[1].startswith("I don't know the country “Narnia”.")


@pytest.mark.parametrize("country", [None, "DE", "Narnia"])
def test_a_shop_without_rates_leaves_it_to_the_pages(world: World, country: str | None) -> None:
    asked = {"country": country} if country else {}
    assert ask(world, rates=(), **asked)[0] == "no_rates"


def test_a_shop_without_days_promises_none(world: World) -> None:
    steps = [world.rate("US", "15", None, None), world.rate("US", "5", None, None, min_subtotal=Decimal(100))]
    assert ask(world, rates=steps) == (
        None,
        "Delivery to the United States: standard delivery 15.00 EUR (5.00 EUR from 100.00 EUR).",
    )
    assert "With 40.00 EUR more it would cost 5.00 EUR." in ask(world, rates=steps, subtotal=60)[1]


def test_regions(world: World) -> None:
    rates = [world.rate("US", "20", region="AK"), world.rate("US", "15", region="NY")]
    assert ask(world, rates=rates) == (
        "ambiguous",
        "For the United States the price depends on the region. Which one is it: AK or NY?",
    )
    assert "20.00 EUR" in ask(world, rates=rates, region="AK")[1]
    zone = [
        world.rate("DE", "3.90", region="germany"),
        world.rate("DE", "0", region="germany", min_subtotal=Decimal(49)),
    ]
    assert "standard delivery 3.90 EUR (free from 49.00 EUR)" in ask(world, rates=zone, country="DE")[1]


def test_a_shop_that_names_countries_in_full(world: World) -> None:
    rates = [world.rate("United Kingdom", "4", currency="GBP"), world.rate("EIRE", "9", currency="GBP")]
    assert ask(world, rates=rates, country="UK")[1].startswith(
        "Delivery to the United Kingdom: standard delivery 4.00 GBP"
    )
    assert ask(world, rates=rates, country="Ireland")[1].startswith(
        "Delivery to Ireland: standard delivery 9.00 GBP"
    )


def test_a_method_below_its_lowest_step_is_not_offered(world: World) -> None:
    rates = [world.rate("DE", "30", method="freight", min_subtotal=Decimal(500)), world.rate("DE", "4")]
    assert "freight" not in ask(world, rates=rates, country="DE", subtotal=20)[1]
    assert "freight 30.00 EUR" in ask(world, rates=rates, country="DE", subtotal=600)[1]


def test_order_time_is_read_in_the_shops_zone(world: World) -> None:
    # 23:30 UTC on Friday is Saturday in Berlin.
    now = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    assert "between Tuesday 1 December and Wednesday 2 December" in ask(world, country="DE", now=now)[1]
