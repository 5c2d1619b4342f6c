"""Train, validation and test, so that nothing of a person or a text stands on both sides.

Conversations that share a customer, an id or nearly all their words are one group, and a group is never parted. Where a
group goes is read from hashes of its names, the lowest of which counts: when the logs grow and groups with them, something may
move from train to test, never back. With ``since``, what is later than it is test whatever its hash: how well tomorrow is met is
asked of tomorrow. ``leaks`` checks all that again, from the texts alone. Reads and writes no file.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from configs.errors import InputError
from finetune import near
from finetune.logs import Conversation

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
VALIDATION, TEST = 0.1, 0.1
NEAR = 0.6
"""Overlap of word triples from which on two conversations must not be parted."""


@dataclass(frozen=True, slots=True)
class Leak:
    """``one`` and ``other`` are ids of conversations in different parts that share ``what``."""

    what: str
    one: str
    other: str


def split(
    conversations: Sequence[Conversation], *, salt: str = "kefu", since: datetime | None = None
) -> dict[Part, list[Conversation]]:
    """The parts, each in the order given."""
    group_of = _groups(conversations)
    members: dict[int, list[Conversation]] = defaultdict(list)
    for conversation, group in zip(conversations, group_of, strict=True):
        members[group].append(conversation)
    where = {group: _part(own, salt, since) for group, own in members.items()}
    parts: dict[Part, list[Conversation]] = {"train": [], "validation": [], "test": []}
    for conversation, group in zip(conversations, group_of, strict=True):
        parts[where[group]].append(conversation)
    return parts


def _groups(conversations: Sequence[Conversation]) -> list[int]:
    """Numbers of groups: near texts, joined where they share a customer or an id."""
    group_of = near.groups([conversation.text() for conversation in conversations], NEAR)
    joined: dict[int, int] = {}

    def top(group: int) -> int:
        while group in joined:
            group = joined[group]
        return group

    first: dict[tuple[str, Hashable], int] = {}
    for conversation, group in zip(conversations, group_of, strict=True):
        for name in _names(conversation):
            one, other = sorted((top(first.setdefault(name, group)), top(group)))
            if one != other:
                joined[other] = one
    return [top(group) for group in group_of]


def _names(conversation: Conversation) -> Iterator[tuple[str, Hashable]]:
    yield "conversation", conversation.id
    if conversation.customer is not None:
        yield "customer", conversation.customer


def _part(group: Sequence[Conversation], salt: str, since: datetime | None) -> Part:
    if since and any(one.started_at is not None and one.started_at >= since for one in group):
        return "test"
    place = min(_place(f"{salt}:{one.customer or one.id}") for one in group)
    return "test" if place < TEST else "validation" if place < TEST + VALIDATION else "train"


def _place(name: str) -> float:
    """A number from 0 to 1 that only the name decides."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) / 2**64


def leaks(parts: Mapping[Part, Sequence[Conversation]]) -> list[Leak]:
    """Everything that stands in more than one part: a conversation, a customer, nearly the same words."""
    found: list[Leak] = []
    seen: dict[tuple[str, Hashable], tuple[Part, str]] = {}
    every = [(part, conversation) for part in PARTS for conversation in parts[part]]
    for part, conversation in every:
        for name in _names(conversation):
            before, first = seen.setdefault(name, (part, conversation.id))
            if before != part:
                found.append(Leak(name[0], first, conversation.id))
    for one, other in near.pairs([conversation.text() for _, conversation in every], NEAR):
        if every[one][0] != every[other][0]:
            found.append(Leak("words", every[one][1].id, every[other][1].id))
    return found


def check(parts: Mapping[Part, Sequence[Conversation]]) -> None:
    """
    Raises:
        InputError: something stands in more than one part.
    """
    found = leaks(parts)
    if found:
        shown = "; ".join(f"{leak.one} and {leak.other} share the {leak.what}" for leak in found[:5])
        raise InputError(
            f"{len(found)} overlaps between the parts: {shown}",
            expected="no customer, conversation or text in two of them",
            hint="split again from the cleaned logs with `kefu finetune split`",
        )
