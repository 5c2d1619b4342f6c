"""The training loop, from top to bottom: batches, loss, step, look at the validation part, checkpoint.

Runs on one process or on many under ``accelerate launch``: a step's loss is the mean over all reply tokens of the step,
whoever computed them, so that the curve is the same. A killed run goes on from its last checkpoint to the same weights.
Ctrl-C saves first. Knows neither logs nor gates; takes examples in tokens.
"""

from __future__ import annotations

import math
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator

from configs.errors import InputError
from finetune.batches import Step, count, micro_batches, steps
from finetune.checkpoint import ADAPTER, CHECKPOINT, Curve, Kept, State, claim, told_of
from finetune.config import TrainConfig
from finetune.examples import Encoded, check
from finetune.model import ReplyLoss, continue_from, load_base, optimizer_of, with_adapter
from finetune.packed import Packed, pack
from finetune.sharded import exchange, is_wanted, shard


@dataclass(frozen=True, slots=True)
class Progress:
    """After each step: ``loss`` in nats a reply token, ``tokens_per_second`` of prompt and reply, ``left`` in seconds."""

    step: int
    steps: int
    loss: float
    validation: float | None
    tokens_per_second: float
    left: float


Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """``adapter`` is the folder of the weights with the best validation loss; ``before`` is the base model's."""

    adapter: Path
    before: float
    best: float
    best_step: int
    steps: int
    seconds: float
    tokens: int
    stopped: str


@dataclass(slots=True)
class _Run:
    """``loss`` may be wrapped for many processes; ``plain`` is what is inside. ``sharded``: see ``finetune.sharded``."""

    accelerator: Accelerator
    loss: Any
    plain: ReplyLoss
    kept: Kept
    validation: Sequence[Encoded]
    config: TrainConfig
    sharded: bool

    @property
    def state(self) -> State:
        return self.kept.state


def train(
    base: Path,
    training: Sequence[Encoded],
    validation: Sequence[Encoded],
    config: TrainConfig,
    folder: Path,
    tell: Tell = lambda _: None,
    *,
    start_from: Path | None = None,
) -> Trained:
    """Train an adapter into ``folder``; a run that was begun there goes on. ``start_from`` is an adapter to continue.

    Raises:
        InputError: there is nothing to learn from, the folder holds a run of other data or settings, or the adapter to
            continue is of another form.
    """
    check(training, validation)
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    if accelerator.is_main_process:
        claim(folder, told_of(base, training, validation, config, start_from))
    accelerator.wait_for_everyone()
    torch.manual_seed(config.seed)
    total = count(len(training), batch=config.batch, epochs=config.epochs)
    run = _prepared(accelerator, base, validation, config, folder, total, start_from)
    run.kept.resume()
    if run.state.before is None:
        run.state.before = evaluate(run)
    curve = Curve(folder, config, run.state.step) if accelerator.is_main_process else None
    stopped = "all steps done"
    with _interrupts() as interrupted:
        for step in steps(
            training, batch=config.batch, tokens=config.tokens, epochs=config.epochs, seed=config.seed
        ):
            if run.state.since_best >= config.patience:
                stopped = "validation loss did not fall any more"
                break
            if step.number < run.state.step:
                continue
            began = time.perf_counter()
            loss, norm = _step(run, step, training)
            run.state.step = step.number + 1
            run.state.tokens += sum(len(training[place]) for own in step.micro for place in own)
            looked = run.state.step % config.evaluate_every == 0 or run.state.step == total
            seen = _look(run) if looked else None
            run.state.seconds += time.perf_counter() - began
            if curve:
                curve.add(run.state.step, loss, seen, norm, float(run.kept.schedule.get_last_lr()[0]))
                tell(_progress(run.state, total, loss, seen))
            if _any(run, bool(interrupted)):
                stopped = "interrupted"
            last = (
                stopped == "interrupted" or run.state.since_best >= config.patience or run.state.step == total
            )
            if accelerator.is_main_process and (last or run.state.step % config.save_every == 0):
                run.kept.save()
            if stopped == "interrupted":
                break
    if curve:
        curve.close()
    accelerator.wait_for_everyone()
    return _made(folder, run.state, stopped)


def trained(folder: Path) -> Trained:
    """What a run has come to, read from its last checkpoint.

    Raises:
        InputError: it has not come to an adapter yet.
    """
    file = folder / CHECKPOINT
    if not file.exists() or not (folder / ADAPTER).exists():
        raise InputError(f"{folder} holds no trained adapter", hint="run `kefu finetune train` first")
    return _made(folder, State(**torch.load(file, weights_only=False)["state"]), "as far as it was trained")


def _made(folder: Path, state: State, stopped: str) -> Trained:
    assert state.before is not None
    return Trained(
        folder / ADAPTER,
        state.before,
        state.best,
        state.best_step,
        state.step,
        state.seconds,
        state.tokens,
        stopped,
    )


def _prepared(
    accelerator: Accelerator,
    base: Path,
    validation: Sequence[Encoded],
    config: TrainConfig,
    folder: Path,
    total: int,
    start_from: Path | None,
) -> _Run:
    model = with_adapter(load_base(base, quantized=config.method == "qlora"), config, total)
    if start_from:
        continue_from(model, start_from)
    optimizer = optimizer_of(model, config)
    warmup = max(1, int(config.warmup * total))

    def rate(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    plain = ReplyLoss(model, config.neftune)
    if sharded := is_wanted(accelerator):
        shard(plain, model.get_base_model(), accelerator.device)
    loss = plain if sharded else accelerator.prepare_model(plain)
    kept = Kept(folder, model, optimizer, schedule)
    return _Run(accelerator, loss, plain, kept, validation, config, sharded)


# --- one step -----------------------------------------------------------------------------------------------


def _step(run: _Run, step: Step, training: Sequence[Encoded]) -> tuple[float, float]:
    """The step's mean loss over all processes, and the length of its gradient."""
    accelerator, processes = run.accelerator, run.accelerator.num_processes
    own = _own(run, step.micro)
    run.loss.train()
    summed = torch.zeros((), device=accelerator.device)
    for number, (chosen, share) in enumerate(own, 1):
        with _exchange(run, last=number == len(own)):
            with accelerator.autocast():
                value = run.loss(_packed(run, training, chosen)).sum()
            # The mean of the gradients of all processes is taken; what is wanted is their sum.
            accelerator.backward(value * share * processes / step.learnt)
        summed += value.detach() * share
    if run.sharded:
        exchange(accelerator, run.kept.model)
    norm = accelerator.clip_grad_norm_(run.kept.model.parameters(), run.config.clip)
    run.kept.optimizer.step()
    run.kept.schedule.step()
    allocate = getattr(run.kept.model.base_model, "update_and_allocate", None)
    if allocate is not None:
        allocate(step.number)
    run.kept.optimizer.zero_grad(set_to_none=True)
    return float(accelerator.reduce(summed, "sum")) / step.learnt, float(norm or 0.0)


def _own(run: _Run, micro: Sequence[tuple[int, ...]]) -> list[tuple[tuple[int, ...], float]]:
    """This process's batches, each with the share that counts. Who has fewer than another computes nothing of the first one
    instead: all must take part in each exchange."""
    processes = run.accelerator.num_processes
    own = [(chosen, 1.0) for chosen in micro[run.accelerator.process_index :: processes]]
    return own + [(micro[0], 0.0)] * (-(-len(micro) // processes) - len(own))


def _packed(run: _Run, every: Sequence[Encoded], chosen: Sequence[int]) -> Packed:
    return pack([every[place] for place in chosen], run.accelerator.device)


@contextmanager
def _exchange(run: _Run, *, last: bool) -> Iterator[None]:
    """Gradients are exchanged once a step, behind its last batch."""
    if last or run.sharded:
        yield
    else:
        with run.accelerator.no_sync(run.loss):
            yield


def _look(run: _Run) -> float:
    """The validation loss; the weights are kept if it is the best so far."""
    seen, state = evaluate(run), run.state
    if seen < state.best:
        state.best, state.best_step, state.since_best = seen, state.step, 0
        if run.accelerator.is_main_process:
            run.kept.save_adapter()
    else:
        state.since_best += 1
    return seen


def evaluate(run: _Run) -> float:
    """The validation loss in nats a token: the mean over groups of their means, so that no conversation counts twice."""
    accelerator, every = run.accelerator, run.validation
    batches = micro_batches(every, range(len(every)), run.config.tokens)
    sums = torch.zeros(len(every), device=accelerator.device)
    run.plain.eval()
    with torch.no_grad(), accelerator.autocast():
        for chosen, share in _own(run, batches):
            sums[list(chosen)] += share * run.plain(_packed(run, every, chosen))
    sums = accelerator.reduce(sums, "sum")
    groups: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for one, summed in zip(every, sums.tolist(), strict=True):
        groups[one.group].append((summed, sum(one.learnt)))
    means = [sum(loss for loss, _ in own) / sum(learnt for _, learnt in own) for own in groups.values()]
    return sum(means) / len(means)


def _progress(state: State, total: int, loss: float, validation: float | None) -> Progress:
    per_step = state.seconds / state.step
    return Progress(
        state.step,
        total,
        loss,
        validation,
        state.tokens / max(1e-9, state.seconds),
        per_step * (total - state.step),
    )


def _any(run: _Run, mine: bool) -> bool:
    """Whether it holds for some process: all must leave the loop at the same step."""
    told = torch.tensor(float(mine), device=run.accelerator.device)
    return bool(run.accelerator.reduce(told, "sum"))


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Ctrl-C and a polite kill end the run behind the step; a second one at once."""
    caught: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    try:
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: whoever started it there stops it in another way
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
