"""What retrieval needs of a product, what of its texts may be served, and how it becomes rows.

Does not know the shop's database.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol, TypeVar, cast

from retrieval import screen
from retrieval.passages import Passage
from retrieval.rows import DocumentRow, PassageRow

CATALOGUE = "catalogue"
PREFIX = "product:"


class VariantLike(Protocol):
    @property
    def sku(self) -> str: ...
    @property
    def options(self) -> Mapping[str, str]: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def stock(self) -> int | None: ...


class ProductLike(Protocol):
    @property
    def sku(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def name_zh(self) -> str | None: ...
    @property
    def category(self) -> str | None: ...
    @property
    def category_zh(self) -> str | None: ...
    @property
    def brand(self) -> str | None: ...
    @property
    def description(self) -> str | None: ...
    @property
    def attributes(self) -> Mapping[str, str]: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def stock(self) -> int | None: ...
    @property
    def age_limit(self) -> int | None: ...
    @property
    def variants(self) -> Sequence[VariantLike]: ...
    @property
    def url(self) -> str | None: ...


P = TypeVar("P", bound=ProductLike)


def served(product: P) -> tuple[P, list[screen.Withheld]]:
    """The product (a dataclass) without what its texts say to the machine that reads them, and what that was."""
    withheld: list[screen.Withheld] = []

    def clean(text: str) -> str:
        found = screen.screened(text)
        withheld.extend(found.withheld)
        return found.text

    def value(text: str) -> str:
        """Of an attribute: a question is no value, but somebody's words to whoever reads it."""
        if "?" in text or "？" in text:
            withheld.append(screen.Withheld(text, "a question in place of a value"))
            return ""
        return clean(text)

    texts = {name: clean(str(getattr(product, name) or "")) for name in ("description", "brand", "category")}
    texts["name"] = clean(product.name) or product.sku
    attributes = {key: value(text) for key, text in product.attributes.items()}
    if not withheld:
        return product, []
    kept = {key: text for key, text in attributes.items() if text}
    return cast(P, dataclasses.replace(cast(Any, product), attributes=kept, **texts)), withheld


def product_rows(product: ProductLike) -> tuple[DocumentRow, list[PassageRow]]:
    """One document with one passage. Price and stock are facts for filters, never text that could be quoted."""
    facts = _facts(product)
    passage = Passage(
        id=f"{PREFIX}{product.sku}",
        source=f"{PREFIX}{product.sku}",
        title=product.name,
        text=_text(product),
        kind="product",
        url=product.url,
        meta={"sku": product.sku},
    )
    hidden = " ".join(
        filter(None, [product.sku, product.name_zh, product.category_zh, *(v.sku for v in product.variants)])
    )
    row = PassageRow(passage, hidden, text_hash(f"{passage.title}\n{passage.text}\n{hidden}"))
    digest = text_hash(
        json.dumps([facts, passage.text, hidden, passage.url], ensure_ascii=False, sort_keys=True)
    )
    return DocumentRow(passage.id, "product", CATALOGUE, product.name, digest, facts=facts), [row]


def text_hash(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def options_of(product: ProductLike) -> dict[str, list[str]]:
    """Each option's values, in the order of the variants."""
    options: dict[str, list[str]] = {}
    for variant in product.variants:
        for name, value in variant.options.items():
            values = options.setdefault(name, [])
            if value not in values:
                values.append(value)
    return options


def _facts(product: ProductLike) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "name": product.name,
        "name_zh": product.name_zh or "",
        "category": product.category or "",
        "category_zh": product.category_zh or "",
        "brand": product.brand or "",
        "attributes": dict(product.attributes),
        "price": _number(product.price),
        "stock": product.stock,
        "age_limit": product.age_limit,
        "variants": [
            {
                "sku": variant.sku,
                "options": dict(variant.options),
                "price": _number(variant.price),
                "stock": variant.stock,
            }
            for variant in product.variants
        ],
    }


def _number(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _text(product: ProductLike) -> str:
    lines = [product.description or ""]
    about = {"category": product.category, "brand": product.brand, **product.attributes}
    for name, values in options_of(product).items():
        about[name] = ", ".join(values)
    lines += [f"{name.replace('_', ' ').capitalize()}: {value}" for name, value in about.items() if value]
    return "\n".join(line for line in lines if line.strip())
