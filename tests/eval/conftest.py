"""The demo shop as the judge sees it, built from the packaged files without a database."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

from chatbot.demo.simulate import DEMO_NOW, simulate
from chatbot.shop import Customer, Order, OrderLine, Product, Rate, Variant
from configs.settings import ShopSettings
from eval.world import World


def _text(name: str) -> str:
    return files("chatbot.demo").joinpath(name).read_text(encoding="utf-8")


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _product(row: Mapping[str, Any]) -> Product:
    variants = tuple(
        Variant(v["sku"], v["options"], Decimal(v["price"]) if v["price"] else None, v["stock"])
        for v in row["variants"]
    )
    return Product(
        row["sku"], row["name"], row["name_zh"], row["category"], row["category_zh"], row["brand"],
        row["description"], row["attributes"], Decimal(row["price"]), "EUR", row["stock"], variants,
        row["final_sale"],
    )  # fmt: skip


def _order(row: Mapping[str, Any]) -> Order:
    placed = _moment(row["placed_at"])
    assert placed is not None
    lines = tuple(
        OrderLine(
            line["sku"], line["variant_sku"], line["name"], line["quantity"], Decimal(line["unit_price"])
        )
        for line in row["lines"]
    )
    return Order(
        row["id"], row["customer_id"], placed, row["status"], row["country"], None, row["method"],
        Decimal(row["subtotal"]), Decimal(row["shipping"]), Decimal(row["total"]), "EUR", row["carrier"],
        row["tracking"], _moment(row["shipped_at"]), _moment(row["delivered_at"]), _moment(row["eta"]),
        _moment(row["cancelled_at"]), lines,
    )  # fmt: skip


@pytest.fixture(scope="session")
def demo_world() -> World:
    rows = [json.loads(line) for line in _text("products.jsonl").splitlines()]
    simulation = simulate(rows)
    rates = [
        Rate(
            row["country"], None, row["method"], Decimal(row["min_subtotal"]), Decimal(row["price"]), "EUR",
            int(row["days_min"]), int(row["days_max"]),
        )
        for row in csv.DictReader(_text("rates.csv").splitlines())
    ]  # fmt: skip
    customers = {
        row["id"]: Customer(row["id"], row["name"], row["email"], row["country"], row["locale"])
        for row in simulation.customers
    }
    orders = {row["id"].casefold(): _order(row) for row in simulation.orders}
    return World([_product(row) for row in rows], rates, orders, customers, ShopSettings(), DEMO_NOW)


@pytest.fixture(scope="session")
def demo_pages() -> dict[str, str]:
    """The packaged pages by name."""
    folder = files("chatbot.demo").joinpath("pages")
    return {
        item.name.removesuffix(".md"): item.read_text(encoding="utf-8")
        for item in folder.iterdir()
        if item.name.endswith(".md")
    }
