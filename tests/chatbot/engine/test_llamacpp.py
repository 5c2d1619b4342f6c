"""The llama.cpp engine's own promises: the child dies, starts again, and never outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from chatbot.engine import build_engine
from chatbot.engine.base import Sampling
from chatbot.engine.llamacpp import LlamaCppEngine
from chatbot.engine.sse import ONE_USE
from configs.errors import ConfigError, EngineError
from configs.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.server]

STORY: list[Any] = [{"role": "user", "content": "Write a very long story about a baker, a fox and the sea."}]
HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]


@pytest_asyncio.fixture
async def engine(configure: Callable[..., Settings]) -> AsyncIterator[LlamaCppEngine]:
    built = LlamaCppEngine(configure("llamacpp"))
    yield built
    await built.aclose()


def alive(pid: int) -> bool:
    """A zombie counts as dead."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def address_of(engine: LlamaCppEngine) -> str:
    return await asyncio.wrap_future(engine._server.address)


async def first_piece(engine: LlamaCppEngine, messages: list[Any]) -> str:
    async with aclosing(engine.stream(messages, Sampling(max_tokens=4))) as stream:
        return await anext(stream)


async def test_answers_before_it_is_ready_by_waiting(engine: LlamaCppEngine) -> None:
    assert not (await engine.health()).ready
    assert await first_piece(engine, HELLO)
    assert (await engine.health()).ready


async def test_killed_in_mid_stream_raises_at_once_and_the_next_request_works(engine: LlamaCppEngine) -> None:
    stream = engine.stream(STORY, Sampling(max_tokens=1500))
    assert await anext(stream)
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(EngineError, match="broke"):
        [piece async for piece in stream]
    assert time.monotonic() - began < 2
    assert await first_piece(engine, HELLO)
    assert engine.pid not in (None, pid)


async def test_after_a_second_death_in_a_row_it_refuses_at_once_until_it_is_back(
    engine: LlamaCppEngine,
) -> None:
    for _ in range(2):
        await first_piece(engine, HELLO)
        seen = engine._server.address
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        while engine._server.address is seen:
            await asyncio.sleep(0.005)
    began = time.monotonic()
    with pytest.raises(EngineError, match="died 2 times in a row"):
        await first_piece(engine, HELLO)
    assert time.monotonic() - began < 0.5
    health = await engine.health()
    assert not health.ready
    assert "starts again within 1 s" in health.detail
    async with asyncio.timeout(30):
        while not (await engine.health()).ready:
            await asyncio.sleep(0.02)
    assert await first_piece(engine, HELLO)


async def test_a_file_that_is_no_model_is_reported_with_its_cause(
    configure: Callable[..., Settings], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + bytes(64))
    engine = LlamaCppEngine(configure("llamacpp", model=str(bad)))
    try:
        with pytest.raises(EngineError, match=r"died .*cannot load .*bad\.gguf"):
            await first_piece(engine, HELLO)
    finally:
        await engine.aclose()


async def test_the_prefix_is_read_before_the_first_request_and_then_by_every_slot(
    configure: Callable[..., Settings],
) -> None:
    prefix = "You are the assistant of a shop that sells kettles and rugs. Be brief. " * 8
    engine = build_engine(configure("llamacpp"), prefix=prefix)
    assert isinstance(engine, LlamaCppEngine)
    try:
        address = await address_of(engine)
        body = {"messages": [{"role": "system", "content": prefix}, *HELLO], "max_tokens": 1}
        async with httpx.AsyncClient(headers=engine._client.headers, timeout=30, limits=ONE_USE) as client:

            async def read_before(slot: int) -> int:
                answer = await client.post(f"{address}/v1/chat/completions", json=body | {"id_slot": slot})
                return int(answer.json()["timings"]["cache_n"])

            assert await read_before(0) > 100
            async with asyncio.timeout(20):
                while "n_prompt_tokens" not in (await client.get(f"{address}/slots")).json()[1]:
                    await asyncio.sleep(0.02)
            assert await read_before(1) > 100
    finally:
        await engine.aclose()


async def test_closing_a_stream_stops_the_slot(engine: LlamaCppEngine) -> None:
    async with aclosing(engine.stream(STORY, Sampling(max_tokens=1500))) as stream:
        await anext(stream)
        assert await busy_slots(engine) == 1
    async with asyncio.timeout(2):
        while await busy_slots(engine):
            await asyncio.sleep(0.01)


async def busy_slots(engine: LlamaCppEngine) -> int:
    async with httpx.AsyncClient(headers=engine._client.headers) as client:
        slots = (await client.get(f"{await address_of(engine)}/slots")).json()
    return sum(slot["is_processing"] for slot in slots)


async def test_strangers_on_the_machine_are_refused(engine: LlamaCppEngine) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{await address_of(engine)}/v1/chat/completions", json={"messages": HELLO}
        )
    assert answer.status_code == 401


async def test_closing_ends_the_child_even_while_it_starts(configure: Callable[..., Settings]) -> None:
    for wait in (0.0, 0.1, 1.5):
        engine = LlamaCppEngine(configure("llamacpp"))
        await asyncio.sleep(wait)
        pid = engine.pid
        await engine.aclose()
        assert engine.pid is None
        assert pid is None or not alive(pid)
        with pytest.raises(EngineError, match="closed"):
            await first_piece(engine, HELLO)


def test_the_child_dies_with_its_parent(home: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from configs.settings import Settings\n"
        "from chatbot.engine.llamacpp import LlamaCppEngine\n"
        "engine = LlamaCppEngine(Settings(home=Path(sys.argv[1])))\n"
        "while not engine._server.address.done(): time.sleep(0.01)\n"
        "print(engine.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)


async def test_without_the_library_it_says_what_to_install(
    configure: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"kefu\[llamacpp\]"):
        LlamaCppEngine(configure("llamacpp"))


async def test_switched_off(configure: Callable[..., Settings]) -> None:
    engine = build_engine(configure("off"))
    with pytest.raises(EngineError, match="switched off"):
        await anext(engine.stream(HELLO, Sampling()))
    health = await engine.health()
    assert not health.ready
    assert "switched off" in health.detail
    await engine.aclose()


async def test_the_template_adds_nothing_to_a_system_message_of_ours(engine: LlamaCppEngine) -> None:
    """SmolLM2's template puts in a system message of its own if the first message is none."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    async with httpx.AsyncClient(headers=engine._client.headers) as client:
        answer = await client.post(f"{await address_of(engine)}/apply-template", json={"messages": messages})
    assert answer.json()["prompt"] == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
