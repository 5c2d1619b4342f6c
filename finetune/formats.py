"""Conversations out of the JSON that other systems write.

One function a format, from a record to a conversation: chat messages, ShareGPT, Alpaca, Zendesk tickets, Intercom
conversations, kefu's own reviewed transcripts. Which one a file holds is read from its first record. A record that
cannot be read is reported in its place. Changes no word but HTML to text. Does not clean.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from chatbot.importers.transforms import strip_html
from configs.errors import InputError
from finetune.logs import Conversation, Role, Said

Record = Mapping[str, Any]
_ROLES: Mapping[str, Role | None] = {
    **dict.fromkeys("user human customer shopper prompter end-user lead contact".split(), "customer"),
    **dict.fromkeys("assistant gpt agent model chatgpt bot admin team".split(), "agent"),
    **dict.fromkeys("system tool function note".split(), None),
}  # fmt: skip
"""Who speaks, in the words of the formats; None is nobody whom a model should learn from."""
_LIKED = {"good": True, "up": True, "wrong": False, "should_have_handed_over": False, "down": False}


@dataclass(frozen=True, slots=True)
class Rejected:
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table hold what: ``customer`` and ``agent`` what the two said, or ``role`` and ``text`` one turn.
    Rows with the same ``conversation`` belong together, in the order of ``at``, or of the file."""

    customer: str = ""
    agent: str = ""
    role: str = ""
    text: str = ""
    conversation: str = ""
    person: str = ""
    at: str = ""
    intent: str = ""
    consent: str = ""


def attempt(where: str, make: Callable[[], Conversation]) -> Conversation | Rejected:
    """The conversation, known by ``where`` it stands if it has no name; or why there is none."""
    try:
        made = make()
    except KeyError as error:
        return Rejected(where, f"it lacks {error}")
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError, OSError) as error:
        return Rejected(where, str(error) or type(error).__name__)
    if not made.turns:
        return Rejected(where, "nobody says anything in it")
    return replace(made, id=made.id or where, origin=where)


# --- JSON ---------------------------------------------------------------------------------------------------


def read_json(path: Path, format: str | None = None) -> tuple[str, Iterator[Conversation | Rejected]]:
    """What format a JSON file has, and its conversations.

    Raises:
        InputError: the file is empty or holds no JSON, or its format is not known.
    """
    rows = _rows(path)
    seen: list[tuple[str, object]] = []
    for row in rows:
        seen.append(row)
        if not isinstance(row[1], ValueError):
            break
    else:
        if seen:
            raise InputError(f"{path}: {seen[0][0]}: {seen[0][1]}", expected="one conversation a line")
        raise InputError(f"{path} is empty", expected="one conversation a line")
    name = format or _format_of(seen[-1][1], path)
    if name not in FORMATS:
        raise InputError(f"there is no format {name!r}", expected=", ".join(FORMATS))
    every = itertools.chain(seen, rows)
    return name, (attempt(where, partial(_made, FORMATS[name], row)) for where, row in every)


def _made(make: Callable[[Record], Conversation], row: object) -> Conversation:
    if isinstance(row, ValueError):
        raise row
    if not isinstance(row, dict):
        raise TypeError(f"a {type(row).__name__} in place of an object")
    return make(row)


def _rows(path: Path) -> Iterator[tuple[str, object]]:
    """Records of a JSON list, of an object with one list in it, or of lines, each with where it stands; a line that is
    no JSON is the error."""
    with path.open(encoding="utf-8-sig") as file:
        if path.suffix == ".json":
            try:
                data = json.load(file)
            except json.JSONDecodeError:
                file.seek(0)  # lines, then, whatever the file is called
            else:
                yield from ((f"{path.name}:{number}", row) for number, row in enumerate(_listed(data), 1))
                return
        for number, line in enumerate(file, 1):
            if line.strip():
                row: object
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    row = ValueError(f"no JSON: {error.msg}")
                yield f"{path.name}:{number}", row


def _listed(data: object) -> Sequence[object]:
    if isinstance(data, dict) and _known(data) is None:
        lists = [value for value in data.values() if isinstance(value, list)]
        return lists[0] if len(lists) == 1 else [data]
    return data if isinstance(data, list) else [data]


def _known(row: object) -> str | None:
    if not isinstance(row, dict):
        return None
    return next((name for name, keys in _SIGNS.items() if keys <= row.keys()), None)


def _format_of(row: object, path: Path) -> str:
    name = _known(row)
    if name is None:
        keys = ", ".join(map(str, row)) if isinstance(row, dict) else str(row)[:60]
        raise InputError(
            f"{path}: the first record ({keys}) is of no known format",
            expected="; ".join(f"{name} with {', '.join(sorted(keys))}" for name, keys in _SIGNS.items()),
            hint="name the format with --format",
        )
    return name


# --- formats ------------------------------------------------------------------------------------------------


def _messages(row: Record) -> Conversation:
    """``{"messages": [{"role", "content"}]}``, as chat models take it."""
    return conversation_of(row, [(message["role"], message["content"]) for message in row["messages"]])


def _sharegpt(row: Record) -> Conversation:
    return conversation_of(row, [(message["from"], message["value"]) for message in row["conversations"]])


def _alpaca(row: Record) -> Conversation:
    asked = "\n".join(filter(None, [row["instruction"], row.get("input")]))
    return conversation_of(row, [("user", asked), ("assistant", row["output"])])


def _reviewed(row: Record) -> Conversation:
    """kefu's transcripts: a correction takes the place of the reply; a reviewer's label counts before a customer's thumb."""
    turns: list[Said] = []
    for turn in row["turns"]:
        turns.append(Said("customer", str(turn["message"])))
        reply, corrected = str(turn["reply"]), turn.get("correction")
        if corrected:
            turns.append(Said("agent", str(corrected), corrected=True, rejected=reply))
        else:
            turns.append(Said("agent", reply, liked=_LIKED.get(turn.get("label") or turn.get("rating"))))
    return _described(row, turns)


def _zendesk(row: Record) -> Conversation:
    """A ticket with its comments; private ones are notes among agents."""
    customer = row["requester_id"]
    opened = {"author_id": customer, "plain_body": row.get("description")}
    said = [
        (
            "customer" if comment["author_id"] == customer else "agent",
            comment.get("plain_body") or _plain(comment.get("html_body") or comment.get("body")),
        )
        for comment in row.get("comments") or [opened]
        if comment.get("public", True)
    ]
    return conversation_of({**row, "customer": customer}, said)


def _intercom(row: Record) -> Conversation:
    source, parts = row["source"], row.get("conversation_parts") or {}
    listed = parts.get("conversation_parts", []) if isinstance(parts, dict) else parts
    said = [(source["author"]["type"], _plain(source.get("body")))]
    said += [
        (part["author"]["type"], _plain(part.get("body")))
        for part in listed
        if part.get("part_type") == "comment"
    ]
    contacts = (row.get("contacts") or {}).get("contacts") or [{}]
    return conversation_of({**row, "customer": contacts[0].get("id") or source["author"].get("id")}, said)


FORMATS: Mapping[str, Callable[[Record], Conversation]] = {
    "kefu": _reviewed,
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "zendesk": _zendesk,
    "intercom": _intercom,
}
_SECONDS = re.compile(r"\d{9,}(\.\d+)?")
"""Since 1970, as a table has them; a date without dashes has eight digits."""
_SIGNS: Mapping[str, set[str]] = {
    "kefu": {"turns"},
    "messages": {"messages"},
    "sharegpt": {"conversations"},
    "alpaca": {"instruction", "output"},
    "intercom": {"source", "conversation_parts"},
    "zendesk": {"requester_id"},
}
"""The keys by which a record is known."""


def conversation_of(row: Record, said: Iterable[tuple[object, object]]) -> Conversation:
    """Who said what, and what the record says of it under the usual names.

    Raises:
        ValueError: an unknown role, or a time that is none.
        TypeError: something else than a text was said.
    """
    turns = []
    for who, content in said:
        if str(who).lower() not in _ROLES:
            raise ValueError(f"unknown role {who!r}")
        role, text = _ROLES[str(who).lower()], _text(content)
        if role and text:
            turns.append(Said(role, text))
    return _described(row, turns)


def _text(content: object) -> str:
    """A message may come in parts, of which the written ones count."""
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if part.get("type") == "text")
    if content is not None and not isinstance(content, str):
        raise TypeError(f"a {type(content).__name__} in place of a text")
    return content or ""


def _described(row: Record, turns: Sequence[Said]) -> Conversation:
    person = row.get("customer") or row.get("customer_id") or row.get("user_id")
    consent = row.get("consent")
    return Conversation(
        str(row.get("id") or row.get("conversation_id") or ""),
        tuple(turns),
        None if person is None else str(person),
        moment(row.get("started_at") or row.get("created_at") or row.get("timestamp")),
        row.get("intent") or None,
        consent=None if consent in (None, "") else str(consent).lower() in ("true", "yes", "1"),
        simulated=row.get("simulated") is True,
    )


def moment(value: object) -> datetime | None:
    """ISO 8601 or seconds since 1970, as a time with a zone: UTC where none is named.

    Raises:
        ValueError: it is neither.
    """
    if value in (None, ""):
        return None
    if isinstance(value, str) and _SECONDS.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _plain(html: object) -> str:
    text = str(html or "")
    return strip_html(text) if "<" in text else text
