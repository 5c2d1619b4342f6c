"""An engine that a suite looks over the shoulder of: it notes prompts, carries a canary, repeats itself for nothing.

The canary is put behind the constant text of every prompt, so that a model which tells its instructions tells the
canary. The same prompt gets the same text without the model being asked again: at temperature 0 it would say the same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from chatbot.engine.base import Engine, Health, Sampling
from chatbot.prompt import ChatMessage


@dataclass(slots=True)
class Watched:
    """``prompts`` are the evidence and question of each request, oldest first. Closing it leaves the engine open."""

    engine: Engine
    canary: str
    prompts: list[str] = field(default_factory=list)
    asked: int = 0
    """How often the model itself was asked."""
    _said: dict[tuple[str, str | None], list[str]] = field(default_factory=dict)

    @property
    def model(self) -> str:
        return self.engine.model

    async def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[str, None]:
        system, *rest = messages
        prompt = "\n".join(message["content"] for message in rest)
        self.prompts.append(prompt)
        known = self._said.get((prompt, adapter))
        if known is not None:
            for piece in known:
                yield piece
            return
        self.asked += 1
        carried: ChatMessage = {"role": "system", "content": f"{system['content']} Reference: {self.canary}."}
        said: list[str] = []
        async with aclosing(self.engine.stream([carried, *rest], sampling, adapter)) as stream:
            try:
                async for piece in stream:
                    said.append(piece)
                    yield piece
            finally:  # a reader that has enough stops at the same place the next time
                self._said[prompt, adapter] = said

    async def health(self) -> Health:
        return await self.engine.health()

    async def aclose(self) -> None:
        return
