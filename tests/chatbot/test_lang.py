from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot import lang


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my order?", "en"),
        ("我的订单在哪里？", "zh"),
        ("LL-100234 到哪里了", "zh"),
        ("Wo ist mein Paket?", "en"),
        ("12345", "en"),
        ("", "en"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert lang.detect_language(text) == language


def test_sentences_keep_abbreviations_prices_and_list_numbers_together() -> None:
    text = "Delivery costs 3.90 EUR, e.g. to Berlin. It is free from 49 EUR!\n1. Open the parcel.\n2. Take a photo."
    assert [span.text for span in lang.sentences(text)] == [
        "Delivery costs 3.90 EUR, e.g. to Berlin.",
        "It is free from 49 EUR!",
        "1. Open the parcel.",
        "2. Take a photo.",
    ]


def test_chinese_sentences() -> None:
    assert [s.text for s in lang.sentences("30天内可以退货。退款需要5个工作日！")] == [
        "30天内可以退货。",
        "退款需要5个工作日！",
    ]


@given(st.text())
def test_sentences_are_slices_in_order_and_lose_no_word(text: str) -> None:
    spans = list(lang.sentences(text))
    for span in spans:
        assert text[span.start : span.end] == span.text
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    assert "".join("".join(s.text.split()) for s in spans) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("within thirty days", {"30"}),
        ("from 1,200.00 EUR", {"1200"}),
        ("3,90 EUR or 3.90", {"3.9"}),
        ("2-3 working days", {"2", "3"}),
        ("before 14:00", {"14:00"}),
        ("no figures here", set()),
    ],
)
def test_figures(text: str, expected: set[str]) -> None:
    assert lang.figures(text) == expected


def test_negation() -> None:
    assert lang.is_negated("You can't return gift cards.")
    assert lang.is_negated("礼品卡不能退货")
    assert not lang.is_negated("You can return the lamp.")


def test_normalise_drops_control_characters_and_keeps_lines() -> None:
    assert lang.normalise("  caf\u0065\u0301\u0000  \u200bis’nt\nhere ") == "café is'nt\nhere"
