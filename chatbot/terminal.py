"""Talking to the shop in a terminal, and preparing the demo shop with visible progress.

Reads the events of ``turn.answer`` like every other front end. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatbot.app import App, build, open_database
from chatbot.conversation import Conversation, Done, Failed, Sentence, Turn, to_json
from chatbot.ingest import bar
from chatbot.turn import answer
from configs.errors import NotFoundError
from configs.settings import Settings

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)


def prepare_demo(settings: Settings, *, quiet: bool = False) -> App:
    """Fill an empty home with the demo shop: rows, answers, index; then build the service."""
    from chatbot.demo.seed import prepare

    db = open_database(settings)

    def say(message: str) -> None:
        if not quiet:
            done = not message.endswith("…")
            err.print(f"[green]✓[/green] {escape(message)}" if done else f"  {escape(message)}")

    prepare(settings, db, say)
    app = build(settings, db=db)
    with bar() as progress:
        app.warm(progress)
    say(f"chat model: {app.engine.model}")
    return app


def _conversation(app: App, customer_id: str | None) -> Conversation:
    if customer_id is not None and app.shop.customer(customer_id) is None:
        raise NotFoundError(
            f"there is no customer {customer_id!r}",
            hint="leave --customer out, or give the id of an imported one",
        )
    return app.store.create_conversation(f"terminal-{os.getpid()}", customer_id, app.settings.shop.locale)


def ask_once(
    app: App, question: str, *, customer_id: str | None = None, as_json: bool = False, keep_open: bool = False
) -> None:
    """Answer one question and print reply, sources and timings. Exits with 1 if the turn failed."""

    async def run() -> Done | Failed:
        try:
            return await _stream(app, _conversation(app, customer_id), question, show=not as_json)
        finally:
            if not keep_open:
                await app.aclose()

    if not as_json:
        out.print(f"[bold cyan]?[/bold cyan] {escape(question)}")
    end = asyncio.run(run())
    if as_json:
        print(json.dumps(to_json(end.turn if isinstance(end, Done) else end), ensure_ascii=False))
    elif isinstance(end, Done):
        _sources(end.turn)
        _timings(end.turn)
    if isinstance(end, Failed) and not keep_open:
        raise typer.Exit(1)


def chat(settings: Settings, *, customer_id: str | None = None, trace: bool = False) -> None:
    """A conversation until end of input, ``quit`` or Ctrl-C."""
    with err.status("Loading …"):
        app = build(settings)

    async def run() -> None:
        conversation = _conversation(app, customer_id)
        facts = app.settings.shop
        out.print(
            f"[bold]{escape(facts.name)}[/bold] · a machine answers{' · simulated shop' if facts.simulated else ''} · quit ends"
        )
        try:
            while True:
                try:
                    question = await asyncio.to_thread(input, "\n› ")
                except (EOFError, KeyboardInterrupt):
                    break
                if question.strip().lower() in ("quit", "exit"):
                    break
                end = await _stream(app, conversation, question, show=True)
                if isinstance(end, Done):
                    _sources(end.turn)
                    if trace:
                        _trace(end.turn)
        finally:
            await app.aclose()

    asyncio.run(run())


async def _stream(app: App, conversation: Conversation, question: str, *, show: bool) -> Done | Failed:
    end: Done | Failed | None = None
    async for event in answer(app.bot, conversation, question):
        if isinstance(event, Sentence) and show:
            out.print(escape(event.text), end="")
        elif isinstance(event, Done | Failed):
            end = event
            if show:
                out.print(f"[red]{escape(event.text)}[/red]" if isinstance(event, Failed) else "")
    assert end is not None, "every turn ends in Done or Failed"
    return end


def _sources(turn: Turn) -> None:
    seen: set[str] = set()
    for citation in turn.reply.citations:
        if citation.passage_id not in seen:
            seen.add(citation.passage_id)
            out.print(f"  [dim]source: {escape(citation.title)} ({escape(citation.source)})[/dim]")
    for card in turn.reply.cards:
        out.print(f"  [dim]· {escape(card.title)} ({escape(card.id)})[/dim]")


def _timings(turn: Turn) -> None:
    timings = turn.timings
    out.print(
        f"  [dim]rung: {turn.reply.rung} · first sentence {timings.get('first_sentence', 0):.0f} ms"
        f" · done {timings.get('done', 0):.0f} ms · model {escape(turn.model)}[/dim]"
    )


def _trace(turn: Turn) -> None:
    table = Table(show_header=False, box=None, padding=(0, 1))
    for plan in turn.plans:
        table.add_row("plan", escape(f"{plan.intent} {plan.confidence:.2f} {dict(plan.slots)}"))
    for result in turn.evidence.results:
        table.add_row(
            "tool",
            escape(f"{result.call.name}{dict(result.call.arguments)} -> {result.error or result.template}"),
        )
    for passage in turn.evidence.passages:
        table.add_row(f"{passage.score:.2f}", escape(passage.title))
    for item in turn.reply.dropped:
        table.add_row("dropped", escape(f"{item.reason}: {item.text}"))
    table.add_row("ms", escape(", ".join(f"{stage} {value:.0f}" for stage, value in turn.timings.items())))
    out.print(table)
    _timings(turn)


def show_search(settings: Settings, query: str, *, k: int, products: bool) -> None:
    """What the search finds, as a table."""
    db = open_database(settings)
    app = build(settings, db=db)
    rows: Sequence[tuple[float, str, str]]
    if products:
        hits = app.products.search(query, k=k)
        names = {product.sku: product.name for product in app.shop.products([hit.sku for hit in hits])}
        rows = [(hit.score, hit.sku, names.get(hit.sku, "")) for hit in hits]
    else:
        rows = [(p.score, p.title, " ".join(p.text.split())[:160]) for p in app.search.search(query, k=k)]
    table = Table("score", "what", "text")
    for score, what, text in rows:
        table.add_row(f"{score:.2f}", escape(what), escape(text))
    out.print(table)
    asyncio.run(app.aclose())
