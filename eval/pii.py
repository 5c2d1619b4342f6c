"""The suite of personal data: what the finders of ``finetune.pii`` see, and what they take for personal that is not.

Two sets: packaged messages in English and Chinese, and presidio's synthetic sentences below ``KEFU_DATA``. A label is
found where findings cover four fifths of its characters, of whatever kind: what counts is that it does not stay. The
messages come from the hand that wrote the rules, so they show what is meant, and not how much a stranger's log would keep.
Judges no surrogate; the tests do that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from configs.errors import InputError
from eval.case_files import load_case_files
from eval.data import data_file
from eval.golden import CASES
from eval.metrics import interval
from eval.outcome import Options, Outcome, Tell
from finetune.pii import KINDS, Finding, find

COVERED = 0.8
_UNSTRUCTURED = ("person", "url")
_PRESIDIO = {
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "EMAIL_ADDRESS": "email",
    "IP_ADDRESS": "ip",
    "US_SSN": "ssn",
    "ADDRESS": "address",
    "PERSON": "person",
}
_TOKEN = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")

Label = tuple[str, int, int]


class Case(BaseModel):
    """A message; ``spans`` are kind and text of what must be found, in the order of the text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
    language: Literal["en", "zh"] = "en"
    text: str = Field(min_length=1)
    spans: tuple[tuple[str, str], ...] = ()

    @property
    def split(self) -> str:
        """Half of the ids are for development."""
        return "dev" if hashlib.blake2b(self.id.encode()).digest()[0] % 2 else "test"

    def labels(self) -> list[Label]:
        """
        Raises:
            InputError: a kind is not known, or a text is not in the message.
        """
        found, place = [], 0
        for kind, text in self.spans:
            start = self.text.find(text, place)
            if kind not in KINDS or start < 0:
                raise InputError(
                    f"case {self.id}: {kind} {text!r}",
                    expected=f"one of {', '.join(KINDS)}, and a text that the message holds after those before it",
                )
            place = start + len(text)
            found.append((kind, start, place))
        return found


@dataclass(frozen=True, slots=True)
class Judged:
    """One message: ``recalled`` is kind → found or not, label by label; ``stray`` of ``tokens`` were taken unlabelled."""

    id: str
    split: str
    recalled: Sequence[tuple[str, bool]]
    clean: bool
    tokens: int
    stray: int
    findings: int
    strays: Sequence[Finding]
    missed: Sequence[str]


def run(options: Options, tell: Tell) -> Outcome:
    """Read every message, compare with the labels.

    Raises:
        ConfigError: presidio's sentences are not below ``KEFU_DATA``.
        InputError: a case is malformed, or none is left.
    """
    theirs = data_file("presidio", "generated_small.json")
    cases = load_case_files(Case, CASES / "pii", split=options.split, only=options.only)
    judged = []
    for number, case in enumerate(cases, 1):
        judged.append(judge(case.id, case.split, case.text, case.labels()))
        tell("messages", number, len(cases))
    outside = [] if options.only else [judge(*one) for one in _sentences(theirs)]
    metrics = dict(_figures(judged, ""))
    if options.split == "all":
        for half in ("dev", "test"):
            metrics |= _figures([one for one in judged if one.split == half], f"_{half}")
    metrics |= {
        f"presidio_{name}": value for name, value in _figures(outside, "").items() if "recall" in name
    }
    notes = [
        f"{one.id} ({one.split}): missed {'; '.join(one.missed) or 'nothing'}, took {[stray.text for stray in one.strays]}"
        for one in judged
        if options.failures and one.split == "dev" and (one.missed or one.strays)
    ]
    about = (
        f"{len(cases)} messages written for kefu, {options.split} half, and {len(outside)} of presidio's sentences, which "
        "were looked at"
    )
    found = {one.id: float(all(ok for _, ok in one.recalled)) for one in (*judged, *outside) if one.recalled}
    untouched = {one.id: float(not one.findings) for one in judged if one.clean}
    return Outcome(
        {**metrics, "cases": len(cases)}, about, scores={"found": found, "untouched": untouched}, notes=notes
    )


def judge(name: str, split: str, text: str, labels: Sequence[Label]) -> Judged:
    findings = find(text)
    covered = _places((one.start, one.end) for one in findings)
    labelled = _places((start, end) for _, start, end in labels)
    recalled = [
        (kind, len(covered & set(range(start, end))) >= COVERED * (end - start))
        for kind, start, end in labels
    ]
    tokens = [set(range(*token.span())) for token in _TOKEN.finditer(text)]
    return Judged(
        name,
        split,
        recalled,
        not labels,
        len(tokens),
        sum(bool(token & covered) and not token & labelled for token in tokens),
        len(findings),
        [one for one in findings if not labelled & set(range(one.start, one.end))],
        [text[start:end] for (_, ok), (_, start, end) in zip(recalled, labels, strict=True) if not ok],
    )


def _places(spans: Iterable[tuple[int, int]]) -> set[int]:
    return {place for span in spans for place in range(*span)}


def _figures(judged: Sequence[Judged], suffix: str) -> dict[str, float]:
    """Recall by kind; the share of tokens of clean messages that were taken; the share of findings that were labelled."""
    every = [pair for one in judged for pair in one.recalled]
    groups: dict[str, list[float]] = {
        "recall_structured": [float(ok) for kind, ok in every if kind not in _UNSTRUCTURED]
    }
    for kind in KINDS:
        groups[f"recall_{kind}"] = [float(ok) for of, ok in every if of == kind]
    clean = [one for one in judged if one.clean]
    if clean:
        # the mean of these is the share of all tokens, and the messages are what is drawn anew
        usual = sum(one.tokens for one in clean) / len(clean)
        groups["false_positive_rate"] = [one.stray / usual for one in clean]
    groups["precision"] = [
        float(number >= len(one.strays)) for one in judged for number in range(one.findings)
    ]
    found: dict[str, float] = {}
    for name, values in groups.items():
        if values:
            low, high = interval(values)
            found |= {f"{name}{suffix}": round(float(np.mean(values)), 4)}
            found |= {f"{name}{suffix}_low": round(low, 4), f"{name}{suffix}_high": round(high, 4)}
    found[f"clean_tokens{suffix}"] = sum(one.tokens for one in clean)
    found[f"clean_touched{suffix}"] = sum(bool(one.findings) for one in clean)
    return found


def _sentences(file: Path) -> Iterable[tuple[str, str, str, list[Label]]]:
    for number, item in enumerate(json.loads(file.read_text(encoding="utf-8"))):
        labels = [
            (_PRESIDIO[span["entity_type"]], span["start_position"], span["end_position"])
            for span in item["spans"]
            if span["entity_type"] in _PRESIDIO
        ]
        yield f"presidio-{number}", "dev", item["full_text"], labels
