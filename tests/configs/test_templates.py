"""Every text exists in every language with the same fields, and a missing field is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import chatbot
from configs import templates
from configs.errors import ConfigError

EN = templates.load("en")
OTHERS = [language for language in templates.languages() if language != "en"]
# Keys that code puts together: "order_status_" + the order's state.
FAMILIES = re.compile(
    r"^(order_status|state|method|count|handoff_reason|product_stock|product_stock_option|return_why_final_sale|reason|why|action_(?:confirm|yes|done|what|which|refused))_"
)


@pytest.mark.parametrize("language", OTHERS)
def test_languages_have_the_same_texts_with_the_same_fields(language: str) -> None:
    other = templates.load(language)
    assert set(other.texts) == set(EN.texts)
    assert {key: other.fields(key) for key in EN.texts} == {key: EN.fields(key) for key in EN.texts}


@pytest.mark.parametrize("language", templates.languages())
def test_texts_have_content_and_no_stray_space(language: str) -> None:
    for key, text in templates.load(language).texts.items():
        assert text == text.strip(), key
        assert text, key


def test_english_texts_hold_no_chinese_and_chinese_texts_do() -> None:
    chinese = re.compile(r"[\u4e00-\u9fff]")
    assert not [key for key, text in EN.texts.items() if chinese.search(text)]
    # A Chinese text without Chinese has fields and signs alone.
    silent = [text for text in templates.load("zh").texts.values() if not chinese.search(text)]
    assert not [text for text in silent if re.search("[A-Za-z]", re.sub(r"\{\w+\}", "", text))]


def test_no_text_is_dead() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in Path(chatbot.__file__).parent.rglob("*.py")
    )
    unused = [key for key in EN.texts if f'"{key}"' not in source and not FAMILIES.match(key)]
    kept_for_callers = {
        *("greeting", "thanks", "goodbye", "who_are_you", "conflict", "engine_down", "handoff_offered"),
        *("clarify_order_number", "clarify_product_options"),
        *("action_declined", "action_lapsed"),  # by the state of an action
    }
    assert set(unused) <= kept_for_callers


def test_fills_fields_and_closes_the_hole_of_an_empty_one() -> None:
    assert EN.text("product_stock_out", name="Oak board", alternative="") == (
        "I'm sorry, Oak board is sold out at the moment."
    )


def test_a_missing_field_is_named_with_its_key() -> None:
    with pytest.raises(ConfigError, match=r"product_price.*'price'.*Expected: name, price"):
        EN.text("product_price", name="Oak board")


def test_a_misspelt_key_suggests_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"no template 'greetings' in 'en'.*did you mean greeting\?"):
        EN.text("greetings")


def test_values_are_never_read_as_templates() -> None:
    assert EN.text("product_price", name="{shop.secret}", price="{0}") == "{shop.secret} costs {0}."


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en-GB", "en"), ("zh-CN", "zh"), ("zh_Hans", "zh"), ("ZH", "zh"), ("fr", "en"), ("", "en")],
)
def test_a_tag_finds_its_language(tag: str, language: str) -> None:
    assert templates.load(tag).language == language


@pytest.mark.parametrize(
    "content",
    ["- a list", "key: 3", 'key: "{a.b}"', 'key: "{a[0]}"', 'key: "{a:>9}"', 'key: "{}"', 'key: "{open"'],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "xx.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"xx\.yaml"):
        templates.read(path)
