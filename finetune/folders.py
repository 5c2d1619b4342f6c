"""Where fine-tuning keeps its files: a folder below ``<home>/finetune`` for each set of logs. Reads none of them."""

from __future__ import annotations

from pathlib import Path

from configs.errors import InputError
from configs.settings import Settings

IMPORTED, CLEANED, REPORT = "imported.jsonl", "cleaned.jsonl", "cleaned.report.json"
GROUNDED, VERDICT = ".grounded.jsonl", "verdict.json"
OURS = frozenset({IMPORTED, CLEANED, "train.jsonl", "validation.jsonl", "test.jsonl"})
"""Files that hold conversations."""


def folder_of(settings: Settings, name: str) -> Path:
    return settings.home / "finetune" / name


def there(file: Path, step: str) -> Path:
    """
    Raises:
        InputError: the file is not there; ``step`` would write it.
    """
    if not file.exists():
        raise InputError(f"there is no {file}", hint=f"run `kefu finetune {step}` first")
    return file
