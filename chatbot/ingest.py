"""What ``kefu ingest`` and ``answers import`` do: import, index, report.

Ties the importers of the database to the search index; knows neither file formats nor models.
"""

from __future__ import annotations

import html
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from chatbot import answers
from chatbot.app import make_home, open_database
from chatbot.importers import Report, TableMapping, import_file, load_mapping, pages_from_table
from chatbot.importers.mapping import Kind
from chatbot.shop import Shop
from configs.settings import Settings
from retrieval.index import Index, StageProgress
from retrieval.ingest import IngestReport, ingest_docs, ingest_products
from retrieval.lock import index_folder, refuse_if_held

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)
_SHOWN = 20


def docs(settings: Settings, paths: Sequence[Path], *, mapping: str | None, strict: bool) -> None:
    """Pages into the index; with a mapping, each path is a table of pages.

    Exits with 1 if something was rejected.
    """
    with open_index(settings) as index, bar() as progress:
        reports = []
        if mapping is None:
            reports.append(ingest_docs(index, paths, progress=progress, strict=strict))
        else:
            columns = load_mapping(mapping)
            for path in paths:
                folder = unpack_pages(settings, path, columns)
                reports.append(ingest_docs(index, [folder], progress=progress, strict=strict))
    for report in reports:
        _show_pages(report)
    if any(report.rejected for report in reports):
        raise typer.Exit(1)


def unpack_pages(settings: Settings, table: Path, mapping: TableMapping) -> Path:
    """Write the pages of a table as HTML files, the form that the index reads; returns their folder."""
    folder = settings.home / "pages" / table.stem
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for identifier, title, body in pages_from_table(table, mapping):
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in identifier)
        page = f"<html><head><title>{html.escape(title)}</title></head><body>{body}</body></html>"
        (fresh / f"{name}.html").write_text(page, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder


def table(
    settings: Settings,
    kind: Kind,
    path: Path,
    *,
    mapping: str | None,
    strict: bool,
    keep: bool = False,
    source: str | None = None,
) -> None:
    """A table into the database; products also into the index. Exits with 1 if rows were rejected."""
    db = open_database(settings)
    if kind == "products":
        refuse_if_held(index_folder(settings))  # before the database is changed
    with err.status(f"Reading {path.name} …") as status:
        report = import_file(
            db,
            kind,
            path,
            load_mapping(mapping) if mapping else None,
            strict=strict,
            prune=not keep,
            source=source,
            currency=settings.shop.currency,
            progress=lambda stage, done: status.update(f"{stage}: {done:,}"),
        )
    _show_table(report)
    if kind == "products":
        with open_index(settings) as index, bar() as progress:
            indexed = index_products(db, index, progress)
        _show_withheld(indexed)
    if report.rejected_count:
        raise typer.Exit(1)


def index_products(db: sa.Engine, index: Index, progress: StageProgress | None = None) -> IngestReport:
    """Make the index hold the database's products."""
    return ingest_products(index, Shop(db).all_products(), progress=progress)


def approved(settings: Settings, path: Path) -> None:
    """Approved answers into the database."""
    written, unchanged = answers.import_file(open_database(settings), path)
    out.print(f"approved answers: {written} written, {unchanged} unchanged")


@contextmanager
def open_index(settings: Settings) -> Iterator[Index]:
    """The index, for writing: refused before the models are loaded if somebody else writes."""
    make_home(settings)
    refuse_if_held(index_folder(settings))
    index = Index.open(settings)
    try:
        yield index
    finally:
        index.close()


@contextmanager
def bar() -> Iterator[StageProgress]:
    """A progress bar by stage, on stderr."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=err, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield tell


def _show_pages(report: IngestReport) -> None:
    out.print(
        f"pages: {report.read} files read, {report.added} added, {report.changed} changed, "
        f"{report.unchanged} unchanged, {report.removed} removed, {len(report.rejected)} rejected"
    )
    _show_withheld(report)
    for rejected in report.rejected[:_SHOWN]:
        expected = f" (expected: {escape(rejected.expected)})" if rejected.expected else ""
        out.print(f"  [red]✗[/red] {escape(rejected.file)}: {escape(rejected.what)}{expected}")


def _show_withheld(report: IngestReport) -> None:
    """What is not served, so that somebody looks at how it came into the shop's texts."""
    if not report.withheld:
        return
    out.print(
        f"  [yellow]![/yellow] {len(report.withheld)} passages give orders to the assistant and are not served:"
    )
    for kept in report.withheld[:_SHOWN]:
        text = " ".join(kept.text.split())
        shown = f"{text[:80]}…" if len(text) > 80 else text
        out.print(f"    {escape(kept.document)}: {escape(shown)} ({kept.reason})")
    if len(report.withheld) > _SHOWN:
        out.print(f"    … and {len(report.withheld) - _SHOWN:,} more")


def _show_table(report: Report) -> None:
    out.print(
        f"{report.kind}: {report.read:,} rows read in {report.seconds:.1f} s; {report.added:,} added, "
        f"{report.changed:,} changed, {report.unchanged:,} unchanged, {report.removed:,} removed, "
        f"{report.rejected_count:,} rows rejected"
    )
    for reason, count in report.skipped.items():
        out.print(f"  skipped {count:,}: {escape(reason)}")
    for note in report.notes:
        out.print(f"  [dim]{escape(note)}[/dim]")
    for error in report.rejected[:_SHOWN]:
        out.print(f"  [red]✗[/red] {escape(str(error))}")
    if report.rejected_count > _SHOWN:
        out.print(f"  … and {report.rejected_count - _SHOWN:,} more")
