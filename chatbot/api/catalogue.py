"""What anybody may read: products, and the passages that answers cite."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Self

from fastapi import APIRouter, Query

from chatbot.api.bodies import View
from chatbot.api.deps import Kefu
from chatbot.shop import Product
from chatbot.tools.catalogue import matching_options
from chatbot.tools.products import Limits
from configs.errors import NotFoundError
from retrieval.counts import count

router = APIRouter(prefix="/api", tags=["Catalogue"])

MAX_OFFSET = 10_000_000
_MOST_FOUND = 200
_ENOUGH = 0.3
"""A product that fits with less confidence than this is not found."""


class PassageView(View):
    id: str
    title: str
    text: str
    source: str
    url: str | None


class VariantView(View):
    sku: str
    options: Mapping[str, str]
    price: Decimal | None
    stock: int | None


class ProductView(View):
    """Prices are decimal numbers as text. None: the shop's data does not say."""

    sku: str
    name: str
    name_zh: str
    category: str
    category_zh: str
    brand: str
    description: str
    attributes: Mapping[str, str]
    price: Decimal | None
    currency: str
    stock: int | None
    final_sale: bool
    url: str | None
    variants: list[VariantView]

    @classmethod
    def of(cls, product: Product) -> Self:
        return cls.model_validate(product)


class ProductList(View):
    items: list[ProductView]
    total: int
    """How many there are with this filter, on all pages."""


class PriceRangeView(View):
    """From ``low`` on and below ``high``."""

    low: Decimal
    high: Decimal
    count: int


class CountsView(View):
    """How many of all found products have what; the commonest first."""

    categories: Mapping[str, int]
    options: Mapping[str, Mapping[str, int]]
    prices: list[PriceRangeView]


class FoundList(View):
    items: list[ProductView]
    total: int
    """How many were found, on all pages; at most 200."""
    counts: CountsView


# Plain functions: FastAPI runs them in threads, where the database and the index may take their time.


@router.get("/passages/{passage_id:path}", summary="A passage that an answer cites")
def passage(services: Kefu, passage_id: str) -> PassageView:
    found = services.app.search.passage(passage_id) if passage_id.isprintable() else None
    if found is None:
        raise NotFoundError("there is no such passage", hint="ids come with the citations of an answer")
    return PassageView.model_validate(found)


@router.get("/products", summary="The catalogue")
def products(
    services: Kefu,
    category: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> ProductList:
    """By sku. A category matches without regard to case."""
    found = services.app.shop.all_products()
    if category is not None:
        found = [product for product in found if product.category.casefold() == category.strip().casefold()]
    page = found[offset : offset + limit]
    return ProductList(items=[ProductView.of(product) for product in page], total=len(found))


@router.get("/search", summary="Find products")
def search(
    services: Kefu,
    q: Annotated[str, Query(min_length=1, max_length=300)],
    category: Annotated[str | None, Query(max_length=200)] = None,
    min_price: Annotated[Decimal | None, Query(ge=0, allow_inf_nan=False)] = None,
    max_price: Annotated[Decimal | None, Query(ge=0, allow_inf_nan=False)] = None,
    colour: Annotated[str | None, Query(max_length=200)] = None,
    size: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> FoundList:
    """The best first. What ``q`` says of price, colour or size is preferred; the parameters rule out all else."""
    hits = services.app.products.search(
        q,
        category=category,
        min_price=None if min_price is None else float(min_price),
        max_price=None if max_price is None else float(max_price),
        options=matching_options(colour=colour, size=size),
        k=_MOST_FOUND,
    )
    limits = Limits(max_price, min_price, category, colour, size)
    found = services.app.shop.products([hit.sku for hit in hits if hit.score >= _ENOUGH])
    found = [product for product in found if limits.allow(product)]
    page = [ProductView.of(product) for product in found[offset : offset + limit]]
    return FoundList(items=page, total=len(found), counts=CountsView.model_validate(count(found)))


@router.get("/products/{sku}", summary="One product")
def product(services: Kefu, sku: str) -> ProductView:
    """A variant's sku finds its product."""
    found = services.app.shop.product(sku) if sku.isprintable() and len(sku) <= 200 else None
    if found is None:
        raise NotFoundError("there is no such product", hint="see GET /api/products")
    return ProductView.of(found)
