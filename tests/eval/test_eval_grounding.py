"""Sentences made true and untrue by rule, over the demo shop's pages; the suite itself needs the data folder."""

from __future__ import annotations

import json
import random
from functools import cache
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot import ground, ground_signals
from eval.ground_fit import fit
from eval.ground_rows import Case, cases
from eval.ground_sources import Document, packed, plain_markdown, split_of, usable
from eval.ground_true import REWORDINGS
from eval.ground_untrue import CHANGES, PLANTED, Around
from eval.grounding import HAND, Verdict, rates


@cache
def demo() -> tuple[Document, ...]:
    pages = sorted((files("chatbot.demo") / "pages").iterdir(), key=lambda page: page.name)
    return tuple(
        Document(f"demo/{page.name}", "demo", packed(plain_markdown(page.read_text(encoding="utf-8"))))
        for page in pages
    )


@cache
def demo_cases() -> tuple[Case, ...]:
    found: list[Case] = []
    for document in demo():
        others = [
            sentence
            for other in demo()
            if other is not document
            for passage in other.passages
            for sentence in usable(passage)[:2]
        ]
        found += cases(document, others)
    return tuple(found)


def test_no_planted_sentence_of_the_demo_pages_passes() -> None:
    planted = [case for case in demo_cases() if case.planted]
    assert len(planted) > 300
    passed = [(case.kind, case.sentence) for case in planted if ground.check(case.sentence, case.evidence).ok]
    assert passed == []


def test_every_kind_that_is_planted_is_tried() -> None:
    tried = {case.kind for case in demo_cases()}
    assert {
        "number",
        "price",
        "percent",
        "duration",
        "unit",
        "negation added",
        "negation removed",
        "exchanged",
    } <= tried


def test_verbatim_sentences_of_the_demo_pages_pass() -> None:
    verbatim = [case for case in demo_cases() if case.kind == "verbatim"]
    dropped = [
        (check.reason, case.sentence)
        for case in verbatim
        if not (check := ground.check(case.sentence, case.evidence)).ok
    ]
    assert len(verbatim) > 100
    assert dropped == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_order_of_the_evidence_does_not_matter(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(demo_cases()))
    moved = data.draw(st.permutations(case.evidence))
    assert ground.check(case.sentence, moved).ok == ground.check(case.sentence, case.evidence).ok


@settings(deadline=None)
@given(st.text(max_size=120), st.lists(st.text(max_size=120), max_size=3))
def test_no_text_makes_the_check_raise(sentence: str, evidence: list[str]) -> None:
    check = ground.check(sentence, evidence)
    assert check.ok or check.reason


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_sentence_makes_a_rewording_raise(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(demo_cases()))
    rng = random.Random(data.draw(st.integers(0, 99)))
    around = Around(case.evidence, [case.sentence], ["A sentence about something else, said at some length."])
    for reword in REWORDINGS.values():
        assert reword(case.sentence, rng) != ""
    for change in CHANGES.values():
        assert change(case.sentence, around, rng) != ""


def test_changes_that_may_never_pass_are_changes() -> None:
    assert set(CHANGES) >= PLANTED


@pytest.mark.parametrize(
    ("kind", "sentence", "wrong"),
    [
        (
            "exchanged",
            "Delivery costs 3.90 EUR and takes 2 days.",
            "Delivery costs 2 EUR and takes 3.90 days.",
        ),
        ("negation removed", "Gift cards cannot be returned.", "Gift cards can be returned."),
        ("condition dropped", "If the lamp is broken, you get a new lamp soon.", "You get a new lamp soon."),
        ("modal", "You must send it back.", "You may send it back."),
    ],
)
def test_changes(kind: str, sentence: str, wrong: str) -> None:
    assert CHANGES[kind](sentence, Around([], [], []), random.Random(0)) == wrong


@pytest.mark.parametrize(
    ("kind", "sentence", "same"),
    [
        ("reordered", "If it is broken, you get a new lamp.", "You get a new lamp if it is broken."),
        ("numerals", "You have thirty days.", "You have 30 days."),
        ("passive", "The parcel is delivered by our carrier.", "Our carrier deliveres the parcel."),
    ],
)
def test_rewordings(kind: str, sentence: str, same: str) -> None:
    assert REWORDINGS[kind](sentence, random.Random(0)) == same


def test_a_document_is_in_one_split() -> None:
    keys = [f"d{number:04}" for number in range(200)]
    assert {split_of(key) for key in keys} == {"train", "dev", "test"}
    assert [split_of(key) for key in keys] == [split_of(key) for key in keys]


def test_the_regression_learns_what_tells_two_kinds_apart() -> None:
    same = ground_signals.find(
        "Gift cards cannot be returned.", ["Gift cards cannot be returned."], 1.0
    ).signals
    other = ground_signals.find(
        "Gift cards can be returned.", ["Gift cards cannot be returned."], 0.9
    ).signals
    found = fit([same, other] * 20, np.array([True, False] * 20), np.ones(40))
    assert ground.probability(same, found) > 0.8 > 0.2 > ground.probability(other, found)


def test_rates() -> None:
    def one(supported: bool, dropped: bool) -> Verdict:
        return Verdict(Case("d", "k", supported, "s", ()), dropped, 0.5)

    told = [one(False, True), one(False, True), one(False, False), one(True, True), one(True, False)]
    assert rates(told, "", "rate") == {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "rate": 0.5}


def test_labelled_sentences_have_a_reason_and_evidence() -> None:
    rows = [json.loads(line) for line in HAND.read_text(encoding="utf-8").splitlines()]
    said = [sentence for row in rows for sentence in row["sentences"]]
    assert len(said) >= 150
    assert all(row["evidence"] for row in rows)
    assert all(sentence["why"] and sentence["pieces"] for sentence in said)
