"""Support logs as conversations, and where they are kept between the steps of fine-tuning.

A conversation is what a customer and an agent said in turn, with what the log knows of it. ``finetune.formats`` makes
them of foreign files; ``finetune.clean`` and ``finetune.split`` take and return them. Does not judge what was said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from configs.errors import InputError

Role = Literal["customer", "agent"]


@dataclass(frozen=True, slots=True)
class Said:
    """``corrected``: a reviewer wrote it in place of what was said, which is ``rejected``, if it is known. ``liked`` is what
    the customer or the reviewer thought of it, if they said so; what they disliked is no example."""

    role: Role
    text: str
    corrected: bool = False
    liked: bool | None = None
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """``customer`` tells apart whose it is; None where the log does not say. ``consent`` is False where the customer
    refused that it is learned from. ``origin`` is the file and record it comes from. ``simulated``: nobody said it."""

    id: str
    turns: tuple[Said, ...]
    customer: str | None = None
    started_at: datetime | None = None
    intent: str | None = None
    language: str | None = None
    consent: bool | None = None
    origin: str = ""
    simulated: bool = False

    def text(self, role: Role | None = None) -> str:
        """What was said, or what one side said, a turn a line."""
        return "\n".join(turn.text for turn in self.turns if role in (None, turn.role))


def write(path: Path, conversations: Iterable[Conversation]) -> int:
    """One JSON object a line, whole or not at all; returns how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part, count = path.with_suffix(f"{path.suffix}.part"), 0
    with part.open("w", encoding="utf-8") as file:
        for conversation in conversations:
            file.write(json.dumps(_row(conversation), ensure_ascii=False) + "\n")
            count += 1
    part.replace(path)
    return count


def read(path: Path) -> Iterator[Conversation]:
    """What ``write`` wrote.

    Raises:
        InputError: a line is no conversation.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield _conversation(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"{path}, line {number}: {error!r}", expected="a conversation that kefu wrote"
                ) from error


def _row(conversation: Conversation) -> dict[str, Any]:
    known = {
        "customer": conversation.customer,
        "started_at": conversation.started_at.isoformat() if conversation.started_at else None,
        "intent": conversation.intent,
        "language": conversation.language,
        "consent": conversation.consent,
        "origin": conversation.origin,
        "simulated": conversation.simulated or None,
    }
    turns = [
        [turn.role, turn.text, *([about] if (about := _about(turn)) else [])] for turn in conversation.turns
    ]
    return {"id": conversation.id, "turns": turns} | {
        name: value for name, value in known.items() if value not in (None, "")
    }


def _about(turn: Said) -> dict[str, Any]:
    told = {"corrected": turn.corrected or None, "liked": turn.liked, "rejected": turn.rejected or None}
    return {name: value for name, value in told.items() if value is not None}


def _conversation(row: dict[str, Any]) -> Conversation:
    turns = tuple(Said(role, text, **(rest[0] if rest else {})) for role, text, *rest in row["turns"])
    strange = {turn.role for turn in turns} - set(get_args(Role))
    if strange:
        raise ValueError(f"unknown role {sorted(strange)[0]!r}")
    started = row.get("started_at")
    return Conversation(
        row["id"],
        turns,
        row.get("customer"),
        datetime.fromisoformat(started) if started else None,
        row.get("intent"),
        row.get("language"),
        row.get("consent"),
        row.get("origin", ""),
        bool(row.get("simulated")),
    )


def forget(path: Path, customer: str) -> int:
    """Rewrite the file without the conversations of a customer; returns how many there were."""
    every = list(read(path))
    kept = [conversation for conversation in every if conversation.customer != customer]
    if len(kept) < len(every):
        write(path, kept)
    return len(every) - len(kept)
