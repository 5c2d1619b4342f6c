"""Graded queries for product search: reads them from YAML and grades products by the shop's own data.

The form of a line and what the grades mean stand at the head of ``eval/cases/products/magento.yaml``. Knows no search.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from chatbot.shop import Product
from configs.errors import InputError

SECTIONS = ("plain", "constraint", "typo", "synonym")
_TEXTS = ("name", "words")
_RANKS = ("cheapest", "dearest")
_SPAN = re.compile(r"(?P<low>\d+(?:\.\d+)?)-(?P<high>\d+(?:\.\d+)?)|(?P<sign><=|>=)(?P<bound>\d+(?:\.\d+)?)")

Wish = tuple[str, str]
"""A field and a pattern."""


@dataclass(frozen=True, slots=True)
class Query:
    """``kinds`` is what a product must be to have a grade at all, ``wishes`` what it is graded by."""

    id: str
    text: str
    section: str
    kinds: tuple[Wish, ...]
    wishes: tuple[Wish, ...]

    @property
    def split(self) -> str:
        digest = hashlib.blake2b(self.id.encode(), digest_size=4).digest()
        return "dev" if digest[0] % 2 else "test"


def load_queries(path: Path) -> tuple[list[Query], list[str]]:
    """The graded queries, and those that the shop has nothing for.

    Raises:
        InputError: a line names a kind or a price that cannot be read, or two lines have one id.
    """
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    kinds = {name: _wishes(wanted) for name, wanted in data["kinds"].items()}
    queries: dict[str, Query] = {}
    for section in SECTIONS:
        for text, of, *wanted in data[section]:
            unknown = set(of.split()) - kinds.keys()
            if unknown:
                raise InputError(
                    f"{path.name}: {text!r} is for {' and '.join(sorted(unknown))}",
                    expected=f"names out of {', '.join(sorted(kinds))}",
                )
            query = Query(
                "-".join(re.findall(r"\w+", text.lower())), text, section,
                tuple(wish for name in of.split() for wish in kinds[name]),
                _wishes(wanted[0] if wanted else {}),
            )  # fmt: skip
            if query.id in queries:
                raise InputError(f"{path.name}: two queries have the id {query.id!r}", expected="one of them")
            queries[query.id] = query
    return list(queries.values()), [text for (text,) in data["unanswerable"]]


def _wishes(wanted: Mapping[str, Any]) -> tuple[Wish, ...]:
    found = []
    for field, patterns in wanted.items():
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            if field == "price" and not _SPAN.fullmatch(str(pattern)):
                raise InputError(f"{pattern!r} is no price of a query", expected="<=40, >=40 or 40-50")
            found.append((field, str(pattern)))
    return tuple(found)


def grades(query: Query, products: Sequence[Product]) -> dict[str, int]:
    """sku → 1, 2 or 3; a product of another kind is not in it."""
    of_kind = [product for product in products if all(_meets(product, wish) for wish in query.kinds)]
    known = sorted(price for product in of_kind if (price := _price(product)) is not None)
    found = {}
    for product in of_kind:
        met = sum(
            _ranks(product, wish, known) if wish[0] in _RANKS else _meets(product, wish)
            for wish in query.wishes
        )
        missed = len(query.wishes) - met
        found[product.sku] = 3 if not missed else 2 if missed == 1 and met else 1
    return found


def _meets(product: Product, wish: Wish) -> bool:
    fields, pattern = wish
    if fields == "price":
        price = _price(product)
        return price is not None and _within(price, pattern)
    return any(_matches(product, field, pattern) for field in fields.split("|"))


def _matches(product: Product, field: str, pattern: str) -> bool:
    if field in _TEXTS:
        text = product.name if field == "name" else f"{product.name}\n{product.description}"
        return re.search(rf"\b(?:{pattern})", text, re.IGNORECASE) is not None
    return any(re.fullmatch(pattern, value, re.IGNORECASE) for value in _values(product, field))


def _values(product: Product, field: str) -> list[str]:
    if field == "category":
        return [product.category]
    values = [variant.options[field] for variant in product.variants if field in variant.options]
    return [*values, *product.attributes.get(field, "").split(", ")]


def _price(product: Product) -> Decimal | None:
    """Of the cheapest version."""
    known = [variant.price for variant in product.variants if variant.price is not None]
    return min(known, default=product.price)


def _within(price: Decimal, pattern: str) -> bool:
    span = _SPAN.fullmatch(pattern)
    assert span is not None  # load_queries has looked
    if span["sign"]:
        bound = Decimal(span["bound"])
        return price <= bound if span["sign"] == "<=" else price >= bound
    return Decimal(span["low"]) <= price <= Decimal(span["high"])


def _ranks(product: Product, wish: Wish, known: Sequence[Decimal]) -> bool:
    """Whether at most so many of the kind are cheaper, or dearer, to the last of these places."""
    place, price = int(wish[1]), _price(product)
    if price is None or not known:
        return False
    return price <= known[:place][-1] if wish[0] == "cheapest" else price >= known[-place:][0]
