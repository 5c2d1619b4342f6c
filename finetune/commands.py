"""What the commands of ``kefu finetune`` do with examples: foretell a training, train, judge, register."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from configs.settings import Settings, load
from finetune.folders import GROUNDED, VERDICT, folder_of, there

if TYPE_CHECKING:
    from finetune.config import TrainConfig
    from finetune.examples import Encoded
    from finetune.speak import Told
    from finetune.train import Progress

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_JUDGED = 60
"""Cases of each kind that the gate looks at."""
_LONGEST_PROMPT = 1024


def plan_training(
    training: str,
    name: str,
    as_json: bool,
    config: str | None,
) -> None:
    """Say how long a training will take and how much memory, from a trial of a few batches."""
    from finetune.config import load_config

    settings, wanted = load(config), load_config(training)
    base, parts = _data(settings, name, wanted)
    from finetune.plan import plan

    made = plan(base, parts["train"], parts["validation"], wanted)
    if as_json:
        print(json.dumps(asdict(made)))
        return
    out.print(
        f"{len(parts['train']):,} examples, {made.tokens:,} tokens in {wanted.epochs} epochs, {made.steps:,} steps\n"
        f"{made.trained / 1e6:.1f} of {made.weights / 1e6:.0f} million weights are trained\n"
        f"about {made.seconds / 60:.0f} minutes ({made.tokens_per_second:.0f} tokens/s) and {made.memory / 2**30:.1f} GiB"
    )


def train_adapter(
    training: str,
    name: str,
    config: str | None,
) -> None:
    """Train an adapter on the train part; a run that was stopped goes on."""
    from finetune.config import load_config

    settings, wanted = load(config), load_config(training)
    _train(*_data(settings, name, wanted), wanted, folder_of(settings, name) / "run")


def _train(base: Path, parts: Mapping[str, list[Encoded]], wanted: TrainConfig, folder: Path) -> None:
    from finetune.train import train

    with _bar() as (progress, task):

        def tell(now: Progress) -> None:
            looked = "" if now.validation is None else f", validation {now.validation:.3f}"
            progress.update(
                task,
                completed=now.step,
                total=now.steps,
                description=f"loss {now.loss:.3f}{looked}, {now.tokens_per_second:.0f} tokens/s",
            )

        made = train(base, parts["train"], parts["validation"], wanted, folder, tell)
    if not made.adapter.exists():
        out.print(f"{made.stopped} at step {made.steps}, before the first look; the same command goes on")
        return
    out.print(
        f"validation loss {made.before:.3f} before, {made.best:.3f} at step {made.best_step} of {made.steps} "
        f"({made.seconds / 60:.0f} min, {made.stopped}); the adapter is in {made.adapter}"
    )


def gate_adapter(name: str, as_json: bool, config: str | None) -> None:
    """Compare the trained adapter with what is live. Exits with 1 if it did not pass."""
    import typer

    told = judged(load(config), name)
    if as_json:
        print(json.dumps(told))
    else:
        _show_verdict(told)
    if not told["passed"]:
        raise typer.Exit(1)


def judged(settings: Settings, name: str) -> dict[str, Any]:
    """The gate's verdict on the test part, which is kept beside the adapter."""
    from chatbot.engine.weights import transformers_path
    from finetune.adapter_commands import registry
    from finetune.examples import encode, load_tokenizer, read_examples
    from finetune.gate import case_of, judge
    from finetune.measure import losses
    from finetune.speak import replies
    from finetune.train import trained

    folder = folder_of(settings, name)
    candidate = trained(there(folder / "run" / "run.json", "train").parent).adapter
    adapters = registry(settings)
    now = adapters.serving().live
    live = adapters.get(now).folder if now else None
    every = list(read_examples(there(folder / f"test{GROUNDED}", "ground")))
    cases = [case_of(example) for example in every]
    kinds = [[n for n, case in enumerate(cases) if case.answerable is kind] for kind in (True, False)]
    chosen = sorted(place for own in kinds for place in own[:: max(1, len(own) // _JUDGED)][:_JUDGED])
    base = transformers_path(settings)
    encoded, _ = encode(every, load_tokenizer(base), limit=_LONGEST_PROMPT)
    requests = [every[place].messages[:-1] for place in chosen]
    told: list[list[Told]] = []
    lost: list[list[float]] = []
    with _bar() as (progress, task):
        for who, adapter in ((now or "the base model", live), ("the candidate", candidate)):

            def tell(done: int, of: int, what: str = who) -> None:
                progress.update(task, completed=done, total=of, description=what)

            lost.append(losses(base, adapter, encoded, tell))
            longest = settings.sampling.max_tokens
            told.append(replies(settings, adapter, requests, longest=longest, tell=tell))
    public = [contact for contact in (settings.shop.email, settings.shop.phone) if contact]
    verdict = judge([cases[place] for place in chosen], told[0], told[1], lost[0], lost[1], public=public)
    kept = verdict.told() | {"against": now or settings.engine.model}
    (folder / "run" / VERDICT).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return kept


def _show_verdict(told: Mapping[str, Any]) -> None:
    table = Table("figure", told["against"], "candidate", "gain, 95 % interval", "")
    for row in told["rows"]:
        gain = f"{row['low']:+.3f} to {row['high']:+.3f}"
        table.add_row(
            row["figure"], f"{row['live']:.3f}", f"{row['candidate']:.3f}", gain, "" if row["ok"] else "✗"
        )
    if told["rows"]:
        out.print(table)
    said = "passed" if told["passed"] else f"not passed: {told['why']}"
    out.print(f"{escape(said)} ({told['cases']} cases)")


def register_adapter(adapter: str, name: str, config: str | None) -> None:
    """Put the trained adapter among those that can be served, with the gate's verdict if there is one."""
    import shutil
    import tempfile

    from chatbot.auth import load_secret, pseudonym
    from chatbot.engine.weights import ADAPTER_FILE, transformers_path
    from finetune.adapter_commands import registry
    from finetune.card import card, files_of, model_card
    from finetune.export import gguf_adapter
    from finetune.logs import read
    from finetune.train import trained

    settings = load(config)
    folder = folder_of(settings, name)
    made = trained(there(folder / "run" / "run.json", "train").parent)
    secret = load_secret(settings)
    learned = list(read(there(folder / "train.jsonl", "split")))
    customers = {one.customer for one in learned if one.customer}
    file = folder / "run" / VERDICT
    verdict = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    told = card(
        settings.engine.model,
        made,
        [pseudonym(secret, customer) for customer in customers],
        simulated=all(one.simulated for one in learned),
        verdict=verdict,
    )
    with tempfile.TemporaryDirectory(prefix="kefu-register-") as part:
        for file in files_of(made.adapter):
            shutil.copy(file, part)
        if told["config"]["method"] in ("lora", "rslora", "qlora"):
            gguf_adapter(transformers_path(settings), made.adapter, Path(part) / ADAPTER_FILE)
        registry(settings).add(adapter, Path(part), told, model_card(adapter, told))
    unproven = "" if verdict and verdict["passed"] else " --unproven"
    out.print(f"registered {adapter}; `kefu adapters promote {adapter}{unproven}` lets it answer")


@contextmanager
def _bar() -> Iterator[tuple[Any, Any]]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Bars(*columns, console=err) as bars:
        yield bars, bars.add_task("the base model's loss", total=None)


def _data(settings: Settings, name: str, wanted: TrainConfig) -> tuple[Path, dict[str, list[Encoded]]]:
    """The base model's folder, and the examples of both parts in its tokens, as many as are wanted."""
    folder = folder_of(settings, name)
    files: dict[str, list[Path]] = {}
    for part in ("train", "validation"):
        logs, grounded = folder / f"{part}.jsonl", folder / f"{part}{GROUNDED}"
        files[part] = [there(logs, "split")] if wanted.examples != "grounded" else []
        if wanted.examples == "grounded" or (wanted.examples == "both" and grounded.exists()):
            files[part].append(there(grounded, "ground"))
    from chatbot.engine.weights import transformers_path
    from finetune.examples import load_tokenizer

    base = transformers_path(settings)
    tokenizer = load_tokenizer(base)
    parts = {
        part: [one for file in own for one in _encoded(file, tokenizer, wanted.limit)]
        for part, own in files.items()
    }
    most = {"train": wanted.most or len(parts["train"]), "validation": wanted.validation}
    return base, {part: _drawn(own, most[part], wanted.seed) for part, own in parts.items()}


def _drawn(every: list[Encoded], most: int, seed: int) -> list[Encoded]:
    """At most so many, in their order, the same for the same seed."""
    if len(every) <= most:
        return every
    return [every[place] for place in sorted(random.Random(seed).sample(range(len(every)), most))]


def _encoded(file: Path, tokenizer: Any, limit: int) -> list[Encoded]:
    from finetune.examples import encode, examples, read_examples
    from finetune.logs import read

    every = read_examples(file) if file.name.endswith(GROUNDED) else examples(read(file))
    kept, long = encode(every, tokenizer, limit=limit)
    if long:
        err.print(
            f"{file.stem}: {len(long)} of {len(long) + len(kept)} examples are longer than {limit} tokens and left out"
        )
    return kept


def run_everything(
    logs: list[Path], name: str, training: str, minutes: float, adapter: str, config: str | None
) -> None:
    """Import, clean, split, ground, plan, train, judge and register; what was done before is not done again.

    Raises:
        InputError: the adapter's name is taken by another.
    """
    from finetune import log_commands, pipeline
    from finetune.adapter_commands import registry
    from finetune.config import load_config
    from finetune.examples import digest
    from finetune.plan import plan

    settings, wanted = load(config), load_config(training)
    folder = folder_of(settings, name)
    written, planned = pipeline.files(folder), folder / "plan.json"
    about_shop = {"shop": settings.shop.model_dump(mode="json")}
    index = settings.home / "index" / "index.db"

    def foretell() -> None:
        base, parts = _data(settings, name, wanted)
        made = plan(base, parts["train"], parts["validation"], wanted)
        most = pipeline.examples_for(
            60 * minutes / wanted.epochs, made.seconds / made.steps, wanted.batch, len(parts["train"])
        )
        planned.write_text(json.dumps({"most": most, **asdict(made)}), encoding="utf-8")
        out.print(f"{most:,} of {len(parts['train']):,} examples fit into {minutes:g} minutes")

    def learn() -> None:
        chosen = wanted.model_copy(update={"most": json.loads(planned.read_text(encoding="utf-8"))["most"]})
        base, parts = _data(settings, name, chosen)
        about: dict[str, Any] = {"config": chosen.model_dump(mode="json")}
        about["training"], about["validation"] = digest(parts["train"]), digest(parts["validation"])
        pipeline.set_aside(folder / "run", about)
        _train(base, parts, chosen, folder / "run")

    def register() -> None:
        if adapter not in {one.name for one in registry(settings).all()}:
            register_adapter(adapter, name, config)

    examples = [*written["split"], *written["ground"]]
    trained, model = written["train"], {"base": settings.engine.model}
    pipeline.run(
        folder,
        [
            pipeline.Step("import", logs, written["import"], lambda: log_commands.import_logs(logs, name, None, "", config)),
            pipeline.Step("clean", written["import"], written["clean"], lambda: log_commands.clean_logs(name, None, False, False, config), about_shop),
            pipeline.Step("split", written["clean"], written["split"], lambda: log_commands.split_logs(name, None, config)),
            pipeline.Step("ground", [*written["split"], index], written["ground"], lambda: log_commands.ground_logs(name, config)),
            pipeline.Step("plan", examples, [planned], foretell, {"config": wanted.model_dump(mode="json"), "minutes": minutes} | model),
            pipeline.Step("train", [*examples, planned], trained, learn, {"config": wanted.model_dump(mode="json")} | model),
            pipeline.Step("gate", [*trained, *written["ground"]], written["gate"], lambda: _show_verdict(judged(settings, name)), {"live": registry(settings).serving().live} | model),
            pipeline.Step("register", [*trained, *written["gate"]], [], register, {"adapter": adapter}),
        ],
        lambda said: out.print(said, markup=False),
    )  # fmt: skip
    out.print(f"see `kefu adapters show {adapter}`")
