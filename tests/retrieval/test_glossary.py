"""Chinese questions on English pages."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from configs.settings import CONFIG_DIR
from retrieval.glossary import gloss
from retrieval.index import Index
from retrieval.ingest import ingest_docs
from retrieval.search import Asked, Search
from retrieval.tokens import has_chinese


class _NoDuplicates(yaml.SafeLoader):
    """YAML lets a later key win silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), (
            f"{node.start_mark}: {sorted(k for k in keys if keys.count(k) > 1)}"
        )
        return super().construct_mapping(node, deep)


def test_the_glossary_is_well_formed() -> None:
    text = (CONFIG_DIR / "glossary" / "zh.yaml").read_text(encoding="utf-8")
    sections = yaml.load(text, _NoDuplicates)
    words = [word for section in sections.values() for word in section]
    assert len(words) == len(set(words)) > 200
    assert all(has_chinese(word) for word in words)
    assert all(english.isascii() for section in sections.values() for english in section.values())


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("礼品卡", "zh", "gift card"),  # the longest match, not 礼品 and 卡
        ("退货要几天", "zh", "return an order how many working days how long"),
        ("LL-100234 的退款", "zh", "refund LL-100234"),
        ("今晚月色", "zh", ""),
        ("退货", "en", ""),
        ("退货", "../zh", ""),
    ],
)
def test_gloss(text: str, language: str, expected: str) -> None:
    assert gloss(text, language) == expected


def test_turns_without_known_words_are_left_out_of_the_dialogue() -> None:
    asked = Asked("退款", ("今晚月色", "运费")).glossed("zh")
    assert (asked.query, asked.dialogue) == ("refund", ("delivery cost price",))


def test_a_chinese_question_finds_an_english_page_without_a_multilingual_model(
    index: Index, pages: Path
) -> None:
    ingest_docs(index, [pages])
    search = Search(index)
    assert search.search("运费多少", language="zh")[0].source == "delivery.md"
    assert search.search("西班牙呢", dialogue=["退货费用"], language="zh")[0].source == "returns.md"
    assert search.search("今晚月色", dialogue=["真美"], language="zh") != []


def test_a_chinese_question_finds_a_chinese_page(index: Index, pages: Path) -> None:
    (pages / "zh.md").write_text("---\nlanguage: zh\n---\n# 发货说明\n\n骆驼由船运送。\n", encoding="utf-8")
    ingest_docs(index, [pages])
    assert Search(index).search("骆驼怎么运送", language="zh")[0].source == "zh.md"
