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
