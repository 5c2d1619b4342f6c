"""What is taken out of logs before a model learns from them, and that the report says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.settings import ShopSettings
from finetune import placeholders
from finetune.clean import Rules, clean
from finetune.logs import Conversation, Role, Said
from finetune.tidy import plain, tidy

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SHOP = ShopSettings(name="Tidewater", phone="+49 30 5550 0100", email="help@tidewater.example", hours="")
RULES = Rules(SHOP, NOW)


def said(*texts: str, id: str = "c", **changes: object) -> Conversation:
    roles: Sequence[Role] = ("customer", "agent")
    turns = tuple(Said(roles[number % 2], text) for number, text in enumerate(texts))
    return Conversation(id, turns, **changes)  # type: ignore[arg-type]  # a table of fields


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Caf\u0065\u0301 &amp; tea\u200b  now\r\n\r\n\r\nplease ", "Caf\u00e9 & tea now\n\nplease"),
        ("Thanks!\n\nOn Mon, 3 Mar 2026 at 10:00, Ada <ada@mail.example> wrote:\n> Dear shop", "Thanks!"),
        ("> you said\n> this\nI disagree", "I disagree"),
        ("It broke.\n--\nAda Example\nDirector", "It broke."),
        ("It broke.\nSent from my phone", "It broke."),
        ("好的\n在 2026年3月3日 客服 写道：\n您好", "好的"),
        ("-----Original Message-----\nFrom: us", ""),
        ("a -- b, 5 > 3", "a -- b, 5 > 3"),
    ],
)
def test_plain_words_are_left_of_a_mail(text: str, wanted: str) -> None:
    assert plain(text) == wanted


@given(st.text(max_size=200))
def test_plain_text_stays_plain(text: str) -> None:
    once = plain(text)
    assert plain(once) == once


@pytest.mark.parametrize(
    ("conversation", "reason"),
    [
        (said("Hello?"), "no question with an answer"),
        (Conversation("c", (Said("agent", "Hi, how can I help?"),)), "no question with an answer"),
        (said("Look", "x" * 5000), "a turn of more than 4000 characters"),
        (said("Look", "a" * 200), "a word that is none"),
        (said("#### **** ====", "What?"), "hardly a letter in it"),
    ],
)
def test_what_nobody_can_learn_from_is_told_why(conversation: Conversation, reason: str) -> None:
    assert tidy(conversation) == reason


def test_turns_are_put_in_turn() -> None:
    talk = Conversation(
        "c",
        (
            Said("agent", "Welcome!"),
            Said("customer", "Hi"),
            Said("customer", "where is it?"),
            Said("agent", "On its way."),
            Said("agent", " "),
            Said("agent", "Today.", corrected=True, rejected="Gone."),
            Said("customer", "thanks"),
        ),
    )
    made = tidy(talk)
    assert isinstance(made, Conversation)
    assert made.turns == (
        Said("customer", "Hi\nwhere is it?"),
        Said("agent", "On its way.\nToday.", corrected=True, rejected="On its way.\nGone."),
    )
    assert made.language == "en"
    chinese = tidy(said("我的包裹在哪里？", "今天送到。"))
    assert isinstance(chinese, Conversation)
    assert chinese.language == "zh"


@pytest.mark.parametrize(
    ("text", "asked", "wanted"),
    [
        ("Call {{Customer Support Phone Number}}.", "", "Call +49 30 5550 0100."),
        (
            "Order {{Order Number Anonymized}} is on its way.",
            "where is TW-4711?",
            "Order TW-4711 is on its way.",
        ),
        ("Hello {{Client First Name}}! Your parcel left us today.", "", "Your parcel left us today."),
        ("We will refund {{Refund Amount}}.", "", None),
        ("Open {{Order History}}, then [TRACK ORDER].", "", "Open Order History, then track order."),
        ("We are here {{Customer Support Hours}}. Write to us at any time.", "", "Write to us at any time."),
        ("Nothing to fill [1].", "", "Nothing to fill [1]."),
    ],
)
def test_placeholders_are_filled_or_their_sentence_goes(text: str, asked: str, wanted: str | None) -> None:
    assert placeholders.filled(text, asked, SHOP) == wanted


def test_what_may_not_be_learned_from_is_left_out() -> None:
    old = said("May I return it?", "Yes, within 30 days.", id="old", started_at=NOW - timedelta(days=400))
    refused = said("Is it blue?", "Yes, it is.", id="refused", consent=False)
    silent = said("Is it red?", "No, it is blue.", id="silent")
    rules = Rules(SHOP, NOW, retention=timedelta(days=365))
    kept, report = clean([old, refused, silent], rules)
    assert [one.id for one in kept] == ["silent"]
    assert report.removed == {"older than 365 days": 1, "no consent": 1}
    assert report.samples == {}, "who did not say yes is not quoted either"
    assert clean([silent], Rules(SHOP, NOW, consent_needed=True))[0] == []


def test_copies_go_and_a_correction_stays() -> None:
    answer = "You can send a lamp back within thirty days if it is unused and in its box, and we pay for the label."
    first = said("May I send the lamp back?", answer, id="first")
    same = said("May I send the lamp back?", answer, id="same")
    nearly = said("May I send the lamp back?", answer.replace("unused", "unused, clean"), id="nearly")
    right = Conversation("right", (*nearly.turns[:1], Said("agent", nearly.turns[1].text, corrected=True)))
    other = said("Do you deliver to Spain?", "Yes, in five to seven days.", id="other")
    kept, report = clean([first, same, nearly, other, right], RULES)
    assert [one.id for one in kept] == ["other", "right"]
    assert report.removed == {"says what another says": 3}
    assert report.samples["says what another says"][0].startswith("May I send the lamp back?")
    assert (report.read, report.kept, report.languages) == (5, 2, {"en": 2})


def test_what_agents_paste_under_everything_is_taken_out() -> None:
    pasted = "Is there anything else I can do for you?"
    answers = [f"Article {n} is on shelf {n * 7} of hall {n}. {pasted}" for n in range(1, 30)]
    logs = [said(f"Where is article {n}?", answer, id=str(n)) for n, answer in enumerate(answers, 1)]
    logs.append(said("Hello there, friend", pasted, id="empty"))
    kept, report = clean(logs, RULES)
    assert not any(pasted in one.text() for one in kept)
    assert kept[0].turns[1].text == answers[0].removesuffix(f" {pasted}")
    assert report.removed["nothing but boilerplate"] == 1
    assert pasted in report.samples["boilerplate"]
    assert report.changed["boilerplate"] == 30


def test_personal_data_go_through_the_redactor_a_conversation_at_a_time() -> None:
    seen: list[list[str]] = []

    def redact(texts: Sequence[str]) -> list[str]:
        seen.append(list(texts))
        return [text.replace("Ada", "Bo") for text in texts]

    talk = said("I am Ada, is my lamp here?", "Yes, Ada, it is.")
    talk = replace(
        talk, turns=(talk.turns[0], replace(talk.turns[1], corrected=True, rejected="No, Ada.", liked=None))
    )
    kept, report = clean([talk], RULES, redact)
    assert seen == [["I am Ada, is my lamp here?", "Yes, Ada, it is.", "No, Ada."]]
    assert kept[0].text() == "I am Bo, is my lamp here?\nYes, Bo, it is."
    assert kept[0].turns[1].rejected == "No, Bo."
    assert report.changed == {"personal data": 1}
    assert not any("Ada" in sample for own in report.samples.values() for sample in own)


def test_what_is_quoted_of_conversations_left_out_has_no_personal_data() -> None:
    def redact(texts: Sequence[str]) -> list[str]:
        return [text.replace("Ada", "Bo") for text in texts]

    unfilled = said("I am Ada, what is my number?", "It is {{Order Number}}.", id="unfilled")
    one_sided = Conversation("alone", (Said("customer", "Ada here, hello?"),))
    _, report = clean([unfilled, one_sided], RULES, redact)
    assert sum(report.removed.values()) == 2
    quoted = " ".join(text for samples in report.samples.values() for text in samples)
    assert "Bo" in quoted
    assert "Ada" not in quoted
