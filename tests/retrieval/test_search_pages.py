"""What a search returns, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.settings import load
from retrieval import embed
from retrieval.confidence import continues
from retrieval.fusion import Legs, context_signals, fuse, standardised
from retrieval.index import Index
from retrieval.ingest import ingest_docs
from retrieval.minilm import Vectors
from retrieval.search import DEFAULT_WEIGHTS, Search

from .conftest import HashingEmbedder


@pytest.fixture
def search(index: Index, pages: Path) -> Search:
    ingest_docs(index, [pages])
    return Search(index)


def test_the_passage_that_answers_is_first(search: Search) -> None:
    found = search.search("how many days to return a lamp")
    assert found[0].title == "Returns › How long can I return a lamp?"
    assert found[0].text == "Every lamp can be returned within 30 days from delivery."
    assert found[0].meta == {"updated": "2026-01-02"}
    assert all(0 <= passage.score <= 1 for passage in found)
    assert found[0].score == max(passage.score for passage in found)


def test_a_turn_that_was_remembered_is_not_embedded_again(tmp_path: Path, pages: Path) -> None:
    asked: list[str] = []

    class Listening(HashingEmbedder):
        def queries(self, texts: Sequence[str]) -> Vectors:
            asked.extend(texts)
            return super().queries(texts)

    index = Index(tmp_path / "heard", embed.CachedQueries(Listening()))
    ingest_docs(index, [pages])
    search, reply = Search(index), "Delivery costs 4.90 euros. " * 20
    search.remember(reply)
    asked.clear()
    search.search("and how long?", dialogue=[reply, "what does delivery cost"])
    assert asked == ["and how long?", "what does delivery cost"]
    index.close()


def test_a_question_about_nothing_here_scores_lower(search: Search) -> None:
    assert search.search("quantum physics")[0].score < search.search("what does delivery cost")[0].score


def test_k_limits_the_result(search: Search) -> None:
    assert len(search.search("delivery", k=2)) == 2


@pytest.mark.parametrize("query", ["", "   ", "???", "的", "\0", "x" * 20_000])
def test_odd_queries_do_no_harm(search: Search, query: str) -> None:
    assert len(search.search(query, dialogue=["", "delivery"])) <= 6


def test_the_dialogue_decides_what_a_short_turn_means(search: Search) -> None:
    assert (
        search.search("and Spain?", dialogue=["what does delivery cost to China"])[0].source == "delivery.md"
    )
    assert search.search("and Spain?", dialogue=["what does a return cost"])[0].source == "returns.md"


def test_a_follow_up_stays_on_the_page_that_was_told(search: Search) -> None:
    earlier = "how long can I return a lamp"
    told = search.search(earlier)[0]
    others = {passage.id for passage in search.document(told.source)} - {told.id}
    before, after = (
        {p.id: p.score for p in search.search("and then?", dialogue=[earlier], told=ids, k=20)}
        for ids in ((), {told.id})
    )
    assert others
    assert all(after[passage_id] > before[passage_id] for passage_id in others)
    assert after[told.id] <= before[told.id]


def test_what_was_told_counts_for_nothing_without_a_dialogue(search: Search) -> None:
    told = search.search("what does delivery cost to China")[0]
    scores = [[(p.id, p.score) for p in search.search("return a lamp", told=ids)] for ids in ((), {told.id})]
    assert scores[0] == scores[1]


def test_passages_that_say_the_same_are_given_once(index: Index, pages: Path) -> None:
    (pages / "copy.md").write_text((pages / "returns.md").read_text())
    ingest_docs(index, [pages])
    texts = [passage.text for passage in Search(index).search("return a lamp", k=10)]
    assert len(texts) == len(set(texts)) == 4


def test_passages_that_differ_in_marks_alone_are_given_once(index: Index, pages: Path) -> None:
    text = (pages / "returns.md").read_text()
    (pages / "copy.md").write_text(
        text.replace("Every lamp can", "EVERY  lamp, can").replace("Spain", "*Spain*")
    )
    (pages / "other.md").write_text(text.replace("30 days", "31 days"))
    ingest_docs(index, [pages])
    texts = [passage.text for passage in Search(index).search("return a lamp", k=10)]
    assert len([text for text in texts if "lamp" in text]) == 2
    assert any("30 days" in text for text in texts)
    assert any("31 days" in text for text in texts)


def test_a_passage_and_a_document_by_id(search: Search) -> None:
    first = search.search("return a lamp")[0]
    assert search.passage(first.id) is not None
    assert search.passage("returns.md#nothing/1") is None
    assert [passage.id for passage in search.document("returns.md")] == [
        "returns.md#how-long-can-i-return-a-lamp/1",
        "returns.md#what-does-a-return-cost/1",
    ]


def test_other_languages_go_to_the_multilingual_embedder(
    open_index: Callable[..., Index], pages: Path, embedder: Any
) -> None:
    second = type(embedder)("second")
    index = open_index(multilingual=second)
    ingest_docs(index, [pages])
    assert set(index.snapshot("page").vectors) == {"hashing", "second"}
    asked: list[str] = []
    second.queries = lambda texts: asked.extend(texts) or embedder.queries(texts)
    search = Search(index)
    search.search("delivery", language="en")
    assert asked == []
    assert search.search("delivery", language="zh")[0].source == "delivery.md"
    assert asked


def test_open_reads_the_settings(
    tmp_path: Path, pages: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.index.load_embedder", lambda name: embedder)
    monkeypatch.setattr("retrieval.index.multilingual_installed", lambda: False)
    settings = load(home=tmp_path / "home", shop={"today": "2030-01-01"})
    (pages / "sale.md").write_text("---\nvalid_until: 2026-06-30\n---\n# Sale\n\nAll camels are reduced.\n")
    search = Search.open(settings)
    ingest_docs(search._index, [pages])
    search.warm()
    assert all(passage.source != "sale.md" for passage in search.search("camels"))
    search._index.close()


def test_queries_are_remembered(embedder: Any) -> None:
    calls: list[list[str]] = []
    real = embedder.queries
    embedder.queries = lambda texts: calls.append(list(texts)) or real(texts)
    cached = embed.CachedQueries(embedder)
    assert cached.queries(["a b", "c", "a b"]).shape == (3, 256)
    assert np.array_equal(cached.queries(["c"]), real(["c"]))
    assert calls == [["a b", "c"]]
    assert cached.queries([]).shape == (0, 256)


_SCORES = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=50).map(
    lambda x: np.array(x, np.float32)
)


@given(_SCORES)
def test_standardised_scores_keep_their_order(scores: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    z = standardised(scores)
    assert np.isfinite(z).all()
    assert abs(float(z.mean())) < 1e-2
    best = int(scores.argmax())
    assert z[best] == z.max()


def test_a_turn_that_stands_alone_ignores_the_dialogue() -> None:
    rng = np.random.default_rng(0)
    a, b, c, d = (rng.random(20).astype(np.float32) for _ in range(4))
    alone = fuse(Legs(a, b, 0.8), DEFAULT_WEIGHTS)
    assert np.array_equal(alone, fuse(Legs(a, b, 0.8, c, d, context=0.0), DEFAULT_WEIGHTS))
    assert not np.array_equal(alone, fuse(Legs(a, b, 0.8, c, d, context=0.5), DEFAULT_WEIGHTS))


def test_words_that_match_by_accident_count_little() -> None:
    """Nothing covers the query: the one odd word that matches must not beat the nearest meaning."""
    lexical = np.array([9, 0, 0, 0, 0, 0, 0, 0], np.float32)
    dense = np.array([0.1, 0.5, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1], np.float32)
    assert int(fuse(Legs(lexical, dense, best_coverage=0.2), DEFAULT_WEIGHTS).argmax()) == 1
    assert (
        int(
            fuse(
                Legs(lexical, dense * 0.1 + 0.2, best_coverage=1.0), {**DEFAULT_WEIGHTS, "lexical_last": 2.0}
            ).argmax()
        )
        == 0
    )


def _dialogue_of_page_0(**last: list[float]) -> Legs:
    """Two pages of two passages; the dialogue is about the first, ``last`` are the scores of the turn alone."""
    dialogue = np.array([3.0, 0.0, 0.0, 0.0], np.float32)
    alone = {name: np.array(scores, np.float32) for name, scores in last.items()}
    return Legs(
        **alone,
        best_coverage=1.0,
        lexical_dialogue=dialogue,
        dense_dialogue=dialogue,
        pages=np.array([0, 0, 1, 1]),
    )


def test_a_dialogue_speaks_for_all_passages_of_its_page() -> None:
    flat = [0.0, 0.1, 0.1, 0.0]
    legs = _dialogue_of_page_0(lexical_last=flat, dense_last=flat)
    alone = fuse(replace(legs, context=0.0), DEFAULT_WEIGHTS)
    continued = fuse(replace(legs, context=0.9), DEFAULT_WEIGHTS)
    assert alone[1] == alone[2]
    assert continued[1] > continued[2]


def test_a_turn_that_finds_another_page_stands_alone() -> None:
    vector, earlier = np.array([1.0, 0.0], np.float32), np.array([[0.6, 0.8]], np.float32)
    gaps = []
    for last in ([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]):
        legs = _dialogue_of_page_0(lexical_last=last, dense_last=last)
        gaps.append(context_signals(vector, earlier, 3, legs, DEFAULT_WEIGHTS))
    assert gaps[0].gap == pytest.approx(0.0)
    assert gaps[1].gap > 1
    assert continues(gaps[0], "minilm") > continues(gaps[1], "minilm")
