"""A small shop that suggests: whose purchases are known, and one product that nobody took yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from chatbot.shop import Product
from retrieval.recommend import Event, Interactions, Recommender
from retrieval.recommend.blend import LEVELS, TASKS, Blend
from retrieval.recommend.features import NAMES
from retrieval.recommend.training import trained

if TYPE_CHECKING:
    from conftest import World


def fitted(
    *baskets: str, day: str = "2026-11-20", texts: Mapping[str, Sequence[float]] | None = None
) -> Recommender:
    """Baskets of skus, each bought thirty times and fewer; the first ones are more popular. ``texts`` are vectors of length one."""
    rows = [
        (f"{number}-{copy}", sku)
        for number, basket in enumerate(baskets)
        for copy in range(30 - number)
        for sku in basket.split()
    ]
    orders = [order for order, _ in rows]
    at = np.full(len(rows), np.datetime64(day), "datetime64[s]")
    data = Interactions.of(orders, [sku for _, sku in rows], at, orders=orders)
    described = np.array([texts[sku] for sku in data.items], np.float32) if texts else None
    return trained(data, at.max(), texts=described)


MODEL = fitted("CAR-1", "KIT-1 GIF-1", "KIT-3 85123A", "KIT-2", "KIT-4")

# A lamp that nobody took yet, described in words like those of the board and somewhat like those of the soap.
LAMP = Product("NEW-1", "New lamp", price=Decimal("12.00"), currency="EUR", stock=4)
WITH_LAMP = fitted(
    "CAR-1", "KIT-1 GIF-1", "KIT-3", texts={"CAR-1": (1, 0, 0), "KIT-1": (0, 1, 0), "GIF-1": (0, 0, 1), "KIT-3": (0, 0, 1)}
).add_product("NEW-1", np.array([0.6, 0.8, 0.0], np.float32))  # fmt: skip


def hearing(recommender: Recommender, feature: str) -> Recommender:
    """One whose lists hang on one feature alone."""
    row = np.array([float(name == feature) for name in NAMES])
    return replace(recommender, blend=Blend({task: np.tile(row, (len(LEVELS), 1)) for task in TASKS}))


def ask(
    world: World,
    *,
    recommender: Any = MODEL,
    language: str = "en",
    bought: Any = None,
    catalogue: Any = None,
    **arguments: Any,
) -> Any:
    context = world.context(
        customer=world.anna if bought is not None else None,
        language=language,
        recommender=recommender,
        bought={"C1": bought or []},
        **({"catalogue": catalogue} if catalogue else {}),
    )
    return world.run(context, "recommend", **arguments), world.say(context, "recommend", **arguments)


def with_lamp(world: World, feature: str, *, bought: Sequence[str] = (), seen: Sequence[str] = (), language: str = "en") -> Any:  # fmt: skip
    """A context with somebody who bought and looked at these, and hears of one feature alone."""
    recommender, now = hearing(WITH_LAMP, feature), np.datetime64("2026-11-20", "s")
    context = world.context(
        language=language,
        recommender=recommender,
        catalogue=[LAMP, *map(world.product, ("CAR-1", "KIT-1", "GIF-1", "KIT-3"))],
    )
    events = [Event(sku, now) for sku in bought] + [Event(sku, now, 0.3, purchase=False) for sku in seen]
    known = recommender.fold_in(events, now)
    return replace(context, known=lambda _: known)
