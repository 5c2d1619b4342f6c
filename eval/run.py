"""``kefu eval run SUITE``: picks the suite, shows progress, prints the report. Knows no metric."""

from __future__ import annotations

import asyncio
import time

from rich.progress import Progress

from configs.errors import InputError
from configs.settings import load
from eval.golden import CASES, load_cases
from eval.metrics import CaseResult, summary
from eval.report import err, out, print_failures, print_json, print_tables

SUITES = ("demo", "real", "doc2dial", "router")


def run(
    suite: str,
    *,
    config: str | None = None,
    as_json: bool = False,
    split: str = "all",
    failures: bool = False,
    only: str | None = None,
) -> dict[str, float]:
    """Run a suite and print its report; returns the metrics.

    Raises:
        InputError: there is no such suite, split or case.
    """
    if suite == "demo":
        return _demo(config, as_json=as_json, split=split, failures=failures, only=only)
    if suite == "real":
        from eval.real_shops import run_real

        return run_real(config, as_json=as_json, failures=failures, only=only)
    if suite == "doc2dial":
        from eval.doc2dial import run_doc2dial

        return run_doc2dial(config, as_json=as_json)
    if suite == "router":
        from eval.router import run_router

        return run_router(as_json=as_json)
    raise InputError(f"there is no suite {suite!r}", expected=" or ".join(SUITES))


def _demo(
    config: str | None, *, as_json: bool, split: str, failures: bool, only: str | None
) -> dict[str, float]:
    from eval.demo import demo_app, replay

    started = time.perf_counter()
    cases = load_cases(CASES / "demo", split=split, only=only)
    console = out(quiet=as_json)
    settings = load(config)

    async def replayed(progress: Progress) -> list[CaseResult]:
        async with demo_app(settings, lambda message: progress.console.print(f"[dim]{message}[/dim]")) as app:
            bar = progress.add_task(f"{len(cases)} cases", total=len(cases))
            return await replay(app, cases, lambda done, of: progress.update(bar, completed=done, total=of))

    with Progress(console=err, transient=True) as progress:
        results = asyncio.run(replayed(progress))
    metrics = summary(results)
    if failures:
        print_failures(console, results)
    print_tables(console, results, metrics)
    if as_json:
        print_json("suite", "demo", metrics, time.perf_counter() - started)
    return metrics
