from __future__ import annotations

import pytest

from chatbot import expect


@pytest.mark.parametrize(
    ("question", "text", "given"),
    [
        ("In which year were you founded?", "This shop is invented.", False),
        ("In which year were you founded?", "We have been here since 1987.", True),
        ("what is your phone number", "Write to us.", False),
        ("what is your phone number", "Call +49 30 5550 0199.", True),
        ("how many stores do you have", "We have shops in every city.", False),
        ("how many stores do you have", "We have 12 shops.", True),
        ("What does a return cost?", "Returns are free.", True),
        ("how long does it take", "It takes three working days.", True),
        ("how long does it take", "Parcels travel by road.", False),
        ("when do you answer", "We answer on Monday.", True),
        ("多久能退款", "Refunds are sent within 5 working days.", True),
        ("Can I return a gift?", "Yes, with the order number.", None),
    ],
)
def test_gives(question: str, text: str, given: bool | None) -> None:
    assert expect.gives(question, text) is given
