"""The simulated customers and orders: reproducible, consistent with the rates and pages, and worth learning from."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.demo.fulfilment import (
    CUTOFF,
    SHOP_ZONE,
    Rate,
    add_working_days,
    cents,
    load_rates,
    progress,
    rate_for,
)
from chatbot.demo.simulate import DEMO_NOW, Simulation, simulate
from configs.errors import InputError

OPEN = (
    "pending_payment",
    "processing",
    "packed",
    "shipped",
    "out_for_delivery",
    "return_requested",
    "returned",
)
STATES = {*OPEN, "delivered", "cancelled", "refunded"}


@pytest.fixture(scope="module")
def products() -> list[dict[str, Any]]:
    text = files("chatbot.demo").joinpath("products.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def demo(products: list[dict[str, Any]]) -> Simulation:
    return simulate(products)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_same_seed_same_bytes(products: list[dict[str, Any]]) -> None:
    def dump(seed: int) -> str:
        result = simulate(products, seed=seed, customers=60, purchases=900)
        return json.dumps([result.customers, result.orders, result.purchases])

    assert dump(3) == dump(3)
    assert dump(3) != dump(4)


def test_counts(demo: Simulation) -> None:
    assert len(demo.customers) == 2000
    assert 36_000 <= len(demo.purchases) <= 44_000
    days = (DEMO_NOW - moment(demo.purchases[0]["at"])).days
    assert 300 <= days <= 550
    buyers = {row["customer_id"] for row in demo.purchases}
    assert len(buyers) > 1600


def test_every_state_occurs_and_recent_orders_are_spread(demo: Simulation) -> None:
    assert {order["status"] for order in demo.orders} == STATES
    since = (DEMO_NOW - timedelta(days=21)).isoformat()
    recent = Counter(order["status"] for order in demo.orders if order["placed_at"] >= since)
    assert all(recent[state] >= 2 for state in OPEN), recent
    old = {order["status"] for order in demo.orders if order["placed_at"] < "2026-08-15"}
    assert old == {"delivered", "cancelled", "refunded"}


def test_identifiers_are_unique_and_in_order(demo: Simulation) -> None:
    ids = [order["id"] for order in demo.orders]
    assert ids == [f"LL-{100_001 + n}" for n in range(len(ids))]
    placed = [order["placed_at"] for order in demo.orders]
    assert placed == sorted(placed)
    assert len({customer["email"] for customer in demo.customers}) == len(demo.customers)
    assert demo.customers[41]["id"] == "C00042"
    assert demo.customers[41]["email"] == "c00042@shopper.example"


def test_orders_belong_to_customers_who_had_joined(demo: Simulation) -> None:
    customers = {customer["id"]: customer for customer in demo.customers}
    for order in demo.orders:
        customer = customers[order["customer_id"]]
        assert customer["joined_at"] <= order["placed_at"] <= DEMO_NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert order["country"] == customer["country"]
    locales = Counter(customer["locale"] for customer in demo.customers)
    assert set(locales) == {"en", "zh"}
    assert all(c["locale"] == "zh" for c in demo.customers if c["country"] == "CN")


def test_totals_add_up_and_fees_follow_the_rates(demo: Simulation) -> None:
    rates = load_rates()
    for order in demo.orders:
        subtotal = sum(line["quantity"] * Decimal(line["unit_price"]) for line in order["lines"])
        assert Decimal(order["subtotal"]) == subtotal
        assert Decimal(order["total"]) == subtotal + Decimal(order["shipping"])
        rate = rate_for(rates, order["country"], order["method"], cents(order["subtotal"]))
        assert (order["region"], cents(order["shipping"])) == (rate.region, rate.price)


def test_lines_name_products_variants_and_prices_of_the_catalogue(
    demo: Simulation, products: list[dict[str, Any]]
) -> None:
    catalogue = {product["sku"]: product for product in products}
    for order in demo.orders:
        assert len({line["sku"] for line in order["lines"]}) == len(order["lines"]) >= 1
        for line in order["lines"]:
            product = catalogue[line["sku"]]
            variants = {variant["sku"]: variant for variant in product["variants"]}
            assert line["name"] == product["name"]
            assert (line["variant_sku"] in variants) if variants else line["variant_sku"] is None
            price = variants[line["variant_sku"]]["price"] if variants else None
            assert Decimal(line["unit_price"]) == Decimal(price or product["price"])
            assert product["category"].lower() != "gift cards"


def test_times_fit_the_state(demo: Simulation) -> None:
    for order in demo.orders:
        sent = order["status"] in STATES - {"pending_payment", "processing", "packed", "cancelled"}
        arrived = order["status"] in ("delivered", "return_requested", "returned", "refunded")
        assert (order["shipped_at"] is not None) is sent
        assert (order["tracking"] is not None) is (order["carrier"] is not None) is sent
        assert (order["delivered_at"] is not None) is arrived
        assert (order["return_deadline"] is not None) is arrived
        assert (order["cancelled_at"] is not None) is (order["status"] == "cancelled")
        known = [order[k] for k in ("placed_at", "shipped_at", "delivered_at") if order[k]]
        assert known == sorted(known)
        if arrived:
            day = moment(order["delivered_at"]).astimezone(SHOP_ZONE).date()
            assert date.fromisoformat(order["return_deadline"]) == day + timedelta(days=30)


def test_final_sale_orders_are_never_returned(demo: Simulation, products: list[dict[str, Any]]) -> None:
    final = {product["sku"] for product in products if product["final_sale"]}
    returned = [o for o in demo.orders if o["status"] in ("return_requested", "returned", "refunded")]
    assert returned
    assert not [o for o in returned if any(line["sku"] in final for line in o["lines"])]


def test_food_that_spoils_stays_in_the_eu(demo: Simulation, products: list[dict[str, Any]]) -> None:
    spoils = {product["sku"] for product in products if product["attributes"].get("perishable") == "yes"}
    assert spoils
    regions = {o["region"] for o in demo.orders if any(line["sku"] in spoils for line in o["lines"])}
    assert regions == {"germany", "eu"}


def test_purchases_are_the_lines_of_paid_orders(demo: Simulation) -> None:
    lines = [
        (
            order["customer_id"],
            line["sku"],
            line["quantity"],
            line["unit_price"],
            order["placed_at"],
            order["id"],
        )
        for order in demo.orders
        if order["status"] not in ("cancelled", "pending_payment")
        for line in order["lines"]
    ]
    assert [tuple(row.values()) for row in demo.purchases] == lines


def test_popularity_and_activity_have_heavy_tails(demo: Simulation) -> None:
    for key in ("sku", "customer_id"):
        counts = sorted(Counter(row[key] for row in demo.purchases).values(), reverse=True)
        tenth = sum(counts[: len(counts) // 10]) / sum(counts)
        assert tenth > 0.25, key
        assert counts[0] > 8 * np.median(counts), key


def test_repeat_cycles_can_be_found_in_the_purchases(
    demo: Simulation, products: list[dict[str, Any]]
) -> None:
    cycle = {product["sku"]: product["repeat_days"] for product in products if product["repeat_days"]}
    seen: dict[tuple[str, str], tuple[datetime, int]] = {}
    gaps = defaultdict(list)
    for row in demo.purchases:
        key, at = (row["customer_id"], row["sku"]), moment(row["at"])
        if row["sku"] in cycle:
            if key in seen:
                gaps[row["sku"]].append((at - seen[key][0]) / timedelta(days=1) / seen[key][1])
            seen[key] = (at, row["quantity"])
    found = {sku: float(np.median(g)) / cycle[sku] for sku, g in gaps.items() if len(g) >= 30}
    assert len(found) > 0.5 * len(cycle)
    assert all(0.85 <= ratio <= 1.15 for ratio in found.values()), found


def test_seasonal_products_sell_in_their_season(demo: Simulation, products: list[dict[str, Any]]) -> None:
    summer = {product["sku"] for product in products if product["season"] == "summer"}
    months = Counter(moment(row["at"]).month for row in demo.purchases if row["sku"] in summer)
    if not summer:
        pytest.skip("the catalogue has no summer products")
    assert months[6] + months[7] > 4 * (months[1] + months[2])


def test_item_item_beats_popularity_on_held_out_discoveries(
    products: list[dict[str, Any]],
) -> None:
    """The last new product of each customer, ranked from the rest: recall at 10."""
    rows = simulate(products, seed=11, customers=700, purchases=12_000).purchases
    bought: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["sku"] not in bought[row["customer_id"]]:
            bought[row["customer_id"]].append(row["sku"])
    people = [skus for skus in bought.values() if len(skus) >= 4]
    column = {sku: n for n, sku in enumerate(sorted({row["sku"] for row in rows}))}
    matrix = np.zeros((len(people), len(column)))
    for n, skus in enumerate(people):
        matrix[n, [column[sku] for sku in skus[:-1]]] = 1.0
    popularity = matrix.sum(axis=0)
    together = matrix.T @ matrix
    np.fill_diagonal(together, 0.0)
    cosine = together / np.sqrt(np.outer(popularity + 5, popularity + 5))

    def recall(scores: np.ndarray) -> float:
        ranked = np.argsort(-np.where(matrix > 0, -np.inf, scores), axis=1)[:, :10]
        return float(np.mean([column[p[-1]] in row for p, row in zip(people, ranked, strict=True)]))

    by_popularity = recall(np.broadcast_to(popularity, matrix.shape))
    by_item_item = recall(matrix @ cosine)
    assert by_item_item > 1.5 * by_popularity, (by_item_item, by_popularity)


@pytest.mark.parametrize(
    "arguments",
    [{"customers": 0}, {"purchases": 0}, {"now": datetime(2026, 11, 20)}],
)
def test_impossible_arguments_are_refused(products: list[dict[str, Any]], arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="Expected"):
        simulate(products, **arguments)


RATES = load_rates()
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))


@given(rate=st.sampled_from(RATES), placed=MOMENTS, seed=st.integers(0, 10_000))
def test_an_order_only_moves_forward(rate: Rate, placed: datetime, seed: int) -> None:
    order = ["pending_payment", "processing", "packed", "shipped", "out_for_delivery", "delivered"]
    order += ["return_requested", "returned", "refunded"]
    reached = -1
    for hours in (*range(0, 24 * 30, 5), 24 * 120):
        now = placed + timedelta(hours=hours)
        state = progress(np.random.default_rng(seed), placed, rate, returnable=True, now=now)
        if state.status == "cancelled":
            assert reached <= order.index("processing")
            assert state.cancelled_at is not None
            assert state.cancelled_at <= now
            return
        assert order.index(state.status) >= reached
        reached = order.index(state.status)
    assert reached in (order.index("delivered"), order.index("refunded"))


@given(placed=MOMENTS, seed=st.integers(0, 10_000))
def test_express_arrives_on_the_next_working_day(placed: datetime, seed: int) -> None:
    rate = rate_for(RATES, "DE", "express", 1000)
    later = placed + timedelta(days=60)
    state = progress(np.random.default_rng(seed), placed, rate, returnable=False, now=later)
    if state.status == "cancelled":
        return
    local = placed.astimezone(SHOP_ZONE)
    ready = local.date()
    if ready.weekday() >= 5 or local.time() >= CUTOFF:
        ready = add_working_days(ready, 1)
    assert state.eta is not None
    assert state.eta.astimezone(SHOP_ZONE).date() == add_working_days(ready, 1)
    assert state.shipped_at is not None
    assert state.shipped_at.astimezone(SHOP_ZONE).date() == ready
    assert state.shipped_at.astimezone(SHOP_ZONE).time() == time(18, 30)


@given(start=st.dates(date(2025, 1, 1), date(2026, 12, 31)), days=st.integers(1, 30))
def test_working_days_skip_weekends(start: date, days: int) -> None:
    end = add_working_days(start, days)
    assert end.weekday() < 5
    between = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert sum(day.weekday() < 5 for day in between) == days


@given(amount=st.integers(0, 10**7))
def test_cents_reads_what_money_writes(amount: int) -> None:
    assert cents(f"{amount // 100}.{amount % 100:02d}") == amount
