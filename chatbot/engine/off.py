"""The engine of a shop that wants no language model: every other rung answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from chatbot.engine.base import Health, Sampling
from chatbot.prompt import ChatMessage
from configs.errors import EngineError


class OffEngine:
    model = "off"

    async def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[str, None]:
        raise EngineError("the language model is switched off", hint="set engine.kind")
        yield ""  # type: ignore[unreachable]  # makes this a generator, as every engine's stream is

    async def health(self) -> Health:
        return Health(False, self.model, "the language model is switched off (engine.kind)")

    async def aclose(self) -> None:
        pass
