"""Ten thousand shoppers who do anything in any order: what they are shown keeps every promise."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from chatbot.conversation import ToolCall
from chatbot.tools.base import run_tool
from chatbot.tools.catalogue import prices
from retrieval.recommend import Event, Interactions, Known, Recommender
from retrieval.recommend.training import trained

if TYPE_CHECKING:
    from conftest import World

SEQUENCES = 10_000
SKUS = ("CAR-1", "KIT-1", "KIT-2", "KIT-3", "KIT-4", "GIF-1", "85123A", "kit-3-50-red", "GONE-9", "")
SOLD_OUT, FOR_ADULTS = {"KIT-4"}, {"KIT-2"}
DAY = np.datetime64("2026-11-24", "s")
WEIGHTS = (1.0, 0.3, 0.1, -2.0, -1.0, 0.0)


def one_of(rng: np.random.Generator, choices: Any, most: int) -> list[Any]:
    return [choices[place] for place in rng.integers(0, len(choices), rng.integers(0, most + 1))]


def fold(events: list[Event], asked: Recommender) -> Known:
    return asked.fold_in(events, DAY)


@pytest.mark.timeout(600)
def test_ten_thousand_random_sequences(world: World) -> None:
    rng = np.random.default_rng(5)
    baskets = [one_of(rng, SKUS[:7], 3) for _ in range(200)]
    rows = [(number, sku) for number, basket in enumerate(baskets) for sku in basket]
    at = DAY - rng.integers(1, 90, len(rows)) * np.timedelta64(1, "D")
    model = trained(
        Interactions.of([f"c{number % 60}" for number, _ in rows], [sku for _, sku in rows], at), DAY
    )
    shown_at_all: set[str] = set()
    empty = 0
    for _ in range(SEQUENCES):
        events = [
            Event(
                sku,
                DAY + np.timedelta64(int(rng.integers(-(10**8), 10**5)), "s"),
                float(rng.choice(WEIGHTS)),
                bool(rng.random() < 0.3),
            )
            for sku in one_of(rng, SKUS, 12)
        ]
        context = world.context(customer=world.anna, recommender=model, cart=one_of(rng, SKUS[:7], 2))
        context = replace(context, known=partial(fold, events))
        mode = str(rng.choice(["for_me", "again", "complete", "similar"]))
        arguments: dict[str, Any] = {
            "mode": mode,
            "exclude": one_of(rng, SKUS, 2),
            "count": int(rng.integers(1, 6)),
        }
        if mode == "similar" or (mode == "complete" and rng.random() < 0.5):
            arguments["sku"] = str(rng.choice(SKUS[:7]))
        if rng.random() < 0.3:
            arguments["max_price"] = float(rng.choice([3.0, 10.0, 45.0]))
        if rng.random() < 0.2:
            arguments["without"] = [str(rng.choice(["oak", "soap", "heart"]))]
        told = run_tool(world.tools, context, ToolCall("recommend", arguments))
        assert told.error in (None, "nothing_found", "no_cart"), (arguments, told)
        shown = [card.id for card in told.cards]
        shown_at_all |= set(shown)
        empty += not shown
        out = {sku.casefold() for sku in arguments["exclude"]} | {arguments.get("sku", "").casefold()}
        assert len(shown) == len(set(shown)) <= arguments["count"]
        assert not {sku.casefold() for sku in shown} & out
        assert not set(shown) & SOLD_OUT
        # Another knife is suggested to whoever asks for something like a knife, and theirs to who bought one; to nobody else.
        assert mode in ("similar", "again") or not set(shown) & FOR_ADULTS
        for sku in shown:
            product = world.product(sku)
            span = prices(product)
            assert "max_price" not in arguments or (span and float(span[0]) <= arguments["max_price"])
            for word in arguments.get("without", ()):
                assert word not in f"{product.name} {' '.join(product.attributes.values())}".casefold()
    # The promises were not kept by showing nothing.
    assert shown_at_all == {"CAR-1", "KIT-1", "KIT-2", "KIT-3", "GIF-1", "85123A"}
    assert empty < SEQUENCES / 2
