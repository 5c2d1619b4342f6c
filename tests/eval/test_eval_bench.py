"""The parts of the benchmark that measure: the listening engine, shares of time, memory by /proc, the HTTP client."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from chatbot.conversation import Evidence, Reply, Turn
from chatbot.engine.base import Health, Sampling
from chatbot.prompt import ChatMessage
from configs.errors import EngineError
from eval.bench_chat import Asked, Listening, _model, _no_model, _repeat
from eval.server import converse, resident_mb

PROMPT: list[ChatMessage] = [{"role": "user", "content": "hello"}]


class Counting:
    """Ten pieces, one every two milliseconds."""

    model = "counting"

    async def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[str, None]:
        for number in range(10):
            await asyncio.sleep(0.002)
            yield str(number)

    async def health(self) -> Health:
        return Health(True, self.model)

    async def aclose(self) -> None:
        return None


async def test_listening_notes_what_was_taken_even_if_the_reader_leaves() -> None:
    engine = Listening(Counting())
    await _repeat(engine, Asked(PROMPT, Sampling(), 4, 0.0, 0.0))
    await _repeat(engine, Asked(PROMPT, Sampling(), 99, 0.0, 0.0))
    early, whole = engine.asked
    assert (early.pieces, whole.pieces) == (4, 10)
    assert 1.5 < early.first_ms < early.total_ms < whole.total_ms


def turn(rung: Any, done: float, engine: float = 0.0) -> Turn:
    return Turn(
        "t", "c", 1, "?", (), Evidence(), Reply("x", "answer", rung),
        {"first_sentence": done / 2, "done": done, "engine": engine}, "m", "1", datetime.now(UTC),
    )  # fmt: skip


def test_shares_and_percentiles() -> None:
    quick = _no_model([turn("tool", 10), turn("quote", 20), turn("model", 2000, 1900)])
    assert quick["no_model_turns"] == 2
    assert quick["no_model_done_max_ms"] == 20
    bare = [Asked(PROMPT, Sampling(), 11, 100, 1100), Asked(PROMPT, Sampling(), 0, 0, 50)]
    found = _model([turn("model", 1000, 900), turn("quote", 1000, 800), turn("tool", 5)], bare)
    assert found["model_turns"] == 2
    assert found["model_spoke_share"] == 0.5
    assert found["overhead_share"] == pytest.approx(0.15)
    assert found["overhead_against_bare_share"] == pytest.approx(1 - 1150 / 2000)
    assert found["tokens_per_second"] == pytest.approx(10.0)
    assert found["model_first_sentence_p50_ms"] == 500
    assert _model([], [])["overhead_share"] == 0.0


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from /proc (Linux)")
def test_memory_counts_children_and_grandchildren() -> None:
    grandchild = "x = bytearray(60_000_000); print('up', flush=True); input()"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "up\n"
        assert resident_mb(process.pid) > 60
    finally:
        process.communicate("\n")
    assert resident_mb(process.pid) == 0


class Api:
    """Answers like the API; ``ends`` are the last events of the streams."""

    def __init__(self, *ends: str) -> None:
        self.ends = list(ends)
        self.seen: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.url.path)
        if request.url.path.endswith("/messages"):
            assert request.headers["authorization"] == "Bearer t"
            return httpx.Response(
                200, text=f"event: sentence\ndata: {{}}\n\nevent: {self.ends.pop(0)}\ndata: {{}}\n\n"
            )
        body = {"identity": "i", "token": "t", "id": "c1"}
        return httpx.Response(201, json=body)


async def test_a_conversation_over_the_api_is_counted_and_ends_with_a_person() -> None:
    api = Api("done", "failed", "handedover", "done")
    async with httpx.AsyncClient(base_url="http://kefu.test", transport=httpx.MockTransport(api)) as client:
        assert await converse(client, ["a", "b", "c", "d"], "C00001", "en") == 3
    assert api.seen[:3] == ["/api/demo/identity", "/api/sessions", "/api/conversations"]


async def test_a_stream_without_an_end_is_an_error() -> None:
    async with httpx.AsyncClient(
        base_url="http://kefu.test", transport=httpx.MockTransport(Api("planned"))
    ) as client:
        with pytest.raises(EngineError, match="planned"):
            await converse(client, ["a"], None, "en")
