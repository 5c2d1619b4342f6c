"""The loop learns, goes on after a kill to the same weights, and is the same on one process and on two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from configs.settings import CONFIG_DIR
from finetune.batches import cells, count, micro_batches, steps
from finetune.config import TrainConfig
from finetune.examples import Encoded
from finetune.model import ReplyLoss, load_base, with_adapter
from finetune.packed import pack
from finetune.train import Progress, Trained, train

from .conftest import tokens, with_prefix

CPU2 = CONFIG_DIR / "accelerate" / "cpu2.yaml"
CONFIG = TrainConfig(
    rank=4, alpha=8, batch=8, tokens=120, epochs=3, evaluate_every=3, save_every=2, learning_rate=0.02
)


def learnt(
    base: Path, folder: Path, config: TrainConfig = CONFIG, **more: Any
) -> tuple[Trained, list[Progress]]:
    told: list[Progress] = []
    made = train(base, tokens(40), tokens(10, seed=1), config, folder, told.append, **more)
    return made, told


def weights(adapter: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(adapter / "adapter_model.safetensors")


def distance(one: Path, other: Path) -> float:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    return float(torch.cat([(first[name] - second[name]).abs().flatten() for name in first]).max())


@given(st.lists(st.integers(1, 60), min_size=1, max_size=50), st.integers(1, 9), st.integers(10, 200))
def test_a_step_holds_each_of_its_examples_once_and_no_batch_too_many_tokens(
    lengths: list[int], batch: int, most: int
) -> None:
    every = [
        Encoded(str(n), "g", (*(7,) * (length // 2), *range(length - length // 2)), (True,) * length)
        for n, length in enumerate(lengths)
    ]
    made = list(steps(every, batch=batch, tokens=most, epochs=2, seed=3))
    assert len(made) == count(len(every), batch=batch, epochs=2)
    for epoch in (0, 1):
        seen = [place for step in made if step.epoch == epoch for own in step.micro for place in own]
        assert sorted(seen) == list(range(len(every)))
    for own in (own for step in made for own in step.micro):
        assert len(own) == 1 or cells(every, own) <= most
    assert sum(step.learnt for step in made) == 2 * sum(lengths)


@torch.no_grad()
def test_the_loss_is_of_the_replys_tokens_alone(tiny_base: Path) -> None:
    model = load_base(tiny_base)
    chosen = tokens(5)
    loss = ReplyLoss(load_base(tiny_base)).eval()(pack(chosen))
    for one, own in zip(chosen, loss.tolist(), strict=True):
        logits = model(torch.tensor([one.tokens])).logits[0, :-1]
        each = torch.nn.functional.cross_entropy(logits, torch.tensor(one.tokens[1:]), reduction="none")
        assert own == pytest.approx(float(each[torch.tensor(one.learnt[1:])].sum()), abs=1e-4)


@pytest.mark.parametrize("shared", [0, 1, 17])
def test_sharing_a_beginning_changes_neither_loss_nor_gradient(tiny_base: Path, shared: int) -> None:
    torch.manual_seed(2)
    model = with_adapter(load_base(tiny_base), CONFIG, 10)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    loss, chosen = ReplyLoss(model), with_prefix(6, shared)
    packed = pack(chosen)
    assert packed.shared >= shared
    assert packed.tokens.shape[1] == sum(map(len, chosen)) - 5 * packed.shared
    found = []
    for batches in ([packed], [pack([one]) for one in chosen]):
        model.zero_grad()
        told = torch.cat([loss(batch) for batch in batches])
        told.sum().backward()
        found.append((told.detach(), [w.grad.clone() for w in model.parameters() if w.grad is not None]))
    (one, first), (other, second) = found
    assert torch.allclose(one, other, atol=1e-4)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(first, second, strict=True))


def test_a_reply_that_begins_in_what_is_shared_counts_for_each_example(tiny_base: Path) -> None:
    base = load_base(tiny_base)
    chosen = [Encoded(f"e{n}", "g", (5, 6, 7, 8, 9 + n), (False, True, True, True, True)) for n in range(2)]
    assert pack(chosen).shared == 4
    loss = ReplyLoss(base).eval()
    with torch.no_grad():
        together = loss(pack(chosen))
        apart = torch.cat([loss(pack([one])) for one in chosen])
    assert torch.allclose(together, apart, atol=1e-4)


@pytest.mark.filterwarnings(
    "ignore:Adapter 'default'.*invalid shape"
)  # AdaLoRA may leave a layer no rank at all
@pytest.mark.parametrize("method", ["lora", "rslora", "dora", "adalora"])
def test_every_method_learns(tiny_base: Path, tmp_path: Path, method: Any) -> None:
    made, told = learnt(tiny_base, tmp_path, CONFIG.model_copy(update={"method": method}))
    assert made.best < 0.8 * made.before
    assert [one.step for one in told] == list(range(1, 16))
    assert (made.stopped, made.steps, told[-1].left) == ("all steps done", 15, 0.0)
    assert told[-1].tokens_per_second > 0
    assert (made.adapter / "adapter_config.json").exists()
    lines = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 16))
    assert {"loss", "gradient", "rate"} <= lines[0].keys()
    assert list((tmp_path / "tensorboard").iterdir())


@pytest.mark.parametrize(
    "more", [{"lora_plus": 8.0}, {"neftune": 5.0}, {"checkpointing": True}, {"dropout": 0.1}]
)
def test_options_learn_as_well(tiny_base: Path, tmp_path: Path, more: dict[str, Any]) -> None:
    made, _ = learnt(tiny_base, tmp_path, CONFIG.model_copy(update=more))
    assert made.best < 0.85 * made.before


def test_training_ends_when_the_validation_loss_falls_no_more(tiny_base: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"learning_rate": 1e-12, "patience": 2, "evaluate_every": 1})
    made, told = learnt(tiny_base, tmp_path, config)
    assert made.stopped == "validation loss did not fall any more"
    assert len(told) < 15
    again, more = learnt(tiny_base, tmp_path, config)
    assert (more, again.stopped, again.best) == ([], made.stopped, made.best)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.finetune.test_train import CONFIG, tokens
from finetune.train import train
base, whole, killed = map(Path, sys.argv[2:5])
config = CONFIG.model_copy(update={"dropout": 0.1, "neftune": 1.0, "method": sys.argv[5]})
def run(folder, kill):
    def tell(progress):
        if progress.step == kill:
            os.kill(os.getpid(), signal.SIGKILL)
    child = os.fork()  # the libraries are loaded once, and nothing was computed yet
    if not child:
        train(base, tokens(40), tokens(10, seed=1), config, folder, tell)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print([run(whole, 0), *[run(killed, step) for step in (1, 4, 7, 8, 13, 0)]])
"""
LAUNCHED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.finetune.test_train import CONFIG, tokens
from finetune.train import train
train(Path(sys.argv[2]), tokens(40), tokens(10, seed=1), CONFIG, Path(sys.argv[3]))
"""


def script(
    folder: Path, text: str, *arguments: Path | str, launch: tuple[str, ...] = (sys.executable,)
) -> str:
    project = Path(__file__).parents[2]
    file = folder / "script.py"
    file.write_text(text, encoding="utf-8")
    command = [*launch, str(file), *map(str, (project, *arguments))]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(project)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def curve(folder: Path) -> list[tuple[float, float]]:
    lines = map(json.loads, (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines())
    return [(line["loss"], line.get("validation", 0.0)) for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "adalora"])
def test_a_run_that_is_killed_five_times_ends_with_the_same_weights(
    tiny_base: Path, tmp_path: Path, method: str
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    told = script(tmp_path, KILLED, tiny_base, whole, killed, method)
    assert told.splitlines()[-1] == "[0, -9, -9, -9, -9, -9, 0]"
    assert distance(whole / "adapter", killed / "adapter") <= 1e-6
    for one, two in zip(curve(whole), curve(killed), strict=True):
        assert one == pytest.approx(two, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("sharded", [False, True])
def test_two_processes_have_the_curve_of_one(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sharded: bool
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, _ = learnt(tiny_base, one)
    launch = (str(Path(sys.executable).with_name("accelerate")), "launch", "--config_file", str(CPU2))
    if sharded:
        # accelerate launches sharded processes on GPUs alone. What it would tell them is this.
        monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
        monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
        launch = (sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2")
    script(tmp_path, LAUNCHED, tiny_base, two, launch=launch)
    assert len(curve(one)) == 15
    for alone, together in zip(curve(one), curve(two), strict=True):
        assert alone == pytest.approx(together, abs=2e-4)
    assert distance(first.adapter, two / "adapter") < 1e-3


def test_a_polite_interruption_saves_and_the_same_command_goes_on(tiny_base: Path, tmp_path: Path) -> None:
    def tell(progress: Progress) -> None:
        if progress.step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    whole, _ = learnt(tiny_base, tmp_path / "whole")
    run = tmp_path / "stopped"
    made = train(tiny_base, tokens(40), tokens(10, seed=1), CONFIG, run, tell)
    assert (made.stopped, made.steps) == ("interrupted", 4)
    made, told = learnt(tiny_base, run)
    assert [progress.step for progress in told] == list(range(5, 16))
    assert distance(whole.adapter, made.adapter) <= 1e-6


def test_a_folder_of_another_run_is_left_alone(tiny_base: Path, tmp_path: Path) -> None:
    learnt(tiny_base, tmp_path, CONFIG.model_copy(update={"epochs": 1}))
    with pytest.raises(InputError, match="another config"):
        learnt(tiny_base, tmp_path, CONFIG.model_copy(update={"epochs": 1, "rank": 2}))
    with pytest.raises(InputError, match="another training"):
        train(tiny_base, tokens(41), tokens(10, seed=1), CONFIG.model_copy(update={"epochs": 1}), tmp_path)
    with pytest.raises(InputError, match="at least one"):
        train(tiny_base, tokens(3), [], CONFIG, tmp_path / "empty")


def test_a_finished_run_is_not_run_again(tiny_base: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"epochs": 1})
    first, _ = learnt(tiny_base, tmp_path, config)
    again, told = learnt(tiny_base, tmp_path, config)
    assert (told, again.best, again.steps) == ([], first.best, first.steps)


def test_training_goes_on_from_an_adapter(tiny_base: Path, tmp_path: Path) -> None:
    first, _ = learnt(tiny_base, tmp_path / "first")
    second, _ = learnt(tiny_base, tmp_path / "second", start_from=first.adapter)
    assert second.before == pytest.approx(first.best, abs=1e-4)
    assert second.best <= second.before
    assert json.loads((tmp_path / "second" / "run.json").read_text())["start_from"] == "adapter"
    with pytest.raises(InputError, match="has r 4, and the training 2"):
        learnt(tiny_base, tmp_path / "third", CONFIG.model_copy(update={"rank": 2}), start_from=first.adapter)
    with pytest.raises(InputError, match="another start_from"):
        learnt(tiny_base, tmp_path / "second")


def test_only_the_adapter_is_trained(tiny_base: Path) -> None:
    model = with_adapter(load_base(tiny_base), CONFIG, 10)
    assert all("lora" in name for name, own in model.named_parameters() if own.requires_grad)
    assert micro_batches(tokens(3), [2, 0, 1], 10**6) == (
        tuple(sorted(range(3), key=lambda n: -len(tokens(3)[n]))),
    )


@pytest.mark.filterwarnings("ignore:Adapter 'default'.*invalid shape")  # a layer that was left no rank
def test_nothing_goes_on_from_ranks_that_were_cut(tiny_base: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"method": "adalora"})
    made, _ = learnt(tiny_base, tmp_path / "first", config)
    with pytest.raises(InputError, match="AdaLoRA, which has cut its ranks"):
        train(tiny_base, tokens(16), tokens(2), config, tmp_path / "second", start_from=made.adapter)


def test_adalora_in_too_few_steps_is_refused(tiny_base: Path) -> None:
    with pytest.raises(InputError, match="4 or more"):
        with_adapter(load_base(tiny_base), TrainConfig(method="adalora"), 3)
    with_adapter(load_base(tiny_base), TrainConfig(method="adalora"), 4)
