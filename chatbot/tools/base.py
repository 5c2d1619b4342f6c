"""What a tool is: a plain function, its description derived from signature and docstring, and its context.

Built-in tools and those of other packages (entry-point group ``kefu.tools``) come through the same door.
Knows no particular tool, no model and no transport.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal

from chatbot.conversation import ToolCall, ToolResult
from configs.errors import ConfigError, InputError, KefuError
from configs.settings import ActionSettings, ShopSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from chatbot.actions.journal import Action
    from chatbot.shop import Customer, Shop
    from retrieval.products import ProductSearch
    from retrieval.recommend import Known, Recommender

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """What a tool may know. ``customer`` comes from the signed session; no tool takes it as an argument."""

    customer: Customer | None
    conversation_id: str
    language: str
    now: datetime
    shop: Shop
    facts: ShopSettings
    products: ProductSearch
    recommender: Recommender | None
    known: Callable[[Recommender], Known]
    """What the recommender may know of whoever asks: of the session, and of the customer if they signed in."""
    masked: Callable[[Recommender, NDArray[np.bool_]], NDArray[np.bool_]]
    """From a mask over the catalogue (``ProductSearch.columns``) to one over the recommender's products."""
    cart: Callable[[], list[str]]
    """What lies in the shopper's cart, as far as the shop's pages tell."""
    note: Callable[[str, str], None]
    """Remember what the shopper said of a product (its sku): ``like`` or ``dislike``. Changes nothing but what is suggested to them."""
    offered: frozenset[str]
    """The kinds of changes that this shop has done in a chat (``chatbot.actions``)."""
    may: ActionSettings
    propose: Callable[[str, Mapping[str, Any]], Action]
    """Keep a change of the signed-in customer's for their next yes. No tool can say that yes."""
    undoable: Callable[[], Action | None]
    """What was done last in this conversation and can be taken back."""
    explored: Callable[[Sequence[str], NDArray[np.float64]], int]
    """Which of these products is shown in a list's last place: 0, or another one if the shop explores."""
    diversity: float
    """How much of its score a suggestion loses for each one of its category before it."""


@dataclass(frozen=True, slots=True)
class Tool:
    """``parameters`` is a JSON schema. ``terminal`` ends the turn: no further rung may speak."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[..., ToolResult]
    effect: Literal["read", "write"] = "read"
    terminal: bool = False


_JSON_TYPES: dict[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def tool(
    run: Callable[..., ToolResult], *, effect: Literal["read", "write"] = "read", terminal: bool = False
) -> Tool:
    """Make a Tool of ``run(context, *, …)``; every parameter after the context is keyword-only and annotated.

    Raises:
        ConfigError: there is no docstring, or a parameter without an annotation that JSON has a word for.
    """
    doc = inspect.getdoc(run)
    if not doc:
        raise ConfigError(
            f"tool {run.__name__} has no docstring", expected="one that tells a model when to call it"
        )
    hints = typing.get_type_hints(run)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for parameter in list(inspect.signature(run).parameters.values())[1:]:
        properties[parameter.name] = _schema(run.__name__, parameter.name, hints.get(parameter.name))
        if parameter.default is inspect.Parameter.empty:
            required.append(parameter.name)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return Tool(run.__name__, doc.split("\n\n")[0].replace("\n", " "), schema, run, effect, terminal)


def _schema(tool_name: str, name: str, hint: Any) -> dict[str, Any]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        hint = options[0] if len(options) == 1 else hint
    if typing.get_origin(hint) is Literal:
        return {"type": "string", "enum": list(typing.get_args(hint))}
    if hint in _JSON_TYPES:
        return {"type": _JSON_TYPES[hint]}
    if typing.get_origin(hint) is list and typing.get_args(hint) == (str,):
        return {"type": "array", "items": {"type": "string"}}
    raise ConfigError(
        f"tool {tool_name}: parameter {name!r} has annotation {hint!r}",
        expected="str, int, float, bool, list[str] or Literal",
    )


def load_tools(builtin: Iterable[Tool]) -> dict[str, Tool]:
    """The built-in tools, then those of installed packages.

    Raises:
        ConfigError: two tools share a name.
    """
    tools: dict[str, Tool] = {}
    plugged = [entry.load() for entry in entry_points(group="kefu.tools")]
    for item in (*builtin, *plugged):
        if item.name in tools:
            raise ConfigError(f"two tools are called {item.name!r}", hint="rename one")
        tools[item.name] = item
    return tools


def run_tool(tools: Mapping[str, Tool], context: Context, call: ToolCall) -> ToolResult:
    """Check the arguments against the tool's schema and run it. Never raises for a tool's own failure.

    Raises:
        InputError: there is no such tool, or an argument is unknown, missing or of the wrong type.
    """
    found = tools.get(call.name)
    if found is None:
        raise InputError(f"there is no tool {call.name!r}", expected=", ".join(sorted(tools)))
    _check_arguments(found, call.arguments)
    try:
        result = found.run(context, **call.arguments)
    except Exception as error:  # noqa: BLE001 - a tool reads a database; whatever broke, the turn goes on
        _log.exception("tool %s broke", call.name)
        code = type(error).__name__ if isinstance(error, KefuError) else "broken"
        return ToolResult(call, error=code, text="", template="tool_broken")
    return dataclasses.replace(result, call=call)


def _check_arguments(found: Tool, arguments: Mapping[str, Any]) -> None:
    properties: Mapping[str, Any] = found.parameters["properties"]
    for name, value in arguments.items():
        if name not in properties:
            raise InputError(
                f"tool {found.name} got an unknown argument {name!r}", expected=", ".join(properties)
            )
        schema = properties[name]
        if value is not None and not _is_a(value, schema["type"]):
            raise InputError(f"tool {found.name}: argument {name!r} has {value!r}", expected=schema["type"])
        if "enum" in schema and value not in schema["enum"]:
            raise InputError(
                f"tool {found.name}: argument {name!r} has {value!r}", expected=", ".join(schema["enum"])
            )
    missing = [name for name in found.parameters["required"] if name not in arguments]
    if missing:
        raise InputError(
            f"tool {found.name} lacks {', '.join(missing)}", expected=", ".join(found.parameters["required"])
        )


def _is_a(value: object, kind: str) -> bool:
    """Whether a value is of a JSON type; an array is one of texts."""
    match kind:
        case "array":
            return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return isinstance(value, next(own for own, word in _JSON_TYPES.items() if word == kind))
