"""``/v1/chat/completions`` for whatever speaks OpenAI's protocol: the same turn, told in other words.

Stateless: the earlier ``messages`` are the history. Each call is a throw-away conversation, stored under the
session "api" without a customer, so order tools ask to sign in. kefu answers by its own rules: sampling and
system messages do not change what it says, and the extension field ``kefu`` names what was ignored.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import ConfigDict, Field

from chatbot.api.bodies import Body, JsonRoute, Text, View
from chatbot.api.deps import Kefu, Services, Staff
from chatbot.api.errors import ApiError
from chatbot.api.streams import KEEP_ALIVE_SECONDS, TurnLog
from chatbot.conversation import Conversation, Evidence, Reply, Turn
from configs.errors import InputError, NotFoundError

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"], route_class=JsonRoute, dependencies=[Staff])

MODEL = "kefu"
SESSION = "api"
HISTORY_TURNS = 6
"""Pairs of the given history that a turn looks at; older ones are dropped."""

IGNORED = frozenset(
    "temperature top_p max_tokens max_completion_tokens presence_penalty frequency_penalty seed stop user metadata "
    "store service_tier safety_identifier prompt_cache_key prompt_cache_options prompt_cache_retention "
    "reasoning_effort verbosity parallel_tool_calls".split()
)
UNSUPPORTED = frozenset(
    "tools tool_choice functions function_call response_format logprobs top_logprobs logit_bias audio modalities "
    "moderation prediction web_search_options".split()
)


class TextPart(Body):
    type: Literal["text"]
    text: Text


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[TextPart], Field(max_length=100)]
    name: Text | None = None

    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class StreamOptions(Body):
    include_usage: bool = False
    include_obfuscation: bool = False


class ChatRequest(Body):
    """Further parameters are looked at by name: some are ignored, some refused, unknown ones too."""

    model_config = ConfigDict(extra="allow")

    model: Text = MODEL
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=200)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = 1


class ModelView(View):
    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "kefu"


class ModelList(View):
    object: Literal["list"] = "list"
    data: list[ModelView]


@dataclass(frozen=True, slots=True)
class _Call:
    """One completion on its way. ``prompt`` is all the text that was sent in."""

    id: str
    created: int
    prompt: str
    ignored: tuple[str, ...]
    conversation_id: str
    log: TurnLog


@router.get("/models", summary="The one model")
async def models() -> ModelList:
    return ModelList(data=[ModelView(id=MODEL)])


@router.get("/models/{model}", summary="Its description")
async def model(model: str) -> ModelView:
    _check_model(model)
    return ModelView(id=MODEL)


@router.post(
    "/chat/completions",
    summary="Answer a conversation",
    response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/event-stream": {}}}},
)
async def chat_completions(services: Kefu, body: ChatRequest) -> Response:
    """With ``stream`` as chunks, then ``[DONE]``. Citations, rung and cards are in the field ``kefu``."""
    ignored = _check(body)
    history, text = _split(body.messages)
    most = services.app.settings.api.max_message_chars
    if not text.strip() or len(text) > most:
        raise InputError(
            f"the last user message has {len(text.strip())} characters", expected=f"between 1 and {most}"
        )
    conversation = await asyncio.to_thread(_conversation, services, history)
    log = await services.intake.post(conversation, text)
    call = _Call(
        id=f"chatcmpl-{uuid.uuid4().hex}",
        created=int(time.time()),
        prompt="\n".join(message.text() for message in body.messages),
        ignored=ignored,
        conversation_id=conversation.id,
        log=log,
    )
    if body.stream:
        usage = body.stream_options is not None and body.stream_options.include_usage
        return StreamingResponse(
            _chunks(call, usage),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
    return JSONResponse(await _completion(call))


def _check(body: ChatRequest) -> tuple[str, ...]:
    """What was given and has no effect.

    Raises:
        ApiError: a parameter that kefu cannot honour.
        InputError: a parameter that nobody knows.
    """
    _check_model(body.model)
    if body.n not in (None, 1):
        raise _unsupported("n", f"is {body.n}", "1: kefu gives one answer")
    given = {name for name, value in (body.model_extra or {}).items() if value is not None}
    if refused := sorted(given & UNSUPPORTED):
        raise _unsupported(refused[0], "is not supported", "a request without it: kefu's tools are its own")
    if unknown := sorted(given - IGNORED):
        raise InputError(f"{unknown[0]!r} is no known field", hint="the fields are listed at /docs")
    if body.messages[-1].role != "user":
        raise ApiError(
            400,
            "unsupported_value",
            f"the last message is of the role {body.messages[-1].role!r}",
            expected="a message of the user",
        )
    system = [
        f"messages[{number}]"
        for number, message in enumerate(body.messages)
        if message.role in ("system", "developer")
    ]
    return (*sorted(given), *system)


def _check_model(name: str) -> None:
    if name != MODEL:
        raise NotFoundError("there is no such model", expected=MODEL, hint="see GET /v1/models")


def _unsupported(name: str, problem: str, expected: str) -> ApiError:
    return ApiError(400, "unsupported_parameter", f"{name!r} {problem}", expected=expected)


def _split(messages: Sequence[ChatMessage]) -> tuple[list[tuple[str, str]], str]:
    """The exchanges so far as pairs, and what is asked now. Several messages in a row are one."""
    pairs: list[tuple[str, str]] = []
    asked: list[str] = []
    said: list[str] = []
    for message in messages:
        if message.role == "assistant":
            said.append(message.text())
        elif message.role == "user":
            if said:
                pairs.append(("\n".join(asked), "\n".join(said)))
                asked, said = [], []
            asked.append(message.text())
    return pairs[-HISTORY_TURNS:], "\n".join(asked)


def _conversation(services: Services, history: Sequence[tuple[str, str]]) -> Conversation:
    """Store the given history as turns, where ``answer`` finds the history of every conversation."""
    store = services.app.store
    conversation = store.create_conversation(SESSION, None, services.app.settings.shop.locale)
    for number, (asked, said) in enumerate(history, start=1):
        store.add_turn(
            Turn(
                id=uuid.uuid4().hex,
                conversation_id=conversation.id,
                number=number,
                message=asked,
                plans=(),
                evidence=Evidence(),
                reply=Reply(said, "answer", "social"),
                timings={},
                model="given by the client",
                index_version="",
                created_at=datetime.now(UTC),
            )
        )
    return conversation


async def _completion(call: _Call) -> dict[str, Any]:
    async for item in call.log.follow():
        if item is not None and item.type == "failed":
            raise _failure(json.loads(item.data))
        if item is not None and item.type == "done":
            turn = json.loads(item.data)["turn"]
            text = turn["reply"]["text"]
            message = {"role": "assistant", "content": text, "refusal": None, "kefu": _extension(call, turn)}
            choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
            return {**_frame(call, "chat.completion"), "choices": [choice], "usage": _usage(call, text)}
    raise ApiError(503, "turn_failed", "the turn ended without an answer", hint="send it again")


async def _chunks(call: _Call, include_usage: bool) -> AsyncIterator[bytes]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        usage = {"usage": None} if include_usage else {}
        return _event({**_frame(call, "chat.completion.chunk"), "choices": [choice], **usage, **more})

    yield chunk({"role": "assistant", "content": ""})
    sent = ""
    async for item in call.log.follow(keep_alive=KEEP_ALIVE_SECONDS):
        if item is None:
            yield b": still here\n\n"
        elif item.type == "sentence":
            piece = json.loads(item.data)["text"]
            sent += piece
            yield chunk({"content": piece})
        elif item.type == "failed":
            error = _failure(json.loads(item.data))
            yield _event(
                {"error": {"code": error.code, "message": error.message, "expected": "", "hint": error.hint}}
            )
        elif item.type == "done":
            yield chunk({}, "stop", kefu=_extension(call, json.loads(item.data)["turn"]))
            if include_usage:
                frame = _frame(call, "chat.completion.chunk")
                yield _event({**frame, "choices": [], "usage": _usage(call, sent)})
    yield b"data: [DONE]\n\n"


def _failure(data: dict[str, Any]) -> ApiError:
    return ApiError(503, "turn_failed", data["text"], hint="send it again")


def _frame(call: _Call, kind: str) -> dict[str, Any]:
    return {"id": call.id, "object": kind, "created": call.created, "model": MODEL}


def _extension(call: _Call, turn: dict[str, Any]) -> dict[str, Any]:
    reply = turn["reply"]
    return {
        "conversation_id": call.conversation_id,
        "turn_id": turn["id"],
        "rung": turn["rung"],
        **{name: reply[name] for name in ("kind", "confidence", "citations", "cards", "quick_replies")},
        "timings": turn["timings"],
        "ignored": list(call.ignored),
        "usage": "estimated: most answers are made without a language model",
    }


def _usage(call: _Call, text: str) -> dict[str, int]:
    asked, said = _count(call.prompt), _count(text)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _count(text: str) -> int:
    """Words, signs and Chinese characters: near enough to tokens for a budget, and the same for every engine."""
    return len(re.findall(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+|[^\w\s]", text))


def _event(content: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
