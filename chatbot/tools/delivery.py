"""What delivery costs, how long it takes and when an order would arrive, from the shop's table of rates.

Knows working days and the hour of cutoff for express; public holidays it does not know and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from chatbot.conversation import ToolCall, ToolResult
from chatbot.shop import Product, Rate
from chatbot.tools.base import Context, tool
from chatbot.tools.catalogue import is_sold_out, prices, product_name
from chatbot.tools.dates import add_working_days, dispatch_day, parse_cutoff
from chatbot.tools.speak import call_of, result
from chatbot.tools.wording import Words
from configs import countries


@dataclass(frozen=True, slots=True)
class Method:
    """One way of delivery to one place: the rate that applies, and what it is from higher subtotals on."""

    name: str
    rate: Rate
    tiers: tuple[Rate, ...]

    @property
    def is_express(self) -> bool:
        return "express" in self.name.casefold()


def delivery_estimate(
    context: Context,
    *,
    country: str | None = None,
    region: str | None = None,
    subtotal: float | None = None,
    express: bool = False,
    sku: str | None = None,
) -> ToolResult:
    """What delivery to a country costs, how many days it takes and when an order placed now would arrive.

    ``subtotal`` is the value of the order, ``sku`` an article that stands for it. Without a country it is the
    customer's own.
    """
    call = call_of(
        "delivery_estimate",
        country=country,
        region=region,
        subtotal=subtotal,
        express=express or None,
        sku=sku,
    )
    served = context.shop.countries()
    asked = country or (context.customer.country if context.customer else None)
    if asked is None and len(served) == 1:
        asked = served[0]
    if asked is None:
        if not served:
            return result(context, call, "no_rates", error="no_rates")
        return _say_served(context, call, "delivery_which_country", served, error="no_country")

    code = countries.resolve(asked)
    place = next(
        (name for name in served if name == asked or (code and countries.resolve(name) == code)), None
    )
    rates = context.shop.rates(place or code or asked, region)
    if not rates:
        if not served:
            return result(context, call, "no_rates", error="no_rates")
        template = "delivery_not_served" if code else "delivery_unknown_country"
        return _say_served(context, call, template, served, country=code or asked, error="not_served")

    product = context.shop.product(sku) if sku else None
    if sku and product is None:
        return result(context, call, "product_not_found", error="not_found")
    amount = Decimal(str(subtotal)) if subtotal is not None else _price(product)
    regions = list(dict.fromkeys(rate.region for rate in rates if rate.region))
    if region is None and len(regions) > 1:
        return result(
            context,
            call,
            "delivery_which_region",
            lambda to: {"country": to.country(code or asked), "regions": to.listing(regions, last="list_or")},
            error="ambiguous",
        )
    return _say_rates(context, call, code or asked, methods(rates, amount), amount, express, product)


def methods(rates: Sequence[Rate], subtotal: Decimal | None) -> list[Method]:
    """The ways of delivery, the cheapest first; without a subtotal each with all its steps."""
    by_name: dict[str, list[Rate]] = {}
    for rate in sorted(rates, key=lambda rate: rate.min_subtotal):
        by_name.setdefault(rate.method, []).append(rate)
    found = []
    for name, steps in by_name.items():
        reached = [step for step in steps if subtotal is None or step.min_subtotal <= subtotal]
        # Below the lowest step of a method it cannot be booked.
        if reached:
            now = steps[0] if subtotal is None else reached[-1]
            found.append(Method(name, now, tuple(steps[steps.index(now) + 1 :])))
    return sorted(found, key=lambda method: (method.is_express, method.rate.price))


def arrival(method: Method, to: Words, cutoff: time) -> tuple[date, date] | None:
    """First and last day on which an order placed now would arrive; None if the shop gives no days."""
    rate = method.rate
    if rate.days_max is None and rate.days_min is None:
        return None
    start = dispatch_day(to.now, cutoff) if method.is_express else to.now.date()
    low, high = _days(rate)
    return add_working_days(start, low), add_working_days(start, high)


def _days(rate: Rate) -> tuple[int, int]:
    low = rate.days_min if rate.days_min is not None else rate.days_max or 0
    return low, max(low, rate.days_max if rate.days_max is not None else low)


def _price(product: Product | None) -> Decimal | None:
    span = prices(product) if product else None
    return span[0] if span else None


# --- wording ------------------------------------------------------------------------------------------------


def _say_served(
    context: Context,
    call: ToolCall,
    template: str,
    served: Sequence[str],
    *,
    error: str,
    country: str = "",
) -> ToolResult:
    return result(
        context,
        call,
        template,
        lambda to: {"countries": _names(to, served), "country": to.country(country) if country else ""},
        error=error,
    )


def _names(to: Words, served: Sequence[str]) -> str:
    return to.listing([to.country(countries.resolve(name) or name) for name in served])


def _say_rates(
    context: Context,
    call: ToolCall,
    country: str,
    found: Sequence[Method],
    amount: Decimal | None,
    express: bool,
    product: Product | None,
) -> ToolResult:
    fast = [method for method in found if method.is_express]
    shown = fast if express and fast else found
    template = "delivery_no_express" if express and not fast else "delivery_rates"
    cutoff = parse_cutoff(context.facts.express_cutoff)

    def say(to: Words) -> dict[str, object]:
        notes = []
        if amount is not None:
            notes.append(to.text("delivery_note_subtotal", subtotal=to.money(amount)))
            notes += [_missing(to, method, amount) for method in shown if not method.is_express][:1]
        if any(method.is_express for method in shown) and context.facts.express_cutoff:
            notes.append(to.text("delivery_note_cutoff", cutoff=context.facts.express_cutoff))
        if any(arrival(method, to, cutoff) for method in shown):
            notes.append(to.text("delivery_note_holidays"))
        if product and is_sold_out(product):
            notes.append(to.text("delivery_note_sold_out", name=product_name(to, product)))
        return {
            "country": to.country(country),
            "methods": to.semicolon([_method(to, method, cutoff, amount) for method in shown]),
            "details": to.notes(*notes),
        }

    return result(
        context, call, template, say, error="no_express" if template == "delivery_no_express" else None
    )


def _method(to: Words, method: Method, cutoff: time, amount: Decimal | None) -> str:
    price = _cost(to, method.rate)
    if method.tiers and amount is None:
        price = to.text(
            "delivery_price_tiers", price=price, tiers=to.comma([_tier(to, step) for step in method.tiers])
        )
    window = arrival(method, to, cutoff)
    if window is None:
        return to.text("delivery_method", method=to.method(method.name), price=price)
    return to.text(
        "delivery_method_arrival",
        method=to.method(method.name),
        price=price,
        days=to.working_days(*_days(method.rate)),
        arrival=to.between(*window),
    )


def _cost(to: Words, rate: Rate) -> str:
    return to.money(rate.price, rate.currency) if rate.price else to.text("delivery_free")


def _tier(to: Words, step: Rate) -> str:
    threshold = to.money(step.min_subtotal, step.currency)
    if not step.price:
        return to.text("delivery_tier_free", threshold=threshold)
    return to.text("delivery_tier", price=to.money(step.price, step.currency), threshold=threshold)


def _missing(to: Words, method: Method, amount: Decimal) -> str:
    """How much more the order would need for the next step."""
    if not method.tiers:
        return ""
    step = method.tiers[0]
    missing = to.money(step.min_subtotal - amount, step.currency)
    if not step.price:
        return to.text("delivery_note_missing_free", missing=missing)
    return to.text("delivery_note_missing", missing=missing, price=to.money(step.price, step.currency))


TOOLS = (tool(delivery_estimate),)
