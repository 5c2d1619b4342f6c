"""What shoppers do on the shop's pages: a batch of events, known to the next recommendation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from chatbot.api.bodies import Body, JsonRoute, Text, View
from chatbot.api.deps import Kefu, Shopper
from chatbot.behaviour import Behaviour, Done
from chatbot.shop import Shop, fold
from configs.errors import InputError

router = APIRouter(prefix="/api/events", tags=["Events"], route_class=JsonRoute)
BATCH = 50
_AHEAD = timedelta(minutes=5)
"""How far a browser's clock may be wrong."""
_BACK = timedelta(days=30)


class ShopperEvent(Body):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    """Chosen by the page, new for each event: the same again is the same event."""
    kind: Literal["view", "cart", "uncart", "like", "dislike", "rating", "neutral"]
    """``uncart``: taken out of the cart. ``neutral``: what was liked, disliked or rated no longer is."""
    sku: Annotated[Text, Field(min_length=1, max_length=200)]
    """A product's or a version's."""
    stars: Annotated[int, Field(ge=1, le=5)] | None = None
    """Of a rating."""
    at: AwareDatetime | None = Field(default=None, strict=False)
    """When it happened, with its time zone; now, if there is none."""
    ago: Annotated[float, Field(ge=0, le=_BACK.total_seconds())] | None = None
    """Or how many seconds ago: for pages, whose clock may be wrong."""


class Events(Body):
    events: Annotated[list[ShopperEvent], Field(min_length=1, max_length=BATCH)]


class Stored(View):
    stored: int
    """How many were new."""
    unknown: list[str]
    """Products that the shop does not have; their events were not kept."""


@router.post("", summary="Tell what the shopper did")
async def post_events(services: Kefu, session: Shopper, body: Events) -> Stored:
    """Whose events these are is the session's to say. Purchases and returns come from the shop's own data alone."""
    services.events.take(session.id)
    now = datetime.now(UTC)
    # Moments apart, so that what is done and taken back in one batch keeps its order.
    moments = [timedelta(microseconds=number) for number in range(len(body.events))]
    made = [_done(event, now + moment) for event, moment in zip(body.events, moments, strict=True)]
    return await asyncio.to_thread(
        _add, services.app.shop, services.app.behaviour, session.id, session.customer_id, made
    )


def _done(event: ShopperEvent, now: datetime) -> Done:
    """
    Raises:
        InputError: a rating without stars, stars without a rating, or a time that is told twice or cannot be.
    """
    if (event.kind == "rating") != (event.stars is not None):
        raise InputError(
            f"event {event.id!r} is of kind {event.kind!r}, with stars {event.stars}",
            expected="'stars' from 1 to 5 for a rating, and for nothing else",
        )
    if event.at is not None and event.ago is not None:
        raise InputError(
            f"event {event.id!r} says when it happened by 'at' and by 'ago'", expected="one of them"
        )
    at = event.at or now - timedelta(seconds=event.ago or 0)
    if not now - _BACK <= at <= now + _AHEAD:
        raise InputError(
            f"event {event.id!r} happened at {at.isoformat()}",
            expected=f"a time of the last {_BACK.days} days; the server's is {now.isoformat(timespec='seconds')}",
        )
    return Done(event.id, event.sku, event.kind, min(at, now), event.stars)


def _add(
    shop: Shop, behaviour: Behaviour, session_id: str, customer_id: str | None, events: Sequence[Done]
) -> Stored:
    found = shop.products(list({event.sku for event in events}))
    known = {fold(product.sku) for product in found}
    known |= {fold(variant.sku) for product in found for variant in product.variants}
    kept = [event for event in events if fold(event.sku) in known]
    unknown = sorted({event.sku for event in events if fold(event.sku) not in known})
    return Stored(stored=behaviour.add(session_id, customer_id, kept), unknown=unknown)
