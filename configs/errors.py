"""Every error that kefu raises on purpose.

The hierarchy lives in the lowest package so that each package can raise it::

    KefuError
    ├── ConfigError            a setting is missing, misspelt or impossible
    ├── InputError             what somebody gave us cannot be used (HTTP 400 / 422)
    │   └── RowError           one row of an imported file: file, line, column, value, expected
    ├── NotFoundError          no such thing, or not yours (HTTP 404; the two look alike on purpose)
    ├── AuthError              no valid session (HTTP 401)
    │   └── ForbiddenError     a valid session without the right (HTTP 403)
    ├── LimitError             too many requests (HTTP 429); carries ``retry_after`` seconds
    ├── IndexError_            the search index
    │   └── IndexLockedError   a second writer, refused at once
    └── EngineError            the language model did not answer
        └── EngineTimeoutError it answered too slowly

A message has up to three parts: what happened (with what was got), what was expected, what to do.
"""

from __future__ import annotations


class KefuError(Exception):
    """Base class. ``str(error)`` is fit to be shown to the person who caused it."""

    def __init__(self, message: str, *, expected: str = "", hint: str = "") -> None:
        self.message = message
        self.expected = expected
        self.hint = hint
        parts = [message]
        if expected:
            parts.append(f"Expected: {expected}")
        if hint:
            parts.append(f"What to do: {hint}")
        super().__init__(". ".join(part.rstrip(".") for part in parts) + ".")


class ConfigError(KefuError):
    """A setting is missing, misspelt or impossible."""


class InputError(KefuError):
    """What somebody gave us cannot be used."""


class RowError(InputError):
    """One row of an imported file cannot be used.

    ``line`` counts from 1 and includes the header, as an editor shows it.
    """

    def __init__(self, *, file: str, line: int, column: str, value: object, expected: str) -> None:
        self.file, self.line, self.column, self.value = file, line, column, value
        shown = repr(value)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        super().__init__(f"{file}:{line}: column {column!r} has {shown}", expected=expected)


class NotFoundError(KefuError):
    """There is no such thing, or it is somebody else's."""


class AuthError(KefuError):
    """The request carries no valid session."""


class ForbiddenError(AuthError):
    """The session is valid but may not do this."""


class LimitError(KefuError):
    """Too many requests. ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float, hint: str = "") -> None:
        self.retry_after = retry_after
        super().__init__(message, hint=hint)


class IndexError_(KefuError):
    """The search index is missing, damaged or of another version."""


class IndexLockedError(IndexError_):
    """Another process writes to the index."""


class EngineError(KefuError):
    """The language model did not answer."""


class EngineTimeoutError(EngineError):
    """The language model answered too slowly."""
