"""``kefu recommend evaluate``: how well a shop's own customers are guessed, by its recommender and by simple models beside it.

Trained on all but the last weeks, asked for what customers took in these: full ranking of all products, what was taken before and what
is new to a customer apart, and by how much was known of them. Needs some months of purchases; says nothing of what would have been sold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from rich.console import Console
from rich.table import Table

from chatbot.retraining import opened
from configs.errors import InputError
from configs.settings import Settings
from eval.metrics import interval
from eval.purchases import SUPPORT, Split, split
from eval.recommend_systems import Found, measured
from retrieval.recommend.interactions import DAY, Floats

NAMES = ("blend", "popularity", "personal", "ease")
CARTS = 1000
FEWEST = 20
"""Customers who came back in the weeks that are guessed."""
SLICES = ((1, 5), (5, 20), (20, 10**9))
"""Known products of a customer."""


def run(settings: Settings, *, days: int, as_json: bool) -> None:
    """
    Raises:
        InputError: too few customers came back in the weeks that are guessed.
    """
    _, recommending = opened(settings)
    data = recommending.interactions()
    if data.latest is None:
        raise InputError("nothing was sold yet", hint="kefu ingest purchases FILE")
    start = data.latest.astype("datetime64[D]") + np.timedelta64(1, "D") - days * DAY
    parted = split(data, str(start.astype("datetime64[D]")), days=days, carts=CARTS)
    if len(parted.cases) < FEWEST:
        raise InputError(
            f"{len(parted.cases)} customers came back in the last {days} days with one of the {len(parted.train.items)} products that "
            f"{SUPPORT} customers took before",
            expected=f"{FEWEST} at least",
            hint="wait for more purchases, or ask for more --days",
        )
    texts, _ = recommending.described(parted.train.items)
    found = {name: measured(name, parted, texts) for name in NAMES}
    figures = {name: _figures(own) for name, own in found.items()}
    if as_json:
        print(
            json.dumps(
                {
                    "customers": len(parted.cases),
                    "products": len(parted.train.items),
                    "days": days,
                    "figures": figures,
                }
            )
        )
        return
    _print(Console(highlight=False, soft_wrap=True), parted, found, figures, days)


def _figures(own: Found) -> dict[str, float]:
    told = {"recall_at_20": own.recall, "ndcg_at_10": own.ndcg}
    return {
        f"{task}_{name}": round(_mean(by_task[task]), 4)
        for name, by_task in told.items()
        for task in ("all", "new", "cart")
        if task in by_task and not np.isnan(by_task[task]).all()
    }


def _mean(values: Floats) -> float:
    return float(np.nanmean(values))


def _print(
    out: Console,
    parted: Split,
    found: Mapping[str, Found],
    figures: Mapping[str, Mapping[str, float]],
    days: int,
) -> None:
    measures = list(figures["blend"])
    table = Table("", *figures)
    for measure in measures:
        best = max(own.get(measure, 0.0) for own in figures.values())
        cells = [own.get(measure, float("nan")) for own in figures.values()]
        table.add_row(
            measure, *(f"[bold]{value:.3f}[/bold]" if value == best else f"{value:.3f}" for value in cells)
        )
    known = np.array([len(case.known.bought) for case in parted.cases])
    for low, high in SLICES:
        inside = (known >= low) & (known < high)
        if inside.any() and not np.isnan(found["blend"].recall["all"][inside]).all():
            what = (
                f"all_recall_at_20, {low} to {high - 1} known"
                if high < 10**9
                else f"all_recall_at_20, from {low} known"
            )
            table.add_row(
                f"[dim]{what}[/dim]", *(f"{_mean(own.recall['all'][inside]):.3f}" for own in found.values())
            )
    out.print(table)
    out.print(
        f"[dim]what {len(parted.cases):,} customers took in the last {days} days, of {len(parted.train.items):,} products[/dim]"
    )
    ours = found["blend"].ndcg["all"]
    for name in NAMES[1:]:
        gain = ours - found[name].ndcg["all"]
        low_, high_ = interval([float(value) for value in gain[~np.isnan(gain)]])
        said = "" if low_ > 0 or high_ < 0 else " (not separated from noise)"
        out.print(f"[dim]NDCG at 10, blend less {name}: {low_:+.3f} to {high_:+.3f}{said}[/dim]")
