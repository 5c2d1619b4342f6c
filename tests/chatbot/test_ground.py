from __future__ import annotations

import pytest

from chatbot import ground

EVIDENCE = [
    "Parcels can be sent back within 30 days from delivery. Gift cards cannot be returned.",
    "Standard delivery costs 3.90 EUR and takes 2-3 working days. Write to help@shop.example.",
]


@pytest.mark.parametrize(
    "sentence",
    [
        "You can send parcels back within 30 days from delivery.",
        "Standard delivery costs 3.90 EUR.",
        "Standard delivery takes 2-3 working days.",
        "Gift cards cannot be returned.",
        "Write to help@shop.example.",
        "Parcels can be sent back within thirty days.",
    ],
)
def test_true_sentences_pass(sentence: str) -> None:
    assert ground.check(sentence, EVIDENCE).ok, ground.check(sentence, EVIDENCE).reason


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("You can send parcels back within 60 days from delivery.", "figure 60"),
        ("You can send parcels back within 30 months from delivery.", "unit of 30"),
        ("Standard delivery costs 4.90 EUR.", "figure 4.9"),
        ("Gift cards can be returned.", "negation"),
        ("Parcels cannot be sent back within 30 days.", "negation"),
        ("Write to support@shop.example.", "literal support@shop.example"),
        ("Standard delivery with Hermod costs 3.90 EUR.", "name Hermod"),
        ("We gladly repair broken umbrellas forever.", "coverage 0.00"),
        ("Of course!", "coverage 0.00"),
        ("And so it is.", "says nothing"),
    ],
)
def test_untrue_sentences_fail(sentence: str, reason: str) -> None:
    assert ground.check(sentence, EVIDENCE) == ground.Check(False, reason)


def test_nothing_is_supported_by_nothing() -> None:
    assert ground.check("Delivery is free.", []) == ground.Check(False, "no evidence")


def test_support_names_the_text_that_covers_the_sentence() -> None:
    assert ground.check("Standard delivery takes 2-3 working days.", EVIDENCE).support == 1


PRICES = [
    "Standard delivery within Germany costs 3.90 EUR. Delivery to the United Kingdom and Switzerland costs 12.90 EUR, "
    "and delivery to China costs 19.90 EUR.",
    "Destination: Austria, Italy; Price: 6.90 EUR",
]


@pytest.mark.parametrize(
    "sentence",
    [
        "Delivery in Germany costs 3.90 EUR.",
        "Delivery to Switzerland costs 12.90 EUR.",
        "Delivery to China costs 19.90 EUR.",
        "The price of delivery to Austria: 6.90 EUR.",
    ],
)
def test_a_figure_may_stand_with_what_it_belongs_to(sentence: str) -> None:
    assert ground.check(sentence, PRICES).ok, ground.check(sentence, PRICES).reason


@pytest.mark.parametrize(
    "sentence",
    [
        "Delivery in Germany and Switzerland costs 3.90 EUR.",
        "Delivery to China costs 12.90 EUR.",
        "Delivery to Switzerland costs 19.90 EUR.",
        "Delivery to Austria costs 12.90 EUR.",
    ],
)
def test_a_figure_of_something_else_is_no_evidence(sentence: str) -> None:
    assert ground.check(sentence, PRICES).reason.endswith("of another")
