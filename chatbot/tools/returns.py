"""Whether an order, or one article of it, can be returned, until when, and if not why and what instead.

Knows the days from delivery and final sale; conditions in words stand in the shop's pages. Registers nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from chatbot.actions import rules
from chatbot.conversation import ToolCall, ToolResult
from chatbot.shop import Customer, Order, OrderLine, fold
from chatbot.tools.base import Context, tool
from chatbot.tools.orders import (
    Catalogue,
    catalogue_of,
    find_order,
    items_text,
    line_name,
    not_found,
    order_card,
    return_deadline,
)
from chatbot.tools.speak import call_of, result, words
from chatbot.tools.wording import Words

_CONDITION = "returnable"
"""The attribute in which a catalogue may say under which condition an article is taken back."""
_REFUSED = {
    "not_sent": "return_cancel_instead",
    "already_cancelled": "return_cancelled",
    "already_requested": "return_already_requested",
    "already_returned": "return_already_returned",
    "already_refunded": "return_already_refunded",
    "final_sale": "return_final_sale",
    "not_delivered": "return_not_delivered",
    "unknown_state": "return_other_state",
    "no_date": "return_no_date",
    "too_late": "return_too_late",
}


def return_eligibility(
    context: Context, *, order_id: str | None = None, sku: str | None = None
) -> ToolResult:
    """Whether an order, or one article of it, can be returned and until when.

    Without an order number it is the newest order with the article, or the newest one that was delivered.
    """
    call = call_of("return_eligibility", order_id=order_id, sku=sku)
    customer = context.customer
    if customer is None:
        return result(context, call, "sign_in", error="sign_in")
    if context.facts.return_days <= 0:
        return result(context, call, "return_no_rule", error="no_rule")
    if order_id is not None:
        order = find_order(context, customer, order_id)
        if order is None:
            return not_found(context, call, order_id)
    else:
        order = newest_delivered(context, customer, sku)
    if order is None:
        return result(
            context,
            call,
            "return_never_bought" if sku else "no_orders",
            error="not_bought" if sku else "no_orders",
        )
    refused = refusal(context, call, order, sku)
    if refused is not None:
        return refused
    catalogue, lines = catalogue_of(context, [order]), lines_of(context, order, sku)
    final = any(rules.final_sale(line, catalogue) for line in lines)
    made = _say(context, call, order, catalogue, "return_ok_item" if sku else "return_some" if final else "return_ok", lines)  # fmt: skip
    if "request_return" not in context.offered:
        return made
    wish = words(context).text("action_wish_return", order_id=order.id)
    return replace(made, quick_replies=(wish,))


def refusal(context: Context, call: ToolCall, order: Order, sku: str | None) -> ToolResult | None:
    """Why an order, or one article of it, cannot be returned; None if it can."""
    catalogue = catalogue_of(context, [order])
    lines = lines_of(context, order, sku)
    if not lines and sku:
        return _say(context, call, order, catalogue, "return_not_in_order", order.lines, error="not_in_order")
    last = return_deadline(words(context), order, context.facts.return_days)
    code = rules.take_back(
        order, lines, catalogue, context.facts, today=today(context), last_day=last, requested=context.shop.requested(order)
    )  # fmt: skip
    if code is None:
        return None
    template = _REFUSED[code]
    if code == "final_sale":
        lines = [line for line in lines if rules.final_sale(line, catalogue)]
        template = template if sku or len(lines) == 1 else "return_final_sale_order"
    return _say(context, call, order, catalogue, template, lines, error=code)


def today(context: Context) -> date:
    """The day on the shop's clock."""
    return words(context).now.date()


def newest_delivered(context: Context, customer: Customer, sku: str | None) -> Order | None:
    orders = context.shop.orders(customer.id)
    if sku:
        orders = [order for order in orders if lines_of(context, order, sku)]
    delivered = [order for order in orders if order.status == "delivered"]
    if delivered:
        return max(delivered, key=lambda order: order.delivered_at or order.placed_at)
    return next(iter(orders), None)


def lines_of(context: Context, order: Order, sku: str | None) -> Sequence[OrderLine]:
    """The lines that are meant: all, or those of a product or of one of its versions."""
    if sku is None:
        return order.lines
    exact = [line for line in order.lines if fold(sku) in (fold(line.sku), fold(line.variant_sku or ""))]
    product = context.shop.product(sku)
    if exact or product is None:
        return exact
    return [line for line in order.lines if fold(line.sku) == fold(product.sku)]


def _say(
    context: Context,
    call: ToolCall,
    order: Order,
    catalogue: Catalogue,
    template: str,
    lines: Sequence[OrderLine],
    *,
    error: str | None = None,
) -> ToolResult:
    """Every return text has its facts among these."""

    def say(to: Words) -> dict[str, object]:
        final = [line_name(to, line, catalogue) for line in lines if rules.final_sale(line, catalogue)]
        deadline = return_deadline(to, order, context.facts.return_days)
        too_late = template == "return_too_late"
        return {
            "order_id": order.id,
            "state": to.state(order.status),
            "days": to.count("day", context.facts.return_days),
            "delivered": to.day(order.delivered_at) if order.delivered_at else "",
            "deadline": (to.on_day(deadline) if too_late else to.day(deadline)) if deadline else "",
            "name": to.listing([line_name(to, line, catalogue) for line in lines]),
            "items": items_text(to, lines, catalogue),
            "excluded": to.listing(final),
            "excluded_why": to.text(f"return_why_final_sale_{'one' if len(final) == 1 else 'other'}"),
            "details": to.notes(*conditions(to, lines, catalogue)),
        }

    return result(
        context, call, template, say, cards=[order_card(words(context), order, catalogue)], error=error
    )


def conditions(to: Words, lines: Sequence[OrderLine], catalogue: Catalogue) -> list[str]:
    """Conditions that the catalogue itself names for an article."""
    notes = []
    for line in lines:
        product = catalogue.get(fold(line.sku))
        condition = product.attributes.get(_CONDITION) if product and not product.final_sale else None
        if condition:
            notes.append(
                to.text(
                    "return_note_line", name=line_name(to, line, catalogue), condition=to.value(condition)
                )
            )
    return notes


TOOLS = (tool(return_eligibility),)
