"""``kefu eval run``: runs one suite, or all of them one after the other; shows progress, prints, keeps. Knows no metric.

A run of all is resumable: what was kept for the same commit, settings, data and versions is not run again.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from configs.errors import ConfigError, InputError
from configs.settings import Settings, load
from eval.figures import figures, number
from eval.kept import Run, keep, live_adapter, machine, now, origin, read, runs
from eval.outcome import Options, Tell
from eval.report import commit, err, out, print_json, print_metrics
from eval.suites import SUITES, Suite, suite_named


@dataclass(frozen=True, slots=True)
class Result:
    """``state`` is ran, kept (there was a run already), skipped (no data) or failed."""

    suite: Suite
    state: str
    seconds: float = 0.0
    file: Path | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""


def run(name: str, options: Options, *, as_json: bool = False) -> dict[str, float]:
    """Run a suite, print its report, keep it; returns the metrics. A part (``split``, ``only``) is not kept.

    Raises:
        InputError: there is no such suite, split or case.
        ConfigError: the suite's data are not there.
    """
    suite = suite_named(name)
    settings = load(options.config)
    with _progress() as bars:
        made = _made(suite, options, settings, _telling(bars))
    if _whole(options):
        err.print(f"[dim]kept in {escape(str(keep(settings.home, made)))}[/dim]")
    console = out(quiet=as_json)
    console.print(f"[dim]{escape(made.outcome.about)}[/dim]")
    for line in made.outcome.notes:
        console.print(line)
    print_metrics(console, made.outcome.metrics)
    if as_json:
        print_json("suite", name, made.outcome.metrics, made.seconds)
    return dict(made.outcome.metrics)


def run_all(options: Options, *, as_json: bool = False, fresh: bool = False) -> int:
    """Run every suite; returns the exit status: 1 if one failed, 130 if interrupted.

    Raises:
        InputError: ``options`` ask for a part.
    """
    if not _whole(options) or options.failures:
        raise InputError(
            "`kefu eval run all` runs everything",
            expected="no --split, --only or --failures",
            hint="name one suite",
        )
    settings = load(options.config)
    started = time.perf_counter()
    results: list[Result] = []
    interrupted = False
    with _progress() as bars:
        whole, tell = bars.add_task("suites", total=len(SUITES)), _telling(bars)
        try:
            for suite in SUITES:
                bars.update(whole, description=suite.name)
                results.append(_one(suite, options, settings, tell, fresh=fresh))
                bars.console.print(_line(results[-1]))
                bars.advance(whole)
        except KeyboardInterrupt:
            interrupted = True
            err.print(
                "[yellow]interrupted: what is done is kept; the same command goes on from there[/yellow]"
            )
    _print_results(out(quiet=as_json), results)
    if as_json:
        print(json.dumps(_told(results, time.perf_counter() - started), ensure_ascii=False))
    return 130 if interrupted else int(any(result.state == "failed" for result in results))


def _one(suite: Suite, options: Options, settings: Settings, tell: Tell, *, fresh: bool) -> Result:
    before = None if fresh else _kept_before(suite, settings)
    if before:
        file, old = before
        return Result(suite, "kept", old.seconds, file, old.outcome.metrics)
    started = time.perf_counter()
    try:
        made = _made(suite, options, settings, tell)
        file = keep(settings.home, made)
    except Exception as error:  # noqa: BLE001 - one broken suite must not take the others with it
        seconds = time.perf_counter() - started
        if isinstance(error, ConfigError) and "KEFU_DATA" in str(error):
            return Result(suite, "skipped", seconds, reason=str(error))
        err.print(escape(traceback.format_exc()), style="dim")
        return Result(suite, "failed", seconds, reason=f"{type(error).__name__}: {error}")
    return Result(suite, "ran", made.seconds, file, made.outcome.metrics)


def _kept_before(suite: Suite, settings: Settings) -> tuple[Path, Run] | None:
    """A run of this very code, settings and data; none if files differ from the commit."""
    wanted = origin(settings, suite.data, commit())
    if wanted.repeatable:
        for file in reversed(runs(settings.home, suite.name)):
            if file.stem.endswith(f"-{wanted.commit}") and (old := read(file)).origin == wanted:
                return file, old
    return None


def _made(suite: Suite, options: Options, settings: Settings, tell: Tell) -> Run:
    came_from, where, started = origin(settings, suite.data, commit()), machine(), now()
    begun = time.perf_counter()
    outcome = suite.run(options, tell)
    # A suite that makes the demo shop ready lets the packaged adapter answer.
    came_from = replace(came_from, adapter=live_adapter(settings))
    return Run(
        suite.name,
        outcome,
        came_from,
        " ".join(["kefu", *sys.argv[1:]]),
        started,
        round(time.perf_counter() - begun, 1),
        where,
    )


def _whole(options: Options) -> bool:
    return options.split == "all" and options.only is None


# --- progress -----------------------------------------------------------------------------------------------


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        yield progress


def _telling(bars: Progress) -> Tell:
    """Shows one stage at a time; each begins at zero."""
    stage = ""
    task: TaskID | None = None

    def tell(what: str, done: int, total: int) -> None:
        nonlocal stage, task
        if what != stage or task is None:
            if task is not None:
                bars.remove_task(task)
            stage, task = what, bars.add_task(f"[dim]{escape(what)}[/dim]", total=None)
        bars.update(task, completed=done, total=total or None)

    return tell


# --- printing -----------------------------------------------------------------------------------------------

_COLOURS = {"ran": "green", "kept": "cyan", "skipped": "yellow", "failed": "red"}


def _line(result: Result) -> str:
    """What became of a suite, as soon as it is known."""
    told = {
        "ran": f"{result.seconds:.0f} s",
        "kept": f"not run again: {result.file} is of this commit, these settings and data",
    }.get(result.state, result.reason)
    colour = _COLOURS[result.state]
    return f"[{colour}]{result.state}[/{colour}] {result.suite.name}: {escape(told)}"


def _print_results(console: Console, results: Sequence[Result]) -> None:
    table = Table("suite", "", "figure", "value (95 % interval)", "baselines")
    for result in results:
        shown = figures(result.metrics, result.suite.figures, result.suite.baselines)
        state = f"[{_COLOURS[result.state]}]{result.state}[/{_COLOURS[result.state]}]"
        if not shown:
            reason = result.reason or f"{number(len(result.metrics))} metrics"
            table.add_row(result.suite.name, state, "", escape(reason), "")
        for place, figure in enumerate(shown):
            first = (result.suite.name, state) if place == 0 else ("", "")
            table.add_row(*first, figure.name, str(figure), figure.told_baselines)
        table.add_section()
    console.print(table)


def _told(results: Sequence[Result], seconds: float) -> dict[str, object]:
    return {
        "suites": {
            result.suite.name: {
                "state": result.state,
                "metrics": dict(result.metrics),
                "file": str(result.file) if result.file else None,
                "reason": result.reason,
                "seconds": round(result.seconds, 1),
            }
            for result in results
        },
        "command": " ".join(["kefu", *sys.argv[1:]]),
        "commit": commit(),
        "seconds": round(seconds, 1),
    }


def print_suites(config: str | None = None) -> None:
    home = load(config).home
    table = Table("suite", "what it measures", "newest run", box=SIMPLE_HEAD, pad_edge=False)
    for suite in SUITES:
        files = runs(home, suite.name)
        newest = files[-1].stem if files else "none"
        table.add_row(suite.name, f"{suite.what} [dim]({escape(suite.dataset)})[/dim]", newest)
    table.columns[2].no_wrap = True
    out(quiet=False).print(table)
