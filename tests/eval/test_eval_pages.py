"""The suite that sets search beside its legs, on pages small enough to know what is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from configs.settings import Settings, load
from eval.doc2dial import Question, ranks
from eval.pages import Corpus, cmrc, named, ways
from retrieval.embed import load_embedder
from retrieval.index import Index
from retrieval.ingest import ingest_docs

PAGES = {
    "returns.md": "# Returns\n\nA lamp can be sent back within 30 days.",
    "delivery.md": "# Delivery\n\nA parcel costs 4.90 euros.",
}
TEXTS = {
    "returns": "A lamp can be sent back within 30 days.",
    "delivery": "A parcel costs 4.90 euros.",
}


def index_of(folder: Path) -> Index:
    pages = folder / "pages"
    pages.mkdir()
    for name, text in PAGES.items():
        (pages / name).write_text(text, encoding="utf-8")
    index = Index(folder / "index", load_embedder("minilm"))
    ingest_docs(index, [pages])
    return index


def test_every_way_finds_the_page_that_says_so(tmp_path: Path) -> None:
    index = index_of(tmp_path)
    questions = [
        Question(("how many days to send back a lamp",), frozenset({TEXTS["returns"]}), "", False, "a"),
        Question(("what does a parcel cost",), frozenset({TEXTS["delivery"]}), "", False, "b"),
    ]
    found = {name: ranks(questions, find) for name, find in ways(Corpus("x", index, "en", questions)).items()}
    assert found == {"search": [1, 1], "bm25": [1, 1], "dense": [1, 1]}
    index.close()


def test_a_chinese_question_is_looked_up_in_english_by_the_lexical_leg(tmp_path: Path) -> None:
    index = index_of(tmp_path)
    question = Question(("退货",), frozenset({TEXTS["returns"]}), "", False, "a")
    bm25 = ways(Corpus("x", index, "zh", [question]))["bm25"]
    assert len(bm25(question)) == 2
    index.close()


def test_the_corpus_stands_behind_the_name_of_the_leg() -> None:
    assert named("demo", "mrr") == "demo_mrr"
    assert named("demo", "bm25_mrr_gain_low") == "bm25_demo_mrr_gain_low"


def test_the_gold_of_a_chinese_context_is_the_passage_that_holds_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = {
        "id": "T1",
        "context": "退货须在三十天内提出。",
        "qas": [
            {
                "id": "T1Q0",
                "question": "多久内可以退货？",
                "answers": [{"text": "三十天", "answer_start": 4}],
            },
            {"id": "T1Q1", "question": "谁？", "answers": [{"text": "不在文中", "answer_start": 0}]},
        ],
    }
    folder = tmp_path / "cmrc2018"
    folder.mkdir()
    (folder / "cmrc2018_trial.json").write_text(
        json.dumps({"data": [{"paragraphs": [context]}]}), encoding="utf-8"
    )
    monkeypatch.setenv("KEFU_DATA", str(tmp_path))
    settings: Settings = load(home=str(tmp_path / "home"))
    corpus = cmrc(settings, lambda *_: None)
    assert [(question.id, question.gold) for question in corpus.questions] == [
        ("cmrc:T1Q0", frozenset({"退货须在三十天内提出。"}))
    ]
    corpus.index.close()
