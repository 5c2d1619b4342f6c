"""Plain ASGI middlewares: request ids and security headers, unexpected errors, size limit, counting.

They wrap the pages that are mounted beside the API as well, so none of them reads or holds back a body.
Does not know the endpoints.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.api.errors import ApiError, internal_error
from chatbot.api.metrics import Metrics

logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class RequestContext:
    """Give each request an id, and each response that id and the headers that browsers should see."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
                headers.setdefault("X-Frame-Options", "SAMEORIGIN")
                if headers.get("content-type", "").startswith("application/json"):
                    # Data, never a page: should a browser show it as one, it may do nothing. Pages bring
                    # policies of their own, since only they know what they load.
                    headers.setdefault(
                        "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"
                    )
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class Counting:
    """Count requests and their time by route template, so that ids in paths make no series of their own."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 499  # the client went away before there was an answer

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            self.metrics.request(scope["method"], _template(scope), status, time.perf_counter() - started)


def _template(scope: MutableMapping[str, Any]) -> str:
    path = getattr(scope.get("route"), "path", None)
    return str(path) if path else "other"


class UnexpectedErrors:
    """Turn what nobody expected into a logged 500 without internals.

    It sits inside the other middlewares, so that this answer too gets their headers; Starlette's own handler
    sits outside all of them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except ClientDisconnect:
            return  # there is nobody left to answer
        except Exception:  # the outermost place: a client gets a clean 500, the log the details
            request_id = scope["state"]["request_id"]
            logger.exception("request %s (%s %s) failed", request_id, scope["method"], scope["path"])
            if started:
                raise  # half an answer is out: closing the connection is the only way to say so
            await internal_error(request_id)(scope, receive, send)


class BodyLimit:
    """Refuse bodies of more than ``most`` bytes under ``prefixes`` before anything parses them."""

    def __init__(self, app: ASGIApp, most: int, prefixes: tuple[str, ...]) -> None:
        self.app, self.most, self.prefixes = app, most, prefixes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self.prefixes):
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        seen = 0

        async def receive_counted() -> Message:
            nonlocal seen
            if announced.isdecimal() and int(announced) > self.most:
                raise self._error(int(announced))
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most:
                raise self._error(None)
            return message

        await self.app(scope, receive_counted, send)

    def _error(self, size: int | None) -> ApiError:
        got = f"{size} bytes" if size is not None else f"more than {self.most} bytes"
        return ApiError(
            413, "too_large", f"the request body has {got}", expected=f"at most {self.most} bytes"
        )
