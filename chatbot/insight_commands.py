"""What ``kefu profile show``, ``export`` and ``erase`` and ``kefu retention`` do: ask, and print what is known and from what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from chatbot.app import clock, open_database
from chatbot.behaviour import Behaviour
from chatbot.conversation import to_json
from chatbot.exploring import Exploring
from chatbot.insights.kept import Insights
from chatbot.insights.plot import highest, shade, svg
from chatbot.insights.profile import Buying, Cycle, Evidence, Interest, Keyword, PriceLevel, Profile
from chatbot.insights.retention import Retention, Share
from chatbot.insights.risk import Risk
from chatbot.retraining import opened, train
from chatbot.tools.wording import Words, words_for
from configs.errors import InputError
from configs.settings import Settings
from retrieval.recommend import storage

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_BAR = 12
"""Characters of a whole bar."""
_WIDE = 110
"""Columns of a terminal in which there is room for the products of facts."""
_SUGGESTED = 10


def show(settings: Settings, customer: str, *, as_json: bool) -> None:
    """A customer's profile."""
    found = _insights(settings).profile(customer)
    if as_json:
        print(json.dumps(to_json(found), ensure_ascii=False))
        return
    words = words_for(
        "en",
        datetime.fromisoformat(found.as_of),
        ZoneInfo(settings.shop.timezone),
        settings.shop.currency,
    )
    out.print(f"[bold]{escape(found.name or found.customer_id)}[/bold]  [dim]{escape(_of(found))}[/dim]")
    _show_buying(found.buying, words)
    _show_risk(found.risk)
    _show_interests(found)
    _show_prices(found.prices)
    _show_cycles(found.cycles)
    _show_keywords(found.keywords)
    out.print("\n[dim]the five newest facts behind each line: --json[/dim]")


def export(settings: Settings, customer: str) -> None:
    """One JSON document on standard output."""
    insights = _insights(settings)
    found, kept = insights.profile(customer), insights.kept(customer)
    shop, recommending = opened(settings)
    events = Behaviour(open_database(settings)).in_sessions_of(customer)
    explored = [
        {"session": one.session_id, "at": one.at, "offered": one.skus, "shown": one.sku}
        for one in Exploring(open_database(settings), shop, 0.0).records(customer)
    ]
    recommender = recommending.current()
    known: dict[str, Any] = {"trained": recommender is not None, "known": [], "suggestions": []}
    if recommender is not None:
        told = recommending.known(recommender, "", customer, clock(settings)())
        known["known"] = [
            {"sku": recommender.skus[item], "days_ago": round(float(age), 2), "weight": float(weight), "purchase": bool(bought)}
            for item, age, weight, bought in zip(told.item, told.age, told.weight, told.purchase, strict=True)
        ]  # fmt: skip
        known["suggestions"] = [asdict(one) for one in recommender.recommend(told, n=_SUGGESTED)]
    document = {
        "customer": shop.customer(customer),
        "profile": found,
        "kept": kept,
        "events": [{"session": session, **asdict(event)} for session, event in events],
        "explored": explored,
        "recommender": known,
    }
    print(json.dumps(to_json(document), ensure_ascii=False, indent=1))


def erase(settings: Settings, customer: str) -> None:
    """Delete profile and events; the recommender is trained again if it may have learned from these."""
    gone = _insights(settings).erase(customer)
    what = "profile deleted" if gone.profile else "no profile was kept"
    offers = f" and {gone.explored:,} offers of exploring" if gone.explored else ""
    out.print(
        f"[green]✓[/green] {what}; {gone.events:,} events{offers} deleted, in all sessions of {escape(customer)}"
    )
    if gone.events and (settings.home / "recommender" / storage.FILE).exists():
        out.print("  the recommender learned from them: training again …")
        told = train(settings)
        out.print(
            f"[green]✓[/green] trained on what is left in {told.seconds:.0f} s; running servers follow with their next answer"
        )
    if gone.orders or gone.messages:
        out.print(
            f"[dim]{gone.orders:,} orders and {gone.messages:,} messages stay; whoever asks for the profile has it made of these again[/dim]"
        )


def show_retention(settings: Settings, *, period: int | None, plot: Path | None, as_json: bool) -> None:
    """A table in colours, and a drawing if one is wanted.

    Raises:
        InputError: the drawing cannot be written.
    """
    if plot is not None and plot.suffix.lower() != ".svg":
        raise InputError(f"cannot draw into {plot}", expected="a file whose name ends in .svg")
    found = _insights(settings).retention(period)
    if plot is not None:
        try:
            plot.write_text(svg(found, settings.shop.name), encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"cannot write {plot} ({error.strerror})", expected="a file in a folder that exists"
            ) from error
        err.print(f"drawn into {plot}", markup=False)
    if as_json:
        print(json.dumps(to_json(found)))
        return
    if not found.cohorts:
        out.print("nothing was sold yet: bring orders or purchases in with `kefu ingest`")
        return
    _show_retention(found)


# --- parts of a profile -------------------------------------------------------------------------------------


def _insights(settings: Settings) -> Insights:
    return Insights(open_database(settings), settings, clock(settings))


def _of(found: Profile) -> str:
    counted = ", ".join(
        f"{count:,} {kind.removesuffix('s') if count == 1 else kind}" for kind, count in found.facts.items()
    )
    return f"{found.customer_id} · from {counted} · {found.as_of[:10]}"


def _show_buying(buying: Buying, words: Words) -> None:
    if buying.days_since is None:
        out.print("no order yet")
        return
    money = "; ".join(
        f"{words.money(total, currency)}, {words.money(buying.average[currency], currency)} an order"
        for currency, total in buying.spent.items()
    )
    since = "today" if buying.days_since == 0 else f"{_days(buying.days_since)} ago"
    left_out = [
        f"{count:,} {what}"
        for count, what in ((buying.sent_back, "sent back"), (buying.unpriced, "of unknown value"))
        if count
    ]
    aside = f" [dim](without {' and '.join(left_out)})[/dim]" if left_out else ""
    out.print(
        f"{buying.orders:,} order{'' if buying.orders == 1 else 's'} since {buying.first}, the last {since} "
        f"[dim]({escape(_newest(buying.evidence))})[/dim]"
    )
    if money:
        out.print(f"{money}{aside}")


def _show_risk(risk: Risk) -> None:
    if risk.churn is None or risk.expected is None:
        out.print(f"[dim]{escape(risk.why)}[/dim]")
        return
    colour = "red" if risk.churn > 2 / 3 else "yellow" if risk.churn > 1 / 3 else "green"
    out.print(
        f"churn risk [{colour}]{_percent(risk.churn)}[/{colour}]: no order in the next {risk.period} days; "
        f"{risk.expected:.1f} expected [dim]({escape(risk.why)})[/dim]"
    )


def _percent(share: float) -> str:
    return "under 1%" if 0 < share < 0.005 else "over 99%" if 0.995 < share < 1 else f"{share:.0%}"


def _show_interests(found: Profile) -> None:
    parts: tuple[tuple[str, Sequence[Interest]], ...] = (
        ("interests", found.categories),
        ("brands", found.brands),
        ("what sets them apart", found.attributes),
    )
    for title, interests in parts:
        table = _table(title, "", ">share", ">in the shop", ">facts", "newest")
        for one in interests:
            name = one.value if title != parts[2][0] or one.of == one.value else f"{one.of}: {one.value}"
            table.add_row(
                escape(name), _bar(one.share), f"{one.share:.0%}", f"{one.usual:.0%}", f"{one.facts:,}",
                escape(_newest(one.evidence)),
            )  # fmt: skip
        _print(table)


def _show_prices(prices: Sequence[PriceLevel]) -> None:
    table = _table("prices", "", ">products", "newest")
    for one in prices:
        name = "all categories" if one.of == "all" else one.of
        scale = Text("─" * round(one.rank * (_BAR - 1)), "dim") + Text("●")
        scale += Text("─" * (_BAR - len(scale)), "dim")
        table.add_row(
            escape(name), scale + Text(f" {one.level}"), f"{one.products:,}", escape(_newest(one.evidence))
        )
    _print(table)


def _show_cycles(cycles: Sequence[Cycle]) -> None:
    table = _table("bought again", ">times", ">every", "due", "newest")
    for one in cycles:
        due = "[dim]over[/dim]" if one.over else f"{one.due}, {_due(one.due_in)}"
        name = (
            f"{escape(one.name)} [dim]{escape(one.sku)}[/dim]"
            if one.sku
            else f"[italic]{escape(one.name)}[/italic]"
        )
        newest = _newest(one.evidence, about=False)
        table.add_row(name, f"{one.times:,}", f"{one.every_days:g} days", due, escape(newest))
    _print(table)


def _due(days: int) -> str:
    if days == 0:
        return "[bold]today[/bold]"
    return f"in {_days(days)}" if days > 0 else f"[yellow]{_days(-days)} late[/yellow]"


def _days(count: int) -> str:
    return f"{count:,} day{'' if count == 1 else 's'}"


def _show_keywords(keywords: Sequence[Keyword]) -> None:
    table = _table("asks about", ">messages", ">of all messages", "newest")
    for one in keywords:
        table.add_row(
            escape(one.word), f"{one.messages:,}", f"{one.usual:.1%}", escape(_newest(one.evidence))
        )
    _print(table)


def _newest(evidence: Sequence[Evidence], *, about: bool = True) -> str:
    """The newest fact as it can be looked up, and what it was about where there is room."""
    if not evidence:
        return ""
    one = evidence[0]
    what = {"order": one.id, "message": "message"}.get(one.kind, one.kind)
    product = f" · {one.product or one.sku}" if about and one.sku and out.width >= _WIDE else ""
    return f"{one.at[:10]} {what}{product}"


def _table(*heads: str) -> Table:
    """A head that begins with ``>`` is of a column of figures."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in heads:
        title = head.removeprefix(">")
        side: Literal["left", "right"] = "right" if head != title else "left"
        # Where there is no room, names and facts take two lines, and figures stay whole.
        table.add_column(title, justify=side, no_wrap=side == "right" or not title)
    return table


def _print(table: Table) -> None:
    if table.row_count:
        out.print()
        out.print(table)


def _bar(share: float) -> Text:
    eighths = round(max(0.0, min(1.0, share)) * _BAR * 8)
    return Text("█" * (eighths // 8) + ("", *"▏▎▍▌▋▊▉")[eighths % 8], "cyan")


# --- retention ----------------------------------------------------------------------------------------------


def _show_retention(found: Retention) -> None:
    out.print(
        f"[bold]Customers who bought again[/bold] in the {found.period} days up to that day after their first order\n"
    )
    table = _table("", ">customers")
    table.padding = (0, 1, 0, 0)
    for number in range(len(found.overall)):
        table.add_column(f"{(number + 1) * found.period:,}", justify="right", no_wrap=True)
    full = highest(found)
    for cohort in found.cohorts:
        table.add_row(
            cohort.month, f"{cohort.customers:,}", *(_cell(share, full) for share in cohort.periods)
        )
    table.add_section()
    table.add_row("all", "", *(_cell(share, full) for share in found.overall))
    out.print(table)
    out.print()
    first = found.overall[0] if found.overall else None
    if first is None:
        out.print(f"[dim]no period of {found.period} days is over yet[/dim]")
        return
    out.print(
        f"{first.share:.0%} of {first.customers:,} customers came back and bought within {found.period} days of their first order "
        f"[dim](95 % interval {first.low:.0%} to {first.high:.0%}); blank: not over on {found.as_of}[/dim]"
    )


def _cell(share: Share | None, full: float) -> Text:
    if share is None:
        return Text("")
    colours = shade(share.share, full)
    # Sixteen colours have no shades.
    style = f"{colours.ink} on {colours.fill}" if out.color_system in ("256", "truecolor") else ""
    return Text(f" {share.share:.0%}", style)
