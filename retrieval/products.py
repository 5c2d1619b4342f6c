"""Finds products: by what they are called, described and made of, within limits of price, options and stock.

Prices and stock are those of the last ingest and serve as filters alone; whoever shows a figure asks the shop's
database. Does not know orders, customers or how products are worded.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.confidence import ProductSignals, product_confidence, ranking_weights
from retrieval.facets import pieces, value_tokens
from retrieval.fusion import standardised
from retrieval.glossary import stuff
from retrieval.index import Index
from retrieval.limits import COLOURS, category_tokens, within_limits
from retrieval.loaded import LoadedCatalogue, load_catalogue
from retrieval.prices import price_limits, price_order, without_price
from retrieval.tokens import fold, has_chinese, stem, tokenize, tokenize_with_words
from retrieval.wishes import order_points, price_points, share_met, wishes

_LISTED_ATTRIBUTES = ("colour", "color", "size", "material")
"""Attributes whose values count as options in the vocabulary even where they are no variants."""
_FILLER = frozenset(
    stem(word)
    for word in """show find look looking search buy buying purchase need want get sell stock stocked available anything
    something some kind sort type product products item items article thing things offer offers under below above over
    less more than between around about cheap cheaper cheapest expensive best better good nice great recommend suggest
    suggestion price prices cost costs euro euros eur dollar usd gbp pound today now other another else also really
    order carry range shop store""".split()
)


_CHINESE_FILLER = frozenset(
    "买 卖 推荐 一款 款 便宜 贵 元 欧元 以下 以内 以上 左右 商品 产品 东西 需要 看看 找".split()
)

_WHOLE = 3
"""Letters that a word must have to be looked for as the end of a longer one, and that the rest of that one must have."""


@dataclass(frozen=True, slots=True)
class ProductHit:
    """``score`` is the confidence that this is what was asked for; ``matched`` are the words that it has."""

    sku: str
    score: float
    matched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """The catalogue as of the last ingest, a row for each product: the vector of its text, the number of its category, its lowest
    and highest price (NaN where none is known), and whether it is in stock."""

    version: str
    skus: Sequence[str]
    vectors: NDArray[np.float32]
    category_of: NDArray[np.intp]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    in_stock: NDArray[np.bool_]


class ProductSearch:
    """Safe for threads; follows the index as ``Search`` does."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._loaded: LoadedCatalogue | None = None

    def search(
        self,
        query: str,
        *,
        language: str = "en",
        max_price: float | None = None,
        min_price: float | None = None,
        category: str | None = None,
        options: Mapping[str, str] | None = None,
        in_stock: bool = False,
        exclude: Collection[str] = (),
        without: Sequence[str] = (),
        k: int = 6,
    ) -> list[ProductHit]:
        """The ``k`` products that fit ``query`` best, best first, among those within all limits."""
        examined = self.examine(
            query,
            max_price=max_price,
            min_price=min_price,
            category=category,
            options=options,
            in_stock=in_stock,
            exclude=exclude,
            without=without,
            k=k,
        )
        catalogue = self._catalogue()
        by_number = {catalogue.skus[row] for row in catalogue.names.codes(query)}
        name = "chinese" if has_chinese(query) else self._index.embedder.name
        return [
            replace(hit, score=1.0 if hit.sku in by_number else product_confidence(signals, name))
            for hit, signals in examined
        ]

    def examine(
        self,
        query: str,
        *,
        max_price: float | None = None,
        min_price: float | None = None,
        category: str | None = None,
        options: Mapping[str, str] | None = None,
        in_stock: bool = False,
        exclude: Collection[str] = (),
        without: Sequence[str] = (),
        k: int = 6,
    ) -> list[tuple[ProductHit, ProductSignals]]:
        """Like ``search``, with what the confidence is made of; the hits' scores are 0."""
        catalogue = self._catalogue()
        if not catalogue.skus:
            return []
        mask = within_limits(catalogue, max_price, min_price, category, options or {}, in_stock, exclude)
        mask &= ~_having_any(catalogue, without)
        query = self._spelt(catalogue, query)
        limits, order, query = price_limits(query), price_order(query), without_price(query)
        words = self._words(catalogue, query)
        lexical, weights = catalogue.snapshot.lexical, ranking_weights()
        tokens = [token for token, _ in words]
        coverage = lexical.coverage(tokens)
        total = standardised(lexical.scores(tokens))
        if has_chinese(query):  # the embedder reads English
            cosines = np.zeros(len(catalogue.skus), np.float32)
        else:
            cosines = self._cosines(catalogue, query)
            total += weights.vector * standardised(cosines)
            total += weights.category * standardised(self._category_cosines(catalogue, query))
        met = share_met(
            wishes(words, catalogue.facets, lexical, catalogue.synonyms, weights), len(catalogue.skus)
        )
        total += weights.wish * met
        total += weights.price * price_points(catalogue.low, catalogue.high, **limits)
        if order:
            total += weights.order * order_points(catalogue.low, met, dearest=order == "dearest")
        total[~mask] = -np.inf
        best = np.argsort(-total, kind="stable")[:k]
        hits = []
        for i in best[np.isfinite(total[best])]:
            matched = dict.fromkeys(word for token, word in words if i in lexical.postings(token))
            signals = ProductSignals(
                cosine=float(cosines[i]),
                coverage=float(coverage[i]),
                name_coverage=catalogue.names.coverage(" ".join(word for _, word in words), int(i)),
                category=_share(tokens, category_tokens(catalogue.facts[i], chinese=has_chinese(query))),
            )
            hits.append((ProductHit(catalogue.skus[i], 0.0, tuple(matched)), signals))
        return hits

    def suggestible(
        self,
        *,
        max_price: float | None = None,
        min_price: float | None = None,
        category: str | None = None,
        without: Sequence[str] = (),
        any_age: bool = False,
    ) -> NDArray[np.bool_]:
        """Of each product of ``columns()``, whether it may be suggested: in stock, within the limits, without a word anywhere of what
        is not wanted and, unless for ``any_age``, sold without an age limit."""
        catalogue = self._catalogue()
        mask = within_limits(catalogue, max_price, min_price, category, {}, True, ())
        mask &= ~_having_any(catalogue, without)
        return mask if any_age else mask & catalogue.for_all_ages

    def knows(self, text: str) -> bool:
        """Whether some product speaks of this."""
        return bool(_having_any(self._catalogue(), [text]).any())

    def category(self, text: str) -> str | None:
        """The category that a text names: by all its words, or by what the last of them says it is ("knives" of "Kitchen knives",
        "camping" of "Camping & outdoor"; not "kitchen"). None if it is none's or several's name."""
        wanted = set(tokenize(text)) - _FILLER
        if not wanted:
            return None
        found = {
            str(facts["category"])
            for facts in self._catalogue().facts
            for piece in pieces(facts["category_zh" if has_chinese(text) else "category"])
            if (named := tokenize(piece)) and wanted <= set(named) and named[-1] in wanted
        }
        return found.pop() if len(found) == 1 else None

    def resolve(self, text: str, *, language: str = "en", k: int = 3) -> list[ProductHit]:
        """The products that the message names, best first: by number, by name, by a part of it, misspelt.

        A high score means that the text really names this product, and no other as well.
        """
        catalogue = self._catalogue()
        found = catalogue.names.resolve(text, catalogue.spelling)
        return [ProductHit(catalogue.skus[named.row], named.score, named.matched) for named in found[:k]]

    def names_a_kind(self, text: str) -> bool:
        """Whether the text says what to look for: "something under 30 euros" does not."""
        return bool(self._words(self._catalogue(), text))

    def by_price(self, skus: Sequence[str]) -> list[str]:
        """The products from cheap to dear, by their lowest price at the last ingest; those without a price last."""
        catalogue = self._catalogue()
        row = {sku: i for i, sku in enumerate(catalogue.skus)}
        price = {sku: float(catalogue.low[row[sku]]) for sku in skus if sku in row}
        return sorted(skus, key=lambda sku: (not price.get(sku, math.nan) >= 0, price.get(sku, 0.0)))

    def categories(self) -> list[str]:
        return sorted({str(facts["category"]) for facts in self._catalogue().facts if facts["category"]})

    @property
    def vocabulary(self) -> dict[str, list[str]]:
        """Values of each option that some product has: colours, sizes, materials …"""
        values: dict[str, dict[str, None]] = {}
        for facts in self._catalogue().facts:
            pairs = [pair for variant in facts["variants"] for pair in variant["options"].items()]
            pairs += [
                (name, facts["attributes"][name])
                for name in _LISTED_ATTRIBUTES
                if name in facts["attributes"]
            ]
            for name, value in pairs:
                name = "colour" if name.casefold() in COLOURS else name.casefold()
                values.setdefault(name, {})[value] = None
        return {name: sorted(found) for name, found in values.items()}

    def columns(self) -> Columns:
        known = self._catalogue()
        nothing = np.zeros((len(known.skus), 0), np.float32)
        return Columns(
            known.version,
            known.skus,
            known.snapshot.vectors.get(self._index.embedder.name, nothing),
            known.category_of,
            known.low,
            known.high,
            known.in_stock,
        )

    def warm(self) -> None:
        """Load what the first search would load."""
        self.search("warm")

    def _catalogue(self) -> LoadedCatalogue:
        version = self._index.version
        if self._loaded is None or self._loaded.version != version:
            with self._lock:
                if self._loaded is None or self._loaded.version != version:
                    self._loaded = load_catalogue(self._index, version)
        return self._loaded

    def _spelt(self, catalogue: LoadedCatalogue, query: str) -> str:
        """The query with its misspelt words corrected."""
        for token, word in tokenize_with_words(query):
            if token not in catalogue.snapshot.lexical.vocabulary and token not in _FILLER:
                correction = catalogue.spelling.correct(word)
                if correction:
                    query = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", correction, fold(query))
        return query

    def _words(self, catalogue: LoadedCatalogue, query: str) -> list[tuple[str, str]]:
        """(token, word) of what the query asks for; filler is left out."""
        words = []
        for token, word in tokenize_with_words(query):
            if token in _FILLER or token in _CHINESE_FILLER:
                continue
            # "womens" is stemmed to "women", and that to "woman".
            if token not in catalogue.snapshot.lexical.vocabulary:
                token = stem(token)
            words.append((token, word))
        return words

    def _category_cosines(self, catalogue: LoadedCatalogue, query: str) -> NDArray[np.float32]:
        """How near the query is to the mean of each product's category: it says what kind is meant in any words."""
        if catalogue.centroids is None:
            return np.zeros(len(catalogue.skus), np.float32)
        near = catalogue.centroids @ self._index.embedder.queries([query])[0]
        return np.asarray(near[catalogue.category_of], np.float32)

    def _cosines(self, catalogue: LoadedCatalogue, query: str) -> NDArray[np.float32]:
        embedder = self._index.embedder
        vector = embedder.queries([query])[0]
        matrix = catalogue.snapshot.vectors[embedder.name]
        near = self._index.candidates(catalogue.snapshot, "product", embedder, vector[None], 200)
        if near is None:
            return np.asarray(matrix @ vector, np.float32)
        cosines = matrix[near[0]] @ vector
        out = np.full(len(catalogue.skus), cosines.min(), np.float32)
        out[near[0]] = cosines
        return out


def _having_any(catalogue: LoadedCatalogue, texts: Sequence[str]) -> NDArray[np.bool_]:
    """The products that speak of one of these anywhere, with all of its words: rather too many than one too few, for somebody may be
    allergic. "Nuts" are in hazelnuts, and 猫粮 is in 猫湿粮餐包. Chinese is looked for in the Chinese names, and in the English texts by the
    English words for such stuff."""
    mask = np.zeros(len(catalogue.skus), np.bool_)
    for text in texts:
        english = [text]
        if has_chinese(text):
            english = stuff(text)
            said = re.compile(".{0,2}".join(map(re.escape, text)))
            mask |= np.array([bool(said.search(f"{item['name_zh']} {item['category_zh']}")) for item in catalogue.facts], np.bool_)  # fmt: skip
        for word in english:
            rows = [_speaking_of(catalogue, token) for token in value_tokens(word)]
            if rows:
                mask[sorted(set.intersection(*rows))] = True
    return mask


def _speaking_of(catalogue: LoadedCatalogue, token: str) -> set[int]:
    """Hazelnuts and walnuts are nuts; minutes are none, and a price is no ice."""
    lexical = catalogue.snapshot.lexical
    ends = len(token) >= _WHOLE
    return {
        int(row)
        for known in lexical.vocabulary
        if known == token or (ends and known.endswith(token) and len(known) >= len(token) + _WHOLE)
        for row in lexical.postings(known)
    }


def _share(tokens: Sequence[str], of: Collection[str]) -> float:
    """Which share of the distinct tokens is among ``of``."""
    distinct = set(tokens)
    return len(distinct & set(of)) / len(distinct) if distinct else 0.0
