"""Phone numbers that ring nowhere, in the shape of one that does.

Ranges set aside for drama and examples where a country has one that is sure: North America 555-01xx, the United Kingdom,
Germany, France, Australia. Chinese mobiles get 154, which was never given out. Elsewhere the national number is 5550, zeros,
and three drawn digits, so that of the numbers of a country a thousand at most are taken for invented. Knows no plan beyond
that: country codes are kept, area codes are not.
"""

from __future__ import annotations

import re

from finetune.invented import Draw

_TWO = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98"
_TWO_DIGITS = frozenset(_TWO.split())
_AREAS = "201 202 206 212 213 215 302 303 305 312 313 314 402 404 405 406 412 415 502 503 504 505 512 602 603 608 612 617 701 702"
_AUSTRALIAN = ("006", "110", "156", "157", "158", "159")
_FICTIONAL = re.compile(
    r"5550[0-9]{2,3}|55500+[0-9]{3}|[2-9][0-9]{2}55501[0-9]{2}|7700900[0-9]{3}|2079460[0-9]{3}|1632960[0-9]{3}|(?:63998|19900)[0-9]{4}"
    rf"|491570(?:{'|'.join(_AUSTRALIAN)})|3023125[0-9]{{3}}|154[0-9]{{8}}"
)
_EXTENSION = re.compile(r"[ ]?(?:x|ext\.?|extension|转|分机号?)[ ]?[0-9]{1,6}$", re.I)


def fictional_phone(text: str, draw: Draw) -> str:
    """The same layout, the country code kept, the digits after it fictional."""
    main, extension = _split(text)
    lead, rest = _parts(main)
    made = iter(lead + _national(lead, rest, main, draw))
    changed = re.sub("[0-9]", lambda _: next(made), main)
    return changed + re.sub("[0-9]", lambda _: draw.digits(1), extension)


def phone_is_fictional(text: str) -> bool:
    return _FICTIONAL.fullmatch(_parts(_split(text)[0])[1]) is not None


def _split(text: str) -> tuple[str, str]:
    found = _EXTENSION.search(text)
    return (text[: found.start()], found[0]) if found else (text, "")


def _parts(main: str) -> tuple[str, str]:
    """The digits that stay (00, country code, 0) and those that do not."""
    digits = re.sub("[^0-9]", "", main)
    place = 0
    if main.lstrip().startswith("+") or digits.startswith("00"):
        place = 2 if digits.startswith("00") else 0
        place += (
            1
            if digits[place : place + 1] in ("1", "7")
            else 2
            if digits[place : place + 2] in _TWO_DIGITS
            else 3
        )
    elif re.fullmatch("861[3-9][0-9]{9}", digits):
        place = 2
    elif re.fullmatch("1[2-9][0-9]{9}", digits) and not re.fullmatch(
        r"1[0-9]{2}\W?[0-9]{4}\W?[0-9]{4}", main
    ):
        place = 1
    while digits[place : place + 1] == "0" and len(digits) - place > 7:
        place += 1
    return digits[:place], digits[place:]


def _national(lead: str, rest: str, main: str, draw: Draw) -> str:
    tail = draw.digits(12)
    country, count = lead.strip("0"), len(rest)
    local = lead == "0"
    if count == 11 and re.match("1[3-9]", rest) and country == ("86" if lead else ""):
        return "154" + tail[:8]
    if count == 10 and (country == "1" or not lead):
        return f"{draw.of(_AREAS.split())}55501{tail[:2]}"
    if count == 10 and (country == "44" or local):
        head = "7700900" if rest[0] == "7" else "2079460" if rest[:2] == "20" else "1632960"
        return head + tail[:3]
    if count == 10 and country == "49":
        return "3023125" + tail[:3]
    if count == 9 and (country == "33" or (local and re.search(r"[0-9]{2}(?:[ .-][0-9]{2}){4}$", main))):
        return ("63998" if rest[0] in "67" else "19900") + tail[:4]
    if count == 9 and rest[0] == "4" and (country == "61" or local):
        return "491570" + draw.of(_AUSTRALIAN)
    if count == 7:
        return f"55501{tail[:2]}"
    return f"5550{'0' * (count - 7)}{tail[:3]}"[:count]
