"""Fits how product search orders its hits, and writes it to ``configs/search.json`` (``ranking``, ``synonym``).

One constant at a time over a short list, twice round, by the development queries alone: nDCG@10 of
``eval/cases/products`` on Magento's sample store, and half as much the reciprocal rank of ``eval/cases/search`` on the
demo catalogue. Run ``eval.product_fit`` after it: confidence depends on what comes first. Needs ``KEFU_DATA``.

    KEFU_DATA=… python -m eval.ranking_fit
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from eval.product_cases import Query, grades, load_queries
from eval.product_fit import CATALOGUE, as_products
from eval.product_fit import QUERIES as DEMO_QUERIES
from eval.products import DEPTH, QUERIES, ndcg, open_store
from retrieval.confidence import FITTED, load_fitted
from retrieval.index import Index
from retrieval.ingest import ingest_products
from retrieval.products import ProductSearch

_DEMO_WEIGHT = 0.5
_LEAST_GAIN = 0.0003
_TRIED: Mapping[tuple[str, str], Sequence[float]] = {
    ("ranking", "vector"): (0.5, 0.7, 1, 1.5, 2),
    ("ranking", "category"): (0, 0.5, 1, 1.5, 2, 3),
    ("ranking", "wish"): (6, 10, 15, 20, 25),
    ("ranking", "kind"): (0.7, 1, 1.3, 1.6, 2),
    ("ranking", "value"): (0.5, 0.7, 1, 1.4, 2),
    ("ranking", "word"): (0.7, 1, 1.5, 2, 3),
    ("ranking", "text"): (0.2, 0.35, 0.5, 0.7),
    ("ranking", "price"): (2, 3, 4, 6, 9),
    ("ranking", "order"): (1, 2, 3, 5, 8),
    ("synonym", "near"): (0.45, 0.5, 0.55, 0.6, 0.65),
    ("synonym", "same"): (0.7, 0.8, 0.9),
}


@dataclass(frozen=True)
class Examples:
    """Development queries with what is right for each: grades by sku, and patterns over name and category."""

    store: ProductSearch
    graded: Sequence[tuple[Query, Mapping[str, int]]]
    demo: ProductSearch
    patterns: Sequence[tuple[str, str]]
    labels: Mapping[str, str]

    def score(self) -> float:
        found = []
        for query, graded in self.graded:
            hits = self.store.examine(query.text, k=DEPTH)
            found.append(ndcg([graded.get(hit.sku, 0) for hit, _ in hits], graded))
        ranks = []
        for text, pattern in self.patterns:
            fits = [
                bool(re.search(pattern, self.labels[hit.sku], re.IGNORECASE))
                for hit, _ in self.demo.examine(text, k=6)
            ]
            ranks.append(1 / (fits.index(True) + 1) if True in fits else 0.0)
        return fmean(found) + _DEMO_WEIGHT * fmean(ranks)


def fit(examples: Examples, fitted: dict[str, Any]) -> float:
    """Changes ``fitted``, which is what the search reads its constants from."""
    best = examples.score()
    print(f"at first {best:.4f}")
    for _ in range(2):
        for (group, name), values in _TRIED.items():
            constants = fitted[group] if group == "ranking" else fitted[group]["minilm"]
            for value in values:
                before = constants[name]
                constants[name] = value
                score = examples.score()
                if score > best + _LEAST_GAIN:
                    best = score
                    print(f"{group} {name} {value}: {best:.4f}")
                else:
                    constants[name] = before
    return best


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        shop = open_store(None, Path(scratch), lambda *_: None)
        queries = [query for query in load_queries(QUERIES)[0] if query.split == "dev"]
        items = [json.loads(line) for line in CATALOGUE.read_text(encoding="utf-8").splitlines()]
        index = Index(Path(scratch) / "demo", shop.index.embedder)
        ingest_products(index, as_products(items))
        cases = yaml.safe_load(DEMO_QUERIES.read_text(encoding="utf-8"))["queries"]
        examples = Examples(
            shop.search,
            [(query, grades(query, shop.products)) for query in queries],
            ProductSearch(index),
            [(case["q"], case["fits"]) for case in cases if case.get("fits")],
            {item["sku"]: f"{item['name']} | {item['category']}" for item in items},
        )
        fitted = load_fitted()
        fit(examples, fitted)
        index.close()
        shop.index.close()
    FITTED.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    print(f"written to {FITTED}")


if __name__ == "__main__":
    main()
