"""Small text facts that several stages need: language, sentences, content words, figures, negation.

English and Chinese. Knows no shop, no model and no evidence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LETTER = re.compile(r"[^\W\d_]")

STOPWORDS = frozenset(
    """a an the and or but if then than so as at by for from in into of off on onto out over to up with
    within without about after again all also am any are be because been before being below between both
    can cannot could did do does doing don down during each few further had has have having he her here
    hers him his how i im is it its just me more most my no nor not now of once only other our ours own
    please same she should some such that their them there these they this those through too under until
    very was we were what when where which while who whom why will would you your yours hi hello hey
    thanks thank tell know like want need get got give may might must shall us let ill ive id does
    doesnt dont isnt cant wont youre ok okay""".split()
)

NEGATIONS = frozenset(
    """no not never none nothing neither nor without cannot cant dont doesnt didnt isnt arent wasnt werent
    wont wouldnt shouldnt couldnt havent hasnt hadnt except unless exclude excluded excludes excluding
    unable impossible""".split()
)
_NEGATION_ZH = re.compile(r"不|没|無|无|未|非|别|勿")

_ABBREVIATIONS = ("e.g.", "i.e.", "etc.", "approx.", "no.", "nos.", "mr.", "mrs.", "ms.", "dr.", "st.", "incl.", "max.", "min.", "vs.")  # fmt: skip
# "?" with a Chinese character after it is a full-width mark that was normalised.
_END = re.compile(r"[.!?](?:[\"'”’)\]]+)?(?=\s|$)|[!?;](?=[\u3400-\u9fff])|[。！？；](?:[”’」』）]*)|\n+")
_TOKEN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[a-z0-9]+(?:['’-][a-z0-9]+)*", re.IGNORECASE)


def detect_language(text: str) -> str:
    """``zh`` if a fifth or more of the letters are Chinese characters, else ``en``."""
    letters = len(_LETTER.findall(text))
    return "zh" if letters and len(_CJK.findall(text)) / letters >= 0.2 else "en"


def normalise(text: str) -> str:
    """NFKC, straight quotes, single spaces; newlines are kept, other control characters are dropped."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")
    text = "".join(c for c in text if c == "\n" or c == "\t" or unicodedata.category(c)[0] != "C")
    return re.sub(r"[ \t]+", " ", text).strip()


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text with its character offsets."""

    text: str
    start: int
    end: int


def sentences(text: str) -> Iterator[Span]:
    """Split into sentences with offsets into ``text``; list items and table rows (lines) are sentences too."""
    start = 0
    for match in _END.finditer(text):
        end = match.start() if match.group().startswith("\n") else match.end()
        if not match.group().startswith("\n") and _continues(text, match):
            continue
        span = _trim(text, start, end)
        if span is not None:
            yield span
        start = match.end()
    span = _trim(text, start, len(text))
    if span is not None:
        yield span


def _continues(text: str, match: re.Match[str]) -> bool:
    """Whether a full stop belongs to an abbreviation, an initial or a list number rather than to a sentence."""
    if match.group()[0] != ".":
        return False
    word = (
        text[: match.start() + 1].rsplit(None, 1)[-1].lower().lstrip("(\"'")
        if text[: match.start()].strip()
        else ""
    )
    if word in _ABBREVIATIONS:
        return True
    # "1. Open the parcel": the number of a list item, at the start of a line.
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
    return line.isdigit() and len(line) <= 2


def _trim(text: str, start: int, end: int) -> Span | None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    piece = piece.strip()
    return Span(piece, start + left, start + left + len(piece)) if piece else None


@cache
def _stemmer() -> object:
    import Stemmer

    return Stemmer.Stemmer("english")


def stem(word: str) -> str:
    """English Snowball stem of a lower-case word."""
    return str(_stemmer().stemWord(word))  # type: ignore[attr-defined]  # PyStemmer ships no types


def words(text: str) -> list[str]:
    """Lower-case words without apostrophes; each Chinese character is a word."""
    return [re.sub(r"['’]", "", match.group().lower()) for match in _TOKEN.finditer(text)]


def content_words(text: str) -> list[str]:
    """Stems of the words that carry meaning."""
    found: list[str] = []
    for word in words(text):
        for part in word.split("-"):
            if part and part not in STOPWORDS:
                found.append(stem(part))
    return found


def is_negated(text: str) -> bool:
    """Whether the sentence holds a negation."""
    return bool(NEGATIONS & set(words(text))) or bool(_NEGATION_ZH.search(text))


# --- figures -----------------------------------------------------------------------------------------------

_WORD_NUMBERS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "fourteen": "14", "fifteen": "15", "twenty": "20",
    "thirty": "30", "sixty": "60", "ninety": "90", "hundred": "100",
    "一": "1", "两": "2", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9", "十": "10",
}  # fmt: skip
_FIGURE = re.compile(r"\d+(?:[.,:/]\d+)*")


def figures(text: str) -> set[str]:
    """Numbers of a text in one form: ``1,200.00`` -> ``1200``, ``thirty`` -> ``30``; ranges give both ends."""
    found = set()
    for match in _FIGURE.finditer(text):
        found.add(_canonical(match.group()))
    for word in words(text):
        if word in _WORD_NUMBERS and len(word) > 1 and word != "one":
            found.add(_WORD_NUMBERS[word])
    return found


def _canonical(figure: str) -> str:
    if ":" in figure or "/" in figure:
        return figure
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", figure):
        figure = figure.replace(",", "")
    elif re.fullmatch(r"\d+,\d{1,2}", figure):
        figure = figure.replace(",", ".")
    if "." in figure and figure.count(".") == 1:
        figure = figure.rstrip("0").rstrip(".")
    return figure.lstrip("0") or "0"
