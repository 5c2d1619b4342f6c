"""Ways to make a sentence say what its evidence does not: each takes a sentence and gives a wrong one, or nothing.

Knows no check. A change that happens to give another sentence of the evidence is sorted out by the caller.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chatbot import lang

_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_UNITS = "minute hour day week month year".split()
_UNIT = re.compile(
    rf"\b(\d+|two|three|four|five|six|seven|ten|twelve|thirty|sixty|ninety)([ -](?:\w+ )?)({'|'.join(_UNITS)})(s?)\b"
)
_FIGURE = re.compile(r"(?<![\w.,/-])\d+(?:[.,]\d+)*(?![\w/]|[.,-]\d)")
_NUMBER_WORD = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|sixty|ninety)\b"
)

OPPOSITES: Sequence[tuple[str, str]] = (
    ("before", "after"), ("more", "less"), ("must", "may"), ("include", "exclude"), ("includes", "excludes"),
    ("first", "last"), ("increase", "decrease"), ("minimum", "maximum"), ("least", "most"), ("longer", "shorter"),
    ("higher", "lower"), ("above", "below"), ("open", "close"), ("accept", "refuse"), ("approved", "denied"),
    ("send", "receive"), ("buy", "sell"), ("add", "remove"), ("valid", "invalid"), ("eligible", "ineligible"),
    ("able", "unable"), ("full", "partial"), ("same", "different"), ("start", "end"), ("begins", "ends"), ("always", "never"),
)  # fmt: skip
"""Pairs of which the check has a list as well."""
OTHERS: Sequence[tuple[str, str]] = (
    ("online", "by phone"), ("private", "public"), ("personal", "corporate"), ("late", "early"), ("free", "expensive"),
    ("easy", "difficult"), ("federal", "local"), ("customer", "supplier"), ("written", "spoken"), ("mail", "fax"),
    ("parent", "neighbour"), ("monthly", "yearly"), ("annual", "weekly"), ("married", "single"), ("student", "teacher"),
    ("driver", "passenger"), ("employer", "tenant"), ("card", "cheque"), ("pay", "borrow"), ("current", "former"),
    ("keep", "throw away"), ("share", "hide"), ("large", "small"), ("high", "low"), ("own", "rent"), ("email", "letter"),
)  # fmt: skip
"""Pairs that the check does not know."""

Change = Callable[[str, "Around", random.Random], str | None]


@dataclass(frozen=True, slots=True)
class Around:
    """What a wrong sentence may be made of: the evidence, and sentences of the same document and of others."""

    evidence: Sequence[str]
    same: Sequence[str]
    others: Sequence[str]


def number(sentence: str, around: Around, rng: random.Random) -> str | None:
    """A figure that is no price, percentage, year or duration, by a near one."""
    return _swapped(sentence, rng, lambda match: _plain(sentence, match))


def price(sentence: str, around: Around, rng: random.Random) -> str | None:
    return _swapped(sentence, rng, lambda match: _is_price(sentence, match))


def percent(sentence: str, around: Around, rng: random.Random) -> str | None:
    return _swapped(
        sentence, rng, lambda match: sentence[match.end() :].lstrip().startswith(("%", "percent"))
    )


def year(sentence: str, around: Around, rng: random.Random) -> str | None:
    return _swapped(sentence, rng, lambda match: bool(re.fullmatch(r"(?:19|20)\d\d", match.group())))


def duration(sentence: str, around: Around, rng: random.Random) -> str | None:
    return _swapped(sentence, rng, lambda match: bool(_UNIT.match(sentence, match.start())))


def number_word(sentence: str, around: Around, rng: random.Random) -> str | None:
    match = _NUMBER_WORD.search(sentence)
    if not match:
        return None
    words = [
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "twelve",
        "twenty",
        "thirty",
    ]
    return _replaced(sentence, match, rng.choice([word for word in words if word != match.group()]))


def date(sentence: str, around: Around, rng: random.Random) -> str | None:
    """Another month or day of the week."""
    for names in (_MONTHS, _DAYS):
        found = [m for m in re.finditer(rf"\b(?:{'|'.join(names)})\b", sentence) if m.start()]
        if found:
            match = rng.choice(found)
            return _replaced(sentence, match, rng.choice([name for name in names if name != match.group()]))
    return None


def figure_elsewhere(sentence: str, around: Around, rng: random.Random) -> str | None:
    """A figure that the evidence gives for something else."""
    matches = list(_FIGURE.finditer(sentence))
    known = {m.group() for text in around.evidence for m in _FIGURE.finditer(text)}
    known -= {m.group() for m in matches} | {"1"}
    if not matches or not known:
        return None
    match = rng.choice(matches)
    alike = [figure for figure in sorted(known) if len(figure) == len(match.group())] or sorted(known)
    return _replaced(sentence, match, rng.choice(alike))


def exchanged(sentence: str, around: Around, rng: random.Random) -> str | None:
    """Two figures of the sentence take each other's place."""
    matches = list(_FIGURE.finditer(sentence))
    if len(matches) < 2 or matches[0].group() == matches[-1].group():
        return None
    one, other = matches[0], matches[-1]
    between = sentence[one.end() : other.start()]
    if len(between.split()) < 2:  # a range: the order of its ends means nothing to most readers
        return None
    return f"{sentence[: one.start()]}{other.group()}{between}{one.group()}{sentence[other.end() :]}"


def unit(sentence: str, around: Around, rng: random.Random) -> str | None:
    match = _UNIT.search(sentence)
    if not match:
        return None
    other = rng.choice([name for name in _UNITS if name != match[3]])
    return _replaced(sentence, match, f"{match[1]}{match[2]}{other}{match[4]}")


def name(sentence: str, around: Around, rng: random.Random) -> str | None:
    """A name of the sentence by another one of the document."""
    capital = re.compile(r"(?<=[a-z,] )[A-Z][A-Za-z]{2,}\b")
    months = set(_MONTHS) | set(_DAYS)
    mine = [match for match in capital.finditer(sentence) if match.group() not in months]
    held = {match.group() for text in around.same for match in capital.finditer(text)} - months
    held -= set(re.findall(r"[A-Z]\w+", sentence))
    if not mine or not held:
        return None
    return _replaced(sentence, rng.choice(mine), rng.choice(sorted(held)))


def negation_added(sentence: str, around: Around, rng: random.Random) -> str | None:
    auxiliaries = (
        r"\b(is|are|was|were|can|will|must|should|may|would|could|has been|have been)\b(?! not\b| no\b|n't)"
    )
    found = list(re.finditer(auxiliaries, sentence))
    if found:
        match = rng.choice(found)
        first, _, rest = match.group().partition(" ")
        return _replaced(sentence, match, f"{first} not {rest}".rstrip())
    pronoun = re.search(
        r"\b(you|we|they|customers|people)( )(?=(?:need|have|want|get|use|pay|keep|ask|offer|make)\b)",
        sentence,
    )
    return _replaced(sentence, pronoun, f"{pronoun[1]} do not ") if pronoun else None


def negation_removed(sentence: str, around: Around, rng: random.Random) -> str | None:
    rules = [
        (r"\bcannot\b", "can"), (r"\bcan't\b", "can"), (r"\bdo not ", ""), (r"\bdon't ", ""), (r"\bdon’t ", ""),
        (r"\b(is|are|was|were|will|must|should|may|can|has|have|would) not\b", r"\1"), (r"\bwithout\b", "with"),
        (r"\bnever\b", "always"), (r"\bdoes not ", "does "), (r"\bno\b(?! later| more| less| longer)", "a"),
        (r"\b(is|are|was|were|does|do|would|should|could|has)n['’]t\b", r"\1"), (r"\bwon['’]t\b", "will"),
    ]  # fmt: skip
    options = [
        re.sub(pattern, by, sentence, count=1) for pattern, by in rules if re.search(pattern, sentence)
    ]
    return rng.choice(options) if options else None


def modal(sentence: str, around: Around, rng: random.Random) -> str | None:
    rules = [
        (r"\bmust(?! not)\b", "may"), (r"\bis required to\b", "may"), (r"\bare required to\b", "may"),
        (r"\bmay(?! not)\b", "must"), (r"\bcan(?! not)\b", "must"), (r"\boptional\b", "required"),
        (r"\brequired\b", "optional"), (r"\bhave to\b", "may"), (r"\bneed to\b", "may"),
    ]  # fmt: skip
    options = [
        re.sub(pattern, by, sentence, count=1) for pattern, by in rules if re.search(pattern, sentence)
    ]
    return rng.choice(options) if options else None


def opposite(sentence: str, around: Around, rng: random.Random) -> str | None:
    return _turned(sentence, OPPOSITES, rng)


def other_word(sentence: str, around: Around, rng: random.Random) -> str | None:
    return _turned(sentence, OTHERS, rng)


def clause_added(sentence: str, around: Around, rng: random.Random) -> str | None:
    """With half a sentence of another document behind it."""
    other = rng.choice(around.others)
    clause = re.split(r"[,;:]", other)[0].rstrip(".")
    words = clause.split()
    if not 4 <= len(words) <= 16 or len(set(lang.content_words(clause))) < 2:
        return None
    return f"{sentence.rstrip('.')}{rng.choice((', and ', ' and ', ', so ', ', but '))}{clause[0].lower()}{clause[1:]}."


def unrelated(sentence: str, around: Around, rng: random.Random) -> str | None:
    return rng.choice(around.others)


def neighbouring(sentence: str, around: Around, rng: random.Random) -> str | None:
    """A sentence of a passage of the same document that is not shown, and that says something of its own."""
    held = [set(lang.content_words(span.text)) for text in around.evidence for span in lang.sentences(text)]
    options = []
    for other in around.same:
        wanted = set(lang.content_words(other))
        if max((len(wanted & words) / len(wanted) for words in held), default=0.0) < 0.6:
            options.append(other)
    return rng.choice(options) if options else None


def condition_dropped(sentence: str, around: Around, rng: random.Random) -> str | None:
    """Without the clause that says when it holds."""
    rules = [
        (r"^(?:If|Unless|Provided|When|Until)\b[^,]{10,},\s+(?:then )?", ""),
        (r",?\s+(?:if|unless|only if|provided|except|as long as|until)\b[^,;]{8,}\.$", "."),
        (r"\b(?:only)\s", ""),
    ]
    options = [
        re.sub(pattern, by, sentence, count=1) for pattern, by in rules if re.search(pattern, sentence)
    ]
    options = [
        option[:1].upper() + option[1:] for option in options if len(set(lang.content_words(option))) >= 3
    ]
    return rng.choice(options) if options else None


CHANGES: Mapping[str, Change] = {
    "number": number, "price": price, "percent": percent, "year": year, "duration": duration,
    "number word": number_word, "date": date, "figure elsewhere": figure_elsewhere, "exchanged": exchanged, "unit": unit,
    "name": name, "negation added": negation_added, "negation removed": negation_removed, "modal": modal,
    "opposite": opposite, "other word": other_word, "clause added": clause_added, "unrelated": unrelated,
    "neighbouring": neighbouring, "condition dropped": condition_dropped,
}  # fmt: skip
PLANTED = frozenset(
    "number, price, percent, year, duration, number word, date, figure elsewhere, exchanged, unit, negation added, negation removed".split(
        ", "
    )
)
"""None of these may ever pass."""


def _is_price(sentence: str, match: re.Match[str]) -> bool:
    before, after = sentence[: match.start()].rstrip(), sentence[match.end() :].lstrip()
    return before.endswith(("$", "€", "£", "EUR")) or after.startswith(("€", "EUR", "euro"))


def _plain(sentence: str, match: re.Match[str]) -> bool:
    special = _is_price(sentence, match) or sentence[match.end() :].lstrip().startswith(("%", "percent"))
    return not (
        special or _UNIT.match(sentence, match.start()) or re.fullmatch(r"(?:19|20)\d\d", match.group())
    )


def _swapped(sentence: str, rng: random.Random, wanted: Callable[[re.Match[str]], bool]) -> str | None:
    matches = [match for match in _FIGURE.finditer(sentence) if wanted(match)]
    if not matches:
        return None
    match = rng.choice(matches)
    value = float(match.group().replace(",", ""))
    if re.fullmatch(r"(?:19|20)\d\d", match.group()):
        near = [value + step for step in (-10, -3, -2, -1, 1, 2, 3, 10)]
    else:
        near = [value + 1, value + 2, value + 5, value * 2, value * 10, value - 1, value // 2]
    options = [new for new in near if new > 0 and new != value]
    new = rng.choice(options)
    return _replaced(
        sentence, match, f"{new:,.0f}" if "," in match.group() else f"{new:g}" if new < 1e5 else f"{new:.0f}"
    )


def _turned(sentence: str, pairs: Sequence[tuple[str, str]], rng: random.Random) -> str | None:
    both = [pair for one, other in pairs for pair in ((one, other), (other, one))]
    found = [(match, by) for word, by in both if (match := re.search(rf"\b{word}\b", sentence))]
    if not found:
        return None
    match, by = rng.choice(found)
    return _replaced(sentence, match, by)


def _replaced(sentence: str, match: re.Match[str], by: str) -> str:
    return f"{sentence[: match.start()]}{by}{sentence[match.end() :]}"
