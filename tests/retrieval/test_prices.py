"""Price limits that a text names."""

from __future__ import annotations

import pytest

from retrieval.prices import price_limits, price_order, without_price


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tents under 200 euros", {"max_price": 200}),
        ("something up to €49.90", {"max_price": 49.9}),
        ("between 20 and 40 EUR", {"min_price": 20, "max_price": 40}),
        ("more than 100", {"min_price": 100}),
        ("a pan under 28 cm", {}),
        ("can I return within 30 days", {}),
        ("over 3 kg", {}),
        ("五十以下的灯 50欧以下", {"max_price": 50}),
        ("不超过30的毛巾", {"max_price": 30}),
        ("100以上", {"min_price": 100}),
        ("no limits at all", {}),
        ("20-40 euros", {"min_price": 20, "max_price": 40}),
        ("a $40 to $20 lamp", {"min_price": 20, "max_price": 40}),
        ("less than 30 bucks", {"max_price": 30}),
        ("not over 60", {"max_price": 60}),
        ("no more than 60", {"max_price": 60}),
        ("I don't want to spend more than 30 euros", {"max_price": 30}),
        ("it should not cost more than 30 euros", {"max_price": 30}),
        ("never over 80, but at least 20 euros", {"max_price": 80, "min_price": 20}),
        ("I don't know, more than 100 euros", {"min_price": 100}),
        ("under $50 kettles", {"max_price": 50}),
        ("about 50 dollars", {"min_price": 40, "max_price": 60}),
        ("about 50 people", {}),
        ("trousers 28-32", {}),
    ],
)
def test_price_limits(text: str, expected: dict[str, float]) -> None:
    assert price_limits(text) == expected


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("tents under 200 euros", "tents"),
        ("20-40 euro lamp", "lamp"),
        ("under $50 kettles", "kettles"),
        ("a lamp around 50 euros please", "a lamp please"),
    ],
)
def test_what_is_left_without_the_price(text: str, left: str) -> None:
    assert without_price(text) == left


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("the cheapest lamp", "cheapest"),
        ("least expensive lamp", "cheapest"),
        ("your most expensive lamp", "dearest"),
        ("an expensive lamp", None),
        ("a lamp", None),
        ("最贵的灯", "dearest"),
    ],
)
def test_price_order(text: str, order: str | None) -> None:
    assert price_order(text) == order
