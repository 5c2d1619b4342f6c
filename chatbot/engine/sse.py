"""A client of the OpenAI chat protocol, streaming: builds the request, reads server-sent events, strictly.

Everything that can go wrong with a server becomes an ``EngineError`` that says what came instead.
Does not know who runs the server, and sets no deadline (``deadline.within`` does).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

import httpx

from chatbot.engine.base import Sampling
from chatbot.prompt import ChatMessage
from configs.errors import EngineError

ONE_USE = httpx.Limits(max_keepalive_connections=0)
"""For every client: llama.cpp's server drops one in four requests on a connection that has streamed before."""

_MAX_LINE = 1 << 20
"""A line longer than this is no token: give up instead of filling the memory."""


class NoAnswerError(EngineError):
    """The connection failed before the answer began, so that the request may be sent again."""


def chat_request(model: str, messages: Sequence[ChatMessage], sampling: Sampling) -> dict[str, Any]:
    """The fields that every server of the protocol takes.

    ``temperature`` and ``top_p`` are always sent: without them vLLM applies the model's generation_config.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": list(messages),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "stream": True,
    }
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    return body


async def stream_chat(
    client: httpx.AsyncClient, url: str, body: Mapping[str, Any], *, hint: str
) -> AsyncGenerator[str, None]:
    """Post ``body`` and yield the pieces of the reply; closing the generator closes the connection.

    ``hint`` says what to do about a server that cannot be reached, breaks off or speaks another protocol.

    Raises:
        NoAnswerError: there is no connection, or it broke before the answer began.
        EngineError: the server refuses, breaks off or answers what is no chat stream.
    """
    begun = finished = False
    try:
        async with client.stream("POST", url, json=body) as response:
            begun = True
            await _check_head(response, url, hint)
            async for data in _events(response.aiter_bytes(), url):
                if data == "[DONE]":
                    return
                piece, last = _piece(data, url)
                finished = finished or last
                if piece:
                    yield piece
            if not finished:
                raise EngineError(
                    f"the model server at {url} ended its stream too early",
                    expected="a finish_reason or [DONE]",
                    hint=hint,
                )
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        if isinstance(error, httpx.ConnectError):
            raise NoAnswerError(
                f"the model server at {url} cannot be reached ({reason})", hint=hint
            ) from error
        kind = EngineError if begun else NoAnswerError
        raise kind(f"the connection to the model server at {url} broke ({reason})", hint=hint) from error


async def _check_head(response: httpx.Response, url: str, hint: str) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code == 200 and kind == "text/event-stream":
        return
    said = await _beginning(response)
    if response.status_code != 200:
        raise EngineError(
            f"the model server at {url} answered {response.status_code}: {_server_message(said)}"
        )
    raise EngineError(
        f"the model server at {url} answered {kind or 'without a content type'}: {_shorten(said)}",
        expected="text/event-stream",
        hint=hint,
    )


async def _beginning(response: httpx.Response) -> str:
    read = bytearray()
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) > 4096:
            break
    return read.decode("utf-8", "replace")


def _server_message(said: str) -> str:
    """The words of an error in OpenAI's form, or the beginning of whatever came."""
    try:
        error = json.loads(said)["error"]
        return _shorten(str(error["message"] if isinstance(error, dict) else error))
    except (ValueError, KeyError, TypeError):
        return _shorten(said)


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return (text[:199] + "…" if len(text) > 200 else text) or "an empty body"


async def _events(chunks: AsyncIterator[bytes], url: str) -> AsyncIterator[str]:
    """The ``data`` of each event.

    Lines are split as bytes: ``str.splitlines`` would also split at U+2028, which JSON may hold.
    """
    buffer = b""
    data: list[str] = []
    async for chunk in chunks:
        buffer += chunk
        *lines, buffer = buffer.split(b"\n")
        if len(buffer) > _MAX_LINE:
            raise EngineError(
                f"the model server at {url} sent a line of more than {_MAX_LINE} bytes",
                expected="server-sent events",
            )
        for raw in lines:
            line = _decode(raw.removesuffix(b"\r"), url)
            if not line:
                if data:
                    yield "\n".join(data)
                data = []
            elif line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            # A line of another field, or a comment that keeps the connection open, says nothing to us.


def _decode(raw: bytes, url: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EngineError(f"the model server at {url} sent bytes that are no UTF-8: {raw[:80]!r}") from error


def _piece(data: str, url: str) -> tuple[str, bool]:
    """The text of one event, and whether it says that the reply is complete."""
    try:
        event = json.loads(data)
        if "error" in event:
            raise EngineError(f"the model server at {url} failed: {_server_message(data)}")
        if not event["choices"]:  # usage alone
            return "", False
        choice = event["choices"][0]
        text = choice["delta"].get("content") or ""
        text.encode("utf-8")  # a lone surrogate is half a character
        return text, choice.get("finish_reason") is not None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise EngineError(
            f"the model server at {url} sent an event that cannot be read: {_shorten(data)}",
            expected="a chat.completion.chunk",
        ) from error
