"""``kefu bench train``: tokens a second and peak memory of kefu's training beside TRL's SFTTrainer, and the machine's limit.

Both train the same adapter of the same model on the same tokens in steps of the same size, in processes of their own that
take turns; evaluation and saving are left out. The limit is the arithmetic of the forward and backward pass over the
rate of matrix products measured in the same run. Needs bitext below the folder named by ``KEFU_DATA``. Judges no quality.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from chatbot.engine.weights import transformers_path
from configs.settings import load
from eval.data import data_file
from eval.report import err, out, print_json, print_metrics
from finetune.batches import cells, steps
from finetune.config import TrainConfig, load_config
from finetune.examples import Encoded, encode, examples, load_tokenizer
from finetune.plan import peak
from finetune.sources import read_logs

EXAMPLES = 64
BATCH = 16
WARM_UP = 1
"""Steps that are not counted."""
ROUNDS = 2
TRL_BATCH = 4
"""Examples of TRL's forward pass: of 1, 2, 4 and 8 the fastest here."""


@dataclass(frozen=True, slots=True)
class Timed:
    """``tokens`` of the counted steps, prompts and replies, without padding; ``memory`` in bytes at the peak."""

    tokens: int
    seconds: float
    memory: int

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds


def run(*, config: str | None = None, as_json: bool = False) -> None:
    """
    Raises:
        ConfigError: ``KEFU_DATA`` does not hold bitext.
    """
    started = time.perf_counter()
    settings = load(config)
    base = transformers_path(settings)
    wanted = load_config("lora", TrainConfig).model_copy(update={"batch": BATCH, "epochs": 1})
    logs = read_logs([data_file("bitext", "bitext_official_2023-08-18.csv")])
    chosen = logs.conversations[:: max(1, len(logs.conversations) // EXAMPLES)][:EXAMPLES]
    every, _ = encode(examples(chosen), load_tokenizer(base), limit=wanted.limit)
    arms: dict[str, Callable[..., Timed]] = {"kefu": _ours, "trl": _trl}
    found: dict[str, list[Timed]] = {name: [] for name in (*arms, "trl_checkpointing")}
    for number in range(ROUNDS):
        for name, arm in arms.items():
            err.print(f"round {number + 1} of {ROUNDS}: {name}")
            found[name].append(_apart(arm, base, every, wanted))
    err.print("TRL as it comes, with gradient checkpointing")
    found["trl_checkpointing"].append(_apart(_trl, base, every, wanted, True))
    peak = _apart(_products)
    needed = work(base, every, wanted)
    rates = {name: fmean(timed.rate for timed in own) for name, own in found.items()}
    memory = {name: max(timed.memory for timed in own) for name, own in found.items()}
    metrics = {
        "speedup_vs_trl": rates["kefu"] / rates["trl"],
        "memory_vs_trl": memory["kefu"] / memory["trl"],
        "speedup_vs_trl_checkpointing": rates["kefu"] / rates["trl_checkpointing"],
        "memory_vs_trl_checkpointing": memory["kefu"] / memory["trl_checkpointing"],
        **{f"{name}_tokens_per_second": rate for name, rate in rates.items()},
        **{f"{name}_peak_gib": size / 2**30 for name, size in memory.items()},
        "matrix_products_gflops": peak / 1e9,
        "share_of_peak": needed / sum(map(len, every)) * rates["kefu"] / peak,
        "tokens_an_example": fmean(map(len, every)),
        "reply_share": sum(sum(one.learnt) for one in every) / sum(map(len, every)),
    }
    metrics = {name: round(value, 4) for name, value in metrics.items()}
    print_metrics(out(quiet=as_json), metrics)
    if as_json:
        print_json("bench", "train", metrics, time.perf_counter() - started)


def _apart(arm: Callable[..., Any], *arguments: Any) -> Any:
    """In a process of its own, so that its peak of memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(arm, arguments)


def _ours(base: Path, every: Sequence[Encoded], wanted: TrainConfig) -> Timed:
    from finetune.train import train

    ends: list[float] = []
    with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder:
        once = wanted.model_copy(update={"evaluate_every": 10**6, "save_every": 10**6})
        train(base, every, every[:1], once, Path(folder) / "run", lambda _: ends.append(time.perf_counter()))
    order = list(steps(every, batch=once.batch, tokens=once.tokens, epochs=1, seed=once.seed))
    # The last step is followed by a look and a checkpoint before it is told.
    counted = order[WARM_UP:-1]
    tokens = sum(len(every[place]) for step in counted for own in step.micro for place in own)
    return Timed(tokens, ends[-2] - ends[WARM_UP - 1], peak("cpu"))


def _trl(base: Path, every: Sequence[Encoded], wanted: TrainConfig, checkpointing: bool = False) -> Timed:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from finetune.model import load_base

    ends: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]  # transformers has no types
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

    rows = [
        {
            "input_ids": list(one.tokens),
            "labels": [
                token if learnt else -100 for token, learnt in zip(one.tokens, one.learnt, strict=True)
            ],
        }
        for one in every
    ]
    with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder:
        arguments = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=TRL_BATCH,
            gradient_accumulation_steps=wanted.batch // TRL_BATCH,
            num_train_epochs=1,
            learning_rate=wanted.learning_rate,
            activation_checkpointing=checkpointing,
            use_cpu=True,
            bf16=False,
            max_length=wanted.limit,
            dataset_kwargs={"skip_prepare_dataset": True},
            train_sampling_strategy="group_by_length",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
            seed=wanted.seed,
        )
        adapter = LoraConfig(
            r=wanted.rank,
            lora_alpha=wanted.alpha,
            target_modules=list(wanted.targets),
            use_rslora=wanted.method == "rslora",
            task_type="CAUSAL_LM",
        )
        trainer = SFTTrainer(
            model=load_base(base),
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=load_tokenizer(base),
            peft_config=adapter,
            callbacks=[Clock()],
        )
        trainer.train()
    mean = fmean(map(len, every))
    counted = len(ends) - WARM_UP
    return Timed(round(mean * wanted.batch * counted), ends[-1] - ends[WARM_UP - 1], peak("cpu"))


def _products() -> float:
    """Floating-point operations a second of the best of some matrix products of the model's kind."""
    import torch

    best = 0.0
    for rows in (512, 1024, 2048):
        one, other = torch.randn(rows, 1536), torch.randn(1536, 1536)
        for _ in range(3):
            one @ other
        started = time.perf_counter()
        for _ in range(20):
            one @ other
        best = max(best, 20 * 2 * rows * 1536 * 1536 / (time.perf_counter() - started))
    return best


def work(base: Path, every: Sequence[Encoded], wanted: TrainConfig) -> float:
    """Floating-point operations that a step over these examples needs: two for each weight and token forward, as many
    backward, as the frozen weights have no gradient, and six for the adapter's. The last layer works where a reply's
    token is foretold; attention is left out, which makes the limit a little too high to reach."""
    import json

    told = json.loads((base / "config.json").read_text(encoding="utf-8"))
    width, inner, layers = told["hidden_size"], told["intermediate_size"], told["num_hidden_layers"]
    narrow = width * told["num_key_value_heads"] // told["num_attention_heads"]
    shapes = {
        "q_proj": (width, width), "k_proj": (width, narrow), "v_proj": (width, narrow), "o_proj": (width, width),
        "gate_proj": (width, inner), "up_proj": (width, inner), "down_proj": (inner, width),
    }  # fmt: skip
    frozen = layers * sum(rows * columns for rows, columns in shapes.values())
    adapter = layers * sum(wanted.rank * sum(shapes[name]) for name in wanted.targets if name in shapes)
    passes = [
        own
        for step in steps(every, batch=wanted.batch, tokens=wanted.tokens, epochs=1, seed=wanted.seed)
        for own in step.micro
    ]
    tokens = sum(cells(every, own) for own in passes)
    foretold = sum(sum(one.learnt) for one in every)
    last = 4.0 * foretold * int(told["vocab_size"]) * width
    return float(tokens * (4.0 * frozen + 6.0 * adapter) + last)
