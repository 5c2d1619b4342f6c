"""Price limits that a text names, in English and Chinese: "under 50", "20-40 euros", "the cheapest".

Rules over text; knows no currency rates and no products.
"""

from __future__ import annotations

import re
from typing import Literal

from retrieval.tokens import STOPWORDS

_SIGN = r"(?:€|\$|£|\b(?:EUR|USD|GBP)\b)"
_NUMBER = r"\d+(?:[.,]\d{1,2})?"
_AMOUNT = rf"(?P<sign>{_SIGN})?\s?(?P<amount>{_NUMBER})\s?(?P<unit>[A-Za-z%°]+|€|\$|£|欧元|欧|元|块)?"
_CURRENCY = r"(?:€|\$|£|EUR\b|USD\b|GBP\b|euros?\b|dollars?\b|bucks?\b|pounds?\b)"
_MAX = re.compile(
    r"\b(?:under|below|(?:less|cheaper|no more|not more|not dearer) than|up to|max(?:imum)?(?: of)?|at most|within"
    r"|not (?:over|above|exceeding)|budget(?: is| of)?|for less than)\s+" + _AMOUNT,
    re.IGNORECASE,
)
_NO_MORE = re.compile(
    r"(?:n't|\b(?:not|never|cannot))(?: (?:really|want|wish|like|going|planning|willing|able|to|be|spend|spending|pay|paying|cost|go))*"
    r" (?:more than|over|above)\s+" + _AMOUNT,
    re.IGNORECASE,
)
"""A limit from above, though it says "more than": "I don't want to spend more than 30"."""
_MIN = re.compile(
    r"\b(?:(?<!not )over|(?<!not )above|(?<!no )(?<!not )more than|at least|from|starting at|min(?:imum)?(?: of)?)\s+"
    + _AMOUNT,
    re.IGNORECASE,
)
_BETWEEN = re.compile(rf"\bbetween\s+{_SIGN}?\s?({_NUMBER})\s?{_CURRENCY}?\s+and\s+{_AMOUNT}", re.IGNORECASE)
# "20-40 euros", "$20 to $40"; without a currency "28-32" is a size.
_RANGE = re.compile(
    rf"(?:{_SIGN}\s?({_NUMBER})\s?(?:-|–|to)\s?{_SIGN}?\s?({_NUMBER})|({_NUMBER})\s?(?:-|–|to)\s?({_NUMBER})\s?{_CURRENCY})",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    rf"\b(?:around|about|roughly|approximately)\s+(?:{_SIGN}\s?({_NUMBER})|({_NUMBER})\s?{_CURRENCY})",
    re.IGNORECASE,
)
_MAX_ZH = re.compile(
    r"(?:不超过|低于|少于|最多|便宜过)\s?(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)\s?(?:欧元|欧|元|块|EUR|€)?\s?(?:以下|以内|之内|内)"
)
_MIN_ZH = re.compile(
    r"(?:高于|(?<!不)超过|至少|不低于)\s?(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)\s?(?:欧元|欧|元|块|EUR|€)?\s?以上"
)
_MONEY_UNITS = {"", "€", "$", "£", "eur", "euro", "euros", "usd", "gbp", "dollars", "dollar", "pounds", "pound", "bucks", "欧元", "欧", "元", "块"}  # fmt: skip
_NO_UNITS = STOPWORDS | frozenset(
    "again all because both but each few if more no not only same than with".split()
)
"""What may follow an amount of money that has no unit: "under 50 for a friend"."""
_LEAST = re.compile(
    r"\b(?:cheap(?:est)?|least expensive|lowest[- ]priced?|inexpensive)\b|便宜", re.IGNORECASE
)
_MOST = re.compile(r"\b(?:most expensive|dearest|priciest|highest[- ]priced?)\b|最贵", re.IGNORECASE)
_NEAR = 0.2
"""How far "around 50" reaches to both sides."""
WORDS = (
    "under below less than cheaper maximum most within over above more least between around cheap cheapest "
    "expensive".split()
)
"""The words that these rules go by, for whoever corrects spelling."""


def price_limits(text: str) -> dict[str, float]:
    """``max_price`` and ``min_price`` where the message gives them; lengths, weights and days are no prices."""
    between = _BETWEEN.search(text)
    if between and _is_money(between):
        return _span(_number(between[1]), _number(between["amount"]))
    found = _RANGE.search(text)
    if found:
        return _span(*(_number(number) for number in found.groups() if number))
    limits: dict[str, float] = {}
    rest = text
    for name, pattern in (("max_price", _NO_MORE), ("max_price", _MAX), ("min_price", _MIN)):
        match = pattern.search(rest)
        if match and name not in limits and _is_money(match):
            limits[name] = _number(match["amount"])
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
    for name, pattern in (("max_price", _MAX_ZH), ("min_price", _MIN_ZH)):
        match = pattern.search(text)
        if match and name not in limits:
            limits[name] = _number(match[1] or match[2])
    about = _ABOUT.search(text)
    if about and not limits:
        price = _number(about[1] or about[2])
        return _span(price * (1 - _NEAR), price * (1 + _NEAR))
    return limits


def without_price(text: str) -> str:
    """The message without its price limits, which would only disturb a text search."""
    for pattern in (_BETWEEN, _RANGE, _NO_MORE, _MAX, _MIN, _ABOUT, _MAX_ZH, _MIN_ZH):
        text = pattern.sub(_what_follows, text)
    return " ".join(text.split())


def _what_follows(match: re.Match[str]) -> str:
    """The word after an amount is no unit of it in "under $40 womens"."""
    found = match.groupdict()
    unit = found.get("unit") or ""
    return f" {unit} " if found.get("sign") and unit.lower() not in _MONEY_UNITS else " "


def price_order(text: str) -> Literal["cheapest", "dearest"] | None:
    """Whether the cheapest or the dearest ones are asked for."""
    if _MOST.search(text):
        return "dearest"
    return "cheapest" if _LEAST.search(text) else None


def _is_money(match: re.Match[str]) -> bool:
    unit = (match["unit"] or "").lower()
    return bool(match["sign"]) or unit in _MONEY_UNITS or unit in _NO_UNITS


def _span(one: float, other: float) -> dict[str, float]:
    return {"min_price": min(one, other), "max_price": max(one, other)}


def _number(text: str) -> float:
    return float(text.replace(",", "."))
