"""Real engines for the contract, and a server on loopback that says whatever a test wants.

Converted weights are kept in pytest's own cache, so that only the first run converts them.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import chatbot.engine
from chatbot.engine import build_engine, weights
from chatbot.engine.base import Engine, Sampling
from configs.settings import EngineSettings, Settings

# Before torch loads: beside other processes its spinning threads are ten times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

KEY = "a-test-key"
_SERVER = Path(chatbot.engine.__file__).with_name("llamacpp_server.py")

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="session")
def home(request: pytest.FixtureRequest) -> Path:
    """Holds ``models``: the packaged model in both converted forms."""
    assert request.config.cache is not None
    return Path(request.config.cache.mkdir("kefu-home"))


@pytest.fixture(scope="session")
def configure(home: Path) -> Callable[..., Settings]:
    """Settings of an engine, patient unless told otherwise: a busy machine must not fail the tests."""

    def build(kind: str, **engine: Any) -> Settings:
        patient = {"first_token_timeout": 60.0, "total_timeout": 90.0, "api_key": KEY}
        return Settings(home=home, engine=EngineSettings(kind=kind, **(patient | engine)))

    return build


@pytest.fixture(scope="session")
def start_model_server(
    home: Path,
) -> Callable[[], AbstractContextManager[tuple[subprocess.Popen[bytes], str]]]:
    """Starts llama.cpp's own OpenAI server as a stranger would; gives the process and its base URL."""

    @contextmanager
    def start() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
        model = weights.gguf_path(Settings(home=home))
        options = ["--model", str(model), "--context", "2048", "--parallel", "2", "--threads", "2"]
        with subprocess.Popen(
            [sys.executable, "-P", str(_SERVER), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"LLAMACPP_KEY": KEY},
        ) as process:
            assert process.stdout is not None
            yield process, f"{json.loads(process.stdout.readline())['address']}/v1"
            process.kill()

    return start


@pytest.fixture(scope="session")
def ready() -> Callable[[Engine], Awaitable[None]]:
    async def wait(engine: Engine) -> None:
        async with asyncio.timeout(60):
            while not (await engine.health()).ready:
                await asyncio.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def say() -> Callable[..., Awaitable[list[str]]]:
    """``await say(engine, question, max_tokens=…)`` gives the pieces of the reply."""

    async def pieces(engine: Engine, question: str, **sampling: Any) -> list[str]:
        messages: list[Any] = [
            {"role": "system", "content": "You answer briefly."},
            {"role": "user", "content": question},
        ]
        async with aclosing(engine.stream(messages, Sampling(**({"max_tokens": 24} | sampling)))) as stream:
            return [piece async for piece in stream]

    return pieces


@pytest.fixture(scope="module", params=["llamacpp", "transformers", "openai"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def build(
    kind: str, configure: Callable[..., Settings], start_model_server: Any
) -> Iterator[Callable[..., Engine]]:
    """Builds an engine of this kind with the real model; the openai engine gets a server to talk to."""
    if kind != "openai":
        yield lambda **settings: build_engine(configure(kind, **settings))
        return
    with start_model_server() as (_, url):
        yield lambda **settings: build_engine(configure(kind, base_url=url, **settings))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def engine(
    build: Callable[..., Engine], ready: Callable[[Engine], Awaitable[None]]
) -> AsyncIterator[Engine]:
    """Each engine in turn."""
    built = build()
    await ready(built)
    yield built
    await built.aclose()


@dataclass
class Teller:
    """Answers the n-th request with the n-th script (then with the last one); keeps what it was asked."""

    scripts: tuple[Script, ...]
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        sizes = [line[15:] for line in head.lower().splitlines() if line.startswith("content-length:")]
        body = await reader.readexactly(int(sizes[0])) if sizes else b"{}"
        self.heads.append(head)
        self.bodies.append(json.loads(body))
        script = self.scripts[min(len(self.bodies), len(self.scripts)) - 1]
        telling = asyncio.ensure_future(script(writer))
        gone = asyncio.ensure_future(reader.read())
        await asyncio.wait([telling, gone], return_when=asyncio.FIRST_COMPLETED)
        if not telling.done():
            self.hung_up.set()
        for task in (telling, gone):
            task.cancel()
        await asyncio.gather(telling, gone, return_exceptions=True)
        writer.close()


@pytest_asyncio.fixture
async def tell() -> AsyncIterator[Callable[..., Awaitable[Teller]]]:
    """``await tell(script, …)`` starts a server that follows the scripts."""
    servers = []

    async def start(*scripts: Script) -> Teller:
        teller = Teller(scripts)
        server = await asyncio.start_server(teller.serve, "127.0.0.1", 0)
        servers.append(server)
        teller.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        return teller

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()
