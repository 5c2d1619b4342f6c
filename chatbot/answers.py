"""Approved answers: questions that the shop's people have answered once and for all.

A message that asks the same as an approved question gets the approved text, word for word. Knows how to import
them, keep them and find the best one; whether the best is good enough is decided by the caller's threshold.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
import yaml
from numpy.typing import NDArray

from chatbot import lang
from chatbot.db import writing
from chatbot.store_tables import approved_answers
from configs.errors import InputError, RowError

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
Ask = Callable[[str], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class ApprovedAnswer:
    """``answer`` maps languages to texts; ``source`` names the page that holds the facts, or is empty."""

    id: str
    questions: tuple[str, ...]
    answer: Mapping[str, str]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """``score`` in [0, 1]: the similarity of the message and the nearest approved question."""

    answer: ApprovedAnswer
    question: str
    score: float


class Answers:
    """The approved answers of one shop, matched by embedding.

    By language, ``encoders`` embed approved questions, which may be kept, and ``askers`` a shopper's words, which
    nobody keeps.
    """

    def __init__(self, db: sa.Engine, encoders: Mapping[str, Encode], askers: Mapping[str, Ask]) -> None:
        self._db = db
        self._encoders = encoders
        self._askers = askers
        self._answers: list[ApprovedAnswer] = []
        self._index: dict[str, tuple[list[tuple[int, str]], NDArray[np.float32]]] = {}
        self.reload()

    def reload(self) -> None:
        """Read the table again."""
        self._answers = stored(self._db)
        index = {}
        for language, encode in self._encoders.items():
            rows = [
                (number, question)
                for number, answer in enumerate(self._answers)
                for question in answer.questions
                if lang.detect_language(question) == language
            ]
            if rows:
                index[language] = (rows, encode([question for _, question in rows]))
        self._index = index

    def __len__(self) -> int:
        return len(self._answers)

    def match(self, message: str, language: str) -> Match | None:
        """The approved question nearest to the message, among those that have an answer in the language.

        A question that differs from the message in a figure or in negation, or that has no content word in common
        with it, scores lower.
        """
        if language not in self._index:
            return None
        rows, vectors = self._index[language]
        similarity = vectors @ self._askers[language](message)
        best: Match | None = None
        for row in np.argsort(-similarity)[:8]:
            number, question = rows[int(row)]
            answer = self._answers[number]
            if language not in answer.answer:
                continue
            score = float(similarity[row]) * _agreement(message, question)
            if best is None or score > best.score:
                best = Match(answer, question, score)
        return best


def _agreement(message: str, question: str) -> float:
    """Between 0.7 and 1: how far the literal parts of two questions agree."""
    factor = 1.0
    if not lang.figures(message) <= lang.figures(question):
        factor *= 0.85
    if lang.is_negated(message) != lang.is_negated(question):
        factor *= 0.95
    asked, approved = set(lang.content_words(message)), set(lang.content_words(question))
    if asked and not asked & approved:
        factor *= 0.9
    return max(factor, 0.7)


def stored(db: sa.Engine) -> list[ApprovedAnswer]:
    with db.connect() as connection:
        rows = connection.execute(sa.select(approved_answers).order_by(approved_answers.c.id)).all()
    return [ApprovedAnswer(row.id, tuple(row.questions), dict(row.answer), row.source) for row in rows]


def import_file(db: sa.Engine, path: Path) -> tuple[int, int]:
    """Add or replace the answers of a file; returns how many were written and how many were unchanged.

    YAML and JSON: a list of ``{id, questions: [...], answer: {en: …}, source}``. JSONL: one such object a line.
    CSV: columns ``id, question, answer, language, source``; several lines with one id are several wordings.

    Raises:
        InputError: the file cannot be read.
        RowError: an entry lacks something; nothing is imported then.
    """
    entries = list(_read(path))
    known = {answer.id: answer for answer in stored(db)}
    changed = [entry for entry in entries if known.get(entry.id) != entry]
    with writing(db) as connection:
        for entry in changed:
            values = {
                "questions": list(entry.questions),
                "answer": dict(entry.answer),
                "source": entry.source,
                "updated_at": datetime.now(UTC),
            }
            connection.execute(approved_answers.delete().where(approved_answers.c.id == entry.id))
            connection.execute(approved_answers.insert().values(id=entry.id, **values))
    return len(changed), len(entries) - len(changed)


_COLUMNS = ("id", "questions", "answer", "source")


def _read(path: Path) -> list[ApprovedAnswer]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}", expected="a UTF-8 file") from error
    try:
        match path.suffix.lower():
            case ".yaml" | ".yml":
                entries = yaml.safe_load(text) or []
            case ".json":
                entries = json.loads(text)
            case ".jsonl":
                entries = [json.loads(line) for line in text.splitlines() if line.strip()]
            case ".csv":
                entries = _from_csv(text)
            case suffix:
                raise InputError(f"{path} ends in {suffix!r}", expected=".yaml, .json, .jsonl or .csv")
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = getattr(error, "problem", None) or str(error)
        raise InputError(f"{path}{where} cannot be parsed: {what}") from error
    if not isinstance(entries, list):
        raise InputError(f"{path} holds a {type(entries).__name__}", expected="a list of answers")
    return [_entry(path, number, entry) for number, entry in enumerate(entries, start=1)]


def _from_csv(text: str) -> list[dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    for row in csv.DictReader(text.splitlines()):
        entry = entries.setdefault(row.get("id") or "", {"id": row.get("id"), "questions": [], "answer": {}, "source": row.get("source") or ""})  # fmt: skip
        if row.get("question"):
            entry["questions"].append(row["question"])
        if row.get("answer"):
            entry["answer"][row.get("language") or lang.detect_language(row["answer"])] = row["answer"]
    return list(entries.values())


def _entry(path: Path, number: int, entry: Any) -> ApprovedAnswer:
    def bad(column: str, expected: str) -> RowError:
        value = entry.get(column) if isinstance(entry, dict) else entry
        return RowError(file=str(path), line=number, column=column, value=value, expected=expected)

    if not isinstance(entry, dict):
        raise bad("(entry)", "a mapping with id, questions, answer")
    for column in entry.keys() - set(_COLUMNS):
        raise bad(str(column), f"no such key; the keys are {', '.join(_COLUMNS)}")
    questions, answer = entry.get("questions"), entry.get("answer")
    if not isinstance(entry.get("id"), str) or not entry["id"]:
        raise bad("id", "a name of its own")
    if (
        not isinstance(questions, list)
        or not questions
        or not all(isinstance(q, str) and q.strip() for q in questions)
    ):
        raise bad("questions", "one or more wordings")
    if isinstance(answer, str):
        answer = {lang.detect_language(answer): answer}
    if (
        not isinstance(answer, dict)
        or not answer
        or not all(isinstance(a, str) and a.strip() for a in answer.values())
    ):
        raise bad("answer", "a text, or a mapping of languages to texts")
    return ApprovedAnswer(entry["id"], tuple(questions), answer, str(entry.get("source") or ""))
