"""A catalogue in memory: everything that a product search needs. Does not know queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval import prices as price_words
from retrieval.catalogue import PREFIX
from retrieval.facets import Facets, read_facets
from retrieval.index import Index
from retrieval.limits import Mask, has_stock, prices
from retrieval.minilm import Vectors
from retrieval.naming import NameIndex
from retrieval.snapshot import Snapshot
from retrieval.spelling import Spelling
from retrieval.synonyms import Synonyms
from retrieval.tokens import tokenize_with_words


@dataclass(frozen=True)
class LoadedCatalogue:
    """Everything in memory that a search needs; row i is the product ``skus[i]``."""

    version: str
    skus: Sequence[str]
    facts: Sequence[Mapping[str, Any]]
    snapshot: Snapshot
    names: NameIndex
    spelling: Spelling
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    in_stock: Mask
    for_all_ages: Mask
    facets: Facets
    synonyms: Synonyms
    category_of: NDArray[np.intp]
    centroids: Vectors | None
    """The mean vector of each category's products; row ``category_of[i]`` is the one of product i."""


def load_catalogue(index: Index, version: str) -> LoadedCatalogue:
    snapshot = index.snapshot("product")
    facts = [snapshot.facts(row) for row in range(len(snapshot))]
    skus = [passage_id.removeprefix(PREFIX) for passage_id in snapshot.ids]
    found = [prices(item) for item in facts]
    facets = read_facets(facts)
    numbers: dict[str, int] = {}
    category_of = np.array([numbers.setdefault(item["category"], len(numbers)) for item in facts], np.intp)
    spelt = [word for item in facts for word in _spelt_words(item)]
    return LoadedCatalogue(
        version=version,
        skus=skus,
        facts=facts,
        snapshot=snapshot,
        names=NameIndex(skus, facts),
        spelling=Spelling([*spelt, *price_words.WORDS]),
        low=np.array([min(item, default=np.nan) for item in found]),
        high=np.array([max(item, default=np.nan) for item in found]),
        in_stock=np.array([has_stock(item, {}) for item in facts], np.bool_),
        for_all_ages=np.array([item.get("age_limit") is None for item in facts], np.bool_),
        facets=facets,
        synonyms=Synonyms(facets.spoken, index.embedder),
        category_of=category_of,
        centroids=_centroids(snapshot.vectors.get(index.embedder.name), category_of),
    )


def _centroids(vectors: Vectors | None, category_of: NDArray[np.intp]) -> Vectors | None:
    if vectors is None or not len(vectors):
        return None
    sums = np.zeros((category_of.max() + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, category_of, vectors)
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)


def _spelt_words(facts: Mapping[str, Any]) -> list[str]:
    texts = [facts["name"], facts["category"], facts["brand"], *facts["attributes"].values()]
    texts += [value for variant in facts["variants"] for value in variant["options"].values()]
    return [word for text in texts for _, word in tokenize_with_words(str(text))]
