"""Fits the constants of product search and writes them to ``configs/search.json``.

*Product*: is a hit of the kind that was asked for? The development queries of ``eval/cases/search`` over the demo
catalogue, cross-validated by query. *Name*: which product does a message name? Messages are made from the names
of three catalogues (the demo shop's, Magento's sample, Online Retail): whole names, parts, misspelt, in
sentences; and messages that name nothing, from bitext and the page questions. Needs ``KEFU_DATA``.

    KEFU_DATA=… python -m eval.product_fit [--home FOLDER]
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
import random
import re
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from eval.data import data_folder
from eval.search_fit import CASES, Examples, fit, report_passages
from retrieval.confidence import FITTED, NameWeights, load_fitted
from retrieval.embed import load_embedder
from retrieval.index import Index
from retrieval.ingest import ingest_products
from retrieval.naming import NameIndex
from retrieval.products import ProductSearch
from retrieval.spelling import Spelling
from retrieval.tokens import tokenize_with_words

CATALOGUE = Path(__file__).parent.parent / "chatbot" / "demo" / "products.jsonl"
QUERIES = CASES.with_name("products.yaml")
_FRAMES = (
    "{}",
    "is the {} dishwasher safe?",
    "how much is the {}",
    "do you have the {} in stock?",
    "what is the {} made of",
    "Hi, I'd like to know the size of the {} please",
    "can the {} be returned?",
    "when will the {} be available again",
    "I want to buy {}",
    "tell me more about {}",
    "how heavy is {}?",
    "does the {} come in blue",
)
_GENERIC = (
    "do you sell {}?",
    "show me {}",
    "I'm looking for {}",
    "what {} do you have",
    "any cheap {}",
    "I need {} for my mother",
)


@dataclass(frozen=True)
class Names:
    """A catalogue as the name index sees it."""

    catalogue: str
    facts: Sequence[dict[str, Any]]
    spelling: Spelling


def named(catalogue: str, items: Sequence[tuple[str, str, str]]) -> Names:
    facts = [
        {"sku": sku, "name": name, "name_zh": "", "category": category, "brand": "", "variants": []}
        for sku, name, category in items
    ]
    words = [word for _, name, category in items for _, word in tokenize_with_words(f"{name} {category}")]
    return Names(catalogue, facts, Spelling(words))


def catalogues(data: Path) -> list[Names]:
    import pandas as pd

    demo = [json.loads(line) for line in CATALOGUE.read_text(encoding="utf-8").splitlines()]
    with (data / "magento" / "Configurable__products.csv").open(encoding="utf-8", newline="") as file:
        magento = [row for row in csv.DictReader(file) if row["product_type"] == "configurable"]
    retail = pd.read_parquet(data / "online_retail" / "online_retail_before_2011-11.parquet")
    code = next(column for column in retail.columns if column.lower().replace("_", "") in ("stockcode",))
    text = next(column for column in retail.columns if column.lower() == "description")
    first = retail.dropna(subset=[text]).drop_duplicates(code)
    return [
        named("demo", [(item["sku"], item["name"], item["category"]) for item in demo]),
        named("magento", [(row["sku"], row["name"], row["categories"].split("/")[-1]) for row in magento]),
        named(
            "online_retail",
            [(str(a), str(b).strip(), "") for a, b in zip(first[code], first[text], strict=True)],
        ),
    ]


def mention(name: str, category: str, rng: random.Random) -> str:
    """The name as somebody might write it."""
    name = name.lower()
    kind = rng.random()
    words = name.replace(",", "").split()
    content = [
        word
        for word in words
        if not re.match(r"\d", word) and word not in ("cm", "l", "g", "kg", "ml", "of", "with")
    ]
    if kind < 0.3 or len(content) < 2:
        return name
    if kind < 0.5:
        return " ".join(content)
    if kind < 0.6:
        return f"{content[0]} {content[-1]}"
    if kind < 0.7:
        kinds = category.lower().split() or content
        return f"{content[0]} {kinds[-1]}"
    if kind < 0.85:
        return " ".join(
            word
            for i, word in enumerate(content)
            if i in set(rng.sample(range(len(content)), min(3, len(content))))
        )
    long = max(content, key=len)
    if len(long) > 4:
        place = rng.randrange(1, len(long) - 1)
        wrong = rng.choice(
            [
                long[:place] + long[place + 1 :],
                long[:place] + long[place] + long[place:],
                long[:place] + long[place + 1] + long[place] + long[place + 2 :],
            ]
        )
        content[content.index(long)] = wrong
    return " ".join(content)


def messages(names: Names, count: int, nothing: Sequence[str], seed: int) -> list[tuple[str, int | None]]:
    """Messages with the row of the product that each names, or None."""
    rng = random.Random(f"{names.catalogue} {seed}")
    rows = rng.sample(range(len(names.facts)), min(count, len(names.facts)))
    out: list[tuple[str, int | None]] = [
        (
            rng.choice(_FRAMES).format(mention(names.facts[row]["name"], names.facts[row]["category"], rng)),
            row,
        )
        for row in rows
    ]
    kinds = sorted({fact["category"].lower() for fact in names.facts if fact["category"]})
    out += [(rng.choice(_GENERIC).format(rng.choice(kinds)), None) for _ in range(len(rows) // 3) if kinds]
    return out + [(text, None) for text in rng.sample(list(nothing), len(rows) - len(rows) // 3)]


def loss(names: Names, weights: NameWeights, wanted: Sequence[tuple[str, int | None]]) -> dict[str, float]:
    index = NameIndex([fact["sku"] for fact in names.facts], names.facts, weights)
    losses: dict[bool, list[float]] = {True: [], False: []}
    sure_right = sure = first = 0
    for text, row in wanted:
        hits = index.resolve(text, names.spelling)
        top = hits[0].score if hits else 0.0
        if row is None:
            losses[False].append(-math.log(max(1 - top, 1e-4)))
        else:
            score = next((hit.score for hit in hits if hit.row == row), 0.0)
            losses[True].append(-math.log(max(score, 1e-4)))
        # A product of the same name is as right.
        right = row is not None and bool(hits) and same(names.facts[hits[0].row], names.facts[row])
        first += right
        sure += top >= 0.8
        sure_right += top >= 0.8 and right
    positives = len(losses[True])
    return {
        "loss": float(np.mean(losses[True]) + np.mean(losses[False])),
        "r1": first / positives,
        "precision_at_0.8": sure_right / sure if sure else 1.0,
        "recall_at_0.8": sure_right / positives,
    }


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return bool(a["name"].casefold() == b["name"].casefold())


def fit_names(data: Path) -> NameWeights:
    with (data / "bitext" / "bitext_official_2023-08-18.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        column = next(
            name
            for name in reader.fieldnames or ()
            if name in ("instruction", "utterance", "flags") and name != "flags"
        )
        nothing = [row[column] for row in reader if "{{" not in row[column]]
    nothing += [case["q"] for case in yaml.safe_load(CASES.read_text(encoding="utf-8"))["en"]]
    shops = catalogues(data)
    tuning = {shop.catalogue: messages(shop, 150, nothing, 0) for shop in shops}
    best: tuple[float, NameWeights] | None = None
    grid = itertools.product((0.6, 0.8, 1.0, 1.3), (0.2, 0.35, 0.5), (3.0, 4.0, 5.0, 6.0), (0.15, 0.3, 0.5))
    for matched, missing, nothing_named, measure in grid:
        weights = NameWeights(matched, missing * matched, nothing_named, measure)
        total = sum(loss(shop, weights, tuning[shop.catalogue])["loss"] for shop in shops)
        if best is None or total < best[0]:
            best = total, weights
    assert best is not None
    for shop in shops:
        for key, value in loss(shop, best[1], messages(shop, 300, nothing, 1)).items():
            print(f"name {shop.catalogue}: {key} {value:.3f}")
    return best[1]


def product_examples(
    search: ProductSearch, cases: Sequence[dict[str, str]], labels: dict[str, str]
) -> Examples:
    rows, good, groups = [], [], []
    for group, case in enumerate(cases):
        for hit, signals in search.examine(case["q"], k=6):
            rows.append(astuple(signals))
            fits = case.get("fits")
            good.append(float(bool(fits and re.search(fits, labels[hit.sku], re.IGNORECASE))))
            groups.append(group)
    return Examples(np.array(rows), np.array(good), np.array(groups))


@dataclass(frozen=True)
class _Item:
    """A line of the demo catalogue, as a product."""

    fields: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.fields.get(name)


def as_products(items: Sequence[dict[str, Any]]) -> list[Any]:
    """Lines of the demo catalogue, as products."""
    return [_Item({**item, "variants": [_Item(variant) for variant in item["variants"]]}) for item in items]


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the constants of product search")
    parser.add_argument("--home", type=Path, help="keeps the index there, so that a second run is quick")
    home = parser.parse_args().home
    data = data_folder("magento", "online_retail", "bitext")
    fitted = load_fitted()
    fitted["name"] = dict(zip(NameWeights.__slots__, astuple(fit_names(data)), strict=True))
    cases = yaml.safe_load(QUERIES.read_text(encoding="utf-8"))
    items = [json.loads(line) for line in CATALOGUE.read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as scratch:
        index = Index((home or Path(scratch)) / "products", load_embedder("minilm"))
        ingest_products(index, as_products(items))
        labels = {item["sku"]: f"{item['name']} | {item['category']}" for item in items}
        search = ProductSearch(index)
        for name, part in (("minilm", "queries"), ("chinese", "chinese")):
            examples = product_examples(search, cases[part], labels)
            answerable = np.array([bool(case.get("fits")) for case in cases[part]])
            for key, value in report_passages(examples, answerable).items():
                print(f"product {name}: {key} {value:.3f}")
            fitted["product"][name] = fit(examples.signals, examples.labels)
        index.close()
    FITTED.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    print(f"written to {FITTED}")


if __name__ == "__main__":
    main()
