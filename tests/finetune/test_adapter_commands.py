"""``kefu adapters``: what a person at the terminal sees and does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chatbot.adapters import Adapters
from configs.errors import EngineError, InputError, NotFoundError
from finetune.card import model_card
from finetune.cli import adapters

BASE = "smollm2-135m"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEFU_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    for name, passed in (("tone-1", True), ("tone-2", False)):
        made_in = tmp_path / f"made-{name}"
        made_in.mkdir()
        (made_in / "adapter_config.json").write_text("{}")
        (made_in / "adapter_model.safetensors").write_bytes(b"weights")
        (made_in / "adapter.gguf").write_bytes(b"gguf")
        card = {
            "base": BASE,
            "made": f"2026-01-0{name[-1]}T00:00:00+00:00",
            "parent": None,
            "data": {"conversations": 60, "examples": 120, "simulated": not passed, "customers": ["a", "b"]},
            "config": {"method": "rslora", "rank": 16},
            "training": {"validation_loss_before": 1.9, "validation_loss": 1.2, "step": 3, "steps": 4, "ended": "all steps done"},
            "versions": {"torch": "2.13.0"},
            "preference": {"method": "kto", "liked": 30, "disliked": 20, "agreement": 0.7},
            "verdict": {
                "passed": passed,
                "why": "worth did not surely rise",
                "cases": 80,
                "against": BASE,
                "rows": [{"figure": "worth", "live": 0.1, "candidate": 0.4, "low": -0.01, "high": 0.5, "ok": passed}],
            },
        }  # fmt: skip
        Adapters(tmp_path / "adapters", BASE).add(name, made_in, card, model_card(name, card))
    return tmp_path


def say(*arguments: str) -> str:
    done = CliRunner().invoke(adapters, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_the_list_says_what_answers_whom(home: Path) -> None:
    told = say("list")
    assert "tone-1" in told
    assert "not passed" in told
    assert "the base model answers" in told
    say("promote", "tone-1")
    say("canary", "tone-2", "--share", "0.2", "--unproven")
    told = say("list")
    assert "80%" in told
    assert "20%" in told
    found = json.loads(say("list", "--json"))
    assert (found["live"], found["canary"], found["share"]) == ("tone-1", "tone-2", 0.2)
    assert [one["name"] for one in found["adapters"]] == ["tone-2", "tone-1"]


def test_moves_say_what_answers_from_now_on(home: Path) -> None:
    assert "tone-1 answers;" in say("promote", "tone-1")
    assert "tone-1 answers, tone-2 10% of new conversations" in say("canary", "tone-2", "--unproven")
    assert "tone-1 answers;" in say("rollback")
    assert "the base model answers;" in say("rollback")
    assert "tone-1 answers;" in say("promote", "tone-1")
    assert "the base model answers;" in say("promote", "base")


def test_what_did_not_pass_is_not_promoted(home: Path) -> None:
    with pytest.raises(InputError, match="--unproven"):
        say("promote", "tone-2")


def test_what_llama_cpp_cannot_load_is_promoted_for_transformers_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "adapters" / "tone-1" / "adapter.gguf").unlink()
    with pytest.raises(EngineError, match=r"has no adapter\.gguf"):
        say("promote", "tone-1")
    with pytest.raises(EngineError, match=r"has no adapter\.gguf"):
        say("canary", "tone-1")
    assert "the base model answers" in say("list")
    monkeypatch.setenv("KEFU_ENGINE__KIND", "transformers")
    assert "tone-1 answers;" in say("promote", "tone-1")


def test_the_card_is_shown(home: Path) -> None:
    told = say("show", "tone-2")
    assert "1.9 before, 1.2 after" in told
    assert "not passed: worth did not surely rise" in told
    assert "-0.010 to +0.500" in told
    assert "kefu finetune simulate logs.jsonl --count 60" in told
    assert "kefu finetune run logs.jsonl -c training.yaml" in told
    assert "simulate" not in say("show", "tone-1")
    assert json.loads(say("show", "tone-1", "--json"))["config"]["rank"] == 16


def test_export(home: Path) -> None:
    target = home / "out"
    say("export", "tone-1", "--out", str(target))
    assert {path.name for path in target.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "card.json", "README.md"
    }  # fmt: skip
    with pytest.raises(InputError, match="exists already"):
        say("export", "tone-1", "--out", str(target))
    with pytest.raises(InputError, match="peft, merged"):
        say("export", "tone-1", "--as", "onnx")
    assert "vllm serve" in say("export", "tone-1", "--as", "vllm")
    assert "--max-lora-rank 16" in " ".join(say("export", "tone-1", "--as", "vllm").split())


def test_remove(home: Path) -> None:
    say("promote", "tone-1")
    assert "tone-1 is deleted" in say("remove", "tone-1")
    assert "the base model answers" in say("list")
    with pytest.raises(NotFoundError, match="tone-2"):
        say("show", "tone-1")
