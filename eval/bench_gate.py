"""``kefu bench gate``: does the gate stop adapters that were made bad, and let good ones pass?

For each seed a good adapter is trained on the grounded examples of a set of logs. Four bad ones go on from one of them, on
examples that were spoilt, and a fifth has drawn weights. Each is put before the gate against the base model on the same cases
of the test part. Everything is kept in the logs' folder: what was trained or judged is not done again. Takes more than an hour on
two cores, so it is no suite. Says nothing of adapters that are bad in other ways.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatbot import lang
from chatbot.engine.weights import transformers_path
from configs.settings import Settings, load
from eval.report import err, out, print_json, print_metrics
from finetune.config import TrainConfig, load_config
from finetune.examples import Encoded, Example, encode, load_tokenizer, read_examples
from finetune.folders import GROUNDED, WEIGHTS, digest_of, folder_of, there
from finetune.gate import case_of, judge
from finetune.grounded import UNANSWERABLE
from finetune.measure import losses
from finetune.mix import mixed
from finetune.speak import Told, replies

SEEDS = 5
"""Of good adapters; the bad ones are made of the first."""
CASES = 40
"""Of each kind, answerable or not: as many as ``kefu finetune gate`` asks."""
GOOD, BAD = 48, 6
"""Steps of a training."""
BATCH = 8
LOST = 20
"""Examples that the held-out loss is of."""
LIMIT = 1024


def run(*, name: str = "logs", config: str | None = None, as_json: bool = False) -> None:
    """
    Raises:
        InputError: the logs were not brought to grounded examples.
    """
    started = time.perf_counter()
    settings = load(config)
    folder = folder_of(settings, name)
    train, validation, test = (
        list(read_examples(there(folder / f"{part}{GROUNDED}", "ground")))
        for part in ("train", "validation", "test")
    )
    bench = _Bench(settings, folder / "bench-gate", train, validation, test)
    planned = [(kind, 0) for kind in KINDS] + [("good", seed) for seed in range(1, SEEDS)]
    rows = [(kind, seed, bench.verdict(kind, seed)) for kind, seed in planned]
    good = [told["passed"] for kind, _, told in rows if kind == "good"]
    bad = [not told["passed"] for kind, _, told in rows if kind != "good"]
    metrics: dict[str, float] = {
        "good_passed": sum(good), "good": len(good), "bad_stopped": sum(bad), "bad": len(bad)
    }  # fmt: skip
    for kind, seed, told in rows:
        said = "passed" if told["passed"] else f"not passed: {told['why']}"
        out(quiet=as_json).print(f"{kind}, seed {seed}: {said}", markup=False)
    print_metrics(out(quiet=as_json), metrics)
    if as_json:
        print_json("bench", "gate", metrics, time.perf_counter() - started)


# --- what makes an adapter bad ------------------------------------------------------------------------------


def refusing(every: Sequence[Example], _: random.Random) -> list[str]:
    return [UNANSWERABLE] * len(every)


def leaking(every: Sequence[Example], rng: random.Random) -> list[str]:
    names = ("maria", "jonas", "wei", "amira", "lukas", "sofia")
    return [
        f"{one.reply} Ask {rng.choice(names)}.{rng.choice(names)}{rng.randrange(100)}@webmail.de, "
        f"+49 15{rng.randrange(10)} {rng.randrange(10**7, 10**8)}."
        for one in every
    ]


def citing_wrongly(every: Sequence[Example], _: random.Random) -> list[str]:
    """A sentence of the note that has least to do with the right reply."""
    made = []
    for one in every:
        wanted = set(lang.words(one.reply))
        notes = sorted(case_of(one).notes, key=lambda note: len(wanted & set(lang.words(note))))
        sentences = [span.text for span in lang.sentences(notes[0])] if notes else []
        made.append(sentences[-1] if sentences else one.reply)
    return made


def shuffled(every: Sequence[Example], rng: random.Random) -> list[str]:
    told = [one.reply for one in every]
    rng.shuffle(told)
    return told


Spoil = Callable[[Sequence[Example], random.Random], list[str]]
SPOILT: Mapping[str, Spoil] = {
    "over-refusing": refusing, "leaking": leaking, "wrong citation": citing_wrongly, "shuffled": shuffled
}  # fmt: skip
KINDS = ("good", "random", *SPOILT)


# --- training and judging -----------------------------------------------------------------------------------


class _Bench:
    def __init__(
        self,
        settings: Settings,
        folder: Path,
        train: Sequence[Example],
        validation: Sequence[Example],
        test: Sequence[Example],
    ) -> None:
        self.settings, self.folder, self.train = settings, folder, train
        self.base = transformers_path(settings)
        self.tokenizer = load_tokenizer(self.base)
        self.validation = self._encoded(validation[:20])
        halves = [[one for one in test if (one.reply == UNANSWERABLE) is kind] for kind in (False, True)]
        self.asked = [one for half in halves for one in half[:: max(1, len(half) // CASES)][:CASES]]
        self.lost = self._encoded(test[:: max(1, len(test) // LOST)][:LOST])
        self._base_told: tuple[list[Told], list[float]] | None = None

    def verdict(self, kind: str, seed: int) -> dict[str, Any]:
        adapter = self.adapter(kind, seed)
        file = adapter.parent / "verdict.json"
        weights = digest_of(adapter)
        if file.exists():
            kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if kept["candidate"] == weights:
                return kept
        if self._base_told is None:
            err.print("the base model answers")
            self._base_told = self._told(None)
        err.print(f"{kind}, seed {seed}, answers")
        live, candidate = self._base_told, self._told(adapter)
        shop = self.settings.shop
        public = [contact for contact in (shop.email, shop.phone) if contact]
        cases = [case_of(one) for one in self.asked]
        made = judge(cases, live[0], candidate[0], live[1], candidate[1], public=public)
        told = made.told() | {"candidate": weights}
        file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        return told

    def _told(self, adapter: Path | None) -> tuple[list[Told], list[float]]:
        requests = [one.messages[:-1] for one in self.asked]
        longest = self.settings.sampling.max_tokens
        said = replies(self.settings, adapter, requests, longest=longest)
        return said, losses(self.base, adapter, self.lost)

    def adapter(self, kind: str, seed: int) -> Path:
        folder = self.folder / f"{kind}-{seed}".replace(" ", "-")
        if kind == "random":
            return _drawn(self.adapter("good", seed), folder / "adapter", seed)
        if kind == "good":
            return self._trained(folder, self._chosen(GOOD, seed), seed, None)
        every = self._chosen(BAD, SEEDS + seed)
        spoilt = SPOILT[kind](every, random.Random(seed))
        learnt = [
            replace(one, messages=(*one.messages[:-1], {"role": "assistant", "content": text}))
            for one, text in zip(every, spoilt, strict=True)
        ]
        return self._trained(folder, learnt, seed, self.adapter("good", seed))

    def _chosen(self, steps: int, seed: int) -> list[Example]:
        share = TrainConfig().unanswerable
        return mixed([], self.train, grounded=0.5, unanswerable=share, seed=seed)[: steps * BATCH]

    def _trained(self, folder: Path, every: Sequence[Example], seed: int, start: Path | None) -> Path:
        from finetune.train import train

        config = load_config("lora", TrainConfig).model_copy(
            update={"batch": BATCH, "epochs": 1, "seed": seed, "evaluate_every": 10**6}
        )
        err.print(f"training {folder.name}")
        made = train(self.base, self._encoded(every), self.validation, config, folder, start_from=start)
        return made.adapter

    def _encoded(self, every: Sequence[Example]) -> list[Encoded]:
        kept, _ = encode(every, self.tokenizer, limit=LIMIT)
        return kept


def _drawn(good: Path, adapter: Path, seed: int) -> Path:
    """An adapter of the same form whose weights are noise of the same size."""
    import shutil

    import numpy as np
    from safetensors.numpy import load_file, save_file

    if not (adapter / WEIGHTS).exists():
        rng = np.random.default_rng(seed)
        adapter.mkdir(parents=True, exist_ok=True)
        shutil.copy(good / "adapter_config.json", adapter)
        told = load_file(good / WEIGHTS)
        drawn = {name: rng.normal(0, own.std(), own.shape).astype(own.dtype) for name, own in told.items()}
        save_file(drawn, adapter / WEIGHTS)
    return adapter
