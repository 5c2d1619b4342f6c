"""What counts as a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import tokens
from retrieval.tokens import bare_words, fold, tokenize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where is my order LL-100234?", ["order", "ll-100234", "ll", "100234"]),
        ("It costs 49.90 EUR at 14:00", ["cost", "49.90", "49", "90", "eur", "14:00", "14", "00"]),
        ("the shopper's cafés", ["shopper", "cafe"]),
        ("X50CrMoV15 steel", ["x50crmov15", "steel"]),
        ("free-delivery limit", ["free-delivery", "free", "deliveri", "limit"]),
        ("ＦＵＬＬ　１２", ["full", "12"]),
        ("?!", []),
    ],
)
def test_words_numbers_and_codes(text: str, expected: list[str]) -> None:
    assert tokenize(text) == expected


def test_marks_and_case_say_nothing_and_figures_do() -> None:
    assert (
        bare_words("Within  30 days,\nfree.")
        == bare_words("“within 30 days”: FREE!")
        == "within 30 days free"
    )
    texts = ["within 31 days", "€30", "$30", "30 %", "30", "-30", "3.0"]
    assert len(set(map(bare_words, texts))) == len(texts)


def test_singular_and_plural_meet() -> None:
    assert tokenize("returned parcels") == tokenize("returning parcel")


def test_chinese_is_cut_into_words() -> None:
    assert "退货" in tokenize("请问退货要几天")


def test_chinese_without_jieba_is_cut_into_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "jieba_installed", lambda: False)
    assert tokenize("三德刀") == ["三德", "德刀"]


@given(st.text(max_size=200))
def test_any_text_has_tokens_without_spaces(text: str) -> None:
    assert all(token and not any(c.isspace() for c in token) for token in tokenize(text))


@given(st.text(max_size=100))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_how_many_people_something_is_for_is_one_word() -> None:
    assert "2人" in tokenize("双人帐篷")
    assert "2人" in tokenize("两个人用的帐篷")
    assert "4人" in tokenize("四人家庭帐篷")
    assert not any(token.endswith("人") and token[0].isdigit() for token in tokenize("一人民"))
