"""From a tool's facts to its ToolResult: the shopper's language for the template, English as evidence.

Knows no particular tool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chatbot.conversation import Card, ToolCall, ToolResult
from chatbot.shop import Product
from chatbot.tools.base import Context
from chatbot.tools.catalogue import product_card, product_name
from chatbot.tools.dates import local, zone
from chatbot.tools.wording import Words, words_for

Say = Callable[[Words], Mapping[str, object]]
"""Formats the facts of a result in one language."""
Facts = Mapping[str, Callable[[Words], str]]
"""Fields of a template, each with how it is said."""


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
    text = spoken.text(template, **data)  # a field that is missing shows here, in the tool's own tests
    if spoken.language != "en":
        english = words(context, "en")
        text = english.text(template, **(say(english) if say else {}))
    return ToolResult(call, template, data, text, tuple(cards), error)


def careful(context: Context, made: ToolResult) -> ToolResult:
    """With what is to be said to somebody whom a product could harm."""
    spoken = words(context)
    note = "recommend_note_avoid"
    data = {"said": spoken.text(made.template, **made.data), "note": spoken.text(note)}
    text = spoken.notes(made.text, spoken.text(note))
    if spoken.language != "en":
        english = words(context, "en")
        text = english.notes(made.text, english.text(note))
    return replace(made, template="with_note", data=data, text=text)


def of_product(
    context: Context,
    call: ToolCall,
    product: Product,
    template: str,
    facts: Facts | None = None,
    *,
    error: str | None = None,
) -> ToolResult:
    """A result about one product: its name is a field, its card goes along."""

    def say(to: Words) -> dict[str, object]:
        return {"name": product_name(to, product), **{key: how(to) for key, how in (facts or {}).items()}}

    return result(context, call, template, say, cards=[product_card(words(context), product)], error=error)


def call_of(name: str, **arguments: object) -> ToolCall:
    """The call with the arguments that were given."""
    return ToolCall(name, {key: value for key, value in arguments.items() if value is not None})
