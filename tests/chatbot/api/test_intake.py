"""Bursts, crashes and shutdowns: nothing that was taken is lost, doubled or answered out of order."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatbot.api import streams
from chatbot.api.streams import TurnLog, note


def test_fifty_messages_in_a_second(serve: Any) -> None:
    server = serve(messages_per_10s=10)
    session = server.session()
    conversation = server.conversation(session)
    url = f"{server.url}/api/conversations/{conversation}/messages"

    def send(number: int) -> tuple[int, httpx.Response]:
        body = {"text": f"message {number:02d}", "client_id": f"c-{number}"}
        return number, httpx.post(url, headers=session, json=body, timeout=20, trust_env=False)

    started = time.perf_counter()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(50)))
    assert time.perf_counter() - started < 9
    by_status = Counter(answer.status_code for _, answer in answers)
    assert by_status == {200: 10, 429: 40}
    for _, answer in answers:
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 10
            assert "10 messages" in answer.json()["error"]["message"]
        else:
            assert answer.text.count("event: done") == 1
    accepted = sorted(f"message {number:02d}" for number, answer in answers if answer.status_code == 200)
    told = server.transcript(session, conversation)
    answered = [line for turn in told["turns"] for line in turn["message"].splitlines()]
    assert sorted(answered) == accepted
    assert told["pending"] == []
    assert server.script.most_running[conversation] == 1


def test_messages_that_arrive_during_a_turn_become_one_next_turn(
    server: Any, wait_for: Callable[..., None]
) -> None:
    session = server.session()
    conversation = server.conversation(session)
    told: dict[str, list[dict[str, Any]]] = {}

    def send(text: str) -> None:
        told[text] = server.post(session, conversation, text)

    threads = [threading.Thread(target=send, args=("please wait",))]
    threads[0].start()
    wait_for(lambda: len(server.script.asked) == 1)
    for number, text in enumerate(("one", "two", "three"), start=2):
        threads.append(threading.Thread(target=send, args=(text,)))
        threads[-1].start()
        wait_for(lambda number=number: len(server.store.pending(conversation)) == number)
    server.script.gate.set()
    for thread in threads:
        thread.join()
    assert [turn.message for turn in server.store.turns(conversation)] == ["please wait", "one\ntwo\nthree"]
    assert told["one"] == told["two"] == told["three"]
    assert told["one"][-1]["turn"]["message"] == "one\ntwo\nthree"
    assert told["please wait"] != told["one"]


def test_joined_messages_stay_within_the_limit_of_one(serve: Any, wait_for: Callable[..., None]) -> None:
    server = serve(max_message_chars=30)
    session = server.session()
    conversation = server.conversation(session)
    texts = ["please wait", "a" * 20, "b" * 20, "c" * 5]
    threads = []
    for number, text in enumerate(texts, start=1):
        threads.append(threading.Thread(target=server.post, args=(session, conversation, text)))
        threads[-1].start()
        wait_for(lambda number=number: len(server.store.pending(conversation)) == number)
    wait_for(lambda: len(server.script.asked) == 1)
    server.script.gate.set()
    for thread in threads:
        thread.join()
    messages = [turn.message for turn in server.store.turns(conversation)]
    assert messages == [texts[0], texts[1], f"{texts[2]}\n{texts[3]}"]


def test_conversations_do_not_wait_for_each_other(server: Any, wait_for: Callable[..., None]) -> None:
    session = server.session()
    slow, quick = server.conversation(session), server.conversation(session)
    thread = threading.Thread(target=server.post, args=(session, slow, "please wait"))
    thread.start()
    wait_for(lambda: len(server.script.asked) == 1)
    assert server.post(session, quick, "hello")[-1]["type"] == "done"
    assert thread.is_alive()
    server.script.gate.set()
    thread.join()


CHILD = """
import importlib, pathlib, sys, threading
sys.path.insert(0, sys.argv[1])
helpers = importlib.import_module("tests.chatbot.api.conftest")
home = pathlib.Path(sys.argv[2])
db = helpers.connect(f"sqlite:///{home / 'kefu.db'}")
print(helpers.run(*helpers.scripted_app(db, home)).url, flush=True)
threading.Event().wait()
"""


@pytest.mark.server
def test_a_killed_process_loses_nothing(serve: Any, tmp_path: Path, wait_for: Callable[..., None]) -> None:
    project = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, project, tmp_path], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        http = httpx.Client(base_url=child.stdout.readline().strip(), timeout=20, trust_env=False)
        session = {"Authorization": f"Bearer {http.post('/api/sessions').json()['token']}"}
        conversation = http.post("/api/conversations", headers=session).json()["id"]
        url = f"/api/conversations/{conversation}/messages"
        body = {"text": "please wait", "client_id": "c-1"}

        def read_and_kill() -> None:
            with http.stream("POST", url, headers=session, json=body) as stream:
                for text in stream.iter_text():
                    if "event: sentence" in text:
                        child.kill()  # in the middle of the answer

        with pytest.raises(httpx.TransportError):
            read_and_kill()
        http.close()
    server = serve()
    wait_for(lambda: len(server.script.asked) == 1)
    assert server.transcript(session, conversation)["pending"][0]["client_id"] == "c-1"
    server.script.gate.set()
    told = server.post(session, conversation, "please wait", "c-1")
    assert told[-1]["type"] == "done"
    assert [turn.id for turn in server.store.turns(conversation)] == [told[-1]["turn"]["id"]]
    assert len(server.script.asked) == 1


def test_what_a_dead_process_left_is_answered_at_the_next_start(
    serve: Any, wait_for: Callable[..., None]
) -> None:
    server = serve()
    conversations = []
    for number in range(5):
        session = server.session()
        conversations.append(server.conversation(session))
        # What a process that dies between storing and answering leaves behind.
        server.store.add_message(conversations[-1], f"left {number}", f"c-{number}")
        server.store.add_message(conversations[-1], f"also left {number}", None)
    server.store.claim("the dead process")
    server.stop()
    after = serve()
    wait_for(lambda: all(after.store.turns(conversation) for conversation in conversations))
    for number, conversation in enumerate(conversations):
        assert [turn.message for turn in after.store.turns(conversation)] == [
            f"left {number}\nalso left {number}"
        ]
        assert after.store.pending(conversation) == []


def test_what_waits_for_a_person_is_not_answered_at_the_next_start(
    serve: Any, wait_for: Callable[..., None]
) -> None:
    server = serve()
    session = server.session()
    waiting, other = server.conversation(session), server.conversation(session)
    server.store.add_message(waiting, "for the person")
    server.store.set_status(waiting, "person")
    server.store.add_message(other, "for the bot")
    server.stop()
    after = serve()
    wait_for(lambda: len(after.store.turns(other)) == 1)
    assert [message.text for message in after.store.pending(waiting)] == ["for the person"]


def test_what_was_left_is_answered_with_the_next_message(server: Any) -> None:
    session = server.session()
    conversation = server.conversation(session)
    server.store.add_message(conversation, "left behind")
    told = server.post(session, conversation, "and now this")
    assert told[-1]["turn"]["message"] == "left behind\nand now this"


def test_a_shutdown_lets_the_running_turn_end(serve: Any, wait_for: Callable[..., None]) -> None:
    server = serve()
    session = server.session()
    conversation = server.conversation(session)
    told: list[list[dict[str, Any]]] = []
    thread = threading.Thread(target=lambda: told.append(server.post(session, conversation, "please wait")))
    thread.start()
    wait_for(lambda: len(server.script.asked) == 1)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    time.sleep(0.2)
    assert stopping.is_alive()
    server.script.gate.set()
    thread.join()
    stopping.join()
    assert told[0][-1]["type"] == "done"
    assert len(server.store.turns(conversation)) == 1


def test_a_turn_whose_client_left_ends_before_the_server_does(
    serve: Any, wait_for: Callable[..., None]
) -> None:
    server = serve()
    session = server.session()
    conversation = server.conversation(session)
    url = f"/api/conversations/{conversation}/messages"
    with server.http.stream("POST", url, headers=session, json={"text": "please wait"}) as stream:
        next(stream.iter_text())
    wait_for(lambda: len(server.script.asked) == 1)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    time.sleep(0.1)
    server.script.gate.set()
    stopping.join()
    assert [turn.message for turn in server.store.turns(conversation)] == ["please wait"]


async def test_a_silent_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_SECONDS", 0.02)
    log = TurnLog("c")
    body = streams.event_stream(log).body_iterator
    assert [await anext(body) for _ in range(3)] == [b": taken\n\n", b": still here\n\n", b": still here\n\n"]
    log.append(note("t:1", "sentence", {"text": "你好"}))
    log.close()
    rest = b"".join([bytes(chunk) async for chunk in body if isinstance(chunk, bytes)])
    assert rest == 'id: t:1\nevent: sentence\ndata: {"type":"sentence","id":"t:1","text":"你好"}\n\n'.encode()


async def test_every_reader_of_a_log_gets_every_record_in_order() -> None:
    log = TurnLog("c")

    async def read(after: str | None) -> list[str]:
        return [item.id async for item in log.follow(after) if item is not None]

    early = [asyncio.create_task(read(None)) for _ in range(3)]
    for number in range(20):
        log.append(note(f"t:{number}", "sentence", {}))
        if number % 5 == 0:
            await asyncio.sleep(0)
    late = asyncio.create_task(read("t:17"))
    await asyncio.sleep(0)
    log.close()
    everything = [f"t:{number}" for number in range(20)]
    assert await asyncio.gather(*early) == [everything] * 3
    assert await late == ["t:18", "t:19"]
    assert await read(None) == everything
