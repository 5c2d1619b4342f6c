"""Orders of the signed-in customer: where one is, and the list of them.

The customer comes from the context alone. An order of somebody else and one that does not exist look the same.
Knows the states of an order and the shop's rules for cancelling, but changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from chatbot.conversation import Card, ToolCall, ToolResult
from chatbot.shop import Customer, Order, OrderLine, Product, fold
from chatbot.tools.base import Context, tool
from chatbot.tools.catalogue import option_text
from chatbot.tools.speak import call_of, result, words
from chatbot.tools.wording import Words

OPEN_STATES = frozenset({"pending_payment", "processing", "packed", "shipped", "out_for_delivery"})
_LISTED = 5
_NAMED_LINES = 4
Catalogue = Mapping[str, Product]


def order_status(context: Context, *, order_id: str | None = None) -> ToolResult:
    """Where an order is: its state, dates, carrier and tracking number, and what happens next.

    Without an order number it is the newest order that has not arrived yet.
    """
    call = call_of("order_status", order_id=order_id)
    customer = context.customer
    if customer is None:
        return result(context, call, "sign_in", error="sign_in")
    if order_id is not None:
        order = find_order(context, customer, order_id)
        if order is None:
            return not_found(context, call, order_id)
        return _status(context, call, order, others=())
    orders = context.shop.orders(customer.id)
    if not orders:
        return result(context, call, "no_orders", error="no_orders")
    still_open = [order for order in orders if order.status in OPEN_STATES]
    if not still_open:
        return _status(context, call, orders[0], others=(), none_open=True)
    return _status(context, call, still_open[0], others=still_open[1:])


def order_list(context: Context) -> ToolResult:
    """The signed-in customer's newest orders with their states."""
    call = call_of("order_list")
    if context.customer is None:
        return result(context, call, "sign_in", error="sign_in")
    # One more than is shown tells whether these are all.
    orders = context.shop.orders(context.customer.id, limit=_LISTED + 1)
    if not orders:
        return result(context, call, "no_orders", error="no_orders")
    shown = orders[:_LISTED]
    catalogue = catalogue_of(context, shown)

    def say(to: Words) -> dict[str, object]:
        if len(orders) > _LISTED:
            intro = to.text("order_list_intro_newest", count=_LISTED)
        elif len(orders) == 1:
            intro = to.text("order_list_intro_one")
        else:
            intro = to.text("order_list_intro_all", count=len(orders))
        return {"intro": intro, "orders": "\n".join(_line(to, order, catalogue) for order in shown)}

    spoken = words(context)
    return result(
        context, call, "order_list", say, cards=[order_card(spoken, order, catalogue) for order in shown]
    )


# --- shared with returns ------------------------------------------------------------------------------------


def find_order(context: Context, customer: Customer, order_id: str) -> Order | None:
    """The customer's own order, by number; None for everything else."""
    return context.shop.order(customer.id, order_id.strip().lstrip("#").strip())


def not_found(context: Context, call: ToolCall, order_id: str) -> ToolResult:
    """No such order, or not theirs: the two results do not differ in any byte."""
    return result(
        context, call, "order_not_found", lambda _: {"order_id": order_id.strip()}, error="not_found"
    )


def catalogue_of(context: Context, orders: Sequence[Order]) -> Catalogue:
    """The products of these orders, by the folded sku of product and version."""
    skus = [line.sku for order in orders for line in order.lines]
    found: dict[str, Product] = {}
    for product in context.shop.products(skus):
        found[fold(product.sku)] = product
        found.update((fold(variant.sku), product) for variant in product.variants)
    return found


def line_name(to: Words, line: OrderLine, catalogue: Catalogue) -> str:
    """The article's name as it was sold, with the options of its version."""
    product = catalogue.get(fold(line.sku))
    if product is None:
        return line.name or line.sku
    # Imported orders often have nothing but the number.
    name = product.name if fold(line.name) in ("", fold(line.sku)) else line.name
    name = to.name(name, product.name_zh)
    wanted = fold(line.variant_sku or line.sku)
    for variant in product.variants:
        if fold(variant.sku) == wanted and variant.options:
            return to.text("name_with_option", name=name, option=option_text(to, variant.options))
    return name


def items_text(to: Words, lines: Sequence[OrderLine], catalogue: Catalogue) -> str:
    """``2 × Oak board and 1 × Linen towel (sand)``, shortened if there are many."""
    shown = lines if len(lines) <= _NAMED_LINES + 1 else lines[:_NAMED_LINES]
    names = [
        to.text("order_item", quantity=line.quantity, name=line_name(to, line, catalogue)) for line in shown
    ]
    if len(shown) < len(lines):
        names.append(to.text("order_items_more", count=len(lines) - len(shown)))
    return to.listing(names)


def order_card(to: Words, order: Order, catalogue: Catalogue) -> Card:
    """What the widget shows of an order; values are formatted, ``state`` is raw."""
    return Card(
        "order",
        order.id,
        order.id,
        {
            "state": order.status,
            "status": to.state(order.status),
            "placed": to.day(order.placed_at),
            "total": to.money(order.total, order.currency),
            "items": items_text(to, order.lines, catalogue),
            "carrier": order.carrier,
            "tracking": order.tracking,
            "eta": to.day(order.eta) if order.eta and order.status in OPEN_STATES else None,
        },
    )


def return_deadline(to: Words, order: Order, return_days: int) -> date | None:
    """The last day for a return; None if the shop has no such rule or the delivery day is not known."""
    if return_days <= 0 or order.delivered_at is None:
        return None
    return to.calendar_day(order.delivered_at) + timedelta(days=return_days)


# --- wording of one order -----------------------------------------------------------------------------------


def _status(
    context: Context, call: ToolCall, order: Order, *, others: Sequence[Order], none_open: bool = False
) -> ToolResult:
    catalogue = catalogue_of(context, [order])
    template = f"order_status_{order.status}"
    if order.status == "delivered" and order.delivered_at:
        template = "order_status_delivered_on"
    elif order.status == "cancelled" and order.cancelled_at:
        template = "order_status_cancelled_on"
    elif template not in words(context).templates.texts:
        template = "order_status_other"

    def say(to: Words) -> dict[str, object]:
        notes = [
            *_progress(to, order),
            _rights(to, context, order, catalogue),
            contents(to, order, catalogue),
            to.text("order_note_none_open") if none_open else "",
            _others(to, others),
        ]
        return {
            "order_id": order.id,
            "placed": to.day(order.placed_at),
            "state": to.state(order.status),
            "delivered": to.on_day(order.delivered_at) if order.delivered_at else "",
            "cancelled": to.on_day(order.cancelled_at) if order.cancelled_at else "",
            "details": to.notes(*notes),
        }

    return result(context, call, template, say, cards=[order_card(words(context), order, catalogue)])


def _progress(to: Words, order: Order) -> list[str]:
    """Sent when, by whom, expected when: whatever the state makes true and the data knows."""
    notes = []
    under_way = order.status in ("shipped", "out_for_delivery")
    if under_way and order.shipped_at:
        notes.append(to.text("order_note_shipped", shipped=to.on_day(order.shipped_at)))
    if under_way and order.carrier and order.tracking:
        notes.append(to.text("order_note_carrier_tracking", carrier=order.carrier, tracking=order.tracking))
    elif under_way and order.carrier:
        notes.append(to.text("order_note_carrier", carrier=order.carrier))
    elif under_way and order.tracking:
        notes.append(to.text("order_note_tracking", tracking=order.tracking))
    if order.status in ("processing", "packed", "shipped"):
        notes.append(_expected(to, order))
    return notes


def _expected(to: Words, order: Order) -> str:
    if order.eta is None:
        return to.text("order_note_no_eta") if order.status == "shipped" else ""
    if to.calendar_day(order.eta) < to.now.date():
        return to.text("order_note_overdue", eta=to.on_day(order.eta))
    return to.text("order_note_eta", eta=to.on_day(order.eta))


def _rights(to: Words, context: Context, order: Order, catalogue: Catalogue) -> str:
    """What the customer may still do with the order."""
    if order.status in context.facts.cancellable_states:
        return to.text("order_note_cancellable")
    if order.status == "packed":
        return to.text("order_note_not_cancellable")
    if order.status == "cancelled":
        return to.text("order_note_not_charged")
    deadline = return_deadline(to, order, context.facts.return_days)
    sold = [catalogue.get(fold(line.sku)) for line in order.lines]
    if (
        order.status == "delivered"
        and deadline
        and deadline >= to.now.date()
        and not any(product and product.final_sale for product in sold)
    ):
        return to.text("order_note_returnable", deadline=to.day(deadline))
    return ""


def contents(to: Words, order: Order, catalogue: Catalogue) -> str:
    if not order.lines:
        return ""
    return to.text(
        "order_note_items",
        items=items_text(to, order.lines, catalogue),
        total=to.money(order.total, order.currency),
    )


def _others(to: Words, others: Sequence[Order]) -> str:
    if not others:
        return ""
    named = [to.text("order_brief", order_id=order.id, state=to.state(order.status)) for order in others[:3]]
    return to.text("order_note_others", count=to.count("open_order", len(others)), orders=to.comma(named))


def _line(to: Words, order: Order, catalogue: Catalogue) -> str:
    return to.text(
        "order_line" if order.lines else "order_line_no_items",
        order_id=order.id,
        placed=to.day(order.placed_at),
        state=to.state(order.status),
        total=to.money(order.total, order.currency),
        items=items_text(to, order.lines, catalogue),
    )


TOOLS = (tool(order_status), tool(order_list))
