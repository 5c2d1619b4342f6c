"""``kefu finetune`` and ``kefu adapters``: the words on the command line. Only parses; the modules of commands do the rest."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

finetune = typer.Typer(no_args_is_help=True, help="Train the shop's own adapter on its support logs.")

Name = Annotated[str, typer.Option("--name", help="Of these logs; each has a folder of its own.")]
Config = Annotated[str | None, typer.Option("--config", help="Settings, as for `kefu serve`.")]
Training = Annotated[str, typer.Option("-c", help="YAML of the training, or a packaged one.")]
From = Annotated[
    str, typer.Option("--from", help="Go on from this adapter; `live`: from the one that answers now.")
]
Replay = Annotated[
    list[str] | None, typer.Option("--replay", help="Logs trained on before, of which some are seen again.")
]

Format = Annotated[str | None, typer.Option(help="Of JSON whose format cannot be seen.")]
Columns = Annotated[str, typer.Option(help="Of a table: customer=question,agent=answer,…")]
Retention = Annotated[int | None, typer.Option(help="Older conversations are left out.")]
Consent = Annotated[bool, typer.Option(help="Leave out whoever did not say yes.")]
Presidio = Annotated[bool, typer.Option(help="Find personal data with Presidio as well.")]
Since = Annotated[datetime | None, typer.Option(help="What is later is for the test.")]


@finetune.command("import")
def import_logs(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders: JSON lines, JSON, CSV.")],
    name: Name = "logs",
    format: Format = None,
    columns: Columns = "",
    config: Config = None,
) -> None:
    """Read support logs of any system; what cannot be read is named."""
    from finetune.log_commands import import_logs as run

    run(paths, name, format, columns, config)


@finetune.command("simulate")
def simulate_logs(
    target: Annotated[Path, typer.Argument(help="A JSON lines file that is not there yet.")],
    count: Annotated[int, typer.Option(min=1, help="Conversations.")] = 3200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same logs.")] = 0,
    config: Config = None,
) -> None:
    """Write simulated support logs of the demo shop, to try the rest without any of your own."""
    from finetune.log_commands import simulate_logs as run

    run(target, count, seed, config)


@finetune.command("clean")
def clean_logs(
    name: Name = "logs",
    retention_days: Retention = None,
    consent_needed: Consent = False,
    presidio: Presidio = False,
    config: Config = None,
) -> None:
    """Take out what nobody can or may learn from, and say why."""
    from finetune.log_commands import clean_logs as run

    run(name, retention_days, consent_needed, presidio, config)


@finetune.command("split")
def split_logs(
    name: Name = "logs",
    since: Since = None,
    config: Config = None,
) -> None:
    """Part the logs so that no customer and no text stands on both sides, and check it."""
    from finetune.log_commands import split_logs as run

    run(name, since, config)


@finetune.command("ground")
def ground_logs(name: Name = "logs", config: Config = None) -> None:
    """Search the shop's pages for what backs each reply, and write examples with that evidence."""
    from finetune.log_commands import ground_logs as run

    run(name, config)


@finetune.command("plan")
def plan_training(
    training: Training = "lora",
    name: Name = "logs",
    replay: Replay = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: Config = None,
) -> None:
    """Say how long a training will take and how much memory, from a trial of a few batches."""
    from finetune.commands import Earlier
    from finetune.commands import plan_training as run

    run(training, name, Earlier(logs=tuple(replay or ())), as_json, config)


@finetune.command("train")
def train_adapter(
    training: Training = "lora",
    name: Name = "logs",
    start: From = "",
    replay: Replay = None,
    config: Config = None,
) -> None:
    """Train an adapter on the train part; a run that was stopped goes on."""
    from finetune.commands import Earlier
    from finetune.commands import train_adapter as run

    run(training, name, Earlier(start, tuple(replay or ())), config)


@finetune.command("prefer")
def prefer_adapter(
    training: Annotated[str, typer.Option("-c", help="YAML, or a packaged one.")] = "preference",
    name: Name = "logs",
    config: Config = None,
) -> None:
    """Train the adapter on, towards replies that people liked and away from those that they did not."""
    from finetune.commands import prefer_adapter as run

    run(training, name, config)


@finetune.command("gate")
def gate_adapter(
    name: Name = "logs",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: Config = None,
) -> None:
    """Compare the trained adapter with what is live; only what is surely better passes."""
    from finetune.gate_commands import gate_adapter as run

    run(name, as_json, config)


@finetune.command("run")
def run_everything(
    logs: Annotated[list[Path], typer.Argument(help="Support logs, as for `import`.")],
    adapter: Annotated[str, typer.Option("--as", help="What the adapter is to be called.")] = "",
    name: Name = "logs",
    training: Training = "lora",
    minutes: Annotated[float, typer.Option(help="Of training, at most.")] = 15.0,
    start: From = "",
    replay: Replay = None,
    prefer: Annotated[str, typer.Option(help="YAML of a second stage, such as `preference`.")] = "",
    format: Format = None,
    columns: Columns = "",
    retention_days: Retention = None,
    consent_needed: Consent = False,
    presidio: Presidio = False,
    since: Since = None,
    config: Config = None,
) -> None:
    """From support logs to a judged adapter; run it again and it goes on where it stopped."""
    from finetune.commands import Earlier, Reading
    from finetune.commands import run_everything as run

    reading = Reading(format, columns, retention_days, consent_needed, presidio, since)
    run(
        logs,
        reading,
        name,
        training,
        minutes,
        adapter or name,
        Earlier(start, tuple(replay or ())),
        prefer,
        config,
    )


@finetune.command("register")
def register_adapter(
    adapter: Annotated[str, typer.Argument(help="What it is to be called.")],
    name: Name = "logs",
    config: Config = None,
) -> None:
    """Put the trained adapter among those that can be served."""
    from finetune.gate_commands import register_adapter as run

    run(adapter, name, config)


@finetune.command("forget")
def forget_customer(
    customer: Annotated[str, typer.Argument(help="As the logs name the customer.")], config: Config = None
) -> None:
    """Delete a customer's conversations from all that was imported. Adapters must be trained anew without them."""
    from finetune.log_commands import forget_customer as run

    run(customer, config)


adapters = typer.Typer(no_args_is_help=True, help="The adapters that there are, and which of them answers.")
AdapterName = Annotated[str, typer.Argument(metavar="NAME", help="See `kefu adapters list`.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Unproven = Annotated[bool, typer.Option("--unproven", help="Although the gate did not pass it.")]


@adapters.command("list")
def list_adapters(as_json: Json = False, config: Config = None) -> None:
    """Show every adapter, its gate's verdict, and what answers whom."""
    from finetune.adapter_commands import list_adapters as run

    run(as_json, config)


@adapters.command("show")
def show_adapter(name: AdapterName, as_json: Json = False, config: Config = None) -> None:
    """Show an adapter's card."""
    from finetune.adapter_commands import show_adapter as run

    run(name, as_json, config)


@adapters.command("promote")
def promote(name: AdapterName, unproven: Unproven = False, config: Config = None) -> None:
    """Let an adapter answer everybody; `base` is the model without any."""
    from finetune.adapter_commands import promote as run

    run(name, unproven, config)


@adapters.command("canary")
def canary(
    name: AdapterName,
    share: Annotated[float, typer.Option(help="Of the conversations, between 0 and 1.")] = 0.1,
    unproven: Unproven = False,
    config: Config = None,
) -> None:
    """Let an adapter answer a share of the conversations; each stays with what it began with."""
    from finetune.adapter_commands import canary as run

    run(name, share, unproven, config)


@adapters.command("rollback")
def rollback(config: Config = None) -> None:
    """End a canary or, without one, go back to what was live before."""
    from finetune.adapter_commands import rollback as run

    run(config)


@adapters.command("remove")
def remove(name: AdapterName, config: Config = None) -> None:
    """Delete an adapter for good; if it is live, what was live before takes over."""
    from finetune.adapter_commands import remove as run

    run(name, config)


@adapters.command("export")
def export(
    name: AdapterName,
    form: Annotated[
        str,
        typer.Option("--as", help="peft, merged, gguf-adapter, gguf-q8_0, gguf-q4_0, or vllm: its command."),
    ] = "peft",
    target: Annotated[
        Path | None, typer.Option("--out", help="A file or folder that is not there yet.")
    ] = None,
    config: Config = None,
) -> None:
    """Write an adapter in another form."""
    from finetune.adapter_commands import export as run

    run(name, form, target, config)
