"""Invented personal data that read like real ones and can be told from them: nobody has this card, lives in this street.

Every surrogate lies in a space that holds no real data, or hardly any: documentation networks, numbers set aside for
drama, test cards, regions that do not exist, names out of ``finetune.invented``. So ``is_surrogate`` needs no memory, and
what is already invented is left alone. What was real and lies there by chance is left alone too: one order number of a
thousand. ``Book`` holds one conversation. Knows nothing of where the data were found.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping

from finetune.checksums import iban_valid, id_card_valid, id_check, luhn, with_iban_check, with_luhn
from finetune.invented import (
    NAMES,
    Draw,
    address_is_invented,
    invented_address,
    invented_name,
    name_is_invented,
)
from finetune.phone_ranges import fictional_phone, phone_is_fictional

_DIGIT = re.compile("[0-9]")
_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
_IP6 = ipaddress.ip_network("2001:db8::/32")
_DOMAINS = ("example.com", "example.org", "example.net")
_CARDS = {
    "2": "222300",
    "3": "353011",
    "34": "378282",
    "37": "378282",
    "30": "305693",
    "36": "361489",
    "38": "385200",
}
_CARDS |= {"4": "400000", "5": "555555", "6": "601111", "62": "620000"}
_ORDER_HEAD = re.compile(r"1Z|[A-Za-z]*-?(?:20[0-9]{2}-)?")


class Book:
    """The surrogates of one conversation: the same for the same, and two for two as far as the space reaches."""

    def __init__(self, salt: str) -> None:
        self._key = hashlib.blake2b(salt.encode()).digest()
        self._given: dict[tuple[str, str], str] = {}
        self._tries: dict[tuple[str, str], int] = {}
        self._taken: set[tuple[str, str]] = set()

    def learn(self, found: Iterable[tuple[str, str]]) -> None:
        """What stands in the conversation, so that no surrogate equals it."""
        for kind, text in found:
            if (kind, _plain(text)) not in self._given:
                self._taken.add((kind, _plain(text)))

    def surrogate(self, kind: str, text: str) -> str:
        if kind in ("address", "person"):
            return (invented_address if kind == "address" else invented_name)(text, self.draw)
        same = _same(kind, text)
        made = text
        first = self._tries.get((kind, same), 0)
        for tried in range(first, first + 60):
            made = _MAKERS[kind](text, Draw(self._key, kind, same, tried))
            place = (kind, _plain(made))
            if place not in self._taken and self._given.get(place, same) == same:
                self._given[place] = same
                self._tries[kind, same] = tried
                break
        return made

    def draw(self, *what: str | int) -> Draw:
        return Draw(self._key, *what)


def is_surrogate(kind: str, text: str) -> bool:
    return _KNOWN[kind](text)


def _plain(text: str) -> str:
    return re.sub(r"[^\w@.:]", "", text).casefold()


def _same(kind: str, text: str) -> str:
    """Equal for what is the same in another spelling: of a phone the last seven digits, with or without the country."""
    if kind == "phone":
        return "".join(_DIGIT.findall(re.split("[xX转分e]", text)[0]))[-7:]
    return re.sub(r"[^\w@.:+-]" if kind in ("email", "url", "ip") else r"[\W_]", "", text).casefold()


def _fill(shape: str, signs: str) -> str:
    """The signs in the places of the digits and letters of the shape."""
    given = iter(signs)
    return "".join(next(given, sign) if sign.isalnum() else sign for sign in shape)


def _digits(text: str) -> str:
    return "".join(_DIGIT.findall(text))


# --- one kind each ------------------------------------------------------------------------------------------


def _email(text: str, draw: Draw) -> str:
    local = text.partition("@")[0]
    gap = next((sign for sign in local if sign in "._-"), ".")
    figures = draw.digits(2) if re.search("[0-9]", local) else ""
    made = f"{draw.of(NAMES)}{gap}{draw.of(NAMES)}{figures}@{draw.of(_DOMAINS)}".lower()
    return made.upper() if text.isupper() else made


def _email_known(text: str) -> bool:
    host = text.rpartition("@")[2].lower()
    return host in _DOMAINS or host.endswith((*(f".{domain}" for domain in _DOMAINS), ".example"))


def _secret(text: str, draw: Draw) -> str:
    """A value in a link: a user with a password, or a token."""
    if ":" in text:
        return "user:example"
    return "example" + "".join(draw.of("0123456789abcdef") for _ in range(max(4, len(text) - 7)))


def _secret_known(text: str) -> bool:
    return text == "user:example" or re.fullmatch("example[0-9a-f]{4,}", text) is not None


def _card_head(digits: str) -> str:
    return _CARDS.get(digits[:2], _CARDS.get(digits[:1], "400000"))


def _card(text: str, draw: Draw) -> str:
    digits = _digits(text)
    head = _card_head(digits)
    return _fill(text, with_luhn(head + draw.digits(len(digits) - len(head) - 1)))


def _card_known(text: str) -> bool:
    digits = _digits(text)
    return digits.startswith(tuple(_CARDS.values())) and luhn(digits)


def _iban(text: str, draw: Draw) -> str:
    """The bank, the first four signs of the account, is four zeros or four times X."""
    plain = re.sub("[ -]", "", text).upper()
    head = "".join("X" if sign.isalpha() else "0" for sign in plain[4:8])
    rest = "".join("X" if sign.isalpha() else draw.digits(1) for sign in plain[8:])
    made = with_iban_check(plain[:2], head + rest)
    return _fill(text, made.lower() if text.islower() else made)


def _iban_known(text: str) -> bool:
    plain = re.sub("[ -]", "", text).upper()
    return re.fullmatch("[0X]{4}", plain[4:8]) is not None and iban_valid(plain)


def _id_card(text: str, draw: Draw) -> str:
    """Region 99, which does not exist; a birthday out of the hat."""
    born = f"{1950 + draw.below(55)}{1 + draw.below(12):02d}{1 + draw.below(28):02d}"
    if len(re.sub("[ -]", "", text)) == 15:
        return "99" + draw.digits(4) + born[2:] + draw.digits(3)
    body = "99" + draw.digits(4) + born + draw.digits(3)
    return _fill(text, body + id_check(body))


def _id_card_known(text: str) -> bool:
    plain = re.sub("[ -]", "", text)
    return plain.startswith("99") and (len(plain) == 15 or id_card_valid(plain))


def _ip(text: str, draw: Draw) -> str:
    if ":" in text:
        return f"2001:db8:{1 + draw.below(0xFFFE):x}::{1 + draw.below(0xFFFE):x}"
    return f"{draw.of(_NETWORKS)}.{1 + draw.below(254)}"


def _ip_known(text: str) -> bool:
    return ipaddress.ip_address(text) in _IP6 if ":" in text else text.rpartition(".")[0] in _NETWORKS


def _ssn(text: str, draw: Draw) -> str:
    """Areas from 900 were never given out; groups from 50 are tax numbers."""
    return _fill(text, f"9{draw.digits(2)}{10 + draw.below(40)}{1 + draw.below(9999):04d}")


def _ssn_known(text: str) -> bool:
    return re.fullmatch("9[0-9]{2}[1-4][0-9]{5}", _digits(text)) is not None


def _order(text: str, draw: Draw) -> str:
    """Prefix, year and letters stay. The figures begin with 9 and leave 1 when divided by 97."""
    head, body = _split_order(text)
    count = len(_digits(body))
    if not count:
        return head + re.sub(r"[^\W_]", "X", body) if body else "X" * len(head)
    if count < 4:
        return head + re.sub("[0-9]", "9", body)
    low, high = 9 * 10 ** (count - 1), 10**count
    first = low + (1 - low) % 97
    made = iter(str(first + 97 * draw.below((high - 1 - first) // 97 + 1)))
    return head + re.sub("[0-9]", lambda _: next(made), body)


def _split_order(text: str) -> tuple[str, str]:
    found = _ORDER_HEAD.match(text)
    head = found[0] if found else ""
    return head, text[len(head) :]


def _order_known(text: str) -> bool:
    head, body = _split_order(text)
    digits = _digits(body)
    if not digits:
        return not re.search(r"[^\WX_]", body or head)
    if len(digits) < 4:
        return set(digits) == {"9"}
    return digits[0] == "9" and int(digits) % 97 == 1


_MAKERS: Mapping[str, Callable[[str, Draw], str]] = {
    "email": _email,
    "url": _secret,
    "card": _card,
    "iban": _iban,
    "id_card": _id_card,
    "ip": _ip,
    "ssn": _ssn,
    "order": _order,
    "phone": fictional_phone,
}
_KNOWN: Mapping[str, Callable[[str], bool]] = {
    "email": _email_known,
    "url": _secret_known,
    "card": _card_known,
    "iban": _iban_known,
    "id_card": _id_card_known,
    "ip": _ip_known,
    "ssn": _ssn_known,
    "order": _order_known,
    "phone": phone_is_fictional,
    "address": address_is_invented,
    "person": name_is_invented,
}
