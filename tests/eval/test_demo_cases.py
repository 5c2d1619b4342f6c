"""The golden cases of the demo shop: enough of each sort, and every figure borne out by pages, catalogue and orders."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from eval.claims import Said
from eval.golden import CASES, TOOLS, Case, Say, counts, load_cases
from eval.leaks import asked_in_vain
from eval.match import as_number, says
from eval.world import World, price

DEMO = load_cases(CASES / "demo")
ORDER = re.compile(r"LL-\d{6}", re.IGNORECASE)
TRACKING = re.compile(r"^[A-Z]{2}\d{10}$")
_PRICE = re.compile(r"^\d+\.\d\d$")


def options(entry: str | list[str]) -> list[str]:
    return [entry] if isinstance(entry, str) else entry


def turns() -> list[tuple[Case, Say]]:
    return [(case, say) for case in DEMO for say in case.turns]


def test_there_are_enough_of_each_sort() -> None:
    found = counts(DEMO)
    assert found["cases"] >= 160
    assert found["multi_turn"] >= found["cases"] / 3
    assert found["unanswerable"] >= found["cases"] / 6
    assert found["chinese"] >= 20
    assert abs(found["dev"] - found["test"]) <= 4


def test_no_fact_is_so_short_that_any_reply_says_it() -> None:
    """ "No" is in "no reliable answer", and a small number in many a product's name."""
    for case, say in turns():
        for option in (option for entry in say.must for option in options(entry)):
            assert option.casefold() not in ("yes", "no", "not", "free of"), case.id
            assert not re.fullmatch(r"\d", option), f"{case.id}: {option}"


def test_splits_are_alike() -> None:
    sizes = Counter((case.category, case.split) for case in DEMO)
    for category in {case.category for case in DEMO}:
        assert abs(sizes[category, "dev"] - sizes[category, "test"]) <= 4, category
    for kind in (lambda c: c.language == "zh", lambda c: not c.answerable, lambda c: len(c.turns) > 1):
        dev, test = (sum(kind(c) for c in DEMO if c.split == split) for split in ("dev", "test"))
        assert 0.6 <= dev / test <= 1.6


def test_every_tool_page_and_manner_is_there(demo_pages: dict[str, str]) -> None:
    called = {call.name for _, say in turns() for call in say.calls or ()}
    assert called == set(TOOLS)
    cited = {option for _, say in turns() for entry in say.sources for option in options(entry)}
    assert set(demo_pages) <= cited
    tags = Counter(tag for case in DEMO for tag in case.tags)
    assert all(tags[tag] >= 3 for tag in ("terse", "lower-case", "typo", "angry", "polite", "two-questions"))


def test_every_source_customer_and_product_exists(demo_world: World, demo_pages: dict[str, str]) -> None:
    for case, say in turns():
        assert case.customer is None or case.customer in demo_world.customers, case.id
        for entry in say.sources:
            for option in options(entry):
                known = (
                    option in demo_pages or option.removeprefix("product:").casefold() in demo_world.by_sku
                )
                assert known, f"{case.id}: {option}"
        for call in say.calls or ():
            sku = call.arguments.get("sku")
            assert sku is None or str(sku).casefold() in demo_world.by_sku, f"{case.id}: {sku}"


@pytest.mark.parametrize(
    "case", [case for case in DEMO if case.category == "policy"], ids=lambda case: case.id
)
def test_facts_of_policy_cases_stand_on_their_pages(case: Case, demo_pages: dict[str, str]) -> None:
    """One wording of each fact is on one of the pages named, so the gold cannot have come from elsewhere."""
    for say in case.turns:
        pages = [
            demo_pages[option] for entry in say.sources for option in options(entry) if option in demo_pages
        ]
        for entry in say.must if pages else ():
            assert any(says(option, page) for option in options(entry) for page in pages), (
                f"{say.say}: {entry}"
            )


def test_prices_of_product_cases_are_the_catalogues(demo_world: World) -> None:
    checked = 0
    for case in DEMO:
        if not case.category.startswith("product_"):
            continue
        named = {
            str(name).removeprefix("product:").casefold()
            for say in case.turns
            for name in (
                *(option for entry in say.sources for option in options(entry)),
                *(call.arguments["sku"] for call in say.calls or () if "sku" in call.arguments),
            )
        }
        products = [demo_world.products[demo_world.by_sku[sku]] for sku in named if sku in demo_world.by_sku]
        true = {
            value
            for product in products
            for value in (product.price, *(price(product, variant) for variant in product.variants))
        }
        for entry in (entry for say in case.turns for entry in say.must):
            for option in options(entry):
                if _PRICE.match(option):
                    assert as_number(option) in true, f"{case.id}: {option}"
                    checked += 1
    assert checked >= 15


def test_orders_in_cases_are_their_customers(demo_world: World) -> None:
    checked = 0
    for case in DEMO:
        if (
            not case.answerable
            or case.customer is None
            or not case.category.startswith(("order_", "return_"))
        ):
            continue
        own = [order for order in demo_world.orders.values() if order.customer_id == case.customer]
        numbers = {order.id for order in own}
        days = {day for order in own for day in demo_world.order_days(order).values()}
        for say in case.turns:
            for option in (option for entry in say.must for option in options(entry)):
                if ORDER.fullmatch(option):
                    assert option in numbers, f"{case.id}: {option}"
                elif TRACKING.match(option):
                    assert option in {order.tracking for order in own}, f"{case.id}: {option}"
                elif option.startswith("date:"):
                    assert date.fromisoformat(option.removeprefix("date:")) in days, f"{case.id}: {option}"
                elif _PRICE.match(option):
                    assert Decimal(option) in {order.total for order in own}, f"{case.id}: {option}"
                else:
                    continue
                checked += 1
            for number in ORDER.findall(say.say):
                assert number.upper() in numbers, f"{case.id}: {number} is not {case.customer}'s"
    assert checked >= 30


STATE_WORDS = {
    "order-shipped": "shipped", "order-shipped-by-number": "shipped", "order-processing": "processing",
    "order-packed": "packed", "order-pending": "pending_payment", "order-out-for-delivery": "out_for_delivery",
    "order-cancelled": "cancelled", "order-delivered-today": "delivered", "order-refunded": "refunded",
    "order-return-received": "returned", "order-return-registered": "return_requested",
}  # fmt: skip


@pytest.mark.parametrize(("name", "state"), STATE_WORDS.items())
def test_each_state_has_a_case_whose_order_is_in_it(demo_world: World, name: str, state: str) -> None:
    case = next(case for case in DEMO if case.id == name)
    text = " ".join([case.turns[0].say, *(o for entry in case.turns[0].must for o in options(entry))])
    found = [order for order in demo_world.orders.values() if order.customer_id == case.customer]
    named = ORDER.search(text)
    order = (
        next(o for o in found if o.id == named.group().upper())
        if named
        else max(found, key=lambda o: o.placed_at)
    )
    assert order.status == state


def test_cases_about_foreign_orders_forbid_facts_of_them(demo_world: World) -> None:
    foreign = [
        (case, order)
        for case in DEMO
        if case.category == "privacy_guard"
        for order in asked_in_vain(Said("", case.customer, [say.say for say in case.turns]), demo_world)
    ]
    assert len(foreign) >= 5
    for case, order in foreign:
        assert not case.answerable
        assert case.turns[-1].must_not or case.customer is None, f"{case.id} would not notice {order.id}"
