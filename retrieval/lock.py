"""One writer at a time: two processes that write to Chroma's files lose entries without a word.

The lock is the operating system's, so a killed writer frees it. Does not know what is written.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from configs.errors import IndexLockedError


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
        lock.acquire(timeout=0)
    except Timeout as error:
        raise IndexLockedError(
            f"the index in {folder} is being written by {_describe(holder)}",
            expected="one writer at a time",
            hint="wait until it has finished, or stop that process",
        ) from error
    try:
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:3]]).strip()
        holder.write_text(
            json.dumps(
                {"pid": os.getpid(), "command": command, "since": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}
            )
        )
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _describe(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text())
        return f"process {facts['pid']} ({facts['command']}, since {facts['since']})"
    except (OSError, ValueError, KeyError):  # it is just starting or just ending
        return "another process"
