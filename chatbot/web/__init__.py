"""What people see in a browser: the widget, the demo shop with its pages, and staff's page for trying the bot.

``mount`` puts them on the API. All of it is served from here: no page of ours asks another host for anything.
"""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from string import Template
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from chatbot.web import pages as help_pages
from chatbot.web.assets import (
    EMBED_HEADERS,
    FOR_EVER,
    PAGE_HEADERS,
    REVALIDATE,
    WEB_DIR,
    Asset,
    asset,
    load_folder,
    respond,
    version_of,
)
from chatbot.web.tryout import Tryout
from configs.errors import NotFoundError
from configs.settings import ShopSettings

if TYPE_CHECKING:
    from chatbot.app import App

__all__ = ["mount"]


def mount(api: FastAPI, app: App) -> None:
    """Add the widget, the demo shop and ``/try`` to the API."""
    api.include_router(widget_router())
    api.include_router(demo_router(app.settings.shop))
    tryout = Tryout(app)
    api.mount("/try", tryout)
    lifespan_of_api = api.router.lifespan_context

    @asynccontextmanager
    async def lifespan(outer: FastAPI) -> AsyncIterator[Any]:
        async with lifespan_of_api(outer) as state:
            try:
                yield state
            finally:
                await tryout.aclose()

    api.router.lifespan_context = lifespan


def widget_router() -> APIRouter:
    """``/widget.js`` and its modules, which live under a path that changes with them."""
    router = APIRouter(include_in_schema=False)
    modules = load_folder(WEB_DIR / "widget")
    version = version_of(modules)
    launcher_source = modules.pop("widget.js").body.decode()
    launcher = asset(launcher_source.replace("__KEFU_ASSETS__", f"widget/{version}/").encode(), ".js")

    @router.api_route("/widget.js", methods=["GET", "HEAD"])
    async def widget(request: Request) -> Response:
        return respond(request, launcher, EMBED_HEADERS)

    @router.api_route("/widget/{wanted_version}/{name}", methods=["GET", "HEAD"])
    async def module(request: Request, wanted_version: str, name: str) -> Response:
        """A launcher from before an update asks for the old version: it gets the new one, uncached."""
        cache = FOR_EVER if wanted_version == version else REVALIDATE
        return respond(request, _find(modules, name), EMBED_HEADERS, cache=cache)

    return router


def demo_router(shop: ShopSettings) -> APIRouter:
    """The shop page at ``/demo``; its policy pages as long as the shop is the packaged, simulated one."""
    router = APIRouter(include_in_schema=False)
    folder = WEB_DIR / "demo"
    files = load_folder(folder)
    pages = help_pages.load_pages() if shop.simulated else {}
    page_template = files.pop("page.html").body.decode()
    index = _shop_page(files.pop("index.html").body.decode(), shop, pages)
    rendered = {
        name: asset(help_pages.page_html(page_template, page, pages, shop.name).encode(), ".html")
        for name, page in pages.items()
    }

    @router.get("/")
    async def home() -> Response:
        return RedirectResponse("/demo")

    @router.api_route("/demo", methods=["GET", "HEAD"])
    async def demo(request: Request) -> Response:
        return respond(request, index, PAGE_HEADERS)

    @router.api_route("/demo/{name}", methods=["GET", "HEAD"])
    async def demo_file(request: Request, name: str) -> Response:
        return respond(request, _find(files, name), PAGE_HEADERS)

    @router.api_route("/pages/{name}", methods=["GET", "HEAD"])
    async def help_page(request: Request, name: str) -> Response:
        return respond(request, _find(rendered, name.removesuffix(".md")), PAGE_HEADERS)

    @router.api_route("/favicon.ico", methods=["GET", "HEAD"])
    async def favicon(request: Request) -> Response:
        """Browsers ask for it on every page that names no icon."""
        return respond(request, files["icon.svg"], PAGE_HEADERS)

    return router


def _shop_page(template: str, shop: ShopSettings, pages: dict[str, help_pages.Page]) -> Asset:
    filled = Template(template).substitute(
        language=html.escape(shop.locale),
        shop=html.escape(shop.name),
        unless_simulated="" if shop.simulated else " hidden",
        # A real shop asks its shoppers first, on its own pages.
        events=" data-events" if shop.simulated else "",
        navigation=help_pages.navigation(pages),
    )
    return asset(filled.encode(), ".html")


def _find(files: dict[str, Asset], name: str) -> Asset:
    found = files.get(name)
    if found is None:
        raise NotFoundError(f"there is no file {name[:80]!r} here", hint="see /demo")
    return found
