"""What the simulated customers of the demo shop share: tastes, seasons, complements and demand, as arrays.

Reads any catalogue; words in LIFE_STYLES and COMPLEMENTS that match nothing are without effect. It knows no
customer and no order (see ``simulate``, whose docstring states the whole model).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

WINDOW_DAYS = 540
"""How far back the orders go: about 18 months."""
LIFE_STYLES: tuple[tuple[str, ...], ...] = (
    ("knives", "cookware", "pantry"),
    ("coffee", "tea", "pantry", "appliances"),
    ("tableware", "lighting", "candle", "fragrance"),
    ("bedding", "towel", "bath", "rug"),
    ("garden", "pantry"),
    ("outdoor", "camping", "bag"),
    ("wellness", "personal care", "yoga", "fitness"),
    ("stationery", "paper", "office", "tea"),
    ("pet", "garden"),
    ("toy", "game", "baby", "clothing"),
    ("furniture", "storage", "lighting", "rug"),
    ("clothing", "bag", "personal care", "fragrance"),
)
"""Words of category names. What a life-style does not name, it still buys now and then."""
COMPLEMENTS: tuple[tuple[str, str], ...] = (
    ("tent", "sleeping bag"), ("sleeping bag", "sleeping mat"), ("tent", "head torch"), ("stove", "cook set"),
    ("coffee", "coffee filter"), ("coffee", "coffee maker"), ("coffee", "coffee grinder"), ("coffee", "milk frother"),
    ("black tea", "kettle"), ("green tea", "kettle"), ("herbal tea", "mug"), ("honey", "black tea"),
    ("chef's knife", "sharpening stone"), ("santoku", "sharpening stone"), ("chef's knife", "chopping board"),
    ("sharpening stone", "honing rod"), ("frying pan", "lid"), ("frying pan", "oil"), ("pasta", "oil"),
    ("duvet", "bed linen"), ("pillow", "bed linen"), ("towel", "bathrobe"), ("towel", "bath mat"), ("plate", "bowl"),
    ("plate", "cutlery"), ("pendant lamp", "light bulb"), ("desk", "desk lamp"), ("dinner candle", "candle holder"),
    ("watering can", "seeds"), ("planter", "living plant"), ("secateurs", "gloves"), ("yoga mat", "yoga block"),
    ("yoga mat", "yoga strap"), ("razor", "razor blades"), ("toothbrush", "tooth tablets"), ("shampoo", "conditioner"),
    ("notebook", "fountain pen"), ("sketchbook", "coloured pencils"), ("writing paper", "fountain pen"),
    ("dog lead", "dog harness"), ("dog food", "dog treat"), ("cat food", "cat litter"), ("puzzle", "board game"),
    ("cushion cover", "cushion insert"), ("rug", "rug underlay"), ("t-shirt", "socks"), ("backpack", "bottle"),
)  # fmt: skip
"""Words of product names and types that go together."""
SEASON_MONTHS = {
    "spring": {3, 4, 5}, "summer": {5, 6, 7, 8}, "autumn": {9, 10, 11}, "winter": {11, 12, 1, 2},
    "christmas": {11, 12}, "advent": {11, 12}, "easter": {3, 4},
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """The catalogue as arrays, and everything that all customers share. Times are days since ``start``."""

    products: Sequence[Mapping[str, Any]]
    start: datetime
    affinity: np.ndarray  # life-style x product
    price_z: np.ndarray
    season: np.ndarray  # month (0-11) x product
    repeat: np.ndarray  # days; 0 for a durable
    banned: Mapping[str, np.ndarray]  # region -> products that are not sent there
    complements: np.ndarray  # product x product, rows sum to 1
    demand: np.ndarray  # cumulated weight of the days up to now
    horizon: float  # now


def build_world(products: Sequence[Mapping[str, Any]], rng: np.random.Generator, now: datetime) -> World:
    n = len(products)
    names = sorted({p["category"] for p in products})
    category = np.array([names.index(p["category"]) for p in products])
    popularity = (1.0 + rng.permutation(n)) ** -0.9
    affinity = np.empty((len(LIFE_STYLES), n))
    for k, words in enumerate(LIFE_STYLES):
        named = np.array([any(_names(name, word) for word in words) for name in names])
        phi = rng.gamma(0.25, 0.3, len(names)) + named * 2.0
        psi = popularity * rng.gamma(0.5, 1.0, n)
        affinity[k] = phi[category] * psi / np.bincount(category, psi)[category]
    affinity /= affinity.sum(axis=1, keepdims=True)

    log_price = np.log([float(p["price"]) for p in products])
    price_z = np.zeros(n)
    for c in range(len(names)):
        group = log_price[category == c]
        price_z[category == c] = (group - group.mean()) / (group.std() + 0.1)
    season = np.ones((12, n))
    for j, product in enumerate(products):
        months = SEASON_MONTHS.get(str(product["season"]).lower())
        if months:
            season[:, j] = [4.0 if month + 1 in months else 0.25 for month in range(12)]

    start = (now - timedelta(days=WINDOW_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [start + timedelta(days=d) for d in range((now - start).days + 1)]
    weights = [(0.9, 1.0, 1.0, 1.0, 1.0, 1.1, 1.3)[d.weekday()] for d in days]
    rush = [1.5 if (d.month, d.day) >= (11, 12) and (d.month, d.day) <= (12, 22) else 1.0 for d in days]
    return World(
        products=products,
        start=start,
        affinity=affinity,
        price_z=price_z,
        season=season,
        repeat=np.array([float(p["repeat_days"] or 0) for p in products]),
        banned={
            "overseas": np.array([_eu_only(p) or "lithium" in _battery(p) for p in products]),
            "europe_other": np.array([_eu_only(p) for p in products]),
        },
        complements=_complements(products, affinity, rng),
        demand=np.cumsum(np.array(weights) * np.array(rush)),
        horizon=(now - start) / timedelta(days=1),
    )


def _complements(
    products: Sequence[Mapping[str, Any]], affinity: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """For each product a few that go with it: by word pairs, and by shared life-styles where no pair matches."""
    texts = [_text(p) for p in products]
    n = len(products)
    pairs = np.zeros((n, n))
    for one, other in COMPLEMENTS:
        left, right = (np.array([_names(text, word) for text in texts]) for word in (one, other))
        pairs += np.outer(left & ~right, right & ~left) + np.outer(right & ~left, left & ~right)
    pairs *= rng.gamma(0.3, 1.0, (n, n))  # of all boards, one goes best with this knife
    alike = (affinity.T @ affinity) ** 0.5 * rng.gamma(0.05, 1.0, (n, n))
    alike /= alike.sum(axis=1, keepdims=True)
    total = pairs.sum(axis=1, keepdims=True)
    weights = np.where(total > 0, pairs / np.maximum(total, 1e-12), 0.0) + 0.3 * alike
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _names(text: str, word: str) -> bool:
    """Whether a text has this word, or its plural."""
    return re.search(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE) is not None


def _text(product: Mapping[str, Any]) -> str:
    return f"{product['name']} {product['attributes'].get('type', '')}"


def _eu_only(product: Mapping[str, Any]) -> bool:
    """Perishable food, seeds, bulbs and living plants stay within the EU (pages/international.md)."""
    perishable = str(product["attributes"].get("perishable", "no")).lower().startswith("yes")
    return perishable or str(product["attributes"].get("type")).lower() in ("seeds", "bulbs", "living plant")


def _battery(product: Mapping[str, Any]) -> str:
    return str(product["attributes"].get("battery_type", "")).lower()
