"""``kefu eval run replies``: what an adapter changed in the replies to messages that it never saw.

Every set of logs below ``home/finetune`` that has an adapter is judged on its test part, of which no conversation, customer or
near text was trained on. Held-out loss is that of the agent's own reply; then base model and adapter each write a reply in
llama.cpp, as in production, which is held against the agent's: ROUGE-L (Lin 2004) and the cosine of MiniLM. Both are
paired by message. Ten replies are shown, drawn before anything is written. Logs that were grounded are judged a second time,
on the answerable questions with their passages (figures ``grounded_…``): without these, what a reply says of one product is
anybody's guess. Says nothing of whether a reply is true.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from rich.markup import escape

from chatbot import lang
from chatbot.engine.weights import transformers_path
from configs.errors import ConfigError
from configs.settings import Settings, load
from eval.outcome import Bars, Options, Outcome, Tell
from finetune.examples import Example, encode, examples, load_tokenizer, read_examples
from finetune.folders import GROUNDED
from finetune.grounded import UNANSWERABLE
from finetune.logs import read
from finetune.measure import losses
from finetune.speak import replies
from retrieval.embed import load_embedder

SAMPLE = 60
"""Messages that both answer; drawn with a fixed seed, one a conversation."""
SHOWN = 10
LONGEST = 256
LIMIT = 1024


def run(options: Options, tell: Tell) -> Outcome:
    """
    Raises:
        ConfigError: no adapter was trained.
    """
    settings = load(options.config)
    runs = sorted((settings.home / "finetune").glob("*/run/adapter/adapter_config.json"))
    if not runs:
        raise ConfigError(
            f"no adapter was trained below {settings.home / 'finetune'}",
            hint="kefu finetune import, clean, split and train come first (KEFU_DATA holds bitext, for one)",
        )
    metrics: dict[str, float] = {}
    scores: dict[str, dict[str, float]] = {}
    notes: list[str] = []
    drawn: dict[str, Mapping[str, float]] = {}
    for adapter in (file.parent for file in runs):
        logs = adapter.parent.parent
        for part, every in _parts(logs).items():
            told = _judged(settings, f"{logs.name} {part}".strip(), adapter, every, tell)
            prefix = "".join(f"{what}_" for what in (logs.name if len(runs) > 1 else "", part) if what)
            metrics |= {f"{prefix}{figure}": value for figure, value in told.figures.items()}
            for measure, values in told.by_case.items():
                scores.setdefault(measure, {}).update(values)
            notes += told.shown
            for measure in ("loss", "rouge_l", "similarity"):
                drawn[f"{told.name}: {measure}"] = {
                    "base model": told.figures[f"base_{measure}"], "adapter": told.figures[measure]
                }  # fmt: skip
    return Outcome(
        metrics,
        "Replies of the base model and of each trained adapter to the test part of its logs, against what the agent said",
        scores,
        [Bars("Before and after", "nats a token, or share", drawn)],
        notes,
        lower_is_better=("loss",),
    )


def _parts(logs: Path) -> dict[str, list[Example]]:
    """The test part as the logs have it, and as production would ask it, if that is known; by what it is called."""
    parts = {"": list(examples(read(logs / "test.jsonl")))}
    if (file := logs / f"test{GROUNDED}").exists():
        parts["grounded"] = [one for one in read_examples(file) if one.reply != UNANSWERABLE]
    return parts


@dataclass(frozen=True, slots=True)
class _Told:
    name: str
    figures: Mapping[str, float]
    by_case: Mapping[str, Mapping[str, float]]
    shown: Sequence[str]


def _judged(settings: Settings, name: str, adapter: Path, every: Sequence[Example], tell: Tell) -> _Told:
    base = transformers_path(settings)
    encoded, _ = encode(every, load_tokenizer(base), limit=LIMIT)

    def telling(what: str) -> Callable[[int, int], None]:
        return lambda done, of: tell(f"{name}: {what}", done, of)

    before, after = (losses(base, chosen, encoded, telling("held-out loss")) for chosen in (None, adapter))
    asked = sample(every, {one.id for one in encoded})
    requests = [example.messages[:-1] for example in asked]
    said = [
        [told.text for told in replies(settings, chosen, requests, longest=LONGEST, tell=telling(who))]
        for who, chosen in (("base model", None), ("adapter", adapter))
    ]
    gold = [example.reply for example in asked]
    rouge = [[rouge_l(text, wanted) for text, wanted in zip(texts, gold, strict=True)] for texts in said]
    embedder = load_embedder("minilm")
    vectors = embedder.passages(gold)
    near = [
        [float(a @ b) for a, b in zip(embedder.passages([t or " " for t in texts]), vectors, strict=True)]
        for texts in said
    ]
    metrics = {
        "loss_drop": _change(before, after, lambda b, a: 1 - a / b),
        "rouge_l_gain": _change(rouge[0], rouge[1], lambda b, a: a / b - 1 if b else 0.0),
        "similarity_gap_closed": _change(near[0], near[1], lambda b, a: (a - b) / (1 - b)),
    }
    figures: dict[str, float] = {}
    for figure, (value, low, high) in metrics.items():
        figures |= {figure: value, f"{figure}_low": low, f"{figure}_high": high}
    for measure, (old, new) in {"loss": (before, after), "rouge_l": rouge, "similarity": near}.items():
        figures |= {f"base_{measure}": fmean(old), measure: fmean(new)}
    figures |= {"test_conversations": len(before), "replies_written": len(asked)}
    names = [f"{name}:{example.id}" for example in asked]
    by_case = {
        "loss": {f"{name}:{number}": value for number, value in enumerate(after)},
        "rouge_l": dict(zip(names, rouge[1], strict=True)),
        "similarity": dict(zip(names, near[1], strict=True)),
    }
    rounded = {key: round(value, 4) for key, value in figures.items()}
    return _Told(name, rounded, by_case, _shown(name, asked, said))


def sample(every: Sequence[Example], fitting: set[str]) -> list[Example]:
    """One example of as many conversations as are asked, the same each time."""
    by_group: dict[str, list[Example]] = defaultdict(list)
    for example in every:
        if example.id in fitting:
            by_group[example.group].append(example)
    rng = random.Random(0)
    groups = rng.sample(sorted(by_group), min(SAMPLE, len(by_group)))
    return [rng.choice(by_group[group]) for group in groups]


def rouge_l(said: str, wanted: str) -> float:
    """The harmonic mean of precision and recall of the longest common subsequence of words."""
    one, other = lang.words(said), lang.words(wanted)
    if not one or not other:
        return 0.0
    row = np.zeros(len(other) + 1, dtype=np.int64)
    words = np.array(other)
    for word in one:
        best = np.maximum(row[1:], row[:-1] + (words == word))
        row[1:] = np.maximum.accumulate(best)
    common = int(row[-1])
    return 2 * common / (len(one) + len(other))


def _change(
    before: Sequence[float], after: Sequence[float], of_means: Callable[[float, float], float]
) -> tuple[float, float, float]:
    """A figure of two means with its 95 % interval, by bootstrap over pairs."""
    old, new = np.array(before), np.array(after)
    draws = np.random.default_rng(0).integers(0, len(old), (2000, len(old)))
    every = [of_means(float(old[draw].mean()), float(new[draw].mean())) for draw in draws]
    low, high = np.quantile(every, (0.025, 0.975))
    return of_means(fmean(before), fmean(after)), float(low), float(high)


def _shown(name: str, asked: Sequence[Example], said: Sequence[Sequence[str]]) -> list[str]:
    lines = []
    for example, before, after in list(zip(asked, *said, strict=True))[:SHOWN]:
        question = example.messages[-2]["content"].rpartition("Question: ")[2]
        lines += [
            "",
            f"[bold]{escape(name)}[/bold] [cyan]? {escape(question)}[/cyan]",
            f"  [dim]agent[/dim]   {escape(example.reply)}",
            f"  [dim]before[/dim]  {escape(before)}",
            f"  [dim]after[/dim]   {escape(after)}",
        ]
    return lines
