from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from chatbot import compose, lang
from retrieval.passages import Passage

RETURNS = Passage(
    "returns#1", "returns.md", "Returns › How long?", score=0.9,
    text="Products can be returned within 30 days. Is that enough? We think so.\nThese cannot be returned:\n\n- gift cards,\n- food.\n\nSee [damage](damaged.md).",
)  # fmt: skip
DELIVERY = Passage("delivery#1", "delivery.md", "Delivery", "Standard delivery costs 3.90 EUR.", score=0.2)


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """Bag of content words, hashed."""
    vectors = np.zeros((len(texts), 256), dtype=np.float32)
    for row, text in zip(vectors, texts, strict=True):
        for word in lang.content_words(text):
            row[sum(word.encode()) % 256] += 1
        row /= np.linalg.norm(row) or 1
    return vectors


def draft(
    question: str, passages: Sequence[Passage] = (RETURNS, DELIVERY), limit: int = 1
) -> compose.QuoteDraft:
    found = compose.quote(question, encode([question])[0], passages, encode, language="en", limit=limit)
    assert found is not None
    return found


def test_quotes_are_verbatim_and_cited_by_offset() -> None:
    found = draft("within how many days can products be returned", limit=3)
    for piece in found.pieces:
        (citation,) = piece.citations
        assert RETURNS.text[citation.start : citation.end] == citation.quote
        assert compose.readable(citation.quote) == piece.text.strip()
    assert "30 days" in found.pieces[0].text


def test_a_list_is_quoted_with_the_line_that_introduces_it() -> None:
    found = draft("which cannot be returned: gift cards or food")
    assert found.pieces[0].text == "These cannot be returned:\n\n- gift cards,\n- food."


def test_questions_and_headings_are_never_quoted() -> None:
    found = draft("Is that enough?", limit=5)
    assert not any("Is that enough?" in piece.text for piece in found.pieces)


def test_what_was_said_is_said_again_only_if_it_holds_what_is_asked_for() -> None:
    said = {(DELIVERY.id, 0)}

    def again(question: str) -> compose.QuoteDraft | None:
        vector = encode([question])[0]
        return compose.quote(question, vector, [DELIVERY], encode, language="en", limit=1, said=said)

    asked_for_money = again("how much is that?")
    assert asked_for_money is not None
    assert asked_for_money.pieces[0].text == DELIVERY.text
    assert again("and standard delivery?") is not None
    assert again("and to Spain?") is None


def test_a_row_of_a_table_is_quoted_without_its_neighbours() -> None:
    table = "Pan: copper; Oven: 250 °C\nPan: enamel; Oven: 230 °C\nPan: steel; Oven: 210 °C"
    found = draft("oven enamel", [Passage("care#1", "care.md", "Care", table, score=0.9)], limit=3)
    assert [piece.text.strip() for piece in found.pieces] == ["Pan: enamel; Oven: 230 °C"]
    rows = draft("oven", [Passage("care#1", "care.md", "Care", table, score=0.9)], limit=3)
    assert "".join(piece.text for piece in rows.pieces).splitlines() == table.splitlines()


def test_nothing_to_quote() -> None:
    assert compose.quote("x", encode(["x"])[0], [], encode, language="en", limit=2) is None


def test_readable_drops_markup() -> None:
    assert compose.readable("See **the** [page](x.md) and `code`") == "See the page and code"


def test_cite_finds_the_backing_span() -> None:
    citation = compose.cite("Delivery costs 3.90 EUR.", [RETURNS, DELIVERY], 0)
    assert citation is not None
    assert (citation.passage_id, citation.quote) == ("delivery#1", "Standard delivery costs 3.90 EUR.")
    assert compose.cite("Umbrellas are repaired forever.", [RETURNS, DELIVERY], 0) is None


def run(pieces: Sequence[str], evidence: Sequence[str]) -> list[tuple[str, bool]]:
    async def stream() -> AsyncIterator[str]:
        for piece in pieces:
            yield piece

    async def collect() -> list[tuple[str, bool]]:
        return [(text, check.ok) async for text, check in compose.checked_sentences(stream(), evidence)]

    return asyncio.run(collect())


def test_a_false_sentence_is_marked_and_an_unfinished_one_is_left_out() -> None:
    pieces = ["Standard deliv", "ery costs 3.90 EUR. It costs 9.", "90 EUR. And then it"]
    assert run(pieces, [DELIVERY.text]) == [
        ("Standard delivery costs 3.90 EUR.", True),
        ("It costs 9.90 EUR.", False),
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("1. Returns › How long?: You have 30 days.", "You have 30 days."),
        ("[2] Delivery: It costs 3.90 EUR.", "It costs 3.90 EUR."),
        ("2. It costs 3.90 EUR.", "It costs 3.90 EUR."),
        ("Delivery: It costs 3.90 EUR.", "It costs 3.90 EUR."),
        ("Delivery is free.", "Delivery is free."),
        ("30 days are allowed.", "30 days are allowed."),
        ("3.90 EUR is the price.", "3.90 EUR is the price."),
    ],
)
def test_the_number_and_title_of_a_note_are_not_said(said: str, told: str) -> None:
    assert compose.unlabelled(said, ["Returns › How long?", "Delivery"]) == told


@given(st.text(alphabet="ab .!?\n9", max_size=60), st.lists(st.integers(1, 7), max_size=20))
def test_streaming_gives_the_sentences_of_the_whole_text(text: str, cuts: list[int]) -> None:
    text += "."
    pieces, rest = [], text
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    pieces.append(rest)
    assert [t for t, _ in run(pieces, ["a"])] == [t for t, _ in run([text], ["a"])]
