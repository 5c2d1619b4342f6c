"""``create_api(app)``: the FastAPI application with everything of this package in its place.

Does not build the app, serve, or know the pages that others mount on what it returns.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Protocol

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from chatbot.api import catalogue, conversations, events, openai_compat, ops, sessions, staff
from chatbot.api.deps import Services
from chatbot.api.errors import ErrorBody, add_error_handlers
from chatbot.api.intake import Intake
from chatbot.api.limits import Limiter
from chatbot.api.metrics import Metrics
from chatbot.api.middleware import BodyLimit, Counting, RequestContext, UnexpectedErrors
from chatbot.app import App, clock
from chatbot.auth import build_auth
from chatbot.conversation import Conversation, Event
from chatbot.insights.kept import Insights
from chatbot.turn import Bot, answer

DESCRIPTION = """Answers shoppers' questions from the shop's own documents, products and orders, with sources.

A shopper's page starts a session, then a conversation, then posts messages and reads the answer as a stream of
events. Programs may use the OpenAI-compatible endpoint instead.

Every error has the same form: {"error": {"code", "message", "expected", "hint"}}."""


class AnswerTurn(Protocol):
    """The form of ``chatbot.turn.answer``."""

    def __call__(
        self, bot: Bot, conversation: Conversation, text: str, *, message_ids: Sequence[str] = ()
    ) -> AsyncIterator[Event]: ...


def create_api(app: App, answer_turn: AnswerTurn = answer) -> FastAPI:
    """The HTTP side of ``app``. Whoever built ``app`` closes it, after the server has stopped.

    Raises:
        ConfigError: the secret is too short, or others may read the file that holds it.
    """
    services = _services(app, answer_turn)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await services.intake.start()
        yield
        await services.intake.aclose()

    limits = app.settings.api
    api = FastAPI(
        title=f"kefu for {app.settings.shop.name}",
        version=version("kefu"),
        description=DESCRIPTION,
        docs_url=None,  # FastAPI's own pages load their parts from elsewhere; chatbot.api.docs does not
        redoc_url=None,
        lifespan=lifespan,
        responses={"4XX": {"model": ErrorBody, "description": "What was wrong with the request."}},
        middleware=[
            Middleware(RequestContext),
            Middleware(Counting, metrics=services.metrics),
            Middleware(
                CORSMiddleware,
                allow_origins=limits.allowed_origins,
                allow_methods=("GET", "POST"),
                allow_headers=("Authorization", "Content-Type", "Last-Event-ID"),
                expose_headers=("X-Request-ID", "Retry-After"),
            ),
            Middleware(UnexpectedErrors),
            Middleware(BodyLimit, most=limits.max_body_bytes, prefixes=("/api/", "/v1/")),
        ],
    )
    api.state.services = services
    add_error_handlers(api)
    for part in (sessions, conversations, events, catalogue, openai_compat, staff, ops):
        api.include_router(part.router)
    return api


def _services(app: App, answer_turn: AnswerTurn) -> Services:
    limits = app.settings.api
    metrics = Metrics()

    def answer_with_bot(
        conversation: Conversation, text: str, *, message_ids: Sequence[str]
    ) -> AsyncIterator[Event]:
        return answer_turn(app.bot, conversation, text, message_ids=message_ids)

    return Services(
        app=app,
        auth=build_auth(app.settings),
        intake=Intake(app.store, answer_with_bot, metrics, max_turn_chars=limits.max_message_chars),
        insights=Insights(app.db, app.settings, clock(app.settings)),
        metrics=metrics,
        new_sessions=Limiter("new sessions", limits.sessions_per_minute, 60),
        new_conversations=Limiter("new conversations", limits.messages_per_10s, 10),
        messages=Limiter("messages", limits.messages_per_10s, 10),
        events=Limiter("batches of events", limits.event_batches_per_minute, 60),
    )
