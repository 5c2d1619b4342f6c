"""Who did what with which product, and when: the columns that every model here is trained on.

A line of an order, a cart, a view, a rating, a thumb or a return is one interaction; its kind decides how much it weighs
(``weight_of``), and models let it fade with time. ``Known`` is the part that is about one customer, whether it comes from
the database or happened a second ago. Knows no product beyond its number and no database.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Times = NDArray[np.datetime64]
KINDS = ("purchase", "cart", "view", "like", "dislike", "returned")
DAY = np.timedelta64(86_400, "s")
REFUSED = 90.0
"""Days after which what was said against a product counts half, as what was said for it."""


def weight_of(kind: str, weights: Mapping[str, float], stars: float | None = None) -> float:
    """What an interaction of a kind is worth; a rating of n stars out of five is worth ``(n - 3) / 2`` likes.

    Raises:
        InputError: there is no such kind, or it is a rating without stars.
    """
    if kind == "rating" and stars is not None:
        return weights["like"] * (stars - 3) / 2
    if kind not in KINDS:
        raise InputError(
            f"an interaction is of kind {kind!r}", expected=", ".join((*KINDS, "rating with stars"))
        )
    return weights[kind]


@dataclass(frozen=True)
class Known:
    """What is known of one customer; the columns are as long as there are interactions, the oldest first.

    ``item`` counts in the catalogue of the ``Interactions`` that it belongs to, ``age`` is in days, ``purchase`` says what was
    bought rather than looked at or liked. ``customer`` is their number among those trained on, -1 for others: only models that
    learn a vector for each customer ask for it.
    """

    item: Ints
    age: NDArray[np.float64]
    weight: Floats
    purchase: NDArray[np.bool_]
    customer: int = -1

    @classmethod
    def of(cls, items: ArrayLike, ages: ArrayLike | None = None) -> Known:
        """Products that were bought: now, if no ages are given."""
        item = np.asarray(items, np.int64)
        age = np.zeros(len(item)) if ages is None else np.asarray(ages, np.float64)
        return cls(item, age, np.ones(len(item), np.float32), np.ones(len(item), bool))

    def __len__(self) -> int:
        return len(self.item)

    @cached_property
    def distinct(self) -> tuple[Ints, Ints]:
        """Each product once, by its number, and each row's place among them."""
        items, place = np.unique(self.item, return_inverse=True)
        return items, place.astype(np.int64)

    @cached_property
    def bought(self) -> Ints:
        """Each product that was bought, once, by its number."""
        return self._where(self.purchase)

    @cached_property
    def touched(self) -> Ints:
        """Each product that something speaks for, once, by its number."""
        return self._where(self.weight > 0)

    @cached_property
    def refused(self) -> Ints:
        """Products that more speaks against than for: "not this", a return."""
        if (self.weight >= 0).all():
            return self.distinct[0][:0]
        return self.distinct[0][self.sums(self.weight * 0.5 ** (self.age / REFUSED)) < 0]

    def faded(self, half_life: float) -> tuple[Ints, NDArray[np.float64]]:
        """Each product once, and the sum of its weights, of which ``half_life`` days leave half; never below zero."""
        if half_life not in self._faded:
            left = self.sums(self.weight * 0.5 ** (self.age / half_life))
            self._faded[half_life] = np.maximum(left, 0.0)
        return self.distinct[0], self._faded[half_life]

    @cached_property
    def _faded(self) -> dict[float, NDArray[np.float64]]:
        return {}

    def sums(self, rows: ArrayLike) -> NDArray[np.float64]:
        """Of each distinct product, the sum over its rows."""
        items, place = self.distinct
        made: NDArray[np.float64] = np.bincount(place, rows, len(items)).astype(np.float64)
        return made

    def _where(self, rows: NDArray[np.bool_]) -> Ints:
        return self.distinct[0][self.sums(rows) > 0]

    def only(self, chosen: NDArray[np.bool_]) -> Known:
        """The rows that are chosen."""
        return Known(
            self.item[chosen], self.age[chosen], self.weight[chosen], self.purchase[chosen], self.customer
        )

    def latest(self, count: int) -> Known:
        """What remains if only the ``count`` products that were last touched are known."""
        items, first = np.unique(self.item[::-1], return_index=True)
        return self.only(np.isin(self.item, items[np.argsort(first)[:count]]))

    def with_more(self, more: Known) -> Known:
        """Both; ``more`` is the newer."""
        return Known(
            np.concatenate([self.item, more.item]),
            np.concatenate([self.age, more.age]),
            np.concatenate([self.weight, more.weight]),
            np.concatenate([self.purchase, more.purchase]),
            self.customer,
        )


NOTHING = Known.of([])


def places(wanted: Ints, items: Ints) -> Ints:
    """Where each stands among ``items``, which are in order and each there once; behind the last if it is none of them."""
    place = np.searchsorted(items, wanted)
    inside = place < len(items)
    inside[inside] = items[place[inside]] == wanted[inside]
    found: Ints = np.where(inside, place, len(items))
    return found


@dataclass(frozen=True, slots=True)
class Interactions:
    """Columns of equal length, ordered by customer and then by time. ``order`` numbers orders, -1 where nothing was bought."""

    customers: tuple[str, ...]
    items: tuple[str, ...]
    customer: Ints
    item: Ints
    at: Times
    weight: Floats
    order: Ints

    @classmethod
    def of(
        cls,
        customers: Sequence[str] | NDArray[Any],
        items: Sequence[str] | NDArray[Any],
        at: ArrayLike,
        weights: ArrayLike | None = None,
        orders: Sequence[str] | NDArray[Any] | None = None,
        purchases: ArrayLike | None = None,
    ) -> Interactions:
        """From columns as they come; ``at`` is UTC. ``purchases`` says which rows are some; by default all that have a weight
        above zero.

        A purchase without an order belongs to the one of its customer and day.
        """
        times = np.asarray(at, dtype="datetime64[s]")
        weight = np.ones(len(times), np.float32) if weights is None else np.asarray(weights, np.float32)
        who, customer = _codes(customers)
        what, item = _codes(items)
        order = _orders(customer, times, orders)
        order[~(weight > 0 if purchases is None else np.asarray(purchases, bool))] = -1
        return cls._sorted(who, what, customer, item, times, weight, order)

    @classmethod
    def _sorted(
        cls,
        who: tuple[str, ...],
        what: tuple[str, ...],
        customer: Ints,
        item: Ints,
        at: Times,
        weight: Floats,
        order: Ints,
    ) -> Interactions:
        place = np.lexsort((item, at, customer))
        return cls(who, what, customer[place], item[place], at[place], weight[place], order[place])

    def __len__(self) -> int:
        return len(self.item)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.customers), len(self.items)

    @property
    def latest(self) -> np.datetime64 | None:
        return self.at.max() if len(self) else None

    # --- parts ---

    def only(self, chosen: NDArray[np.bool_]) -> Interactions:
        """The rows that are chosen; customers and items keep their numbers."""
        return Interactions(
            self.customers, self.items, self.customer[chosen], self.item[chosen], self.at[chosen],
            self.weight[chosen], self.order[chosen],
        )  # fmt: skip

    def before(self, moment: np.datetime64) -> Interactions:
        return self.only(self.at < moment)

    def between(self, start: np.datetime64, end: np.datetime64) -> Interactions:
        return self.only((self.at >= start) & (self.at < end))

    def without(self, customers: Collection[str]) -> Interactions:
        """As if these customers had never been here: their rows are gone, and so are their names."""
        gone = set(customers)
        return self._kept(np.array([name not in gone for name in self.customers], bool), None)

    def with_support(self, least: int) -> Interactions:
        """Only items that so many customers took, and customers who took one of them, with new numbers."""
        pairs = np.unique(np.stack([self.item, self.customer])[:, self.weight > 0], axis=1)
        support = np.bincount(pairs[0], minlength=len(self.items))
        return self._kept(None, support >= least)

    def _kept(self, customers: NDArray[np.bool_] | None, items: NDArray[np.bool_] | None) -> Interactions:
        rows = np.ones(len(self), bool)
        if customers is not None:
            rows &= customers[self.customer]
        if items is not None:
            rows &= items[self.item]
        part = self.only(rows)
        who, customer = _renumbered(self.customers, part.customer)
        what, item = (self.items, part.item) if items is None else _renumbered(self.items, part.item)
        return Interactions(who, what, customer, item, part.at, part.weight, part.order)

    # --- views ---

    def age(self, now: np.datetime64) -> NDArray[np.float64]:
        """Days."""
        return (now - self.at) / DAY

    def by_customer(self, now: np.datetime64) -> list[Known]:
        """What is known of each customer at that moment; the list is as long as ``customers``."""
        ends = np.searchsorted(self.customer, np.arange(len(self.customers) + 1))
        age = self.age(now)
        return [
            Known(
                self.item[start:end],
                age[start:end],
                self.weight[start:end],
                self.order[start:end] >= 0,
                number,
            )
            for number, (start, end) in enumerate(itertools.pairwise(ends))
        ]

    def matrix(self, now: np.datetime64, half_life: float) -> Any:
        """Customers by items, scipy CSR of float32: the faded weights, never below zero."""
        told = self.weight * 0.5 ** (self.age(now) / half_life)
        made = sp.csr_matrix((told.astype(np.float32), (self.customer, self.item)), self.shape)
        made.data = np.maximum(made.data, 0)
        made.eliminate_zeros()
        return made


def _codes(values: Sequence[str] | NDArray[Any]) -> tuple[tuple[str, ...], Ints]:
    """Distinct values in order, and each row's place among them."""
    if len(values) == 0:
        return (), np.zeros(0, np.int64)
    # By hash: sorting a million texts takes seconds.
    codes, names = pd.factorize(np.asarray(values, dtype=object), sort=True)
    return tuple(map(str, names)), codes.astype(np.int64)


def _renumbered(names: Sequence[str], codes: Ints) -> tuple[tuple[str, ...], Ints]:
    kept, places = np.unique(codes, return_inverse=True)
    return tuple(names[code] for code in kept), places.astype(np.int64)


def _orders(customer: Ints, at: Times, orders: Sequence[str] | NDArray[Any] | None) -> Ints:
    days = at.astype("datetime64[D]").astype(np.int64)
    if len(at) == 0:
        return np.zeros(0, np.int64)
    by_day = np.unique(np.stack([customer, days]), axis=1, return_inverse=True)[1].ravel()
    if orders is None:
        return by_day.astype(np.int64)
    names, codes = _codes(orders)
    if names[0] != "":
        return codes
    # The empty name sorts first: these rows go by day, behind all orders that have a name.
    return np.where(codes == 0, len(names) + by_day, codes).astype(np.int64)
