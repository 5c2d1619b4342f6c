"""Personal data that carry their own shape: addresses of mail and machines, cards, accounts, identity, orders, phones.

Each function reads a text and yields ``(start, end)``. They know neither of each other nor of what comes instead; who
wins where two see something is ``finetune.pii``'s. ``TAKEN`` stands in the text where something was found before.

Digits are ASCII digits here and borders are ASCII borders: in Chinese a number follows a word without a space.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from finetune.checksums import iban_valid, id_card_valid, luhn

Span = tuple[int, int]
TAKEN = "\0"

_LEFT = r"(?<![0-9A-Za-z_])"
_RIGHT = r"(?![0-9A-Za-z_])"
_LATIN = "A-Za-z0-9\u00c0-\u024f"

_EMAIL = re.compile(
    rf"(?<![{_LATIN}._%+-])[{_LATIN}_][{_LATIN}._%+'-]{{0,63}}@(?:[{_LATIN}-]{{1,63}}\.){{1,5}}[A-Za-z]{{2,24}}(?![A-Za-z0-9_-])"
)
_URL = re.compile(r"(?<![A-Za-z])(?:https?|ftp|wss?)://[!-~]{1,2000}")
_SECRET = re.compile(
    r"(?<=[?&#;])(?:[a-z_-]{0,20}(?:token|secret|session|signature|passw(?:or)?d|api_?key)|sid|sig|key|auth|code)"
    r"=(?P<value>[^&#\s]{6,})",
    re.I,
)
_USERINFO = re.compile(r"(?<=://)(?P<value>[^/?#@\s]{1,200})(?=@)")

_CARD = re.compile(
    rf"(?<![0-9A-Za-z_])(?<![0-9][-.])(?:[0-9]{{12,19}}|[0-9]{{4}}([ -])[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{1,7}}(?:\1[0-9]{{1,3}})?"
    rf"|[0-9]{{4}}([ -])[0-9]{{6}}\2[0-9]{{4,5}}){_RIGHT}"
)
_CARD_BRANDS = re.compile(
    r"3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|4[0-9]{15}(?:[0-9]{3})?|5[1-5][0-9]{14}|2[2-7][0-9]{14}"
    r"|35[0-9]{14}|6[0-9]{15,18}"
)
_CARD_CUE = re.compile(r"(?:\bcards?\b|visa|master|amex|maestro|卡)[^.!?。！？\n]{0,25}$", re.I)

_IBAN = re.compile(rf"{_LEFT}[A-Za-z]{{2}}[0-9]{{2}}(?:[ -]?[0-9A-Za-z]){{11,30}}")
_IBAN_LENGTHS = dict(
    pair.split(":")
    for pair in (
        "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22 DK:18 DO:28 "
        "EE:20 EG:29 ES:24 FI:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 IS:26 "
        "IT:27 JO:30 KW:30 KZ:20 LB:28 LI:21 LT:20 LU:20 LV:21 MC:27 MD:24 ME:22 MK:19 MR:27 MT:31 MU:30 NL:18 NO:15 "
        "PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 SA:24 SC:31 SE:24 SI:19 SK:24 SM:27 TN:24 TR:26 UA:29 VG:24 XK:20"
    ).split()
)

_ID_CARD = re.compile(rf"{_LEFT}[0-9]{{6}}([ -]?)[0-9]{{8}}\1[0-9]{{3}}[0-9Xx]{_RIGHT}")
_OLD_ID_CARD = re.compile(rf"{_LEFT}[0-9]{{15}}{_RIGHT}")
_ID_CUE = re.compile(r"身份证.{0,10}$")

_SSN = re.compile(r"(?<![0-9A-Za-z_-])[0-9]{3}([- ]?)[0-9]{2}\1[0-9]{4}(?![0-9A-Za-z_-])")
_SSN_CUE = re.compile(r"(?:\bssn\b|social[ -]security)[^\n]{0,30}$", re.I)

_IP4 = re.compile(r"(?<![0-9A-Za-z_.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z_-]|\.[0-9])")
_IP6 = re.compile(r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:])")
_VERSION = re.compile(
    r"(?:\bv|\bver(?:sions?)?|firmware|releases?|build|driver|\bapp|\bios|版本|固件|系统|驱动)[ :：.]{0,2}(?:is|was|号|是|为|到)?[ ]?$",
    re.I,
)

_ORDER_TOKEN = r"(?P<number>[A-Za-z]{0,6}-?[0-9][0-9A-Za-z]{0,24}(?:-[0-9A-Za-z]{1,12}){0,3})(?![0-9A-Za-z_-]|[.,][0-9]|/[0-9])"
_ORDER_CUES = (
    # "order #48213", "ticket no. 889120", "tracking number is 1Z…"
    re.compile(
        r"\b(?:order|invoice|rma|returns?|ticket|case|tracking|consignment|parcel|shipment|waybill|reference|booking|receipt"
        r"|purchase|package|confirmation|transaction)s?(?:[ ](?:numbers?|num|no|nr|id|code|ref(?:erence)?)\b\.?|[ ]?[#№])"
        rf"[ ]?(?:is|was|[:#=])?[ #]?{_ORDER_TOKEN}",
        re.I,
    ),
    re.compile(
        rf"(?:订单编?号|(?:快递|物流|运|退货|退款|发票|工|服务|包裹)单编?号|(?<![快运])单号|运单|流水号|交易号)[ ]?(?:是|为|[:：#])?[ ]?{_ORDER_TOKEN}"
    ),
)
_ORDER_BARE = re.compile(
    # "order 48213 arrived"; "to order 10000 flyers" is no order number
    rf"(?:(?<!to )(?<!can )(?<!please )(?<!we )(?<![ 'I]I )\b(?:order|invoice|rma|ticket|case|consignment|parcel|tracking)[ :]{{1,2}}|订单[ :：]?)"
    rf"{_ORDER_TOKEN}(?![ ]?(?:pcs|pieces|units|items|x|of|per|times|个|件|元|张|份|条|只|箱)\b)",
    re.I,
)
_ORDER_PREFIX = re.compile(
    r"(?<![0-9A-Za-z_-])(?P<prefix>[A-Z]{1,5})-(?:20[0-9]{2}-[0-9]{3,8}|[0-9]{5,12})(?![0-9A-Za-z_-])"
)
_STANDARDS = frozenset("ISO EN DIN IEC RFC CVE UTF ASTM IEEE GB CAS ISBN EAN UPC SKU RAL USB HTTP".split())
_PRODUCT_CUE = re.compile(
    r"(?:\bsku|model|item|article|\bart|part|product|style|型号|货号|款号|编码|商品)s?(?:[ ](?:no|number|code)\.?)?[ :：#.]{0,2}$",
    re.I,
)
_TRACKING = re.compile(
    r"(?<![0-9A-Za-z_-])(?:1Z[0-9A-Z]{16}|[A-Z]{2}[0-9]{9}[A-Z]{2}|(?:SF|YT|JT|ZTO|STO|JDV?[A-Z]?|DPK)[0-9]{10,15})(?![0-9A-Za-z_-])"
)


def emails(text: str) -> Iterator[Span]:
    yield from (found.span() for found in _EMAIL.finditer(text))


def urls(text: str) -> Iterator[Span]:
    """Every link, without the punctuation that ends the sentence."""
    for found in _URL.finditer(text):
        yield found.start(), found.start() + len(found[0].rstrip(".,;:!?)'\"]>"))


def secrets(text: str) -> Iterator[Span]:
    """What in a link lets somebody in: a user with a password, a token."""
    for start, end in urls(text):
        for found in (*_USERINFO.finditer(text, start, end), *_SECRET.finditer(text, start, end)):
            yield found.span("value")


def cards(text: str) -> Iterator[Span]:
    """Numbers that the last digit checks, of a length that their issuer uses; of any length where a card is spoken of."""
    for found in _CARD.finditer(text):
        digits = re.sub(r"[^0-9]", "", found[0])
        known = _CARD_BRANDS.fullmatch(digits) or _CARD_CUE.search(
            text, max(0, found.start() - 40), found.start()
        )
        if known and luhn(digits) and digits.strip("0"):
            yield found.span()


def ibans(text: str) -> Iterator[Span]:
    """Accounts of countries that have IBANs: of the length that the country uses, checked."""
    place = 0
    while found := _IBAN.search(text, place):
        place = found.start() + 4
        length = int(_IBAN_LENGTHS.get(found[0][:2].upper(), "0"))
        seen, end = 0, found.start()
        while seen < length and end < found.end():
            seen += text[end] not in " -"
            end += 1
        number = re.sub("[ -]", "", text[found.start() : end])
        if length and seen == length and not re.match(r"[0-9A-Za-z]", text[end:]) and iban_valid(number):
            yield found.start(), end
            place = end


def id_cards(text: str) -> Iterator[Span]:
    """Chinese resident identity cards: checked, or named as such; those of fifteen digits only where they are named."""
    for found in _ID_CARD.finditer(text):
        if id_card_valid(re.sub("[ -]", "", found[0])) or _ID_CUE.search(
            text, max(0, found.start() - 14), found.start()
        ):
            yield found.span()
    for found in _OLD_ID_CARD.finditer(text):
        if _ID_CUE.search(text, max(0, found.start() - 14), found.start()):
            yield found.span()


def ssns(text: str) -> Iterator[Span]:
    """US social security numbers with hyphens; with spaces or nothing only where they are named."""
    for found in _SSN.finditer(text):
        if found[1] == "-" or _SSN_CUE.search(text, max(0, found.start() - 50), found.start()):
            yield found.span()


def ips(text: str) -> Iterator[Span]:
    """Addresses of machines. Four numbers after "version" are none."""
    for found in _IP4.finditer(text):
        if _is_ip(found[0]) and not _VERSION.search(text, max(0, found.start() - 20), found.start()):
            yield found.span()
    for found in _IP6.finditer(text):
        # "::" and the like stand in code
        if sum(sign != ":" for sign in found[0]) >= 4 and _is_ip(found[0]):
            yield found.span()


def _is_ip(written: str) -> bool:
    try:
        ipaddress.ip_address(written)
    except ValueError:
        return False
    return True


def orders(text: str, pattern: re.Pattern[str] | None = None) -> Iterator[Span]:
    """Numbers of orders, invoices, returns, tickets and parcels.

    ``pattern`` is the shop's own; without it a prefix in capitals with five digits or more counts as an order.
    """
    if pattern:
        yield from (found.span() for found in pattern.finditer(text) if found[0])
    for expression, least in (*((cue, 3) for cue in _ORDER_CUES), (_ORDER_BARE, 5)):
        for found in expression.finditer(text):
            if sum(map(str.isdigit, found["number"])) >= least:
                yield found.span("number")
    yield from (found.span() for found in _TRACKING.finditer(text))
    if pattern is None:
        for found in _ORDER_PREFIX.finditer(text):
            of_product = _PRODUCT_CUE.search(text, max(0, found.start() - 20), found.start())
            if found["prefix"] not in _STANDARDS and not of_product:
                yield found.span()
