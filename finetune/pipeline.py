"""``kefu finetune run LOGS``: from support logs to a judged adapter in the registry, one step after the other.

A step's stamp is a hash of what it reads: files, settings and version of the step. What is stamped already is not done
again, a step that was interrupted is done anew, and a training goes on from its last checkpoint. How many examples are trained
on follows from the minutes that one is willing to wait and a trial of the machine; the figure is kept, so that a run that goes on
is the same. Knows what the steps are called and what they read and write, and nothing of how they work.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from finetune.folders import CLEANED, GROUNDED, IMPORTED, PREFERENCE, VERDICT, WEIGHTS

STAMPS = "steps.json"
PARTS = ("train", "validation", "test")
TRIAL = 6
"""Steps of the shortest training that is worth judging."""


@dataclass(frozen=True, slots=True)
class Step:
    """``reads`` and ``writes`` are files; ``told`` is what else decides the outcome."""

    name: str
    reads: Sequence[Path]
    writes: Sequence[Path]
    do: Callable[[], None]
    told: Mapping[str, Any] = field(default_factory=dict)


def run(folder: Path, steps: Sequence[Step], say: Callable[[str], None]) -> None:
    """Do the steps that are not stamped."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / STAMPS
    stamps: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for number, step in enumerate(steps, 1):
        title = f"{number} of {len(steps)}: {step.name}"
        stamp = stamp_of(step)
        if stamps.get(step.name) == stamp and all(path.exists() for path in step.writes):
            say(f"{title}: done before")
            continue
        say(title)
        # Until it has succeeded, nothing of it and of what follows counts.
        for later in steps[number - 1 :]:
            stamps.pop(later.name, None)
        _write(file, stamps)
        step.do()
        stamps[step.name] = stamp
        _write(file, stamps)


def stamp_of(step: Step) -> str:
    total = hashlib.blake2b(json.dumps(dict(step.told), sort_keys=True, default=str).encode(), digest_size=8)
    for path in step.reads:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                with file.open("rb") as opened:
                    digest = hashlib.file_digest(opened, "blake2b")
                total.update(f"{file.name} {digest.hexdigest()}".encode())
    return total.hexdigest()


def _write(file: Path, stamps: Mapping[str, str]) -> None:
    part = file.with_name(f".{file.name}.part")
    part.write_text(json.dumps(stamps, indent=1) + "\n", encoding="utf-8")
    part.replace(file)


def set_aside(run_folder: Path, card: Mapping[str, Any]) -> None:
    """Move a training of other data or settings out of the way; nothing that took hours is deleted."""
    file = run_folder / "run.json"
    if not file.exists():
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    if any(before.get(name) != value for name, value in card.items()):
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        run_folder.rename(run_folder.with_name(f"{run_folder.name}.{stamp}"))


def fitting(
    lengths: Sequence[int], takes: Callable[[int, int], float], seconds: float, *, batch: int, epochs: int
) -> tuple[int, int]:
    """How many of the first examples, and how many epochs, so many seconds are enough for; whole steps, never fewer than TRIAL.

    ``lengths`` are tokens of the examples; ``takes(tokens, steps)`` is how long a training of so many takes. Where the time is too short for all epochs, there are fewer of
    them rather than fewer examples: what is new teaches more than what was seen before.
    """
    seen, whole = [0, *accumulate(lengths)], -(-len(lengths) // batch)
    for times in range(epochs, 0, -1):
        if takes(times * seen[-1], times * whole) <= seconds:
            return len(lengths), times
    # Every further step takes longer.
    steps = bisect_right(range(whole), seconds, key=lambda count: takes(seen[count * batch], count)) - 1
    return min(len(lengths), max(TRIAL, steps) * batch), 1


def files(folder: Path) -> dict[str, list[Path]]:
    """What each step writes. Who has cleaned the imported logs may delete them: they hold what was taken out."""
    return {
        "import": [] if (folder / CLEANED).exists() else [folder / IMPORTED],
        "clean": [folder / CLEANED],
        "split": [folder / f"{part}.jsonl" for part in PARTS],
        "ground": [folder / f"{part}{GROUNDED}" for part in PARTS],
        "train": [folder / "run" / "adapter" / WEIGHTS],
        "prefer": [folder / "preference" / "adapter" / WEIGHTS, folder / "preference" / PREFERENCE],
        "gate": [folder / VERDICT],
    }
