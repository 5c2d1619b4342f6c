"""Check digits of cards, accounts and identity cards. Knows digits alone: neither where they stand nor whose they are."""

from __future__ import annotations

import re
from datetime import date

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"


def luhn(digits: str) -> bool:
    """Whether the last digit checks those before (ISO/IEC 7812)."""
    doubled = (
        int(digit) if place % 2 == 0 else sum(divmod(2 * int(digit), 10))
        for place, digit in enumerate(reversed(digits))
    )
    return sum(doubled) % 10 == 0


def with_luhn(digits: str) -> str:
    """The digits and the one that checks them."""
    return next(digits + check for check in "0123456789" if luhn(digits + check))


def iban_valid(iban: str) -> bool:
    """Whether the two digits after the country check the rest (ISO 13616); letters of either case, no spaces."""
    return _mod_97(iban) == 1


def with_iban_check(country: str, account: str) -> str:
    """The IBAN of an account."""
    return f"{country}{98 - _mod_97(f'{country}00{account}'):02d}{account}"


def _mod_97(iban: str) -> int:
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97


def id_check(digits: str) -> str:
    """The last sign of a Chinese resident identity card, from the seventeen before (ISO 7064, mod 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, _ID_WEIGHTS, strict=True))
    return _ID_CHECKS[total % 11]


def id_card_valid(number: str) -> bool:
    """Whether eighteen signs are a resident identity card: check sign right, a birthday that was."""
    if not re.fullmatch(r"[0-9]{17}[0-9Xx]", number) or id_check(number[:17]) != number[17].upper():
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return 1900 <= born.year <= 2100
