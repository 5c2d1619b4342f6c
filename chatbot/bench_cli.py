"""``kefu bench``. Only parses and calls."""

from __future__ import annotations

from typing import Annotated

import typer

from chatbot.recommend_cli import Config, Json

bench = typer.Typer(help="Speed and memory.", no_args_is_help=True)


@bench.command("chat")
def bench_chat(as_json: Json = False, config: Config = None) -> None:
    """Latency by rung, tokens a second, kefu's own share, memory of the server."""
    from eval.bench_chat import run

    run(config=config, as_json=as_json)


@bench.command("train")
def bench_train(as_json: Json = False, config: Config = None) -> None:
    """Training's tokens a second and memory beside TRL's SFTTrainer, and how far from the machine's limit."""
    from eval.bench_train import run

    run(config=config, as_json=as_json)


@bench.command("plan")
def bench_plan(as_json: Json = False, config: Config = None) -> None:
    """What `kefu finetune plan` foretells of four trainings, and what they then take."""
    from eval.bench_plan import run

    run(config=config, as_json=as_json)


@bench.command("recommend")
def bench_recommend(as_json: Json = False) -> None:
    """How long the recommender trains and answers at 16,000 and at 100,000 products. Takes some minutes."""
    from eval.bench_recommend import run

    run(as_json=as_json)


@bench.command("gate")
def bench_gate(
    name: Annotated[str, typer.Option("--name", help="Of the logs that were prepared.")] = "logs",
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Train good and spoilt adapters and put each before the gate. Takes about two hours, and goes on where it stopped."""
    from eval.bench_gate import run

    run(name=name, config=config, as_json=as_json)
