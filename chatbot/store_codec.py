"""Turns a ``Turn`` into plain JSON and back, exactly: tuples stay tuples, amounts stay decimals.

What JSON has no word for is a one-key object whose key begins with ``$``: ``{"$Plan": {...}}``,
``{"$decimal": "4.90"}``. Fields that a stored turn lacks get their defaults and fields that the code no longer
has are left out, so that old turns stay readable. Does not know the database.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from chatbot import conversation
from configs.errors import InputError
from retrieval.passages import Passage

_CLASSES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        conversation.Turn,
        conversation.Plan,
        conversation.Evidence,
        conversation.Reply,
        conversation.Citation,
        conversation.Card,
        conversation.Dropped,
        conversation.ToolCall,
        conversation.ToolResult,
        Passage,
    )
}


def encode(value: Any) -> Any:
    """What ``json.dumps`` takes.

    Raises:
        InputError: a value of a type that a turn must not hold.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"$tuple": [encode(item) for item in value]}
    if isinstance(value, (set, frozenset)):
        return {f"${type(value).__name__}": [encode(item) for item in sorted(value, key=repr)]}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: encode(item) for key, item in value.items()}
        return {"$map": [[encode(key), encode(item)] for key, item in value.items()]}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    name = type(value).__name__
    if _CLASSES.get(name) is type(value):
        return {f"${name}": {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}}
    raise InputError(
        f"a turn holds a {name}, which cannot be stored",
        expected="text, numbers, dates, decimals, lists, mappings and the types of chatbot.conversation",
    )


_SIMPLE: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$decimal": Decimal,
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
}
_SERIES: dict[str, Callable[[Any], Any]] = {"$tuple": tuple, "$set": set, "$frozenset": frozenset}


def decode(value: Any) -> Any:
    """The value that ``encode`` was given."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = next(iter(value), "")
    if not tag.startswith("$"):
        return {key: decode(item) for key, item in value.items()}
    inner = value[tag]
    if tag in _SIMPLE:
        return _SIMPLE[tag](inner)
    if tag in _SERIES:
        return _SERIES[tag](decode(item) for item in inner)
    if tag == "$map":
        return {decode(key): decode(item) for key, item in inner}
    kind = _CLASSES[tag[1:]]
    known = {f.name for f in dataclasses.fields(kind)}
    return kind(**{name: decode(item) for name, item in inner.items() if name in known})
