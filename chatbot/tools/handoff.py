"""Handing the conversation over to a person: what is said. The state change is the caller's, after this tool ran."""

from __future__ import annotations

from chatbot.conversation import ToolResult
from chatbot.tools.base import Context, tool
from chatbot.tools.speak import call_of, result
from chatbot.tools.wording import Words

REASONS = ("requested", "no_answer", "order", "damaged", "complaint", "payment", "safety", "other")
"""Reasons that have a text of their own; anything else is said as ``other`` and kept in the data as it came."""


def handoff(context: Context, *, reason: str) -> ToolResult:
    """Pass the shopper on to a person, because they asked for one or the matter needs one."""

    def say(to: Words) -> dict[str, object]:
        known = reason if reason in REASONS else "other"
        return {
            "reason": to.text(f"handoff_reason_{known}"),
            "reason_code": reason,
            "contact": contact(to, context),
        }

    return result(context, call_of("handoff", reason=reason), "handoff_requested", say)


def contact(to: Words, context: Context) -> str:
    """When people are there and how else to reach them, as far as the shop's settings say."""
    facts = context.facts
    hours = to.text("contact_hours", hours=to.hours(facts.hours)) if facts.hours else ""
    if facts.email and facts.phone:
        return to.notes(hours, to.text("contact_both", email=facts.email, phone=facts.phone))
    if facts.email:
        return to.notes(hours, to.text("contact_email", email=facts.email))
    if facts.phone:
        return to.notes(hours, to.text("contact_phone", phone=facts.phone))
    return hours


TOOLS = (tool(handoff, terminal=True),)
