"""Finding products within limits, and deciding which product a message names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.index import Index
from retrieval.ingest import ingest_products
from retrieval.products import ProductSearch
from retrieval.spelling import Spelling, distance


@pytest.fixture
def search(index: Index, products: list[Any]) -> ProductSearch:
    ingest_products(index, products)
    return ProductSearch(index)


def skus(hits: list[Any]) -> list[str]:
    return [hit.sku for hit in hits]


def test_by_words(search: ProductSearch) -> None:
    hits = search.search("I am looking for an enamel mug")
    assert hits[0].sku == "MUG-0002"
    assert set(hits[0].matched) == {"enamel", "mug"}
    assert hits[0].score > 0.5 > search.search("bicycle")[0].score


def test_by_number(search: ProductSearch) -> None:
    hits = search.search("KNI-0001")
    assert (hits[0].sku, hits[0].score) == ("KNI-0001", 1.0)
    assert hits[1].score < 0.5


def test_misspelt_words_are_corrected(search: ProductSearch) -> None:
    assert search.search("stonware mug")[0].matched == ("stoneware", "mug")
    assert search.search("kogane santoko")[0].sku == "KNI-0001"


@pytest.mark.parametrize(
    ("query", "sku"),
    [
        ("a mug under 10 euros", "MUG-0002"),
        ("harbour mug 12-15 euros", "MUG-0001"),
        ("the cheepest harbour mug", "MUG-0002"),
        ("most expensive harbour mug", "MUG-0001"),
        ("red harbour mug", "MUG-0001"),
        ("white harbour mug", "MUG-0002"),
    ],
)
def test_what_a_query_says_of_price_and_options_is_preferred(
    search: ProductSearch, query: str, sku: str
) -> None:
    assert search.search(query)[0].sku == sku
    assert len(search.search(query)) == 5, "nothing is ruled out"


@pytest.mark.parametrize("query", ["", "cheapest", "under 20", "？"])
def test_a_query_without_words_finds_something_or_nothing(search: ProductSearch, query: str) -> None:
    assert all(hit.score < 0.5 for hit in search.search(query))


def test_chinese_names(search: ProductSearch) -> None:
    assert search.search("三德刀", language="zh")[0].sku == "KNI-0001"


def test_by_description(search: ProductSearch) -> None:
    assert search.search("something for camping in the rain")[0].sku == "TEN-0001"


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_price": 10}, {"MUG-0002", "85123A"}),
        ({"min_price": 100}, {"KNI-0001", "TEN-0001"}),
        ({"max_price": 20, "min_price": 10}, {"MUG-0001"}),
        ({"category": "Mugs & cups"}, {"MUG-0001", "MUG-0002"}),
        ({"category": "knives"}, {"KNI-0001"}),
        ({"options": {"colour": "blue"}}, {"MUG-0001"}),
        ({"options": {"color": "BLUE"}}, {"MUG-0001"}),
        ({"options": {"colour": "white"}}, {"MUG-0002", "85123A"}),
        ({"options": {"colour": "green"}}, set()),
        ({"options": {"size": "17 cm"}}, {"KNI-0001"}),
        ({"in_stock": True}, {"MUG-0001", "MUG-0002", "TEN-0001", "85123A"}),
        ({"in_stock": True, "options": {"colour": "red"}}, set()),
        ({"exclude": ["MUG-0001", "85123A"], "max_price": 20}, {"MUG-0002"}),
    ],
)
def test_limits(search: ProductSearch, limits: dict[str, Any], expected: set[str]) -> None:
    assert set(skus(search.search("mug", k=10, **limits))) == expected


def test_no_product_passes_a_limit_that_it_breaks(search: ProductSearch) -> None:
    assert search.search("mug", max_price=1) == []


@pytest.mark.parametrize("query", ["", "show me something", "???", "的", "x" * 5000])
def test_queries_without_words_still_obey_the_limits(search: ProductSearch, query: str) -> None:
    assert set(skus(search.search(query, max_price=10))) == {"MUG-0002", "85123A"}


def test_categories_and_vocabulary(search: ProductSearch) -> None:
    assert search.categories() == ["Camping", "Candles", "Kitchen knives", "Mugs & cups"]
    assert search.vocabulary == {"colour": ["blue", "red", "white"], "material": ["enamel", "stoneware"]}


@pytest.mark.parametrize(
    ("text", "sku"),
    [
        ("is KNI-0001 sharp?", "KNI-0001"),
        ("how much is mug-0001-blu", "MUG-0001"),
        ("do you have 85123a", "85123A"),
        ("how heavy is the Kogane santoku 17 cm?", "KNI-0001"),
        ("is the kogane knife dishwasher safe", "KNI-0001"),
        ("the harbour enamel mug please", "MUG-0002"),
        ("white hanging heart t-light holder", "85123A"),
        ("is the felside tent waterproof", "TEN-0001"),
        ("黄金纹三德刀多少钱", "KNI-0001"),
    ],
)
def test_a_message_names_a_product(search: ProductSearch, text: str, sku: str) -> None:
    hits = search.resolve(text)
    assert hits[0].sku == sku
    assert hits[0].score >= 0.8


@pytest.mark.parametrize(
    "text",
    [
        "where is my order",
        "can I return it within 30 days?",
        "do you sell mugs",
        "how much is delivery to China",
        "M",
        "",
        "运费多少钱",
        "I ordered 12 of them",
    ],
)
def test_a_message_that_names_nothing_scores_low(search: ProductSearch, text: str) -> None:
    assert all(hit.score < 0.5 for hit in search.resolve(text))


def test_an_ambiguous_name_is_shared(search: ProductSearch) -> None:
    hits = search.resolve("the harbour mug")
    assert set(skus(hits[:2])) == {"MUG-0001", "MUG-0002"}
    assert all(hit.score < 0.8 for hit in hits)


def test_products_of_the_same_name_are_both_named(
    search: ProductSearch, index: Index, products: list[Any]
) -> None:
    ingest_products(index, [*products, replace(products[2], sku="KNI-0009")])
    hits = search.resolve("the kogane santoku 17 cm")
    assert skus(hits[:2]) == ["KNI-0001", "KNI-0009"]
    assert all(hit.score >= 0.8 for hit in hits[:2])


def test_alternatives_are_both_named(search: ProductSearch) -> None:
    hits = search.resolve("the harbour enamel mug or the harbour stoneware mug?")
    assert set(skus(hits[:2])) == {"MUG-0001", "MUG-0002"}
    assert all(hit.score >= 0.8 for hit in hits[:2])


def test_the_catalogue_is_followed(search: ProductSearch, index: Index, products: list[Any]) -> None:
    assert search.resolve("KNI-0001")
    ingest_products(index, products[:2])
    assert search.resolve("KNI-0001") == []
    ingest_products(index, [])
    assert search.search("mug") == []
    assert search.categories() == []


def damerau(a: str, b: str) -> int:
    """The textbook's definition, slow and recursive."""
    if not a or not b:
        return len(a) + len(b)
    options = [damerau(a[1:], b) + 1, damerau(a, b[1:]) + 1, damerau(a[1:], b[1:]) + (a[0] != b[0])]
    if len(a) > 1 and len(b) > 1 and a[0] == b[1] and a[1] == b[0]:
        options.append(damerau(a[2:], b[2:]) + 1)
    return min(options)


@given(st.text("abc", max_size=5), st.text("abc", max_size=5), st.integers(1, 3))
def test_distance_is_the_textbooks(a: str, b: str, limit: int) -> None:
    assert distance(a, b, limit) == min(damerau(a, b), limit + 1)


@pytest.mark.parametrize(
    ("word", "correction"),
    [
        ("ketle", "kettle"),
        ("kettel", "kettle"),
        ("kettle", None),
        ("blankett", "blanket"),
        ("table", None),  # an English word, though one keystroke from "cable"
        ("cup", None),
        ("zzzzzz", None),
        ("0042", None),
    ],
)
def test_spelling(word: str, correction: str | None) -> None:
    assert Spelling(["kettle", "blanket", "cable", "cups"]).correct(word) == correction


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({}, {"MUG-0001", "MUG-0002", "TEN-0001", "85123A"}),
        ({"max_price": 10}, {"MUG-0002", "85123A"}),
        ({"category": "Mugs & cups"}, {"MUG-0001", "MUG-0002"}),
        ({"without": ["stoneware"]}, {"MUG-0002", "TEN-0001", "85123A"}),
        ({"without": ["camping"]}, {"MUG-0001", "85123A"}),  # the enamel mug's text speaks of it
        ({"without": ["马克杯"]}, {"TEN-0001", "85123A"}),
        ({"without": ["trousers"]}, {"MUG-0001", "MUG-0002", "TEN-0001", "85123A"}),
    ],
)
def test_what_may_be_suggested(search: ProductSearch, limits: dict[str, Any], kept: set[str]) -> None:
    mask = search.suggestible(**limits)
    assert {sku for sku, fits in zip(search.columns().skus, mask, strict=True) if fits} == kept


def test_an_age_limit_is_none_for_everybody(index: Index, products: list[Any]) -> None:
    ingest_products(index, [replace(product, age_limit=18) for product in products[:2]] + products[2:])
    search = ProductSearch(index)
    assert search.suggestible().sum() == 2
    assert search.suggestible(any_age=True).sum() == 4


def test_hazelnuts_are_nuts_and_minutes_are_none(index: Index, products: list[Any]) -> None:
    spread = replace(products[0], sku="NUT-1", name="Hazelnut spread", name_zh="", variants=(), stock=3)
    kettle = replace(
        products[0],
        sku="KET-1",
        name="Kettle",
        description="Boils in five minutes.",
        name_zh="",
        variants=(),
        stock=3,
    )
    ingest_products(index, [spread, kettle])
    search = ProductSearch(index)
    for said in ("nuts", "坚果"):
        mask = search.suggestible(without=[said])
        assert [sku for sku, fits in zip(search.columns().skus, mask, strict=True) if fits] == ["KET-1"]
    assert search.knows("坚果")
    assert not search.knows("乳胶")


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("knives", "Kitchen knives"),
        ("kitchen", None),
        ("camping", "Camping"),
        ("cups", "Mugs & cups"),
        ("厨房刀具", "Kitchen knives"),
        ("the moon", None),
        ("", None),
    ],
)
def test_a_category_is_named_by_what_it_is_of(search: ProductSearch, text: str, category: str | None) -> None:
    assert search.category(text) == category
