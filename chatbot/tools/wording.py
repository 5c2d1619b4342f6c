"""Facts as people say them: money, days, counts, lists and names, in one language. Knows no tool and no shop data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

import configs
from chatbot.tools.dates import local_day
from configs import countries, templates
from configs.templates import Templates

_TABLE = Path(configs.__file__).parent / "tables" / "words.yaml"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@lru_cache(maxsize=1)
def vocabulary() -> Mapping[str, Any]:
    """The table of words: ``options``, ``values``, ``properties``, ``currencies``, ``hours``."""
    data: Mapping[str, Any] = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    return data


@dataclass(frozen=True, slots=True)
class Words:
    """How to say things in one language on one day."""

    language: str
    templates: Templates
    now: datetime
    """The present moment on the shop's clock."""
    zone: ZoneInfo
    currency: str

    def text(self, key: str, **data: object) -> str:
        return self.templates.text(key, **data)

    def notes(self, *parts: str) -> str:
        """Sentences, one after the other; empty ones are left out."""
        return ("" if self.language == "zh" else " ").join(part for part in parts if part)

    # --- money ---------------------------------------------------------------------------------------------

    def money(self, amount: Decimal, currency: str | None = None) -> str:
        """``49.90 EUR`` or ``49.90欧元``. Digits beyond the currency's minor unit are shown, never rounded away."""
        code = (currency or self.currency).upper()
        entry = vocabulary()["currencies"].get(code, {"digits": 2, "zh": ""})
        exponent = Decimal(1).scaleb(-entry["digits"])
        shown = amount.quantize(exponent, rounding=ROUND_HALF_EVEN)
        number = f"{shown if shown == amount else amount.normalize():,f}"
        if self.language == "zh" and entry["zh"]:
            return f"{number}{entry['zh']}"
        return f"{number} {code}"

    def money_range(self, low: Decimal, high: Decimal, currency: str | None = None) -> str:
        if low == high:
            return self.money(low, currency)
        return self.text("price_range", low=self.money(low, currency), high=self.money(high, currency))

    # --- days ----------------------------------------------------------------------------------------------

    def day(self, moment: date | datetime) -> str:
        """``Tuesday 24 November`` or ``11月24日``, with the year if it is not this one."""
        day = self.calendar_day(moment)
        this_year = day.year == self.now.year
        if self.language == "zh":
            return f"{'' if this_year else f'{day.year}年'}{day.month}月{day.day}日"
        return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}{'' if this_year else f' {day.year}'}"

    def on_day(self, moment: date | datetime) -> str:
        """``on Tuesday 24 November``, or ``tomorrow (Wednesday 25 November)`` if that is near."""
        day = self.calendar_day(moment)
        near = {-1: "date_yesterday", 0: "date_today", 1: "date_tomorrow"}
        return self.text(near.get((day - self.now.date()).days, "date_on"), day=self.day(day))

    def between(self, first: date, last: date) -> str:
        """``between Thursday 26 November and Friday 27 November``; one day is said as ``on_day`` says it."""
        if first == last:
            return self.on_day(first)
        return self.text("date_between", first=self.day(first), last=self.day(last))

    def calendar_day(self, moment: date | datetime) -> date:
        """The day on the shop's calendar."""
        return local_day(moment, self.zone)

    # --- counts and lists ----------------------------------------------------------------------------------

    def count(self, unit: str, n: int) -> str:
        """``1 piece``, ``3 pieces``, ``3件``; ``unit`` is a ``count_…`` text."""
        return self.text(f"count_{unit}_{'one' if n == 1 else 'other'}", n=n)

    def working_days(self, low: int, high: int) -> str:
        if low == high:
            return self.count("working_day", low)
        return self.text("range_working_days", low=low, high=high)

    def listing(self, items: Sequence[str], *, last: str = "list_two") -> str:
        """``a, b and c`` or ``a、b和c``; ``last`` is the text that joins the last two."""
        if len(items) < 2:
            return "".join(items)
        comma = "、" if self.language == "zh" else ", "
        return self.text(last, first=comma.join(items[:-1]), last=items[-1])

    def comma(self, items: Sequence[str]) -> str:
        return ("，" if self.language == "zh" else ", ").join(items)

    def semicolon(self, items: Sequence[str]) -> str:
        return ("；" if self.language == "zh" else "; ").join(items)

    # --- names ---------------------------------------------------------------------------------------------

    def name(self, name: str, name_zh: str | None) -> str:
        return name_zh if self.language == "zh" and name_zh else name

    def country(self, code: str) -> str:
        return countries.display(code, self.language)

    def state(self, status: str) -> str:
        """An order's state; one that kefu does not know is shown as the shop calls it."""
        key = f"state_{status}"
        return self.text(key) if key in self.templates.texts else status.replace("_", " ")

    def method(self, method: str) -> str:
        key = f"method_{method.casefold()}"
        return self.text(key) if key in self.templates.texts else method.replace("_", " ")

    def option(self, key: str) -> str:
        """The name of an option or attribute: ``blade_length`` is ``blade length`` or ``刀刃长度``."""
        names = vocabulary()["options"].get(key.casefold())
        return str(names[0]) if self.language == "zh" and names else key.replace("_", " ")

    def value(self, value: str) -> str:
        names = vocabulary()["values"].get(value.casefold())
        return str(names[0]) if self.language == "zh" and names else value

    def property(self, key: str, holds: bool) -> str | None:
        """``is dishwasher safe``, ``不可以用洗碗机清洗``; None if the attribute is no adjective."""
        phrases = vocabulary()["properties"].get(key.casefold())
        if self.language == "zh":
            return str(phrases[0 if holds else 1]) if phrases else None
        if phrases or key.casefold().endswith(("_safe", "_free", "_proof", "_resistant")):
            return self.text("property_is" if holds else "property_is_not", attribute=self.option(key))
        return None

    def hours(self, text: str) -> str:
        """Support hours; the English weekdays of the settings are translated."""
        if self.language == "zh":
            for english, chinese in vocabulary()["hours"].items():
                text = text.replace(english, chinese)
        return text


def words_for(language: str, now: datetime, zone: ZoneInfo, currency: str) -> Words:
    """The words of the nearest language that kefu speaks. ``now`` is on the shop's clock."""
    spoken = templates.load(language)
    return Words(spoken.language, spoken, now, zone, currency)
