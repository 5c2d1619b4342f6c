from __future__ import annotations

import pytest

from chatbot import ground, ground_signals
from chatbot.ground_marks import alike, parse, place_at

EVIDENCE = [
    "You must return the lamp before Monday if it is broken. Members may pay after 14 days, guests after 7 days.",
    "The shop does not repair lamps. Shipping takes two weeks.",
]


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Members may pay after 7 days.", "figure 7 of another"),
        ("You must return the lamp before Tuesday if it is broken.", "name Tuesday"),
        ("Shipping takes two months.", "unit months"),
        ("The shop repairs lamps.", "negation"),
        ("You must not return the lamp before Monday if it is broken.", "negation"),
        ("You must return the lamp after Monday if it is broken.", "opposite of after"),
        ("You must return the lamp before Monday.", "condition left out"),
    ],
)
def test_what_stands_in_a_wrong_place_is_named(sentence: str, reason: str) -> None:
    assert ground.check(sentence, EVIDENCE).reason == reason


def test_a_word_that_greets_is_no_claim() -> None:
    assert ground.check("Sure, shipping takes two weeks.", EVIDENCE).ok
    assert not ground.check("Sure.", EVIDENCE).ok


def test_a_figure_in_a_code_counts_nothing() -> None:
    kinds = {mark.word: mark.kind for mark in parse("Fill in the form I-20 within 20 days.").marks}
    assert kinds["20"] == "figure"
    assert [mark.kind for mark in parse("Fill in the form I-20.").marks][-1] == "name"


def test_a_place_is_like_itself_and_unlike_another() -> None:
    one, other = place_at(["member", "pay", "x", "day"], 2), place_at(["guest", "sleep", "x", "night"], 2)
    assert alike(one, one) == 1.0
    assert alike(one, other) == 0.0


def test_an_embedding_gives_the_cosine_of_the_nearest_sentence() -> None:
    import numpy as np

    class Fixed:
        def query(self, text: str) -> np.ndarray:
            return np.array([1.0, 0.0], np.float32)

        def passages(self, texts: list[str]) -> np.ndarray:
            return np.array([[0.6, 0.8] if "Shipping" in text else [0.0, 1.0] for text in texts], np.float32)

    finding = ground.read("Shipping takes two weeks.", EVIDENCE, Fixed())
    assert finding.signals.similarity == pytest.approx(0.6)
    assert finding.support == 1


def test_terms_start_with_the_signals() -> None:
    signals = ground.read("Shipping takes two weeks.", EVIDENCE, None).signals
    assert ground_signals.terms(signals)["best"] == signals.best == 1.0
