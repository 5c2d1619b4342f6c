"""``kefu recommend``. Only parses and calls."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

recommend = typer.Typer(help="What to suggest to whom, and why.", no_args_is_help=True)


class RecommendMode(StrEnum):
    buy_again = "buy_again"
    discover = "discover"
    mixed = "mixed"


Config = Annotated[
    str | None, typer.Option("--config", "-c", help="A settings file, or the name of a packaged one.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object last.")]
Mode = Annotated[
    RecommendMode, typer.Option("--mode", help="What they took before, what is new to them, or both.")
]


@recommend.command("train")
def recommend_train(
    force: Annotated[
        bool, typer.Option("--force", help="Also where nothing changed since the last training.")
    ] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Train on what the shop sold; running servers follow with their next answer."""
    from chatbot.recommend_commands import train
    from configs.settings import load

    train(load(config), force=force, as_json=as_json)


@recommend.command("show")
def recommend_show(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    mode: Mode = RecommendMode.mixed,
    count: Annotated[int, typer.Option("-n", min=1, help="Suggestions.")] = 10,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """What would be suggested to a customer, and why."""
    from chatbot.recommend_commands import show
    from configs.settings import load

    show(load(config), customer, mode=mode.value, count=count, as_json=as_json)


@recommend.command("explain")
def recommend_explain(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    sku: Annotated[str, typer.Argument(help="The product's.")],
    mode: Mode = RecommendMode.mixed,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """What each thing that is known of a customer adds to the score of a product."""
    from chatbot.recommend_commands import explain
    from configs.settings import load

    explain(load(config), customer, sku, mode=mode.value, as_json=as_json)


@recommend.command("similar")
def recommend_similar(
    sku: Annotated[str, typer.Argument(help="The product's.")],
    count: Annotated[int, typer.Option("-n", min=1, help="Products.")] = 10,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Products like one, by their texts and by who takes them."""
    from chatbot.recommend_commands import similar
    from configs.settings import load

    similar(load(config), sku, count=count, as_json=as_json)


class ExplorePolicy(StrEnum):
    greedy = "greedy"
    thompson = "thompson"
    linucb = "linucb"
    random = "random"


@recommend.command("evaluate")
def recommend_evaluate(
    policy: Annotated[
        ExplorePolicy | None,
        typer.Option(
            "--policy", help="What this way to fill the last place would have earned, from what was explored."
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Of the end of the record, which are guessed.")] = 28,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """How well the shop's own customers are guessed, beside simple models; with --policy, what another policy would have earned."""
    from configs.settings import load

    settings = load(config)
    if policy is not None:
        from chatbot.recommend_commands import value_of_policy

        value_of_policy(settings, policy.value, as_json=as_json)
        return
    from eval.recommend_shop import run

    run(settings, days=days, as_json=as_json)
