"""Which sections are offered where none is sure enough to be quoted."""

from __future__ import annotations

import pytest

from chatbot.offer import section_name, sections
from retrieval.passages import Passage, PassageKind


def passage(title: str, score: float, language: str = "en", kind: PassageKind = "page") -> Passage:
    return Passage(title, "page.md", title, "Text.", kind, language, score=score)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Returns › How long can I return a lamp?", "How long can I return a lamp?"),
        (
            "Privacy policy › What we collect and why › Billing information",
            "Privacy policy: Billing information",
        ),
        ("Terms › What happens when you cancel an account", "What happens when you cancel an account"),
        ("A fair refund policy. › Get in touch", "A fair refund policy: Get in touch"),
        ("Imprint", "Imprint"),
        ("Imprint › Imprint", "Imprint"),
        ("退货 › 多久可以退货？", "多久可以退货？"),
    ],
)
def test_a_section_is_named_so_that_it_says_what_it_is_about(title: str, name: str) -> None:
    assert section_name(title) == name


def test_the_best_are_offered_once_each_and_only_what_the_shopper_can_read() -> None:
    found = [
        passage("Returns › What does a return cost?", 0.3),
        passage("Delivery › What does delivery cost?", 0.38),
        passage("Returns › What does a return cost?", 0.2),
        passage("支付 › 如何付款？", 0.4, "zh"),
        passage("Brass lamp", 0.4, kind="product"),
        passage("Gifts › Which values are available?", 0.18),
    ]
    assert sections(found, "en", least=0.2) == ["What does delivery cost?", "What does a return cost?"]
    assert sections(found, "en", least=0.1) == ["What does delivery cost?", "What does a return cost?"]
    assert sections(found, "zh", least=0.2) == ["如何付款？"]
    assert sections(found, "en", least=0.5) == []
    many = [passage(f"Page › What is number {n}?", 0.4) for n in range(9)]
    assert len(sections(many, "en", least=0.2)) == 3


def test_a_name_too_long_for_a_button_is_left_out() -> None:
    assert sections([passage("Page › " + "very " * 30 + "long?", 0.4)], "en", least=0.2) == []
