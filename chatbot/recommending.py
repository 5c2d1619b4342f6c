"""The recommender that answers: trained on what the shop sold and what shoppers did, kept in a file, read anew when it changes.

Whoever trains writes a new file in place of the old one, also from another process; what answers takes it with the next
question. A version counts as its product. Knows no wording and no list.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.behaviour import Behaviour, Done
from chatbot.shop import Shop, fold, product_skus
from configs.settings import EventWeights
from retrieval.products import Columns
from retrieval.recommend import Event, Interactions, Known, Recommender, storage, weight_of
from retrieval.recommend.interactions import DAY, Floats, Ints
from retrieval.recommend.training import trained


@dataclass(frozen=True, slots=True)
class Trained:
    """``anew`` is false where the data had not changed."""

    anew: bool
    customers: int
    products: int
    interactions: int
    seconds: float


class Recommending:
    """Safe to share between threads."""

    def __init__(
        self,
        shop: Shop,
        behaviour: Behaviour,
        columns: Callable[[], Columns],
        folder: Path,
        weights: EventWeights | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """``columns`` are the catalogue's, as the search has them; ``clock`` is the shop's, where that is not the wall's."""
        self._shop, self.behaviour, self._columns, self.folder = shop, behaviour, columns, folder
        self._clock = clock or (lambda: datetime.now(UTC))
        self._weights = (weights or EventWeights()).model_dump()
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._current: Recommender | None = None
        self._rows: tuple[Recommender, str, Ints] | None = None

    def current(self) -> Recommender | None:
        """None until something was trained, and where nothing is left to train on."""
        try:
            stat = (self.folder / storage.FILE).stat()
        except FileNotFoundError:
            self._current = self._seen = None
            return None
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._seen:
            with self._lock:
                if seen != self._seen:
                    found = storage.load(self.folder)
                    # A damaged file does not take away what answers.
                    self._current = found[0] if found else self._current
                    self._seen = seen
        return self._current

    def train(self, *, force: bool = False) -> Trained:
        """Train on all that there is, unless that is what was trained on last; what is too old to be kept goes before."""
        started = time.perf_counter()
        self.behaviour.drop_old()
        data = self.interactions()
        if data.latest is None:  # whoever was learned from is gone, and so is what was learned
            (self.folder / storage.FILE).unlink(missing_ok=True)
            return Trained(False, 0, 0, 0, time.perf_counter() - started)
        texts, groups = self.described(data.items)
        key = storage.digest(data, texts, groups, self._columns().version)
        kept = None if force else storage.load(self.folder)
        anew = kept is None or kept[1] != key
        if anew:
            made = self._with_unsold(trained(data, data.latest, texts=texts, groups=groups))
            storage.save(self.folder, made, key)
        customers, products = data.shape
        return Trained(anew, customers, products, len(data), time.perf_counter() - started)

    def interactions(self) -> Interactions:
        """All that was sold, and all that shoppers did: of the customer where they signed in, else of the session. Not what has not
        happened yet, since one order of a mistyped year would age all others."""
        bought, done = self._shop.purchases(), self.behaviour.all()
        product_of = product_skus(self._shop.all_products())
        kept = bought.quantities > 0
        skus = [*np.array(bought.skus, object)[kept], *(event.sku for _, event in done)]
        sold = int(kept.sum())
        made = Interactions.of(
            [*(fold(own) for own in np.array(bought.customer_ids, object)[kept]), *(who for who, _ in done)],
            [product_of.get(fold(sku), sku) for sku in skus],
            np.concatenate(
                [bought.at[kept], np.array([seconds(event.at) for _, event in done], "datetime64[s]")]
            ),
            [*[self._weights["purchase"]] * sold, *(self._weight(event) for _, event in done)],
            [*np.array(bought.order_ids, object)[kept], *([""] * len(done))],
            np.arange(sold + len(done)) < sold,
        )
        # The clock of a simulated shop stands still, and what is done in it now is later.
        return made.before(seconds(max(self._clock(), datetime.now(UTC))) + DAY)

    def known(
        self, recommender: Recommender, session_id: str, customer_id: str | None, now: datetime
    ) -> Known:
        """What is known of whoever asks, as of this second."""
        events = [
            Event(done.sku, seconds(done.at), self._weight(done), purchase=False)
            for done in self.behaviour.of(session_id, customer_id)
        ]
        if customer_id is not None:
            bought = self._shop.history(customer_id)
            events += [Event(sku, seconds(at), self._weights["purchase"]) for sku, at in bought]
        product_of = product_skus(self._shop.products(list({event.sku for event in events})))
        return recommender.fold_in(
            (replace(event, sku=product_of.get(fold(event.sku), event.sku)) for event in events), seconds(now)
        )

    def masked(self, recommender: Recommender, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """From a mask over the catalogue's columns to one over the recommender's products; what left the catalogue is not allowed."""
        known, found = self._columns(), self._rows
        if found is None or found[0] is not recommender or found[1] != known.version:
            place = {fold(sku): row for row, sku in enumerate(known.skus)}
            rows = np.array([place.get(fold(sku), -1) for sku in recommender.skus], np.int64)
            found = self._rows = (recommender, known.version, rows)
        if len(allowed) != len(known.skus):  # another catalogue came in between: nothing, this once
            return np.zeros(len(recommender.skus), np.bool_)
        return np.append(allowed, False)[found[2]]

    def _weight(self, event: Done) -> float:
        return weight_of(event.kind, self._weights, event.stars)

    def _with_unsold(self, made: Recommender) -> Recommender:
        """With the products of the catalogue that nobody took yet, by their texts."""
        known = self._columns()
        rows = [row for row, sku in enumerate(known.skus) if fold(sku) not in made.place]
        if not rows or not known.vectors.shape[1]:
            return made
        return made.add_products(
            [known.skus[row] for row in rows], known.vectors[rows], known.category_of[rows]
        )

    def described(self, skus: tuple[str, ...]) -> tuple[Floats, Ints]:
        """Vectors of the texts and numbers of the categories of these products; zeros and -1 for those that the catalogue lacks."""
        known = self._columns()
        place = {fold(sku): row for row, sku in enumerate(known.skus)}
        rows: NDArray[np.int64] = np.array([place.get(fold(sku), -1) for sku in skus], np.int64)
        texts = np.zeros((len(skus), known.vectors.shape[1]), np.float32)
        groups = np.full(len(skus), -1)
        texts[rows >= 0], groups[rows >= 0] = (
            known.vectors[rows[rows >= 0]],
            known.category_of[rows[rows >= 0]],
        )
        return texts, groups


def seconds(moment: datetime) -> np.datetime64:
    """UTC, as the recommender counts."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return np.datetime64(int(aware.timestamp()), "s")
