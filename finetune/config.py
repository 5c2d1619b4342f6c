"""What the two stages of a training may be told: the YAML behind ``-c``. Knows no model."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs.errors import ConfigError
from configs.settings import CONFIG_DIR

C = TypeVar("C", bound=BaseModel)


class TrainConfig(BaseModel):
    """Defaults are for 135 million parameters on two cores; ``configs/lora.yaml`` says the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: Literal["logs", "grounded", "both"] = "both"
    """Replies as the logs have them, replies behind the shop's passages (`kefu finetune ground`), or both."""
    grounded: float = Field(0.5, ge=0, lt=1)
    """Share of the replies behind passages where ``examples`` is ``both``, if the logs have enough others."""
    unanswerable: float = Field(0.2, ge=0, lt=1)
    """Share of those behind passages that do not answer: with more of them a small model keeps silent where it is unsure."""
    method: Literal["lora", "rslora", "dora", "adalora", "qlora"] = "rslora"
    """``qlora`` needs a GPU and bitsandbytes."""
    rank: int = Field(8, ge=1)
    alpha: int = Field(16, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Layers that get an adapter, by the end of their names."""
    learning_rate: float = Field(5e-4, gt=0)
    lora_plus: float = Field(1.0, ge=1)
    """How many times faster B learns than A (Hayou et al. 2024); 1 is plain LoRA."""
    neftune: float = Field(0.0, ge=0)
    """Strength of the noise on embeddings (Jain et al. 2023); 0 is none."""
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, gt=0)
    """Longest gradient."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the steps in which the rate rises; then it falls along a cosine."""
    epochs: int = Field(2, ge=1)
    most: int = Field(0, ge=0)
    """Examples of an epoch, drawn by the seed, if there are more; 0: all."""
    replay: float = Field(0.5, gt=0)
    """Older examples for each new one, where older logs are named (`--replay`)."""
    validation: int = Field(100, ge=1)
    """Examples that a look at the validation loss sees, if there are more."""
    batch: int = Field(8, ge=1)
    """Examples of a step."""
    tokens: int = Field(1536, ge=64)
    """Most tokens of one forward pass, what all of it begin with counted once: memory goes by it."""
    limit: int = Field(1024, ge=32)
    """Tokens from which on an example is left out."""
    evaluate_every: int = Field(50, ge=1)
    """Steps between two looks at the validation loss."""
    patience: int = Field(4, ge=1)
    """Looks without a better loss, after which training ends."""
    save_every: int = Field(50, ge=1)
    checkpointing: bool = False
    """Recompute activations: a third slower, 40 % less memory."""
    seed: int = 0
    wandb: str = ""
    """Project of Weights & Biases that a run is told to, beside TensorBoard; empty: none."""


class PreferenceConfig(BaseModel):
    """The second stage; ``configs/preference.yaml`` says the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["kto", "dpo"] = "kto"
    """``kto`` learns from thumbs and from corrections, ``dpo`` from corrections alone."""
    beta: float = Field(0.1, gt=0)
    """How dear it is to stray from the first stage."""
    learning_rate: float = Field(5e-5, gt=0)
    epochs: int = Field(1, ge=1)
    most: int = Field(400, ge=0)
    """Answers that somebody thought something of, drawn by the seed, if there are more; 0: all."""
    validation: int = Field(60, ge=1)
    """Answers held out, on which agreement is counted, if there are more."""
    batch: int = Field(16, ge=2)
    """Replies of a step."""
    micro_batch: int = Field(4, ge=2)
    """Replies of one forward pass."""
    limit: int = Field(768, ge=32)
    """Tokens at which a reply is cut off."""
    seed: int = 0


def load_config(path: str | Path, kind: type[C]) -> C:
    """A YAML file, or a packaged one by its name.

    Raises:
        ConfigError: there is none, a key is misspelt, or a value is impossible.
    """
    file = Path(path)
    if not file.exists() and (CONFIG_DIR / f"{file.name}.yaml").exists():
        file = CONFIG_DIR / f"{file.name}.yaml"
    try:
        told: Any = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", expected="a YAML file") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no YAML: {error}") from error
    try:
        return kind(**told)
    except (ValidationError, TypeError) as error:
        raise ConfigError(f"{file}: {_explained(error, kind)}") from error


def _explained(error: ValidationError | TypeError, kind: type[BaseModel]) -> str:
    if isinstance(error, TypeError):
        return "expected keys with values"
    told = []
    for item in error.errors():
        name = ".".join(map(str, item["loc"]))
        if item["type"] == "extra_forbidden":
            close = difflib.get_close_matches(name, kind.model_fields, 1)
            told.append(f"unknown key {name!r}" + (f" (did you mean {close[0]}?)" if close else ""))
        else:
            told.append(f"{name} is {item['input']!r}: {item['msg']}")
    return "; ".join(told)
