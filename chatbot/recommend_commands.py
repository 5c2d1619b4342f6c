"""What ``kefu recommend train``, ``show``, ``explain`` and ``similar`` do: ask the recommender, and print what it says."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from rich.console import Console
from rich.table import Table

from chatbot.app import clock, open_database
from chatbot.exploring import Exploring, Policy, value_of
from chatbot.recommending import Recommending
from chatbot.retraining import opened
from chatbot.retraining import train as train_now
from chatbot.shop import Shop, fold
from configs.errors import ConfigError, NotFoundError
from configs.settings import Settings
from retrieval.recommend import Known, Recommender, Suggestion
from retrieval.recommend.recommender import Mode

out = Console(highlight=False, soft_wrap=True)
_SHARE = 0.1
"""Of the lists that Thompson sampling would explore, where the settings explore nothing any more."""
_CAUSES = 12
"""Purchases whose part in a score is shown."""


def train(settings: Settings, *, force: bool, as_json: bool) -> None:
    """Train on what the shop sold; running servers take the new model with their next answer."""
    told = train_now(settings, force=force)
    if as_json:
        print(json.dumps(asdict(told)))
        return
    if not told.interactions:
        out.print("nothing was sold yet: bring purchases in with `kefu ingest purchases FILE`")
        return
    what = (
        f"{told.interactions:,} interactions of {told.customers:,} customers with {told.products:,} products"
    )
    if told.anew:
        out.print(
            f"[green]✓[/green] trained on {what} in {told.seconds:.0f} s; running servers follow with their next answer"
        )
    else:
        out.print(
            f"[green]✓[/green] {what}: nothing changed since the last training (--force trains all the same)"
        )


def show(settings: Settings, customer: str, *, mode: Mode, count: int, as_json: bool) -> None:
    """What would be suggested to a customer, and why."""
    shop, recommending, recommender = _ready(settings)
    known = _known(shop, recommending, recommender, customer, clock(settings)())
    listed = recommender.recommend(known, mode=mode, n=count)
    if as_json:
        print(
            json.dumps([{"sku": one.sku, "score": round(one.score, 4), **asdict(one.why)} for one in listed])
        )
        return
    if not listed:
        out.print("nothing to suggest")
        return
    names = _names(shop, recommender)
    table = Table("sku", "product", "score", "why")
    for one in listed:
        table.add_row(one.sku, names.get(fold(one.sku), ""), f"{one.score:.2f}", _why(one, names))
    out.print(table)
    out.print(f"[dim]known of {customer}: {len(known.bought)} products[/dim]")


def explain(settings: Settings, customer: str, sku: str, *, mode: Mode, as_json: bool) -> None:
    """What each thing that is known of a customer adds to the score of a product."""
    shop, recommending, recommender = _ready(settings)
    told = recommender.explain(
        _known(shop, recommending, recommender, customer, clock(settings)()), sku, mode=mode
    )
    if as_json:
        print(json.dumps({"score": told.score, **asdict(told)}))
        return
    names = _names(shop, recommender)
    families: dict[str, float] = defaultdict(float)
    for one in told.contributions:
        families[one.family] += one.value
    table = Table("what speaks", "adds")
    for family, value in sorted(families.items(), key=lambda pair: -abs(pair[1])):
        table.add_row(_FAMILIES[family], f"{value:+.3f}")
    table.add_section()
    table.add_row("score", f"{told.score:+.3f}")
    out.print(table)
    causes = sorted((one for one in told.contributions if one.sku), key=lambda one: -abs(one.value))[:_CAUSES]
    if causes:
        of = Table("of this, from their", "product", "by", "adds")
        for one in causes:
            of.add_row(
                one.sku, names.get(fold(one.sku or ""), ""), _FAMILIES[one.family], f"{one.value:+.3f}"
            )
        out.print(of)


def similar(settings: Settings, sku: str, *, count: int, as_json: bool) -> None:
    """Products like one: by their texts and by who takes them."""
    shop, _, recommender = _ready(settings)
    found = recommender.similar(sku, n=count)
    if as_json:
        print(json.dumps([{"sku": other, "likeness": round(score, 4)} for other, score in found]))
        return
    names = _names(shop, recommender)
    table = Table("sku", "product", "likeness")
    for other, score in found:
        table.add_row(other, names.get(fold(other), ""), f"{score:.2f}")
    out.print(table)


def value_of_policy(settings: Settings, policy: Policy, *, as_json: bool) -> None:
    """What a policy would have earned on what was explored, and whether that is surely more than what was shown."""
    shop, _ = opened(settings)
    rewarded = Exploring(open_database(settings), shop, settings.recommend.explore).rewarded()
    found = value_of(policy, rewarded, settings.recommend.explore or _SHARE)
    if as_json:
        print(
            json.dumps(
                {"policy": policy, "records": len(rewarded), "estimates": [asdict(one) for one in found]}
            )
        )
        return
    table = Table("estimate", "taken", "95 %", "more than what was shown", "95 %", "rests on")
    for one in found:
        table.add_row(
            one.method.upper(), f"{one.value:.3f}", f"{one.low:.3f} to {one.high:.3f}", f"{one.gain:+.3f}",
            f"{one.gain_low:+.3f} to {one.gain_high:+.3f}", f"{one.effective:.0f} of {len(rewarded)}",
        )  # fmt: skip
    out.print(table)
    surely = all(one.gain_low > 0 for one in found)
    out.print(
        f"[green]{policy} is surely better than what was shown[/green]"
        if surely
        else f"{policy} is not surely better than what was shown: leave it off"
    )


_FAMILIES: Mapping[str, str] = {
    "repeat": "how often and lately they took it",
    "together": "what they took, and who else takes it",
    "basket": "what lies in baskets with it",
    "text": "how like its text is to what they took",
    "popular": "how many take it",
}


def _why(one: Suggestion, names: Mapping[str, str]) -> str:
    if one.why.rule == "repeat":
        pace = f", every {one.why.every_days:.0f} days" if one.why.every_days else ""
        return f"taken on {one.why.times} day{'s' if one.why.times > 1 else ''}{pace}"
    because = ", ".join(names.get(fold(sku)) or sku for sku in one.why.because)
    return {
        "together": f"goes with {because}",
        "basket": f"in baskets with {because}",
        "text": "like what they take",
    }.get(one.why.rule, "popular")


def _ready(settings: Settings) -> tuple[Shop, Recommending, Recommender]:
    shop, recommending = opened(settings)
    recommender = recommending.current()
    if recommender is None:
        raise ConfigError("nothing was trained yet", hint="kefu recommend train")
    return shop, recommending, recommender


def _known(
    shop: Shop, recommending: Recommending, recommender: Recommender, customer: str, now: datetime
) -> Known:
    """
    Raises:
        NotFoundError: nothing is known of such a customer.
    """
    known = recommending.known(recommender, "", customer, now)
    if not len(known) and not shop.history(customer):
        raise NotFoundError(
            f"nothing is known of a customer {customer!r}", expected="the id of a customer of the shop"
        )
    return known


def _names(shop: Shop, recommender: Recommender) -> dict[str, str]:
    return {fold(product.sku): product.name for product in shop.products(list(recommender.skus))}
