"""Rewordings by rule that keep what a sentence says: each takes a sentence and gives another one, or nothing.

They say what the evidence says by construction, so a check that drops them is wrong. Knows no check.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

Reword = Callable[[str, random.Random], str | None]

CONDITION = re.compile(
    r"\b(?:if|unless|except|only|provided|until|when|not|no|without|before|after)\b", re.IGNORECASE
)

_SYNONYMS = {
    "purchase": "buy", "obtain": "get", "receive": "get", "require": "need", "requires": "needs", "required": "needed",
    "assist": "help", "assistance": "help", "additional": "extra", "complete": "fill in", "submit": "send in",
    "vehicle": "car", "contact": "reach", "provide": "give", "provides": "gives", "ensure": "make sure",
    "request": "ask for", "child": "kid", "children": "kids", "immediately": "at once", "prior to": "before",
    "in order to": "to", "begin": "start", "begins": "starts", "choose": "pick", "select": "pick", "review": "check",
    "inform": "tell", "notify": "tell", "within": "in", "also": "too", "amount": "sum", "website": "site",
    "information": "details", "determine": "find out", "delete": "remove", "terminate": "end", "allow": "let",
    "permitted": "allowed", "mail": "post", "regarding": "about", "however": "but", "approximately": "about",
    "attempt": "try", "whether": "if", "many": "a lot of", "apply for": "ask for", "error": "mistake", "keep": "hold on to",
}  # fmt: skip
_MODALS = {
    "must": ("have to", "need to"), "may": ("can",), "cannot": ("can't", "are not able to"), "do not": ("don't",),
    "does not": ("doesn't",), "is not": ("isn't",), "are not": ("aren't",), "will not": ("won't",), "we will": ("we'll",),
    "you will": ("you'll",), "should": ("ought to",), "it is": ("it's",), "can not": ("cannot",), "have to": ("must",),
    "need to": ("have to",),
}  # fmt: skip
_PERSONS = {"we": "they", "our": "their", "us": "them", "your": "their", "ours": "theirs"}
_IMPERATIVE = re.compile(
    r"^(?:Please )?(Call|Send|Visit|Contact|Check|Use|Write|Complete|Submit|Bring|Mail|Go|Review|Ask|Apply|Get|Make|Take|Read"
    r"|Print|Pay|Order|Select|Choose|Report|Return|Follow|Click|Enter|Provide|Keep|Fill|Learn|Find|Request)\b"
)  # fmt: skip
_NUMBERS = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
    "twelve": "12", "fifteen": "15", "twenty": "20", "thirty": "30", "sixty": "60", "ninety": "90",
}  # fmt: skip
_DIGITS = {digit: word for word, digit in _NUMBERS.items()}
_LEAD = re.compile(
    r"^(?:However|Also|In addition|Additionally|Generally|Therefore|Please note that|Note that|For example|In general|Usually"
    r"|Remember|Finally|Otherwise|As a result|At that time|In most cases)\s*,?\s+"
)  # fmt: skip


def verbatim(sentence: str, rng: random.Random) -> str | None:
    return sentence


def compressed(sentence: str, rng: random.Random) -> str | None:
    """Without what stands in brackets, a word that leads in, or one of two main clauses; no condition is dropped."""
    options = [
        re.sub(r"\s*\([^)]*\)", "", sentence),
        _capital(_LEAD.sub("", sentence)),
    ]
    halves = re.split(r";\s+|,\s+(?:and|but)\s+(?=(?:you|we|they|it|he|she|the)\b)", sentence)
    if len(halves) == 2 and not any(CONDITION.search(half) for half in halves):
        options += [f"{_capital(half).rstrip('.,;')}." for half in halves]
    tail = re.search(r",\s+(?:which|including|such as|as well as|so that|because|since)\b[^,]*\.$", sentence)
    if tail and not CONDITION.search(tail.group()):
        options.append(f"{sentence[: tail.start()]}.")
    return _one(options, sentence, rng)


def reordered(sentence: str, rng: random.Random) -> str | None:
    """``If A, B.`` as ``B if A.``, and back."""
    match = re.match(
        r"^(If|When|Once|After|Before|Until|While|Unless|Because|As long as)\s([^,]+),\s([^,]+)\.$", sentence
    )
    if match:
        return f"{_capital(match[3])} {match[1].lower()} {match[2].strip()}."
    match = re.match(r"^([^,]+?),?\s(if|when|once|unless|because)\s([^,]+)\.$", sentence)
    return f"{match[2].capitalize()} {match[3]}, {_small(match[1])}." if match else None


def synonyms(sentence: str, rng: random.Random) -> str | None:
    """One or two words replaced by words of the same meaning."""
    words = [word for word in _SYNONYMS if re.search(rf"\b{word}\b", sentence)]
    rng.shuffle(words)
    for word in words[: rng.choice((1, 2))]:
        sentence = re.sub(rf"\b{word}\b", _SYNONYMS[word], sentence, count=1)
    return sentence if words else None


def modal(sentence: str, rng: random.Random) -> str | None:
    """Another verb of the same force, contractions."""
    words = [word for word in _MODALS if re.search(rf"\b{word}\b", sentence)]
    if not words:
        return None
    word = rng.choice(words)
    return re.sub(rf"\b{word}\b", rng.choice(_MODALS[word]), sentence, count=1)


def you_can(sentence: str, rng: random.Random) -> str | None:
    """An order as what the customer can do."""
    match = _IMPERATIVE.match(sentence)
    return (
        f"You {rng.choice(('can', 'should', 'need to'))} {_small(sentence[match.start(1) :])}"
        if match
        else None
    )


def persons(sentence: str, rng: random.Random) -> str | None:
    """Who is meant by "we" and "your", as another speaker puts it."""
    changed = re.sub(
        r"\b(we|our|us|your|ours)\b",
        lambda match: _PERSONS[match.group().lower()],
        sentence,
        flags=re.IGNORECASE,
    )
    return _capital(changed) if changed != sentence else None


def numerals(sentence: str, rng: random.Random) -> str | None:
    """Digits as words, words as digits."""
    found = [
        word
        for word in (*_NUMBERS, *_DIGITS)
        if re.search(rf"(?<![\d.,$/-])\b{word}\b(?![\d.,%/-]\d?)", sentence)
    ]
    if not found:
        return None
    word = rng.choice(found)
    return re.sub(
        rf"(?<![\d.,$/-])\b{word}\b(?![\d.,%/-]\d?)", _NUMBERS.get(word) or _DIGITS[word], sentence, count=1
    )


def passive(sentence: str, rng: random.Random) -> str | None:
    """``A is done by B.`` as ``B does A.``"""
    match = re.match(
        r"^([^,;]{3,60}?) (?:is|are) (\w+?)ed by ((?:the |a |an |our |your )?[^,;.]{3,40})\.$", sentence
    )
    return f"{_capital(match[3])} {match[2]}es {_small(match[1])}." if match else None


def greeted(sentence: str, rng: random.Random) -> str | None:
    """With the words that people begin an answer with."""
    return f"{rng.choice(('Yes,', 'Sure,', 'Well,', 'OK,'))} {_small(sentence)}"


REWORDINGS: Mapping[str, Reword] = {
    "verbatim": verbatim, "compressed": compressed, "reordered": reordered, "synonyms": synonyms, "modal": modal,
    "you can": you_can, "persons": persons, "numerals": numerals, "passive": passive, "greeted": greeted,
}  # fmt: skip


def _one(options: list[str], sentence: str, rng: random.Random) -> str | None:
    changed = [option for option in options if option != sentence and len(option.split()) >= 4]
    return rng.choice(changed) if changed else None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _small(text: str) -> str:
    """With a small first letter, unless the first word is a name or stands for itself."""
    first = text.split(" ", 1)[0]
    keeps = first == "I" or first[1:2].isupper() or not first.isalpha() or first not in _OPENERS
    return text if keeps else text[:1].lower() + text[1:]


_OPENERS = frozenset(
    """The A An You Your We Our If When It They These This Those That There All Any Each Most Some Many For In On At By To
    From With As After Before Please Call Send Visit Contact Check Use Write Complete Submit Bring Mail Go Review Ask Apply
    Get Make Take Read Print Pay Order Select Choose Report Return Follow Click Enter Provide Keep Fill Learn Find Request
    Once Until While Unless Because However Also No Not Only Do""".split()
)
