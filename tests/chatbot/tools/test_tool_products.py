"""Finding products within limits, and what is said of one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest

from chatbot.shop import Product, Variant

if TYPE_CHECKING:
    from conftest import FakeSearch, World

    from chatbot.tools.base import Context


def searched(context: Context) -> FakeSearch:
    """The fake behind the context's products."""
    return cast("FakeSearch", context.products)


def details(world: World, sku: str, language: str = "en", catalogue: Any = None, **arguments: Any) -> str:
    shop = {"catalogue": catalogue} if catalogue else {}
    return world.say(world.context(language=language, **shop), "product_details", sku=sku, **arguments)


# --- search ---------------------------------------------------------------------------------------------------


def test_names_what_it_found_with_prices_and_cards(world: World) -> None:
    result = world.run(world.context(), "product_search", query="board")
    assert result.text == "I found 2 products that fit: Oak board (39.00 EUR) and Walnut board (59.00 EUR)."
    assert [(card.id, card.fields["availability"], card.fields["amount"]) for card in result.cards] == [
        ("KIT-1", "in stock", "39.00"),
        ("KIT-4", "sold out", "59.00"),
    ]


def test_names_three_and_shows_five(world: World) -> None:
    result = world.run(world.context(), "product_search", query="kitchen")
    assert result.text.startswith("I found 4 products that fit, among them Oak board")
    assert len(result.cards) == 4


def test_hedges_when_the_search_is_not_sure(world: World) -> None:
    context = world.context()
    searched(context).score = 0.6
    assert world.say(context, "product_search", query="walnut") == (
        "I'm not sure we have exactly that. The closest I found: Walnut board (59.00 EUR)."
    )
    searched(context).score = 0.1
    assert world.run(context, "product_search", query="walnut").error == "not_found"


def test_says_what_limits_exclude_and_what_is_nearest(world: World) -> None:
    result = world.run(world.context(), "product_search", query="board", max_price=20)
    assert result.error == "filtered_out"
    assert result.text == (
        "Nothing in our catalogue fits these limits: up to 20.00 EUR. The nearest is Oak board (39.00 EUR)."
    )
    assert [card.id for card in result.cards] == ["KIT-1"]


def test_all_limits_are_named(world: World) -> None:
    said = world.say(
        world.context(language="zh"),
        "product_search",
        query="rail",
        colour="绿色",
        size="50 cm",
        min_price=60,
        max_price=90,
        in_stock=True,
    )
    assert "（颜色：绿色，尺码：50 cm，60.00欧元以上，90.00欧元以内，仅限有货）" in said


def test_nothing_at_all(world: World) -> None:
    assert world.run(world.context(), "product_search", query="sofa").error == "not_found"
    assert (
        world.run(world.context(), "product_search", query="sofa", max_price=5).template
        == "search_filtered_out_empty"
    )


def test_the_shops_figures_overrule_the_index(world: World) -> None:
    # The fake search ignores stock: as an index that is older than the data would.
    result = world.run(world.context(), "product_search", query="board", in_stock=True)
    assert [card.id for card in result.cards] == ["KIT-1"]


def test_a_version_must_have_colour_and_stock_at_once(world: World) -> None:
    found = world.run(world.context(), "product_search", query="rail", colour="red")
    assert found.error is None
    assert (
        world.run(world.context(), "product_search", query="rail", colour="red", in_stock=True).error
        == "filtered_out"
    )
    assert (
        world.run(world.context(), "product_search", query="rail", colour="red", max_price=40).error
        == "filtered_out"
    )


def test_without_stock_figures_nothing_is_said_to_be_available(world: World) -> None:
    result = world.run(world.context(), "product_search", query="heart", in_stock=True)
    assert "I have no stock figures for all of them" in result.text
    assert result.cards[0].fields["availability"] == ""


def test_a_category_of_the_shop_is_a_limit_and_other_words_are_searched_for(world: World) -> None:
    context = world.context()
    assert world.run(context, "product_search", query="pine", category="KITCHEN").error == "filtered_out"
    assert searched(context).asked[0]["category"] == "Kitchen"
    world.run(context, "product_search", query="pine", category="Bathroom")
    asked = searched(context).asked[-1]
    assert (asked["query"], asked["category"]) == ("pine Bathroom", None)


def test_chinese_colours_are_asked_for_in_the_catalogues_words(world: World) -> None:
    context = world.context(language="zh")
    world.run(context, "product_search", query="磁吸刀架", colour="红色")
    assert searched(context).asked[0]["options"] == {"colour": "red"}


def test_a_search_for_nothing_asks_back(world: World) -> None:
    assert world.run(world.context(), "product_search", query="  ").error == "no_product"


# --- price ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sku", "arguments", "said"),
    [
        ("KIT-1", {}, "Oak board costs 39.00 EUR."),
        ("kit-1", {}, "Oak board costs 39.00 EUR."),
        ("KIT-3", {}, "Magnetic rail costs 39.00 EUR to 52.00 EUR, depending on the version: 35 cm 39.00 EUR, 50 cm 52.00 EUR."),
        ("KIT-3", {"size": "50cm"}, "Magnetic rail in 50 cm costs 52.00 EUR."),
        ("KIT-3", {"size": "50 centimetres"}, "Magnetic rail in 50 cm costs 52.00 EUR."),
        ("KIT-3-50-RED", {}, "Magnetic rail in red / 50 cm costs 52.00 EUR."),
        ("85123A", {}, "I have no price for WHITE HANGING HEART. A person of our team can tell you."),
    ],
)  # fmt: skip
def test_price(world: World, sku: str, arguments: dict[str, str], said: str) -> None:
    assert details(world, sku, aspect="price", **arguments) == said


def test_a_version_without_a_price_has_the_products(world: World) -> None:
    mug = Product(
        "M", "Mug", price=Decimal("8"), currency="EUR", variants=(Variant("M-R", {"colour": "red"}, None, 2),)
    )
    assert details(world, "M", catalogue=[mug], aspect="price", colour="red") == "Mug in red costs 8.00 EUR."


# --- stock ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sku", "arguments", "said"),
    [
        ("KIT-1", {}, "Yes, Oak board is in stock (12 pieces)."),
        ("KIT-2", {}, "Yes, but only 3 pieces of Paring knife 9 cm left."),
        ("KIT-4", {}, "I'm sorry, Walnut board is sold out at the moment."),
        ("KIT-3", {}, "Magnetic rail is in stock in black / 35 cm (11 pieces) and black / 50 cm (4 pieces). Sold out: red / 50 cm."),
        ("KIT-3", {"colour": "red"}, "I'm sorry, Magnetic rail in red / 50 cm is sold out at the moment. In stock: black / 35 cm and black / 50 cm."),
        ("KIT-3", {"colour": "红色", "size": "50cm"}, "I'm sorry, Magnetic rail in red / 50 cm is sold out at the moment. In stock: black / 35 cm and black / 50 cm."),
        ("KIT-3", {"size": "50 cm"}, "Magnetic rail is in stock in black / 50 cm (4 pieces). Sold out: red / 50 cm."),
        ("KIT-3", {"colour": "black", "size": "50 cm"}, "Yes, but only 4 pieces of Magnetic rail in black / 50 cm left."),
        ("KIT-2", {"size": "9 cm"}, "Yes, but only 3 pieces of Paring knife 9 cm left."),
    ],
)  # fmt: skip
def test_stock(world: World, sku: str, arguments: dict[str, str], said: str) -> None:
    assert details(world, sku, aspect="stock", **arguments) == said


def test_all_of_a_colour_sold_out_is_not_all_of_the_product(world: World) -> None:
    variants = tuple(
        Variant(f"T-{colour}-{size}", {"colour": colour, "size": size}, None, 9 if colour == "blue" else 0)
        for colour in ("red", "blue")
        for size in ("S", "M")
    )
    shirt = Product("T", "Shirt", price=Decimal("19"), currency="EUR", stock=18, variants=variants)
    said = details(world, "T", catalogue=[shirt], aspect="stock", colour="red")
    assert said == "I'm sorry, Shirt in red is sold out at the moment. In stock: blue / S and blue / M."


@pytest.mark.parametrize("wanted", ["M", "red", "3 cm"])
def test_a_size_inside_a_word_of_the_name_is_no_size(world: World, wanted: str) -> None:
    variants = (Variant("T-S", {"size": "S"}, None, 1), Variant("T-L", {"size": "L"}, None, 1))
    mug = Product("T", "Mirrored mug 13 cm", price=Decimal("19"), currency="EUR", variants=variants)
    said = details(world, "T", catalogue=[mug], aspect="stock", size=wanted)
    assert said == f"Mirrored mug 13 cm does not come in “{wanted}”. There is: size: S and L."


@pytest.mark.parametrize("aspect", ["stock", "overview", "variants"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_unknown_stock_is_never_called_available(world: World, aspect: str, language: str) -> None:
    rail = world.product("KIT-3")
    unknown = replace(rail, stock=None, variants=tuple(replace(item, stock=None) for item in rail.variants))
    said = details(world, "KIT-3", language, catalogue=[unknown], aspect=aspect)
    assert "in stock" not in said
    assert "有货" not in said.replace("无法保证有货", "")
    assert "sold out" not in said


# --- versions and attributes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sku", "arguments", "said"),
    [
        ("KIT-3", {"aspect": "variants"}, "Magnetic rail comes in these versions: colour: black and red; length: 35 cm and 50 cm. Prices: 35 cm 39.00 EUR, 50 cm 52.00 EUR."),
        ("KIT-3", {"aspect": "variants", "colour": "red"}, "Magnetic rail comes in these versions: colour: red; length: 50 cm."),
        ("KIT-3", {"attribute": "and in the small size?"}, "Magnetic rail is available in the following: length: 35 cm and 50 cm. Prices: 35 cm 39.00 EUR, 50 cm 52.00 EUR."),
        ("KIT-1", {"aspect": "variants"}, "Oak board comes in one version only."),
        ("KIT-3", {"colour": "purple"}, "Magnetic rail does not come in “purple”. There is: colour: black and red; length: 35 cm and 50 cm."),
        ("KIT-1", {"colour": "purple"}, "Oak board comes in one version only."),
        ("KIT-3", {"attribute": "colour"}, "Magnetic rail is available in the following: colour: black and red. Prices: 35 cm 39.00 EUR, 50 cm 52.00 EUR."),
        ("KIT-1", {"attribute": "is it dishwasher safe?"}, "No, Oak board is not dishwasher safe."),
        ("KIT-2", {"attribute": "dishwasher"}, "Yes, Paring knife 9 cm is dishwasher safe."),
        ("KIT-2", {"attribute": "induction"}, "Paring knife 9 cm, induction: no."),
        ("KIT-1", {"attribute": "How heavy is the oak board?"}, "Oak board, weight: 1.2 kg."),
        ("KIT-3", {"attribute": "is it vegan"}, "I have no entry about that for Magnetic rail. What I can tell you: magnet neodymium."),
        ("85123A", {"attribute": "weight"}, "I have no entry about that for WHITE HANGING HEART."),
        ("KIT-1", {"aspect": "attributes"}, "Oak board: material oak, weight 1.2 kg, dishwasher safe no, food safe yes."),
        ("85123A", {"aspect": "attributes"}, "I have no further details on WHITE HANGING HEART."),
    ],
)  # fmt: skip
def test_versions_and_attributes(world: World, sku: str, arguments: dict[str, str], said: str) -> None:
    assert details(world, sku, **arguments) == said


def test_overview(world: World) -> None:
    assert details(world, "KIT-1") == "Oak board: 39.00 EUR, in stock, by Tarn. A board of solid oak."
    assert (
        details(world, "KIT-2")
        == "Paring knife 9 cm: 9.90 EUR, only 3 pieces left, by Tarn, for buyers aged 16 and over."
    )
    assert (
        details(world, "GIF-1")
        == "Gift card: 50.00 EUR, by Tarn, final sale, no returns. A board of solid oak."
    )
    assert "Available versions: colour: black and red; length: 35 cm and 50 cm." in details(world, "KIT-3")
    assert details(world, "KIT-1", "zh").startswith("橡木砧板：39.00欧元，有货，品牌 Tarn。")


def test_an_unknown_sku(world: World) -> None:
    assert world.run(world.context(), "product_details", sku="NOPE").error == "not_found"
