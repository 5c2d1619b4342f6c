"""What the commands of ``kefu finetune`` do: support logs in, an adapter out, one step a command.

Each step reads what the one before wrote below ``<home>/finetune/NAME`` and says what it did. Ties settings to the
modules that do the work, and imports each when it is needed: nobody who cleans logs need wait for torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from configs.errors import InputError
from configs.settings import Settings, load

if TYPE_CHECKING:
    from finetune.clean import Report
    from finetune.examples import Encoded
    from finetune.train import Progress

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
IMPORTED, CLEANED, REPORT = "imported.jsonl", "cleaned.jsonl", "cleaned.report.json"
_OURS = frozenset({IMPORTED, CLEANED, "train.jsonl", "validation.jsonl", "test.jsonl"})
_SHOWN = 10


def import_logs(
    paths: list[Path],
    name: str,
    format: str | None,
    columns: str,
    config: str | None,
) -> None:
    """Read support logs of any system; what cannot be read is named."""
    from finetune.logs import write
    from finetune.sources import read_logs

    found = read_logs(paths, format=format, columns=_columns(columns))
    for rejected in found.rejected[:_SHOWN]:
        err.print(f"left out: {escape(rejected.where)}: {escape(rejected.why)}")
    if len(found.rejected) > _SHOWN:
        err.print(f"left out: {len(found.rejected) - _SHOWN} more")
    if not found.conversations:
        raise InputError("no conversation could be read", hint="see what was left out above")
    count = write(_folder(load(config), name) / IMPORTED, found.conversations)
    told = ", ".join(f"{file} as {kind}" for file, kind in found.formats.items())
    out.print(f"{count:,} conversations read ({escape(told)}), {len(found.rejected):,} left out")


def clean_logs(
    name: str,
    retention_days: int | None,
    consent_needed: bool,
    presidio: bool,
    config: str | None,
) -> None:
    """Take out what nobody can or may learn from, and say why."""
    from finetune.clean import Rules, clean
    from finetune.logs import read, write

    settings = load(config)
    folder = _folder(settings, name)
    retention = timedelta(days=retention_days) if retention_days is not None else None
    rules = Rules(settings.shop, datetime.now(UTC), retention, consent_needed)
    kept, report = clean(read(_there(folder / IMPORTED, "import")), rules, _redactor(settings, presidio))
    write(folder / CLEANED, kept)
    (folder / REPORT).write_text(json.dumps(report.told(), ensure_ascii=False, indent=1), encoding="utf-8")
    _show_report(report)
    out.print(f"with samples in {folder / REPORT}")


def split_logs(
    name: str,
    since: datetime | None,
    config: str | None,
) -> None:
    """Part the logs so that no customer and no text stands on both sides, and check it."""
    from finetune.logs import read, write
    from finetune.split import check, split

    folder = _folder(load(config), name)
    later = since.replace(tzinfo=UTC) if since and not since.tzinfo else since
    parts = split(list(read(_there(folder / CLEANED, "clean"))), since=later)
    check(parts)
    for part, own in parts.items():
        write(folder / f"{part}.jsonl", own)
    out.print(", ".join(f"{part} {len(own):,}" for part, own in parts.items()))


def plan_training(
    training: str,
    name: str,
    as_json: bool,
    config: str | None,
) -> None:
    """Say how long a training will take and how much memory, from a trial of a few batches."""
    from finetune.config import load_config

    settings, wanted = load(config), load_config(training)
    base, parts = _data(settings, name, wanted.limit)
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
    base, parts = _data(settings, name, wanted.limit)
    from finetune.train import train

    folder = _folder(settings, name)
    with _bar() as (progress, task):

        def tell(now: Progress) -> None:
            looked = "" if now.validation is None else f", validation {now.validation:.3f}"
            progress.update(
                task,
                completed=now.step,
                total=now.steps,
                description=f"loss {now.loss:.3f}{looked}, {now.tokens_per_second:.0f} tokens/s",
            )

        made = train(base, parts["train"], parts["validation"], wanted, folder / "run", tell)
    if not made.adapter.exists():
        out.print(f"{made.stopped} at step {made.steps}, before the first look; the same command goes on")
        return
    out.print(
        f"validation loss {made.before:.3f} before, {made.best:.3f} at step {made.best_step} of {made.steps} "
        f"({made.seconds / 60:.0f} min, {made.stopped}); the adapter is in {made.adapter}"
    )


def forget_customer(customer: str, config: str | None) -> None:
    """Delete a customer's conversations from all that was imported. Adapters must be trained anew without them."""
    from finetune.logs import forget

    folder = load(config).home / "finetune"
    files = [file for file in sorted(folder.glob("*/*.jsonl")) if file.name in _OURS]
    found = {file: forget(file, customer) for file in files}
    for file, count in found.items():
        if count:
            (file.parent / REPORT).unlink(missing_ok=True)  # its samples may quote them
            out.print(f"{count:,} conversations deleted from {file}")
    trained = sorted(
        {file.parent / "run" for file, count in found.items() if count and file.name == "train.jsonl"}
    )
    for run in filter(Path.exists, trained):
        err.print(f"the adapter in {run} learned from them: delete it, and train again")
    if not any(found.values()):
        out.print(f"no conversation of {escape(customer)} was imported")


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


def _data(settings: Settings, name: str, limit: int) -> tuple[Path, dict[str, list[Encoded]]]:
    """The base model's folder, and the examples of both parts in its tokens."""
    folder = _folder(settings, name)
    files = {part: _there(folder / f"{part}.jsonl", "split") for part in ("train", "validation")}
    from chatbot.engine.weights import transformers_path
    from finetune.examples import load_tokenizer

    base = transformers_path(settings)
    tokenizer = load_tokenizer(base)
    return base, {part: _encoded(file, tokenizer, limit) for part, file in files.items()}


def _encoded(file: Path, tokenizer: Any, limit: int) -> list[Encoded]:
    from finetune.examples import encode, examples
    from finetune.logs import read

    kept, long = encode(examples(read(file)), tokenizer, limit=limit)
    if long:
        err.print(
            f"{file.stem}: {len(long)} of {len(long) + len(kept)} examples are longer than {limit} tokens and left out"
        )
    return kept


def _folder(settings: Settings, name: str) -> Path:
    return settings.home / "finetune" / name


def _there(file: Path, step: str) -> Path:
    if not file.exists():
        raise InputError(f"there is no {file}", hint=f"run `kefu finetune {step}` first")
    return file


def _columns(text: str) -> Any:
    from finetune.formats import Columns

    if not text:
        return None
    pairs = [pair.partition("=") for pair in text.split(",")]
    unknown = [name for name, _, column in pairs if name.strip() not in Columns.__slots__ or not column]
    if unknown:
        raise InputError(
            f"--columns names {unknown[0]!r}", expected=", ".join(f"{n}=…" for n in Columns.__slots__)
        )
    return Columns(**{name.strip(): column.strip() for name, _, column in pairs})


def _redactor(settings: Settings, presidio: bool) -> Callable[[Sequence[str]], Sequence[str]]:
    """The shop's own contacts stay; the salt is drawn from its secret, so that runs agree."""
    from chatbot.auth import load_secret
    from finetune.pii import presidio_findings, redact

    salt = hashlib.blake2b(load_secret(settings), person=b"kefu finetune").hexdigest()
    pattern = settings.shop.order_number_pattern or None
    also = presidio_findings if presidio else None

    # Signs that stand for nothing else keep the shop's contacts from being taken for a person's.
    contacts = [contact for contact in (settings.shop.email, settings.shop.phone) if contact]
    signs = {contact: chr(0xE000 + number) for number, contact in enumerate(contacts)}

    def texts(said: Sequence[str]) -> Sequence[str]:
        hidden = [_replaced(text, signs) for text in said]
        told = redact(hidden, salt=salt, order_pattern=pattern, also=also)[0]
        return [_replaced(text, {sign: contact for contact, sign in signs.items()}) for text in told]

    return texts


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for word, other in words.items():
        text = text.replace(word, other)
    return text


def _show_report(report: Report) -> None:
    table = Table("", "conversations", "why")
    table.add_row("read", f"{report.read:,}", "")
    for what, counted in (("left out", report.removed), ("changed", report.changed)):
        for reason, count in counted.most_common():
            table.add_row(what, f"{count:,}", reason)
    table.add_row("kept", f"{report.kept:,}", _languages(report.languages))
    out.print(table)


def _languages(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{language} {count:,}" for language, count in counted.items())
