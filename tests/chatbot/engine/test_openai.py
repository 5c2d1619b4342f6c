"""The engine for OpenAI-compatible servers, against tiny servers of this test and llama.cpp's own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from chatbot.engine.base import Sampling
from chatbot.engine.openai_ import OpenAIEngine
from configs.errors import ConfigError, EngineError, EngineTimeoutError
from configs.settings import Settings

pytestmark = pytest.mark.server

HELLO: list[Any] = [{"role": "user", "content": "Hi"}]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def event(text: str) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n".encode()


async def polite(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + event("Hello") + event(" there") + b"data: [DONE]\n\n")
    await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def stuck_after_the_head(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    await writer.drain()
    await asyncio.sleep(60)


async def dripping(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    for number in range(1000):
        writer.write(event(f"{number} "))
        await writer.drain()
        await asyncio.sleep(0.02)


async def broken_off(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD.replace(b"Connection: close", b"Content-Length: 5000") + event("Hel"))
    await writer.drain()


async def no_http(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()


async def pieces_of(engine: OpenAIEngine, **sampling: Any) -> list[str]:
    async with aclosing(engine.stream(HELLO, Sampling(**sampling))) as stream:
        return [piece async for piece in stream]


@pytest.fixture
def engine_at(configure: Callable[..., Settings]) -> Callable[..., OpenAIEngine]:
    return lambda url, **engine: OpenAIEngine(configure("openai", base_url=url, model="shop-model", **engine))


async def test_sends_the_key_the_model_and_the_adapter_by_its_name(tell: Any, engine_at: Any) -> None:
    teller = await tell(polite)
    engine = engine_at(teller.url + "/")
    assert await pieces_of(engine) == ["Hello", " there"]
    async with aclosing(engine.stream(HELLO, Sampling(repeat_penalty=1.0), adapter="shop-tone")) as stream:
        assert "".join([piece async for piece in stream]) == "Hello there"
    await engine.aclose()
    assert teller.heads[0].startswith("POST /v1/chat/completions HTTP/1.1")
    assert "Authorization: Bearer a-test-key" in teller.heads[0]
    assert teller.bodies[0]["model"] == "shop-model"
    assert teller.bodies[0]["temperature"] == 0.0
    assert teller.bodies[0]["repetition_penalty"] == teller.bodies[0]["repeat_penalty"] == 1.1
    assert teller.bodies[1]["model"] == "shop-tone"
    assert "repeat_penalty" not in teller.bodies[1]  # a strict server refuses fields that it does not know


@pytest.mark.parametrize("script", [silent, stuck_after_the_head])
async def test_a_server_that_never_begins(tell: Any, engine_at: Any, script: Any) -> None:
    teller = await tell(script)
    engine = engine_at(teller.url, first_token_timeout=0.2)
    began = time.monotonic()
    with pytest.raises(EngineTimeoutError, match=r"shop-model gave no first token within 0\.2 s"):
        await pieces_of(engine)
    assert time.monotonic() - began < 1.5
    async with asyncio.timeout(2):
        await teller.hung_up.wait()
    await engine.aclose()


async def test_a_server_that_never_ends(tell: Any, engine_at: Any) -> None:
    teller = await tell(dripping)
    engine = engine_at(teller.url, total_timeout=0.4)
    got: list[str] = []
    stream = engine.stream(HELLO, Sampling())
    got.append(await anext(stream))
    with pytest.raises(EngineTimeoutError, match=r"not finished after 0\.4 s"):
        [got.append(piece) async for piece in stream]
    assert got[:3] == ["0 ", "1 ", "2 "]
    async with asyncio.timeout(2):
        await teller.hung_up.wait()
    await engine.aclose()


async def test_closing_the_stream_closes_the_connection(tell: Any, engine_at: Any) -> None:
    teller = await tell(dripping)
    engine = engine_at(teller.url)
    async with aclosing(engine.stream(HELLO, Sampling())) as stream:
        assert await anext(stream) == "0 "
        assert not teller.hung_up.is_set()
    async with asyncio.timeout(2):
        await teller.hung_up.wait()
    await engine.aclose()


@pytest.mark.parametrize("script", [broken_off, no_http])
async def test_the_request_after_a_failure_works(tell: Any, engine_at: Any, script: Any) -> None:
    teller = await tell(script, polite)
    engine = engine_at(teller.url)
    with pytest.raises(EngineError, match="broke"):
        await pieces_of(engine)
    assert await pieces_of(engine) == ["Hello", " there"]
    await engine.aclose()


async def test_health_of_servers_that_are_none(tell: Any, engine_at: Any) -> None:
    teller = await tell(no_http)
    for url, detail in ((teller.url, "does not answer"), ("http://127.0.0.1:9/v1", "does not answer")):
        engine = engine_at(url)
        health = await engine.health()
        assert not health.ready
        assert detail in health.detail
        await engine.aclose()


@pytest.mark.parametrize("url", ["127.0.0.1:8000/v1", "ftp://x/v1", "http://", "http://[::1", ""])
def test_a_base_url_that_is_none_is_refused_at_once(engine_at: Any, url: str) -> None:
    with pytest.raises(ConfigError, match=r"engine\.base_url"):
        engine_at(url)


@pytest.mark.slow
async def test_a_real_server_killed_in_mid_stream(start_model_server: Any, engine_at: Any) -> None:
    with start_model_server() as (process, url):
        engine = engine_at(url)
        stream = engine.stream([{"role": "user", "content": "Tell a long story."}], Sampling(max_tokens=1500))
        assert await anext(stream)
        os.kill(process.pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(EngineError, match="broke"):
            [piece async for piece in stream]
        assert time.monotonic() - began < 2
        process.wait()
        with pytest.raises(EngineError, match="cannot be reached"):
            await pieces_of(engine)
        await engine.aclose()
