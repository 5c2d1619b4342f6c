"""What ``kefu verify`` and ``kefu rebuild`` do: the search index against itself and against the shop's database.

Knows what to advise, not how an index is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import sqlalchemy as sa
from rich.markup import escape

from chatbot import answers
from chatbot.app import open_database
from chatbot.ingest import bar, open_index, out
from chatbot.shop import Shop
from configs.settings import Settings
from retrieval.catalogue import CATALOGUE
from retrieval.index import Index, Rebuilt
from retrieval.index.verify import Problem, Verification, some
from retrieval.ingest import IngestReport, product_differences, put_products

_SHOWN = 10


def verify_index(settings: Settings, *, full: bool = False, as_json: bool = False) -> bool:
    """Print what is wrong, and what to do about it; True if nothing is."""
    db = open_database(settings)
    with open_index(settings) as index, bar() as progress:
        result = index.verify(full=full, progress=progress)
        problems = [*result.problems, *shop_problems(db, index), *answer_problems(db, index)]
        version = index.version
    if as_json:
        told = {"ok": not problems, "version": version, "full": full, **asdict(result)}
        print(json.dumps({**told, "problems": [asdict(problem) for problem in problems]}, ensure_ascii=False))
        return not problems
    for problem in problems:
        out.print(f"[red]✗[/red] {escape(str(problem))}")
    for repair in dict.fromkeys(problem.repair for problem in problems):
        out.print(f"repair it with: {escape(repair)}")
    if not problems:
        out.print("[green]✓[/green] the index agrees with itself and with the shop")
    out.print(f"[dim]{_checked(result, full)}[/dim]")
    return not problems


def _checked(result: Verification, full: bool) -> str:
    compared, kept = sum(result.embedded.values()), sum(result.vectors.values())
    what = f"{result.passages.get('page', 0):,} passages of pages, {result.passages.get('product', 0):,} products, "
    what += f"{kept:,} vectors; {compared:,} of these compared with what their text gives"
    return what if full or compared == kept else f"{what} (all of them: kefu verify --full)"


def shop_problems(db: sa.Engine, index: Index) -> Iterator[Problem]:
    """What the index tells of products otherwise than the shop's database."""
    says = {
        "missing": "in the database, and not in the index",
        "changed": "changed in the database since they were indexed",
        "foreign": "in the index, and no longer in the database",
    }
    for what, ids in product_differences(index.rows, Shop(db).all_products()).items():
        yield Problem("products", f"{some(ids, 'product')} {says[what]}")


def answer_problems(db: sa.Engine, index: Index) -> Iterator[Problem]:
    """Approved answers whose page the index does not hold."""
    known = {document.id for kind in ("page", "product") for document in index.rows.documents(kind)}
    known |= {name.rpartition(".")[0] for name in known}
    for answer in answers.stored(db):
        if answer.source and answer.source not in known:
            yield Problem(
                "approved answers",
                f"the answer {answer.id!r} names the page {answer.source!r}, which is not in the index",
                "kefu ingest docs, or kefu answers import with another source",
            )


def rebuild_index(settings: Settings) -> bool:
    """Repair what can be repaired, and tell; False if pages must be ingested again."""
    db = open_database(settings)
    products: list[IngestReport] = []
    with open_index(settings) as index, bar() as progress:
        rebuilt = index.rebuild(
            progress, change=lambda rows: products.append(put_products(rows, Shop(db).all_products()))
        )
    return _tell(rebuilt, products[0])


def _tell(rebuilt: Rebuilt, products: IngestReport) -> bool:
    mended = rebuilt.mended
    if mended.restored:
        out.print(f"restored from the last snapshot: {_names(mended.restored)}")
    if products.added or products.changed or products.removed:
        out.print(
            f"products taken from the database: {products.added} added, {products.changed} changed, "
            f"{products.removed} removed"
        )
    pages = [document for document in mended.dropped if document.root != CATALOGUE]
    if gone := [name for name in mended.gone if not name.startswith("product:")]:
        out.print(f"no longer there: {_names(gone)}; if that is wrong, ingest them again")
    out.print(f"[green]✓[/green] rebuilt, version {rebuilt.version}")
    if pages:
        out.print(
            f"[red]✗[/red] taken out, as their rows were damaged: {_names([page.id for page in pages])}"
        )
        for root in dict.fromkeys(page.root for page in pages):
            out.print(f"ingest them again: kefu ingest docs {escape(root)}")
    return not pages


def _names(ids: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return escape(", ".join(ids[:_SHOWN]) + more)
