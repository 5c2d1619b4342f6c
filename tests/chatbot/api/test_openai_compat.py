"""The official ``openai`` client against ``/v1``: streaming and not, history, refusals, keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest


@pytest.fixture
def client(server: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none is set", max_retries=0) as found:
        yield found


def ask(client: openai.OpenAI, *texts: str, **more: Any) -> Any:
    roles = ("user", "assistant")
    messages: list[Any] = [{"role": roles[number % 2], "content": text} for number, text in enumerate(texts)]
    return client.chat.completions.create(model="kefu", messages=messages, **more)


def test_a_completion(server: Any, client: openai.OpenAI) -> None:
    completion = ask(client, "hello")
    assert completion.object == "chat.completion"
    assert completion.model == "kefu"
    choice = completion.choices[0]
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert choice.message.content == "You said: hello. You have 30 days."
    extension = choice.message.model_extra["kefu"]
    assert extension["rung"] == "quote"
    assert extension["kind"] == "answer"
    assert extension["citations"][0]["quote"] == "You have 30 days."
    assert extension["cards"][0]["id"] == "KIT-0001"
    assert extension["ignored"] == []
    assert completion.usage.prompt_tokens == 1
    assert completion.usage.total_tokens == 1 + completion.usage.completion_tokens
    stored = server.store.turns(extension["conversation_id"])
    assert [turn.id for turn in stored] == [extension["turn_id"]]
    conversation = server.store.conversation(extension["conversation_id"])
    assert (conversation.session_id, conversation.customer_id) == ("api", None)


def test_a_stream(client: openai.OpenAI) -> None:
    chunks = list(ask(client, "hello", stream=True, stream_options={"include_usage": True}))
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert pieces == ["You said: hello.", " You have 30 days."]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    last, usage = chunks[-2], chunks[-1]
    assert last.model_extra["kefu"]["citations"][0]["source"] == "returns.md"
    assert usage.choices == []
    assert usage.usage.total_tokens > 0


def test_the_stream_ends_with_done(server: Any) -> None:
    body = {"model": "kefu", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    text = server.http.post("/v1/chat/completions", json=body).text
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    assert all(json.loads(line)["object"] == "chat.completion.chunk" for line in lines[:-1])
    assert all("usage" not in json.loads(line) for line in lines[:-1])


async def test_the_async_client(server: Any) -> None:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="kefu", messages=[{"role": "user", "content": "你好"}], stream=True
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == "You said: 你好. You have 30 days."


def test_earlier_messages_are_the_history(server: Any, client: openai.OpenAI) -> None:
    ask(client, "first", "reply one", "second", "reply two", "third")
    assert server.script.asked[0][1] == "third"
    assert server.script.histories[0] == ["first", "reply one", "second", "reply two"]
    ask(client, *[text for number in range(30) for text in (f"q{number}", f"a{number}")], "last")
    assert server.script.histories[1][0] == "q24"
    assert server.script.histories[1][-1] == "a29"


def test_each_call_stands_alone(server: Any, client: openai.OpenAI) -> None:
    ask(client, "first")
    ask(client, "second")
    assert server.script.histories == [[], []]
    assert server.script.asked[0][0] != server.script.asked[1][0]


def test_message_forms(server: Any, client: openai.OpenAI) -> None:
    messages: list[Any] = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "assistant", "content": "Welcome!"},
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": " and"}]},
        {"role": "user", "content": "two", "name": "Ada"},
    ]
    completion = client.chat.completions.create(
        model="kefu", messages=messages, temperature=0.2, max_tokens=5, seed=None
    )
    assert server.script.asked[0][1] == "one and\ntwo"
    assert server.script.histories[0] == ["", "Welcome!"]
    extension = completion.choices[0].message.model_extra["kefu"]  # type: ignore[index]  # None fails the test as well
    assert extension["ignored"] == ["max_tokens", "temperature", "messages[0]"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"n": 2}, "'n' is 2"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "'tools' is not supported"),
        ({"response_format": {"type": "json_object"}}, "'response_format' is not supported"),
        ({"logprobs": True}, "'logprobs' is not supported"),
    ],
)
def test_what_is_not_supported_is_refused(client: openai.OpenAI, more: dict[str, Any], said: str) -> None:
    with pytest.raises(openai.BadRequestError, match=said) as caught:
        ask(client, "hello", **more)
    assert caught.value.code == "unsupported_parameter"


def test_other_refusals(server: Any, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="role 'assistant'"):
        ask(client, "hello", "hi")
    with pytest.raises(openai.UnprocessableEntityError, match="'tempo' is no known field"):
        ask(client, "hello", extra_body={"tempo": 3})
    with pytest.raises(openai.UnprocessableEntityError, match="0 characters"):
        ask(client, " ")
    with pytest.raises(openai.UnprocessableEntityError, match="5000 characters"):
        ask(client, "a" * 5000)
    with pytest.raises(openai.UnprocessableEntityError, match="messages"):
        client.chat.completions.create(model="kefu", messages=[])
    with pytest.raises(openai.UnprocessableEntityError, match=r"messages\.0\.role"):
        client.chat.completions.create(model="kefu", messages=[{"role": "pirate", "content": "x"}])  # type: ignore[list-item]  # a role that the client's types forbid
    with pytest.raises(openai.NotFoundError, match="no such model"):
        client.chat.completions.create(model="gpt", messages=[{"role": "user", "content": "x"}])
    assert server.script.asked == []


def test_a_broken_turn_is_an_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError, match="Something went wrong"):
        ask(client, "fail please")
    with pytest.raises(openai.APIError, match="Something went wrong"):
        list(ask(client, "fail please", stream=True))


def test_the_list_of_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["kefu"]
    assert client.models.retrieve("kefu").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_the_key(serve: Any) -> None:
    server = serve(staff_key="the key of the staff")
    for key, right in (("the key of the staff", True), ("another key", False)):
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
            if right:
                assert ask(client, "hello").choices[0].message.content
            else:
                with pytest.raises(openai.AuthenticationError, match="staff key is wrong"):
                    ask(client, "hello")
