"""Phone numbers by how they are written, and by what stands beside them. Knows no numbering plan.

Yields ``(start, end)`` as ``finetune.pii_marks`` does. A number that only digits and spaces make is taken where the text
speaks of a call, and left where it is a date, a price or a range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetune.pii_marks import TAKEN, Span

_LEFT = r"(?<![0-9A-Za-z_=/#$€£¥+-])(?<![0-9][.,])(?<![0-9][ ]\()"
_EXTENSION = r"(?:[ ]?(?:x|ext\.?|extension|转|分机号?)[ ]?[0-9]{1,6})?"
_RIGHT = r"(?![0-9A-Za-z_]|[.,:/×-][0-9]|[ ]?(?:%|€|\$|£|元|块|EUR\b|USD\b|GBP\b|euros?\b|dollars?\b|pcs\b|units\b|个|件|mm\b|cm\b|kg\b|mAh\b))"
_GAP = r"[ \u00a0./-]"

_SURE = tuple(
    re.compile(f"{_LEFT}(?:{shape}){_EXTENSION}{_RIGHT}", re.I)
    for shape in (
        # +49 (0)30 23125-206, 001-420-335-7509x38548
        rf"(?:\+[ ]?|00)[1-9][0-9]{{0,2}}{_GAP}{{0,2}}\(?[0-9]{{1,5}}\)?(?:{_GAP}{{0,2}}[0-9]{{2,11}}){{1,5}}",
        # 159-0000-1234, 86 13800138000
        rf"(?:(?:00)?86{_GAP}?)?1[3-9][0-9]{_GAP}?[0-9]{{4}}{_GAP}?[0-9]{{4}}",
        # 1-800-555-0199, (415) 555-0132
        r"(?:1[ .-])?(?:[2-9][0-9]{2}[ .-]|[2-9][0-9]{2}/|\([2-9][0-9]{2}\)[ .-]?)[0-9]{3}[ .-][0-9]{4}",
        # (07) 5331 0577, (0571)8600 1234, (96) 627-277
        rf"\((?:0[0-9]{{1,4}}|[2-9][0-9])\){_GAP}?[0-9]{{2,8}}(?:{_GAP}[0-9]{{2,5}}){{0,4}}",
        # 030 23125 417, 0171-3920045, 01.99.00.45.67
        rf"0[0-9]{{1,4}}(?:{_GAP}[0-9]{{2,8}}){{1,5}}",
        # 02079460815
        r"0[1-9][0-9]{8,9}",
    )
)
_SPOKEN_OF = tuple(
    re.compile(f"{_LEFT}(?:{shape}){_EXTENSION}{_RIGHT}", re.I)
    for shape in (
        r"[0-9]{7,12}",
        r"[0-9]{3,4}[ .-][0-9]{4}|[0-9]{2}[ .-][0-9]{5,6}",
        rf"\(?[0-9]{{1,5}}\)?(?:{_GAP}[0-9]{{2,5}}){{2,5}}",
    )
)
_CALL = re.compile(
    r"(?:\b(?:call|phone|ring|reach|dial|text|tel|telephone|mobile|cell|cellphone|landline|fax|whats\s?app|contact|sms|answering)\b"
    r"|\bnumber(?:'s| is)|电话|手机|致电|拨打|回拨|座机|固话|传真|微信|联系方式|号码)[^.!?。！？\n]{0,30}$"
    rf"|{TAKEN}[ ]?,?[ ]?(?:or|and|/|;|或者?|和|、)[ ]?$",
    re.I,
)
_LABEL = re.compile(r"[ ,-]{0,2}\(?(?:office|fax|mobile|home|cell|work|desk|phone)\b", re.I)
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])"
_DATE = re.compile(
    rf"(?:19|20)[0-9]{{2}}[ ./-]{_DAY}(?:[ ./-]|$)|{_DAY}[ ./-]{_DAY}[ ./-](?:19|20)?[0-9]{{2}}(?:$|[ -])"
    r"|(?:19|20)[0-9]{2}-(?:19|20)?[0-9]{2}$"
)


def phones(text: str) -> Iterator[Span]:
    for expression in _SURE:
        for found in expression.finditer(text):
            count = _digits(found[0])
            least = 8 if found[0][0] == "+" else 7 if found[0][0] == "(" else 9
            if least <= count <= 21 and not _is_date(found[0], count):
                yield found.span()
    for expression in _SPOKEN_OF:
        for found in expression.finditer(text):
            beside = _CALL.search(text, max(0, found.start() - 50), found.start()) or _LABEL.match(
                text, found.end()
            )
            if beside and 6 <= _digits(found[0]) <= 18 and not _DATE.match(found[0]):
                yield found.span()


def _digits(written: str) -> int:
    return sum(map(str.isdigit, written))


def _is_date(written: str, count: int) -> bool:
    """01.02.2025 begins like 01.99.00.45.67: what has as many digits as a phone is one, unless a year closes it."""
    return (count < 9 and bool(_DATE.match(written))) or bool(
        re.match(r"[0-9]{1,2}[./-][0-9]{1,2}[./-](?:19|20)[0-9]{2}", written)
    )
