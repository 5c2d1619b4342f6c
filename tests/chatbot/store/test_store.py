"""The store's contract, held on both backends."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot import store_tables as t
from chatbot.conversation import (
    Card,
    Citation,
    Conversation,
    Dropped,
    Evidence,
    Message,
    Plan,
    Reply,
    ToolCall,
    ToolResult,
    Turn,
)
from chatbot.db import writing
from chatbot.store import Store
from chatbot.store_codec import decode, encode
from configs.errors import InputError, NotFoundError
from retrieval.passages import Passage

NOW = datetime(2025, 11, 20, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def store(db: sa.Engine) -> Store:
    return Store(db)


@pytest.fixture
def conversation(store: Store) -> Conversation:
    return store.create_conversation("session-1", "C00042", "en")


def make_turn(conversation_id: str, number: int = 1, **changes: Any) -> Turn:
    call = ToolCall("product_details", {"sku": "KIT-0042", "aspect": "price"})
    turn = Turn(
        id=f"turn-{conversation_id}-{number}",
        conversation_id=conversation_id,
        number=number,
        message="What does the kettle cost?",
        plans=(Plan("price", 0.93, "en", "kettle price", {"max": Decimal("49.90")}, (call,)),),
        evidence=Evidence(
            passages=[Passage("p1", "product:KIT-0042", "Kettle", "A kettle.", "product", score=0.7)],
            results=(
                ToolResult(
                    call,
                    template="price",
                    data={"price": Decimal("49.90"), "eta": date(2025, 11, 24), "sizes": ("S", "M")},
                    text="The kettle costs 49.90 EUR.",
                    cards=(Card("product", "KIT-0042", "Kettle", {"price": "49.90"}),),
                ),
            ),
        ),
        reply=Reply(
            text="It costs 49.90 EUR.",
            kind="answer",
            rung="tool",
            citations=(Citation("p1", "product:KIT-0042", "Kettle", "A kettle.", 0, 9, 0),),
            dropped=(Dropped("It is free.", "number not in evidence"),),
            confidence=0.93,
        ),
        timings={"plan": 3.25, "done": 41.5},
        model="smollm2-135m",
        index_version="7",
        created_at=NOW,
    )
    return replace(turn, **changes)


# --- conversations ---


def test_a_conversation_comes_back(store: Store, conversation: Conversation) -> None:
    assert store.conversation(conversation.id) == conversation
    assert store.conversation(conversation.id, "session-1") == conversation
    assert conversation.status == "bot"


def test_another_sessions_conversation_looks_like_none(store: Store, conversation: Conversation) -> None:
    with pytest.raises(NotFoundError) as foreign:
        store.conversation(conversation.id, "session-2")
    with pytest.raises(NotFoundError) as unknown:
        store.conversation("nothing", "session-2")
    assert str(foreign.value).replace(conversation.id, "ID") == str(unknown.value).replace("nothing", "ID")


@pytest.mark.parametrize("strange", ["", "x" * 5000, "a\0b", "\ud800", "' OR 1=1 --"])
def test_strange_ids_find_nothing(store: Store, conversation: Conversation, strange: str) -> None:
    with pytest.raises(NotFoundError):
        store.conversation(strange)
    with pytest.raises(NotFoundError):
        store.conversation(conversation.id, strange)
    with pytest.raises(NotFoundError):
        store.turn(strange)
    with pytest.raises(NotFoundError):
        store.add_message(strange, "hello")
    assert store.turns(strange) == []
    assert store.pending(strange) == []


def test_status_changes(store: Store, conversation: Conversation) -> None:
    store.set_status(conversation.id, "person")
    assert store.conversation(conversation.id).status == "person"
    with pytest.raises(InputError, match="bot, waiting, person or closed"):
        store.set_status(conversation.id, "asleep")  # type: ignore[arg-type]  # the wrong value is what is tested
    with pytest.raises(NotFoundError):
        store.set_status("nothing", "closed")


def test_ids_too_long_for_the_database_are_refused(store: Store, conversation: Conversation) -> None:
    with pytest.raises(InputError, match="customer id has 300 characters"):
        store.create_conversation("s", "C" * 300, "en")
    with pytest.raises(InputError, match="client id has 300 characters"):
        store.add_message(conversation.id, "hello", "c" * 300)


# --- turns ---


def test_a_turn_comes_back_exactly(store: Store, conversation: Conversation) -> None:
    turn = make_turn(conversation.id)
    store.add_turn(turn)
    assert store.turn(turn.id) == turn
    assert store.turns(conversation.id) == [turn]


_text = st.text(st.characters(), max_size=30)
_scalar = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | _text
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(fold=0))
)
_value = st.recursive(
    _scalar,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(_text, inner, max_size=3)
        | st.dictionaries(st.integers() | st.sampled_from(["$map", "$tuple", "$"]), inner, max_size=2)
        | st.frozensets(st.integers(), max_size=1)  # larger ones have no fixed repr
    ),
    max_leaves=8,
)


@given(value=_value)
def test_whatever_a_tool_returns_is_coded_exactly(value: Any) -> None:
    coded = json.loads(json.dumps(encode(value)))
    assert decode(coded) == value
    assert repr(decode(coded)) == repr(value)  # 1 is not True, and a tuple is not a list


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=_text)
def test_whatever_a_shopper_types_is_stored(store: Store, text: str) -> None:
    conversation = store.create_conversation("s", None, "en")
    message = store.add_message(conversation.id, text)
    turn = make_turn(conversation.id, message=text, error=text)
    store.add_turn(turn, message_ids=[message.id])
    assert store.turns(conversation.id) == [turn]


def test_a_value_that_cannot_be_stored_is_named() -> None:
    with pytest.raises(InputError, match="a turn holds a object"):
        encode({"x": object()})


def test_turns_of_older_and_newer_code_stay_readable() -> None:
    assert decode({"$Card": {"kind": "product", "id": "1", "title": "Kettle", "colour": "red"}}) == Card(
        "product", "1", "Kettle"
    )


def test_numbers_count_up_and_are_unique(store: Store, conversation: Conversation) -> None:
    assert store.next_number(conversation.id) == 1
    store.add_turn(make_turn(conversation.id, 1))
    assert store.next_number(conversation.id) == 2
    with pytest.raises(InputError, match="already has turn 1"):
        store.add_turn(make_turn(conversation.id, 1, id="another"))
    with pytest.raises(InputError, match="already has turn"):
        store.add_turn(make_turn(conversation.id, 2, id=f"turn-{conversation.id}-1"))
    assert [turn.number for turn in store.turns(conversation.id)] == [1]


def test_a_turn_needs_its_conversation(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.add_turn(make_turn("nothing"))


def test_history_is_what_was_said_last(store: Store, conversation: Conversation) -> None:
    for number in range(1, 5):
        turn = make_turn(conversation.id, number, message=f"question {number}")
        store.add_turn(replace(turn, reply=replace(turn.reply, text=f"answer {number}")))
    assert store.history(conversation.id, limit=3) == [
        Message("assistant", "answer 3"),
        Message("shopper", "question 4"),
        Message("assistant", "answer 4"),
    ]
    assert len(store.history(conversation.id)) == 8
    assert store.history(conversation.id, limit=0) == []
    assert store.history("nothing") == []


# --- messages ---


def test_messages_wait_until_a_turn_answers_them(store: Store, conversation: Conversation) -> None:
    first = store.add_message(conversation.id, "Hello", "a")
    second = store.add_message(conversation.id, "What does the kettle cost?", "b")
    third = store.add_message(conversation.id, "And the mug?", "c")
    assert store.pending(conversation.id) == [first, second, third]
    store.add_turn(make_turn(conversation.id), message_ids=[first.id, second.id])
    assert store.pending(conversation.id) == [third]


def test_posting_twice_stores_once(store: Store, conversation: Conversation) -> None:
    first = store.add_message(conversation.id, "Hello", "a")
    assert store.add_message(conversation.id, "Hello", "a") == first
    other = store.create_conversation("session-2", None, "en")
    assert store.add_message(other.id, "Hello", "a").id != first.id
    store.add_turn(make_turn(conversation.id), message_ids=[first.id])
    again = store.add_message(conversation.id, "Hello", "a")
    assert (again.id, again.turn_id) == (first.id, make_turn(conversation.id).id)
    assert store.pending(conversation.id) == []


def test_messages_without_client_id_are_all_kept(store: Store, conversation: Conversation) -> None:
    assert store.add_message(conversation.id, "hi").id != store.add_message(conversation.id, "hi").id
    assert [message.number for message in store.pending(conversation.id)] == [1, 2]


def test_a_message_is_answered_once_and_only_in_its_conversation(
    store: Store, conversation: Conversation
) -> None:
    message = store.add_message(conversation.id, "Hello")
    other = store.create_conversation("session-2", None, "en")
    with pytest.raises(InputError, match="unknown or were answered before"):
        store.add_turn(make_turn(other.id), message_ids=[message.id])
    assert store.turns(other.id) == []  # nothing of the failed turn stays
    store.add_turn(make_turn(conversation.id, 1), message_ids=[message.id])
    with pytest.raises(InputError, match="unknown or were answered before"):
        store.add_turn(make_turn(conversation.id, 2), message_ids=[message.id])
    assert len(store.turns(conversation.id)) == 1


def test_a_message_is_claimed_by_one_worker(store: Store, conversation: Conversation) -> None:
    message = store.add_message(conversation.id, "Hello")
    assert store.claim("worker-1", conversation_id=conversation.id) == [message]
    assert store.claim("worker-2") == []
    store.release("worker-2")
    assert store.claim("worker-2") == []
    store.release("worker-1")
    assert store.claim("worker-2") == [message]


def test_what_a_dead_process_claimed_is_claimed_again(
    store: Store, db: sa.Engine, conversation: Conversation
) -> None:
    message = store.add_message(conversation.id, "Hello")
    answered = store.add_message(conversation.id, "Bye")
    store.claim("dead")
    store.add_turn(make_turn(conversation.id), message_ids=[answered.id])
    assert store.claim("alive", lease=timedelta(minutes=2)) == []
    with writing(db) as connection:  # three minutes pass
        past = datetime.now(UTC) - timedelta(minutes=3)
        connection.execute(t.messages.update().values(claimed_at=past))
    assert store.claim("alive", lease=timedelta(minutes=2)) == [message]
    assert store.claim("restarted", lease=timedelta(0)) == [message]


def test_claims_can_be_kept_to_one_conversation(store: Store, conversation: Conversation) -> None:
    other = store.create_conversation("session-2", None, "en")
    store.add_message(conversation.id, "Hello")
    theirs = store.add_message(other.id, "Good day")
    assert store.claim("worker", conversation_id=other.id) == [theirs]


def test_concurrent_posts_lose_nothing_and_claims_never_overlap(
    store: Store, conversation: Conversation
) -> None:
    claimed: list[list[str]] = []
    errors: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for count in range(5):
                store.add_message(conversation.id, f"{worker}-{count}", f"{worker}-{count}")
                claimed.append([message.text for message in store.claim(f"worker-{worker}")])
        except BaseException as error:  # noqa: BLE001  (a thread's error must reach the test)
            errors.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    rest = [message.text for message in store.claim("last")]
    everything = [text for texts in [*claimed, rest] for text in texts]
    assert sorted(everything) == sorted(f"{worker}-{count}" for worker in range(4) for count in range(5))
    assert [message.number for message in store.pending(conversation.id)] == list(range(1, 21))


# --- feedback ---


def test_later_feedback_replaces_earlier(store: Store, conversation: Conversation) -> None:
    turn = make_turn(conversation.id)
    store.add_turn(turn)
    store.add_feedback(turn.id, "up")
    store.add_feedback(turn.id, "down", "wrong price")
    (kept,) = store.feedback(conversation.id)
    assert (kept.turn_id, kept.rating, kept.comment) == (turn.id, "down", "wrong price")


def test_feedback_needs_a_turn_and_a_known_rating(store: Store, conversation: Conversation) -> None:
    with pytest.raises(NotFoundError):
        store.add_feedback("nothing", "up")
    with pytest.raises(InputError, match="up or down"):
        store.add_feedback("nothing", "five stars")  # type: ignore[arg-type]  # the wrong value is what is tested
    assert store.feedback(conversation.id) == []
