"""Trains all that a recommender is made of: models on everything, and before that, on all but the last weeks, the blend.

What customers bought in the last ``WINDOW`` of days is what they took next. Models trained on what came before make candidates, and the blend learns from
which of them were taken; so that it also knows of people who are new, some customers are cut down to the few products that they
touched last, and half of every order is a cart to be completed. Then the models are trained again with the window. A shop
too young for that keeps the packaged weights. Deterministic for the same data.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from retrieval.recommend.base import Case, evaluate
from retrieval.recommend.blend import (
    LEVELS,
    STRENGTH,
    TASKS,
    Blend,
    Sample,
    Task,
    cart_sample,
    fit,
    level_of,
    samples_of,
)
from retrieval.recommend.ease import Ease
from retrieval.recommend.features import Parts
from retrieval.recommend.interactions import DAY, Floats, Interactions, Ints, Known
from retrieval.recommend.recommender import Recommender

WINDOW = 28
"""Days."""
FEWEST = 50
"""Customers who come back in the window; with fewer nothing is fitted."""
MOST = 1000
"""Customers, and carts, that the blend learns from, drawn if there are more."""

PENALTIES = (10.0, 3.0, 30.0, 100.0)
"""Of EASE, the first if nothing can be tried."""
TRIED = 300
"""Customers that penalties are tried on."""


def trained(
    data: Interactions,
    now: np.datetime64,
    *,
    texts: Floats | None = None,
    groups: Ints | None = None,
    prior: Blend | None = None,
) -> Recommender:
    """``texts`` are vectors of length one of each item of the data, ``groups`` numbers of their categories."""
    prior = prior or packaged()
    moment = data.latest if data.latest is not None else now
    cut = moment + np.timedelta64(1, "s") - WINDOW * DAY
    blend, penalty = fitted(data, cut, texts, prior)
    parts = Parts.trained(data, now, texts, penalty=penalty)
    pairs = np.unique(np.stack([data.item, data.customer])[:, data.order >= 0], axis=1)[0]
    staple = np.bincount(pairs, minlength=len(data.items)) / max(1, len(data.customers))
    return Recommender(
        data.items,
        parts,
        blend,
        staple.astype(np.float32),
        np.full(len(data.items), -1) if groups is None else groups,
        data.latest,
        {sku.casefold(): place for place, sku in enumerate(data.items)},
    )


@cache
def packaged() -> Blend:
    return Blend.read(json.loads((files("configs") / "recommend.json").read_text(encoding="utf-8")))


def fitted(
    data: Interactions, cut: np.datetime64, texts: Floats | None, prior: Blend, strength: float = STRENGTH
) -> tuple[Blend, float]:
    """The blend that fits what was taken from ``cut`` on, near the prior, and EASE's penalty that foretells it best."""
    before, after = data.only(data.at < cut), data.only((data.at >= cut) & (data.order >= 0))
    known = before.by_customer(cut)
    back = [number for number in np.unique(after.customer) if len(known[number].item)]
    if len(back) < FEWEST:
        return prior, PENALTIES[0]
    rng = np.random.default_rng(0)
    parts = Parts.trained(before, cut, texts)
    chosen = sorted(rng.choice(back, min(MOST, len(back)), replace=False).tolist())
    cases = [Case(known[number], np.unique(after.item[after.customer == number])) for number in chosen]
    parts.ease.use(_penalty(parts.ease, cases[:TRIED]))
    samples: dict[Task, list[list[Sample]]] = {task: [[] for _ in LEVELS] for task in TASKS}
    for case in cases:
        for shown in _cut_down(case.known, rng):
            for task, one in samples_of(parts, Case(shown, case.taken)).items():
                samples[task][level_of(len(shown.touched))].append(one)
    for case, cart in halves(after, known, rng, MOST):
        samples["complete"][level_of(len(case.known.touched))].append(cart_sample(parts, case, cart))
    return fit(samples, prior, strength), parts.ease.penalty


def _penalty(ease: Ease, cases: Sequence[Case]) -> float:
    def worth(penalty: float) -> float:
        ease.use(penalty)
        return float(np.nanmean(evaluate(ease, cases, new=True).ndcg))

    if all(len(np.setdiff1d(case.taken, case.known.bought)) == 0 for case in cases):
        return PENALTIES[0]
    return max(PENALTIES, key=worth)


def _cut_down(known: Known, rng: np.random.Generator) -> Sequence[Known]:
    """The customer, and with luck the same one when so few products are known of them that they belong to a lower level."""
    told = [known]
    for level, (low, high) in enumerate(itertools.pairwise(LEVELS)):
        if level < level_of(len(known.touched)) and rng.random() < 0.5:
            told.append(known.latest(int(rng.integers(low, high))))
    return told


def halves(
    after: Interactions, known: Sequence[Known], rng: np.random.Generator, most: int, *, fewest: int = 4
) -> list[tuple[Case, Known]]:
    """Orders of at least ``fewest`` products, half of each a cart and half to be guessed; ``known`` as of before the first."""
    bought = after.only(after.order >= 0)
    place = np.argsort(bought.order, kind="stable")
    order, item, customer = bought.order[place], bought.item[place], bought.customer[place]
    bounds = np.flatnonzero(np.diff(order, prepend=-1, append=-1))
    drawn = rng.permutation(len(bounds) - 1)
    made: list[tuple[Case, Known]] = []
    for number in drawn:
        start, end = bounds[number], bounds[number + 1]
        items = rng.permutation(np.unique(item[start:end]))
        if len(items) < fewest:
            continue
        half = len(items) // 2
        cart = Known.of(items[:half])
        made.append((Case(known[customer[start]], np.sort(items[half:])), cart))
        if len(made) == most:
            break
    return made
