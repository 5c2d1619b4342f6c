"""What a training keeps in its folder: whose run it is, the best adapter, where it stands, its curve.

A checkpoint is written beside the last one and takes its place when it is whole, so that a kill at any moment leaves one
that can be gone on from: weights, optimizer, schedule and random numbers. The base model is not in it. Knows no batches.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from configs.errors import InputError
from finetune.config import TrainConfig
from finetune.examples import Encoded, digest

ADAPTER, CHECKPOINT, CURVE, RUN = "adapter", "checkpoint.pt", "curve.jsonl", "run.json"
_RANKS = ("ipt", "exp_avg_ipt", "exp_avg_unc", "rank_pattern")
"""Names of peft's, for AdaLoRA."""


@dataclass(slots=True)
class State:
    """Where a run stands. ``before`` and ``best`` are validation losses, of the start and the best so far; ``since_best``
    counts looks; ``seconds`` and ``tokens`` are of all its steps, whatever process took them."""

    step: int = 0
    before: float | None = None
    best: float = math.inf
    best_step: int = 0
    since_best: int = 0
    seconds: float = 0.0
    tokens: int = 0


def told_of(
    base: Path,
    training: Sequence[Encoded],
    validation: Sequence[Encoded],
    config: TrainConfig,
    start_from: Path | None,
) -> dict[str, Any]:
    """What makes a run the same run."""
    return {
        "base": base.name,
        "start_from": start_from.name if start_from else None,
        "examples": len(training),
        "training": digest(training),
        "validation": digest(validation),
        "config": config.model_dump(mode="json"),
    }


def claim(folder: Path, card: Mapping[str, Any]) -> None:
    """Make the folder the run's that ``card`` tells of.

    Raises:
        InputError: it is another one's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RUN
    if not file.exists():
        _replace(file, json.dumps(card, indent=1).encode())
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    changed = [name for name in card if before.get(name) != card[name]]
    if changed:
        raise InputError(
            f"{folder} holds a run with another {' and another '.join(changed)}",
            expected="the run that was begun there, or an empty folder",
            hint="move this one away, or delete it",
        )


@dataclass(slots=True)
class Kept:
    """The parts of a run that outlive its process."""

    folder: Path
    model: Any
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    state: State = field(default_factory=State)

    def save(self) -> None:
        told = {
            "state": asdict(self.state),
            "weights": self._weights(),
            "ranks": self._ranks(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": (torch.get_rng_state(), random.getstate(), np.random.get_state()),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        part = self.folder / f"{CHECKPOINT}.part"
        torch.save(told, part)
        part.replace(self.folder / CHECKPOINT)

    def resume(self) -> None:
        """Go on where the last checkpoint was written, if there is one."""
        file = self.folder / CHECKPOINT
        if not file.exists():
            return
        told = torch.load(file, weights_only=False)
        with torch.no_grad():
            for name, weight in self._weights().items():
                weight.copy_(told["weights"][name])
        for holder, own in zip(self._rank_holders(), told["ranks"], strict=True):
            vars(holder).update(own)
        self.optimizer.load_state_dict(told["optimizer"])
        self.schedule.load_state_dict(told["schedule"])
        drawn, python, numpy_ = told["random"]
        torch.set_rng_state(drawn)
        random.setstate(python)
        np.random.set_state(numpy_)
        if told["random_cuda"]:
            torch.cuda.set_rng_state_all(told["random_cuda"])
        self.state = State(**told["state"])

    def _weights(self) -> dict[str, torch.Tensor]:
        """The adapter's. A model whose frozen weights lie in parts must not be asked for all of its own by one process."""
        return {name: weight.detach() for name, weight in self.model.named_parameters() if "lora_" in name}

    def _rank_holders(self) -> list[Any]:
        """What AdaLoRA shares out ranks by: how much each weight mattered so far, and the ranks as they are."""
        allocator = getattr(self.model.base_model, "rankallocator", None)
        return [] if allocator is None else [allocator, self.model.peft_config["default"]]

    def _ranks(self) -> list[dict[str, Any]]:
        return [
            {name: vars(holder)[name] for name in _RANKS if name in vars(holder)}
            for holder in self._rank_holders()
        ]

    def save_adapter(self) -> None:
        """The weights as they are, as the best so far."""
        part = self.folder / f"{ADAPTER}.part"
        self.model.save_pretrained(part, state_dict=self._weights())
        target = self.folder / ADAPTER
        if target.exists():
            for file in part.iterdir():
                file.replace(target / file.name)
            part.rmdir()
        else:
            part.replace(target)


class Curve:
    """A line a step in ``curve.jsonl``, and the same for TensorBoard and, if wanted, Weights & Biases."""

    def __init__(self, folder: Path, config: TrainConfig, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._file = folder / CURVE
        known = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        # What a killed run wrote behind its last checkpoint comes again.
        kept = [line for line in known if line.endswith("}") and json.loads(line)["step"] <= step]
        _replace(self._file, "".join(f"{line}\n" for line in kept).encode())
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
        self._wandb: Any = None
        if config.wandb:
            import wandb

            run = hashlib.blake2b((folder / RUN).read_bytes(), digest_size=8).hexdigest()
            self._wandb = wandb.init(project=config.wandb, dir=str(folder), resume="allow", id=run)

    def add(self, step: int, loss: float, validation: float | None, norm: float, rate: float) -> None:
        """``norm`` is the gradient's length before it was clipped, ``rate`` the learning rate."""
        told = {"loss": loss, "validation": validation, "gradient": norm, "rate": rate}
        numbers = {name: round(value, 6) for name, value in told.items() if value is not None}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step} | numbers) + "\n")
        for name, value in numbers.items():
            self._board.add_scalar(name, value, step)
        if self._wandb:
            self._wandb.log(numbers, step=step)

    def close(self) -> None:
        self._board.close()
        if self._wandb:
            self._wandb.finish()


def _replace(file: Path, data: bytes) -> None:
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(data)
    part.replace(file)
