"""The ladder with scripted parts: which rung speaks, what is stored, what survives a broken part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray

from chatbot.adapters import Adapters
from chatbot.answers import Answers
from chatbot.conversation import (
    Failed,
    HandedOver,
    Sentence,
    ToolResult,
)
from chatbot.route import Router
from chatbot.shop import Shop
from chatbot.store import Store
from chatbot.store_tables import approved_answers
from chatbot.tools import BUILTIN
from chatbot.tools.base import Context, Tool, load_tools, tool
from chatbot.turn import Bot, Embedding
from configs.errors import EngineError
from configs.settings import load
from retrieval.passages import Passage

from .scripted_bot import (
    QUESTION,
    RETURNS,
    WEAK,
    Keywords,
    ListedSearch,
    NoProducts,
    ScriptedEngine,
    Setup,
    reply_of,
    turn_of,
    words,
)


@pytest.fixture
def setup(sqlite_db: sa.Engine, tmp_path: Path) -> Callable[..., Setup]:
    def make(*, found: Sequence[Passage] = (), script: Sequence[str | Exception] = (), tools: Sequence[Tool] = BUILTIN, **compose: Any) -> Setup:  # fmt: skip
        settings = load(compose=compose)
        engine, search, store = ScriptedEngine(script), ListedSearch(found), Store(sqlite_db)
        products: Any = NoProducts()
        bot = Bot(
            settings=settings,
            store=store,
            shop=Shop(sqlite_db),
            search=search,  # type: ignore[arg-type]  # a fake with the same methods
            products=products,
            recommending=None,
            engine=engine,
            router=Router({"en": Keywords()}, products, settings.shop, search),  # type: ignore[arg-type]  # fakes
            answers=Answers(sqlite_db, {"en": words}, {"en": lambda text: words([text])[0]}),
            tools=load_tools(tools),
            embeddings={"en": Embedding(words, words)},
            adapters=Adapters(tmp_path / "adapters", settings.engine.model),
            clock=lambda: datetime(2026, 11, 20, 12, tzinfo=UTC),
        )
        return Setup(bot, engine, search, store)

    return make


def test_quote_rung_cites_what_it_says(setup: Callable[..., Setup]) -> None:
    reply = reply_of(setup(found=[RETURNS]).run(QUESTION))
    assert (reply.rung, reply.kind) == ("quote", "answer")
    assert "30 days" in reply.text
    assert all(RETURNS.text[c.start : c.end] == c.quote for c in reply.citations)
    assert reply.citations


def test_what_was_said_is_ready_for_the_next_search(setup: Callable[..., Setup]) -> None:
    shop = setup(found=[RETURNS])
    reply = reply_of(shop.run(QUESTION))
    assert cast(ListedSearch, shop.bot.search).remembered == [reply.text]


def test_pages_that_contradict_each_other_are_both_quoted_and_both_cited(
    setup: Callable[..., Setup],
) -> None:
    said = "Products bought in our online shop can be returned within {} days from delivery."
    new, old, same = (
        replace(RETURNS, id=source, source=source, text=said.format(days))
        for source, days in (("new.md", 30), ("old.md", 14), ("same.md", "30 whole"))
    )
    reply = reply_of(setup(found=[new, old]).run(QUESTION))
    assert "do not agree" in reply.text
    assert "30 days" in reply.text
    assert "14 days" in reply.text
    assert {citation.source for citation in reply.citations} == {"new.md", "old.md"}
    assert reply.quick_replies, "a person is offered"
    assert "do not agree" not in reply_of(setup(found=[new, same]).run(QUESTION)).text


def test_a_search_reads_what_both_said_before_newest_first(setup: Callable[..., Setup]) -> None:
    made = setup(found=[RETURNS])
    conversation = made.store.create_conversation("s", None, "en")
    first = reply_of(made.run(QUESTION, conversation))
    made.run("And is opened soap excluded as well?", conversation)
    assert [first.text, QUESTION] in [list(dialogue) for dialogue in made.search.dialogues]


def test_the_sentences_joined_are_the_reply_and_the_ids_count_up(setup: Callable[..., Setup]) -> None:
    events = setup(found=[RETURNS]).run(QUESTION)
    assert "".join(e.text for e in events if isinstance(e, Sentence)) == reply_of(events).text
    turn = turn_of(events)
    assert [event.id for event in events] == [f"{turn.id}:{n}" for n in range(1, len(events) + 1)]


def test_the_turn_is_stored_before_done(setup: Callable[..., Setup]) -> None:
    made = setup(found=[RETURNS])
    conversation = made.store.create_conversation("s", None, "en")
    posted = made.store.add_message(conversation.id, QUESTION)
    turn = turn_of(made.run(QUESTION, conversation, [posted.id]))
    assert made.store.turn(turn.id) == turn
    assert made.store.pending(conversation.id) == []


def test_approved_answer_comes_first(setup: Callable[..., Setup], sqlite_db: sa.Engine) -> None:
    with sqlite_db.begin() as connection:
        connection.execute(
            approved_answers.insert().values(
                id="a",
                questions=[QUESTION],
                answer={"en": "Within 30 days from delivery."},
                source="returns",
                updated_at=datetime.now(UTC),
            )
        )
    reply = reply_of(setup(found=[RETURNS]).run(QUESTION))
    assert (reply.rung, reply.text) == ("approved", "Within 30 days from delivery.")
    assert [c.passage_id for c in reply.citations] == ["returns#1"]


def test_the_model_speaks_only_what_the_evidence_backs(setup: Callable[..., Setup]) -> None:
    script = [
        "Products can be returned wit",
        "hin 30 days. You get 500 EUR",
        " extra. Opened soap is excluded.",
    ]
    made = setup(found=[WEAK], script=script, rungs=["model"], model_threshold=0.0)
    reply = reply_of(
        made.run("Are returned products excluded when soap is opened, and within how many days?")
    )
    assert reply.rung == "model"
    assert reply.text == "Products can be returned within 30 days. Opened soap is excluded."
    assert [d.reason for d in reply.dropped] == ["figure 500"]
    assert len(reply.citations) == 2


@pytest.mark.parametrize(
    "script", [[EngineError("dead")], ["Half a sent", EngineError("died")], ["Buy 99 lamps!"], []]
)
def test_without_the_model_the_next_rung_answers_and_says_nothing_untrue(
    setup: Callable[..., Setup], script: Sequence[Any]
) -> None:
    made = setup(found=[WEAK], script=script, rungs=["model"], model_threshold=0.0)
    turn = turn_of(made.run(QUESTION))
    assert turn.reply.kind in ("clarify", "refuse")
    assert "99" not in turn.reply.text
    assert bool(turn.error) == any(isinstance(piece, Exception) for piece in script)


def test_a_dead_engine_does_not_touch_the_other_rungs(setup: Callable[..., Setup]) -> None:
    turn = turn_of(setup(found=[RETURNS], script=[EngineError("dead")]).run(QUESTION))
    assert (turn.reply.rung, turn.error) == ("quote", None)


def test_the_model_hears_of_earlier_turns_that_were_answered_alone(setup: Callable[..., Setup]) -> None:
    said = ["Products can be returned within 30 days."]
    made = setup(found=[WEAK], script=said, rungs=["model"], model_threshold=0.0)
    conversation = made.store.create_conversation("s", None, "en")
    made.run("blorb", conversation)
    question = "Within how many days can products be returned?"
    assert reply_of(made.run(question, conversation)).rung == "model"
    made.run("And how long is that for opened soap?", conversation)
    prompt = made.engine.asked[-1][-1]["content"]
    assert question in prompt
    assert "blorb" not in prompt


def test_nothing_found_is_not_guessed(setup: Callable[..., Setup]) -> None:
    reply = reply_of(setup(script=["We repair umbrellas."]).run("How do I have my umbrella repaired by you?"))
    assert reply.kind in ("clarify", "refuse")
    assert reply.quick_replies


def test_a_section_that_may_answer_is_offered_and_the_second_time_a_person_alone(
    setup: Callable[..., Setup],
) -> None:
    made = setup(found=[WEAK], quote_threshold=1.0, rungs=["quote"])
    conversation = made.store.create_conversation("s", None, "en")
    first = reply_of(made.run(QUESTION, conversation))
    assert (first.kind, first.citations) == ("clarify", ())
    assert first.quick_replies == ("How long can I return an order?", "Talk to a person")
    assert "Is it one of these?" in first.text
    second = reply_of(made.run("And how long is that for soap?", conversation))
    assert (second.kind, second.quick_replies) == ("refuse", ("Talk to a person",))


def test_yes_to_the_sections_offered_asks_for_the_best_of_them(setup: Callable[..., Setup]) -> None:
    made = setup(found=[WEAK], quote_threshold=1.0, rungs=["quote"])
    conversation = made.store.create_conversation("s", None, "en")
    made.run(QUESTION, conversation)
    turn = turn_of(made.run("yes", conversation))
    assert [plan.question for plan in turn.plans] == ["How long can I return an order?"]


def test_the_second_failure_offers_a_person_and_yes_takes_it(setup: Callable[..., Setup]) -> None:
    made = setup()
    conversation = made.store.create_conversation("s", None, "en")
    made.run("blorb", conversation)
    second = reply_of(made.run("blorb the flurb", conversation))
    assert (second.rung, second.kind) == ("handoff", "refuse")
    events = made.run("yes please", conversation)
    assert any(isinstance(event, HandedOver) for event in events)
    assert made.store.conversation(conversation.id).status == "waiting"


def test_asking_for_a_person(setup: Callable[..., Setup]) -> None:
    made = setup()
    conversation = made.store.create_conversation("s", None, "en")
    events = made.run("I want to talk to a human", conversation)
    assert reply_of(events).kind == "handoff"
    assert made.store.conversation(conversation.id).status == "waiting"


def test_orders_need_a_signed_in_customer(setup: Callable[..., Setup]) -> None:
    turn = turn_of(setup().run("Where is my order LL-100234?"))
    assert [r.error for r in turn.evidence.results] == ["sign_in"]
    assert turn.reply.kind == "clarify"


def test_two_questions_get_two_answers(setup: Callable[..., Setup]) -> None:
    turn = turn_of(setup(found=[RETURNS]).run("How long can I return an order? Where is my order LL-100234?"))
    assert [plan.intent for plan in turn.plans] == ["policy", "order_status"]
    assert "30 days" in turn.reply.text
    assert "\n\n" in turn.reply.text
    assert turn.reply.kind == "answer"


@pytest.mark.parametrize("text", ["", "   \n\t ", "\u0000\u200b"])
def test_an_empty_message_is_asked_about(setup: Callable[..., Setup], text: str) -> None:
    assert reply_of(setup().run(text)).kind == "clarify"


def broken(context: Context) -> ToolResult:
    """Breaks."""
    raise ValueError("secret detail")


def test_a_broken_backend_ends_in_failed_and_is_stored(setup: Callable[..., Setup]) -> None:
    made = setup()
    made.search.error = ValueError("secret detail")
    conversation = made.store.create_conversation("s", None, "en")
    events = made.run(QUESTION, conversation)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert "secret" not in failed.text
    (stored,) = made.store.turns(conversation.id)
    assert stored.error == "ValueError: secret detail"
    assert stored.reply.text.endswith(failed.text)


def test_a_broken_tool_says_so_without_details(setup: Callable[..., Setup]) -> None:
    others = [t for t in BUILTIN if t.name != "order_list"]
    stand_in = replace(tool(broken), name="order_list")
    turn = turn_of(setup(tools=[*others, stand_in]).run("show me my orders"))
    assert turn.reply.kind == "refuse"
    assert "secret" not in turn.reply.text


def test_timings_are_in_order(setup: Callable[..., Setup]) -> None:
    timings = turn_of(setup(found=[RETURNS]).run(QUESTION)).timings
    assert 0 < timings["planned"] <= timings["retrieved"] <= timings["first_sentence"] <= timings["done"]


def test_the_prompt_holds_the_evidence(setup: Callable[..., Setup]) -> None:
    made = setup(found=[WEAK], script=["x."], rungs=["model"], model_threshold=0.0)
    made.run(QUESTION)
    assert "Products can be returned within 30 days" in made.engine.asked[0][1]["content"]


def test_a_shoppers_words_are_never_embedded_as_something_to_keep(
    setup: Callable[..., Setup], sqlite_db: sa.Engine
) -> None:
    made = setup(found=[RETURNS])
    kept: list[str] = []

    def keep(texts: Sequence[str]) -> NDArray[np.float32]:
        kept.extend(texts)
        return words(texts)

    embeddings = {"en": Embedding(words, keep)}
    answers = Answers(sqlite_db, {"en": keep}, {"en": lambda text: words([text])[0]})
    made.bot = replace(made.bot, embeddings=embeddings, answers=answers)
    assert reply_of(made.run("How long can I return an order from aunt Zdzislawa?")).kind
    assert kept
    assert not any("Zdzislawa" in text for text in kept)


def test_a_sure_page_outweighs_an_approved_answer_that_is_merely_near(
    setup: Callable[..., Setup], sqlite_db: sa.Engine
) -> None:
    near = "How long can I return an order to get a gift card?"
    with sqlite_db.begin() as connection:
        connection.execute(
            approved_answers.insert().values(
                id="a",
                questions=[near],
                answer={"en": "Gift cards are final."},
                source="gift-cards",
                updated_at=datetime.now(UTC),
            )
        )
    reply = reply_of(setup(found=[RETURNS], approved_threshold=0.5).run(QUESTION))
    assert reply.rung == "quote"
    assert "30 days" in reply.text
