"""The suite ``products``: product search on a shop that nobody here wrote, against BM25 and the embedder alone.

All graded queries of ``eval/cases/products`` over Magento's sample store, its products as our importer makes them.
The measure is nDCG@10 with gains 2^grade - 1. BM25 has the very index that the search has (the same text, the same
tokens) and gets the plain query, as does the embedder. Needs the folder that ``KEFU_DATA`` names. Knows no ranking.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from chatbot.app import open_database
from chatbot.importers import import_file, load_mapping
from chatbot.shop import Product, Shop
from configs.settings import load
from eval.data import data_folder
from eval.golden import CASES
from eval.metrics import interval, percentile
from eval.outcome import Bars, Options, Outcome, Tell
from eval.product_cases import SECTIONS, Query, grades, load_queries
from eval.real_shops import SHOPS
from retrieval.embed import load_embedder
from retrieval.index import Index
from retrieval.ingest import ingest_products
from retrieval.products import ProductSearch
from retrieval.tokens import tokenize

DEPTH = 10
QUERIES = CASES / "products" / "magento.yaml"
SYSTEMS = ("", "bm25_", "dense_")
"""What is compared, as prefixes of the metrics; the first is the search itself."""


@dataclass(frozen=True, slots=True)
class Store:
    """An ingested shop."""

    products: Sequence[Product]
    index: Index
    search: ProductSearch


def run(options: Options, tell: Tell) -> Outcome:
    """Ingest the shop, ask every query of every system, grade what comes back.

    Raises:
        ConfigError: ``KEFU_DATA`` does not lead to the data.
        InputError: the queries cannot be read.
    """
    queries, unanswerable = load_queries(QUERIES)
    wanted = [query for query in queries if options.only in (None, query.id)]
    with tempfile.TemporaryDirectory(prefix="kefu-products-") as folder:
        store = open_store(options.config, Path(folder), tell)
        try:
            return _measure(store, wanted, unanswerable, options, tell)
        finally:
            store.index.close()


def open_store(config: str | None, home: Path, tell: Tell) -> Store:
    """Magento's products, imported by the mappings of the guide and indexed below ``home``."""
    data = data_folder("magento")
    shop = next(shop for shop in SHOPS if shop.name == "magento")
    tables = [(name, mapping) for kind, name, mapping in shop.tables if kind == "products"]
    settings = load(config, home=home, database_url="", shop=dict(shop.shop))
    db = open_database(settings)
    for done, (name, mapping) in enumerate(tables):
        tell("importing products", done, len(tables))
        columns = load_mapping(mapping)
        import_file(db, "products", data / shop.name / name, columns, currency=settings.shop.currency)
    products = Shop(db).all_products()
    db.dispose()
    index = Index(home / "products", load_embedder(settings.retrieval.embedder))
    ingest_products(index, products, progress=tell)
    return Store(products, index, ProductSearch(index))


def _measure(
    store: Store, queries: Sequence[Query], unanswerable: Sequence[str], options: Options, tell: Tell
) -> Outcome:
    scores: dict[str, dict[str, float]] = {f"{system}ndcg_at_10": {} for system in SYSTEMS}
    seconds = []
    store.search.warm()
    for done, query in enumerate(queries):
        tell("searching", done, len(queries))
        graded = grades(query, store.products)
        started = time.perf_counter()
        hits = store.search.search(query.text, k=DEPTH)
        seconds.append(time.perf_counter() - started)
        rankings = ([hit.sku for hit in hits], *_baselines(store.index, query.text))
        for system, ranking in zip(SYSTEMS, rankings, strict=True):
            scores[f"{system}ndcg_at_10"][query.id] = ndcg([graded.get(sku, 0) for sku in ranking], graded)
    half = "dev" if options.split == "dev" else "test"
    chosen = [query for query in queries if query.split == half or options.only]
    metrics = _figures(chosen, scores) | {"queries": float(len(chosen))}
    if options.split == "all" and not options.only:
        tuned = _figures([query for query in queries if query.split == "dev"], scores)
        metrics |= {
            f"dev_{name}": value for name, value in tuned.items() if not name.endswith(("_low", "_high"))
        }
    metrics["search_ms_p95"] = round(1000 * percentile(seconds, 0.95), 1)
    if not options.only:
        metrics["sure_of_answerable_rate"], metrics["unsure_of_unanswerable_rate"] = _sureness(
            store.search, chosen, unanswerable
        )
    return Outcome(
        metrics,
        f"nDCG@10 of product search, BM25 and MiniLM over {len(store.products)} products of Magento's sample store: "
        f"{len(chosen)} graded queries of the {half} half"
        + (" (the search was tuned on the other half, figures dev_…)" if half == "test" else " (tuned on)"),
        scores,
        [_bars(chosen, scores)],
        _failures(chosen, scores, store) if options.failures else (),
    )


def _baselines(index: Index, text: str) -> tuple[list[str], list[str]]:
    """The best products by BM25 alone and by the embedder alone."""
    snapshot = index.snapshot("product")
    lexical = snapshot.lexical.scores(tokenize(text))
    dense = snapshot.vectors[index.embedder.name] @ index.embedder.queries([text])[0]
    skus = [passage_id.removeprefix("product:") for passage_id in snapshot.ids]
    # What shares no word with the query was not found by BM25.
    by_words = [skus[i] for i in np.argsort(-lexical, kind="stable")[:DEPTH] if lexical[i] > 0]
    return by_words, [skus[i] for i in np.argsort(-dense, kind="stable")[:DEPTH]]


def ndcg(found: Sequence[int], graded: Mapping[str, int]) -> float:
    """Of the first ten: the gain 2^grade - 1 of each, less with every place, as a share of the best order's."""
    best = _gain(sorted(graded.values(), reverse=True))
    return _gain(found) / best if best else 0.0


def _gain(ordered: Sequence[int]) -> float:
    return math.fsum((2.0**grade - 1) / math.log2(place + 2) for place, grade in enumerate(ordered[:DEPTH]))


def _figures(queries: Sequence[Query], scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    by_system = {}
    for system in SYSTEMS:
        name = f"{system}ndcg_at_10"
        values = by_system[system] = [scores[name][query.id] for query in queries]
        found[name] = round(fmean(values), 4)
        found[f"{name}_low"], found[f"{name}_high"] = (round(end, 4) for end in interval(values))
        for section in SECTIONS:
            part = [scores[name][query.id] for query in queries if query.section == section]
            if part:
                found[f"{system}{section}_ndcg_at_10"] = round(fmean(part), 4)
    gains = [ours - theirs for ours, theirs in zip(by_system[""], by_system["bm25_"], strict=True)]
    found["gain_over_bm25"] = round(fmean(gains), 4)
    found["gain_over_bm25_low"], found["gain_over_bm25_high"] = (round(end, 4) for end in interval(gains))
    if found["bm25_ndcg_at_10"]:
        found["relative_gain_over_bm25"] = round(found["gain_over_bm25"] / found["bm25_ndcg_at_10"], 4)
    return found


def _sureness(
    search: ProductSearch, queries: Sequence[Query], unanswerable: Sequence[str]
) -> tuple[float, float]:
    """How often the best hit is more probable than not where the shop has something, and is not where it has none."""

    def sure(text: str) -> bool:
        return any(hit.score >= 0.5 for hit in search.search(text, k=1))

    return (
        round(fmean(sure(query.text) for query in queries), 4),
        round(fmean(not sure(text) for text in unanswerable), 4),
    )


def _bars(queries: Sequence[Query], scores: Mapping[str, Mapping[str, float]]) -> Bars:
    names = dict(zip(SYSTEMS, ("product search", "BM25", "MiniLM"), strict=True))
    groups: dict[str, dict[str, float]] = {}
    for section in SECTIONS:
        part = [query.id for query in queries if query.section == section]
        if part:
            groups[section] = {
                names[system]: fmean(scores[f"{system}ndcg_at_10"][case] for case in part)
                for system in SYSTEMS
            }
    return Bars("Product search by kind of query", "nDCG@10", groups)


def _failures(queries: Sequence[Query], scores: Mapping[str, Mapping[str, float]], store: Store) -> list[str]:
    """The queries that lose most, with what was shown first."""
    names = {product.sku: product.name for product in store.products}
    lines = []
    for query in sorted(queries, key=lambda query: scores["ndcg_at_10"][query.id])[:30]:
        graded = grades(query, store.products)
        shown = ", ".join(
            f"{names[hit.sku]} [{graded.get(hit.sku, 0)}]" for hit in store.search.search(query.text, k=5)
        )
        ours, bm25 = (scores[name][query.id] for name in ("ndcg_at_10", "bm25_ndcg_at_10"))
        lines.append(f"{ours:.2f} (BM25 {bm25:.2f}) {query.text}: {shown}".replace("[", "\\["))
    return lines
