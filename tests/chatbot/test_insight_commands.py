"""``kefu profile`` and ``kefu retention``: what somebody at the terminal reads of a shop that was brought in from files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chatbot.app import open_database
from chatbot.behaviour import Behaviour, Done
from chatbot.cli import cli
from chatbot.exploring import Exploring, features_of
from chatbot.insights.kept import Insights
from chatbot.shop import Shop
from configs.errors import InputError, NotFoundError
from configs.settings import load

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def say(*arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def write(file: Path, rows: list[dict[str, Any]]) -> str:
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(file)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEFU_HOME", str(tmp_path))
    monkeypatch.setenv("KEFU_RETRIEVAL__LANGUAGES", '["en"]')
    monkeypatch.setenv("COLUMNS", "140")
    return tmp_path


@pytest.fixture
def shop(home: Path) -> Path:
    """Sixty customers of two products; c1 buys tea every ten days, and what it says in brackets is no markup."""
    products = [
        {"sku": "TEA", "name": "Green [bold]tea", "category": "Tea [x]", "price": "3", "stock": 5},
        {"sku": "CUP", "name": "Blue cup", "category": "Cups", "price": "7", "stock": 5},
        {"sku": "MUG", "name": "Big mug", "category": "Cups", "price": "9", "stock": 5},
        {"sku": "POT", "name": "Tea pot", "category": "Cups", "price": "19", "stock": 5},
    ]
    orders = [
        {
            "id": f"O-{n}-{k}",
            "customer_id": f"c{n}",
            "placed_at": (NOW - timedelta(days=200 - 10 * k - n)).isoformat(),
            "status": "delivered",
            "lines": [{"sku": "TEA" if n % 2 else "CUP", "quantity": 1, "unit_price": "3"}],
        }
        for n in range(60)
        for k in range(20 if n == 1 else 1 + n % 4)
    ]
    say("ingest", "products", write(home / "products.jsonl", products))
    say("ingest", "customers", write(home / "customers.jsonl", [{"id": "c1", "name": "Ada [red]Example"}]))
    say("ingest", "orders", write(home / "orders.jsonl", orders))
    behaviour = Behaviour(open_database(load()))
    for session in ("phone", "laptop"):  # of two opinions of one product the newest counts
        behaviour.add(session, "c1", [Done("e", "CUP", "like", NOW - timedelta(days=2))])
    return home


def test_a_profile_is_told_in_lines_with_the_newest_fact_behind_each(shop: Path) -> None:
    told = say("profile", "show", "c1")
    assert "Ada [red]Example  c1 · from 20 orders, 1 event, 0 messages · 2026-11-20" in told
    assert "20 orders since 2026-05-05, the last 9 days ago (2026-11-11 O-1-19)" in told
    assert "60.00 EUR, 3.00 EUR an order" in told
    assert "Tea [x]" in told
    assert "2026-11-18 like · Blue cup" in told
    assert "no risk is told: 45 of 60 customers came back" in told
    line = next(line for line in told.splitlines() if line.startswith("Green [bold]tea TEA"))
    assert "10 days" in line
    assert "2026-11-21, in 1 day " in line


def test_a_profile_as_json_has_all_evidence(shop: Path) -> None:
    told = json.loads(say("profile", "show", "C1", "--json"))
    assert told["customer_id"] == "c1"
    assert [one["id"] for one in told["cycles"][0]["evidence"]] == [f"O-1-{k}" for k in (19, 18, 17, 16, 15)]


def test_an_export_holds_profile_events_and_what_the_recommender_knows(shop: Path) -> None:
    before = json.loads(say("profile", "export", "c1"))
    assert before["recommender"] == {"trained": False, "known": [], "suggestions": []}
    rows = [
        {"customer_id": f"c{n}", "sku": sku, "quantity": 1, "at": NOW.isoformat()}
        for n in range(9)
        for sku in ("TEA", "CUP")
    ]
    say("ingest", "purchases", write(shop / "purchases.jsonl", rows))
    say("recommend", "train")
    told = json.loads(say("profile", "export", "c1"))
    assert told["customer"]["name"] == "Ada [red]Example"
    assert told["profile"]["facts"] == {"orders": 21, "events": 1, "messages": 0}
    assert told["kept"]["read"] == 22
    assert [(one["session"], one["kind"], one["sku"]) for one in told["events"]] == [
        ("laptop", "like", "CUP"), ("phone", "like", "CUP"),
    ]  # fmt: skip
    assert told["recommender"]["trained"] is True
    known = {(one["sku"], one["purchase"]) for one in told["recommender"]["known"]}
    assert known == {("TEA", True), ("CUP", True), ("CUP", False)}


def test_erasing_says_what_went_what_stays_and_trains_again(shop: Path) -> None:
    rows = [{"customer_id": f"c{n}", "sku": "TEA", "quantity": 1, "at": NOW.isoformat()} for n in range(9)]
    say("ingest", "purchases", write(shop / "purchases.jsonl", rows))
    say("recommend", "train")
    say("profile", "show", "c1")
    told = say("profile", "erase", "c1")
    assert "profile deleted; 2 events deleted, in all sessions of c1" in told
    assert "trained on what is left" in told
    assert "21 orders and 0 messages stay" in told
    assert json.loads(say("recommend", "train", "--json"))["anew"] is False
    again = say("profile", "erase", "c1")
    assert "no profile was kept; 0 events deleted" in again
    assert "trained" not in again


def test_what_exploring_offered_is_exported_and_erased(shop: Path) -> None:
    db = open_database(load())
    exploring = Exploring(db, Shop(db), 1.0, seed=1)
    for turn, session, customer in (("t1", "phone", "c1"), ("t2", "tablet", "c1"), ("t3", "other", "c2")):
        exploring.choose(turn, session, customer, ["TEA", "CUP"], features_of([1.0, 0.5], [0.5, 0.5]), NOW)
    offers = json.loads(say("profile", "export", "c1"))["explored"]
    assert sorted(one["session"] for one in offers) == ["phone", "tablet"]
    assert all(one["offered"] == ["TEA", "CUP"] and one["shown"] in one["offered"] for one in offers)
    assert "2 events and 2 offers of exploring deleted" in say("profile", "erase", "c1")
    assert json.loads(say("profile", "export", "c1"))["explored"] == []
    assert [one.session_id for one in exploring.records()] == ["other"]
    assert Insights(db, load(), lambda: NOW).erase("c2").explored == 1


def test_retention_as_a_table_as_json_and_drawn(shop: Path) -> None:
    told = say("retention", "--period", "30", "--plot", str(shop / "r.svg"))
    assert "Customers who bought again in the 30 days up to that day after their first order" in told
    assert "of 60 customers came back and bought within 30 days" in told
    found = json.loads(say("retention", "--period", "30", "--json"))
    assert found["overall"][0]["customers"] == 60
    # 45 of the 60 have a second order, ten days after the first.
    assert found["overall"][0]["back"] == 45
    assert f"{45 / 60:.0%}" in (shop / "r.svg").read_text(encoding="utf-8")


def test_what_cannot_be_is_named(shop: Path) -> None:
    for command in ("show", "export", "erase"):
        with pytest.raises(NotFoundError, match="nobody"):
            say("profile", command, "nobody")
    with pytest.raises(InputError, match=r"ends in \.svg"):
        say("retention", "--plot", str(shop / "r.png"))
    with pytest.raises(InputError, match="a folder that exists"):
        say("retention", "--plot", str(shop / "nowhere" / "r.svg"))


def test_a_shop_that_sold_nothing(home: Path) -> None:
    assert "kefu ingest" in say("retention")
    assert json.loads(say("retention", "--json"))["cohorts"] == []
