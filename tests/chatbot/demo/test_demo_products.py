"""The demo shop's catalogue: its form, and whether what it says about a product agrees with itself.

Knows the packaged file alone; how a catalogue is imported is tested with the importer.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

Product = dict[str, Any]

KEYS = {
    "sku", "name", "name_zh", "category", "category_zh", "brand", "description", "attributes", "price", "stock",
    "variants", "final_sale", "repeat_days", "age_limit", "season",
}  # fmt: skip
PRICE = re.compile(r"[1-9]\d*\.\d{2}")
SKU = re.compile(r"[A-Z]{3}-\d{4}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ADULTS_ONLY = {
    "chef's knife", "santoku", "bread knife", "paring knife", "steak knife", "filleting knife", "children's knife",
    "axe", "saw",
}  # fmt: skip


@pytest.fixture(scope="module")
def products() -> list[Product]:
    text = (files("chatbot") / "demo" / "products.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def variants(products: list[Product]) -> Iterator[tuple[Product, Product]]:
    return ((product, variant) for product in products for variant in product["variants"])


def test_there_is_enough_to_choose_from(products: list[Product]) -> None:
    by_category = Counter(p["category"] for p in products)
    assert len(products) >= 260
    assert len(by_category) >= 14
    assert sum(count >= 8 for count in by_category.values()) >= 14
    assert 0.28 <= sum(bool(p["variants"]) for p in products) / len(products) <= 0.45


def test_every_row_has_the_same_keys(products: list[Product]) -> None:
    assert [p["sku"] for p in products if set(p) != KEYS] == []


@pytest.mark.parametrize("field", ["sku", "name", "name_zh", "description"])
def test_products_are_told_apart_by(products: list[Product], field: str) -> None:
    assert [value for value, n in Counter(p[field] for p in products).items() if n > 1] == []


def test_every_sku_names_one_thing(products: list[Product]) -> None:
    skus = [p["sku"] for p in products] + [v["sku"] for _, v in variants(products)]
    assert len(skus) == len(set(skus))
    assert [p["sku"] for p in products if not SKU.fullmatch(p["sku"])] == []
    assert [v["sku"] for p, v in variants(products) if not v["sku"].startswith(p["sku"] + "-")] == []


def test_a_sku_prefix_belongs_to_one_category(products: list[Product]) -> None:
    pairs = {(p["sku"][:3], p["category"], p["category_zh"]) for p in products}
    assert len(pairs) == len({p["category"] for p in products}) == len({p["sku"][:3] for p in products})


def test_names_exist_in_chinese(products: list[Product]) -> None:
    assert [p["sku"] for p in products if not CHINESE.search(p["name_zh"])] == []
    assert [p["sku"] for p in products if not CHINESE.search(p["category_zh"])] == []


def test_prices_are_exact_and_plausible(products: list[Product]) -> None:
    prices = [(p["sku"], p["price"]) for p in products] + [
        (v["sku"], v["price"]) for _, v in variants(products)
    ]
    assert [row for row in prices if not PRICE.fullmatch(row[1])] == []
    assert [row for row in prices if not Decimal("2.50") <= Decimal(row[1]) <= Decimal(420)] == []


def test_a_product_costs_what_its_cheapest_variant_costs(products: list[Product]) -> None:
    cheapest = {p["sku"]: min(Decimal(v["price"]) for v in p["variants"]) for p in products if p["variants"]}
    assert [
        p["sku"] for p in products if p["sku"] in cheapest and Decimal(p["price"]) != cheapest[p["sku"]]
    ] == []


def test_stock_is_the_sum_of_the_variants(products: list[Product]) -> None:
    assert [
        p["sku"] for p in products if p["variants"] and p["stock"] != sum(v["stock"] for v in p["variants"])
    ] == []
    assert [p["sku"] for p in products if not isinstance(p["stock"], int) or p["stock"] < 0] == []
    assert [
        v["sku"] for _, v in variants(products) if not isinstance(v["stock"], int) or v["stock"] < 0
    ] == []


def test_some_things_are_sold_out_and_some_nearly(products: list[Product]) -> None:
    sold_out = sum(p["stock"] == 0 for p in products) / len(products)
    assert 0.04 <= sold_out <= 0.12
    assert any(v["stock"] == 0 < p["stock"] for p, v in variants(products))
    assert sum(1 <= p["stock"] <= 5 for p in products) >= 8


def test_variants_of_a_product_have_the_same_options_and_differ(products: list[Product]) -> None:
    for product in products:
        chosen = [tuple(v["options"].items()) for v in product["variants"]]
        assert len(set(chosen)) == len(chosen), product["sku"]
        assert len({tuple(key for key, _ in options) for options in chosen}) <= 1, product["sku"]
        assert len(chosen) != 1, f"{product['sku']}: one variant is no choice"


def test_an_option_is_not_also_a_fixed_attribute(products: list[Product]) -> None:
    assert [v["sku"] for p, v in variants(products) if v["options"].keys() & p["attributes"].keys()] == []


def test_descriptions_are_two_to_seven_sentences_of_35_to_80_words(products: list[Product]) -> None:
    lengths = {p["sku"]: len(p["description"].split()) for p in products}
    assert {sku: n for sku, n in lengths.items() if not 35 <= n <= 80} == {}
    sentences = {p["sku"]: len(re.findall(r"[.!?](?:\s|$)", p["description"])) for p in products}
    assert {sku: n for sku, n in sentences.items() if not 2 <= n <= 7} == {}


def test_descriptions_do_not_repeat_each_other(products: list[Product]) -> None:
    """Nine words in a row that two descriptions share would be a template; a shared wash or socket is not."""
    owners: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for product in products:
        words = re.findall(r"\w+", product["description"].lower())
        for start in range(len(words) - 8):
            owners[tuple(words[start : start + 9])].add(product["sku"])
    assert {" ".join(gram): skus for gram, skus in owners.items() if len(skus) > 1} == {}


def test_attributes_are_named_texts_with_a_type(products: list[Product]) -> None:
    assert [p["sku"] for p in products if "type" not in p["attributes"]] == []
    odd = [
        (p["sku"], key, value)
        for p in products
        for key, value in p["attributes"].items()
        if not re.fullmatch(r"[a-z][a-z0-9_]*", key) or not isinstance(value, str) or not value.strip()
    ]
    assert odd == []


def test_a_category_measures_one_thing_in_one_unit(products: list[Product]) -> None:
    """Otherwise "lighter than 2 kg" could not be filtered."""
    units: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for product in products:
        options = [item for v in product["variants"] for item in v["options"].items()]
        for key, value in [*product["attributes"].items(), *options]:
            if measure := re.fullmatch(r"-?[\d.,]+ (\S+)", value):
                units[product["category"], key].add(measure[1])
    assert {place: found for place, found in units.items() if len(found) > 1} == {}


def test_washing_temperatures_in_text_and_attributes_agree(products: list[Product]) -> None:
    for product in products:
        stated = re.search(r"[Ww]ashable at (\d\d °C)", product["description"])
        if stated:
            assert product["attributes"].get("washable_at") == stated[1], product["sku"]


def test_sizes_in_names_and_attributes_agree(products: list[Product]) -> None:
    """A capacity, weight or length in the name occurs among the attributes if the category states that unit."""
    for product in products:
        named = re.search(r" (\d+(?:\.\d+)?) (ml|l|g|kg|cm)$", product["name"])
        values = product["attributes"].values()
        if named and any(re.fullmatch(rf"[\d.]+ {named[2]}", value) for value in values):
            assert f"{named[1]} {named[2]}" in values, product["sku"]


def test_dishwasher_claims_agree(products: list[Product]) -> None:
    claim = re.compile(
        r"dishwasher-safe|may go in(?:to)? the dishwasher|safe in the dishwasher", re.IGNORECASE
    )
    hand_wash = [p for p in products if p["attributes"].get("dishwasher_safe") == "no"]
    assert len(hand_wash) > 10
    assert [p["sku"] for p in hand_wash if claim.search(p["description"])] == []


def test_food_claims_agree(products: list[Product]) -> None:
    for product in products:
        text, attributes = product["description"], product["attributes"]
        if attributes.get("gluten_free") == "yes":
            assert not re.search(r"[Cc]ontains?(?: \w+){0,3} gluten", text), product["sku"]
            assert "gluten" not in attributes.get("allergens", ""), product["sku"]
        if attributes.get("gluten_free") == "no":
            assert "gluten" in attributes["allergens"], product["sku"]
        if attributes.get("vegan") == "yes":
            assert not re.search(r"not (?:\w+ )?vegan", text), product["sku"]


def test_age_limits_stand_where_the_law_would_want_them_and_nowhere_else(products: list[Product]) -> None:
    for product in products:
        attributes = product["attributes"]
        spirits = attributes.get("alcohol", "no") != "no"
        if attributes["type"] in ADULTS_ONLY or attributes.get("fuel") == "gas cartridge" or spirits:
            expected: int | None = 18
        elif attributes["type"] == "razor blades":
            expected = 16
        else:
            expected = None
        assert product["age_limit"] == expected, product["sku"]


def test_final_sale_is_what_the_returns_page_says(products: list[Product]) -> None:
    """Gift cards, perishable food and personalised items; personal care becomes final only once opened."""
    for product in products:
        attributes = product["attributes"]
        final = (
            product["category"] == "Gift cards"
            or attributes.get("perishable") == "yes"
            or attributes.get("personalised") == "yes"
        )
        assert product["final_sale"] is final, product["sku"]


def test_knives_and_cookware_carry_five_years(products: list[Product]) -> None:
    five = {p["category"] for p in products if p["attributes"].get("warranty") == "5 years"}
    assert five == {"Kitchen knives", "Cookware"}
    assert [
        p["sku"] for p in products if p["category"] in five and p["attributes"].get("warranty") != "5 years"
    ] == []


def test_claims_of_certified_goods_carry_a_number(products: list[Product]) -> None:
    """The packaging page promises the number of the certificate on the product page."""
    for product in products:
        attributes = product["attributes"]
        if attributes.get("organic") == "yes" or "organic" in attributes.get("material", ""):
            assert attributes.get("organic_certificate"), product["sku"]
        if re.search(r"certified forest", product["description"]):
            assert attributes.get("wood_certificate"), product["sku"]


def test_consumables_come_round_and_durables_do_not(products: list[Product]) -> None:
    assert [
        p["sku"] for p in products if p["repeat_days"] is not None and not 14 <= p["repeat_days"] <= 120
    ] == []
    assert sum(p["repeat_days"] is not None for p in products) >= 50
    durable = {"Kitchen knives", "Cookware", "Furniture", "Bedding", "Bags", "Lighting", "Gift cards"}
    assert [p["sku"] for p in products if p["category"] in durable and p["repeat_days"] is not None] == []


def test_seasons_are_the_four(products: list[Product]) -> None:
    assert {p["season"] for p in products} == {None, "spring", "summer", "autumn", "winter"}


def test_there_are_near_neighbours_to_compare(products: list[Product]) -> None:
    types = Counter(p["attributes"]["type"] for p in products)
    assert min(types["kettle"], types["tent"], types["yoga mat"], types["rug"], types["backpack"]) >= 3
    assert types["chef's knife"] >= 2
    assert types["santoku"] >= 2
