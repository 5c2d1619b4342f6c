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


def passes(results: Sequence[CaseResult]) -> list[str]:
    """Lines: passes by rung, category, split, language and number of turns."""
    groups = {
        "rung": by(results, lambda result: result.rung),
        "category": by(results, lambda result: result.case.category),
        "split": by(results, lambda result: result.case.split),
        "language": by(results, lambda result: result.case.language),
        "turns": by(results, lambda result: "several" if len(result.case.turns) > 1 else "one"),
    }
    width = max(len(name) for rows in groups.values() for name in rows)
    return [
        f"{'' if number else group:<8}  {name:<{width}}  {passed:>4} of {all_:>4}  {passed / all_:>4.0%}"
        for group, rows in groups.items()
        for number, (name, (passed, all_)) in enumerate(rows.items())
    ]


def print_metrics(console: Console, metrics: Mapping[str, float]) -> None:
    table = Table("metric", "value")
    for name, value in metrics.items():
        table.add_row(name, f"{value:g}")
    console.print(table)


def failures(results: Sequence[CaseResult]) -> list[str]:
    """Lines: each failed case, and each with a wrong fact or a leak: what was said, what came back, what is amiss."""
    lines = []
    for result in results:
        wrong = [item for turn in result.turns for item in (*turn.wrong, *turn.leaked)]
        if result.passed and not wrong:
            continue
        case = result.case
        told = f"{case.category}, {case.split}, customer {case.customer or 'none'}"
        lines += ["", f"[bold]{case.id}[/bold] ({escape(told)})"]
        for turn in result.turns:
            reply = turn.reply
            calls = ", ".join(f"{call.name}{dict(call.arguments)}" for call in reply.calls)
            lines.append(f"  [cyan]? {escape(turn.say.say)}[/cyan]")
            lines.append(f"  [dim]{reply.rung}/{reply.kind}[/dim] {escape(reply.text)}")
            if calls:
                lines.append(f"  [dim]{escape(calls)}[/dim]")
            amiss = [
                *turn.problems,
                *(f"wrong {item.what} {item.value}: {item.why}" for item in turn.wrong),
                *(f"leak of {item.what} {item.value}: {item.why}" for item in turn.leaked),
            ]
            lines += [f"    [red]✗ {escape(problem)}[/red]" for problem in amiss]
        lines += [f"    [red]✗ {escape(problem)}[/red]" for problem in result.problems]
    return lines
