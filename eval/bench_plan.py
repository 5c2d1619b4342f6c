"""``kefu bench plan``: what ``kefu finetune plan`` foretells, beside what the training then takes.

Four configurations that differ in what decides time and memory: tokens of a pass, method and rank, recomputed activations.
Each is planned and then run, in processes of their own. Needs bitext below the folder named by ``KEFU_DATA``. Does not
try GPUs: a machine with one foretells itself.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chatbot.engine.weights import transformers_path
from configs.settings import load
from eval.data import data_file
from eval.report import err, out, print_json, print_metrics
from finetune.config import TrainConfig, load_config
from finetune.examples import Encoded, encode, examples, load_tokenizer
from finetune.plan import peak, plan
from finetune.sources import read_logs

EXAMPLES, LOOKED = 96, 12
CONFIGS: Mapping[str, dict[str, Any]] = {
    "packaged": {},
    "short passes": {"tokens": 512, "batch": 8},
    "dora of rank 16": {"method": "dora", "rank": 16, "tokens": 1024},
    "recomputing": {"checkpointing": True, "tokens": 2048, "neftune": 5.0},
}


def run(*, config: str | None = None, as_json: bool = False) -> None:
    """
    Raises:
        ConfigError: ``KEFU_DATA`` does not hold bitext.
    """
    started = time.perf_counter()
    base = transformers_path(load(config))
    logs = read_logs([data_file("bitext", "bitext_official_2023-08-18.csv")]).conversations
    count = EXAMPLES + LOOKED
    chosen = logs[:: max(1, len(logs) // count)][:count]
    every, _ = encode(examples(chosen), load_tokenizer(base), limit=1024)
    parts = every[:EXAMPLES], every[EXAMPLES:]
    metrics: dict[str, float] = {}
    off: dict[str, list[float]] = {"time": [], "memory": []}
    for name, told in CONFIGS.items():
        wanted = load_config("lora", TrainConfig).model_copy(
            update={"epochs": 1, "evaluate_every": 4, **told}
        )
        err.print(f"{name}: planning")
        foretold = plan(base, *parts, wanted)
        err.print(f"{name}: training")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, memory = pool.apply(_train, (base, *parts, wanted))
        key = name.replace(" ", "_")
        metrics |= {
            f"{key}_planned_minutes": foretold.seconds / 60, f"{key}_minutes": seconds / 60,
            f"{key}_planned_gib": foretold.memory / 2**30, f"{key}_gib": memory / 2**30,
        }  # fmt: skip
        off["time"].append(abs(foretold.seconds / seconds - 1))
        off["memory"].append(abs(foretold.memory / memory - 1))
    metrics |= {f"worst_{what}_error": max(errors) for what, errors in off.items()}
    metrics = {name: round(value, 3) for name, value in metrics.items()}
    print_metrics(out(quiet=as_json), metrics)
    if as_json:
        print_json("bench", "plan", metrics, time.perf_counter() - started)


def _train(
    base: Path, training: Sequence[Encoded], validation: Sequence[Encoded], wanted: TrainConfig
) -> tuple[float, int]:
    """Seconds of the whole training, reading the model included, and the peak of memory."""
    from finetune.train import train

    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder:
        train(base, training, validation, wanted, Path(folder) / "run")
    return time.perf_counter() - began, peak("cpu")
