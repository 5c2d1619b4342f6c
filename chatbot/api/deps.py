"""What endpoints ask for: the services of the app, the session of the caller, staff's key, well-formed ids."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from chatbot.api.intake import Intake
from chatbot.api.limits import Limiter
from chatbot.api.metrics import Metrics
from chatbot.app import App
from chatbot.auth import Auth, Session, from_this_machine
from chatbot.conversation import Conversation
from chatbot.insights.kept import Insights
from configs.errors import AuthError, ForbiddenError, NotFoundError


@dataclass(frozen=True, slots=True)
class Services:
    app: App
    auth: Auth
    intake: Intake
    insights: Insights
    metrics: Metrics
    new_sessions: Limiter
    new_conversations: Limiter
    messages: Limiter
    events: Limiter


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Kefu = Annotated[Services, Depends(_services)]

_shopper_scheme = HTTPBearer(auto_error=False, scheme_name="session", description="From POST /api/sessions.")
_staff_scheme = HTTPBearer(
    auto_error=False,
    scheme_name="staff",
    description="KEFU_STAFF_KEY; from this machine alone if none is set.",
)


async def _session(
    services: Kefu, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_shopper_scheme)]
) -> Session:
    if given is None:
        raise AuthError(
            "there is no session token",
            expected="the header 'Authorization: Bearer TOKEN'",
            hint="get a token from POST /api/sessions",
        )
    return services.auth.read_session(given.credentials)


Shopper = Annotated[Session, Depends(_session)]

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def well_formed(identifier: str) -> bool:
    """Whether it can be an id at all; the database must not see NUL characters and the like."""
    return _ID.fullmatch(identifier) is not None


async def _own_conversation(
    services: Kefu, session: Shopper, conversation_id: Annotated[str, Path(description="One of your own.")]
) -> Conversation:
    try:
        if not well_formed(conversation_id):
            raise NotFoundError("malformed")
        return await asyncio.to_thread(services.app.store.conversation, conversation_id, session.id)
    except NotFoundError:
        # One text for unknown, malformed and somebody else's: the answers are the same byte for byte.
        raise NotFoundError(
            "this session has no such conversation", hint="start one with POST /api/conversations"
        ) from None


OwnConversation = Annotated[Conversation, Depends(_own_conversation)]


async def _staff(
    request: Request,
    services: Kefu,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_staff_scheme)],
) -> None:
    key = services.app.settings.staff_key
    if key is None:
        if not from_this_machine(request.client.host if request.client else "", request.headers):
            raise ForbiddenError(
                "without a staff key this is for the machine itself alone",
                hint="set KEFU_STAFF_KEY on the server and send 'Authorization: Bearer KEY'",
            )
        return
    if given is None:
        raise AuthError("there is no staff key", expected="the header 'Authorization: Bearer KEFU_STAFF_KEY'")
    if not hmac.compare_digest(given.credentials.encode(), key.get_secret_value().encode()):
        raise AuthError("the staff key is wrong", expected="the value of KEFU_STAFF_KEY")


Staff = Depends(_staff)


def client_address(request: Request) -> str:
    """Whom limits for anonymous callers count; uvicorn puts the real one here behind a trusted proxy.

    One IPv6 household has 2**64 addresses: its network counts as one.
    """
    host = request.client.host if request.client else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host
