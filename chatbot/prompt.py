"""THE renderer: what a language model sees, in chat and in training alike.

The constant text comes first, so that a warm prefix is reused; then the evidence, then the question.
Knows no engine, no tokenizer and no template of a model's vendor.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict

import configs
from chatbot.conversation import Evidence, Message
from retrieval import screen

MAX_NOTE_CHARS = 420
MAX_NOTES_CHARS = 1000
MAX_HISTORY_CHARS = 240


class ChatMessage(TypedDict):
    """A message as models take it."""

    role: Literal["system", "user", "assistant"]
    content: str


@cache
def system_prompt() -> str:
    return (Path(configs.__file__).parent / "prompts" / "answer.md").read_text(encoding="utf-8").strip()


def render(question: str, evidence: Evidence, history: Sequence[Message] = ()) -> list[ChatMessage]:
    """Render one request: about 400 tokens or fewer.

    ``history`` is oldest first and does not hold the question. Tool results come before passages, since they
    are what the shopper asked for. Text of the evidence is data: it is put into numbered notes, one line each,
    so that nothing in it can look like another part of the prompt.
    """
    lines = ["Notes:"]
    lines += [f"{number}. {note}" for number, note in enumerate(notes(evidence), start=1)]
    earlier = _history(history)
    if earlier:
        lines += ["", "Earlier in this conversation:", *earlier]
    lines += ["", f"Question: {_one_line(question)}"]
    return [
        {"role": "system", "content": system_prompt()},
        {"role": "user", "content": "\n".join(lines)},
    ]


def notes(evidence: Evidence) -> list[str]:
    """The evidence as the model sees it, one note a line, within the budget; never empty notes."""
    candidates = [result.text for result in evidence.results if result.text]
    candidates += [f"{passage.title}: {passage.text}" for passage in evidence.passages]
    kept: list[str] = []
    room = MAX_NOTES_CHARS
    for candidate in candidates:
        note = _one_line(candidate)[: min(MAX_NOTE_CHARS, room)].strip()
        if len(note) < 20:
            break
        kept.append(note)
        room -= len(note)
    return kept


def _history(history: Sequence[Message]) -> list[str]:
    """The newest messages that fit, oldest first."""
    lines: list[str] = []
    room = MAX_HISTORY_CHARS
    for message in reversed(history):
        who = "Customer" if message.role == "shopper" else "Shop"
        line = f"{who}: {_one_line(message.text)}"
        if len(line) > room:
            break
        lines.insert(0, line)
        room -= len(line)
    return lines


def _one_line(text: str) -> str:
    """Data of a prompt: one line, without the marks by which models tell messages apart."""
    return " ".join(screen.neutral(text).split())
