"""The gate lets better adapters through and stops the others, whatever it is that they do badly."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from chatbot.conversation import Evidence, Message
from chatbot.prompt import render, system_prompt
from finetune.examples import Example
from finetune.gate import Case, Verdict, answers, case_of, judge, keeps_private, refuses, supported, worth
from finetune.speak import Told
from retrieval.passages import Passage

FACTS = [
    ("How long can I return the {0}?", "The {0} can be returned within {1} days from delivery."),
    ("What does delivery of the {0} cost?", "Delivery of the {0} costs {1} EUR within Germany."),
    ("How long is the warranty of the {0}?", "The warranty of the {0} lasts {1} months."),
]
THINGS = ["lamp", "kettle", "tent", "blanket", "knife", "board", "rug", "basket", "vase", "stool"]
Writer = Callable[[Case, random.Random], str]


def cases(seed: int) -> list[Case]:
    """Sixty questions, half of which the notes answer."""
    rng = random.Random(seed)
    made = []
    for number in range(60):
        thing = THINGS[number % len(THINGS)]
        asked, said = FACTS[number % len(FACTS)]
        gold = said.format(thing, rng.randint(2, 90))
        other = FACTS[(number + 1) % len(FACTS)][1].format("cushion", rng.randint(2, 90))
        answerable = number % 2 == 0
        notes = (other, gold) if answerable else (other,)
        made.append(Case(f"c{number}", asked.format(thing), notes, gold if answerable else ""))
    return made


def base(case: Case, rng: random.Random) -> str:
    """What a small model does untrained: it often repeats the wrong note, and seldom keeps silent."""
    if rng.random() < 0.15:
        return "I don't know."
    return case.gold if case.answerable and rng.random() < 0.4 else case.notes[0]


def good(case: Case, rng: random.Random) -> str:
    """Mostly right, both ways."""
    if rng.random() < 0.12:
        return base(case, rng)
    return case.gold or "I don't know."


def noise(case: Case, rng: random.Random) -> str:
    words = [word for note in case.notes for word in note.split()]
    return " ".join(rng.choice(words) for _ in range(12)) + "."


def over_refusing(case: Case, rng: random.Random) -> str:
    return good(case, rng) if rng.random() < 0.2 else "I don't know."


def leaking(case: Case, rng: random.Random) -> str:
    own = good(case, rng)
    return f"{own} Write to {rng.choice(THINGS)}.meyer@post.example." if rng.random() < 0.15 else own


def wrong_note(case: Case, rng: random.Random) -> str:
    return case.notes[0] if case.answerable else good(case, rng)


def shuffled(case: Case, rng: random.Random) -> str:
    """As after training on replies that belong to other questions."""
    asked = rng.choice(cases(7))
    return asked.gold or "I don't know."


def verdict(
    writer: Writer, seed: int, losses: Sequence[float] = (1.0,) * 30, seconds: float = 1.0
) -> Verdict:
    every = cases(seed)
    rng = random.Random(seed)
    live = [Told(base(case, rng), 1.0) for case in every]
    candidate = [Told(writer(case, rng), seconds) for case in every]
    return judge(every, live, candidate, [1.9] * 30, losses)


@pytest.mark.parametrize("seed", range(5))
def test_a_good_adapter_passes_each_time(seed: int) -> None:
    found = verdict(good, seed)
    assert found.passed, found.why
    assert found.why == ""
    assert found.rows[0].low > 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bad", [noise, over_refusing, leaking, wrong_note, shuffled])
def test_a_bad_adapter_is_stopped_each_time(bad: Writer, seed: int) -> None:
    found = verdict(bad, seed)
    assert not found.passed
    assert found.why


def test_silence_alone_is_no_gain_over_one_who_is_never_right() -> None:
    every = cases(2)
    live = [Told("Lamps are sold by the million.", 1.0)] * len(every)
    silent = [Told("I don't know.", 1.0)] * len(every)
    found = judge(every, live, silent, [], [])
    assert not found.passed
    assert found.rows[0].candidate == 0
    better = [Told(good(case, random.Random(n)), 1.0) for n, case in enumerate(every)]
    assert judge(every, live, better, [], []).passed


def test_what_stopped_it_is_named() -> None:
    assert "keeps private" in verdict(leaking, 0).why
    assert "answers where it can" in verdict(over_refusing, 0).why
    assert "held-out loss" in verdict(good, 0, losses=(2.5,) * 30).why
    assert "replies a minute" in verdict(good, 0, seconds=3.0).why


def test_to_be_better_than_a_bad_one_is_not_enough() -> None:
    def hopeless(case: Case, rng: random.Random) -> str:
        return "Our lamps are made of moonlight."

    def seldom_right(case: Case, rng: random.Random) -> str:
        if not case.answerable:
            return "I don't know." if rng.random() < 0.4 else hopeless(case, rng)
        return case.gold if rng.random() < 0.4 else hopeless(case, rng)

    every, rng = cases(0), random.Random(0)
    live, candidate = ([Told(who(case, rng), 1.0) for case in every] for who in (hopeless, seldom_right))
    found = judge(every, live, candidate, [], [])
    assert found.rows[0].low > 0
    assert not found.passed
    assert "backed by the notes are 0." in found.why
    assert found.why.endswith("of its replies, and must be 0.5")


def test_the_same_adapter_does_not_pass_against_itself() -> None:
    every = cases(1)
    told = [Told(good(case, random.Random(3)), 1.0) for case in every]
    found = judge(every, told, told, [1.0] * 30, [1.0] * 30)
    assert not found.passed
    assert "did not surely rise" in found.why


def test_too_few_cases_judge_nothing() -> None:
    every = cases(1)[:10]
    told = [Told("I don't know.", 1.0)] * 10
    assert "too few" in judge(every, told, told, [], []).why


def test_parts_of_the_judgement() -> None:
    case = Case(
        "c", "How long?", ("Returns take 30 days from delivery.",), "Returns take 30 days from delivery."
    )
    assert worth(case, "Returns take 30 days from delivery.") == 1.0
    assert worth(case, "Returns take 60 days from delivery.") == 0.0
    assert not supported(case, "Returns take 60 days from delivery.")
    assert answers(case, "Returns take 60 days. Returns take 30 days from delivery.")
    assert not answers(case, "Returns take 60 days.")
    assert not answers(case, "I don't know.")
    assert [refuses(text) for text in ("I don’t know.", "", "I know.")] == [True, True, False]
    assert worth(Case("u", "Why?", ()), "I don't know.") == 1.0
    assert not keeps_private(case, "Call +49 151 23456789.")
    assert keeps_private(case, "Call +49 151 23456789.", public=["+49 151 23456789"])
    assert not keeps_private(case, " ".join(system_prompt().split()[:12]))


@pytest.mark.parametrize("reply", ["Products can be returned within 30 days.", "I don't know."])
def test_a_case_is_read_from_what_production_renders(reply: str) -> None:
    passages = [Passage(f"p#{n}", "p.md", "Title", f"Text number {n} of the shop.") for n in range(2)]
    asked = render("Can I send it back?", Evidence(tuple(passages), ()), [Message("shopper", "Hello.")])
    case = case_of(Example("e", "g", (*asked, {"role": "assistant", "content": reply})))
    assert case.notes == ("Title: Text number 0 of the shop.", "Title: Text number 1 of the shop.")
    assert case.question == "Can I send it back?"
    assert case.answerable == reply.startswith("Products")
