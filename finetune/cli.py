"""``kefu finetune``: the words on the command line. Only parses; ``finetune.commands`` does what they say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

finetune = typer.Typer(no_args_is_help=True, help="Train the shop's own adapter on its support logs.")

Name = Annotated[str, typer.Option("--name", help="Of these logs; each has a folder of its own.")]
Config = Annotated[str | None, typer.Option("--config", help="Settings, as for `kefu serve`.")]


@finetune.command("import")
def import_logs(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders: JSON lines, JSON, CSV.")],
    name: Name = "logs",
    format: Annotated[str | None, typer.Option(help="Of JSON whose format cannot be seen.")] = None,
    columns: Annotated[str, typer.Option(help="Of a table: customer=question,agent=answer,…")] = "",
    config: Config = None,
) -> None:
    """Read support logs of any system; what cannot be read is named."""
    from finetune.commands import import_logs as run

    run(paths, name, format, columns, config)


@finetune.command("clean")
def clean_logs(
    name: Name = "logs",
    retention_days: Annotated[int | None, typer.Option(help="Older conversations are left out.")] = None,
    consent_needed: Annotated[bool, typer.Option(help="Leave out whoever did not say yes.")] = False,
    presidio: Annotated[bool, typer.Option(help="Find personal data with Presidio as well.")] = False,
    config: Config = None,
) -> None:
    """Take out what nobody can or may learn from, and say why."""
    from finetune.commands import clean_logs as run

    run(name, retention_days, consent_needed, presidio, config)


@finetune.command("split")
def split_logs(
    name: Name = "logs",
    since: Annotated[datetime | None, typer.Option(help="What is later is for the test.")] = None,
    config: Config = None,
) -> None:
    """Part the logs so that no customer and no text stands on both sides, and check it."""
    from finetune.commands import split_logs as run

    run(name, since, config)


@finetune.command("plan")
def plan_training(
    training: Annotated[str, typer.Option("-c", help="YAML of the training, or a packaged one.")] = "lora",
    name: Name = "logs",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: Config = None,
) -> None:
    """Say how long a training will take and how much memory, from a trial of a few batches."""
    from finetune.commands import plan_training as run

    run(training, name, as_json, config)


@finetune.command("train")
def train_adapter(
    training: Annotated[str, typer.Option("-c", help="YAML of the training, or a packaged one.")] = "lora",
    name: Name = "logs",
    config: Config = None,
) -> None:
    """Train an adapter on the train part; a run that was stopped goes on."""
    from finetune.commands import train_adapter as run

    run(training, name, config)


@finetune.command("forget")
def forget_customer(
    customer: Annotated[str, typer.Argument(help="As the logs name the customer.")], config: Config = None
) -> None:
    """Delete a customer's conversations from all that was imported. Adapters must be trained anew without them."""
    from finetune.commands import forget_customer as run

    run(customer, config)
