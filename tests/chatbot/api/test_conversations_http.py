"""Conversations over HTTP: streams, transcripts, isolation, resuming, rating."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx

Events = list[dict[str, Any]]


def test_a_message_is_answered_as_typed_events(server: Any) -> None:
    session = server.session("C00001")
    conversation = server.conversation(session)
    told = server.post(session, conversation, "hello")
    assert [event["type"] for event in told] == [
        "planned",
        "retrieved",
        "sentence",
        "sentence",
        "carded",
        "cited",
        "done",
    ]
    turn = told[-1]["turn"]
    assert "".join(e["text"] for e in told if e["type"] == "sentence") == turn["reply"]["text"]
    assert set(turn) == {"id", "number", "message", "reply", "rung", "timings", "created_at"}
    assert turn["reply"]["citations"][0]["quote"] == "You have 30 days."
    assert "dropped" not in turn["reply"]
    assert "unchecked thought" not in str(told)
    assert [event["id"] for event in told] == [f"{turn['id']}:{number}" for number in range(1, 8)]
    assert server.store.conversation(conversation).customer_id == "C00001"


def test_the_stream_says_what_it_is(server: Any) -> None:
    session = server.session()
    url = f"/api/conversations/{server.conversation(session)}/messages"
    answer = server.http.post(url, headers=session, json={"text": "hello"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.startswith(": taken\n\n")


def test_a_transcript_holds_turns_and_what_waits(server: Any, wait_for: Callable[..., None]) -> None:
    session = server.session()
    conversation = server.conversation(session)
    server.post(session, conversation, "first")
    thread = threading.Thread(target=server.post, args=(session, conversation, "please wait", "c-1"))
    thread.start()
    wait_for(lambda: len(server.script.asked) == 2)
    told = server.transcript(session, conversation)
    assert [turn["message"] for turn in told["turns"]] == ["first"]
    assert told["turns"][0]["reply"]["text"] == "You said: first. You have 30 days."
    assert told["turns"][0]["rung"] == "quote"
    assert [(message["text"], message["client_id"]) for message in told["pending"]] == [
        ("please wait", "c-1")
    ]
    server.script.gate.set()
    thread.join()
    told = server.transcript(session, conversation)
    assert [turn["number"] for turn in told["turns"]] == [1, 2]
    assert told["pending"] == []
    assert told["status"] == "bot"


def test_another_shoppers_conversation_looks_like_none(server: Any) -> None:
    owner, other = server.session("C00001"), server.session("C00002")
    conversation = server.conversation(owner)
    turn = server.post(owner, conversation, "my secret")[-1]["turn"]["id"]
    unknown = "0" * 32

    def all_calls(identifier: str) -> list[httpx.Response]:
        url = f"/api/conversations/{identifier}"
        return [
            server.http.get(url, headers=other),
            server.http.post(f"{url}/messages", headers=other, json={"text": "hi"}),
            server.http.get(f"{url}/events", params={"turn": turn}, headers=other),
            server.http.post(f"{url}/turns/{turn}/feedback", headers=other, json={"rating": "up"}),
        ]

    for identifier in (unknown, "%00", "a'b", "x" * 300, "%ff"):
        for foreign, missing in zip(all_calls(conversation), all_calls(identifier), strict=True):
            assert foreign.status_code == missing.status_code == 404
            assert foreign.content == missing.content
            assert set(foreign.headers) == set(missing.headers)
    assert len(server.store.turns(conversation)) == 1
    assert server.store.feedback(conversation) == []


def test_a_turn_of_another_conversation_of_ones_own_is_not_found(server: Any) -> None:
    session = server.session()
    one, two = server.conversation(session), server.conversation(session)
    turn = server.post(session, one, "hello")[-1]["turn"]["id"]
    assert server.http.get(f"/api/conversations/{one}/events?turn={turn}", headers=session).status_code == 200
    for identifier in (turn, "0" * 32, "%00"):
        answer = server.http.get(f"/api/conversations/{two}/events?turn={identifier}", headers=session)
        assert answer.status_code == 404
        rated = server.http.post(
            f"/api/conversations/{two}/turns/{identifier}/feedback", headers=session, json={"rating": "up"}
        )
        assert rated.status_code == 404


def test_sending_again_is_the_same_message(server: Any) -> None:
    session = server.session()
    conversation = server.conversation(session)
    first = server.post(session, conversation, "hello", "c-1")
    assert server.post(session, conversation, "hello", "c-1") == first
    assert len(server.script.asked) == 1
    assert len(server.store.turns(conversation)) == 1


def test_sending_again_while_it_is_answered_joins_the_stream(
    server: Any, wait_for: Callable[..., None]
) -> None:
    session = server.session()
    conversation = server.conversation(session)
    streams: list[Events] = []

    def send() -> None:
        streams.append(server.post(session, conversation, "please wait", "c-1"))

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
        wait_for(lambda: len(server.script.asked) == 1)
    server.script.gate.set()
    for thread in threads:
        thread.join()
    assert len(streams) == 3
    assert streams[0] == streams[1] == streams[2]
    assert len(server.script.asked) == 1


def test_a_client_id_stands_for_one_text(server: Any) -> None:
    session = server.session()
    conversation = server.conversation(session)
    server.post(session, conversation, "hello", "c-1")
    answer = server.http.post(
        f"/api/conversations/{conversation}/messages",
        headers=session,
        json={"text": "something else", "client_id": "c-1"},
    )
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "client_id_reused"
    assert len(server.store.turns(conversation)) == 1


def test_hanging_up_does_not_stop_the_turn_and_the_stream_resumes(
    server: Any, wait_for: Callable[..., None], read_events: Callable[[str], Events]
) -> None:
    session = server.session()
    conversation = server.conversation(session)
    url = f"/api/conversations/{conversation}/messages"
    seen = ""
    with server.http.stream("POST", url, headers=session, json={"text": "please wait"}) as stream:
        for text in stream.iter_text():
            seen += text
            if "event: sentence" in seen:
                break
    last = read_events(seen.rpartition("\n\n")[0])[-1]
    turn = last["id"].rpartition(":")[0]
    resumed: list[str] = []

    def resume() -> None:
        headers = {**session, "Last-Event-ID": last["id"]}
        resumed.append(
            server.http.get(f"/api/conversations/{conversation}/events?turn={turn}", headers=headers).text
        )

    thread = threading.Thread(target=resume)
    thread.start()
    server.script.gate.set()
    thread.join()
    rest = read_events(resumed[0])
    numbers = [int(event["id"].rpartition(":")[2]) for event in rest]
    first = int(last["id"].rpartition(":")[2]) + 1
    assert numbers == list(range(first, first + len(rest)))
    assert rest[-1]["type"] == "done"
    wait_for(lambda: len(server.store.turns(conversation)) == 1)
    assert server.store.pending(conversation) == []


def test_a_stream_is_rebuilt_from_the_store(serve: Any, read_events: Callable[[str], Events]) -> None:
    before = serve()
    session = before.session()
    conversation = before.conversation(session)
    told = before.post(session, conversation, "hello", "c-1")
    turn = told[-1]["turn"]["id"]
    after = serve()  # another process over the same database: nothing in memory
    url = f"/api/conversations/{conversation}/events?turn={turn}"

    whole = read_events(after.http.get(url, headers=session).text)
    assert [event["type"] for event in whole] == [
        "planned",
        "retrieved",
        "sentence",
        "carded",
        "cited",
        "done",
    ]
    assert whole[2]["text"] == told[-1]["turn"]["reply"]["text"]
    assert whole[-1]["turn"] == told[-1]["turn"]
    assert len({event["id"] for event in whole}) == len(whole)

    rest = read_events(after.http.get(url, headers={**session, "Last-Event-ID": told[2]["id"]}).text)
    assert [event["type"] for event in rest] == ["done"]
    assert rest[0]["turn"] == told[-1]["turn"]

    again = after.post(session, conversation, "hello", "c-1")
    assert again == whole
    assert after.script.asked == []


def test_an_unknown_last_event_id_starts_from_the_first(
    server: Any, read_events: Callable[[str], Events]
) -> None:
    session = server.session()
    conversation = server.conversation(session)
    told = server.post(session, conversation, "hello")
    url = f"/api/conversations/{conversation}/events?turn={told[-1]['turn']['id']}"
    for unknown in ("nonsense", "é", ":", told[-1]["turn"]["id"] + ":99"):
        headers = {**session, "Last-Event-ID": unknown.encode()}
        assert read_events(server.http.get(url, headers=headers).text) == told
    everything = server.http.get(url, headers={**session, "Last-Event-ID": told[-1]["id"]})
    assert read_events(everything.text) == []


def test_while_a_person_has_the_conversation_the_bot_is_silent(server: Any) -> None:
    session = server.session()
    conversation = server.conversation(session)
    server.store.set_status(conversation, "person")
    told = server.post(session, conversation, "are you there?")
    assert [(event["type"], event["reason"]) for event in told] == [("handedover", "person")]
    assert server.script.asked == []
    assert [message.text for message in server.store.pending(conversation)] == ["are you there?"]
    assert server.transcript(session, conversation)["status"] == "person"


def test_who_waits_for_a_person_may_go_on_asking(server: Any) -> None:
    session = server.session()
    conversation = server.conversation(session)
    assert server.post(session, conversation, "a person please")[-1]["type"] == "done"
    assert server.store.conversation(conversation).status == "waiting"
    assert server.post(session, conversation, "hello?")[-1]["type"] == "done"
    assert len(server.store.turns(conversation)) == 2


def test_a_closed_conversation_takes_nothing(server: Any) -> None:
    session = server.session()
    conversation = server.conversation(session)
    server.store.set_status(conversation, "closed")
    answer = server.http.post(
        f"/api/conversations/{conversation}/messages", headers=session, json={"text": "hello"}
    )
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "closed"
    assert server.store.pending(conversation) == []


def test_feedback_is_kept_and_replaced(server: Any) -> None:
    session = server.session()
    conversation = server.conversation(session)
    turn = server.post(session, conversation, "hello")[-1]["turn"]["id"]
    url = f"/api/conversations/{conversation}/turns/{turn}/feedback"
    assert server.http.post(url, headers=session, json={"rating": "up"}).status_code == 204
    answer = server.http.post(url, headers=session, json={"rating": "down", "comment": "太慢了"})
    assert (answer.status_code, answer.content) == (204, b"")
    kept = server.store.feedback(conversation)
    assert [(found.rating, found.comment) for found in kept] == [("down", "太慢了")]


def test_the_locale_is_the_shops_or_the_asked_one(server: Any) -> None:
    session = server.session()
    for body, locale in ((None, "en"), ({}, "en"), ({"locale": "zh-Hans-CN"}, "zh-Hans-CN")):
        answer = server.http.post("/api/conversations", headers=session, json=body)
        assert answer.json()["locale"] == locale
    for wrong in ("english", "e", "zh_CN", "en\n", ""):
        answer = server.http.post("/api/conversations", headers=session, json={"locale": wrong})
        assert answer.status_code == 422


def test_a_broken_turn_says_so_and_keeps_the_message(server: Any, wait_for: Callable[..., None]) -> None:
    session = server.session()
    conversation = server.conversation(session)
    told = server.post(session, conversation, "break it")
    assert told[-1]["type"] == "failed"
    assert "kept" in told[-1]["text"]
    assert "secret" not in str(told)
    assert [message.text for message in server.store.pending(conversation)] == ["break it"]
    wait_for(lambda: len(server.script.asked) == 2)  # tried once more, then left for the next start
    assert server.post(session, conversation, "hello")[-1]["turn"]["message"] == "hello"
    assert len(server.script.asked) == 3


def test_a_failed_turn_ends_its_stream(server: Any) -> None:
    session = server.session()
    conversation = server.conversation(session)
    told = server.post(session, conversation, "fail please")
    assert (told[-1]["type"], told[-1]["text"]) == ("failed", "Something went wrong on our side.")
    assert server.store.pending(conversation) == []
    assert len(server.store.turns(conversation)) == 1
