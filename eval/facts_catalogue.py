"""Prices, stock figures, delivery times and cards of a reply, held against catalogue and rates.

Works on sentences in which product names are already masked (see ``eval.facts``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from chatbot.conversation import Card
from chatbot.shop import Order, Product, Variant
from eval.claims import Focus, Said, Wrong
from eval.match import as_number, normalise, numbers
from eval.world import World, price

NAME = re.compile(r"⟦(\d+)⟧")
"""A masked product name: the product's index in ``World.products``."""
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?(?!\d)"
_CURRENCY = r"(?:eur(?:os?)?|usd|gbp|dollars?|pounds?|€|\$|£|欧元|美元|英镑)(?![a-z])"
_PRICE = re.compile(rf"(?<![\d.,])(?:(?P<a>{_NUMBER})\s?{_CURRENCY}|[€$£]\s?(?P<b>{_NUMBER}))")
_STOCK = re.compile(
    rf"(?<![\d.,-])(?P<a>{_NUMBER})\s?(?:pieces?\b|pcs\b|units?\b|件(?!套)|left\b|(?:are |is )?(?:in stock|available)\b)"
    rf"|(?:\bonly|只剩|仅剩|现有)\s?(?P<b>{_NUMBER})(?!\s?(?:%|{_CURRENCY}))"
)
_WORKING_DAYS = re.compile(r"(?<![\d-])(\d+)-(\d+)(?=\s?(?:working days|business days|个?工作日))")
_OUT = re.compile(r"\bsold out\b|\bout of stock\b|\bnot (?:in stock|available)\b|售罄|缺货|无货")
_IN = re.compile(r"(?<!not )\bin stock\b(?! only)|有货")
_OF_STOCK = re.compile(r"\bstock\b|\bleft\b|\bonly\b|\bavailable\b|库存|有货|只剩|仅剩|现有")
_ASIDE = re.compile(r"\b(?:total|delivery|shipping|subtotal|order of)\b|总额|运费|配送")


# --- prices -------------------------------------------------------------------------------------------------


def count_figures(sentence: str) -> int:
    """How many prices, stock figures and delivery times there are to check."""
    return sum(len(pattern.findall(sentence)) for pattern in (_PRICE, _STOCK, _WORKING_DAYS))


def price_figures(
    sentence: str, said: Said, world: World, focus: Focus, loose: set[Decimal]
) -> Iterator[Wrong]:
    since = 0
    for match in _PRICE.finditer(sentence):
        value = as_number(match["a"] or match["b"])
        names = list(NAME.finditer(sentence, 0, match.start()))
        between = sentence[names[-1].end() if names else 0 : match.start()]
        if re.search(r"(?:总额|\btotal is)\W*$", sentence[: match.start()]) and focus.order is not None:
            right, about = {focus.order.total}, f"the total of {focus.order.id}"
        elif names and not _ASIDE.search(between) and not world.order_number.search(between):
            product = world.products[int(names[-1][1])]
            clause = sentence[max(since, names[-1].end()) : match.start()]
            right, about = _product_prices(product, clause), product.name
            right = right | (_bought(focus.order, product) if focus.order else set())
        else:
            right, about = _other_prices(said, world, focus, loose), "anything that the reply is about"
        if value not in right:
            told = ", ".join(str(item) for item in sorted(right)[:6])
            yield Wrong("price", match.group(), f"not of {about} ({told or 'none known'})")
        since = match.end()


def _product_prices(product: Product, clause: str) -> set[Decimal]:
    chosen = _named(product, clause)
    found = {price(product, variant) for variant in chosen}
    if not _speaks_of_options(product, clause):
        found |= {product.price, *(price(product, variant) for variant in product.variants)}
    return {value for value in found if isinstance(value, Decimal)}


def _bought(order: Order, product: Product) -> set[Decimal]:
    skus = {product.sku, *(variant.sku for variant in product.variants)}
    return {line.unit_price for line in order.lines if line.sku in skus}


def _other_prices(said: Said, world: World, focus: Focus, loose: set[Decimal]) -> set[Decimal]:
    """Of the order in question, the rates of the countries asked for, the products named, and the loose ones."""
    found: set[Decimal | None] = set(loose)
    if focus.order is not None:
        order = focus.order
        found |= {order.total, order.subtotal, order.shipping, *(line.unit_price for line in order.lines)}
    places = said.countries(world)
    for rate in world.rates:
        if rate.country in places:
            found |= {rate.price, rate.min_subtotal}
            found |= {rate.min_subtotal - spent for spent in loose if spent < rate.min_subtotal}
    for index in focus.products:
        found |= _product_prices(world.products[index], "")
    return {value for value in found if value is not None}


# --- stock --------------------------------------------------------------------------------------------------


def stock_figures(sentence: str, world: World, focus: Focus, loose: set[Decimal]) -> Iterator[Wrong]:
    """Pieces in stock, and "sold out" or "in stock", each of the product or version that it is said of."""
    matches = list(_STOCK.finditer(sentence))
    for number, match in enumerate(matches):
        start = matches[number - 1].end() if number else 0
        end = matches[number + 1].start() if number + 1 < len(matches) else len(sentence)
        value = as_number(match["a"] or match["b"])
        if re.search(r"(?:找到|i found)\W*$", sentence[: match.start()]):
            continue  # so many products were found
        ahead = NAME.findall(sentence, 0, match.start())
        behind = [] if ahead else NAME.findall(sentence, match.end())
        names = ahead[-1:] or behind[:1]
        product = world.products[int(names[0])] if names else focus.product
        if product is None:
            if value not in loose:
                yield Wrong("stock", match.group(), "no product is named that it could be about")
            continue
        # "only 3 pieces of X in white left" names the version after the figure, "in white (3 pieces)" before it.
        clause = sentence[start : end if behind or not ahead else match.start()]
        right = _stocks(product, clause)
        # "60 pieces" of a box of bricks is what the box holds, unless the sentence speaks of stock.
        holds = set() if _OF_STOCK.search(sentence) else _own_numbers(product)
        if value not in right | loose | holds:
            yield Wrong("stock", match.group(), f"{product.name} has {', '.join(map(str, sorted(right)))}")
    yield from _availability(sentence, world, focus)


def _availability(sentence: str, world: World, focus: Focus) -> Iterator[Wrong]:
    """ "Sold out" and "in stock" of a product or of one version."""
    for clause in re.split(r"[;；]", sentence):
        product = _product_before(clause, world, focus)
        if product is None or product.stock is None:
            continue
        for pattern, wants_none in ((_OUT, True), (_IN, False)):
            if not pattern.search(clause) or re.search(r"\bif\b|\bwhether\b|是否", clause):
                continue
            chosen = [variant.stock or 0 for variant in _named(product, clause)]
            if _speaks_of_options(product, clause) and not chosen:
                continue
            counted = chosen or [product.stock]
            if wants_none and not any(count == 0 for count in counted):
                yield Wrong("stock", "sold out", f"{product.name} has {counted}")
            elif not wants_none and not _OUT.search(clause) and not any(counted):
                yield Wrong("stock", "in stock", f"{product.name} has {counted}")


def _own_numbers(product: Product) -> set[Decimal]:
    return {value for text in (product.description, *product.attributes.values()) for value in numbers(text)}


def _stocks(product: Product, clause: str) -> set[Decimal]:
    counts = [variant.stock or 0 for variant in _named(product, clause)]
    whole = () if _speaks_of_options(product, clause) else (product.stock or 0,)
    return {Decimal(count) for count in (*counts, sum(counts), *whole)}


def _product_before(text: str, world: World, focus: Focus) -> Product | None:
    names = NAME.findall(text)
    return world.products[int(names[-1])] if names else focus.product


def _named(product: Product, clause: str) -> list[Variant]:
    """The versions whose options the clause names: all that fit every option that is named."""
    chosen = list(product.variants)
    for key in {key for variant in product.variants for key in variant.options}:
        said = {
            v.options[key] for v in product.variants if key in v.options and _says(v.options[key], clause)
        }
        if said:
            chosen = [variant for variant in chosen if variant.options.get(key) in said]
    return chosen


def _speaks_of_options(product: Product, clause: str) -> bool:
    return any(_says(value, clause) for variant in product.variants for value in variant.options.values())


def _says(value: str, clause: str) -> bool:
    plain = re.escape(normalise(value))
    return bool(re.search(rf"(?<![a-z0-9.']){plain}(?![a-z0-9])", clause))


# --- delivery times and cards -------------------------------------------------------------------------------


def working_days(sentence: str, said: Said, world: World) -> Iterator[Wrong]:
    places = said.countries(world)
    rates = {(r.days_min, r.days_max) for r in world.rates if not places or r.country in places}
    cited = normalise(" ".join((*said.cited, *said.heard)))
    for match in _WORKING_DAYS.finditer(sentence):
        pair = (int(match[1]), int(match[2]))
        if pair not in rates and f"{pair[0]}-{pair[1]}" not in cited:
            yield Wrong("delivery time", match.group(), "no rate and no cited page gives it")


def card_figures(card: Card, world: World) -> Iterator[Wrong]:
    if card.kind != "product":
        return
    index = world.by_sku.get(card.id.casefold())
    if index is None:
        yield Wrong("card", card.id, "there is no such product")
        return
    product = world.products[index]
    for value in numbers(str(card.fields.get("price") or "")):
        if value not in _product_prices(product, ""):
            yield Wrong("price", f"{value} on a card", f"not of {product.name}")
    pieces = card.fields.get("pieces")
    if pieces is not None and int(pieces) not in _stocks(product, ""):
        yield Wrong("stock", f"{pieces} on a card", f"{product.name} has {product.stock}")
