"""Conversations of a shopper: start one, post messages and stream the answers, read it again, rate answers."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from chatbot.api.bodies import Body, JsonRoute, Text, View
from chatbot.api.deps import Kefu, OwnConversation, Shopper, well_formed
from chatbot.api.streams import event_stream, public_turn
from chatbot.conversation import Conversation
from configs.errors import InputError, NotFoundError

router = APIRouter(prefix="/api/conversations", tags=["Conversations"], route_class=JsonRoute)

STREAM = {
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
    "description": "Events `planned retrieved toolran sentence carded cited handedover`, then `done` or "
    "`failed`. Each has an `id` for `Last-Event-ID`; the data of `done` holds the stored turn. While a person "
    "has the conversation there is one `handedover` (reason `person`) and no `done`.",
}


class NewConversation(Body):
    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")] | None = None
    """A BCP 47 tag; the shop's own locale if there is none."""


class ConversationView(View):
    id: str
    locale: str
    status: Literal["bot", "waiting", "person", "closed"]
    created_at: datetime


class TurnView(View):
    id: str
    number: int
    message: str
    reply: dict[str, Any]
    """text, kind, rung, citations, cards, quick_replies, confidence."""
    rung: str
    timings: dict[str, float]
    created_at: datetime


class PendingView(View):
    id: str
    text: str
    client_id: str | None
    created_at: datetime


class Transcript(ConversationView):
    turns: list[TurnView]
    pending: list[PendingView]
    """Posted, stored and not answered yet."""


class NewMessage(Body):
    text: Text
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    """Chosen by the client, new for each message. The same again is the same message: safe to send twice."""


class NewFeedback(Body):
    rating: Literal["up", "down"]
    comment: Annotated[Text, Field(max_length=2000)] = ""


@router.post("", status_code=201, summary="Start a conversation")
async def create_conversation(
    services: Kefu, session: Shopper, body: NewConversation | None = None
) -> ConversationView:
    services.new_conversations.take(session.id)
    locale = (body.locale if body else None) or services.app.settings.shop.locale
    made = await asyncio.to_thread(
        services.app.store.create_conversation, session.id, session.customer_id, locale
    )
    return _view(made)


@router.get("/{conversation_id}", summary="Read a conversation")
async def transcript(services: Kefu, conversation: OwnConversation) -> Transcript:
    store = services.app.store
    # Pending first: a message that is answered in between is then in both, and in neither the other way round.
    pending = await asyncio.to_thread(store.pending, conversation.id)
    turns = await asyncio.to_thread(store.turns, conversation.id)
    return Transcript(
        **_view(conversation).model_dump(),
        turns=[TurnView.model_validate(public_turn(turn)) for turn in turns],
        pending=[PendingView.model_validate(message) for message in pending],
    )


@router.post(
    "/{conversation_id}/messages",
    summary="Post a message and stream the answer",
    response_class=StreamingResponse,
    responses={200: STREAM},
)
async def post_message(
    services: Kefu, session: Shopper, conversation: OwnConversation, body: NewMessage
) -> StreamingResponse:
    """The message is stored before the stream starts; hanging up does not stop the answer."""
    _check_length(body.text, services.app.settings.api.max_message_chars)
    services.messages.take(session.id)
    log = await services.intake.post(conversation, body.text, body.client_id)
    return event_stream(log)


@router.get(
    "/{conversation_id}/events",
    summary="Resume the stream of a turn",
    response_class=StreamingResponse,
    responses={200: STREAM},
)
async def resume(
    services: Kefu,
    conversation: OwnConversation,
    turn: Annotated[str, Query(description="The turn's id: an event's id up to the last colon.")],
    last_event_id: Annotated[str | None, Header(description="The last event that arrived.")] = None,
) -> StreamingResponse:
    """Long after the turn, and with ``Last-Event-ID``, ``done`` alone is sent: it holds the whole reply."""
    if not well_formed(turn):
        raise NotFoundError("this conversation has no such turn")
    log = await services.intake.resume(conversation.id, turn, last_event_id)
    return event_stream(log, last_event_id)


@router.post("/{conversation_id}/turns/{turn_id}/feedback", status_code=204, summary="Rate an answer")
async def feedback(services: Kefu, conversation: OwnConversation, turn_id: str, body: NewFeedback) -> None:
    """A later rating replaces the earlier one."""
    await asyncio.to_thread(_add_feedback, services, conversation, turn_id, body)


def _add_feedback(services: Kefu, conversation: Conversation, turn_id: str, body: NewFeedback) -> None:
    unknown = NotFoundError("this conversation has no such turn")
    if not well_formed(turn_id):
        raise unknown
    try:
        turn = services.app.store.turn(turn_id)
    except NotFoundError:
        raise unknown from None
    if turn.conversation_id != conversation.id:
        raise unknown
    services.app.store.add_feedback(turn_id, body.rating, body.comment)


def _check_length(text: str, most: int) -> None:
    if not text.strip():
        raise InputError("the message is empty", expected="'text' with at least one visible character")
    if len(text) > most:
        raise InputError(
            f"the message has {len(text)} characters",
            expected=f"at most {most}",
            hint="send it in several messages",
        )


def _view(conversation: Conversation) -> ConversationView:
    return ConversationView.model_validate(conversation)
