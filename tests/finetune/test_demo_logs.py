"""Simulated logs: true to the shop where agents are good, wrong where they are bad, varied, and the same each time."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from chatbot.demo import simulate as simulation
from chatbot.demo.seed import seed
from chatbot.shop import Shop
from finetune.demo_logs import conversations, grammar
from finetune.logs import read, write
from finetune.sources import read_logs

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def shop(sqlite_db: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(simulation, "simulate", partial(simulation.simulate, customers=30, purchases=300))
    seed(sqlite_db)
    return Shop(sqlite_db)


@pytest.fixture
def logs(shop: Shop) -> list[dict[str, Any]]:
    return list(conversations(shop, now=NOW, count=400))


def test_the_same_seed_gives_the_same_logs(shop: Shop, logs: list[dict[str, Any]]) -> None:
    assert list(conversations(shop, now=NOW, count=400)) == logs
    assert list(conversations(shop, now=NOW, count=400, seed=1)) != logs


def test_no_part_of_the_grammar_is_left_open(logs: list[dict[str, Any]]) -> None:
    said = [text for one in logs for turn in one["turns"] for text in (turn["message"], turn["reply"])]
    assert all(said)
    assert not [text for text in said if re.search(r"[\[\]{}|]", text)]
    drawn = set(grammar()) - {"city", "magazine"}
    assert {name.removeprefix("open_") for name in drawn if name.startswith("open_")} == {
        one["mood"] for one in logs
    }


def test_every_conversation_says_that_it_is_simulated_and_whose_it_is(logs: list[dict[str, Any]]) -> None:
    assert all(one["simulated"] and one["customer"].startswith("C") for one in logs)
    assert [one["created_at"] for one in logs] == sorted(one["created_at"] for one in logs)
    assert logs[-1]["created_at"] <= NOW.isoformat()


def test_they_are_varied(logs: list[dict[str, Any]]) -> None:
    messages = [turn["message"] for one in logs for turn in one["turns"]]
    assert len(set(messages)) > 0.8 * len(messages)
    lengths = Counter(len(one["turns"]) for one in logs)
    assert {1, 2, 3, 4} <= lengths.keys()
    assert any("\n\n" in turn["reply"] for one in logs for turn in one["turns"])  # two questions at once


def test_prices_are_the_shops(shop: Shop, logs: list[dict[str, Any]]) -> None:
    prices = {product.name: str(product.price) for product in shop.all_products()}
    checked = 0
    for turn in (turn for one in logs for turn in one["turns"] if "correction" not in turn):
        found = re.search(r"The ([^.]+) costs ([\d.]+) EUR\.", turn["reply"])
        if found and found[1] in prices:
            assert found[2] == prices[found[1]]
            checked += 1
    assert checked > 3


def test_bad_replies_carry_a_label_and_what_should_have_been_said(logs: list[dict[str, Any]]) -> None:
    bad = [turn for one in logs if one["agent"] == "bad" for turn in one["turns"] if "correction" in turn]
    assert 0.05 < len(bad) / sum(len(one["turns"]) for one in logs) < 0.15
    assert {turn["label"] for turn in bad} == {"wrong", "should_have_handed_over"}
    assert all(turn["reply"] != turn["correction"] for turn in bad)
    assert not [
        turn for one in logs if one["agent"] != "bad" for turn in one["turns"] if "correction" in turn
    ]


def test_the_importer_reads_them_with_the_corrections(logs: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in logs), encoding="utf-8")
    found = read_logs([file])
    assert not found.rejected
    assert len(found.conversations) == len(logs)
    assert all(one.simulated for one in found.conversations)
    write(tmp_path / "kept.jsonl", found.conversations)
    assert list(read(tmp_path / "kept.jsonl")) == found.conversations
    first = next(one for one in logs if any("correction" in turn for turn in one["turns"]))
    imported = next(one for one in found.conversations if one.id.endswith(first["id"]))
    said = [turn.text for turn in imported.turns if turn.role == "agent"]
    assert said == [turn.get("correction", turn["reply"]) for turn in first["turns"]]
