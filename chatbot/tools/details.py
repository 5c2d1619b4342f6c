"""What is said of one product: which aspect, its price, its stock. Finds no product and guesses no figure."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.conversation import ToolCall, ToolResult
from chatbot.shop import Product, Variant
from chatbot.tools import specs
from chatbot.tools.base import Context
from chatbot.tools.catalogue import (
    FEW,
    option_text,
    pick,
    price_text,
    prices,
    prices_by_version,
    shared_options,
    stated,
    stock,
)
from chatbot.tools.speak import Facts, of_product
from chatbot.tools.wording import Words


def describe(
    context: Context,
    call: ToolCall,
    product: Product,
    aspect: str,
    *,
    attribute: str | None,
    colour: str | None,
    size: str | None,
) -> ToolResult:
    """Answer one aspect; a colour or size that the product does not come in is said first."""
    # "20 cm" of a product called "Chef's knife 20 cm" asks for no version.
    colour = None if colour and not pick(product, colour=colour) and stated(product, colour) else colour
    size = None if size and not pick(product, size=size) and stated(product, size) else size
    chosen = pick(product, colour=colour, size=size) if (colour or size) else []
    if (colour or size) and not chosen:
        return specs.unknown_option(context, call, product, [part for part in (colour, size) if part])
    if attribute is not None:
        return specs.attribute(context, call, product, attribute)
    if aspect == "variants":
        return specs.variants(context, call, product, chosen)
    if aspect == "attributes":
        return specs.attributes(context, call, product)
    # A version's own sku names that version.
    sku = str(call.arguments.get("sku", "")).strip().casefold()
    chosen = chosen or [item for item in product.variants if item.sku.casefold() == sku]
    if aspect == "price":
        return _price(context, call, product, chosen)
    if aspect == "stock":
        return _stock(context, call, product, chosen)
    return specs.overview(context, call, product, chosen)


# --- price --------------------------------------------------------------------------------------------------


def _price(context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]) -> ToolResult:
    span = prices(product, chosen)
    if span is None:
        return of_product(context, call, product, "product_price_unknown", error="no_price")
    facts: Facts = {
        "price": lambda to: price_text(to, product, chosen),
        "option": lambda to: option_text(to, shared_options(chosen)),
        "versions": lambda to: prices_by_version(to, product, chosen or product.variants),
    }
    if span[0] != span[1]:
        return of_product(context, call, product, "product_price_range", facts)
    return of_product(context, call, product, "product_price_option" if chosen else "product_price", facts)


# --- stock --------------------------------------------------------------------------------------------------


def _stock(context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]) -> ToolResult:
    versions = chosen or product.variants
    counted = [item for item in versions if item.stock is not None]
    available = [item for item in counted if item.stock]
    if len(versions) < 2 or len(counted) < len(versions) or not available:
        return _stock_as_one(context, call, product, chosen)
    sold_out = [item for item in counted if not item.stock]
    facts: Facts = {
        "available": lambda to: to.listing([_pieces(to, item) for item in available]),
        "sold_out": lambda to: (
            to.text("product_stock_sold_out", options=_options(to, sold_out)) if sold_out else ""
        ),
    }
    return of_product(context, call, product, "product_stock_versions", facts)


def _stock_as_one(
    context: Context, call: ToolCall, product: Product, chosen: Sequence[Variant]
) -> ToolResult:
    """One figure for the product, or for the versions that were asked for."""
    count = stock(product, chosen)
    kind = "unknown" if count is None else "out" if count <= 0 else "few" if count <= FEW else "in"
    others = [item for item in product.variants if item.stock and item not in chosen] if chosen else []
    facts: Facts = {
        "pieces": lambda to: to.count("piece", count or 0),
        "option": lambda to: option_text(to, shared_options(chosen)),
        "alternative": lambda to: (
            to.text("product_stock_alternative", options=_options(to, others)) if others else ""
        ),
    }
    template = f"product_stock_{'option_' if chosen else ''}{kind}"
    return of_product(
        context, call, product, template, facts, error="no_stock_data" if kind == "unknown" else None
    )


def _pieces(to: Words, item: Variant) -> str:
    return to.text(
        "version_stock", option=option_text(to, item.options), pieces=to.count("piece", item.stock or 0)
    )


def _options(to: Words, variants: Sequence[Variant]) -> str:
    return to.listing([option_text(to, item.options) for item in variants])
