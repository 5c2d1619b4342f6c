"""``kefu recommend``: what somebody at the terminal reads of a shop that was brought in from files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chatbot.cli import cli
from configs.errors import ConfigError, InputError, NotFoundError

pytestmark = pytest.mark.slow


def say(*arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def write(file: Path, rows: list[dict[str, Any]]) -> str:
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEFU_HOME", str(folder))
        patch.setenv("KEFU_ENGINE__KIND", "off")
        patch.setenv("KEFU_RETRIEVAL__LANGUAGES", '["en"]')
        patch.setenv("COLUMNS", "140")
        yield folder


@pytest.fixture(scope="module")
def shop(home: Path) -> Path:
    names = {
        "TEA": "Green tea",
        "CUP": "Blue cup",
        "BRUSH": "Paint brush",
        "PAINT": "Red paint",
        "SOAP": "Pine soap",
    }
    products = [{"sku": sku, "name": name, "price": "3", "stock": 5} for sku, name in names.items()]
    pairs = [("TEA", "CUP")] * 9 + [("PAINT", "BRUSH")] * 9 + [("SOAP", "SOAP")] * 4
    purchases = [
        {
            "customer_id": f"c{n}",
            "sku": sku,
            "quantity": 1,
            "at": f"2026-11-{1 + n % 20:02}T10:00:00Z",
            "order_id": f"o{n}",
        }
        for n, pair in enumerate(pairs)
        for sku in dict.fromkeys(pair)
    ]
    for week in (1, 8, 15, 22):
        purchases.append(
            {
                "customer_id": "weekly",
                "sku": "TEA",
                "quantity": 1,
                "at": f"2026-10-{week:02}T09:00:00Z",
                "order_id": f"w{week}",
            }
        )
    say("ingest", "products", write(home / "products.jsonl", products))
    say("ingest", "purchases", write(home / "purchases.jsonl", purchases))
    say("recommend", "train")
    return home


def test_before_anything_was_sold_or_trained_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_HOME", str(tmp_path))
    assert "kefu ingest purchases" in say("recommend", "train")
    with pytest.raises(ConfigError, match="kefu recommend train"):
        say("recommend", "show", "c1")


def test_the_same_purchases_are_not_trained_on_twice(shop: Path) -> None:
    told = json.loads(say("recommend", "train", "--json"))
    assert (told["anew"], told["customers"], told["products"], told["interactions"]) == (False, 23, 5, 44)
    assert "nothing changed" in say("recommend", "train")
    assert json.loads(say("recommend", "train", "--force", "--json"))["anew"] is True


def test_a_list_says_why(shop: Path) -> None:
    told = say("recommend", "show", "weekly", "--mode", "discover")
    assert "Blue cup" in told
    assert "with Green tea" in told
    assert "known of weekly: 1 products" in told
    again = say("recommend", "show", "weekly", "--mode", "buy_again")
    assert "taken on 4 days, every 7 days" in again
    listed = json.loads(say("recommend", "show", "weekly", "--mode", "discover", "-n", "1", "--json"))
    assert [(one["sku"], one["because"]) for one in listed] == [("CUP", ["TEA"])]


def test_an_explanation_adds_up(shop: Path) -> None:
    told = json.loads(say("recommend", "explain", "weekly", "CUP", "--json"))
    assert sum(one["value"] for one in told["contributions"]) == pytest.approx(told["score"])
    said = say("recommend", "explain", "weekly", "CUP")
    assert f"{told['score']:+.3f}" in said
    assert "Green tea" in said


def test_similar(shop: Path) -> None:
    assert json.loads(say("recommend", "similar", "tea", "--json"))[0]["sku"] == "CUP"
    assert "Blue cup" in say("recommend", "similar", "TEA")


def test_whoever_and_whatever_is_unknown_is_named(shop: Path) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        say("recommend", "show", "nobody")
    with pytest.raises(NotFoundError, match="NOPE"):
        say("recommend", "explain", "weekly", "NOPE")
    done = CliRunner().invoke(cli, ["recommend", "show", "weekly", "--mode", "sideways"])
    assert done.exit_code == 2
    assert not isinstance(done.exception, InputError)
