"""Wrong facts: every price, stock figure, order number, tracking number and day of a reply, held against the data.

A figure passes only if it is true of the thing that the sentence is about: the product named before it (and the
version, where one is named), the order, the country's rates. Figures about nothing in particular must stand in the
cited documents or in the shopper's own words. Shares no code with ``chatbot.ground``, which checks sentences before
they are sent. Does not judge whether a reply answers the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from chatbot.shop import Order
from eval.claims import Focus, Said, Wrong
from eval.facts_catalogue import (
    NAME,
    card_figures,
    count_figures,
    price_figures,
    stock_figures,
    working_days,
)
from eval.match import Day, days, normalise
from eval.world import World

_TRACKING = re.compile(r"(?<![a-z0-9])[a-z]{2}\d{8,12}(?![a-z0-9])")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_STATES = {
    "pending_payment": r"waiting for (?:your )?payment|pending payment|等待付款|待付款",
    "processing": r"being prepared|备货",
    "packed": r"\bis packed\b|: packed\b|已打包",
    "shipped": r"\bon its way\b|\bshipped\b|已发货|运输中",
    "out_for_delivery": r"out for delivery|派送中|正在派送",
    "delivered": r"\bdelivered\b|已(?:于.{0,14})?送达",
    "cancelled": r"\bcancelled\b|已(?:于.{0,14})?取消",
    "return_requested": r"return is (?:already )?registered|return registered|已登记退货",
    "returned": r"return received|has (?:already )?(?:come back|been returned)|return of .{0,30}reached|退货(?:我们)?已(?:经)?收到",
    "refunded": r"\brefunded\b|money .{0,40}sent back|已退款|款项已退还",
}
_NOT_A_STATE = re.compile(
    r"not (?:yet )?been (?:delivered|shipped|sent)|(?:can|be|to be|once .{0,20}) (?:still )?(?:be )?cancelled|cancelled instead|还没有(?:送达|发出)|可以(?:直接)?取消|不能取消"
)
_ROLES = (
    ("eta", re.compile(r"\b(?:arrive|arriving|expected|expected on)$|预计$"), re.compile(r"^(?:前)?到达")),  # first: "预计…送达" is no delivery yet
    ("placed", re.compile(r"ll-\d+(?: of|,)$|order \S+ of$"), re.compile(r"^下单")),
    ("deadline", re.compile(r"\b(?:until|ended|deadline is)$|截止$"), re.compile(r"^之前|^截止")),
    ("delivered", re.compile(r"\bdelivered$|\bfrom delivery$|已于$"), re.compile(r"^送达(?!后\d)")),
    ("shipped", re.compile(r"\b(?:left us|shipped)$|发货时间:?$"), re.compile(r"^发货")),
    ("cancelled", re.compile(r"\bwas cancelled$"), re.compile(r"^取消")),
)  # fmt: skip
_BEFORE_DAY = re.compile(rf"(?:\s|\b(?:on|by|{'|'.join(_WEEKDAYS)})\b|\b(?:today|yesterday|tomorrow) \(|今天\(|昨天\(|明天\(|[,(])+$")  # fmt: skip


def wrong_facts(said: Said, world: World) -> list[Wrong]:
    """All figures of the reply and of its cards that are not true."""
    found: list[Wrong] = [wrong for card in said.cards for wrong in card_figures(card, world)]
    focus = Focus()
    called = [str(call.arguments["sku"]).casefold() for call in said.calls if call.arguments.get("sku")]
    focus.products |= {world.by_sku[sku] for sku in called if sku in world.by_sku}
    if len(focus.products) == 1:
        focus.product = world.products[next(iter(focus.products))]
    loose = said.loose()
    for part in _SENTENCE.split(said.text):
        sentence = _mask(normalise(part), world)
        found += _sentence(sentence, said, world, focus, loose)
    return found


def count_facts(said: Said, world: World) -> int:
    """How many figures of the reply ``wrong_facts`` holds against the data."""
    sentences = [_mask(normalise(part), world) for part in _SENTENCE.split(said.text)]
    return sum(
        count_figures(sentence)
        + len(days(sentence))
        + len(_TRACKING.findall(sentence))
        + len(world.order_number.findall(sentence))
        for sentence in sentences
    )


def _mask(plain: str, world: World) -> str:
    """Product names as ``⟦index⟧``, so that the figures in them are nobody's claims."""
    pattern, known = world.names
    return pattern.sub(lambda match: f"⟦{known[match.group()][0]}⟧", plain)


def _sentence(sentence: str, said: Said, world: World, focus: Focus, loose: set[Decimal]) -> Iterator[Wrong]:
    named = [int(index) for index in NAME.findall(sentence)]
    focus.products.update(named)
    yield from _orders(sentence, said, world, focus)
    yield from _tracking(sentence, said, world, focus)
    yield from _days(sentence, said, world, focus)
    yield from price_figures(sentence, said, world, focus, loose)
    yield from stock_figures(sentence, world, focus, loose)
    yield from working_days(sentence, said, world)
    if named:
        focus.product = world.products[named[-1]]


# --- orders -------------------------------------------------------------------------------------------------


def _orders(sentence: str, said: Said, world: World, focus: Focus) -> Iterator[Wrong]:
    heard, cited = (normalise(" ".join(texts)) for texts in (said.heard, said.cited))
    for match in world.order_number.finditer(sentence):
        number = match.group().casefold()
        order = world.orders.get(number)
        if order is not None and world.owned(order, said.customer_id):
            focus.order = order
            end = next((m.start() for m in world.order_number.finditer(sentence, match.end())), len(sentence))
            yield from _state(order, sentence[match.start() : end])
        elif number not in heard and number not in cited:
            yield Wrong("order number", match.group(), "this customer has no such order")


def _state(order: Order, clause: str) -> Iterator[Wrong]:
    plain = _NOT_A_STATE.sub(" ", clause)
    told = {state for state, pattern in _STATES.items() if re.search(pattern, plain)}
    if told and order.status not in told:
        yield Wrong("order state", ", ".join(sorted(told)), f"{order.id} is {order.status}")


def _tracking(sentence: str, said: Said, world: World, focus: Focus) -> Iterator[Wrong]:
    for match in _TRACKING.finditer(sentence):
        order = world.tracking_owner.get(match.group())
        if order is None or not world.owned(order, said.customer_id):
            yield Wrong("tracking number", match.group(), "no parcel of this customer has it")
        elif focus.order is not None and order.id != focus.order.id:
            yield Wrong(
                "tracking number", match.group(), f"it belongs to {order.id}, not to {focus.order.id}"
            )


# --- days ---------------------------------------------------------------------------------------------------


def _days(sentence: str, said: Said, world: World, focus: Focus) -> Iterator[Wrong]:
    arrivals = world.arrivals(said.countries(world))
    known = [day for text in (*said.cited, *said.heard) for day in days(normalise(text))]
    for found in days(sentence):
        shown = sentence[found.start : found.end]
        yield from _weekday(found, sentence, world)
        if any((item.month, item.day) == (found.month, found.day) for item in known):
            continue
        if any(found.is_(day) for day in arrivals):
            continue
        told = world.order_days(focus.order) if focus.order else {}
        role = _role(sentence, found) if focus.order else None
        if role is not None:
            right = told[role]
            if right is None or not found.is_(right):
                yield Wrong("day", shown, f"{role} is {right}")
        elif not any(day is not None and found.is_(day) for day in (world.today, *told.values())):
            yield Wrong("day", shown, "neither an order nor a delivery time gives it")


def _role(sentence: str, found: Day) -> str | None:
    before = _BEFORE_DAY.sub("", sentence[: found.start])
    after = sentence[found.end :].lstrip(" ()")
    for role, ahead, behind in _ROLES:
        if ahead.search(before) or behind.search(after):
            return role
    return None


def _weekday(found: Day, sentence: str, world: World) -> Iterator[Wrong]:
    match = re.search(rf"({'|'.join(_WEEKDAYS)}),? $", sentence[: found.start])
    if match:
        day = world.today.replace(year=found.year or world.today.year, month=found.month, day=found.day)
        if _WEEKDAYS[day.weekday()] != match[1]:
            yield Wrong(
                "day", f"{match[1]} {found.day}.{found.month}.", f"it is a {_WEEKDAYS[day.weekday()]}"
            )
