"""The chat client against everything that a server may answer."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.engine.base import Sampling
from chatbot.engine.sse import NoAnswerError, chat_request, stream_chat
from configs.errors import EngineError

URL = "http://model.test/v1/chat/completions"
SSE = {"content-type": "text/event-stream; charset=utf-8"}


def event(text: str | None, finish: str | None = None) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def whole(*texts: str) -> bytes:
    return b"".join(event(text) for text in texts) + event(None, "stop") + b"data: [DONE]\n\n"


class Cut(httpx.AsyncByteStream):
    """A body in the given chunks, and then perhaps an error."""

    def __init__(self, chunks: list[bytes], error: Exception | None = None) -> None:
        self._chunks, self._error = chunks, error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._error:
            raise self._error


async def pieces_of(answer: httpx.Response | Exception) -> list[str]:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(handle)) as client,
        aclosing(stream_chat(client, URL, {}, hint="start it")) as stream,
    ):
        return [piece async for piece in stream]


def answer(body: bytes, status: int = 200, headers: dict[str, str] = SSE) -> httpx.Response:
    return httpx.Response(status, headers=headers, stream=Cut([body]))


async def test_gives_the_pieces_and_skips_what_is_no_text() -> None:
    body = (
        b": a comment that keeps the connection open\r\n\r\n"
        b"event: message\r\nid: 7\r\n"
        + event(None)
        + event("")
        + event("Hel")
        + event("lo")
        + b'data: {"choices": [], "usage": {"total_tokens": 9}}\n\n'
        + event(None, "stop")
        + b"data: [DONE]\n\n"
        + event("after the end")
    )
    assert await pieces_of(answer(body)) == ["Hel", "lo"]


async def test_a_finish_reason_without_done_is_an_end() -> None:
    assert await pieces_of(answer(event("Hi") + event(None, "length"))) == ["Hi"]


async def test_an_event_of_several_data_lines_is_one_piece() -> None:
    body = b'data: {"choices": [{"delta":\ndata: {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'
    assert await pieces_of(answer(body)) == ["Hi"]


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 2000), max_size=12),
)
async def test_pieces_do_not_depend_on_how_bytes_are_cut(texts: list[str], cuts: list[int]) -> None:
    body = whole(*texts)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    chunks = [body[a:b] for a, b in itertools.pairwise(edges)]
    assert await pieces_of(httpx.Response(200, headers=SSE, stream=Cut(chunks))) == texts


@pytest.mark.parametrize(
    ("response", "said"),
    [
        pytest.param(
            answer(b"<html>\n<h1>Welcome</h1>", headers={"content-type": "text/html"}),
            r"text/html: <html> <h1>Welcome</h1>.*text/event-stream.*start it",
            id="a web page",
        ),
        pytest.param(
            answer(b"{}", headers={"content-type": "application/json"}), "application/json", id="not streamed"
        ),
        pytest.param(answer(b"ok", headers={}), "without a content type: ok", id="no content type"),
        pytest.param(
            answer(b'{"error": {"message": "no such model: x"}}', 404), "404: no such model: x", id="404"
        ),
        pytest.param(answer(b'{"error": "slow down"}', 429), "429: slow down", id="a plain error"),
        pytest.param(answer(b"", 500), "500: an empty body", id="500"),
        pytest.param(answer(b"x" * 100_000, 502), "502: x{199}…", id="a long error is shortened"),
        pytest.param(answer(b"", 307, {"location": "http://elsewhere.test"}), "307", id="a redirect"),
        pytest.param(answer(event("Hi")), "too early", id="truncated between events"),
        pytest.param(answer(event("Hi")[:-20]), "too early", id="truncated within an event"),
        pytest.param(answer(b""), "too early", id="nothing"),
        pytest.param(answer(b"data: {not json\n\n"), "cannot be read: {not json", id="no JSON"),
        pytest.param(answer(b"data: [1]\n\n"), "cannot be read", id="no object"),
        pytest.param(answer(b"data: 7\n\n"), "cannot be read", id="a number"),
        pytest.param(answer(b'data: {"choices": [{}]}\n\n'), "cannot be read", id="no delta"),
        pytest.param(
            answer(b'data: {"choices": [{"delta": {"content": 7}}]}\n\n'), "cannot be read", id="no text"
        ),
        pytest.param(
            answer(b'data: {"choices": [{"delta": {"content": "\\ud83d"}}]}\n\n'),
            "cannot be read",
            id="half a character",
        ),
        pytest.param(answer(b"data: \xff\xfe\n\n"), "no UTF-8", id="no UTF-8"),
        pytest.param(
            answer(b'data: {"error": {"message": "out of memory"}}\n\n'),
            "failed: out of memory",
            id="an error in the stream",
        ),
        pytest.param(answer(b"x" * (2 << 20)), "a line of more than", id="an endless line"),
        pytest.param(
            httpx.Response(200, headers=SSE, stream=Cut([event("Hi")], httpx.ReadError("reset by peer"))),
            r"broke \(reset by peer\).*start it",
            id="reset",
        ),
        pytest.param(httpx.RemoteProtocolError("what is this"), "broke", id="no HTTP"),
        pytest.param(answer(b"abc", headers=SSE | {"content-encoding": "gzip"}), "broke", id="no gzip"),
    ],
)
async def test_what_is_no_answer_is_an_engine_error_that_says_what_came(
    response: httpx.Response | Exception, said: str
) -> None:
    with pytest.raises(EngineError, match=said) as caught:
        await pieces_of(response)
    assert "http://model.test" in str(caught.value)


async def test_no_connection_is_told_apart() -> None:
    with pytest.raises(NoAnswerError, match=r"cannot be reached \(refused\)\. What to do: start it"):
        await pieces_of(httpx.ConnectError("refused"))


def test_the_request_always_says_how_to_draw() -> None:
    messages: list[Any] = [{"role": "user", "content": "Hi"}]
    assert chat_request("m", messages, Sampling()) == {
        "model": "m",
        "messages": messages,
        "temperature": 0.0,
        "top_p": 1.0,
        "max_tokens": 120,
        "stream": True,
    }
    more = chat_request("m", messages, Sampling(stop=("\n",), seed=3))
    assert more["stop"] == ["\n"]
    assert more["seed"] == 3
