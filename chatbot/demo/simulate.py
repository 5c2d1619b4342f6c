"""A seeded generative simulation of the demo shop's customers, orders and purchases.

``simulate(products, seed=, customers=, purchases=, now=)`` returns plain dicts. The same arguments give the same
bytes. The module reads the catalogue as it is and knows no SKU; it does not know prices of the past, marketing,
reviews, product launches, or gift cards (products of the category "Gift cards" are never bought here).

The model, for customer u, product j, life-style k, category c, day t:

* taste        theta_u ~ Dirichlet(0.12 over K life-styles); phi_k over categories: Gamma(0.25) noise plus a weight
               for the categories that the life-style's words name; w_j = rank(j)^-0.9 in a random order (Zipf);
               psi_kj = w_j * Gamma(0.5), normalised within its category.
               affinity(u, j) = sum_k theta_uk * phi_k,c(j) * psi_kj
* price        exp(-s_u * z_j), z_j the standardised log price within the category, s_u ~ Normal(0.3, 0.5)
* season       x 4 in a product's season, x 0.25 outside
* at home      x 0.03 for a durable that u already owns; 0 for a consumable that u bought in the last 0.8 repeat_days
* activity     orders_u ~ Poisson(scale * a_u * days active), a_u ~ LogNormal(0, 0.9), at most 6; days weighted by weekday and x 1.5
               from mid-November to Christmas. ``scale`` is set by a pilot so that the lines come near ``purchases``.
* life         u joins over 26 months before ``now`` (more of them lately) and leaves after Exponential(700 days)
* habit        half of the first purchases of a consumable start a habit: the next one follows after
               repeat_days * quantity * LogNormal(0, 0.12), again and again with probability 0.9 each time
* basket       1 + Poisson(1.3) lines; each further line is, with probability 0.4, drawn from the complements of an
               earlier line (word pairs such as tent and sleeping bag, else products of the same life-styles)

What collaborative filtering can find: theta and psi (who buys alike), the complements within baskets, Zipf popularity.
What it cannot: price sensitivity beyond its trace in the choices, noise, and when a customer leaves. When a habit is
due can be found from the dates of one customer's purchases, and seasons from the dates of all.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from chatbot.demo.fulfilment import cents, load_rates, progress, rate_for
from chatbot.demo.tastes import WINDOW_DAYS, World, build_world
from configs.errors import InputError

DEMO_NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""The fixed "today" of the packaged demo, so that its orders and the golden cases stay as they are."""

JOIN_DAYS = 780
FIRST_ORDER_NUMBER = 100_001
COUNTRY_SHARES = {
    "DE": 0.44, "AT": 0.08, "NL": 0.07, "BE": 0.04, "FR": 0.07, "LU": 0.01, "IT": 0.05, "ES": 0.05,
    "PL": 0.04, "IE": 0.02, "GB": 0.04, "CH": 0.04, "US": 0.03, "CN": 0.02,
}  # fmt: skip
NAME_LANGUAGES = {
    "DE": "de", "AT": "de", "CH": "de", "LU": "fr", "NL": "nl", "BE": "nl", "FR": "fr", "IT": "it", "ES": "es",
    "PL": "pl", "IE": "en", "GB": "en", "US": "en", "CN": "zh",
}  # fmt: skip
REGIONS = {rate.country: rate.region for rate in load_rates()}
KEPT_SHARE = 0.955
"""About this share of the lines belongs to orders that are neither cancelled nor waiting for money."""
SHARE_ZH = 0.05
"""Chinese-speaking customers outside China; everybody in China is one."""


@dataclass(frozen=True)
class Simulation:
    """Rows as the importers take them: plain dicts, money as text, times in ISO 8601."""

    customers: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    purchases: list[dict[str, Any]]


@dataclass(frozen=True)
class _Basket:
    customer: int
    day: float
    skus: tuple[int, ...]
    quantities: tuple[int, ...]


def simulate(
    products: Sequence[Mapping[str, Any]],
    *,
    seed: int = 7,
    customers: int = 2000,
    purchases: int = 40_000,
    now: datetime = DEMO_NOW,
) -> Simulation:
    """Customers, their orders and all lines bought, up to ``now`` (an aware time)."""
    sold = [p for p in products if p["price"] and p["category"].lower() != "gift cards"]
    if len(sold) < 2 or customers < 1 or purchases < 1 or now.tzinfo is None:
        raise InputError(
            f"Cannot simulate {customers} customers with {purchases} purchases of {len(sold)} products at {now}",
            expected="two products with a price, at least one customer and purchase, and a time with a time zone",
        )
    world = build_world(sold, np.random.default_rng([seed, 0]), now)
    people = _customers(np.random.default_rng([seed, 1]), customers, now)
    wanted = purchases / customers / KEPT_SHARE
    scale = wanted / 2.3 / WINDOW_DAYS
    for _ in range(2):  # the pilot: habits add lines of their own, so the scale cannot be computed ahead
        pilot = range(0, customers, max(1, customers // 400))
        lines = sum(len(b.skus) for u in pilot for b in _baskets(world, people[u], u, seed, scale))
        scale *= max(0.2, wanted * len(pilot) / max(lines, 1))
    baskets = [b for u in range(customers) for b in _baskets(world, people[u], u, seed, scale)]
    baskets.sort(key=lambda b: (b.day, b.customer))
    orders = _orders(world, people, baskets, np.random.default_rng([seed, 2]), now)
    return Simulation(people, orders, _purchases(orders))


def _customers(rng: np.random.Generator, count: int, now: datetime) -> list[dict[str, Any]]:
    names = yaml.safe_load(files("chatbot.demo").joinpath("names.yaml").read_text(encoding="utf-8"))
    shares = np.array(list(COUNTRY_SHARES.values()))
    countries = rng.choice(list(COUNTRY_SHARES), size=count, p=shares / shares.sum())
    ages = np.sort(JOIN_DAYS * rng.random(count) ** 1.2)[::-1]  # C00001 joined first
    people = []
    for u in range(count):
        country = str(countries[u])
        locale = "zh" if rng.random() < SHARE_ZH or country == "CN" else "en"
        words = names["zh" if locale == "zh" else NAME_LANGUAGES[country]]
        given, family = (words[part][int(rng.integers(len(words[part])))] for part in ("given", "family"))
        people.append(
            {
                "id": f"C{u + 1:05d}",
                "name": family + given if locale == "zh" else f"{given} {family}",
                "email": f"c{u + 1:05d}@shopper.example",
                "country": country,
                "locale": locale,
                "joined_at": _iso(now - timedelta(days=float(ages[u]) + 0.01)),
            }
        )
    return people


def _baskets(world: World, person: Mapping[str, Any], u: int, seed: int, scale: float) -> list[_Basket]:
    """All baskets of one customer. Each customer has a generator of their own, so they do not move each other."""
    rng = np.random.default_rng([seed, 3, u])
    taste = rng.dirichlet(np.full(len(world.affinity), 0.12)) @ world.affinity
    taste = taste * np.exp(-rng.normal(0.3, 0.5) * world.price_z)
    region = REGIONS[person["country"]]
    if region in world.banned:
        taste = np.where(world.banned[region], 0.0, taste)
    activity = min(rng.lognormal(0.0, 0.9), 6.0)
    joined = (datetime.fromisoformat(person["joined_at"]) - world.start).total_seconds() / 86400
    first, last = max(joined, 0.0), min(joined + rng.exponential(700.0), world.horizon)
    if last <= first or taste.sum() <= 0:
        return []
    total = np.concatenate([[0.0], world.demand])
    low, high = (float(np.interp(day, np.arange(len(total)), total)) for day in (first, last))
    visits = rng.uniform(low, high, size=rng.poisson(scale * activity * (high - low)))
    days = np.searchsorted(world.demand, visits)
    events = [(_at_some_hour(rng, int(day)), -1) for day in days]
    if joined >= 0:
        events.append((joined, -1))  # people join in order to buy something
    heapq.heapify(events)

    last_bought = np.full(len(taste), -1e9)
    habits: dict[int, float] = {}
    result: list[_Basket] = []
    while events:
        day, due = heapq.heappop(events)
        if not first <= day < last or (due >= 0 and due not in habits):
            continue
        refills = [j for j, when in habits.items() if j == due or when <= day + 0.06 * world.repeat[j]]
        if due >= 0 and habits[due] > day + 1.0:
            continue  # this one went along with an earlier basket
        at_home = np.where(world.repeat > 0, day - last_bought >= 0.8 * world.repeat, True)
        weight = taste * world.season[(world.start + timedelta(days=day)).month - 1] * at_home
        weight = weight * np.where((world.repeat == 0) & (last_bought > -1e8), 0.03, 1.0)
        weight[list(habits)] = 0.0
        extra = 1 + int(rng.poisson(1.3)) if due < 0 else int(rng.poisson(0.4))
        skus = _fill(rng, world, weight, list(refills), min(len(refills) + extra, 9))
        quantities = tuple(1 + int(rng.random() < 0.12) for _ in skus)
        for j, quantity in zip(skus, quantities, strict=True):
            last_bought[j] = day
            if world.repeat[j] and rng.random() < (0.9 if j in habits else 0.5):
                habits[j] = day + world.repeat[j] * quantity * rng.lognormal(0.0, 0.12)
                heapq.heappush(events, (_at_some_hour(rng, int(habits[j])), j))
            else:
                habits.pop(j, None)
        if skus:
            result.append(_Basket(u, day, tuple(skus), quantities))
    return result


def _fill(
    rng: np.random.Generator, world: World, weight: np.ndarray, skus: list[int], size: int
) -> list[int]:
    while len(skus) < size:
        chances = weight
        if skus and rng.random() < 0.4:
            chances = world.complements[skus[int(rng.integers(len(skus)))]] * (weight > 0)
        chances = chances.copy()
        chances[skus] = 0.0
        cumulated = np.cumsum(chances)
        if cumulated[-1] <= 0:
            break
        skus.append(int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right")))
    return skus


def _orders(
    world: World,
    people: Sequence[Mapping[str, Any]],
    baskets: Sequence[_Basket],
    rng: np.random.Generator,
    now: datetime,
) -> list[dict[str, Any]]:
    rates = load_rates()
    fits = rng.random(len(people))  # the same person tends to take the same size and colour
    orders = []
    for number, basket in enumerate(baskets, FIRST_ORDER_NUMBER):
        person = people[basket.customer]
        lines = [
            _line(rng, world.products[j], quantity, float(fits[basket.customer]))
            for j, quantity in zip(basket.skus, basket.quantities, strict=True)
        ]
        subtotal = sum(line["quantity"] * cents(line["unit_price"]) for line in lines)
        method = "express" if person["country"] == "DE" and rng.random() < 0.1 else "standard"
        rate = rate_for(rates, person["country"], method, subtotal)
        placed = (world.start + timedelta(days=basket.day)).replace(microsecond=0)
        returnable = not any(world.products[j]["final_sale"] for j in basket.skus)
        state = progress(rng, placed, rate, returnable=returnable, now=now)
        orders.append(
            {
                "id": f"LL-{number}",
                "customer_id": person["id"],
                "placed_at": _iso(placed),
                "status": state.status,
                "country": rate.country,
                "region": rate.region,
                "method": rate.method,
                "subtotal": _money(subtotal),
                "shipping": _money(rate.price),
                "total": _money(subtotal + rate.price),
                "currency": "EUR",
                "carrier": state.carrier,
                "tracking": state.tracking,
                "shipped_at": _iso(state.shipped_at),
                "delivered_at": _iso(state.delivered_at),
                "eta": _iso(state.eta),
                "cancelled_at": _iso(state.cancelled_at),
                "return_deadline": state.return_deadline.isoformat() if state.return_deadline else None,
                "lines": lines,
            }
        )
    return orders


def _line(rng: np.random.Generator, product: Mapping[str, Any], quantity: int, fit: float) -> dict[str, Any]:
    variants = product["variants"]
    position = fit if rng.random() < 0.7 else float(rng.random())
    variant = variants[int(position * len(variants))] if variants else None
    return {
        "sku": product["sku"],
        "variant_sku": variant["sku"] if variant else None,
        "name": product["name"],
        "quantity": quantity,
        "unit_price": _money(cents((variant and variant["price"]) or product["price"])),
    }


def _purchases(orders: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "customer_id": order["customer_id"],
            "sku": line["sku"],
            "quantity": line["quantity"],
            "unit_price": line["unit_price"],
            "at": order["placed_at"],
            "order_id": order["id"],
        }
        for order in orders
        if order["status"] not in ("cancelled", "pending_payment")
        for line in order["lines"]
    ]


def _at_some_hour(rng: np.random.Generator, day: int) -> float:
    """A time of that day (UTC); most people order in the late morning or in the evening."""
    hour = rng.normal(10.0, 2.5) if rng.random() < 0.45 else rng.normal(18.5, 2.0)
    return day + float(np.clip(hour, 4.0, 23.5)) / 24


def _money(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02d}"


def _iso(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
