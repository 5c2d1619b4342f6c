"""Questions find the attribute that they ask for, and only that."""

from __future__ import annotations

import pytest

from chatbot.tools.attributes import find_attribute, holds

KNIFE = ["type", "blade_length", "blade_material", "handle_material", "weight", "dishwasher_safe", "warranty"]
POT = [
    "material",
    "capacity",
    "diameter",
    "induction",
    "ovenproof_to",
    "dishwasher_safe",
    "microwave_safe",
    "size",
]


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (KNIFE, "dishwasher safe", "dishwasher_safe"),
        (KNIFE, "Is the Alder chef's knife dishwasher safe?", "dishwasher_safe"),
        (KNIFE, "Can I put it in the dishwasher?", "dishwasher_safe"),
        (KNIFE, "How heavy is it?", "weight"),
        (KNIFE, "how long is the blade", "blade_length"),
        (KNIFE, "what material is the handle made of?", "handle_material"),
        (KNIFE, "How long is the warranty?", "warranty"),
        (KNIFE, "刀刃长度", "blade_length"),
        (KNIFE, "可以放洗碗机吗？", "dishwasher_safe"),
        (KNIFE, "保修多久？", "warranty"),
        (KNIFE, "is it good for beginners?", None),
        (KNIFE, "", None),
        (POT, "what is it made of", "material"),
        (POT, "does it work on an induction hob?", "induction"),
        (POT, "can it go into the oven?", "ovenproof_to"),
        (POT, "how much does it hold", "capacity"),
        (POT, "Is it microwave safe?", "microwave_safe"),
        (POT, "is it safe", None),
        (POT, "which oven temperature is the limit for a pot of this material", "ovenproof_to"),
        (POT, "how big is it?", "size"),
        (POT, "能用微波炉加热吗", "microwave_safe"),
    ],
)
def test_finds(names: list[str], wanted: str, found: str | None) -> None:
    assert find_attribute(names, wanted) == found


def test_words_of_the_products_name_ask_for_nothing() -> None:
    soap = ["vegan", "weight"]
    assert find_attribute(soap, "Is the vegan soap solid?", about="Vegan soap") is None
    assert find_attribute(soap, "Is the vegan soap really vegan?", about="Vegan soap") == "vegan"
    assert find_attribute(["skin_type"], "is the Type writer loud?", about="Type writer") is None


def test_yes_no_and_neither() -> None:
    assert [holds(value) for value in ("Yes", "no", "TRUE", "up to 200 °C")] == [True, False, True, None]
