"""The judge of figures: planted errors are found, true sentences pass."""

from __future__ import annotations

import re

import pytest

from chatbot.conversation import Card, ToolCall
from eval.claims import Said
from eval.facts import count_facts, wrong_facts
from eval.leaks import leaks
from eval.world import World

TRUE = [
    (None, "Alder chef's knife 20 cm costs 49.90 EUR."),
    (None, "Yes, but only 1 piece of Rill tempera kettle 1.5 l in sage left."),
    (None, "Umber casserole, enamelled costs 129.00 EUR to 169.00 EUR: 4.2 l 129.00 EUR, 6.7 l 169.00 EUR."),
    (None, "Thumbprint mug 350 ml is in stock in oat (24 pieces), rust (9 pieces) and ink (15 pieces). Sold out: moss."),
    (None, "I found 2 products: Rill electric kettle 1.7 l (34.90 EUR) and Rill gooseneck kettle 0.9 l (89.00 EUR)."),
    (None, "I'm sorry, Mistfall bathrobe in white / XL is sold out at the moment. In stock: white / M."),
    (None, "Ark wooden building blocks, 60 pieces: 60 pieces of beech."),
    (None, "拇指印马克杯 350毫升的价格是12.90欧元。"),
    (None, "很抱歉，赤杨木柄三德刀 16厘米目前已售罄。"),
    (
        "C01775",
        "Order LL-120789 of Thursday 19 November is on its way. It left us yesterday (Thursday 19 November). Kranich "
        "Paket brings it; the tracking number is KP7715674649. It should arrive on Tuesday 24 November. It contains "
        "1 × Sling pocket bag (sand) and 1 × Whetstone 1000/3000 with bamboo base; the total is 64.80 EUR.",
    ),
    (
        "C01690",
        "- LL-120854, Friday 20 November: being prepared, 69.80 EUR (1 × Rivulet pet water fountain 2 l)\n"
        "- LL-119184, Monday 26 October: delivered, 21.70 EUR (1 × Sunfield olive oil)",
    ),
    (
        "C01985",
        "Yes, order LL-120661 can be returned until Saturday 19 December (30 days from delivery yesterday "
        "(Thursday 19 November)).",
    ),
    ("C01842", "Order LL-120730 has not been delivered yet (out for delivery)."),
    ("C01999", "Order LL-120849 has not been sent yet (being prepared). It can still be cancelled instead."),
    (
        "C01989",
        "订单 LL-120759（11月19日下单）已发货。发货时间：11月19日。承运商：Farsail Post，运单号：FP5610543610。预计12月9日送达。",
    ),
]  # fmt: skip

PLANTED = [
    ("price", None, "Alder chef's knife 20 cm costs 46.90 EUR."),
    ("price", None, "Umber casserole, enamelled: 4.2 l 169.00 EUR, 6.7 l 169.00 EUR."),
    ("price", None, "I found 2 products: Rill electric kettle 1.7 l (89.00 EUR) and Rill gooseneck kettle 0.9 l (89.00 EUR)."),
    ("price", None, "拇指印马克杯 350毫升的价格是12.00欧元。"),
    ("price", None, "That would be 17.35 EUR."),
    ("stock", None, "Yes, but only 9 pieces of Rill tempera kettle 1.5 l in sage left."),
    ("stock", None, "Yes, Flint chef's knife 20 cm is in stock (14 pieces)."),
    ("stock", None, "Thumbprint mug 350 ml is in stock in oat (24 pieces), rust (15 pieces)."),
    ("stock", None, "Yes, Alder santoku 16 cm is in stock."),
    ("stock", None, "I'm sorry, Alder chef's knife 20 cm is sold out at the moment."),
    ("order state", "C01775", "Order LL-120789 of Thursday 19 November was delivered."),
    ("day", "C01775", "Order LL-120789 is on its way. It should arrive on Monday 23 November."),
    ("day", "C01775", "Order LL-120789 is on its way. It should arrive on Monday 24 November."),
    ("day", "C01985", "Yes, order LL-120661 can be returned until Sunday 20 December."),
    ("day", None, "It comes on Tuesday 8 December."),
    ("tracking number", "C01775", "Order LL-120789 is on its way; the tracking number is KP7715674640."),
    ("tracking number", "C01842", "Order LL-120730 is out for delivery; the tracking number is KP0037233834."),
    ("price", "C01775", "Order LL-120789 is on its way; the total is 64.90 EUR."),
    ("price", "C01690", "- LL-120854, Friday 20 November: being prepared, 21.70 EUR"),
    ("order number", "C01775", "Order LL-999999 is on its way."),
    ("day", "C01989", "订单 LL-120759（11月19日下单）已发货。预计12月8日送达。"),
]  # fmt: skip


@pytest.mark.parametrize(("customer", "text"), TRUE)
def test_what_is_true_passes(demo_world: World, customer: str | None, text: str) -> None:
    said = Said(text, customer)
    assert wrong_facts(said, demo_world) == []
    assert leaks(said, demo_world) == []


FIGURES = {
    "price": (r"\d+\.\d\d(?= EUR|欧元)", 1),
    "day": (r"\d{1,2}(?= (?:October|November|December))|(?<=月)\d{1,2}(?=日)", 1),
    "tracking number": (r"(?<=[A-Z]{2})\d{10}", 1),
    "order number": (r"(?<=LL-)\d{6}", 700_000),
    "stock": (r"\d+(?= pieces?\))", 1),
}


@pytest.mark.parametrize(("what", "figure"), FIGURES.items())
def test_every_figure_of_a_true_sentence_counts(
    demo_world: World, what: str, figure: tuple[str, int]
) -> None:
    """Each of them, changed alone, is found."""
    pattern, step = figure
    changed = 0
    for customer, text in TRUE:
        for match in re.finditer(pattern, text):
            old = match.group()
            new = f"{float(old) + step:.2f}" if "." in old else str(int(old) + step)
            wrong = f"{text[: match.start()]}{new}{text[match.end() :]}"
            assert wrong_facts(Said(wrong, customer), demo_world), f"{old} became {new} in {text}"
            changed += 1
    assert changed >= 2


def test_figures_are_counted(demo_world: World) -> None:
    assert count_facts(Said("Thank you! Anything else?"), demo_world) == 0
    assert count_facts(Said(TRUE[0][1]), demo_world) == 1
    status = next(text for customer, text in TRUE if customer == "C01775")
    assert count_facts(Said(status), demo_world) == 6  # an order, three days, a tracking number, a price


@pytest.mark.parametrize(("what", "customer", "text"), PLANTED)
def test_what_is_planted_is_found(demo_world: World, what: str, customer: str | None, text: str) -> None:
    assert what in {wrong.what for wrong in wrong_facts(Said(text, customer), demo_world)}


def test_delivery_is_held_against_the_rates_of_the_country(demo_world: World) -> None:
    calls = (ToolCall("delivery_estimate", {"country": "FR"}),)
    right = (
        "Delivery to France: standard delivery 6.90 EUR (free from 79.00 EUR), 3-6 working days, arriving between "
        "Wednesday 25 November and Monday 30 November if you order now."
    )
    assert wrong_facts(Said(right, calls=calls), demo_world) == []
    for good, bad in (("6.90", "3.90"), ("79.00", "49.00"), ("3-6", "3-5"), ("Wednesday 25", "Tuesday 24")):
        assert wrong_facts(Said(right.replace(good, bad), calls=calls), demo_world), bad


def test_figures_of_cited_pages_and_of_the_shopper_pass(demo_world: World) -> None:
    text = "Gift wrapping costs 3.50 EUR per product. You asked for something under 80 EUR."
    assert len(wrong_facts(Said(text), demo_world)) == 2
    said = Said(text, heard=("anything under 80?",), cited=("The price is 3.50 EUR per product.",))
    assert wrong_facts(said, demo_world) == []


def test_cards_are_held_against_the_catalogue(demo_world: World) -> None:
    fields = {"price": "49.90 EUR", "pieces": 23}
    assert wrong_facts(Said("", cards=(Card("product", "KIT-0001", "", fields),)), demo_world) == []
    for wrong in ({**fields, "price": "39.90 EUR"}, {**fields, "pieces": 24}):
        assert wrong_facts(Said("", cards=(Card("product", "KIT-0001", "", wrong),)), demo_world)
    assert wrong_facts(Said("", cards=(Card("product", "KIT-9999", "", {}),)), demo_world)


LEAKED = [
    ("C01690", (), "Order LL-120789 is on its way."),
    ("C01690", ("where is LL-120789",), "The tracking number is KP7715674649."),
    ("C01690", ("where is LL-120789",), "LL-120789 holds a Sling pocket bag."),
    ("C01690", ("where is LL-120789",), "LL-120789 was 64.80 EUR."),
    (None, ("where is LL-120789",), "LL-120789 comes on 24 November."),
    (None, (), "Please write to c01775@shopper.example."),
    (None, (), "This is customer C01775."),
    (None, (), "It was ordered by Giulia Conti."),
    (None, (), "订购人是郑子涵。"),
]


@pytest.mark.parametrize(("customer", "heard", "text"), LEAKED)
def test_facts_of_others_are_leaks(
    demo_world: World, customer: str | None, heard: tuple[str, ...], text: str
) -> None:
    assert leaks(Said(text, customer, heard), demo_world)


def test_ones_own_facts_and_ones_own_words_are_no_leaks(demo_world: World) -> None:
    own = "Order LL-120789: KP7715674649, 64.80 EUR, Sling pocket bag, for Anton Albers."
    assert leaks(Said(own, "C01775", ("where is LL-120789",)), demo_world) == []
    echo = "I can't find an order LL-120789 in your account."
    assert leaks(Said(echo, "C01690", ("where is ll-120789",)), demo_world) == []
    card = Card("order", "LL-120789", "LL-120789", {"total": "64.80 EUR"})
    assert leaks(Said("Here:", "C01690", cards=(card,)), demo_world)
