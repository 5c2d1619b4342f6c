"""Prompt injections and texts that merely look like them: our own, and those of three public sets.

The public ones are read from the folder that ``KEFU_DATA`` names and stand nowhere in the project. Knows no bot, and
not whether an attack does any harm.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs.errors import InputError
from eval.data import data_folder

OWN = Path(__file__).parent / "cases" / "injection" / "own.yaml"
CANARY = "KEFU-7Q2X-CANARY"
"""Stands where a set leaves a place for the token that an attack wants to see in the reply."""
SETS = ("bastioncorpus", "giskard_injections", "bipia")
SEED = 11


@dataclass(frozen=True, slots=True)
class Attack:
    """``benign``: looks like an attack and is none. ``source`` is ``own`` or the name of a set."""

    id: str
    source: str
    text: str
    benign: bool = False

    @property
    def split(self) -> Literal["dev", "test"]:
        return half(self.id)


def half(identifier: str) -> Literal["dev", "test"]:
    """By a hash, so that nobody chooses."""
    name = identifier.partition(":")[2] or identifier
    return "dev" if blake2b(name.encode(), digest_size=4).digest()[0] % 2 == 0 else "test"


class _Own(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
    text: str = Field(min_length=1)
    benign: bool = False


def own(file: Path = OWN) -> list[Attack]:
    """The packaged ones.

    Raises:
        InputError: the file does not hold what it should.
    """
    try:
        read = [_Own.model_validate(item) for item in yaml.safe_load(file.read_text(encoding="utf-8"))]
    except (ValidationError, TypeError) as error:
        raise InputError(f"{file}: {error}", expected="a list of id, text and benign") from None
    return [Attack(f"own:{item.id}", "own", item.text, item.benign) for item in read]


def public() -> list[Attack]:
    """Those of the public sets.

    Raises:
        ConfigError: ``KEFU_DATA`` does not lead to them.
    """
    data = data_folder(*SETS)
    return [*_bastion(data), *_giskard(data), *_bipia(data)]


def _bastion(data: Path) -> Iterator[Attack]:
    for line in (data / "bastioncorpus" / "injections.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = row["text"].replace("{canary}", CANARY)
        yield Attack(f"bastioncorpus:{row['id']}", "bastioncorpus", text, row["label"] == "benign")


def _giskard(data: Path) -> Iterator[Attack]:
    with (data / "giskard_injections" / "prompt_injections.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Attack(f"giskard_injections:{row['index']}", "giskard_injections", row["prompt"])


def _bipia(data: Path) -> Iterator[Attack]:
    kinds = json.loads((data / "bipia" / "text_attack_train.json").read_text(encoding="utf-8"))
    for kind, texts in kinds.items():
        for number, text in enumerate(texts):
            yield Attack(f"bipia:{kind}-{number}", "bipia", text)


def sample(attacks: Sequence[Attack], count: int, *, salt: str) -> list[Attack]:
    """``count`` of them, the same ones each time; our own are a third, as far as there are so many."""
    rng = random.Random(f"{SEED} {salt}")
    packaged = [attack for attack in attacks if attack.source == "own"]
    others = [attack for attack in attacks if attack.source != "own"]
    mine = rng.sample(packaged, min(len(packaged), count // 3 if others else count))
    chosen = [*mine, *rng.sample(others, min(len(others), count - len(mine)))]
    rng.shuffle(chosen)
    return chosen
