"""What the router keeps below ``<home>/router``: one file for each language, replaced whole.

A file holds the shop's examples (text, intent, a mark for whose words they are), their vectors, and what was trained on
them together with the packaged examples. It is safetensors: arrays and JSON, nothing that runs when it is read. Knows
no classifier.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from chatbot.intents import Space, packaged_intents
from configs.errors import ConfigError

Matrix = NDArray[np.float32]
Version = tuple[int, int, int]

FORMAT = 1
PROBES = {
    "en": ["where is my parcel", "a blue mug", "how do I pay"],
    "zh": ["我的包裹在哪里", "蓝色的杯子", "怎么付款"],
}
"""Sentences whose vectors tell one embedder from another. A change of them makes every kept model stale."""
SAME_EMBEDDER = 0.999
"""Cosine of a probe's vectors; processors round a little differently."""


@dataclass(frozen=True, slots=True)
class Example:
    """``mark`` stands for the customer whose words they are, or is empty: see ``chatbot.auth.pseudonym``."""

    text: str
    intent: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Trained:
    """The part of ``IntentModel`` that training finds, and what was measured of it."""

    weights: Matrix
    spread: Matrix
    limit: float
    at: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """Row i of ``vectors`` is ``examples[i]``. ``packaged`` and ``probes`` say with which packaged examples and which
    embedder; ``key`` which secret made the marks. ``trained`` is None where the classifier needs no training (zero-shot)."""

    examples: tuple[Example, ...]
    vectors: Matrix
    packaged: str
    probes: Matrix
    key: str
    trained: Trained | None = None

    def stale(self, language: str, space: Space) -> str:
        """Why the model cannot be used with this embedder and these packaged examples; empty if it can."""
        if self.packaged != packaged_version(language):
            return "it was trained with other packaged examples"
        if not same_embedder(self.probes, probes(language, space)):
            return "it was trained with another embedder"
        return ""


def packaged_version(language: str) -> str:
    """Of the packaged intents and examples."""
    content = json.dumps(packaged_intents(language), ensure_ascii=False)
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def probes(language: str, space: Space) -> Matrix:
    return np.asarray(space.words(PROBES.get(language, PROBES["en"])), np.float32)


def same_embedder(one: Matrix, other: Matrix) -> bool:
    return one.shape == other.shape and bool(np.all((one * other).sum(1) > SAME_EMBEDDER))


def path_of(folder: Path, language: str) -> Path:
    return folder / f"{language}.safetensors"


def version(path: Path) -> Version | None:
    """What changes with every writing; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def load(path: Path) -> Kept | None:
    """None if there is no file.

    Raises:
        ConfigError: it is damaged, or written by another version of kefu.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads(file.metadata()["kefu"])
            arrays = {name: np.asarray(file.get_tensor(name), np.float32) for name in file.keys()}  # noqa: SIM118  # no mapping
        if facts["format"] != FORMAT:
            raise ConfigError(
                f"{path} has format {facts['format']}", expected=f"format {FORMAT}", hint=_AGAIN
            )
        kept = _of(facts, arrays)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is damaged ({' '.join(str(error).split())})", hint=_AGAIN) from error
    return kept


_AGAIN = "run: kefu router reset, then kefu router train FILE"


def _of(facts: Mapping[str, object], arrays: Mapping[str, Matrix]) -> Kept:
    examples = tuple(Example(*row) for row in facts["examples"])  # type: ignore[attr-defined]  # of JSON; checked by use
    trained = facts["trained"]
    if len(examples) != len(arrays["vectors"]):
        raise ValueError(f"{len(examples)} examples and {len(arrays['vectors'])} vectors")
    return Kept(
        examples,
        arrays["vectors"],
        str(facts["packaged"]),
        arrays["probes"],
        str(facts["key"]),
        Trained(weights=arrays["weights"], spread=arrays["spread"], **trained)
        if isinstance(trained, dict)
        else None,
    )


def save(path: Path, kept: Kept) -> None:
    """Replace the file: whoever reads meanwhile gets the old one or the new one, whole."""
    from safetensors.numpy import save_file

    arrays = {"vectors": kept.vectors, "probes": kept.probes}
    trained = None
    if kept.trained is not None:
        arrays |= {"weights": kept.trained.weights, "spread": kept.trained.spread}
        trained = {
            "limit": kept.trained.limit,
            "at": kept.trained.at,
            "figures": dict(kept.trained.figures),
        }
    facts = {
        "format": FORMAT,
        "examples": [list(asdict(example).values()) for example in kept.examples],
        "packaged": kept.packaged,
        "key": kept.key,
        "trained": trained,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _part(path)
    save_file(
        {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()},
        part,
        {"kefu": json.dumps(facts, ensure_ascii=False)},
    )
    part.chmod(0o600)  # these are persons' words
    os.replace(part, path)


def remove(path: Path) -> bool:
    """Whether there was something to remove; a writing that was cut off goes as well."""
    was = path.exists()
    path.unlink(missing_ok=True)
    _part(path).unlink(missing_ok=True)
    return was


def remove_parts(folder: Path) -> None:
    """What a writing that was cut off left behind."""
    for part in folder.glob("*.part"):
        part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """One at a time: the second of two trainings would lose the first one's examples.

    Raises:
        ConfigError: at once, if another process trains.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "writer.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(
            f"the router in {folder} is being trained by another process", hint="wait until it has finished"
        ) from error
    try:
        remove_parts(folder)
        yield
    finally:
        lock.release()


def by_intent(examples: Sequence[Example]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for example in examples:
        counts[example.intent] = counts.get(example.intent, 0) + 1
    return counts
