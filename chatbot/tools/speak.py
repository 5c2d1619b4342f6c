"""From a tool's facts to its ToolResult: the shopper's language for the template, English as evidence.

Knows no particular tool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chatbot.conversation import Card, ToolCall, ToolResult
from chatbot.tools.base import Context
from chatbot.tools.dates import local, zone
from chatbot.tools.wording import Words, words_for

Say = Callable[[Words], Mapping[str, object]]
"""Formats the facts of a result in one language."""


def words(context: Context, language: str | None = None) -> Words:
    """How to say things in this conversation's language, or in another one."""
    tz = zone(context.facts.timezone)
    return words_for(language or context.language, local(context.now, tz), tz, context.facts.currency)


def result(
    context: Context,
    call: ToolCall,
    template: str,
    say: Say | None = None,
    *,
    cards: Sequence[Card] = (),
    error: str | None = None,
) -> ToolResult:
    """Word the facts once in the shopper's language (``data``) and once in English (``text``)."""
    spoken = words(context)
    data = dict(say(spoken)) if say else {}
    spoken.text(template, **data)  # a field that is missing shows here, in the tool's own tests
    if spoken.language == "en":
        text = spoken.text(template, **data)
    else:
        english = words(context, "en")
        text = english.text(template, **(say(english) if say else {}))
    return ToolResult(call, template, data, text, tuple(cards), error)


def call_of(name: str, **arguments: object) -> ToolCall:
    """The call with the arguments that were given."""
    return ToolCall(name, {key: value for key, value in arguments.items() if value is not None})
