"""One writer at a time: two processes that write to Chroma's files lose entries without a word.

The lock is the operating system's, so a killed writer frees it. Does not know what is written.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from configs.errors import IndexLockedError
from configs.settings import Settings


def index_folder(settings: Settings) -> Path:
    return settings.home / "index"


_PATIENCE = 0.2
"""Seconds: somebody may only be asking whether the lock is free."""


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the lock of the index in ``folder``.

    Raises:
        IndexLockedError: at once, if another process (or another index object of this one) writes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / "writer.json"
    lock = FileLock(folder / "writer.lock")
    try:
        lock.acquire(timeout=_PATIENCE, poll_interval=0.02)
    except Timeout as error:
        raise IndexLockedError(
            f"the index in {folder} is held by {_describe(holder)}",
            expected="one writer at a time",
            hint="wait until it has ended, or stop that process; a process that dies lets go by itself",
        ) from error
    try:
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:3]]).strip()
        facts = {"pid": os.getpid(), "host": socket.gethostname(), "command": command}
        holder.write_text(json.dumps({**facts, "since": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def refuse_if_held(folder: Path) -> None:
    """Ask before long preparations whether anybody writes.

    Raises:
        IndexLockedError: somebody does.
    """
    if (folder / "writer.json").exists():  # or else nobody has, since the last one ended in peace
        with writing(folder):
            pass


def _describe(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text())
        who = f"process {facts['pid']} on {facts['host']} ({facts['command']}, since {facts['since']})"
    except (OSError, ValueError, LookupError, TypeError):  # it is just starting or just ending
        return "another process"
    here = facts["host"] == socket.gethostname() and Path("/proc/self").exists()
    died = (
        here and not Path(f"/proc/{facts['pid']}").exists()
    )  # and its successor has not written the note yet
    return "another process" if died else who
