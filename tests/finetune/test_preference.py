"""What people thought of replies becomes examples, and the second stage makes what they liked likelier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from configs.errors import InputError
from finetune.config import PreferenceConfig, TrainConfig
from finetune.folders import adapter_of
from finetune.logs import Conversation, Said
from finetune.model import load_base, with_adapter
from finetune.preference import Preferred, prefer, preferences

ASKED = Said("customer", "Can I return the lamp?")
GOOD, BAD = "Yes, within 30 days.", "zzz zzz zzz"


def of(*turns: Said, name: str = "c") -> Conversation:
    return Conversation(name, turns)


@pytest.mark.parametrize(
    ("turn", "liked", "disliked"),
    [
        (Said("agent", GOOD, corrected=True, rejected=BAD), GOOD, BAD),
        (Said("agent", GOOD, liked=True), GOOD, ""),
        (Said("agent", BAD, liked=False), "", BAD),
    ],
)
def test_a_correction_is_a_pair_and_a_thumb_speaks_of_one_reply(
    turn: Said, liked: str, disliked: str
) -> None:
    (one,) = preferences([of(ASKED, turn)])
    assert (one.id, one.group, one.liked, one.disliked) == ("c/1", "c", liked, disliked)
    assert one.asked[-1]["content"].endswith(f"Question: {ASKED.text}")


def test_a_reply_of_which_nobody_thought_anything_is_no_preference() -> None:
    same = Said("agent", GOOD, corrected=True, rejected=GOOD)
    assert list(preferences([of(ASKED, Said("agent", GOOD)), of(ASKED, same)])) == []


@pytest.fixture
def start(tiny_chat_base: Path, tmp_path: Path) -> Path:
    """An adapter that changes nothing yet, where the first stage would have left it."""
    adapter = tmp_path / "run" / "adapter"
    with_adapter(load_base(tiny_chat_base), TrainConfig(rank=4, alpha=8), 10).save_pretrained(adapter)
    return adapter


def reviewed(count: int) -> list[Conversation]:
    return [
        of(
            Said("customer", f"May I return {n}?"),
            Said("agent", GOOD, corrected=True, rejected=f"{BAD} {n}"),
            name=f"c{n}",
        )
        for n in range(count)
    ]


CONFIG = PreferenceConfig(learning_rate=0.02, batch=4, epochs=2, limit=2048)


def learnt(base: Path, start: Path, folder: Path, method: Any) -> Preferred:
    every = list(preferences(reviewed(32)))
    config = CONFIG.model_copy(update={"method": method})
    return prefer(base, start, every[:24], every[24:], config, folder)


@pytest.mark.parametrize("method", ["kto", "dpo"])
def test_the_second_stage_makes_likelier_what_was_liked(
    tiny_chat_base: Path, start: Path, tmp_path: Path, method: str
) -> None:
    made = learnt(tiny_chat_base, start, tmp_path / "preference", method)
    assert (made.pairs, made.liked, made.disliked) == (24, 24, 24)
    assert made.agreement is not None
    assert made.agreement > 0.9
    told = json.loads((tmp_path / "preference" / "preference.json").read_text(encoding="utf-8"))
    assert (told["method"], told["agreement"], told["config"]["batch"]) == (method, made.agreement, 4)
    assert adapter_of(tmp_path) == made.adapter
    assert {file.name for file in made.adapter.iterdir()} >= {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    # What is trained anew in the first stage has no second one yet.
    (start / "adapter_model.safetensors").write_bytes(b"other weights")
    assert adapter_of(tmp_path) == start


def test_a_handful_of_opinions_teaches_nothing(tiny_chat_base: Path, start: Path, tmp_path: Path) -> None:
    few = list(preferences(reviewed(19)))
    with pytest.raises(InputError, match="19 that somebody disliked"):
        prefer(tiny_chat_base, start, few, [], CONFIG, tmp_path / "preference")
    thumbs = list(preferences([of(ASKED, Said("agent", GOOD, liked=True))] * 50))
    with pytest.raises(InputError, match="0 that somebody disliked"):
        prefer(tiny_chat_base, start, thumbs, [], CONFIG, tmp_path / "preference")
    with pytest.raises(InputError, match="in pairs, for dpo"):
        prefer(tiny_chat_base, start, thumbs, [], CONFIG.model_copy(update={"method": "dpo"}), tmp_path / "p")
