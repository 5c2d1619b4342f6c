"""Reads support logs, whatever system wrote them: files and folders, each in its own format. Does not clean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from configs.errors import InputError
from finetune.formats import Columns, Rejected, read_json
from finetune.logs import Conversation
from finetune.tables import read_table

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv")


@dataclass(slots=True)
class Imported:
    """What was read; ``formats`` says as what, by file."""

    conversations: list[Conversation] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)


def read_logs(
    paths: Iterable[Path], *, format: str | None = None, columns: Columns | None = None
) -> Imported:
    """Read files, and folders of files. ``format`` and ``columns`` are for those that do not show theirs.

    Raises:
        InputError: there is no such file, it is empty or not UTF-8, or its format is not known.
    """
    found = Imported()
    for path in _files(paths):
        try:
            _read(path, format, columns, found)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path} is not UTF-8: {error.reason} at byte {error.start}", hint="save it as UTF-8"
            ) from error
    return found


def _read(path: Path, format: str | None, columns: Columns | None, found: Imported) -> None:
    if path.suffix in (".csv", ".tsv"):
        name, made = "table", read_table(path, columns)
    else:
        name, made = read_json(path, format)
    found.formats[path.name] = name
    for one in made:
        if isinstance(one, Rejected):
            found.rejected.append(one)
        else:
            found.conversations.append(one)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            raise InputError(f"there is no {path}", expected="a file of support logs, or a folder of them")
        own = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES) if path.is_dir() else [path]
        if not own or own[0].suffix not in SUFFIXES:
            raise InputError(f"{path} holds no logs", expected=f"files that end in {', '.join(SUFFIXES)}")
        yield from own
