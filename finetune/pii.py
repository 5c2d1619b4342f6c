"""Personal data in support logs: where they stand, and the same text with invented ones in their place.

``find`` reads one text. ``redact`` reads the texts of one conversation and puts surrogates in: what was the same stays
the same, in this conversation and, by the salt, in the whole run. Rules alone are at work here: a name that nothing
announces, a street without a number, "name at host dot com" are not seen. Whoever needs more adds a finder of their own
(``also=presidio_findings``).
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from configs.errors import ConfigError
from finetune import pii_marks
from finetune.pii_names import people
from finetune.pii_phones import phones
from finetune.pii_places import addresses
from finetune.surrogates import Book, is_surrogate

KINDS = ("url", "email", "iban", "id_card", "card", "ip", "ssn", "order", "phone", "address", "person")
"""The most specific first: what one has taken, those after it do not see."""

MIN_SALT = 12
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """``text`` is what stands between ``start`` and ``end``."""

    kind: str
    start: int
    end: int
    text: str


Finder = Callable[[str], Iterable[Finding]]


def find(text: str, *, order_pattern: str | re.Pattern[str] | None = None) -> list[Finding]:
    """Personal data in the order of the text; no two overlap.

    Args:
        order_pattern: a regular expression of the shop's order numbers. Without it, capitals with five digits or more
            behind a hyphen count.
    """
    pattern = re.compile(order_pattern) if isinstance(order_pattern, str) else order_pattern
    found: list[Finding] = []
    left = text
    for kind in KINDS:
        if kind == "phone":
            left = _without(left, pii_marks.urls(left))  # the figures in a link are no phone numbers
        spans: list[pii_marks.Span] = []
        taken = bytearray(sign == pii_marks.TAKEN for sign in left)
        for start, end in sorted(_seen(kind, left, pattern), key=lambda span: (span[0] - span[1], span[0])):
            if start < end and not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                spans.append((start, end))
        found += (Finding(kind, start, end, text[start:end]) for start, end in spans)
        left = _without(left, spans)
    return sorted(found, key=lambda finding: finding.start)


def _seen(kind: str, text: str, pattern: re.Pattern[str] | None) -> Iterator[pii_marks.Span]:
    match kind:
        case "url":
            return pii_marks.secrets(text)
        case "email":
            return pii_marks.emails(text)
        case "iban":
            return pii_marks.ibans(text)
        case "id_card":
            return pii_marks.id_cards(text)
        case "card":
            return pii_marks.cards(text)
        case "ip":
            return pii_marks.ips(text)
        case "ssn":
            return pii_marks.ssns(text)
        case "order":
            return pii_marks.orders(text, pattern)
        case "phone":
            return phones(text)
        case "address":
            return addresses(text)
        case _:
            return people(text)


def _without(text: str, spans: Iterable[pii_marks.Span]) -> str:
    signs = list(text)
    for start, end in spans:
        signs[start:end] = pii_marks.TAKEN * (end - start)
    return "".join(signs)


def redact(
    texts: Sequence[str],
    *,
    salt: str,
    order_pattern: str | re.Pattern[str] | None = None,
    also: Finder | None = None,
) -> tuple[list[str], Counter[str], list[Finding]]:
    """The texts of one conversation with surrogates, how many of each kind were put in, and what they stand for.

    A surrogate is known as one, so redacting again changes nothing. A name that was announced once is replaced wherever
    it stands in the conversation. Where the text between two findings makes a new one when they are replaced, it is
    replaced as well; such a finding tells its place in the text as it was by then.

    Args:
        salt: a secret, kept for as long as runs shall agree. Whoever knows it can test guesses.
        also: another finder, whose findings count where this module has none.

    Raises:
        ConfigError: the salt is too short to keep anybody from guessing.
    """
    if len(salt) < MIN_SALT:
        raise ConfigError(
            f"the salt has {len(salt)} characters",
            expected=f"{MIN_SALT} or more that nobody can guess",
            hint="make one: python -c 'import secrets; print(secrets.token_hex(16))'",
        )
    book = Book(salt)
    changed = list(texts)
    counts: Counter[str] = Counter()
    findings: list[Finding] = []
    for _ in range(_ROUNDS):
        seen = [_all(text, order_pattern, also) for text in changed]
        names = {
            part
            for one in seen
            for finding in one
            for part in _names(finding)
            if not is_surrogate("person", part)
        }
        seen = [_merged(one, _again(text, names)) for text, one in zip(changed, seen, strict=True)]
        book.learn((finding.kind, finding.text) for one in seen for finding in one)
        fresh = [[finding for finding in one if not is_surrogate(finding.kind, finding.text)] for one in seen]
        if not any(fresh):
            break
        for number, one in enumerate(fresh):
            changed[number] = _replaced(changed[number], one, book)
            counts.update(finding.kind for finding in one)
            findings += one
    return changed, counts, findings


def _all(text: str, order_pattern: str | re.Pattern[str] | None, also: Finder | None) -> list[Finding]:
    own = find(text, order_pattern=order_pattern)
    return _merged(own, also(text)) if also else own


def _merged(first: Sequence[Finding], second: Iterable[Finding]) -> list[Finding]:
    kept = list(first)
    taken = {place for finding in first for place in range(finding.start, finding.end)}
    for finding in second:
        places = range(finding.start, finding.end)
        if taken.isdisjoint(places):
            taken.update(places)
            kept.append(finding)
    return sorted(kept, key=lambda finding: finding.start)


def _names(finding: Finding) -> Iterator[str]:
    """What to look for elsewhere: the name, and its words of four letters or more. One Chinese sign is no name."""
    if finding.kind == "person" and len(finding.text) > 1:
        yield finding.text
        yield from (word for word in finding.text.split() if len(word) >= 4)


def _again(text: str, names: Iterable[str]) -> Iterator[Finding]:
    for name in sorted(names, key=lambda name: (-len(name), name)):
        border = r"(?<!\w){}(?!\w)" if name.isascii() or " " in name else "{}"
        for found in re.finditer(border.format(re.escape(name)), text):
            yield Finding("person", *found.span(), found[0])


def _replaced(text: str, findings: Sequence[Finding], book: Book) -> str:
    pieces, place = [], 0
    for finding in findings:
        pieces += [text[place : finding.start], book.surrogate(finding.kind, finding.text)]
        place = finding.end
    return "".join([*pieces, text[place:]])


# --- presidio -----------------------------------------------------------------------------------------------

_PRESIDIO_KINDS = {
    "PERSON": "person",
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "IP_ADDRESS": "ip",
}


def presidio_findings(text: str) -> list[Finding]:
    """What Microsoft's presidio-analyzer, which is no part of kefu, finds in an English text.

    Raises:
        ConfigError: it is not installed.
    """
    results = _presidio().analyze(text=text, language="en", entities=list(_PRESIDIO_KINDS))
    return [
        Finding(_PRESIDIO_KINDS[one.entity_type], one.start, one.end, text[one.start : one.end])
        for one in sorted(results, key=lambda one: (one.start, -one.end))
    ]


@functools.cache
def _presidio() -> Any:
    try:
        from presidio_analyzer import AnalyzerEngine
    except ImportError:
        raise ConfigError(
            "presidio-analyzer is not installed",
            hint="pip install presidio-analyzer, and the spaCy model that it asks for; or leave it out",
        ) from None
    return AnalyzerEngine()
