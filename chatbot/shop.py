"""What a tool may read about the shop: products, customers, their orders, delivery rates, purchases.

Reads only; ``chatbot.importers`` writes. Texts that a tool may speak come without what they say to the machine. An order is found by its owner alone: somebody else's order and an
order that does not exist look the same. Knows no wording, no money formatting and no rule about returns.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from chatbot import shop_tables as t
from retrieval import screen
from retrieval.catalogue import served

if TYPE_CHECKING:
    import numpy as np
    from _typeshed import DataclassInstance
    from numpy.typing import NDArray

_T = TypeVar("_T", bound="DataclassInstance")
ORDER_STATES = (
    "pending_payment",
    "processing",
    "packed",
    "shipped",
    "out_for_delivery",
    "delivered",
    "cancelled",
    "return_requested",
    "returned",
    "refunded",
)
_CHUNK = 500  # values in one IN (...): SQLite and PostgreSQL both allow far more, but plans get slow


@dataclass(frozen=True, slots=True)
class Variant:
    """One buyable form of a product. ``price`` None means the product's price."""

    sku: str
    options: Mapping[str, str]
    price: Decimal | None
    stock: int | None


@dataclass(frozen=True, slots=True)
class Product:
    """``price`` or ``stock`` None: the shop's data does not say. ``repeat_days``: how long one lasts."""

    sku: str
    name: str
    name_zh: str = ""
    category: str = ""
    category_zh: str = ""
    brand: str = ""
    description: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    price: Decimal | None = None
    currency: str = ""
    stock: int | None = None
    variants: tuple[Variant, ...] = ()
    final_sale: bool = False
    age_limit: int | None = None
    repeat_days: int | None = None
    season: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    name: str = ""
    email: str | None = None
    country: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    sku: str
    variant_sku: str | None
    name: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """``status`` is one of ``ORDER_STATES``. Times are UTC; None means that it is not known or has not been."""

    id: str
    customer_id: str | None
    placed_at: datetime
    status: str
    country: str | None
    region: str | None
    method: str | None
    subtotal: Decimal
    shipping: Decimal | None
    total: Decimal
    currency: str
    carrier: str | None = None
    tracking: str | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    eta: datetime | None = None
    cancelled_at: datetime | None = None
    lines: tuple[OrderLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """What delivery costs from ``min_subtotal`` on. ``region`` None: the whole country; ``country`` "*": anywhere."""

    country: str
    region: str | None
    method: str
    min_subtotal: Decimal
    price: Decimal
    currency: str
    days_min: int | None
    days_max: int | None


@dataclass(frozen=True, slots=True)
class Purchases:
    """All purchases as columns, oldest first. ``order_ids`` has "" where a purchase belongs to no known order."""

    customer_ids: list[str]
    skus: list[str]
    quantities: NDArray[np.int64]
    at: NDArray[np.datetime64]
    order_ids: list[str]

    def __len__(self) -> int:
        return len(self.skus)


def product_skus(products: Iterable[Product]) -> dict[str, str]:
    """The product of each sku, its own and its versions', folded."""
    found: dict[str, str] = {}
    for product in products:
        found[fold(product.sku)] = product.sku
        found.update((fold(variant.sku), product.sku) for variant in product.variants)
    return found


def fold(identifier: str) -> str:
    """How ids and skus are compared: without regard to case and outer space."""
    return identifier.strip().casefold()


class Shop:
    """Reads the shop's tables. Safe to share between threads: each call takes its own connection."""

    def __init__(self, db: sa.Engine) -> None:
        self._db = db

    @contextmanager
    def _reading(self, within: sa.Connection | None) -> Iterator[sa.Connection]:
        if within is not None:
            yield within
        else:
            with self._db.connect() as connection:
                yield connection

    # --- products ---

    def product(self, sku: str) -> Product | None:
        """The product with this sku; a variant's sku finds its product."""
        found = self.products([sku])
        return found[0] if found else None

    def products(self, skus: Sequence[str], *, within: sa.Connection | None = None) -> list[Product]:
        """In the order of ``skus``, each product once; unknown skus are left out. ``within`` is a transaction to read in, here and below."""
        wanted = [fold(sku) for sku in skus]
        with self._reading(within) as connection:
            parents = dict.fromkeys(wanted, "")
            for chunk in _chunks(parents):
                of_variant = sa.select(t.variants.c.key, t.variants.c.parent_key).where(
                    t.variants.c.key.in_(chunk)
                )
                parents.update((key, parent) for key, parent in connection.execute(of_variant))
            found = self._load(connection, {*wanted, *parents.values()} - {""})
        ordered: dict[str, Product] = {}
        for key in wanted:
            product = found.get(key) or found.get(parents[key])
            if product:
                ordered.setdefault(product.sku, served(product)[0])
        return list(ordered.values())

    def all_products(self) -> list[Product]:
        """Every product, by sku, with its texts as the shop wrote them."""
        with self._db.connect() as connection:
            found = self._load(connection, None)
        return [found[key] for key in sorted(found)]

    def product_count(self) -> int:
        with self._db.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(t.products)).scalar_one()

    def _load(self, connection: sa.Connection, keys: set[str] | None) -> dict[str, Product]:
        """Products by key; ``None`` loads all."""
        rows: list[Any] = []
        children: list[Any] = []
        query = sa.select(t.products)
        of_product = sa.select(t.variants).order_by(t.variants.c.position)
        if keys is None:
            rows.extend(connection.execute(query))
            children.extend(connection.execute(of_product))
        else:
            for chunk in _chunks(keys):
                rows.extend(connection.execute(query.where(t.products.c.key.in_(chunk))))
                children.extend(connection.execute(of_product.where(t.variants.c.parent_key.in_(chunk))))
        variants: dict[str, list[Variant]] = defaultdict(list)
        for row in children:
            variants[row.parent_key].append(_build(Variant, row))
        return {row.key: _build(Product, row, variants=tuple(variants.get(row.key, ()))) for row in rows}

    # --- customers and their orders ---

    def customer(self, customer_id: str) -> Customer | None:
        with self._db.connect() as connection:
            row = connection.execute(
                sa.select(t.customers).where(t.customers.c.key == fold(customer_id))
            ).first()
        return _build(Customer, row) if row else None

    def orders(self, customer_id: str, limit: int = 20) -> list[Order]:
        """This customer's orders, newest first."""
        query = (
            sa.select(t.orders)
            .where(t.orders.c.customer_key == fold(customer_id))
            .order_by(t.orders.c.placed_at.desc(), t.orders.c.key.desc())
            .limit(limit)
        )
        return self._orders(query)

    def order(self, customer_id: str, order_id: str, *, within: sa.Connection | None = None) -> Order | None:
        """One order of this customer; None also if it is somebody else's or a guest's."""
        query = sa.select(t.orders).where(
            t.orders.c.key == fold(order_id), t.orders.c.customer_key == fold(customer_id)
        )
        found = self._orders(query, within)
        return found[0] if found else None

    def _orders(self, query: sa.Select[Any], within: sa.Connection | None = None) -> list[Order]:
        with self._reading(within) as connection:
            rows = connection.execute(query).all()
            lines: dict[str, list[OrderLine]] = defaultdict(list)
            for chunk in _chunks(row.key for row in rows):
                of_order = (
                    sa.select(t.order_lines)
                    .where(t.order_lines.c.parent_key.in_(chunk))
                    .order_by(t.order_lines.c.position)
                )
                for row in connection.execute(of_order):
                    line = _build(OrderLine, row)
                    name = screen.screened(line.name).text
                    lines[row.parent_key].append(dataclasses.replace(line, name=name))
        return [_build(Order, row, lines=tuple(lines.get(row.key, ()))) for row in rows]

    def requested(self, order: Order, *, within: sa.Connection | None = None) -> set[str]:
        """The folded skus of an order for which a return is registered with kefu."""
        c = t.returns.c
        with self._reading(within) as connection:
            return set(
                connection.execute(sa.select(c.sku_key).where(c.order_key == fold(order.id))).scalars()
            )

    def address(self, order: Order) -> str | None:
        """Where an order goes, if the shopper changed that with kefu."""
        c = t.addresses.c
        with self._db.connect() as connection:
            return connection.execute(sa.select(c.address).where(c.order_key == fold(order.id))).scalar()

    # --- delivery ---

    def rates(self, country: str, region: str | None = None) -> list[Rate]:
        """The rates that hold for a destination, by method and subtotal.

        A method's rates for the region replace those for the whole country; without a region only the latter
        count (if a country has rates for regions alone, all of them come back, so that one can ask for the
        region). A country without rates gets those of country "*", if there are any.
        """
        for place in (country.strip().upper(), "*"):
            query = (
                sa.select(t.rates)
                .where(sa.func.upper(t.rates.c.country) == place)
                .order_by(t.rates.c.method, t.rates.c.min_subtotal, t.rates.c.region)
            )
            with self._db.connect() as connection:
                found = [_build(Rate, row) for row in connection.execute(query)]
            if found:
                return _for_region(found, region)
        return []

    def countries(self) -> list[str]:
        """Where the shop delivers to by name, sorted."""
        query = sa.select(t.rates.c.country).distinct().order_by(t.rates.c.country)
        with self._db.connect() as connection:
            return [country for country in connection.execute(query).scalars() if country != "*"]

    # --- what was bought ---

    def purchases(self) -> Purchases:
        """All purchases, as columns for the recommender."""
        import numpy as np

        c = t.purchases.c
        # The time as the driver gives it: reading 300,000 of SQLite's texts one by one takes two seconds more.
        at_raw = sa.type_coerce(c.at, sa.String)
        query = sa.select(c.customer_id, c.sku, c.quantity, at_raw, c.order_id).order_by(c.at, c.key)
        with self._db.connect() as connection:
            rows = connection.execute(query).all()
        customers, skus, quantities, at, orders = zip(*rows, strict=True) if rows else ((),) * 5
        return Purchases(
            list(customers),
            list(skus),
            np.array(quantities, dtype=np.int64),
            _seconds(at),
            [order or "" for order in orders],
        )

    def history(self, customer_id: str) -> list[tuple[str, datetime]]:
        """What this customer bought and when, oldest first."""
        c = t.purchases.c
        query = sa.select(c.sku, c.at).where(c.customer_key == fold(customer_id)).order_by(c.at, c.key)
        with self._db.connect() as connection:
            return [(sku, at) for sku, at in connection.execute(query)]


def _seconds(at: Sequence[str] | Sequence[datetime]) -> NDArray[np.datetime64]:
    """UTC times, as SQLite (text) or PostgreSQL (aware times) returns them, in whole seconds."""
    import numpy as np

    if at and isinstance(at[0], str):
        return np.array(at, dtype="datetime64[s]")
    stamps = (moment.timestamp() for moment in at if isinstance(moment, datetime))
    return np.fromiter(stamps, np.float64, len(at)).astype("datetime64[s]")


def _chunks(keys: Iterable[str]) -> Iterable[list[str]]:
    ordered = list(keys)
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))


def _build(kind: type[_T], row: Any, **more: Any) -> _T:
    """Make a value of the row's columns of the same names."""
    columns = row._mapping
    names = (item.name for item in dataclasses.fields(kind) if item.name in columns)
    return kind(**{name: columns[name] for name in names}, **more)


def _for_region(found: list[Rate], region: str | None) -> list[Rate]:
    general = [rate for rate in found if rate.region is None]
    if region is None:
        return general or found
    local = [rate for rate in found if rate.region is not None and fold(rate.region) == fold(region)]
    replaced = {rate.method for rate in local}
    return local + [rate for rate in general if rate.method not in replaced]
