"""Where fine-tuning keeps its files: a folder below ``<home>/finetune`` for each set of logs.

``run`` holds the adapter of the first stage, ``preference`` that of the second, which counts as long as it was trained from
what ``run`` holds now.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from configs.errors import InputError
from configs.settings import Settings

IMPORTED, CLEANED, REPORT = "imported.jsonl", "cleaned.jsonl", "cleaned.report.json"
GROUNDED, VERDICT, PREFERENCE = ".grounded.jsonl", "verdict.json", "preference.json"
CONFIG, WEIGHTS, LEARNED = "adapter_config.json", "adapter_model.safetensors", "customers.json"
OURS = frozenset({IMPORTED, CLEANED, "train.jsonl", "validation.jsonl", "test.jsonl"})
"""Files that hold conversations."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def folder_of(settings: Settings, name: str) -> Path:
    """
    Raises:
        InputError: logs cannot be called so.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"logs cannot be named {name!r}",
            expected="up to 64 letters, digits, dots, dashes and underscores, the first a letter or digit",
        )
    return settings.home / "finetune" / name


def adapter_of(folder: Path) -> Path:
    """The adapter that the logs have come to.

    Raises:
        InputError: none was trained.
    """
    first, second = folder / "run" / "adapter", folder / "preference" / "adapter"
    there(first / WEIGHTS, "train")
    told = second.parent / PREFERENCE
    if told.exists() and json.loads(told.read_text(encoding="utf-8"))["start"] == digest_of(first):
        return second
    return first


def digest_of(adapter: Path) -> str:
    """Of an adapter's weights."""
    with (adapter / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:16]


def there(file: Path, step: str) -> Path:
    """
    Raises:
        InputError: the file is not there; ``step`` would write it.
    """
    if not file.exists():
        raise InputError(f"there is no {file}", hint=f"run `kefu finetune {step}` first")
    return file
