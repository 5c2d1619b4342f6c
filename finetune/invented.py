"""Names, streets and towns that nobody has, and the hat they are drawn from.

Words are made of a beginning and an end, so that they sound like names and can be told from all others. What shape is to
be kept (case, length of numbers, the kind of street, the country) is taken from the text that they replace.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from itertools import product
from typing import TypeVar

from finetune.pii_places import (
    AREAS_ZH,
    BLOCKS_ZH,
    COUNTRIES,
    FOREIGN_TYPES,
    PARTS_ZH,
    ROADS_ZH,
    STREET_SUFFIXES,
    STREET_TYPES,
    UNITS,
)

T = TypeVar("T")


class Draw:
    """Numbers that follow from a key and what is to be replaced, and from nothing else."""

    def __init__(self, key: bytes, *what: str | int) -> None:
        self._key, self._what, self._count = key, "\0".join(map(str, what)), 0

    def below(self, end: int) -> int:
        self._count += 1
        drawn = hashlib.blake2b(
            f"{self._count}\0{self._what}".encode("utf-8", "surrogatepass"), key=self._key, digest_size=16
        )
        return int.from_bytes(drawn.digest()) % end

    def of(self, choice: Sequence[T]) -> T:
        return choice[self.below(len(choice))]

    def digits(self, count: int) -> str:
        return "".join(str(self.below(10)) for _ in range(count))


Hat = Callable[..., Draw]
"""Called with what is to be replaced."""


def _words(heads: str, tails: str) -> tuple[str, ...]:
    return tuple(head + tail for head, tail in product(heads.split(), tails.split()))


NAMES = _words(
    "Al Bren Cor Del El Fen Gal Hal Is Jor Kel Lor Mir Ner Or Per Ros Sel Tor Var",
    "avin edra imor ondel ulan ennis",
)
PLACES = _words(
    "Bram Cald Dorn Esk Farn Gresk Hask Kern Lund Mersk Nord Osk Penn Ruth Sker Tarn",
    "amere awold esby ifell omoor ullen",
)
HAN = "岚溪禾霁枫柏沐荔澜芷桐霖杉汀屿蓼茗岑峤翎棠昀淞漪"
_NAMES, _PLACES, _HAN = ({word.casefold() for word in NAMES}, {word.casefold() for word in PLACES}, set(HAN))

_KEPT = (
    STREET_TYPES
    | FOREIGN_TYPES
    | UNITS
    | COUNTRIES
    | frozenset(
        "the of and corner des del della dei las los van von der den bis ter postfach united kingdom states north south east west upon zum zur alte alter alten "
        "neue neuer neuen".split()
    )
)
_SUFFIXES = sorted(STREET_SUFFIXES, key=len, reverse=True)
_TOKEN = re.compile(r"[^\W_]+")
_IS_HAN = re.compile(r"[\u4e00-\u9fff]")
_TYPES_ZH = "|".join(
    sorted(
        {*ROADS_ZH.split("|"), *AREAS_ZH.split("|"), *BLOCKS_ZH.split("|"), *PARTS_ZH.split("|")},
        key=len,
        reverse=True,
    )
)
_TOKEN_ZH = re.compile(
    rf"(?P<type>{_TYPES_ZH})|(?P<name>(?:(?!{_TYPES_ZH})[\u4e00-\u9fff])+)|(?P<other>[^\W_\u4e00-\u9fff]+)"
)


def invented_name(text: str, hat: Hat) -> str:
    """Word by word, so that "Mr. Keller" stays the Keller of "Anna Keller"; a Chinese surname and what follows it."""
    if _IS_HAN.search(text):
        given = hat("given", text[1:])
        return _han(hat("surname", text[:1]), 1, text[:1]) + "".join(
            _han(given, 1, sign) for sign in text[1:]
        )
    return re.sub(r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*", lambda word: _word(word[0], NAMES, hat), text)


def name_is_invented(text: str) -> bool:
    if _IS_HAN.search(text):
        return set(text) <= _HAN
    return all(word.casefold() in _NAMES for word in re.findall(r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*", text))


def _word(word: str, pool: Sequence[str], hat: Hat) -> str:
    if word.casefold() in (_NAMES if pool is NAMES else _PLACES):
        return word
    made = hat("word", word.casefold()).of(pool)
    return made.upper() if word.isupper() else made.lower() if word.islower() else made


def _han(draw: Draw, count: int, old: str) -> str:
    """As many invented signs, other than the old ones."""
    return "".join(draw.of([sign for sign in HAN if sign not in old]) for _ in range(count))


def invented_address(text: str, hat: Hat) -> str:
    named = _is_named(text)

    def latin(found: re.Match[str]) -> str:
        token = found[0]
        if re.search(r"[0-9]", token):
            return _number(token, named, hat)
        kind, stem, suffix = _read(token)
        return token if kind == "kept" else _cased(_word(stem, PLACES, hat), suffix, token)

    def chinese(found: re.Match[str]) -> str:
        if found["type"]:
            return found[0]
        return (
            _han(hat("place", found[0]), len(found[0]), found[0])
            if found["name"] and not set(found[0]) <= _HAN
            else latin(found)
            if found["other"]
            else found[0]
        )

    return _TOKEN_ZH.sub(chinese, text) if _IS_HAN.search(text) else _TOKEN.sub(latin, text)


def _cased(stem: str, suffix: str, token: str) -> str:
    made = stem + suffix
    return made if token[:1].islower() or token.isupper() else made[:1].upper() + made[1:]


def _read(token: str) -> tuple[str, str, str]:
    """``kept``, or ``name`` with the stem and the ending that says what kind of street it is."""
    plain = token.casefold()
    if (
        len(token) <= 2
        or plain in _KEPT
        or plain in STREET_SUFFIXES
        or plain.replace("ss", "ß") in STREET_SUFFIXES
    ):
        return "kept", token, ""
    for suffix in _SUFFIXES:
        if token.lower().endswith(suffix) and len(token) > len(suffix) + 1:
            return "name", token[: -len(suffix)], token[-len(suffix) :]
    return "name", token, ""


def _is_named(text: str) -> bool:
    if _IS_HAN.search(text):
        return any(found["name"] for found in _TOKEN_ZH.finditer(text))
    return any(_read(token)[0] == "name" for token in _TOKEN.findall(text) if not re.search("[0-9]", token))


def _number(token: str, named: bool, hat: Hat) -> str:
    """As long as before. Where no name tells that the address is invented, leading zeros do: no house has one, and no town
    three, or two of four figures (but Oslo)."""
    if re.match("[A-Za-z]", token):  # a postcode of letters and figures: none has Q for each letter
        draw = hat("code", token.casefold())
        return "".join(draw.digits(1) if sign.isdigit() else "Q" for sign in token)
    for tried in range(60):
        draw = hat("number", token.casefold(), tried)
        made = "".join(draw.digits(1) if sign.isdigit() else sign for sign in token)
        if not named:
            front = _front(made)
            made = front + made[len(front) :]
        elif made[0] == "0":
            continue
        if made != token:
            break
    return made


def address_is_invented(text: str) -> bool:
    if _IS_HAN.search(text):
        names = [found["name"] for found in _TOKEN_ZH.finditer(text) if found["name"]]
        if names:
            return all(set(name) <= _HAN for name in names)
    tokens = _TOKEN.findall(text)
    words = [_read(token) for token in tokens if not re.search("[0-9]", token)]
    stems = [stem for kind, stem, _ in words if kind == "name"]
    if stems:
        return all(stem.casefold() in _PLACES for stem in stems)
    return all(
        token.startswith(_front(token)) if token[0].isdigit() else not re.search("[A-PR-Za-pr-z]", token)
        for token in tokens
        if re.search("[0-9]", token) and not re.fullmatch("[0-9][A-Z]{2}", token)
    )


def _front(number: str) -> str:
    """What an invented number of this length begins with."""
    return "0" * max(1, min(3, len(number) - 2))
