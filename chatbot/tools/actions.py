"""Tools that prepare a change of an order: they say what will be done, and it is done when the shopper says yes.

None of them changes anything: ``Context.propose`` keeps the exact arguments, and the conversation's next yes carries them out
(``chatbot.turn``). Whether it may be proposed is ``chatbot.actions.rules``'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chatbot.actions import rules
from chatbot.actions.journal import UNDO, Action
from chatbot.conversation import ToolCall, ToolResult
from chatbot.shop import Order, OrderLine, fold
from chatbot.tools.base import Context, tool
from chatbot.tools.catalogue import product_name
from chatbot.tools.orders import (
    catalogue_of,
    contents,
    find_order,
    items_text,
    line_name,
    not_found,
    order_card,
    return_deadline,
)
from chatbot.tools.returns import conditions, lines_of, newest_delivered, refusal
from chatbot.tools.speak import call_of, result, words
from chatbot.tools.wording import Words

_LISTED = 4
"""Orders to choose from."""
_OF_RETURNS = ("request_return", "request_exchange")


def cancel_order(context: Context, *, order_id: str | None = None) -> ToolResult:
    """Cancel an order of the shopper's that is not packed yet. They are asked to confirm it first."""

    def judge(order: Order) -> str | None:
        return rules.cancel(order, context.facts, context.may)

    return _of_order(context, "cancel_order", order_id, judge)


def change_address(
    context: Context, *, order_id: str | None = None, address: str | None = None
) -> ToolResult:
    """Send an order that is not packed yet to another address in the same country. They are asked to confirm it first.

    ``address``: street and number, postcode and town, as the shopper wrote it.
    """

    def judge(order: Order) -> str | None:
        return rules.change_address(order, address or "", context.facts, context.may)

    more = {"address": address} if address else {}
    return _of_order(context, "change_address", order_id, judge, more)


def resend_receipt(context: Context, *, order_id: str | None = None) -> ToolResult:
    """Send the receipt of an order again to the email address in the shopper's account. They are asked to confirm it first."""

    def judge(order: Order) -> str | None:
        if context.customer is None or not context.customer.email:
            return "no_email"
        return "no_receipt" if order.status == "pending_payment" else None

    return _of_order(context, "resend_receipt", order_id, judge)


def request_return(context: Context, *, order_id: str | None = None, sku: str | None = None) -> ToolResult:
    """Register the return of an order, or of one article of it. They are asked to confirm it first."""
    return _return(context, call_of("request_return", order_id=order_id, sku=sku), order_id, sku, None)


def request_exchange(
    context: Context, *, order_id: str | None = None, sku: str | None = None, exchange_for: str
) -> ToolResult:
    """Exchange one article of an order for another version of it. They are asked to confirm it first.

    ``exchange_for``: the article number of the version that is wanted.
    """
    call = call_of("request_exchange", order_id=order_id, sku=sku, exchange_for=exchange_for)
    wanted = context.shop.product(exchange_for)
    if wanted is None:
        return result(context, call, "clarify_product", error="no_product")
    return _return(context, call, order_id, sku or wanted.sku, exchange_for)


def restock_alert(context: Context, *, sku: str) -> ToolResult:
    """Tell the shopper by email when a product that is sold out is there again. They are asked to confirm it first."""
    call = call_of("restock_alert", sku=sku)
    customer, product = context.customer, context.shop.product(sku)
    if product is None:
        return result(context, call, "clarify_product", error="no_product")
    email = hidden(customer.email or "") if customer else ""

    def say(to: Words) -> Mapping[str, object]:
        return {"name": product_name(to, product), "email": email}

    own = next((one for one in product.variants if fold(one.sku) == fold(sku)), None)
    stock = own.stock if own else product.stock
    if not own and product.variants:
        stock = max((one.stock or 0 for one in product.variants), default=stock)
    if stock is None or stock > 0:
        return result(context, call, "action_in_stock", say, error="in_stock")
    if customer is None:
        return result(context, call, "sign_in", error="sign_in")
    if not customer.email:
        return result(context, call, "action_refused_no_email", say, error="no_email")
    return _proposed(context, call, "restock_alert", {"sku": own.sku if own else product.sku}, say)


def undo_change(context: Context) -> ToolResult:
    """Take back what was done last in this conversation. They are asked to confirm it first."""
    call = call_of("undo_change")
    if context.customer is None:
        return result(context, call, "sign_in", error="sign_in")
    last = context.undoable()
    if last is None:
        return result(context, call, "action_nothing_to_undo", error="nothing")
    if last.state == "running":
        return outcome(context, call, last)
    arguments = {**last.arguments, "undoes": last.id, "of": last.kind}

    def say(to: Words) -> Mapping[str, object]:
        return {"what": to.text(f"action_what_{last.kind}", **_named(to, context, last.arguments))}

    return _proposed(context, call, UNDO, arguments, say)


def outcome(context: Context, call: ToolCall, action: Action) -> ToolResult:
    """What came of a proposal, worded as a receipt."""
    undone = action.kind == UNDO
    of = str(action.arguments["of"]) if undone else action.kind

    def say(to: Words) -> Mapping[str, object]:
        named = _named(to, context, action.arguments)
        return {**named, "reference": action.reference, "what": to.text(f"action_what_{of}", **named)}

    if action.state == "done":
        order = _order_of(context, action.arguments)
        cards = [order_card(words(context), order, catalogue_of(context, [order]))] if order else []
        return result(context, call, "action_done_undo" if undone else f"action_done_{of}", say, cards=cards)
    if action.state == "refused":
        code = action.outcome.refused if action.outcome else None
        return result(context, call, "action_moved_on", say, error=code or "refused")
    if action.state in ("declined", "lapsed"):
        return result(context, call, f"action_{action.state}", say, error=action.state)
    if action.state == "undone":
        return result(context, call, "action_was_undone", say)
    return result(context, call, "action_running", say, error="running")


# --- parts --------------------------------------------------------------------------------------------------


def _of_order(
    context: Context,
    kind: rules.Kind,
    order_id: str | None,
    judge: Callable[[Order], str | None],
    arguments: Mapping[str, Any] | None = None,
) -> ToolResult:
    """Propose something of one order: the one that is named, or the only one it can be done to."""
    call = call_of(kind, order_id=order_id, **(arguments or {}))
    customer = context.customer
    if customer is None:
        return result(context, call, "sign_in", error="sign_in")
    if order_id is not None:
        order = find_order(context, customer, order_id)
        if order is None:
            return not_found(context, call, order_id)
    else:
        orders = context.shop.orders(customer.id)
        if not orders:
            return result(context, call, "no_orders", error="no_orders")
        fitting = [one for one in orders if judge(one) in (None, "no_address", "too_large")]
        if len(fitting) > 1 and kind != "resend_receipt":
            return _which(context, call, kind, fitting)
        order = (fitting or orders)[0]
    code = judge(order)
    if code:
        return _refused(context, call, kind, order, code)
    return _proposed(
        context, call, kind, {"order_id": order.id, **(arguments or {})}, _facts(context, order, arguments or {}), order
    )  # fmt: skip


def _return(
    context: Context, call: ToolCall, order_id: str | None, sku: str | None, exchange_for: str | None
) -> ToolResult:
    customer = context.customer
    if customer is None:
        return result(context, call, "sign_in", error="sign_in")
    if context.facts.return_days <= 0:
        return result(context, call, "return_no_rule", error="no_rule")
    order = find_order(context, customer, order_id) if order_id else newest_delivered(context, customer, sku)
    if order is None:
        return (
            not_found(context, call, order_id)
            if order_id
            else result(context, call, "return_never_bought" if sku else "no_orders", error="not_bought")
        )
    refused = refusal(context, call, order, sku)
    if refused is not None:
        return refused
    catalogue = catalogue_of(context, [order])
    requested = context.shop.requested(order)
    lines = [
        line
        for line in lines_of(context, order, sku)
        if not rules.final_sale(line, catalogue) and rules.sold_as(line) not in requested
    ]
    skus = list(dict.fromkeys(line.variant_sku or line.sku for line in lines))
    arguments: dict[str, Any] = {"order_id": order.id, "skus": skus}
    if exchange_for:
        arguments["exchange_for"] = exchange_for
    deadline = return_deadline(words(context), order, context.facts.return_days)

    def say(to: Words) -> Mapping[str, object]:
        assert deadline is not None
        final = [line_name(to, line, catalogue) for line in order.lines if rules.final_sale(line, catalogue)]
        excluded = ""
        if final and not sku:
            why = to.text(f"return_why_final_sale_{'one' if len(final) == 1 else 'other'}")
            excluded = to.text("action_note_excluded", excluded=to.listing(final), why=why)
        details = to.notes(excluded, *conditions(to, lines, catalogue))
        return {**_named(to, context, arguments), "deadline": to.day(deadline), "details": details}

    kind: rules.Kind = "request_exchange" if exchange_for else "request_return"
    return _proposed(context, call, kind, arguments, say, order)


def _facts(context: Context, order: Order, arguments: Mapping[str, Any]) -> Callable[[Words], Mapping[str, object]]:  # fmt: skip
    catalogue = catalogue_of(context, [order])

    def say(to: Words) -> Mapping[str, object]:
        return {
            **_named(to, context, {**arguments, "order_id": order.id}),
            "placed": to.day(order.placed_at),
            "contents": contents(to, order, catalogue),
            "total": to.money(order.total, order.currency),
            "state": to.state(order.status),
            "paid": "" if order.status == "pending_payment" else to.text("order_note_not_charged"),
        }

    return say


def _named(to: Words, context: Context, arguments: Mapping[str, Any]) -> dict[str, object]:
    """The arguments in words."""
    named: dict[str, object] = {
        "order_id": arguments.get("order_id", ""),
        "address": arguments.get("address", ""),
    }
    if "sku" in arguments:
        product = context.shop.product(str(arguments["sku"]))
        named["name"] = product_name(to, product) if product else str(arguments["sku"])
    if context.customer is not None:
        named["email"] = hidden(context.customer.email or "")
    order = _order_of(context, arguments)
    if "skus" in arguments:
        named["name"] = to.listing([str(sku) for sku in arguments["skus"]])
    if order is not None and "skus" in arguments:
        catalogue = catalogue_of(context, [order])
        wanted = {fold(str(sku)) for sku in arguments["skus"]}
        named["name"] = to.listing([line_name(to, line, catalogue) for line in order.lines if rules.sold_as(line) in wanted])  # fmt: skip
    wanted_sku = arguments.get("exchange_for")
    if wanted_sku:
        line = OrderLine(str(wanted_sku), str(wanted_sku), "", 1, order.total) if order else None
        product = context.shop.product(str(wanted_sku))
        known = {fold(product.sku): product} if product else {}
        named["other"] = (
            line_name(to, replace(line, sku=product.sku), known) if line and product else str(wanted_sku)
        )
    return named


def _order_of(context: Context, arguments: Mapping[str, Any]) -> Order | None:
    if context.customer is None or "order_id" not in arguments:
        return None
    return find_order(context, context.customer, str(arguments["order_id"]))


def _which(context: Context, call: ToolCall, kind: str, orders: Sequence[Order]) -> ToolResult:
    shown = orders[:_LISTED]
    catalogue = catalogue_of(context, shown)

    def say(to: Words) -> Mapping[str, object]:
        return {
            "orders": "\n".join(
                to.text(
                    "order_line",
                    order_id=order.id,
                    placed=to.day(order.placed_at),
                    state=to.state(order.status),
                    total=to.money(order.total, order.currency),
                    items=items_text(to, order.lines, catalogue),
                )
                for order in shown
            )
        }

    made = result(context, call, f"action_which_{kind}", say, error="which_order")
    cards = tuple(order_card(words(context), order, catalogue) for order in shown)
    return replace(made, cards=cards, quick_replies=tuple(order.id for order in shown))


def _refused(context: Context, call: ToolCall, kind: str, order: Order, code: str) -> ToolResult:
    cards = [order_card(words(context), order, catalogue_of(context, [order]))]
    template = "action_ask_address" if code == "no_address" else f"action_refused_{code}"
    made = result(context, call, template, _facts(context, order, {}), cards=cards, error=code)
    return replace(
        made, quick_replies=() if code == "no_address" else (words(context).text("handoff_button"),)
    )


def _proposed(
    context: Context,
    call: ToolCall,
    kind: Any,
    arguments: Mapping[str, Any],
    say: Callable[[Words], Mapping[str, object]],
    order: Order | None = None,
) -> ToolResult:
    action = context.propose(kind, arguments)
    cards = [order_card(words(context), order, catalogue_of(context, [order]))] if order else []
    made = result(context, call, f"action_confirm_{kind}", say, cards=cards)
    to = words(context)
    yes = to.text(f"action_yes_{kind}", **{"order_id": "", **say(to)})
    return replace(made, proposal=action.id, quick_replies=(yes, to.text("action_no")))


def hidden(email: str) -> str:
    """Enough of an address to know it again."""
    name, at, host = email.partition("@")
    return f"{name[:1]}•••{at}{host}" if at else ""


TOOLS = tuple(
    tool(run, effect="write")
    for run in (
        cancel_order,
        change_address,
        resend_receipt,
        request_return,
        request_exchange,
        restock_alert,
        undo_change,
    )
)
