"""The command line. Only parses, calls and prints; each command imports what it needs, so that ``--help`` is quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatbot.bench_cli import bench
from chatbot.insight_cli import add_insights
from chatbot.recommend_cli import Config, Json, recommend
from configs.errors import KefuError
from finetune.cli import adapters, finetune

if TYPE_CHECKING:
    from chatbot.importers.mapping import Kind
    from configs.settings import Settings

cli = typer.Typer(
    name="kefu",
    help="Customer service for an online shop: answers from its own pages, products and orders, with sources.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
ingest = typer.Typer(help="Bring the shop's pages and tables in.", no_args_is_help=True)
answers = typer.Typer(help="Approved answers.", no_args_is_help=True)
router = typer.Typer(
    help="What a message wants: train the router on the shop's labelled messages.", no_args_is_help=True
)
evaluate = typer.Typer(help="Suites of questions with known answers.", no_args_is_help=True)
cli.add_typer(ingest, name="ingest")
cli.add_typer(answers, name="answers")
cli.add_typer(router, name="router")
cli.add_typer(recommend, name="recommend")
add_insights(cli)
cli.add_typer(evaluate, name="eval")
cli.add_typer(bench, name="bench")
cli.add_typer(finetune, name="finetune")
cli.add_typer(adapters, name="adapters")

Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first bad row and change nothing.")]
Customer = Annotated[str | None, typer.Option("--customer", help="Ask as this customer of the shop.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port to listen on.")]


@cli.command()
def chat(config: Config = None, customer: Customer = None, trace: Annotated[bool, typer.Option(help="Show plan, evidence and timings.")] = False) -> None:  # fmt: skip
    """Talk to the shop in the terminal."""
    from chatbot.terminal import chat as run
    from configs.settings import load

    run(load(config), customer_id=customer, trace=trace)


@cli.command()
def demo(
    once: Annotated[str | None, typer.Option("--once", help="Answer one question and end.")] = None,
    customer: Customer = None,
    as_json: Json = False,
    config: Config = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Prepare the packaged demo shop, answer one question in the terminal, then serve it.

    What is prepared already is not prepared again.
    """
    from chatbot.terminal import ask_once, prepare_demo
    from configs.settings import load, with_address

    settings = with_address(load(config), host=host, port=port)
    app = prepare_demo(settings, quiet=as_json)
    if once is not None:
        ask_once(app, once, customer_id=customer, as_json=as_json)
        return
    from chatbot.serve import serve as run

    ask_once(app, "How long can I return something, and what does a return cost?", keep_open=True)
    run(settings, app)


@cli.command()
def serve(
    config: Config = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Serve the API, the widget and the pages."""
    from chatbot.app import build
    from chatbot.serve import serve as run
    from configs.settings import load, with_address

    settings = with_address(load(config), host=host, port=port)
    run(settings, build(settings))


@cli.command()
def search(
    query: str,
    config: Config = None,
    k: Annotated[int, typer.Option("-k", help="How many.")] = 6,
    products: Annotated[
        bool, typer.Option("--products", help="Search the catalogue instead of the pages.")
    ] = False,
) -> None:
    """Show what the search finds, with confidences."""
    from chatbot.terminal import show_search
    from configs.settings import load

    show_search(load(config), query, k=k, products=products)


@cli.command()
def verify(
    config: Config = None,
    full: Annotated[
        bool, typer.Option("--full", help="Embed every text again, not a sample; takes as long as a rebuild.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check that the search index agrees with itself and with the shop's database; changes nothing.

    Rows, snapshot files, lexical index, vectors, the database's products, the pages that approved answers name. Ends
    with 1 if something differs, and says what repairs it.
    """
    settings = _to_write(config)
    from chatbot.upkeep import verify_index

    raise typer.Exit(0 if verify_index(settings, full=full, as_json=as_json) else 1)


@cli.command()
def rebuild(config: Config = None) -> None:
    """Repair the search index: mend its rows, follow the database's products, make everything else anew.

    Searches go on meanwhile. Leaves nothing of deleted pages in any file of the index. Ends with 1 if pages must be
    ingested again.
    """
    settings = _to_write(config)
    from chatbot.upkeep import rebuild_index

    raise typer.Exit(0 if rebuild_index(settings) else 1)


def _to_write(config: str | None) -> Settings:
    """The settings; a second writer is refused before anything that takes a second is imported."""
    from configs.settings import load
    from retrieval.lock import index_folder, refuse_if_held

    settings = load(config)
    refuse_if_held(index_folder(settings))
    return settings


@cli.command()
def keys(config: Config = None) -> None:
    """Print what the shop's pages and its server need to embed the widget and to sign customers in."""
    from chatbot.app import make_home
    from chatbot.auth import build_auth
    from configs.settings import load

    settings = load(config)
    make_home(settings)
    auth = build_auth(settings)
    typer.echo(f"site key         {auth.site_key}  (data-site of the widget; public)")
    typer.echo(f"identity secret  {auth.identity_secret}  (for the shop's server alone)")


@ingest.command("docs")
def ingest_docs(
    paths: list[Path],
    config: Config = None,
    mapping: Annotated[
        str | None, typer.Option(help="For a table of pages (CSV): which column is what.")
    ] = None,
    strict: Strict = False,
) -> None:
    """Pages: Markdown, HTML, text, PDF, DOCX; files and folders."""
    settings = _to_write(config)
    from chatbot.ingest import docs

    docs(settings, paths, mapping=mapping, strict=strict)


def _table_command(kind: Kind) -> None:
    @ingest.command(kind)
    def command(
        file: Path,
        config: Config = None,
        mapping: Annotated[
            str | None, typer.Option(help="A mapping file, or the name of a packaged one.")
        ] = None,
        strict: Strict = False,
        keep: Annotated[
            bool, typer.Option("--keep", help="The file is a part: remove nothing that it does not hold.")
        ] = False,
        source: Annotated[
            str | None, typer.Option(help="Name of the data's origin; the file's name if not given.")
        ] = None,
    ) -> None:
        from configs.settings import load

        settings = _to_write(config) if kind == "products" else load(config)
        from chatbot.ingest import table

        table(settings, kind, file, mapping=mapping, strict=strict, keep=keep, source=source)

    command.__doc__ = f"The shop's {kind}: CSV, JSONL or Parquet."


_KINDS: tuple[Kind, ...] = ("products", "customers", "orders", "purchases", "rates")
for _kind in _KINDS:
    _table_command(_kind)


@answers.command("import")
def answers_import(file: Path, config: Config = None) -> None:
    """Add or replace approved answers: YAML, JSON, JSONL or CSV."""
    from chatbot.ingest import approved
    from configs.settings import load

    approved(load(config), file)


@router.command("train")
def router_train(
    file: Annotated[Path | None, typer.Argument(help="CSV, JSONL or Parquet.")] = None,
    language: Annotated[str | None, typer.Option("--language", help="Of rows that name none; the shop's if not given.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="The column of the messages, if it is not found.")] = None,
    intent: Annotated[str | None, typer.Option("--intent", help="The column of the intents, if it is not found.")] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="theirs=ours: an intent of the file's and kefu's; theirs= leaves its rows out.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Serve the new model even if it is worse.")] = False,
    strict: Strict = False,
    as_json: Json = False,
    config: Config = None,
) -> None:  # fmt: skip
    """Train on labelled messages: columns text and intent, perhaps customer and language.

    The messages are added to those that are kept already. Without a file: train anew on those.
    """
    from chatbot.router.logs import Columns
    from chatbot.router_commands import train
    from configs.settings import load

    train(
        load(config),
        file,
        language=language,
        columns=Columns(text, intent),
        mapping=mapping or [],
        strict=strict,
        force=force,
        as_json=as_json,
    )


@router.command("show")
def router_show(as_json: Json = False, config: Config = None) -> None:
    """What is in service: examples by intent, when it was trained, how often it was right."""
    from chatbot.router_commands import show
    from configs.settings import load

    show(load(config), as_json=as_json)


@router.command("forget")
def router_forget(customer: str, config: Config = None) -> None:
    """Remove a customer's messages from the examples, and train anew without them."""
    from chatbot.router_commands import forget
    from configs.settings import load

    forget(load(config), customer)


@router.command("reset")
def router_reset(
    language: Annotated[str | None, typer.Option("--language", help="This one alone.")] = None,
    config: Config = None,
) -> None:
    """Back to the packaged examples; the shop's are deleted."""
    from chatbot.router_commands import reset
    from configs.settings import load

    reset(load(config), language)


@evaluate.command("run")
def eval_run(
    suite: str,
    as_json: Json = False,
    config: Config = None,
    split: Annotated[str, typer.Option(help="dev, test or all.")] = "all",
    failures: Annotated[bool, typer.Option("--failures", help="Show each failed case.")] = False,
    only: Annotated[str | None, typer.Option("--only", help="Run one case by its id.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="With all: run again what is kept already.")] = False,
) -> None:
    """Run a suite, or all of them, and keep what was found; `kefu eval suites` names them."""
    from eval.outcome import Options
    from eval.run import run, run_all

    options = Options(config, split, only, failures)
    if suite == "all":
        raise typer.Exit(run_all(options, as_json=as_json, fresh=fresh))
    run(suite, options, as_json=as_json)


@evaluate.command("suites")
def eval_suites(config: Config = None) -> None:
    """Name the suites, what they measure, and the newest run that is kept of each."""
    from eval.run import print_suites

    print_suites(config)


@evaluate.command("compare")
def eval_compare(
    first: str,
    second: str,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Compare two kept runs case by case: files, or SUITE:previous, SUITE:latest, SUITE:COMMIT."""
    from eval.compare import print_comparison

    print_comparison(first, second, config=config, as_json=as_json)


@evaluate.command("report")
def eval_report(
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write.")] = Path("kefu-eval.html"),
    table: Annotated[
        Path | None,
        typer.Option("--table", help="Renew the table of results in this Markdown file instead."),
    ] = None,
    config: Config = None,
) -> None:
    """Write one HTML page with the newest kept run of every suite: figures, intervals, baselines, plots."""
    from eval.html_report import write_page
    from eval.table import renew

    if table:
        renew(table, config)
    else:
        write_page(out, config)


def main() -> None:
    """Errors of ours are one clear message, not a traceback."""
    # Threads that spin while they wait starve the language model's process on a small machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # The same of numpy's: its products are small here, and threads that wait for each other cost more than they save as soon as
    # anybody else computes (a list of suggestions beside a busy machine: 47 ms with two, 9 ms with one).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        cli(standalone_mode=True)
    except KefuError as error:
        sys.stderr.write(f"kefu: {error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
