"""What the commands of ``kefu finetune`` do with examples: foretell a training, train, and all from logs to registry."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from configs.settings import Settings, load
from finetune.folders import GROUNDED, LEARNED, WEIGHTS, adapter_of, digest_of, folder_of, there
from finetune.terminal import bar, err, out

if TYPE_CHECKING:
    from finetune.config import TrainConfig
    from finetune.examples import Encoded
    from finetune.train import Progress

_INTERRUPTED = 130
"""As shells say it of a command that Ctrl-C ended."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a training goes on from: an adapter's name, or ``live``; and other logs, of which it sees some again."""

    adapter: str = ""
    logs: tuple[str, ...] = ()


def plan_training(training: str, name: str, earlier: Earlier, as_json: bool, config: str | None) -> None:
    """Say how long a training will take and how much memory, from a trial of a few batches."""
    from finetune.config import TrainConfig, load_config

    settings, wanted = load(config), load_config(training, TrainConfig)
    base, parts = _data(settings, name, wanted, earlier.logs)
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


def train_adapter(training: str, name: str, earlier: Earlier, config: str | None) -> None:
    """Train an adapter on the train part; a run that was stopped goes on."""
    from finetune.config import TrainConfig, load_config

    settings, wanted = load(config), load_config(training, TrainConfig)
    base, parts = _data(settings, name, wanted, earlier.logs)
    start, folder = _start(settings, earlier), folder_of(settings, name) / "run"
    used = {one.group for one in parts["train"]}
    _note_customers(settings, (name, *earlier.logs), used, start, folder)
    _train(base, parts, wanted, folder, start)


def _start(settings: Settings, earlier: Earlier) -> Path | None:
    """The folder of the adapter to go on from; None to begin anew, also where the base model itself is live.

    Raises:
        NotFoundError: there is no such adapter.
        InputError: it is of another base model.
    """
    from finetune.adapter_commands import registry

    adapters = registry(settings)
    name = adapters.live if earlier.adapter == "live" else earlier.adapter
    return adapters.of_this_base(name).folder if name else None


def _note_customers(
    settings: Settings, logs: Sequence[str], used: set[str], start: Path | None, folder: Path
) -> None:
    """Write down, by pseudonyms, from whose conversations a run learns: those ``used``, by id, those of the adapter that it
    goes on from, and whoever was written down before, since what was learned once stays in the weights."""
    from chatbot.adapters import CARD
    from chatbot.auth import load_secret, pseudonym
    from finetune.logs import read

    secret = load_secret(settings)
    learned = {
        pseudonym(secret, one.customer)
        for name in logs
        for one in read(folder_of(settings, name) / "train.jsonl")
        if one.customer and one.id in used and not one.simulated
    }
    if start:
        learned.update(json.loads((start / CARD).read_text(encoding="utf-8"))["data"]["customers"])
    file = folder / LEARNED
    if file.exists():
        learned.update(json.loads(file.read_text(encoding="utf-8")))
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(sorted(learned), indent=1) + "\n", encoding="utf-8")


def _train(
    base: Path,
    parts: Mapping[str, list[Encoded]],
    wanted: TrainConfig,
    folder: Path,
    start: Path | None,
) -> None:
    from finetune.train import train

    with bar("the loss before training") as (progress, task):

        def tell(now: Progress) -> None:
            looked = "" if now.validation is None else f", validation {now.validation:.3f}"
            said = f"loss {now.loss:.3f}{looked}, {now.tokens_per_second:.0f} tokens/s"
            progress.update(task, completed=now.step, total=now.steps, description=said)
            if looked and not err.is_terminal:  # a log shows no bar until it is full
                err.print(f"step {now.step} of {now.steps}: {said}, {now.left / 60:.0f} min left")

        made = train(base, parts["train"], parts["validation"], wanted, folder, tell, start_from=start)
    if made.stopped == "interrupted":
        out.print(f"interrupted at step {made.steps}; the same command goes on")
        raise typer.Exit(_INTERRUPTED)
    out.print(
        f"validation loss {made.before:.3f} before, {made.best:.3f} at step {made.best_step} of {made.steps} "
        f"({made.seconds / 60:.0f} min, {made.stopped}); the adapter is in {made.adapter}"
    )


def prefer_adapter(training: str, name: str, config: str | None) -> None:
    """Train the adapter on what people thought of replies."""
    import shutil

    from chatbot.engine.weights import transformers_path
    from finetune.config import PreferenceConfig, load_config
    from finetune.logs import read
    from finetune.preference import prefer, preferences

    settings, wanted = load(config), load_config(training, PreferenceConfig)
    folder = folder_of(settings, name)
    start = there(folder / "run" / "adapter" / WEIGHTS, "train").parent
    parts = [
        list(preferences(read(there(folder / f"{part}.jsonl", "split")))) for part in ("train", "validation")
    ]
    _note_customers(settings, (name,), {one.group for one in parts[0]}, None, folder / "run")
    with bar() as (progress, task):

        def tell(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of, description=f"{wanted.method} steps")

        made = prefer(
            transformers_path(settings), start, parts[0], parts[1], wanted, folder / "preference", tell
        )
    shutil.copy(folder / "run" / LEARNED, made.adapter.parent / LEARNED)
    agreed = "" if made.agreement is None else f"; it agrees with {made.agreement:.0%} of pairs held out"
    out.print(
        f"{made.method} on {made.liked:,} liked and {made.disliked:,} disliked replies{agreed}; the adapter is in {made.adapter}"
    )


def _data(
    settings: Settings, name: str, wanted: TrainConfig, replayed: Sequence[str]
) -> tuple[Path, dict[str, list[Encoded]]]:
    """The base model's folder, and the examples of both parts in its tokens, as many as are wanted.

    Of the ``replayed`` logs some train examples stand between those of the new ones, so that what the adapter knew is not
    unlearned (Rolnick et al. 2019).
    """
    from chatbot.engine.weights import transformers_path
    from finetune.examples import load_tokenizer
    from finetune.mix import mixed

    base = transformers_path(settings)
    tokenizer = load_tokenizer(base)

    def kinds(logs: str, part: str) -> tuple[list[Encoded], list[Encoded]]:
        return _of_both_kinds(folder_of(settings, logs), part, wanted, tokenizer)

    older = [kinds(other, "train") for other in replayed]
    parts: dict[str, list[Encoded]] = {}
    for part, most in (("train", wanted.most), ("validation", wanted.validation)):
        replies, behind = kinds(name, part)
        if part == "train":
            for number, own in enumerate((replies, behind)):
                seen = [one for two in older for one in two[number]]
                count = min(len(seen), round(wanted.replay * len(own)))
                own += random.Random(wanted.seed).sample(seen, count)
        order = mixed(
            replies, behind, grounded=wanted.grounded, unanswerable=wanted.unanswerable, seed=wanted.seed
        )
        parts[part] = order[:most] if most else order
    return base, parts


def _of_both_kinds(
    folder: Path, part: str, wanted: TrainConfig, tokenizer: Any
) -> tuple[list[Encoded], list[Encoded]]:
    """Replies as the logs have them, and replies behind passages; without the kind that is not wanted."""
    logs, grounded = folder / f"{part}.jsonl", folder / f"{part}{GROUNDED}"
    replies, behind = [], []
    if wanted.examples != "grounded":
        replies = _encoded(there(logs, "split"), tokenizer, wanted.limit)
    if wanted.examples == "grounded" or (wanted.examples == "both" and grounded.exists()):
        behind = _encoded(there(grounded, "ground"), tokenizer, wanted.limit)
    return replies, behind


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


def _verdict_of(adapter: str, settings: Settings) -> Mapping[str, Any]:
    """What the gate said of a registered adapter; empty if there is none, or it was not judged."""
    from finetune.adapter_commands import registry

    found = next((one for one in registry(settings).all() if one.name == adapter), None)
    return (found.card.get("verdict") or {}) if found else {}


@dataclass(frozen=True, slots=True)
class Reading:
    """How logs are read: as the options of ``import``, ``clean`` and ``split``."""

    format: str | None = None
    columns: str = ""
    retention_days: int | None = None
    consent_needed: bool = False
    presidio: bool = False
    since: datetime | None = None


def run_everything(
    logs: list[Path],
    reading: Reading,
    name: str,
    training: str,
    minutes: float,
    adapter: str,
    earlier: Earlier,
    preference: str,
    config: str | None,
) -> None:
    """Import, clean, split, ground, plan, train, judge and register; what was done before is not done again. ``preference``
    configures a second stage, if there is to be one.

    Raises:
        InputError: the adapter's name is impossible, or taken by another; or the engine of the settings could not load it.
    """
    from chatbot.adapters import check_name
    from finetune import gate_commands, grounded, log_commands, pipeline
    from finetune.adapter_commands import registry
    from finetune.checkpoint import told_of
    from finetune.config import PreferenceConfig, TrainConfig, load_config
    from finetune.plan import looks, plan
    from finetune.speak import check_engine

    settings, wanted = load(config), load_config(training, TrainConfig)
    check_name(adapter)
    check_engine(settings, wanted.method)
    start = _start(settings, earlier)
    folder = folder_of(settings, name)
    # Once it is live, it was compared with what was live before.
    live = registry(settings).live
    against = _verdict_of(adapter, settings).get("against", live) if live == adapter else live
    written, planned = pipeline.files(folder), folder / "plan.json"
    about_shop = {"shop": settings.shop.model_dump(mode="json")}
    index = settings.home / "index" / "index.db"

    def foretell() -> None:
        base, parts = _data(settings, name, wanted, earlier.logs)
        made = plan(base, parts["train"], parts["validation"], wanted)

        def takes(tokens: int, steps: int) -> float:
            return tokens / made.tokens_per_second + looks(steps, wanted.evaluate_every) * made.look_seconds

        lengths = [len(one) for one in parts["train"]]
        most, epochs = pipeline.fitting(
            lengths, takes, 60 * minutes, batch=wanted.batch, epochs=wanted.epochs
        )
        planned.write_text(json.dumps({"most": most, "epochs": epochs, **asdict(made)}), encoding="utf-8")
        times = "once" if epochs == 1 else f"{epochs} times"
        out.print(f"{minutes:g} minutes are enough for {most:,} of {len(parts['train']):,} examples, {times}")

    def learn() -> None:
        fitted = json.loads(planned.read_text(encoding="utf-8"))
        chosen = wanted.model_copy(update={key: fitted[key] for key in ("most", "epochs")})
        base, parts = _data(settings, name, chosen, earlier.logs)
        about = told_of(base, parts["train"], parts["validation"], chosen, start)
        pipeline.set_aside(folder / "run", about)
        used = {one.group for one in parts["train"]}
        _note_customers(settings, (name, *earlier.logs), used, start, folder / "run")
        _train(base, parts, chosen, folder / "run", start)

    def register() -> None:
        if _verdict_of(adapter, settings).get("candidate") != digest_of(adapter_of(folder)):
            gate_commands.register_adapter(adapter, name, config)

    examples = [*written["split"], *written["ground"]]
    trained, model = written["train"], {"base": settings.engine.model}
    before = {"from": start.name if start else None, "logs": earlier.logs}
    examples += [
        written_there
        for other in earlier.logs
        for written_there in pipeline.files(folder_of(settings, other))["split"]
    ]
    second, judged = [], trained
    if preference:
        opinions = load_config(preference, PreferenceConfig).model_dump(mode="json")
        judged = written["prefer"]
        second.append(pipeline.Step("prefer", [*trained, *written["split"]], judged, lambda: prefer_adapter(preference, name, config), opinions | model))  # fmt: skip
    pipeline.run(
        folder,
        [
            pipeline.Step("import", logs, written["import"], lambda: log_commands.import_logs(logs, name, reading.format, reading.columns, config), {"format": reading.format, "columns": reading.columns}),
            pipeline.Step("clean", logs, written["clean"], lambda: log_commands.clean_logs(name, reading.retention_days, reading.consent_needed, reading.presidio, config), about_shop | asdict(reading)),
            pipeline.Step("split", written["clean"], written["split"], lambda: log_commands.split_logs(name, reading.since, config), {"since": reading.since}),
            pipeline.Step("ground", [*written["split"], index], written["ground"], lambda: log_commands.ground_logs(name, config), {"version": grounded.VERSION}),
            pipeline.Step("plan", examples, [planned], foretell, {"config": wanted.model_dump(mode="json"), "minutes": minutes} | model | before),
            pipeline.Step("train", [*examples, planned], trained, learn, {"config": wanted.model_dump(mode="json")} | model | before),
            *second,
            pipeline.Step("gate", [*judged, *written["ground"]], written["gate"], lambda: gate_commands.show_verdict(gate_commands.judged(settings, name)), {"live": against or settings.engine.model} | model),
            pipeline.Step("register", [*judged, *written["gate"]], [], register, {"adapter": adapter}),
        ],
        lambda said: out.print(said, markup=False),
    )  # fmt: skip
    out.print(f"see `kefu adapters show {adapter}`")
