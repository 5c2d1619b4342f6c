"""How a request body is read: JSON alone, strictly, and every failure named before a model sees it.

Also holds what all request models share. Does not know any endpoint's fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict

from chatbot.api.errors import ApiError

MAX_DEPTH = 64


class Body(BaseModel):
    """Unknown fields are refused, and nothing is converted silently: ``"1"`` is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class View(BaseModel):
    """What is sent back. Made from the value types by the names of their fields."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


def _readable(text: str) -> str:
    for position, character in enumerate(text):
        if character < " " and character not in "\t\n\v\f\r":
            raise ValueError(f"text without control characters (U+{ord(character):04X} at {position})")
        if "\ud800" <= character <= "\udfff":
            raise ValueError(f"whole Unicode characters (half of a pair at {position})")
    return text


Text = Annotated[str, AfterValidator(_readable)]
"""Text that can be stored, searched and shown: no NUL, no other control character, no lone surrogate."""


class JsonRoute(APIRoute):
    """Says what is wrong with a body that is no JSON; FastAPI's own words for it fit no shopper and no log."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def checked(request: Request) -> Response:
            _check(await request.body(), request.headers.get("content-type", ""))
            return await handle(request)

        return checked


def _check(body: bytes, content_type: str) -> None:
    """
    Raises:
        ApiError: the body is of another type (415), or no JSON (400).
    """
    if not body:
        return  # whether a body is needed is for the endpoint's model to say
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json":
        shown = ascii(media_type[:60]) if media_type else "no media type"
        raise ApiError(
            415,
            "unsupported_media_type",
            f"the request body has {shown}",
            expected="the header 'Content-Type: application/json'",
        )
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(f"the request body is no UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from None
    try:
        parsed = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _bad(
            f"the request body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # NaN, or an integer with too many digits
        raise _bad(f"the request body has a number that cannot be used: {str(error)[:80]}") from None
    _check_depth(parsed)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_depth(parsed: object) -> None:
    level: list[object] = [parsed]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> ApiError:
    return _bad("the request body is nested too deeply", expected=f"at most {MAX_DEPTH} levels")


def _bad(message: str, *, expected: str = "one JSON object in UTF-8") -> ApiError:
    return ApiError(400, "bad_request", message, expected=expected)
