"""What every engine promises (``chatbot.engine.base.Engine``), held against the real model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from chatbot.engine.base import Engine, Sampling
from configs.errors import EngineError, EngineTimeoutError

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

CAPITAL = "What is the capital of France? One sentence."
STORY: list[Any] = [{"role": "user", "content": "Write a very long story about a baker, a fox and the sea."}]


async def test_greedy_is_deterministic_and_right(engine: Engine, say: Any) -> None:
    first, second = await say(engine, CAPITAL), await say(engine, CAPITAL)
    assert "Paris" in "".join(first)
    assert "".join(first) == "".join(second)
    assert len(first) > 2  # it came in pieces


async def test_max_tokens_cuts_the_same_text(engine: Engine, say: Any) -> None:
    whole = "".join(await say(engine, CAPITAL, max_tokens=12))
    pieces = await say(engine, CAPITAL, max_tokens=4)
    assert len(pieces) <= 4
    assert whole.startswith("".join(pieces))
    assert 0 < len("".join(pieces)) < len(whole)


async def test_stop_strings_end_the_text_and_are_not_in_it(engine: Engine, say: Any) -> None:
    whole = "".join(await say(engine, CAPITAL))
    middle = whole.index("Paris") - 4
    stop = whole[middle : middle + 6]  # from one token into another
    assert "".join(await say(engine, CAPITAL, stop=("never said", stop))) == whole[: whole.index(stop)]


async def test_a_seed_repeats_a_draw(engine: Engine, say: Any) -> None:
    draws = [
        "".join(await say(engine, "Invent a name for a cat.", temperature=1.5, seed=seed, max_tokens=12))
        for seed in (7, 7, 8, 9)
    ]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1


@pytest.mark.parametrize("max_tokens", [1, 2, 3, 5, 16])
async def test_characters_arrive_whole(engine: Engine, say: Any, max_tokens: int) -> None:
    """An emoji or a rare Chinese character takes several tokens; a limit may fall between them."""
    pieces = await say(engine, "Repeat exactly: 🦥🪿 饕餮 🧿", max_tokens=max_tokens, repeat_penalty=1.0)
    if max_tokens == 16:
        assert not "".join(pieces).isascii()
    for piece in pieces:
        assert piece
        assert "�" not in piece
        piece.encode("utf-8")


async def test_two_streams_do_not_mix(engine: Engine, say: Any) -> None:
    both = await asyncio.gather(
        say(engine, CAPITAL), say(engine, "What is the capital of Italy? One sentence.")
    )
    assert "Paris" in "".join(both[0])
    assert "Rome" in "".join(both[1])


async def test_closing_the_stream_frees_the_engine(engine: Engine, say: Any) -> None:
    """Two cancelled streams of 1,500 tokens would hold each slot for 20 seconds or more."""
    for _ in range(2):
        async with aclosing(engine.stream(STORY, Sampling(max_tokens=1500))) as stream:
            assert await anext(stream)
    began = time.monotonic()
    await say(engine, CAPITAL, max_tokens=4)
    assert time.monotonic() - began < 8


async def test_cancelling_the_task_frees_the_engine(engine: Engine, say: Any) -> None:
    async def consume() -> None:
        async with aclosing(engine.stream(STORY, Sampling(max_tokens=1500))) as stream:
            async for _ in stream:
                started.set()

    started = asyncio.Event()
    tasks = [asyncio.create_task(consume()) for _ in range(2)]
    await started.wait()
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    began = time.monotonic()
    await say(engine, CAPITAL, max_tokens=4)
    assert time.monotonic() - began < 8


async def test_a_prompt_that_does_not_fit_is_refused(engine: Engine, say: Any) -> None:
    with pytest.raises(EngineError, match="tokens"):
        await say(engine, "kettle " * 3000)
    assert "Paris" in "".join(await say(engine, CAPITAL))


async def test_an_unknown_adapter_is_refused(engine: Engine, kind: str) -> None:
    if kind == "openai":
        pytest.skip(
            "an adapter is the server's model name, which llama.cpp's server ignores; see test_openai"
        )
    with pytest.raises(EngineError, match="tone-of-voice"):
        await anext(engine.stream(STORY, Sampling(), adapter="tone-of-voice"))


async def test_health_says_ready_and_names_the_model(engine: Engine) -> None:
    health = await engine.health()
    assert health.ready
    assert health.model == engine.model == "smollm2-135m"


async def test_the_deadline_for_all_of_it(build: Callable[..., Engine], ready: Any, say: Any) -> None:
    hurried = build(total_timeout=2.0)
    try:
        await ready(hurried)
        stream = hurried.stream(STORY, Sampling(max_tokens=1500))
        assert await anext(stream)
        with pytest.raises(EngineTimeoutError, match="total_timeout"):
            [piece async for piece in stream]
        assert await say(hurried, CAPITAL, max_tokens=1)  # the slot is free again
    finally:
        await hurried.aclose()


async def test_the_deadline_for_the_first_token_and_the_end(build: Callable[..., Engine], ready: Any) -> None:
    hurried = build(first_token_timeout=0.01)
    try:
        await ready(hurried)
        with pytest.raises(EngineTimeoutError, match="first_token_timeout"):
            await anext(hurried.stream(STORY, Sampling()))
    finally:
        await hurried.aclose()
    # A closed engine says so.
    with pytest.raises(EngineError, match="closed"):
        await anext(hurried.stream(STORY, Sampling()))
    assert not (await hurried.health()).ready
