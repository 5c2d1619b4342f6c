"""Fills or drops what anonymisation left in logs: ``{{Order Number}}``, ``{{Live Chat}}``, ``[NAME]``, ``<PHONE>``.

Facts of the shop come from its settings, numbers from what the customer wrote; a name that is known to nobody takes its
sentence with it; any other name is the label of a button and stays as words. The lists are
``configs/tables/placeholders.yaml``. Does not anonymise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import yaml

from chatbot import lang
from configs.settings import CONFIG_DIR, ShopSettings

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]{1,60}?)\s*\}\}|\[([A-Z][A-Z_ ]{2,40})\]|<([A-Z][A-Z_]{2,40})>")
_CODE = re.compile(r"(?<![\w.])(?=[\w-]*\d)[A-Z]{0,5}[-#]?[\w-]{4,24}(?!\w)")
_GAP = re.compile(r"[ \t]{2,}|[ \t]+(?=[.,;:!?\n]|$)")


@dataclass(frozen=True, slots=True)
class _Lists:
    shop: Mapping[str, str]
    asked: frozenset[str]
    unknown: frozenset[str]


@cache
def _lists() -> _Lists:
    told = yaml.safe_load((CONFIG_DIR / "tables" / "placeholders.yaml").read_text(encoding="utf-8"))
    shop = {name: fact for fact, names in told["shop"].items() for name in names}
    return _Lists(shop, frozenset(told["asked"]), frozenset(told["unknown"]))


def filled(text: str, asked: str, shop: ShopSettings) -> str | None:
    """The text without placeholders; None if nothing is left of it, or if what it is about is not known.

    ``asked`` is what the customer wrote so far.
    """
    if not _PLACEHOLDER.search(text):
        return text
    codes = _CODE.findall(asked)
    doubtful: list[tuple[int, int]] = []

    def word(found: re.Match[str]) -> str:
        label: str = next(filter(None, found.groups()))
        name = re.sub(r"\s*\banonymi[sz]ed\b", "", label.replace("_", " ").lower()).strip()
        lists = _lists()
        if name in lists.shop and (fact := getattr(shop, lists.shop[name])):
            return str(fact)
        if name in lists.asked and codes:
            return str(codes[-1])
        if name in lists.shop or name in lists.asked or name in lists.unknown:
            return "\0"
        return label if "{{" in found.group() else label.replace("_", " ").lower()

    told: str = _PLACEHOLDER.sub(word, text)
    if "\0" not in told:
        return told
    for span in lang.sentences(told):
        if "\0" in span.text:
            doubtful.append((span.start, span.end))
    for start, end in reversed(doubtful):
        told = told[:start] + told[end:]
    told = _GAP.sub(
        lambda gap: " " if gap.group().strip("\n") and gap.end() < len(told) else "", told
    ).strip()
    return None if "\0" in told or len(lang.words(told)) < 3 else told
