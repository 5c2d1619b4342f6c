"""What a catalogue says in single values, and what a query wishes for of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.confidence import ranking_weights
from retrieval.counts import count, price_ranges
from retrieval.facets import Facets, read_facets
from retrieval.lexical import LexicalIndex
from retrieval.synonyms import Synonyms
from retrieval.tokens import tokenize_with_words
from retrieval.wishes import order_points, price_points, share_met, wishes


def product(
    name: str, category: str = "", *, options: Sequence[dict[str, str]] = (), **attributes: str
) -> Any:
    variants = [{"sku": f"{name}-{i}", "options": option} for i, option in enumerate(options)]
    return {"name": name, "category": category, "brand": "", "attributes": attributes, "variants": variants}


SHELF = [
    product("Anders Tee", "Tees", options=[{"size": "S", "colour": "Blue"}], material="Organic Cotton"),
    product("Berta Tee", "Tees", options=[{"size": "XL", "colour": "Red"}], material="Cotton, Hemp"),
    product("Cleo Pants", "Pants & Tights", options=[{"size": "XL", "colour": "Blue"}], eco_choice="Yes"),
    product("Doris Mug", "Mugs", dishwasher_safe="No"),
]


class Thesaurus:
    """An embedder that was told which words are near each other."""

    name = "minilm"
    dim = 3
    near = ({"trousers", "pants", "tights"}, {"mug", "mugs", "beaker"}, {"tees", "tee"})

    def queries(self, texts: Sequence[str]) -> Any:
        return np.array([[float(text in group) for group in self.near] for text in texts], np.float32)

    def passages(self, texts: Sequence[str], progress: object = None) -> Any:
        return self.queries(texts)


@pytest.fixture
def facets() -> Facets:
    return read_facets(SHELF)


def met(facets: Facets, query: str) -> list[float]:
    lexical = LexicalIndex.build([["tee", "shirt"], ["tee"], ["pant"], ["mug"]])
    synonyms = Synonyms(facets.spoken, Thesaurus())
    found = wishes(tokenize_with_words(query), facets, lexical, synonyms, ranking_weights())
    return [round(float(share), 3) for share in share_met(found, facets.size)]


def test_values_are_read_from_lists_options_and_yes(facets: Facets) -> None:
    assert facets.values[("organic", "cotton")].tolist() == [0]
    assert facets.values[("hemp",)].tolist() == [1]
    assert facets.values[("xl",)].tolist() == [1, 2]
    assert facets.values[("eco", "choic")].tolist() == [2]
    assert ("dishwash", "safe") not in facets.values
    assert {"tee", "pant", "tight", "mug"} <= facets.kinds


def test_longest_values_are_found_first(facets: Facets) -> None:
    assert facets.phrases(["blue", "organic", "cotton", "tee"]) == [
        ("blue",),
        ("organic", "cotton"),
        ("tee",),
    ]


@given(st.lists(st.sampled_from(["organic", "cotton", "eco", "choic", "tee", "unheard"]), max_size=8))
def test_phrases_cover_the_query(tokens: list[str]) -> None:
    assert [token for phrase in read_facets(SHELF).phrases(tokens) for token in phrase] == tokens


def test_more_wishes_met_rank_higher(facets: Facets) -> None:
    shares = met(facets, "blue organic cotton tee")
    assert shares[0] == 1
    assert shares[0] > shares[1] > shares[3] == 0


def test_sizes_in_words(facets: Facets) -> None:
    assert met(facets, "extra large tee") == met(facets, "xl tee")
    assert met(facets, "extra large tee")[1] == 1


def test_a_word_that_the_catalogue_lacks_stands_for_its_own(facets: Facets) -> None:
    assert met(facets, "trousers") == [0, 0, 1, 0]
    assert met(facets, "blue trousers")[2] == 1
    assert met(facets, "bicycle") == [0, 0, 0, 0]


def test_a_word_does_not_stand_for_another_of_the_query(facets: Facets) -> None:
    assert met(facets, "mug beaker") == met(facets, "mug")
    assert met(facets, "beaker")[3] == 1


def test_an_embedder_that_was_not_fitted_has_no_synonyms(facets: Facets) -> None:
    unknown = Thesaurus()
    unknown.name = "another"
    assert Synonyms(facets.spoken, unknown).of("trousers") == {}
    assert Synonyms(facets.spoken, Thesaurus()).of("trousers") != {}


def test_prices_outside_the_limits_lose() -> None:
    low, high = np.array([10, 30, np.nan, 80]), np.array([20, 30, np.nan, 90])
    assert price_points(low, high, min_price=15, max_price=40).tolist() == [0, 0, -0.5, -1]
    assert price_points(low, high).tolist() == [0, 0, 0, 0]


def test_the_cheapest_of_what_was_asked_for_wins() -> None:
    low, fits = np.array([5.0, 30, 20, 20, np.nan]), np.array([0.2, 1, 1, 1, 1], np.float32)
    assert order_points(low, fits, dearest=False).tolist() == [0, 0, 1, 1, 0]
    assert order_points(low, fits, dearest=True).tolist() == [0, 1, 0, 0, 0]
    assert order_points(low[:0], fits[:0], dearest=True).tolist() == []


def test_counts_of_what_was_found(products: list[Any]) -> None:
    counts = count(products)
    assert counts.categories == {"Mugs & cups": 2, "Camping": 1, "Candles": 1, "Kitchen knives": 1}
    assert next(iter(counts.categories)) == "Mugs & cups"
    assert counts.options == {"colour": {"blue": 1, "red": 1}}
    assert [(span.low, span.high, span.count) for span in counts.prices] == [
        (0, 50, 3),
        (100, 150, 1),
        (200, 250, 1),
    ]
    assert count([]).prices == []


@given(st.lists(st.decimals(0, 100_000, places=2), min_size=1, max_size=30))
def test_price_ranges_hold_every_price_once(prices: list[Decimal]) -> None:
    ranges = price_ranges(prices)
    assert len(ranges) <= 5
    assert sum(span.count for span in ranges) == len(prices)
    for span in ranges:
        assert span.count == sum(span.low <= price < span.high for price in prices)
