"""The scores of the policies suite on replies made by hand, its questions, and how a dialogue is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import Citation, Reply
from configs.errors import ConfigError
from eval.golden import CASES
from eval.outcome import Options
from eval.policies import (
    COMPOSERS,
    Answered,
    citation_support,
    finds_gold,
    offers_gold,
    outcome,
    run,
    sentence_support,
    token_f1,
)
from eval.policy_data import Question, holds, read_dialogue
from retrieval.passages import Passage

PAGE = "Refunds are paid within 5 working days. Shipping is not refunded."
QUESTION = Question(
    "q", "when do I get my money?", (), ("Refunds are paid within 5 working days.",), frozenset({"refund.md"})
)


FOUND = Passage("refund#1", "refund.md", "Refund policy › When you get your money", PAGE)


def cited(start: int, end: int) -> Citation:
    return Citation("refund#1", "refund.md", "Refunds", PAGE[start:end], start, end, 0)


def answered(
    text: str, citations: Sequence[Citation] = (), *, answerable: bool = True, confidence: float = 0.9
) -> Answered:
    reply = Reply(text, "answer" if text else "refuse", "quote", tuple(citations), confidence=confidence)
    return Answered("shop", QUESTION, answerable, reply, {"refund#1": FOUND})


def test_token_f1_counts_shared_words_against_the_best_gold() -> None:
    assert token_f1("paid within 5 days", ["never", "within 5 working days"]) == pytest.approx(
        2 * 3 / (4 + 4)
    )
    assert token_f1("", ["something"]) == 0.0


@given(st.text(), st.lists(st.text(), min_size=1, max_size=3))
def test_token_f1_is_a_share_and_one_for_the_gold_itself(said: str, gold: list[str]) -> None:
    assert 0.0 <= token_f1(said, gold) <= 1.0
    assert token_f1("paid in 5 days", [*gold, "Paid in 5 days."]) == 1.0


def test_a_quoted_sentence_is_supported_by_its_citation_and_another_one_is_not() -> None:
    quoted = answered("Refunds are paid within 5 working days.", [cited(0, 39)])
    assert sentence_support(quoted) == [True]
    assert citation_support(quoted) == [True]
    invented = answered("Refunds are paid within 9 working days.", [cited(0, 39)])
    assert sentence_support(invented) == [False]
    assert citation_support(invented) == [False]


def test_a_citation_that_supports_nothing_lowers_precision_alone() -> None:
    padded = answered("Refunds are paid within 5 working days.", [cited(0, 39), cited(40, len(PAGE))])
    assert sentence_support(padded) == [True]
    assert citation_support(padded) == [True, False]


def test_gold_is_found_in_the_whole_cited_passage() -> None:
    assert finds_gold(answered("Shipping is not refunded.", [cited(40, len(PAGE))]))
    assert not finds_gold(answered("Refunds.", []))
    assert not holds(QUESTION, "Orders are sent within 5 working days.")


def test_a_quote_is_supported_without_the_markup_of_its_page_and_over_several_citations() -> None:
    page = "Pay by:\n* **card**, at once;\n* [transfer](bank.md), in 3 days"
    first = Citation("p#1", "p.md", "Pay", page[: page.index("\n* [")], 0, 30, 0)
    second = Citation("p#1", "p.md", "Pay", page[page.index("* [") :], 30, len(page), 1)
    reply = Reply("Pay by:\n- card, at once;\n- transfer, in 3 days", "answer", "quote", (first, second))
    assert all(sentence_support(Answered("shop", QUESTION, True, reply, {})))
    wrong = replace(reply, text=reply.text.replace("3 days", "8 days"))
    assert not all(sentence_support(Answered("shop", QUESTION, True, wrong, {})))


def test_what_kefu_says_of_itself_claims_nothing() -> None:
    apart = (
        "Refunds are paid within 5 working days.\n\nI'm not sure that I have the answer. Is it one of these?"
    )
    assert sentence_support(answered(apart, [cited(0, 39)])) == [True]
    quoted = answered(
        "Our pages do not agree on this. Refunds are paid within 5 working days.", [cited(0, 39)]
    )
    assert sentence_support(quoted) == [True]


def test_an_offered_section_may_hold_the_gold() -> None:
    name = "When you get your money"
    asked = replace(answered("").reply, kind="clarify", quick_replies=(name, "Talk to a person"))
    assert offers_gold(Answered("shop", QUESTION, True, asked, {"refund#1": FOUND}))
    elsewhere = replace(asked, quick_replies=("Talk to a person",))
    assert not offers_gold(Answered("shop", QUESTION, True, elsewhere, {"refund#1": FOUND}))


def test_abstaining_is_right_for_one_half_and_wrong_for_the_other() -> None:
    rows = [
        answered("Refunds are paid within 5 working days.", [cited(0, 39)]),
        answered(""),
        answered("", answerable=False),
        answered("Shipping is not refunded.", [cited(40, len(PAGE))], answerable=False),
    ]
    found = outcome(dict.fromkeys(COMPOSERS, rows), "test")
    assert found.metrics["abstain_rate"] == 0.5
    assert found.metrics["false_abstain_rate"] == 0.5
    assert found.metrics["answer_f1"] == 0.5
    assert found.metrics["answered_f1"] == 1.0
    assert found.metrics["unsupported_rate"] == 0.0


def test_a_dialogue_is_read_oldest_first_in_pairs() -> None:
    text, history = read_dialogue(
        "user:and then? \tagent:It is short. \tagent:Fill in the form. \tuser:How do I start?"
    )
    assert text == "and then?"
    assert history == (("How do I start?", "Fill in the form. It is short."),)


def test_the_questions_are_references_and_split_evenly() -> None:
    rows = [
        json.loads(line) for line in (CASES / "policies" / "basecamp.jsonl").read_text("utf-8").splitlines()
    ]
    assert len({row["id"] for row in rows}) == len(rows) == 150
    assert len({row["question"] for row in rows}) == len(rows)
    for answerable, wanted in ((True, 50), (False, 25)):
        for split in ("dev", "test"):
            assert sum(row["split"] == split and ("gold" in row) == answerable for row in rows) == wanted
    assert all(start < end for row in rows for _, start, end in row.get("gold", ()))


def test_missing_data_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_DATA", "/nowhere")
    with pytest.raises(ConfigError, match="doc2dial_dev"):
        run(Options(), lambda stage, done, of: None)
