"""Sentences of two pages that cannot both be true, and pairs that only look like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot import conflict

RETURNS = "Products can be returned within 30 days from delivery."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            RETURNS,
            "You can send products back within 14 days of delivery; products returned later stay yours.",
        ),
        (
            "Orders over EUR 50 are delivered free of charge.",
            "Orders over EUR 75 are delivered free of charge.",
        ),
        ("Gift cards are valid for 3 years.", "A gift card is valid for 1 year from purchase."),
        ("We deliver to Switzerland.", "We do not deliver to Switzerland."),
        ("Standard delivery to Germany costs EUR 3.90.", "Standard delivery to Germany costs EUR 4.90."),
    ],
)
def test_another_figure_or_a_denial_of_the_same_is_a_contradiction(one: str, other: str) -> None:
    assert conflict.disagree(one, other, 0.85)
    assert conflict.disagree(other, one, 0.85)


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [
        ("Standard delivery to Germany costs EUR 3.90.", "Standard delivery to Austria costs EUR 6.90.", 0.9),
        (RETURNS, "Products can be returned within 30 days from delivery, free of charge.", 0.95),
        (RETURNS, "A damaged parcel must be reported within 7 days.", 0.85),
        (RETURNS, "Products returned weigh 20 kg at the most on delivery.", 0.9),
        (RETURNS, "You can send products back within 14 days of delivery.", 0.4),
        ("Gift cards cannot be returned.", "Opened food cannot be exchanged.", 0.8),
    ],
)
def test_other_things_other_units_and_far_sentences_agree(one: str, other: str, similarity: float) -> None:
    assert not conflict.disagree(one, other, similarity)


@given(st.text(), st.text(), st.floats(0, 1))
def test_any_two_texts_can_be_compared_either_way_round(one: str, other: str, similarity: float) -> None:
    assert conflict.disagree(one, other, similarity) == conflict.disagree(other, one, similarity)
    assert not conflict.disagree(one, one, similarity)
