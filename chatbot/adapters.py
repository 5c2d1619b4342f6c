"""The registry of adapters: a folder each, written once, and one pointer to what answers.

``home/adapters/NAME`` holds the weights, ``card.json`` and a model card for people; nothing in it changes after it is added.
``home/adapters/serving.json`` names the adapter that is live and the one that is tried on a share of the conversations; a
running server reads it again when it has changed, so a rollback needs no restart. A conversation stays with what it began
with as long as that is served. Knows no weights and no engine: an adapter of another base model is not chosen.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from chatbot.engine.weights import ADAPTER_NAME
from configs.errors import InputError, NotFoundError

CARD, MODEL_CARD, POINTER = "card.json", "README.md", "serving.json"
BASE = "base"
"""How the base model is called where a name is wanted."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """``card`` says what it was made of and how it did; see ``finetune.card``."""

    name: str
    folder: Path
    card: Mapping[str, Any]

    @property
    def base(self) -> str:
        return str(self.card.get("base", ""))

    @property
    def passed(self) -> bool:
        """Whether the gate found it better than what was live."""
        verdict = self.card.get("verdict")
        return isinstance(verdict, Mapping) and bool(verdict.get("passed"))


@dataclass(frozen=True, slots=True)
class Change:
    """One move of the pointer: what was live and tried from then on."""

    at: str
    what: str
    live: str | None
    canary: str | None = None
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Serving:
    """``live`` None is the base model; ``before`` are those that it took over from, the last one last. ``history`` is every
    change, oldest first."""

    live: str | None = None
    canary: str | None = None
    share: float = 0.0
    before: Sequence[str | None] = ()
    history: Sequence[Change] = ()


class Adapters:
    """Adapters below a folder, for a base model.

    Processes may read and write at once: a write takes a file lock and replaces the pointer whole.
    """

    def __init__(self, folder: Path, base: str) -> None:
        self.folder = folder
        self._base = base
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int] | None, Serving] = (None, Serving())

    # --- folders ---

    def all(self) -> list[Adapter]:
        """Every adapter, the newest first."""
        found = [self._of(file.parent) for file in self.folder.glob(f"*/{CARD}")]
        return sorted(found, key=lambda one: (str(one.card.get("made", "")), one.name), reverse=True)

    def get(self, name: str) -> Adapter:
        """
        Raises:
            NotFoundError: there is none of this name.
        """
        if not ADAPTER_NAME.fullmatch(name) or not (self.folder / name / CARD).is_file():
            known = ", ".join(one.name for one in self.all()) or "none"
            raise NotFoundError(f"there is no adapter {name!r}", expected=f"one of: {known}")
        return self._of(self.folder / name)

    def add(self, name: str, made_in: Path, card: Mapping[str, Any], model_card: str) -> Adapter:
        """Copy the files of a finished adapter into a folder of its own, whole or not at all.

        Raises:
            InputError: the name is taken or impossible.
        """
        check_name(name)
        if self._tombstone(name).exists():
            raise InputError(
                f"there was an adapter {name!r}, and a server that runs may still hold its weights",
                hint="name this one otherwise",
            )
        target = self.folder / name
        if target.exists():
            raise InputError(
                f"there is an adapter {name!r} already", hint="name this one otherwise: adapters never change"
            )
        part = self.folder / f".{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(made_in, part)
        (part / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        (part / MODEL_CARD).write_text(model_card, encoding="utf-8")
        part.rename(target)
        return self._of(target)

    def remove(self, name: str) -> None:
        """Delete an adapter, as when it learned from somebody who must be forgotten; if it is live, what was live before
        takes over. Its name is not given again."""
        adapter = self.get(name)
        self._tombstone(name).touch()
        with self._changing() as change:
            now = self.serving()
            before = [other for other in now.before if other != name]
            if now.live == name:
                change("removed", replace(now, live=before.pop() if before else None, before=before))
            elif name == now.canary:
                change("removed", replace(now, canary=None, share=0.0, before=before))
            elif len(before) < len(now.before):
                change("removed", replace(now, before=before))
        shutil.rmtree(adapter.folder)

    def _tombstone(self, name: str) -> Path:
        return self.folder / f".{name}.removed"

    @staticmethod
    def _of(folder: Path) -> Adapter:
        return Adapter(folder.name, folder, json.loads((folder / CARD).read_text(encoding="utf-8")))

    # --- the pointer ---

    def serving(self) -> Serving:
        """What answers now; the file is read again when it has changed."""
        file = self.folder / POINTER
        try:
            stat = file.stat()
        except FileNotFoundError:
            return Serving()
        seen = (stat.st_mtime_ns, stat.st_ino)
        with self._lock:
            if self._read[0] != seen:
                told = json.loads(file.read_text(encoding="utf-8"))
                history = tuple(Change(**change) for change in told.pop("history"))
                before = tuple(told.pop("before"))
                self._read = (seen, Serving(**told, before=before, history=history))
            return self._read[1]

    @property
    def live(self) -> str | None:
        """What answers, a canary aside; None is the base model, also where what was promoted is of another one."""
        name = self.serving().live
        return name if name is not None and self._fits(name) else None

    def promote(self, name: str | None, *, unproven: bool = False) -> Serving:
        """Let an adapter, or with None the base model, answer everybody.

        Raises:
            NotFoundError: there is none of this name.
            InputError: its base model is another, or it did not pass the gate and ``unproven`` was not said.
        """
        if name is not None:
            self._servable(name, unproven=unproven)
        with self._changing() as change:
            now = self.serving()
            before = now.before if name == now.live else (*now.before, now.live)
            return change("promoted", Serving(name, before=before))

    def canary(self, name: str, share: float, *, unproven: bool = False) -> Serving:
        """Let an adapter answer a share of the conversations; the others stay with what is live.

        Raises:
            NotFoundError, InputError: as ``promote``; the share is not in (0, 1).
        """
        if not 0 < share < 1:
            raise InputError(f"a canary's share is {share:g}", expected="more than 0 and less than 1")
        self._servable(name, unproven=unproven)
        with self._changing() as change:
            return change("canary", replace(self.serving(), canary=name, share=share))

    def rollback(self) -> Serving:
        """Go back: end a canary or, without one, let answer what was live before.

        Raises:
            InputError: there is nothing to go back to.
        """
        with self._changing() as change:
            now = self.serving()
            if now.canary:
                return change("rolled back", replace(now, canary=None, share=0.0))
            if not now.before:
                raise InputError("nothing was live before", hint="kefu adapters promote NAME")
            *before, live = now.before
            return change("rolled back", Serving(live, before=before))

    def chosen(self, conversation_id: str, begun_with: str | None = None) -> str | None:
        """Which adapter answers a conversation; None is the base model.

        ``begun_with`` answered it before; ``BASE`` if that was the base model. The draw depends on the conversation and the
        canary alone.
        """
        now = self.serving()
        served = [name for name in (now.live, now.canary) if name is not None and self._fits(name)]
        if begun_with in served:
            return begun_with
        if begun_with == BASE and now.live not in served:
            return None
        if now.canary in served and _drawn(f"{now.canary}:{conversation_id}") < now.share:
            return now.canary
        return now.live if now.live in served else None

    def _fits(self, name: str) -> bool:
        try:
            return self.get(name).base == self._base
        except NotFoundError:
            return False

    def of_this_base(self, name: str) -> Adapter:
        """
        Raises:
            NotFoundError: there is none of this name.
            InputError: it is of another base model.
        """
        adapter = self.get(name)
        if adapter.base != self._base:
            raise InputError(
                f"adapter {name!r} is of the base model {adapter.base!r}",
                expected=f"one of {self._base!r}, which engine.model names",
            )
        return adapter

    def _servable(self, name: str, *, unproven: bool) -> None:
        adapter = self.of_this_base(name)
        if not adapter.passed and not unproven:
            raise InputError(
                f"adapter {name!r} did not pass the gate",
                expected="one that `kefu finetune gate` found better than what is live",
                hint=f"see `kefu adapters show {name}`; --unproven serves it all the same",
            )

    @contextmanager
    def _changing(self) -> Iterator[Callable[[str, Serving], Serving]]:
        """Hands out what writes the pointer, under the lock of all processes."""
        self.folder.mkdir(parents=True, exist_ok=True)

        def change(what: str, to: Serving) -> Serving:
            at = datetime.now(UTC).isoformat(timespec="seconds")
            entry = Change(at, what, to.live, to.canary, to.share)
            made = replace(to, before=tuple(to.before), history=(*self.serving().history, entry))
            part = self.folder / f".{POINTER}.part"
            part.write_text(json.dumps(asdict(made), indent=1) + "\n", encoding="utf-8")
            part.replace(self.folder / POINTER)
            return made

        with FileLock(self.folder / f".{POINTER}.lock"):
            yield change


def check_name(name: str) -> None:
    """
    Raises:
        InputError: no adapter can be called so.
    """
    if not ADAPTER_NAME.fullmatch(name) or name == BASE:
        raise InputError(
            f"an adapter cannot be named {name!r}",
            expected="up to 64 lower-case letters, digits, dots, dashes and underscores, the first a letter or digit; "
            f"{BASE!r} is the base model",
        )


def _drawn(name: str) -> float:
    """A number from 0 to 1 that only the name decides."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) / 2**64
