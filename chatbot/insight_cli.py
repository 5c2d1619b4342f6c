"""``kefu profile`` and ``kefu retention``. Only parses and calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chatbot.recommend_cli import Config, Json

profile = typer.Typer(help="What is known of a shopper, and what it is known from.", no_args_is_help=True)


def add_insights(cli: typer.Typer) -> None:
    cli.add_typer(profile, name="profile")
    cli.command("retention")(retention)


Customer = Annotated[str, typer.Argument(help="The customer's id.")]


@profile.command("show")
def profile_show(customer: Customer, as_json: Json = False, config: Config = None) -> None:
    """Interests, habits, questions, value and churn risk of a customer, each with the facts behind it."""
    from chatbot.insight_commands import show
    from configs.settings import load

    show(load(config), customer, as_json=as_json)


@profile.command("export")
def profile_export(customer: Customer, config: Config = None) -> None:
    """All that profile, events and recommender hold of a customer, as one JSON document."""
    from chatbot.insight_commands import export
    from configs.settings import load

    export(load(config), customer)


@profile.command("erase")
def profile_erase(customer: Customer, config: Config = None) -> None:
    """Delete a customer's profile and events, in all their sessions, and train the recommender without them.

    Orders and conversations stay.
    """
    from chatbot.insight_commands import erase
    from configs.settings import load

    erase(load(config), customer)


def retention(
    period: Annotated[
        int | None, typer.Option("--period", min=1, max=3650, help="Days; the shop's own if not given.")
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Also draw it into this SVG file.")] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Who comes back and buys again, by the month of the first order."""
    from chatbot.insight_commands import show_retention
    from configs.settings import load

    show_retention(load(config), period=period, plot=plot, as_json=as_json)
