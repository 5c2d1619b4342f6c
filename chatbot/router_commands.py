"""What ``kefu router train``, ``show``, ``forget`` and ``reset`` do: read, train, report.

Ties settings, secret and embedder to ``chatbot.router``; trains nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatbot.app import embeddings_of, make_home, router_folder
from chatbot.auth import load_secret, pseudonym
from chatbot.ingest import bar
from chatbot.intents import Space, packaged_intents, packaged_languages
from chatbot.router import store
from chatbot.router.logs import Columns, Logs, read_logs
from chatbot.router.training import Comparison, Interval, Outcome, Router
from chatbot.router.training import forget as forget_customer
from chatbot.router.training import reset as reset_language
from chatbot.router.training import train as train_language
from configs.errors import ConfigError, InputError
from configs.settings import Settings
from retrieval.embed import load_embedder

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_SHOWN = 20
_CONFUSED = 8


def train(
    settings: Settings,
    path: Path | None,
    *,
    language: str | None,
    columns: Columns,
    mapping: Sequence[str],
    strict: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Train each language of the file, or anew on what is kept. Exits with 1 if rows were rejected or a model was not
    put into service."""
    language = language or settings.shop.locale.split("-")[0]
    known = {name: list(packaged_intents(name)) for name in packaged_languages()}
    logs = None
    if path is not None:
        logs = read_logs(
            path, known, language=language, columns=columns, mapping=_pairs(mapping), strict=strict
        )
        _show_rejected(logs)
        if not logs.rows:
            raise InputError(
                f"no row of {path.name} can be used", hint="correct the rows above, or map their intents"
            )
    rows = logs.rows if logs else []
    languages = sorted({row.language for row in rows}) if logs else [language]
    outcomes: dict[str, Outcome] = {}
    for name in languages:
        router = router_of(settings, name)
        with bar() as progress:
            outcomes[name] = train_language(router, rows, progress, force=force)
        _show_outcome(err if as_json else out, name, outcomes[name])
    if as_json:
        print(json.dumps({name: _json(outcome) for name, outcome in outcomes.items()}, ensure_ascii=False))
    if (logs and logs.rejected) or not all(outcome.served for outcome in outcomes.values()):
        raise typer.Exit(1)


def show(settings: Settings, *, as_json: bool) -> None:
    """What is in service, by language."""
    folder = router_folder(settings)
    facts = {}
    for language in packaged_languages():
        counts = {
            intent: {"packaged": len(texts), "shop": 0}
            for intent, texts in packaged_intents(language).items()
        }
        in_service, why, trained = "zero-shot", "", None
        try:
            kept = store.load(store.path_of(folder, language))
            if kept is not None:
                for intent, count in store.by_intent(kept.examples).items():
                    counts.setdefault(intent, {"packaged": 0})["shop"] = count
                why = kept.stale(language, router_of(settings, language).space)
                trained = kept.trained
                if trained is None:
                    why = why or "the examples are kept, but nothing is trained on them"
                elif not why:
                    in_service = "trained"
        except ConfigError as error:
            why = str(error)
        facts[language] = {
            "in_service": in_service,
            "why": why,
            "trained": trained.at if trained else None,
            "figures": dict(trained.figures) if trained else {},
            "examples": counts,
        }
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    for language, fact in facts.items():
        _show_language(language, fact)


def forget(settings: Settings, customer_id: str) -> None:
    """Remove a customer's examples of every language."""
    gone = 0
    for language in packaged_languages():
        if store.path_of(router_folder(settings), language).exists():
            with bar() as progress:
                gone += forget_customer(router_of(settings, language), customer_id, progress)
    out.print(f"{gone} examples of customer {escape(customer_id)} removed")


def reset(settings: Settings, language: str | None) -> None:
    """Back to nearest examples."""
    languages = packaged_languages() if language is None else [language]
    if language is not None and language not in packaged_languages():
        raise InputError(
            f"there is no language {language!r}", expected=f"one of {', '.join(packaged_languages())}"
        )
    done = [name for name in languages if reset_language(router_folder(settings), name)]
    out.print(f"reset: {', '.join(done)}" if done else "nothing was trained: nearest examples are in service")


def router_of(settings: Settings, language: str) -> Router:
    """The router of one language, with this installation's embedder and secret."""
    make_home(settings)
    embedding = embeddings_of(settings, load_embedder(settings.retrieval.embedder))[language]
    secret = load_secret(settings)
    return Router(
        router_folder(settings),
        language,
        Space(embedding.passages, embedding.queries),
        lambda customer_id: pseudonym(secret, customer_id),
    )


def _pairs(mapping: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for pair in mapping:
        theirs, sign, ours = pair.partition("=")
        if not sign or not theirs.strip():
            raise InputError(
                f"--map has {pair!r}", expected="theirs=ours, as in --map track_order=order_status"
            )
        pairs[theirs.strip()] = ours.strip()
    return pairs


# --- what is printed ----------------------------------------------------------------------------------------


def _show_rejected(logs: Logs) -> None:
    for note in logs.notes:
        err.print(escape(note))
    for error in logs.rejected[:_SHOWN]:
        err.print(f"[red]✗[/red] {escape(str(error))}")
    if len(logs.rejected) > _SHOWN:
        err.print(f"  … and {len(logs.rejected) - _SHOWN:,} more")
    for intent, count in sorted(logs.unknown.items(), key=lambda pair: (-pair[1], pair[0])):
        err.print(f"  {count:,} rows have the unknown intent {escape(intent or 'nothing')}")


def _show_outcome(console: Console, language: str, outcome: Outcome) -> None:
    found = outcome.comparison
    console.print(
        f"{language}: {outcome.examples:,} examples of the shop's ({outcome.added:,} new, {outcome.replaced:,} replaced)"
    )
    table = Table("right on held-out messages", f"the shop's {found.messages:,}", "packaged examples")
    table.add_row("nearest examples (zero-shot)", _percent(found.zero_shot), "")
    table.add_row("in service until now", _percent(found.before), _percent(found.packaged_before))
    table.add_row("new", _percent(found.after), _percent(found.packaged_after))
    console.print(table)
    _show_confused(console, found)
    if outcome.served and not found.worse:
        console.print("[green]✓[/green] the new model is in service")
    elif outcome.served:
        console.print(f"[yellow]![/yellow] in service by --force, although {found.worse}")
    else:
        console.print(f"[red]✗[/red] nothing was changed: {found.worse}. To serve it all the same: --force")


def _show_confused(console: Console, found: Comparison) -> None:
    if not found.confused:
        return
    table = Table("intent", "taken for", "messages")
    for intent, taken, count in found.confused[:_CONFUSED]:
        table.add_row(intent, taken, str(count))
    console.print(table)


def _show_language(language: str, fact: Mapping[str, object]) -> None:
    examples: Mapping[str, Mapping[str, int]] = fact["examples"]  # type: ignore[assignment]  # as built above
    figures: Mapping[str, float] = fact["figures"]  # type: ignore[assignment]  # as built above
    out.print(
        f"[bold]{language}[/bold]: {fact['in_service']}"
        + (f", trained {fact['trained']}" if fact["trained"] else "")
    )
    if fact["why"]:
        out.print(f"  [yellow]![/yellow] {escape(str(fact['why']))}")
    if figures:
        out.print(
            f"  right on {figures['messages']:.0f} held-out messages of the shop: "
            f"{figures['after']:.1%} ({figures['after_low']:.1%} to {figures['after_high']:.1%}), "
            f"zero-shot {figures['zero_shot']:.1%}"
        )
    table = Table("intent", "packaged", "the shop's")
    for intent, counts in examples.items():
        table.add_row(intent, str(counts["packaged"]), str(counts["shop"]))
    out.print(table)


def _percent(value: Interval) -> str:
    return f"{value.mean:.1%} ({value.low:.1%} to {value.high:.1%})"


def _json(outcome: Outcome) -> dict[str, object]:
    found = outcome.comparison
    return {
        "served": outcome.served,
        "why_not": found.worse,
        "examples": outcome.examples,
        "added": outcome.added,
        "replaced": outcome.replaced,
        **found.figures(),
        "gain": round(found.gain.mean, 4),
        "gain_low": round(found.gain.low, 4),
        "gain_high": round(found.gain.high, 4),
        "confused": [list(row) for row in found.confused],
    }
