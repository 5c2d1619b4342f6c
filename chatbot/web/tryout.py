"""``/try``: staff's page, mounted without Gradio, which is imported when the page is first asked for.

Importing Gradio costs seconds, and a server that nobody tries the bot on should not pay them. Also sees to it that
the page asks no other host for anything. What the page shows is in ``tryout_page``.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from chatbot.web.staff import refusal

if TYPE_CHECKING:
    from chatbot.app import App

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_UNWANTED = re.compile(rb"<(?:meta|link)[^>]*(?:https?://|/manifest\.json)[^>]*/?>", re.DOTALL)
"""Preview pictures on other hosts, and a manifest for installing the page as an app."""


class Tryout:
    """The ASGI app at ``/try``."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._page: FastAPI | None = None
        self._building = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._living: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # Gradio needs no web sockets
        key = self._app.settings.staff_key
        refused = refusal(Request(scope), key.get_secret_value() if key else None)
        if refused is not None:
            await refused(scope, receive, send)
            return
        page = await self._ready()
        await page(scope, receive, _Guarded(send))

    async def aclose(self) -> None:
        """End Gradio's own tasks, if it was ever loaded."""
        self._stopping.set()
        if self._living is not None:
            await self._living

    async def _ready(self) -> FastAPI:
        async with self._building:
            if self._page is None:
                page = await asyncio.to_thread(_build, self._app)
                started = asyncio.Event()
                self._living = asyncio.create_task(self._live(page, started))
                await started.wait()
                self._page = page
            return self._page

    async def _live(self, page: FastAPI, started: asyncio.Event) -> None:
        """The page's lifespan, begun and ended in one task, as its task groups ask for."""
        async with page.router.lifespan_context(page):
            started.set()
            await self._stopping.wait()


def _build(app: App) -> FastAPI:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported
    from chatbot.web.tryout_page import mounted_page

    return mounted_page(app)


class _Guarded:
    """A ``send`` that gives the page a policy of its own and takes references to other hosts out of its HTML.

    Gradio writes inline styles, so those have to be allowed here; its inline scripts are allowed one by one, by
    their hashes. Nothing may come from, or go to, another host.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_html(self._start)
            return
        await self._send(message)

    async def _send_html(self, start: Message) -> None:
        html = _UNWANTED.sub(b"", self._body)
        headers = MutableHeaders(scope=start)
        headers["Content-Length"] = str(len(html))
        headers["Content-Security-Policy"] = policy_for(html)
        headers["Cache-Control"] = "no-store"
        await self._send(start)
        await self._send({"type": "http.response.body", "body": html})


def policy_for(html: bytes) -> str:
    digests = [
        base64.b64encode(hashlib.sha256(match.group(1)).digest()).decode()
        for match in _INLINE_SCRIPT.finditer(html)
    ]
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "object-src 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
