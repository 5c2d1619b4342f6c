"""Passages cover their document, in order, and can be cited by offset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunk import chunk, count_tokens, merge_tiny, sentences, split
from retrieval.document import Block, Document, Section, assemble

_WORDS = st.sampled_from(
    ["delivery", "costs", "3.90", "EUR", "30", "days", "X50CrMoV15", "运费", "退货", "a", "—"]
)
_LINES = st.lists(_WORDS, min_size=1, max_size=40).map(" ".join)
_TEXTS = st.lists(
    st.tuples(_LINES, st.sampled_from([". ", "\n", "\n\n", "。", " ", "! "])), min_size=1, max_size=30
).map(lambda parts: "".join(text + end for text, end in parts).strip())
_ANY = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=2000)


def letters(text: str) -> str:
    return "".join(text.split())


@given(st.one_of(_TEXTS, _ANY), st.integers(10, 300))
def test_pieces_cover_the_text_in_order(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert letters("".join(pieces)) == letters(text)
    at = 0
    for piece in pieces:
        at = text.index(piece, at) + len(piece)  # each is a piece of the text, unchanged, after the last


@given(_TEXTS, st.integers(20, 300))
def test_pieces_keep_to_the_limit(text: str, limit: int) -> None:
    assert all(count_tokens(piece) <= limit for piece in split(text, limit))


@given(_TEXTS)
def test_sentences_are_pieces_of_the_text(text: str) -> None:
    assert all(sentence in text for sentence in sentences(text))


def test_pieces_are_of_even_size() -> None:
    text = "\n".join(f"Line {n} has a few words." for n in range(40))
    sizes = [count_tokens(piece) for piece in split(text, 200)]
    assert len(sizes) == 2
    assert max(sizes) - min(sizes) < 20


def test_a_passage_never_crosses_a_section() -> None:
    long = "This sentence is long enough to be a section of its own, with a little to spare. " * 2
    document = Document("Shop", (Section(("A",), f"{long} first"), Section(("B",), f"{long} second")))
    texts = [passage.text for passage in chunk(document, "shop.md")]
    assert [("first" in text, "second" in text) for text in texts] == [(True, False), (False, True)]


def test_tiny_siblings_are_merged_with_their_heading() -> None:
    sections = [Section(("Phone",), "By day."), Section(("Fax",), "Never."), Section(("Fax", "Old"), "Gone.")]
    merged = merge_tiny(sections)
    assert [section.path for section in merged] == [("Phone",), ("Fax", "Old")]
    assert merged[0].text == "By day.\n\nFax\nNever."


def test_ids_and_titles_tell_the_place() -> None:
    body = "Some words that make the section large enough to stand alone without a neighbour at its side."
    document = Document(
        "Returns", (Section((), body), Section(("Cost", "EU"), body), Section(("Cost", "EU"), body))
    )
    passages = chunk(document, "help/returns.md")
    assert [passage.id for passage in passages] == [
        "help/returns.md#top/1",
        "help/returns.md#cost-eu/1",
        "help/returns.md#cost-eu-2/1",
    ]
    assert passages[1].title == "Returns › Cost › EU"
    assert passages[1].source == "help/returns.md"


def test_ids_do_not_depend_on_other_sections() -> None:
    body = "Some words that make the section large enough to stand alone without a neighbour at its side."
    before = chunk(Document("T", (Section(("B",), body),)), "t.md")
    after = chunk(Document("T", (Section(("A",), body), Section(("B",), body))), "t.md")
    assert before[0].id == after[1].id


@pytest.mark.parametrize("title", ["Lieferung", "退货政策"])
def test_the_first_heading_is_the_title(title: str) -> None:
    document = assemble(
        [Block(1, title), Block(0, "Text."), Block(2, "Part"), Block(0, "More.")], {}, fallback_title="x"
    )
    assert document.title == title
    assert [section.path for section in document.sections] == [(), ("Part",)]
