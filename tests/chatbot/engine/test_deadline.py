"""Two deadlines around a stream of text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from chatbot.engine.deadline import within
from configs.errors import EngineTimeoutError


class Source:
    """Gives a piece after each of the delays; knows whether it was closed."""

    def __init__(self, *delays: float) -> None:
        self._delays = delays
        self.closed = False

    async def pieces(self) -> AsyncGenerator[str, None]:
        try:
            for number, delay in enumerate(self._delays):
                await asyncio.sleep(delay)
                yield str(number)
        finally:
            self.closed = True


async def test_what_is_in_time_passes_unchanged() -> None:
    source = Source(0, 0, 0)
    stream = within(source.pieces(), first=5, total=5, model="m")
    assert [piece async for piece in stream] == ["0", "1", "2"]
    assert source.closed


async def test_no_first_piece() -> None:
    source = Source(5)
    with pytest.raises(EngineTimeoutError, match=r"model m gave no first token within 0\.05 s"):
        await anext(within(source.pieces(), first=0.05, total=5, model="m"))
    assert source.closed


async def test_the_first_deadline_is_over_once_a_piece_has_come() -> None:
    source = Source(0, 0.1)
    stream = within(source.pieces(), first=0.05, total=5, model="m")
    assert [piece async for piece in stream] == ["0", "1"]


async def test_no_end() -> None:
    source = Source(0, 0, 5)
    stream = within(source.pieces(), first=5, total=0.05, model="m")
    assert [await anext(stream), await anext(stream)] == ["0", "1"]
    with pytest.raises(EngineTimeoutError, match=r"not finished after 0\.05 s \(2 pieces came\)"):
        await anext(stream)
    assert source.closed


async def test_closing_it_closes_the_source() -> None:
    source = Source(0, 5)
    async with aclosing(within(source.pieces(), first=5, total=5, model="m")) as stream:
        assert await anext(stream) == "0"
        assert not source.closed
    assert source.closed


async def test_a_slow_consumer_is_never_cancelled() -> None:
    """The deadline passes while the consumer works: it learns of it at its next step, not in its own code."""
    stream = within(Source(0, 5).pieces(), first=5, total=0.05, model="m")
    await anext(stream)
    await asyncio.sleep(0.1)
    with pytest.raises(EngineTimeoutError):
        await anext(stream)
