"""Small tables and mappings for the tests of imports."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chatbot.importers import Report
from chatbot.importers.mapping import TableMapping, parse_mapping


def mapping(**keys: Any) -> TableMapping:
    return parse_mapping(keys, "test")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.removed


def product(sku: str, price: str = "1.00", **more: Any) -> dict[str, Any]:
    return {"sku": sku, "name": f"Article {sku}", "price": price, "currency": "EUR", **more}


def flat_orders(**more: Any) -> TableMapping:
    own = ("id", "customer_id", "placed_at", "status", "currency")
    lines = ("sku", "quantity", "unit_price")
    return mapping(
        kind="orders", fields={name: name for name in own}, lines={name: name for name in lines}, **more
    )
