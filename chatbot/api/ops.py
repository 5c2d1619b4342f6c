"""For whoever runs the service: is it alive, is it ready, how does it do, what does it offer."""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from chatbot.api.bodies import View
from chatbot.api.deps import Kefu, Services, Staff
from chatbot.api.docs import PAGE_POLICY, render
from configs.errors import KefuError

router = APIRouter(tags=["Operations"])
logger = logging.getLogger(__name__)

CHECK_SECONDS = 3.0
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class HealthView(View):
    status: Literal["ok"] = "ok"
    version: str


class ReadyView(View):
    ready: bool
    """Whether shoppers get answers. Without the language model they do: the other rungs speak."""
    database: Literal["up", "down"]
    index: Literal["up", "down"]
    engine: Literal["up", "down", "off"]
    simulated: bool


@router.get("/health", summary="Is the process alive?")
async def health() -> HealthView:
    return HealthView(version=version("kefu"))


@router.get("/ready", summary="Can it answer?", responses={503: {"model": ReadyView}})
async def ready(services: Kefu, response: Response) -> ReadyView:
    database, index, engine = await asyncio.gather(
        asyncio.to_thread(_database_up, services),
        asyncio.to_thread(_index_up, services),
        _engine_up(services),
    )
    view = ReadyView(
        ready=database and index,
        database="up" if database else "down",
        index="up" if index else "down",
        engine="off" if services.app.settings.engine.kind == "off" else "up" if engine else "down",
        simulated=services.app.settings.shop.simulated,
    )
    if not view.ready:
        response.status_code = 503
    return view


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    dependencies=[Staff],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(services: Kefu) -> Response:
    services.metrics.engine(services.app.engine.model, await _engine_up(services))
    return Response(services.metrics.render(), media_type=PROMETHEUS)


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    page = render(request.app.openapi(), str(request.base_url))
    return HTMLResponse(page, headers={"Content-Security-Policy": PAGE_POLICY})


def _database_up(services: Services) -> bool:
    try:
        with services.app.db.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        logger.exception("the database does not answer")
        return False
    return True


def _index_up(services: Services) -> bool:
    try:
        return bool(services.app.search.version)
    except (KefuError, OSError, SQLAlchemyError):
        logger.exception("the index does not answer")
        return False


async def _engine_up(services: Services) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return (await services.app.engine.health()).ready
    except (KefuError, TimeoutError):
        return False
