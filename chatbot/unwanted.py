"""What a message does not want, or must not have: "without wool", "no candles", "I have a nut allergy".

Rules over text, in English and Chinese. Whoever is allergic is heard in more words than these can take apart: then ``must_avoid`` is true and
``unwanted`` empty, and the caller has to ask. Looks nothing up: which words the catalogue knows is the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from chatbot import lang

_CANNOT = r"(?:can't|cannot|can not|must not|mustn't|should not|shouldn't|(?:am|is|are|'m|'s|'re) not (?:allowed|supposed) to)"
_HAVE = r"have(?! (?:a|an|the|my|it|this|that|them|to|any(?:one|body)|been|had)\b)"
"""Of "can't have nuts", and not of "can't have it sent"."""
_UNWANTED = re.compile(
    r"(?:\b(?:(?:and|but|or) )?(?:without|(?<!everything )(?<!all )except(?: for)?|other than|anything but|apart from"
    r"|nothing (?:with|of|from|made (?:of|from|with))|(?:allergic|allerg(?:y|ies)|intoleran(?:t|ces?)) (?:to|of)|i (?:really )?(?:dislike|hate|avoid)"
    rf"|{_CANNOT} (?:eat|drink|tolerate|touch|use|wear|stand|{_HAVE})"
    r"|i (?:really )?(?:don't|dont|do not|can't|cannot) (?:like|want|eat|drink|use|wear|stand))"
    r"|(?:^|[,;.] ?|\b(?:but|and|please) )(?:not|no)(?: more)?)\s+"
    r"(?P<what>(?:(?!\b(?:(?:and|or|but) )?(?:without|except|other than|anything but|apart from|nothing|not|no)\b)[^.!?;]){2,80})",
    re.IGNORECASE,
)
_ALLERGY = re.compile(
    r"\b(?!(?:food|skin|contact|seasonal|severe|strong|bad|serious|mild|known|many|several|some|any|no|other|have|has|had|with|of|for|an?|the"
    r"|my|your|his|her|our|their|these|those|anti|am|is|are|very|highly|so|this)\b)"
    r"(?P<what>(?:(?:tree|cow's|cows) )?[a-z][\w']+(?:(?:,? (?:and|or) |, ?|/)[a-z][\w']+)*)[- ](?:allerg(?:y|ies)|allergic(?! to\b)|intoleran(?:t|ces?))\b"
    r"(?! (?:to|of)\b)",
    re.IGNORECASE,
)
_UNWANTED_ZH = re.compile(
    r"(?:对|(?<![\u4e00-\u9fff])|(?<=[我他她的]))(?!我|你|他|她|皮肤|容易|会|有|没|不|季节|什么)(?P<allergen>[\u4e00-\u9fff、和或]{1,10}?)(?:严重|有点)?(?<![防抗])(?:过敏|不耐受)"
    r"|(?:不要(?!紧)|不想要|除了|不含|不带|不喜欢|别推荐|别要|不吃|不喝|不能(?:吃|喝|碰|用))(?P<what>[^,，。.!！?？;；的]{1,12})(?:的|以外|之外)?"
)
_ENDS = re.compile(
    r"\s*(?:[:(]|\b(?:please|but|for|under|below|over|above|around|about|roughly|within|between|up to|max|maximum|at most|at least|less than|more than"
    r"|no more than|from (?=[\d€$£])|cheaper|that|which|because|since|as|if|when|though|thanks?|show|give|have|something|anything"
    r"|what|do|can|could|is|are|this time|any ?more|at all|in (?:it|them)|either|would|(?:and|so) (?:i\b|i'|would|want|need|prefer|love|like)"
    r"|i(?:'d|'m|'ll| would| want| need| prefer| like| love| am))\b).*$",
    re.IGNORECASE | re.DOTALL,
)
_JOINS = re.compile(r",| or | and | nor |/|和|或者?|、|跟", re.IGNORECASE)
_LAST_OF_A_LIST = re.compile(
    r"^(?: [\w'-]+(?: [\w'-]+)?,)* ?(?:[\w'-]+(?: [\w'-]+)? )?(?:and|or|nor) [\w'-]+(?: (?!please\b)[\w'-]+)?",
    re.IGNORECASE,
)
_ARTICLES = re.compile(
    r"^\s*(?:(?:a|an|any|the|another|more|made|of|from|with|all|your|those|these|kinds?)\b\s*)+",
    re.IGNORECASE,
)
_GENERIC = re.compile(
    r"\s+(?:things?|stuff|products?|items?|articles?|ones?|goods)\s*$|(?:类的?|类)?(?:东西|商品|产品|用品)$",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"^(?:this|that|it|them|they|one|ones|these|those|first|second|third|fourth|last|sure|too|so|very|only|really|idea|ideas|problem|matter"
    r"|worry|doubt|need|yet|now|again|expensive|dear|much|many|here|there|me|you|bad|necessarily|allergies|allergy|这.*|那.*|它.*|了|太.*|第.*)\b",
    re.IGNORECASE,
)
_CAREFUL = re.compile(
    r"(?<!\bno )(?<!\bnot )(?<!\bany )\b(?<!-)allerg(?:y|ies|ic)\b(?![- ](?:friendly|free|tested|proof))|(?<!\bno )(?<!\bany )\bintoleran\w*"
    rf"|\b{_CANNOT} (?:eat|drink|tolerate|touch|{_HAVE})\b|(?<!防)(?<!抗)(?<!不)(?<!没有)过敏(?!原)|不耐受|不能(?:吃|喝|碰)",
    re.IGNORECASE,
)


def must_avoid(text: str) -> bool:
    """Whether what is not wanted could do harm: then the catalogue's word alone is not enough."""
    return bool(_CAREFUL.search(text))


def unwanted(text: str) -> list[str]:
    """What the suggestions shall not be, or not have in them, in the shopper's words: "wool" of "a blanket without wool"."""
    return list(dict.fromkeys(said for _, _, found in _parts(text) for said in found))


def wanted(text: str, unwanted: Collection[str] | None = None) -> str:
    """The message without what is not wanted; with ``unwanted``, without these alone."""
    for start, end, found in sorted(_parts(text), reverse=True):
        if unwanted is None or set(found) & set(unwanted):
            text = f"{text[:start]} {text[end:]}"
    return " ".join(text.split()).lstrip(", ")


def _parts(text: str) -> list[tuple[int, int, list[str]]]:
    """Where each such part of the message begins and ends, and what it names; none overlaps another."""
    parts: list[tuple[int, int, list[str]]] = []
    for start, end, words in sorted(_said(text)):
        found = []
        for piece in _JOINS.split(words):
            said = _GENERIC.sub("", _ARTICLES.sub("", piece)).strip(" '\"“”")
            long = len(lang.words(said)) > (8 if not said.isascii() else 3)
            if said and not _POINTING.match(said) and not long:
                found.append(said)
        if found and (not parts or start >= parts[-1][1]):
            parts.append((start, end, found))
    return parts


def _said(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _ALLERGY.finditer(text):
        yield match.start(), match.end(), match["what"]
    for match in (*_UNWANTED.finditer(text), *_UNWANTED_ZH.finditer(text)):
        if match.groupdict().get("allergen"):
            yield match.start(), match.end(), match["allergen"]
        else:
            kept = _ENDS.sub("", _listed(match["what"]))
            yield match.start(), match.start("what") + len(kept), kept


def _listed(text: str) -> str:
    """A list as far as it goes: "candles, soap or tea", and of "dogs, any cat toys?" the dogs alone."""
    first, *rest = text.split(",")
    goes_on = rest and _LAST_OF_A_LIST.search(",".join(rest))
    return text[: len(first) + 1 + goes_on.end()] if goes_on else first
