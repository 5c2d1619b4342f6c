"""The real server as a child process, for measuring: start it on a free port, ask it over HTTP, weigh it.

Weighs by ``/proc`` (Linux): the resident memory of the server and of all its children, the engine's among them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from configs.errors import ConfigError, EngineError

START_SECONDS = 120


@contextmanager
def served(home: Path, config: str | None, folder: Path) -> Iterator[tuple[str, int]]:
    """A server over a copy of ``home``; its address and process id. Ends with the block.

    Raises:
        ConfigError: the server ended, or was not ready in time; the message holds its last words.
    """
    copy = folder / "home"
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("models", "*.lock"))
    if (home / "models").exists():
        (copy / "models").symlink_to((home / "models").absolute())
    port = _free_port()
    command = [sys.executable, "-m", "chatbot.cli", "serve", "--port", str(port)]
    command += ["--config", config] if config else []
    environment = {
        **os.environ,
        "KEFU_HOME": str(copy),
        "KEFU_DATABASE_URL": "",
        # One client plays a thousand shoppers: the limits for one address are not what is measured.
        "KEFU_API__MESSAGES_PER_10S": "100000",
        "KEFU_API__SESSIONS_PER_MINUTE": "100000",
    }
    log = folder / "server.log"
    with log.open("wb") as told:
        child = subprocess.Popen(command, stdout=told, stderr=told, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, child, log)
        yield address, child.pid
    finally:
        child.terminate()
        try:
            child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(address: str, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise ConfigError(f"the server ended with {child.returncode}", hint=log.read_text()[-2000:])
        try:
            ready = httpx.get(f"{address}/ready", timeout=5, trust_env=False).json()
        except (httpx.HTTPError, json.JSONDecodeError):
            ready = {}
        if ready.get("ready") and ready.get("engine") != "down":
            return
        time.sleep(0.25)
    raise ConfigError(f"the server was not ready in {START_SECONDS} s", hint=log.read_text()[-2000:])


def resident_mb(pid: int) -> float:
    """Megabytes (10^6 bytes) of resident memory of a process and all its descendants."""
    parents = dict(_parents())
    family = {pid}
    grown = True
    while grown:
        more = {child for child, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return round(sum(_resident(member) for member in family) / 1e6, 1)


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name stands in brackets and may hold spaces; the parent's id is the second field after it.
                yield int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended while we looked


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


async def converse(client: httpx.AsyncClient, says: Sequence[str], customer: str | None, locale: str) -> int:
    """One conversation over the API; how many turns were answered.

    Raises:
        EngineError: a turn did not end in ``done`` or ``failed``.
    """
    wanted: dict[str, Any] = {}
    if customer is not None:
        wanted["identity"] = (await _post(client, "/api/demo/identity", {"customer_id": customer}))[
            "identity"
        ]
    token = (await _post(client, "/api/sessions", wanted))["token"]
    head = {"Authorization": f"Bearer {token}"}
    conversation = await _post(client, "/api/conversations", {"locale": locale}, head)
    answered = 0
    for text in says:
        last = ""
        async for event in _events(client, f"/api/conversations/{conversation['id']}/messages", text, head):
            last = event
        if last not in ("done", "failed", "handedover"):
            raise EngineError(f"the stream for {text!r} ended with {last!r}")
        answered += 1
        if last == "handedover":  # a person has the conversation now
            break
    return answered


async def _post(
    client: httpx.AsyncClient, path: str, body: Mapping[str, Any], head: Mapping[str, str] | None = None
) -> dict[str, Any]:
    response = await client.post(path, json=dict(body), headers=head)
    response.raise_for_status()
    found: dict[str, Any] = response.json()
    return found


async def _events(
    client: httpx.AsyncClient, path: str, text: str, head: Mapping[str, str]
) -> AsyncIterator[str]:
    async with client.stream("POST", path, json={"text": text}, headers=head) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("event:"):
                yield line.removeprefix("event:").strip()
