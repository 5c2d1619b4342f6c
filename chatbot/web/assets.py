"""Static files of our own pages and of the widget, held in memory, and the headers that they travel with.

Only the files of a folder that was read at the start can be asked for, so no path leads anywhere else. Does not
know what the files say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request, Response

WEB_DIR = Path(__file__).parent

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # No script of ours ever turns a string into markup or code; the browser holds us to it.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Content-Security-Policy of our pages: nothing inline, nothing from another host."""

PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
}

EMBED_HEADERS: Mapping[str, str] = {
    # The shop's pages live on another origin, and modules are fetched with CORS. These files are public.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}

REVALIDATE = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    media_type: str
    etag: str


def asset(body: bytes, suffix: str) -> Asset:
    return Asset(body, _MEDIA_TYPES[suffix], f'"{hashlib.sha256(body).hexdigest()[:20]}"')


def load_folder(folder: Path) -> dict[str, Asset]:
    """The files of a folder by name; files of a kind that browsers do not get from us are left out."""
    return {
        path.name: asset(path.read_bytes(), path.suffix)
        for path in sorted(folder.iterdir())
        if path.suffix in _MEDIA_TYPES
    }


def version_of(assets: Mapping[str, Asset]) -> str:
    """Changes when any of the files changes."""
    joined = "".join(f"{name}{item.etag}" for name, item in sorted(assets.items()))
    return hashlib.sha256(joined.encode()).hexdigest()[:12]


def respond(
    request: Request, item: Asset, headers: Mapping[str, str], *, cache: str = REVALIDATE
) -> Response:
    """The file, or 304 if the browser has it already."""
    all_headers = {**headers, "Cache-Control": cache, "ETag": item.etag}
    known = request.headers.get("if-none-match", "")
    if item.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=all_headers)
    return Response(item.body, media_type=item.media_type, headers=all_headers)
