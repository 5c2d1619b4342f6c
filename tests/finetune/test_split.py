"""Nothing of a person or a text stands on both sides, and what was test stays test."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import InputError
from finetune.logs import Conversation, Said
from finetune.near import groups, overlap, shingles
from finetune.split import Part, check, leaks, split

WORDS = (
    "lamp kettle parcel refund blue broken invoice size oak linen coupon return late gift cup spoon".split()
)


def talk(
    id: str, seed: int, customer: str | None = None, words: int = 30, at: datetime | None = None
) -> Conversation:
    rng = random.Random(seed)
    asked, answered = (" ".join(rng.choice(WORDS) for _ in range(words)) for _ in range(2))
    return Conversation(id, (Said("customer", asked), Said("agent", answered)), customer, at)


@settings(max_examples=20)  # hashing takes its time
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), min_size=1, max_size=40))
def test_a_split_never_leaks(rows: list[tuple[int, int]]) -> None:
    logs = [talk(f"c{n}", seed, f"p{person}") for n, (seed, person) in enumerate(rows)]
    parts = split(logs)
    assert sorted(one.id for own in parts.values() for one in own) == sorted(one.id for one in logs)
    assert leaks(parts) == []
    check(parts)


@settings(max_examples=20)
@given(st.integers(1, 60), st.integers(0, 60))
def test_what_was_test_stays_test_when_the_logs_grow(old: int, new: int) -> None:
    logs = [talk(f"c{n}", n // 2, f"p{n % 17}") for n in range(old + new)]
    before, after = split(logs[:old]), split(logs)
    assert {one.id for one in before["test"]} <= {one.id for one in after["test"]}
    assert not {one.id for one in before["validation"]} & {one.id for one in after["train"]}


def test_about_a_tenth_goes_to_either_part() -> None:
    parts = split([talk(f"c{n}", n) for n in range(1000)])
    assert 60 < len(parts["test"]) < 150
    assert 60 < len(parts["validation"]) < 150
    assert [one.id for one in parts["train"]] == sorted(
        (one.id for one in parts["train"]), key=lambda id: int(id[1:])
    )


def test_what_is_later_is_test_with_all_of_the_same_customer() -> None:
    since = datetime(2026, 6, 1, tzinfo=UTC)
    logs = [talk(f"c{n}", n, at=datetime(2026, 1 + n, 1, tzinfo=UTC)) for n in range(10)]
    logs.append(talk("early", 99, "p9", at=datetime(2026, 1, 5, tzinfo=UTC)))
    logs.append(talk("late", 98, "p9", at=datetime(2026, 9, 1, tzinfo=UTC)))
    test = {one.id for one in split(logs, since=since)["test"]}
    assert {"c5", "c6", "c7", "c8", "c9", "early", "late"} <= test


def test_every_planted_overlap_is_found() -> None:
    rng = random.Random(0)
    parts: dict[Part, list[Conversation]] = {
        "train": [talk(f"a{n}", n, f"p{n}") for n in range(100)],
        "validation": [talk(f"b{n}", 500 + n, f"q{n}") for n in range(50)],
        "test": [talk(f"c{n}", 900 + n, f"r{n}") for n in range(50)],
    }
    assert leaks(parts) == []
    planted = set()
    for number, kind in enumerate(("conversation", "customer", "words", "near words") * 10):
        source = rng.choice(parts["train"])
        name = f"x{number}"
        turns = list(talk(name, 2000 + number).turns)
        if kind == "words":
            turns = list(source.turns)
        if kind == "near words":
            turns = [Said(turn.role, turn.text + " and more of it") for turn in source.turns]
        person = source.customer if kind == "customer" else f"s{number}"
        id = source.id if kind == "conversation" else name
        parts[rng.choice(("validation", "test"))].append(Conversation(id, tuple(turns), person))
        planted.add((kind.removeprefix("near "), source.id if kind == "conversation" else name))
    found = {(leak.what, leak.other) for leak in leaks(parts)} | {
        (leak.what, leak.one) for leak in leaks(parts)
    }
    assert planted <= found
    with pytest.raises(InputError, match="overlaps between the parts"):
        check(parts)


def test_near_texts_are_one_group_and_others_are_not() -> None:
    text = "you can send a lamp back within thirty days if it is unused and in its box"
    texts = [text, "something else altogether, with no word of it", text.upper(), f"{text} please", "", ""]
    assert groups(texts, 0.7) == [0, 1, 0, 0, 4, 4]
    assert overlap(shingles(text), shingles(text)) == 1.0
    assert groups(["退货须在三十天内提出申请", "退货须在三十天内提出申请。", "今天送到"], 0.7) == [0, 0, 2]
