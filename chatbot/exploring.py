"""Explores a little in the lists that shoppers are shown, keeps the odds, and reads from that what would have been better.

With a share above zero (``recommend.explore``), the last place of a list may go to a product from just below it, drawn by Thompson
sampling. What stood to choose from, what was shown and how likely that was is kept with the session; later it is seen whether the shopper
took it: into the cart, with a like or good stars, or bought within ``WITHIN``. From such records a policy can be valued before anybody
is shown its lists. Knows no wording and ranks nothing by itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql, sqlite

from chatbot import store_tables as t
from chatbot.behaviour import sessions_of
from chatbot.db import writing
from chatbot.shop import Shop, fold, product_skus
from chatbot.shop_tables import purchases
from configs.errors import InputError
from retrieval.recommend.policy import Estimate, Explorer, Logged, estimate

_log = logging.getLogger(__name__)
CHOICES = 8
"""Products that the last place may go to, the likeliest first."""
FEATURES = ("one", "behind", "rare", "unsold")
"""Of a choice: a constant, how far its score is behind the first one's, whether few take it, whether nobody did yet."""
WITHIN = timedelta(days=7)
RARE = 0.01
"""Share of the customers who take a product."""
_BELIEF = 600.0
"""Seconds for which what was learnt is not read again."""
_MOST = 50_000
Policy = Literal["greedy", "thompson", "linucb", "random"]
POLICIES: Sequence[Policy] = ("greedy", "thompson", "linucb", "random")
_UPPER = 1.0
"""Standard deviations above the mean that LinUCB (Li et al. 2010) counts on."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shown:
    """One choice that was made: ``features`` has a row for each product that stood to choose from; ``shown`` is its place there."""

    session_id: str
    customer_key: str | None
    at: datetime
    skus: Sequence[str]
    features: Floats
    shown: int
    propensity: float

    @property
    def sku(self) -> str:
        return self.skus[self.shown]


class Exploring:
    """Safe to share between threads; each process learns from all records."""

    def __init__(self, db: sa.Engine, shop: Shop, share: float, seed: int | None = None) -> None:
        self._db, self._shop, self.share = db, shop, share
        self._rng = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._learnt: tuple[float, Explorer] | None = None

    # --- showing ---

    def choose(
        self, turn_id: str, session_id: str, customer_id: str | None, skus: Sequence[str], features: Floats, at: datetime
    ) -> int:  # fmt: skip
        """Which of these is shown, recorded under the turn; the first one, and no record, if nothing is explored."""
        if self.share <= 0 or len(skus) < 2:
            return 0
        explorer = self._explorer()
        with self._lock:
            place, odds = explorer.choose(features, self._rng)
        row = {
            "turn_id": turn_id,
            "session_id": session_id,
            "customer_key": fold(customer_id) if customer_id else None,
            "at": at,
            "skus": list(skus),
            "features": features.tolist(),
            "shown": place,
            "propensity": odds,
        }
        return place if self._recorded(row) else 0

    def _recorded(self, row: Mapping[str, Any]) -> bool:
        """Whether it was the turn's first; what cannot be recorded is not explored, and costs nobody the list."""
        insert = postgresql.insert if self._db.dialect.name == "postgresql" else sqlite.insert
        statement = insert(t.explored).on_conflict_do_nothing().returning(t.explored.c.turn_id)
        try:
            with writing(self._db) as connection:
                return connection.execute(statement, row).first() is not None
        except sa.exc.SQLAlchemyError:
            _log.warning("an explored suggestion was not recorded", exc_info=True)
            return False

    def _explorer(self) -> Explorer:
        if self._learnt is None or time.monotonic() - self._learnt[0] > _BELIEF:
            self._learnt = (time.monotonic(), learnt(self.rewarded(), self.share))
        return self._learnt[1]

    # --- records ---

    def records(self, customer_id: str | None = None) -> list[Shown]:
        """The newest, the oldest of them first; of a customer all that they were offered in any session of theirs."""
        c = t.explored.c
        query = (
            sa.select(c.session_id, c.customer_key, c.at, c.skus, c.features, c.shown, c.propensity)
            .order_by(c.at.desc(), c.turn_id)
            .limit(_MOST)
        )
        if customer_id is not None:
            query = query.where(c.session_id.in_(sessions_of(customer_id)))
        with self._db.connect() as connection:
            rows = connection.execute(query).all()
        return [
            Shown(own.session_id, own.customer_key, own.at, own.skus, np.array(own.features, np.float64), own.shown, own.propensity)
            for own in reversed(rows)
        ]  # fmt: skip

    def rewarded(self, now: datetime | None = None) -> list[tuple[Shown, float]]:
        """Each record that is ``WITHIN`` old, with 1 if the shopper took what was shown, else 0. Younger ones are not judged, also if
        what was shown was taken: they would all be successes."""
        records = self.records()
        if not records:
            return []
        taken = self._taken(_midnight(records[0].at))
        moment = now or datetime.now(UTC)
        found = []
        for record in records:
            until = record.at + WITHIN
            if moment <= until:
                continue
            keys = [(who, fold(record.sku)) for who in (record.session_id, record.customer_key) if who]
            got = any(
                last >= record.at and first <= until for key in keys for first, last in taken.get(key, ())
            )
            found.append((record, float(got)))
        return found

    def _taken(self, since: datetime) -> Mapping[tuple[str, str], Sequence[tuple[datetime, datetime]]]:
        """When who took which product, at the earliest and at the latest: by session, and by customer."""
        e, p = t.events.c, purchases.c
        kinds = sa.or_(e.kind.in_(("cart", "like")), sa.and_(e.kind == "rating", e.stars >= 4))
        done = sa.select(e.session_id, e.customer_key, e.sku, e.at).where(kinds, e.at >= since)
        bought = sa.select(p.customer_key, p.sku, p.at).where(p.at >= since, p.quantity > 0)
        with self._db.connect() as connection:
            rows = [(who, sku, at, at) for *both, sku, at in connection.execute(done) for who in both if who]
            # Many shops export the day of an order alone, as its midnight: it may have been at any time of that day.
            rows += [
                (who, sku, at, _midnight(at) + timedelta(days=1))
                for who, sku, at in connection.execute(bought)
            ]
        product_of = product_skus(self._shop.products(list({sku for _, sku, _, _ in rows})))
        taken: dict[tuple[str, str], list[tuple[datetime, datetime]]] = {}
        for who, sku, first, last in rows:
            taken.setdefault((who, fold(product_of.get(fold(sku), sku))), []).append((first, last))
        return taken


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def features_of(scores: Sequence[float], staple: Sequence[float]) -> Floats:
    """One row of ``FEATURES`` for each choice: of its score, and of the share of customers who take it."""
    score, share = np.array(scores, np.float64), np.array(staple, np.float64)
    behind = (score[0] - score) if len(score) else score
    return np.stack([np.ones(len(score)), behind, share < RARE, share == 0], axis=1).astype(np.float64)


def learnt(rewarded: Sequence[tuple[Shown, float]], share: float) -> Explorer:
    explorer = Explorer(len(FEATURES), share=share)
    for record, reward in rewarded:
        explorer.learn(record.features[record.shown], reward)
    return explorer


# --- what another policy would have earned -----------------------------------------------------------------


def value_of(policy: Policy, rewarded: Sequence[tuple[Shown, float]], share: float) -> list[Estimate]:
    """What a policy would have earned on what was recorded: IPS, SNIPS and DR with 95 % intervals.

    The guess of the reward behind DR, and the beliefs of Thompson sampling and LinUCB, are learnt on the other half of the records, so that
    nothing is valued by what it was learnt from.

    Raises:
        InputError: too little was recorded.
    """
    if len(rewarded) < 2:
        raise InputError(
            f"{len(rewarded)} suggestions were explored and can be judged",
            expected="two at least, and hundreds for an estimate that says something",
            hint="set recommend.explore, and wait for a week",
        )
    logs: list[Logged] = []
    for half in (0, 1):
        explorer = learnt(rewarded[1 - half :: 2], share)
        odds = _odds(policy, explorer)
        for record, reward in rewarded[half::2]:
            wanted = odds(record.features)
            guessed = record.features @ explorer.mean
            logs.append(
                Logged(
                    reward, record.propensity, float(wanted[record.shown]), float(guessed[record.shown]), float(wanted @ guessed)
                )
            )  # fmt: skip
    return estimate(logs)


def _odds(policy: Policy, explorer: Explorer) -> Callable[[Floats], Floats]:
    rng = np.random.default_rng(0)

    def only(place: int, choices: Floats) -> Floats:
        return np.asarray(np.eye(len(choices))[place], np.float64)

    match policy:
        case "greedy":
            return lambda choices: only(0, choices)
        case "random":
            return lambda choices: np.full(len(choices), 1 / len(choices))
        case "linucb":
            return lambda choices: only(int(np.argmax(explorer.upper(choices, _UPPER))), choices)
        case "thompson":
            return lambda choices: explorer.odds(choices, rng)
