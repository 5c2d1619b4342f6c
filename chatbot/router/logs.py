"""Reads a shop's labelled messages: text, intent, and perhaps customer and language. Trains nothing.

Bad rows are reported, good ones are returned. The intents of the shop's own system are put into kefu's by ``mapping``.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.importers.tables import Table, open_table
from configs.errors import InputError, RowError

TEXT = ("text", "message", "utterance", "instruction", "query", "question")
INTENT = ("intent", "label", "category")
CUSTOMER = ("customer", "customer_id")
LANGUAGE = ("language", "lang", "locale")
"""Names by which a column is found, the first that is there."""
LONGEST = 1000
"""Characters of a message; the embedder reads about as many."""
MOST = 50_000
NOTHING = ""
"""An intent mapped to this is left out without complaint."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """``customer`` is the id as the shop writes it, or empty."""

    text: str
    intent: str
    language: str
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Logs:
    """``left_out`` rows were mapped to nothing or said twice; ``unknown`` counts the intents nobody mapped."""

    rows: Sequence[Labelled]
    rejected: Sequence[RowError]
    left_out: int
    unknown: Mapping[str, int]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is what. ``text`` and ``intent`` may be names that were asked for."""

    text: str | None = None
    intent: str | None = None


def read_logs(
    path: Path,
    intents: Mapping[str, Collection[str]],
    *,
    language: str,
    columns: Columns = Columns(),
    mapping: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Logs:
    """Read CSV, JSON lines or Parquet; ``intents`` by language are those that kefu knows.

    Raises:
        InputError: there is no such file or column, a mapping leads nowhere, or no row can be used.
        RowError: with ``strict``, at the first bad row.
    """
    _check_language(language, intents)
    mapping = _checked(mapping or {}, {name for names in intents.values() for name in names})
    table = open_table(path)
    found = _Found(intents, mapping, language, path.name)
    for line, row in _rows(table, found.rejected):
        if strict and found.rejected:
            break
        found.take(line, row, _used(table, columns))
        if len(found.rows) > MOST:
            raise InputError(f"{path.name} has more than {MOST:,} messages", hint="take a sample of it")
    if strict and found.rejected:
        raise found.rejected[0]
    if not found.rows and not found.rejected:
        raise InputError(f"{path.name} holds no message", expected="rows with a text and an intent")
    return Logs(list(found.rows.values()), found.rejected, found.left_out, found.unknown, table.notes)


class _Found:
    """What was read so far, by language and text."""

    def __init__(
        self, intents: Mapping[str, Collection[str]], mapping: Mapping[str, str], language: str, file: str
    ) -> None:
        self._intents, self._mapping, self._language, self._file = intents, mapping, language, file
        self.rows: dict[tuple[str, str], Labelled] = {}
        self.rejected: list[RowError] = []
        self.left_out = 0
        self.unknown: Counter[str] = Counter()

    def take(self, line: int, row: Mapping[str, Any], used: Mapping[str, str]) -> None:
        def bad(column: str, value: object, expected: str) -> None:
            name = used.get(column, column)
            self.rejected.append(
                RowError(file=self._file, line=line, column=name, value=value, expected=expected)
            )

        given = {name: row.get(column) for name, column in used.items()}
        text = " ".join(str(given["text"] or "").split())
        if not isinstance(given["text"], str) or not text:
            return bad("text", given["text"], "what a shopper wrote")
        if len(text) > LONGEST:
            return bad("text", text, f"at most {LONGEST} characters")
        language = str(given.get("language") or self._language).strip().lower().split("-")[0]
        if language not in self._intents:
            return bad("language", language, f"one of {', '.join(sorted(self._intents))}, or nothing")
        theirs = str(given["intent"] if given["intent"] is not None else "").strip()
        intent = self._mapping.get(theirs, theirs)
        if intent == NOTHING and theirs in self._mapping:
            self.left_out += 1
            return None
        if intent not in self._intents[language]:
            self.unknown[theirs] += 1
            return bad("intent", theirs, f"an intent of kefu's ({advice(theirs, self._intents[language])})")
        customer = str(given.get("customer") if given.get("customer") is not None else "").strip()
        labelled = Labelled(text, intent, language, customer)
        earlier = self.rows.setdefault((language, text.lower()), labelled)
        if earlier is not labelled:
            if earlier.intent != intent:
                return bad("intent", theirs, f"{earlier.intent}, as an earlier row has it for the same text")
            self.left_out += 1
        return None


def advice(theirs: str, known: Collection[str]) -> str:
    """What to do about an intent that is not known."""
    name = theirs.strip().lower().replace(" ", "_").replace("-", "_")
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}? Or map it: --map {theirs or 'theirs'}=ours"
    return f"{', '.join(known)}; or map it: --map {theirs or 'theirs'}=ours"


def _checked(mapping: Mapping[str, str], known: Collection[str]) -> Mapping[str, str]:
    for theirs, ours in mapping.items():
        if ours != NOTHING and ours not in known:
            close = difflib.get_close_matches(ours, known, n=1, cutoff=0.5)
            raise InputError(
                f"--map {theirs}={ours} leads to an intent that kefu does not know",
                expected=f"one of {', '.join(sorted(known))}",
                hint=f"did you mean {close[0]}?" if close else "to leave the rows out: --map theirs=",
            )
    return mapping


def _check_language(language: str, intents: Mapping[str, Collection[str]]) -> None:
    if language not in intents:
        raise InputError(
            f"there is no language {language!r}", expected=f"one of {', '.join(sorted(intents))}"
        )


def _rows(table: Table, rejected: list[RowError]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for batch in table.batches:
        rejected += batch.broken
        for number, line in enumerate(batch.lines):
            yield line, {name: values[number] for name, values in batch.columns.items()}


def _used(table: Table, columns: Columns) -> dict[str, str]:
    """Column by what it is."""
    seen = table.columns if table.columns is not None else sorted(table.seen)
    used: dict[str, str] = {}
    for what, names, wanted, option in (
        ("text", TEXT, columns.text, "--text"),
        ("intent", INTENT, columns.intent, "--intent"),
        ("customer", CUSTOMER, None, ""),
        ("language", LANGUAGE, None, ""),
    ):
        by_name = {name.strip().lower(): name for name in seen}
        found = next((by_name[name] for name in names if name in by_name), None)
        if wanted is not None:
            found = wanted if wanted in seen else None
        if found is not None:
            used[what] = found
        elif option:
            raise InputError(
                f"{table.name} has no column {wanted!r}"
                if wanted
                else f"{table.name} names no column of {what}s",
                expected=f"one of {', '.join(names)}" if not wanted else f"one of {', '.join(seen)}",
                hint=f"name it: {option} COLUMN (it has {', '.join(seen) or 'no columns'})",
            )
    return used
