"""What the commands of ``kefu finetune`` do before training: support logs in, examples out, one step a command.

Each step reads what the one before wrote and says what it did. Ties settings to the modules that do the work, and imports
each when it is needed: nobody who cleans logs need wait for torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from configs.errors import InputError
from configs.settings import Settings, load
from finetune.folders import CLEANED, GROUNDED, IMPORTED, LEARNED, OURS, REPORT, folder_of, there
from finetune.terminal import err, out

if TYPE_CHECKING:
    from finetune.clean import Report
    from retrieval.passages import Passage

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
    count = write(folder_of(load(config), name) / IMPORTED, found.conversations)
    told = ", ".join(f"{file} as {kind}" for file, kind in found.formats.items())
    out.print(f"{count:,} conversations read ({escape(told)}), {len(found.rejected):,} left out")


def simulate_logs(target: Path, count: int, seed: int, config: str | None) -> None:
    """Write simulated support logs of the demo shop.

    Raises:
        InputError: the file is there already.
    """
    from chatbot.app import clock, open_database
    from chatbot.demo.seed import prepare
    from chatbot.shop import Shop
    from finetune.demo_logs import conversations

    if target.exists():
        raise InputError(f"{target} exists already", hint="name another file")
    settings = load(config)
    db = open_database(settings)
    prepare(settings, db, lambda message: err.print(escape(message)))
    part = target.with_name(f"{target.name}.part")
    with part.open("w", encoding="utf-8") as file:
        for record in conversations(Shop(db), now=clock(settings)(), count=count, seed=seed):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    part.replace(target)
    db.dispose()
    out.print(f"{count:,} simulated conversations in {target}")


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
    folder = folder_of(settings, name)
    retention = timedelta(days=retention_days) if retention_days is not None else None
    rules = Rules(settings.shop, datetime.now(UTC), retention, consent_needed)
    kept, report = clean(read(there(folder / IMPORTED, "import")), rules, _redactor(settings, presidio))
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

    folder = folder_of(load(config), name)
    later = since.replace(tzinfo=UTC) if since and not since.tzinfo else since
    parts = split(list(read(there(folder / CLEANED, "clean"))), since=later)
    check(parts)
    for part, own in parts.items():
        write(folder / f"{part}.jsonl", own)
    out.print(", ".join(f"{part} {len(own):,}" for part, own in parts.items()))


def ground_logs(name: str, config: str | None) -> None:
    """Search the shop's pages for what backs each reply of the logs, and write examples with that evidence."""
    from collections import Counter

    from chatbot import ground
    from finetune.examples import write_examples
    from finetune.grounded import UNANSWERABLE, grounded
    from finetune.logs import read
    from retrieval.search import Search

    settings = load(config)
    folder = folder_of(settings, name)
    search = Search.open(settings)

    def find(question: str, earlier: Sequence[str]) -> Sequence[Passage]:
        return search.search(question, dialogue=earlier, k=settings.retrieval.passages)

    def backs(sentence: str, texts: Sequence[str]) -> bool:
        return ground.check(sentence, list(texts)).ok

    for part in ("train", "validation", "test"):
        every = list(grounded(read(there(folder / f"{part}.jsonl", "split")), find, backs))
        write_examples(folder / f"{part}{GROUNDED}", every)
        halves = Counter(one.reply == UNANSWERABLE for one in every)
        out.print(f"{part}: {halves[False]:,} examples with what backs them, {halves[True]:,} without")


def forget_customer(customer: str, config: str | None) -> None:
    """Delete a customer's conversations from all that was imported. Adapters must be trained anew without them."""
    from finetune.logs import forget

    settings = load(config)
    folder = settings.home / "finetune"
    files = [file for file in sorted(folder.glob("*/*.jsonl")) if file.name in OURS]
    found = {file: forget(file, customer) for file in files}
    for logs in {file.parent for file, count in found.items() if count}:
        for derived in logs.glob(f"*{GROUNDED}"):
            derived.unlink()  # made from them; `kefu finetune ground` makes it again
    for report in folder.glob(f"*/{REPORT}"):
        report.unlink()  # its samples may quote them, also where nothing else is left of them
    for file, count in found.items():
        if count:
            out.print(f"{count:,} conversations deleted from {file}")
    from chatbot.auth import load_secret, pseudonym
    from finetune.adapter_commands import registry

    known_as = pseudonym(load_secret(settings), customer)
    for file in sorted(folder.glob(f"*/*/{LEARNED}")):
        if known_as in json.loads(file.read_text(encoding="utf-8")):
            err.print(f"the adapter in {file.parent} learned from them: delete it, and train again")
    for adapter in registry(settings).all():
        if known_as in adapter.card.get("data", {}).get("customers", ()):
            err.print(
                f"the adapter {adapter.name} learned from them: kefu adapters remove {adapter.name}, and train again"
            )
    if not any(found.values()):
        out.print(f"no conversation of {escape(customer)} was imported")


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
