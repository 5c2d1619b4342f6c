"""From an intent and what a message says to the calls of tools that answer it.

Names of arguments, and what holds on from what was said before. Chooses no intent and runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from chatbot import asks, changing, lang, slots, suggesting
from chatbot.actions import rules
from chatbot.conversation import ToolCall
from chatbot.dialogue import Dialogue
from chatbot.intents import PERSONAL

_OVERVIEW = re.compile(r"\b(?:tell me|more about|describe|information|details)\b|介绍|详情", re.IGNORECASE)
_PRICE = re.compile(r"\b(?:cheap|expensive|price)", re.IGNORECASE)
_PICKS = frozenset(
    lang.stem(word)
    for word in "cheapest cheaper expensive first second third fourth last one product item most least".split()
)


def calls_for(
    text: str, query: str, intent: str, values: Mapping[str, Any], dialogue: Dialogue
) -> list[ToolCall]:
    """The calls that answer a message; none where a page or nothing does."""
    order_id = values.get("order_id")
    if order_id is None and slots.is_follow_up(text) and intent in PERSONAL:
        order_id = dialogue.order_id
    match intent:
        case "order_status":
            return [ToolCall("order_status", given(order_id=order_id))]
        case "order_list":
            return [ToolCall("order_list")]
        case "return_eligibility":
            return [ToolCall("return_eligibility", given(order_id=order_id, sku=values.get("sku")))]
        case "delivery_estimate":
            leans = slots.is_follow_up(text) or dialogue.intent == intent
            country = values.get("country") or (dialogue.country if leans else None)
            return [ToolCall("delivery_estimate", given(country=country, express=values.get("express")))]
        case "product_details" if values.get("compare"):
            first, second = values["compare"]
            return [ToolCall("compare", {"first": first, "second": second})]
        case "product_details" if values.get("sku"):
            skus = values.get("skus") or [values["sku"]]
            return [
                ToolCall("product_details", _details(text, {**values, "sku": sku}, dialogue)) for sku in skus
            ]
        case "product_details" if not slots.is_follow_up(text):
            return [ToolCall("product_search", given(query=text, **_left_out(values, dialogue)))]
        case "product_search":
            wanted = {key: values.get(key) for key in ("max_price", "min_price", "colour", "size")}
            wanted |= _left_out(
                values, dialogue, goes_on=bool(dialogue.query) and query.startswith(dialogue.query)
            )
            stocked = True if values.get("aspect") == "stock" else None
            wish = slots.without_occasion(query)
            return [ToolCall("product_search", given(query=wish, in_stock=stocked, **wanted))]
        case "recommend":
            return [suggesting.call(text, {**values, **_left_out(values, dialogue)}, dialogue)]
    return []


def change_for(
    text: str, values: Mapping[str, Any], dialogue: Dialogue, offered: Collection[str]
) -> ToolCall | None:
    """The call that prepares what a message wants done to an order, as far as the shop offers it."""
    before, order_id = dialogue.changing, values.get("order_id")
    # Order numbers look different in every shop, and their figures are none of an address.
    named = rf"(?:(?:my |the )?order (?:no\.? |number )?)?#?{re.escape(str(order_id))}"
    plain = re.sub(named, "it", text, flags=re.IGNORECASE) if order_id else text
    if before is not None:  # it was asked which order, or where to
        if order_id and len(lang.content_words(plain)) <= 4:
            return ToolCall(before.name, {**before.arguments, "order_id": order_id})
        said = changing.address(plain) or (
            "" if order_id or "?" in text or "？" in text else changing.tidy(text)
        )
        if before.name == "change_address" and "address" not in before.arguments and rules.complete(said):
            return ToolCall(before.name, {**before.arguments, "address": said})
    kind = changing.wanted(plain)
    if kind is None and dialogue.changed and offered and changing.undoes(text):
        return ToolCall("undo_change")
    if kind is None or kind not in offered:
        return None
    sku = values.get("sku")
    if kind == "restock_alert":
        return ToolCall(kind, {"sku": sku}) if sku else None
    if not dialogue.signed_in and not order_id and not asks.own_order(text):
        return None  # how it is done stands in the pages
    if order_id is None and len(dialogue.orders) <= 1:
        order_id = dialogue.order_id
    match kind:
        case "change_address":
            return ToolCall(kind, given(order_id=order_id, address=changing.address(plain)))
        case "request_return":
            return ToolCall(kind, given(order_id=order_id if order_id or not sku else None, sku=sku))
        case "request_exchange":
            return ToolCall(kind, given(order_id=order_id, exchange_for=sku)) if sku else None
    return ToolCall(kind, given(order_id=order_id))


def _left_out(values: Mapping[str, Any], dialogue: Dialogue, *, goes_on: bool = False) -> dict[str, Any]:
    """What is not wanted by this message, by the search that it goes on from, and whatever harms the shopper."""
    earlier = dialogue.without if goes_on else ()
    without = list(dict.fromkeys((*values.get("without", ()), *earlier, *dialogue.avoid)))
    careful = values.get("must_avoid") or bool(dialogue.avoid)
    return given(without=without or None, must_avoid=careful or None)


def _details(text: str, values: Mapping[str, Any], dialogue: Dialogue) -> dict[str, Any]:
    """What to ask of the product: an aspect, or the attribute that the text asks for."""
    arguments = given(sku=values["sku"], colour=values.get("colour"), size=values.get("size"))
    other = float(values["sku_score"]) > 0.5 and dialogue.skus and values["sku"] != dialogue.skus[0]
    if (
        slots.is_elliptic(text)
        and other
        and dialogue.intent == "product_details"
        and len(lang.words(text)) <= 6
    ):
        text = dialogue.query  # "and the other one?" asks the same of another product
    about = values.get("aspect") or slots.aspect(text)
    if "skus" in values and _PRICE.search(text):
        about = "price"
    if about:
        return {**arguments, "aspect": about}
    if {"colour", "size"} & set(values):
        return {**arguments, "aspect": "stock"}
    if _OVERVIEW.search(text) or not set(lang.content_words(text)) - _PICKS:
        return {**arguments, "aspect": "overview"}
    return {**arguments, "aspect": "attributes", "attribute": text}


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments that have a value."""
    return {name: value for name, value in arguments.items() if value is not None}
