"""Makes the packaged demo shop ready: rows in the database, approved answers, pages and products in the index, an adapter.

Everything goes through the importers and the ingest, as any shop's data does. What is there already is left alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from chatbot import answers
from chatbot import shop_tables as t
from chatbot.adapters import CARD, MODEL_CARD, Adapters
from chatbot.db import writing
from chatbot.engine.weights import adapters_folder
from chatbot.importers import import_rows
from chatbot.importers.mapping import Kind
from chatbot.shop import Shop
from configs.settings import Settings
from retrieval.index import Index
from retrieval.ingest import ingest_docs, ingest_products

Say = Callable[[str], None]
"""Told what is being done; a message that ends in "…" is not done yet."""

SOURCE = "demo"
_FOLDER = Path(str(files("chatbot.demo")))
ADAPTER = _FOLDER / "adapter"
"""As ``kefu finetune run`` registered it; its model card says how to make it again."""
_CURRENCY = "EUR"
_MADE_OF = (
    "products.jsonl",
    "rates.csv",
    "names.yaml",
    "simulate.py",
    "fulfilment.py",
    "tastes.py",
    "seed.py",
)
_COUNTED: dict[str, sa.Table] = {
    "products": t.products,
    "rates": t.rates,
    "customers": t.customers,
    "orders": t.orders,
    "purchases": t.purchases,
}


def prepare(settings: Settings, db: sa.Engine, say: Say) -> None:
    """Everything that the demo shop's bot needs, in ``db`` and in the index of ``settings``."""
    seed(db, progress=say)
    written, unchanged = answers.import_file(db, _FOLDER / "answers.yaml")
    say(f"approved answers: {written + unchanged}")
    index = Index.open(settings)
    try:
        say("indexing pages and products …")
        told = _by_quarters(say)
        # The same pages of another installation may have been here before.
        pages = ingest_docs(index, [_FOLDER / "pages"], progress=told, strict=True, replace=True)
        products = ingest_products(index, Shop(db).all_products(), progress=told)
    finally:
        index.close()
    say(f"index: {pages.read} pages, {products.read} products, version {products.version}")
    _let_adapter_answer(settings, say)


def _let_adapter_answer(settings: Settings, say: Say) -> None:
    """Register the packaged adapter and let it answer, once: what is done about adapters in this home from then on stays."""
    card = json.loads((ADAPTER / CARD).read_text(encoding="utf-8"))
    adapters = Adapters(adapters_folder(settings), settings.engine.model)
    ours = settings.engine.kind in ("llamacpp", "transformers")  # a server elsewhere does not have it
    if not ours or card["base"] != settings.engine.model or adapters.serving().history:
        return
    if not any(adapter.name == SOURCE for adapter in adapters.all()):
        adapters.add(SOURCE, ADAPTER, card, (ADAPTER / MODEL_CARD).read_text(encoding="utf-8"))
    adapters.promote(SOURCE)
    say(f"adapter {SOURCE}: answers; `kefu adapters rollback` lets the bare model answer")


def _by_quarters(say: Say) -> Callable[[str, int, int], None]:
    """Long stages tell of each quarter; stages that take no time need no word."""
    said: set[tuple[str, int]] = set()

    def tell(stage: str, done: int, total: int) -> None:
        quarter = 4 * done // max(total, 1)
        if stage != "read" and (stage, quarter) not in said:
            said.add((stage, quarter))
            say(f"{stage}: {done:,} of {total:,} …")

    return tell


def seed(db: sa.Engine, *, progress: Say = lambda message: None) -> dict[str, int]:
    """Make the database hold the demo shop's tables; returns how many rows of each kind it holds then."""
    wanted = _fingerprint()
    if _made(db) != wanted:
        _make(db, progress)
        with writing(db) as connection:
            connection.execute(t.seeds.delete().where(t.seeds.c.name == SOURCE))
            connection.execute(
                t.seeds.insert().values(name=SOURCE, fingerprint=wanted, made_at=datetime.now(UTC))
            )
    counts = _counts(db)
    progress("demo shop: " + ", ".join(f"{count:,} {kind}" for kind, count in counts.items()))
    return counts


def _make(db: sa.Engine, progress: Callable[[str], None]) -> None:
    from chatbot.demo.simulate import simulate  # numpy and a second of work: only if something is to be made

    def bring(kind: Kind, rows: list[dict[str, Any]]) -> None:
        progress(f"{kind}: {len(rows):,} rows …")
        import_rows(db, kind, rows, source=SOURCE, currency=_CURRENCY, strict=True)

    products = list(_products())
    bring("products", products)
    # The demo's regions are tariff zones that follow from the country, so each rate holds for a whole country.
    bring("rates", [{**row, "region": None} for row in _rates()])
    progress("simulating customers and what they buy …")
    simulation = simulate(products)
    bring("customers", simulation.customers)
    bring("orders", simulation.orders)
    bring("purchases", simulation.purchases)


def _products() -> Iterator[dict[str, Any]]:
    for line in _text("products.jsonl").splitlines():
        yield json.loads(line)


def _rates() -> Iterator[dict[str, str]]:
    yield from csv.DictReader(_text("rates.csv").splitlines())


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _fingerprint() -> str:
    whole = sha256()
    for name in _MADE_OF:
        whole.update(_text(name).encode())
    return whole.hexdigest()


def _made(db: sa.Engine) -> str | None:
    """The fingerprint of the demo shop that the database holds, if any."""
    with db.connect() as connection:
        return connection.execute(sa.select(t.seeds.c.fingerprint).where(t.seeds.c.name == SOURCE)).scalar()


def _counts(db: sa.Engine) -> dict[str, int]:
    with db.connect() as connection:
        return {
            kind: connection.execute(
                sa.select(sa.func.count()).select_from(table).where(table.c.source == SOURCE)
            ).scalar_one()
            for kind, table in _COUNTED.items()
        }
