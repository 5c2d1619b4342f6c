"""What an evaluation or a benchmark prints: tables for people, one JSON object last for machines. Scores nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eval.metrics import CaseResult, by

err = Console(stderr=True, highlight=False, soft_wrap=True)


def out(*, quiet: bool) -> Console:
    """Where tables go: with JSON wanted, to standard error."""
    return err if quiet else Console(highlight=False, soft_wrap=True)


def print_json(kind: str, name: str, metrics: Mapping[str, float], seconds: float) -> None:
    """The last line of ``--json``; ``kind`` is ``suite`` or ``bench``."""
    told = {
        kind: name,
        "metrics": dict(metrics),
        "command": " ".join(["kefu", *sys.argv[1:]]),
        "commit": commit(),
        "seconds": round(seconds, 1),
    }
    print(json.dumps(told, ensure_ascii=False))


def commit() -> str:
    """The commit of the code, ``+`` if files differ from it, ``unknown`` outside a checkout."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def print_tables(console: Console, results: Sequence[CaseResult], metrics: Mapping[str, float]) -> None:
    """Passes by rung, category, split and language, then the metrics."""
    groups = {
        "rung": by(results, lambda result: result.rung),
        "category": by(results, lambda result: result.case.category),
        "split": by(results, lambda result: result.case.split),
        "language": by(results, lambda result: result.case.language),
        "turns": by(results, lambda result: "several" if len(result.case.turns) > 1 else "one"),
    }
    table = Table("by", "", "passed", "of", "%")
    for group, rows in groups.items():
        for number, (name, (passed, all_)) in enumerate(rows.items()):
            table.add_row("" if number else group, name, str(passed), str(all_), f"{passed / all_:.0%}")
        table.add_section()
    console.print(table)
    print_metrics(console, metrics)


def print_metrics(console: Console, metrics: Mapping[str, float]) -> None:
    table = Table("metric", "value")
    for name, value in metrics.items():
        table.add_row(name, f"{value:g}")
    console.print(table)


def print_failures(console: Console, results: Sequence[CaseResult]) -> None:
    """Each failed case, and each with a wrong fact or a leak: what was said, what came back, what is amiss."""
    for result in results:
        wrong = [item for turn in result.turns for item in (*turn.wrong, *turn.leaked)]
        if result.passed and not wrong:
            continue
        case = result.case
        console.print(
            f"\n[bold]{case.id}[/bold] ({case.category}, {case.split}, customer {case.customer or 'none'})"
        )
        for turn in result.turns:
            reply = turn.reply
            calls = ", ".join(f"{call.name}{dict(call.arguments)}" for call in reply.calls)
            console.print(f"  [cyan]? {escape(turn.say.say)}[/cyan]")
            console.print(f"  [dim]{reply.rung}/{reply.kind}[/dim] {escape(reply.text)}")
            if calls:
                console.print(f"  [dim]{escape(calls)}[/dim]")
            for problem in turn.problems:
                console.print(f"    [red]✗ {escape(problem)}[/red]")
            for item in turn.wrong:
                console.print(f"    [red]✗ wrong {item.what} {escape(item.value)}: {escape(item.why)}[/red]")
            for item in turn.leaked:
                console.print(
                    f"    [red]✗ leak of {item.what} {escape(item.value)}: {escape(item.why)}[/red]"
                )
        for problem in result.problems:
            console.print(f"    [red]✗ {escape(problem)}[/red]")
