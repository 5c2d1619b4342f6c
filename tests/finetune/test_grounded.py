"""Examples with evidence: what backs the reply is among the notes, or nothing is and the reply says so."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from finetune.examples import Example
from finetune.grounded import UNANSWERABLE, grounded
from finetune.logs import Conversation, Said
from retrieval.passages import Passage

RETURNS = Passage("returns#1", "returns.md", "Returns", "Products can be returned within 30 days.")
RELATED = Passage("returns#2", "returns.md", "Returns", "Opened soap cannot be sent back to the shop.")
OTHERS = [
    Passage(f"page{n}#1", f"page{n}.md", f"Page {n}", f"This page speaks of lamps, part {n}.")
    for n in range(4)
]
PASSAGES = [OTHERS[0], RETURNS, RELATED, *OTHERS[1:]]


def find(question: str, earlier: Sequence[str]) -> Sequence[Passage]:
    return PASSAGES


def backs(sentence: str, texts: Sequence[str]) -> bool:
    return any(sentence in text for text in texts)


def talk(reply: str, name: str = "c", *before: Said) -> Conversation:
    return Conversation(name, (*before, Said("customer", "Can I send it back?"), Said("agent", reply)))


def made(reply: str, count: int = 60) -> list[Example]:
    return list(grounded([talk(reply, f"c{n}") for n in range(count)], find, backs))


def notes_of(example: Example) -> str:
    return example.messages[1]["content"].partition("\n\nQuestion:")[0]


def test_both_halves_are_made_of_each_question() -> None:
    every = made(RETURNS.text)
    without = [one for one in every if one.reply == UNANSWERABLE]
    assert (len(every), len(without)) == (120, 60)
    assert all(RETURNS.text in notes_of(one) for one in every if one not in without)


def test_without_the_answer_its_whole_page_is_gone() -> None:
    for one in made(RETURNS.text):
        if one.reply == UNANSWERABLE:
            assert RETURNS.text not in notes_of(one)
            assert RELATED.text not in notes_of(one)
            assert "lamps" in notes_of(one)
            assert one.id.endswith("/without")


def test_the_answer_stands_now_here_now_there_among_others() -> None:
    places = {
        notes_of(one)
        .split("\n")
        .index(next(line for line in notes_of(one).split("\n") if RETURNS.text in line))
        for one in made(RETURNS.text)
        if one.reply != UNANSWERABLE
    }
    assert len(places) >= 3


def test_a_greeting_is_left_away_and_a_claim_that_nothing_backs_spoils_the_reply() -> None:
    assert {one.reply for one in made(f"Hello! {RETURNS.text}")} == {RETURNS.text, UNANSWERABLE}
    assert made(f"{RETURNS.text} You get 20 EUR for it.") == []
    assert made("The warehouse manager likes purple envelopes very much.") == []


def test_a_reply_that_only_asks_back_is_no_answer() -> None:
    asked = Passage("orders#1", "orders.md", "Orders", "Which number does it have? It begins with LL.")
    assert list(grounded([talk(asked.text)], lambda *_: [asked, *OTHERS], backs)) == []


def test_what_was_said_before_is_shown() -> None:
    before = (Said("customer", "I bought a lamp."), Said("agent", "Thank you!"))
    both = list(grounded([talk(RETURNS.text, "c1", *before)], find, backs))
    assert all("Customer: I bought a lamp." in one.messages[1]["content"] for one in both)
    assert [one.group for one in both] == ["c1", "c1"]


def test_the_same_seed_makes_the_same() -> None:
    assert made(RETURNS.text) == made(RETURNS.text)


@pytest.mark.parametrize("passages", [[], [RETURNS]])
def test_where_nothing_else_is_found_no_unanswerable_half_is_invented(passages: list[Passage]) -> None:
    every = list(grounded([talk(RETURNS.text, f"c{n}") for n in range(20)], lambda *_: passages, backs))
    assert len(every) == 20 * len(passages)
    assert {one.reply for one in every} <= {RETURNS.text}
