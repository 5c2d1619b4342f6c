"""Keeps back what a page, a product text or an order says to the machine instead of to people.

Text of documents and tools is data. A sentence in it that gives orders to its reader ("ignore the notes above"), a role
tag, an order in an encoding or in characters that nobody sees is no fact of the shop: it is neither indexed, quoted nor
shown to a model, and whoever ingests it is told. What follows such a sentence in its paragraph goes with it, since it
is the order's content as a rule. Does not judge whether a fact is true; what is an order is ``retrieval.commands``' to
say.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from retrieval import commands

UNSEEN = "characters that nobody sees"
_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u2060-\u2064\ufeff\u180e]")
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TOKEN = re.compile(r"<\|([^|>\n]{1,30})\|>|\[(/?INST)\]|<<(/?SYS)>>|<(/?s|bos|eos|(?:start|end)_of_turn)>")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n+")
_SENTENCE = re.compile(r"(?<=[.!?])[\"'”’)]*\s+|(?<=[。！？])|\n+")
_BASE64 = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{16,}={0,2}(?![\w+/=-])")
_BASE32 = re.compile(r"(?<![A-Z2-7=])[A-Z2-7]{16,}={0,6}(?![A-Z2-7=])")
_HEX = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}[ :]?){12,}(?![0-9a-fA-F])")
_BINARY = re.compile(r"(?:[01]{8}\s*){6,}")
_BASE85 = re.compile(r"(?<!\S)\S{40,}(?!\S)")
_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|&#x?[0-9a-fA-F]+;|%[0-9a-fA-F]{2}){6}")
_MORSE = re.compile(r"(?:[.-]{1,6}[ /]+){8,}[.-]{1,6}")
_LETTERS = dict(
    zip(
        ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --..".split(),
        "abcdefghijklmnopqrstuvwxyz",
        strict=True,
    )
)
_ROT13 = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM",
)
_LEET = str.maketrans("0134578@$", "oieastbas")
_MIXED = re.compile(r"\b(?=\w*[a-z])(?=\w*[013457])\w{3,}\b", re.IGNORECASE)
_SPACED = re.compile(r"(?:\b\w[ .·_-]){8,}\w\b")


_SHORTEST = 6
"""No order is shorter."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A piece that was kept back, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Screened:
    """What may be served of a text, and what was kept back."""

    text: str
    withheld: tuple[Withheld, ...] = ()


@lru_cache(maxsize=4096)
def screened(text: str) -> Screened:
    """Split a text into what may be served and what may not. A text without orders comes back as it is."""
    if len(text) < _SHORTEST:
        return Screened(text)
    kept: list[str] = []
    withheld: list[Withheld] = []
    end = 0
    for start, stop in _paragraphs(text):
        kept.append(text[end:start])
        end = stop
        paragraph = text[start:stop]
        place, reason = _first_order(paragraph)
        if reason:
            withheld.append(Withheld(paragraph[place:].strip(), reason))
            paragraph = paragraph[:place].rstrip()
        kept.append(paragraph)
    if not withheld and not _INVISIBLE.search(text):
        return Screened(text)
    served = re.sub(r"\n{3,}", "\n\n", "".join([*kept, text[end:]])).strip()
    return Screened(seen(served), tuple(withheld))


def seen(text: str) -> str:
    """The text without characters that nobody sees."""
    return _INVISIBLE.sub("", _TAGS.sub("", _BIDI.sub("", text)))


def neutral(text: str) -> str:
    """The text with the marks that separate a model's messages taken apart: ``<|im_end|>`` is ``im_end``."""
    return _TOKEN.sub(lambda found: next(filter(None, found.groups())).strip("/"), seen(text))


def orders(text: str, kinds: Collection[commands.Kind]) -> bool:
    """Whether some sentence of the text, as it stands or decoded, gives an order of one of these kinds."""
    sentences = [text[start:stop] for start, stop in _sentences(text)]
    return any(_TAGS.search(sentence) for sentence in sentences) or any(
        commands.gives(said, kind)
        for sentence in dict.fromkeys([*sentences, text])
        for said in (seen(sentence), *_decoded(seen(sentence)))
        for kind in kinds
    )


def reason(sentence: str) -> str | None:
    """Why a sentence may not be served; None if it may."""
    if _TAGS.search(sentence) or re.search("[\u202d\u202e]", sentence):
        return UNSEEN
    plain = seen(sentence)
    kind = commands.kind_of(plain)
    if kind:
        return kind
    for decoded in _decoded(plain):
        if commands.kind_of(decoded):
            return "encoded order"
    return None


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for found in _PARAGRAPH.finditer(text):
        if found.start() > start:
            yield start, found.start()
        start = found.end()
    if start < len(text):
        yield start, len(text)


def _first_order(paragraph: str) -> tuple[int, str | None]:
    """Where the first order of a paragraph begins, and why it is one."""
    start = 0
    for start, stop in _sentences(paragraph):
        why = reason(paragraph[start:stop])
        if why:
            return start, why
    # A sentence may be cut in the middle of an order; the whole is looked at as well.
    why = reason(" ".join(paragraph.split())) if start else None
    return (0, why) if why in ("role tag", "encoded order", UNSEEN) else (0, None)


def _sentences(paragraph: str) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends."""
    start = 0
    for found in _SENTENCE.finditer(commands.masked(paragraph)):
        yield start, found.start()
        start = found.end()
    yield start, len(paragraph)


# --- encodings ----------------------------------------------------------------------------------------------


def _decoded(text: str) -> Iterator[str]:
    """What the text says to somebody who decodes it, in the encodings that language models read."""
    for found in _BASE64.finditer(text):
        blob = found.group().rstrip("=")
        yield from _as_text(
            base64.b64decode, f"{blob.replace('-', '+').replace('_', '/')}{'=' * (-len(blob) % 4)}"
        )
    for found in _BASE32.finditer(text):
        blob = found.group().rstrip("=")
        yield from _as_text(base64.b32decode, f"{blob}{'=' * (-len(blob) % 8)}")
    for found in _HEX.finditer(text):
        yield from _as_text(bytes.fromhex, re.sub(r"[ :]", "", found.group()))
    for found in _BINARY.finditer(text):
        bits = re.sub(r"\s", "", found.group())
        yield bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)).decode("latin-1")
    for found in _BASE85.finditer(text):
        yield from _as_text(base64.b85decode, found.group())
        yield from _as_text(base64.a85decode, found.group().removeprefix("<~").removesuffix("~>"))
    if _ESCAPES.search(text):
        yield unquote(re.sub(r"\\u00|\\x|&#x", "%", text).replace(";", ""))
    for found in _MORSE.finditer(text):
        yield "".join(
            " " if mark == "/" else _LETTERS.get(mark, "")
            for mark in found.group().replace("/", " / ").split()
        )
    yield text.translate(_ROT13)
    yield text[::-1]
    if len(_MIXED.findall(text)) > 1:
        yield text.translate(_LEET)
    for found in _SPACED.finditer(text):
        yield re.sub(r"[ .·_-](?! )", "", found.group())


def _as_text(decode: Callable[[str], bytes], blob: str) -> Iterator[str]:
    try:
        yield decode(blob).decode("utf-8")
    except (ValueError, binascii.Error, UnicodeDecodeError):
        return
