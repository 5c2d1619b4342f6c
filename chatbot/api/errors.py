"""Every error leaves as ``{"error": {code, message, expected, hint}}`` with the right status.

    KefuError                     status  code
    ├── InputError                422     invalid
    ├── NotFoundError             404     not_found
    ├── AuthError                 401     unauthorized
    │   └── ForbiddenError        403     forbidden
    ├── LimitError                429     too_many_requests (with Retry-After)
    ├── EngineError               503     engine_unavailable
    ├── ApiError                  its own status and code (400, 409, 413, 415, 503)
    └── all others                500     internal, without their text

Does not know what the endpoints do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from configs.errors import (
    AuthError,
    EngineError,
    ForbiddenError,
    InputError,
    KefuError,
    LimitError,
    NotFoundError,
)


class ApiError(KefuError):
    """An error that only HTTP has a word for."""

    def __init__(self, status: int, code: str, message: str, *, expected: str = "", hint: str = "") -> None:
        self.status, self.code = status, code
        super().__init__(message, expected=expected, hint=hint)


class ErrorDetail(BaseModel):
    code: str
    message: str
    expected: str = ""
    hint: str = ""


class ErrorBody(BaseModel):
    """What every error looks like."""

    error: ErrorDetail


_STATUS: Sequence[tuple[type[KefuError], int, str]] = (
    # The first that fits counts: subclasses before their bases.
    (ForbiddenError, 403, "forbidden"),
    (AuthError, 401, "unauthorized"),
    (NotFoundError, 404, "not_found"),
    (LimitError, 429, "too_many_requests"),
    (InputError, 422, "invalid"),
    (EngineError, 503, "engine_unavailable"),
)

_PLAIN: Mapping[int, tuple[str, str, str]] = {
    400: ("bad_request", "the request cannot be read", "see /docs"),
    404: ("not_found", "there is nothing at this address", "the addresses are listed at /docs"),
    405: ("method_not_allowed", "this address does not take that method", "see the Allow header and /docs"),
    413: ("too_large", "the request body is too large", "send less"),
}


def error_response(
    status: int,
    code: str,
    message: str,
    *,
    expected: str = "",
    hint: str = "",
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = {"error": {"code": code, "message": message, "expected": expected, "hint": hint}}
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


def internal_error(request_id: str) -> JSONResponse:
    """A 500 that says nothing about the inside; the log has the rest under the same id."""
    return error_response(
        500,
        "internal",
        "the service could not do this; the fault is not yours",
        hint=f"try again; if it stays, tell the shop the request id {request_id}",
    )


def add_error_handlers(api: FastAPI) -> None:
    api.add_exception_handler(KefuError, _on_kefu_error)
    api.add_exception_handler(RequestValidationError, _on_validation_error)
    api.add_exception_handler(HTTPException, _on_http_error)


def _on_kefu_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, KefuError):  # Starlette hands over nothing else; this is for the type checker
        raise error
    if isinstance(error, ApiError):
        status, code = error.status, error.code
    else:
        found = next(((status, code) for kind, status, code in _STATUS if isinstance(error, kind)), None)
        if found is None:
            # A ConfigError or IndexError_ talks to whoever runs the service, not to whoever calls it.
            raise error
        status, code = found
    headers = {}
    if isinstance(error, LimitError):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return error_response(
        status, code, error.message, expected=error.expected, hint=error.hint, headers=headers
    )


def _on_http_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase.lower()
    code, message, hint = _PLAIN.get(
        error.status_code, (phrase.replace(" ", "_"), str(error.detail) or phrase, "")
    )
    return error_response(error.status_code, code, message, hint=hint, headers=error.headers)


def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    described = [_describe(item) for item in error.errors()]
    return error_response(
        422,
        "invalid",
        "; ".join(message for message, _ in described),
        expected="; ".join(dict.fromkeys(expected for _, expected in described if expected)),
        hint="the fields are listed at /docs",
    )


def _describe(item: Mapping[str, Any]) -> tuple[str, str]:
    """What was wrong with one field, and what was expected instead."""
    where, *path = item["loc"]
    name = ".".join(str(part) for part in path) or str(where)
    place = "" if where == "body" else f" of the {where}"
    kind, context = item["type"], item.get("ctx") or {}
    if kind == "extra_forbidden":
        return f"{name!r}{place} is no known field", ""
    if kind == "missing":
        return f"{name!r}{place} is missing", ""
    if kind == "string_too_long":
        return (
            f"{name!r}{place} has {len(item['input'])} characters",
            f"at most {context['max_length']} characters",
        )
    expected = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{name!r}{place} has {_shown(item.get('input'))}", expected


def _shown(value: object) -> str:
    """A short rendering that is safe to send back: escaped, so that no lone surrogate is left in it."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, or a very deep list
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
