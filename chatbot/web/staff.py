"""Who may see staff's page: whoever has the staff key, or, while there is none, this machine itself.

Browsers are asked for the key with HTTP Basic (any name, the key as password); programs may send it as a Bearer
token. Does not know what the page shows.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import JSONResponse

_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}


def refusal(request: Request, staff_key: str | None) -> Response | None:
    """What to answer to somebody who may not see the page; None for staff."""
    if not _same_origin(request):
        return _error(403, "forbidden", "another site's page asked for this", "open it in a tab of its own")
    if staff_key is None:
        if _from_this_machine(request):
            return None
        hint = "set KEFU_STAFF_KEY on the server and sign in with it"
        return _error(403, "forbidden", "without a staff key this is for the machine itself alone", hint)
    given = _given_key(request.headers.get("authorization", ""))
    if given is not None and hmac.compare_digest(given.encode(), staff_key.encode()):
        return None
    message = "there is no staff key" if given is None else "the staff key is wrong"
    return _error(401, "unauthorized", message, "sign in with any name and KEFU_STAFF_KEY as the password")


def _given_key(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _same_origin(request: Request) -> bool:
    """A page of another site can make a browser send requests here, with the staff's password in them."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _from_this_machine(request: Request) -> bool:
    """A loopback address, no proxy in between (it would make the world look local), no foreign name (DNS
    rebinding would make this machine's own browser ask)."""
    try:
        local = ipaddress.ip_address(request.client.host if request.client else "").is_loopback
    except ValueError:
        return False
    proxied = any(name in request.headers for name in _PROXY_HEADERS)
    return (
        local and not proxied and urlsplit(f"//{request.headers.get('host', '')}").hostname in _LOOPBACK_NAMES
    )


def _error(status: int, code: str, message: str, hint: str) -> Response:
    body = {"error": {"code": code, "message": message, "expected": "", "hint": hint}}
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="kefu staff", charset="UTF-8"'
    return JSONResponse(body, status, headers=headers)
