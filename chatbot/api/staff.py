"""For staff: what is known of a customer, taking it away, and who comes back.

Whoever may ask has the staff key; without one, only the machine itself. Nothing here is for a shopper, not even their own profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from chatbot.api.bodies import View
from chatbot.api.deps import Kefu, Staff
from chatbot.insights.retention import LONGEST

router = APIRouter(prefix="/api/staff", tags=["Staff"], dependencies=[Staff])


class EvidenceView(View):
    kind: str
    """order, message, or the kind of an event."""
    id: str
    at: str
    sku: str | None
    product: str | None


class Founded(View):
    evidence: list[EvidenceView]
    """The newest facts behind this, at most five."""


class InterestView(Founded):
    of: str
    """category, brand, or an attribute's name."""
    value: str
    share: float
    """The part of all that speaks for something, faded with time."""
    usual: float
    """The part of the shop's sales."""
    facts: int


class PriceView(Founded):
    of: str
    """A category, or all."""
    rank: float
    """The mean place among the prices of the category: 0 the lowest, 1 the highest."""
    level: Literal["low", "middle", "high"]
    products: int


class CycleView(Founded):
    of: Literal["product", "category"]
    sku: str | None
    name: str
    times: int
    every_days: float
    last: str
    due: str
    due_in: int
    """Days; below zero if it is late."""
    over: bool


class KeywordView(Founded):
    word: str
    weight: float
    messages: int
    usual: float
    """The share of all shoppers' messages."""


class BuyingView(Founded):
    """``spent`` and ``average`` by currency, without orders that were sent back or whose value is not known."""

    orders: int
    days_since: int | None
    first: str | None
    last: str | None
    spent: Mapping[str, Decimal]
    average: Mapping[str, Decimal]
    sent_back: int
    unpriced: int


class RiskView(View):
    period: int
    """Days."""
    why: str
    """What it rests on, or why there is none."""
    churn: float | None
    """The probability of no order in the period."""
    expected: float | None
    """Orders in the period."""
    alive: float | None


class ProfileView(View):
    customer_id: str
    name: str
    as_of: str
    facts: Mapping[str, int]
    buying: BuyingView
    risk: RiskView
    categories: list[InterestView]
    brands: list[InterestView]
    attributes: list[InterestView]
    prices: list[PriceView]
    cycles: list[CycleView]
    keywords: list[KeywordView]


class ErasedView(View):
    profile: bool
    events: int
    explored: int
    """What exploring had offered to them."""
    orders: int
    """They stay: a profile can be made of them again."""
    messages: int
    """They stay too."""
    recommender_knew: bool
    """The recommender may have learned from the events. A running server trains it again every ``recommend.retrain_hours``, and
    ``kefu recommend train`` at once."""


class ShareView(View):
    customers: int
    back: int
    share: float
    low: float
    high: float


class CohortView(View):
    month: str
    customers: int
    periods: list[ShareView | None]


class RetentionView(View):
    """None where a period is not over."""

    period: int
    as_of: str
    cohorts: list[CohortView]
    overall: list[ShareView | None]


# Plain functions: FastAPI runs them in threads, where the database may take its time.


@router.get("/customers/{customer_id:path}/profile", summary="What is known of a customer")
def get_profile(services: Kefu, customer_id: str) -> ProfileView:
    """Brought up to date now."""
    return ProfileView.model_validate(services.insights.profile(customer_id))


@router.delete("/customers/{customer_id:path}/profile", summary="Delete a customer's profile and events")
def delete_profile(services: Kefu, customer_id: str) -> ErasedView:
    """In all sessions of theirs."""
    gone = services.insights.erase(customer_id)
    return ErasedView(
        profile=gone.profile,
        events=gone.events,
        explored=gone.explored,
        orders=gone.orders,
        messages=gone.messages,
        recommender_knew=gone.events > 0,
    )


@router.get("/retention", summary="Who comes back and buys again")
def get_retention(
    services: Kefu,
    period: Annotated[
        int | None, Query(ge=1, le=LONGEST, description="Days; the shop's own if not given.")
    ] = None,
) -> RetentionView:
    """By the month of the first order, in each period after it."""
    return RetentionView.model_validate(services.insights.retention(period))
