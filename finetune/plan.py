"""What a training will take, before it starts: memory and time, from a trial of a few of its own batches.

The trial runs in a process of its own: the batch with the most tokens, which says the peak of memory, then some drawn
from the first epoch with a look at the validation part's share. Whatever else runs on the machine counts as it does now.
Early stopping is not foreseen: the time is that of all steps.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune.batches import Step, cells, count, micro_batches, steps
from finetune.config import TrainConfig
from finetune.examples import Encoded, check

TRIED = 6
"""Batches that are timed, after one that warms up."""
HOLES = 1.05
"""How much more memory a training takes on a processor than the trial's largest batch: passes of ever other sizes leave holes
between what is freed. Measured: 1.03 to 1.30 over the four configurations of ``kefu bench plan``."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``seconds`` of all steps and looks, ``look_seconds`` of one look, ``memory`` in bytes at the peak, ``tokens`` of all epochs,
    the shared beginning of each counted; ``tokens_per_second`` of the steps alone."""

    seconds: float
    look_seconds: float
    memory: int
    steps: int
    tokens: int
    tokens_per_second: float
    trained: int
    weights: int


@dataclass(frozen=True, slots=True)
class _Trial:
    seconds_per_cell: float
    looking_per_cell: float
    step_seconds: float
    memory: int
    trained: int
    weights: int


def plan(base: Path, training: Sequence[Encoded], validation: Sequence[Encoded], config: TrainConfig) -> Plan:
    """Try some batches and reckon the rest.

    Raises:
        InputError: there is nothing to try.
    """
    check(training, validation)
    every = list(
        steps(training, batch=config.batch, tokens=config.tokens, epochs=config.epochs, seed=config.seed)
    )
    looked = micro_batches(validation, range(len(validation)), config.tokens)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        tried = pool.apply(_try, (base, list(training), list(validation), config, every, looked))
    total = count(len(training), batch=config.batch, epochs=config.epochs)
    work = sum(cells(training, own) for step in every for own in step.micro)
    stepping = work * tried.seconds_per_cell + total * tried.step_seconds
    look = sum(cells(validation, own) for own in looked) * tried.looking_per_cell
    seconds = stepping + looks(total, config.evaluate_every) * look
    tokens = config.epochs * sum(map(len, training))
    return Plan(seconds, look, tried.memory, total, tokens, tokens / stepping, tried.trained, tried.weights)


def looks(steps: int, every: int) -> int:
    """At the validation loss: before the first of ``steps``, behind each ``every`` and behind the last."""
    return 1 + -(-steps // every)


def _try(
    base: Path,
    training: Sequence[Encoded],
    validation: Sequence[Encoded],
    config: TrainConfig,
    every: Sequence[Step],
    looked: Sequence[tuple[int, ...]],
) -> _Trial:
    import torch

    from finetune.model import ReplyLoss, load_base, optimizer_of, with_adapter
    from finetune.packed import pack

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = with_adapter(load_base(base, quantized=config.method == "qlora"), config, len(every)).to(device)
    loss, optimizer = ReplyLoss(model, config.neftune).train(), optimizer_of(model, config)

    def timed(own: Sequence[int]) -> float:
        started = time.perf_counter()
        loss(pack([training[place] for place in own], device)).sum().backward()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    batches = [own for step in every if step.epoch == 0 for own in step.micro]
    timed(max(batches, key=lambda own: cells(training, own)))
    started = time.perf_counter()
    optimizer.step()
    stepping = time.perf_counter() - started
    chosen = batches[:: max(1, len(batches) // TRIED)][:TRIED]
    seconds = sum(map(timed, chosen))
    seen = looked[:: max(1, len(looked) // 2)][:2]
    loss.eval()
    with torch.no_grad():
        started = time.perf_counter()
        for own in seen:
            loss(pack([validation[place] for place in own], device))
        looking = time.perf_counter() - started
    return _Trial(
        seconds / sum(cells(training, own) for own in chosen),
        looking / sum(cells(validation, own) for own in seen),
        stepping,
        int(peak(device) * (HOLES if device == "cpu" else 1)),
        sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
        sum(parameter.numel() for parameter in model.parameters()),
    )


def peak(device: str) -> int:
    """Bytes at the peak of this process, or of its GPU."""
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
