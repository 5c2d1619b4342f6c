"""Any server of the OpenAI chat protocol: vLLM, llama.cpp, a hosted one.

An adapter is asked for as vLLM serves it: by its name in the field ``model``.
Does not know what the server runs; an engine belongs to one event loop.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import httpx

from chatbot.engine.base import Health, Sampling
from chatbot.engine.deadline import within
from chatbot.engine.sse import ONE_USE, chat_request, stream_chat
from chatbot.prompt import ChatMessage
from configs.errors import ConfigError, EngineError
from configs.settings import Settings

_HINT = "check that the server runs, and that engine.base_url is its OpenAI address, which often ends in /v1"


class OpenAIEngine:
    """Talks to ``settings.engine.base_url`` with the key of ``KEFU_ENGINE__API_KEY``, if there is one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.engine
        self._base_url = self._settings.base_url.rstrip("/")
        if not _is_web_address(self._base_url):
            raise ConfigError(
                f"engine.base_url is {self._settings.base_url!r}",
                expected="an address such as http://127.0.0.1:8000/v1",
            )
        key = self._settings.api_key
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=httpx.Timeout(None, connect=5.0),
            limits=ONE_USE,
        )

    @property
    def model(self) -> str:
        return self._settings.model

    async def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[str, None]:
        if self._client.is_closed:
            raise EngineError("the engine is closed")
        body = chat_request(adapter or self.model, messages, sampling)
        if sampling.repeat_penalty != 1.0:
            # No field of the protocol's own: vLLM's name and llama.cpp's. Both ignore the other's.
            body["repetition_penalty"] = body["repeat_penalty"] = sampling.repeat_penalty
        pieces = within(
            stream_chat(self._client, f"{self._base_url}/chat/completions", body, hint=_HINT),
            first=self._settings.first_token_timeout,
            total=self._settings.total_timeout,
            model=self.model,
        )
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def health(self) -> Health:
        if self._client.is_closed:
            return Health(False, self.model, "the engine is closed")
        try:
            response = await self._client.get(f"{self._base_url}/models", timeout=2.0)
        except httpx.HTTPError as error:
            return Health(False, self.model, f"{self._base_url} does not answer ({error!r})")
        if response.status_code != 200:
            return Health(False, self.model, f"{self._base_url}/models answers {response.status_code}")
        return Health(True, self.model)

    async def aclose(self) -> None:
        await self._client.aclose()


def _is_web_address(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host)
