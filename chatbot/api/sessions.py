"""Sessions: anonymous ones for everybody, identified ones for whom the shop's server vouches."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import Field

from chatbot import shop_tables
from chatbot.api.bodies import Body, JsonRoute, Text, View
from chatbot.api.deps import Kefu, client_address
from chatbot.shop import Customer
from configs.errors import AuthError, NotFoundError

router = APIRouter(prefix="/api", tags=["Sessions"], route_class=JsonRoute)

DEMO_CUSTOMERS = 6


class NewSession(Body):
    site_key: Annotated[Text, Field(max_length=100)] | None = None
    """Names the installation that the page was written for; a wrong one is refused."""
    identity: Annotated[Text, Field(max_length=8192)] | None = None
    """A JWT that the shop's server signed: sub = customer id, jti, aud = kefu:identity, exp within 15 minutes."""


class KnownCustomer(View):
    id: str
    name: str


class SessionView(View):
    token: str
    expires_at: datetime
    customer: KnownCustomer | None


class DemoIdentityWanted(Body):
    customer_id: Annotated[Text, Field(min_length=1, max_length=200)]


class DemoIdentity(View):
    identity: str


class DemoCustomer(View):
    id: str
    name: str
    country: str | None
    orders: int


class DemoCustomers(View):
    customers: list[DemoCustomer]


class ShopView(View):
    name: str
    currency: str
    locale: str
    simulated: bool
    email: str
    phone: str
    hours: str


@router.get("/shop", summary="What the widget says about the shop")
async def shop(services: Kefu) -> ShopView:
    facts = services.app.settings.shop
    return ShopView.model_validate(facts)


@router.post("/sessions", status_code=201, summary="Start a session")
async def create_session(request: Request, services: Kefu, body: NewSession | None = None) -> SessionView:
    """Without ``identity`` the session is anonymous; with it, the session is that customer's."""
    wanted = body or NewSession()
    services.new_sessions.take(client_address(request))
    services.auth.check_site_key(wanted.site_key)
    customer: Customer | None = None
    if wanted.identity is not None:
        customer_id = services.auth.read_identity(wanted.identity)
        customer = await asyncio.to_thread(services.app.shop.customer, customer_id)
        if customer is None:
            raise AuthError(
                "the identity token names a customer whom the shop does not know",
                hint="import the shop's customers, or send their id of the import as sub",
            )
    token, session = services.auth.issue_session(customer.id if customer else None)
    known = KnownCustomer(id=customer.id, name=customer.name) if customer else None
    return SessionView(token=token, expires_at=session.expires_at, customer=known)


@router.post("/demo/identity", tags=["Demo shop"], summary="Sign in as a simulated customer")
async def demo_identity(services: Kefu, body: DemoIdentityWanted) -> DemoIdentity:
    """What the server of a real shop does for its signed-in customer. Simulated shops alone have this."""
    _only_simulated(services)
    customer = await asyncio.to_thread(services.app.shop.customer, body.customer_id)
    if customer is None:
        raise NotFoundError("the simulated shop has no such customer", hint="see GET /api/demo/customers")
    return DemoIdentity(identity=services.auth.issue_identity(customer.id))


@router.get("/demo/customers", tags=["Demo shop"], summary="A few simulated customers to try")
async def demo_customers(services: Kefu) -> DemoCustomers:
    _only_simulated(services)
    return DemoCustomers(customers=await asyncio.to_thread(_some_customers, services.app.db))


def _only_simulated(services: Kefu) -> None:
    if not services.app.settings.shop.simulated:
        raise NotFoundError(
            "this shop is not simulated, so nobody signs in here", hint="see POST /api/sessions"
        )


def _some_customers(db: sa.Engine) -> list[DemoCustomer]:
    """Those whose orders are in the most different states: they have the most to ask."""
    customers, orders = shop_tables.customers.c, shop_tables.orders.c
    query = (
        sa.select(
            customers.id,
            customers.name,
            customers.country,
            sa.func.count(orders.key).label("orders"),
        )
        .join(shop_tables.orders, orders.customer_key == customers.key)
        .group_by(customers.id, customers.name, customers.country)
        .order_by(sa.func.count(sa.distinct(orders.status)).desc(), customers.id)
        .limit(DEMO_CUSTOMERS)
    )
    with db.connect() as connection:
        return [
            DemoCustomer(id=row.id, name=row.name, country=row.country, orders=row.orders)
            for row in connection.execute(query)
        ]
