"""The one seam of our own: what a language model must be able to do. Knows no library and no prompt."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chatbot.prompt import ChatMessage


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw tokens. ``temperature`` 0.0 is greedy; ``stop`` strings end the text and are not in it."""

    temperature: float = 0.0
    top_p: float = 1.0
    repeat_penalty: float = 1.1
    max_tokens: int = 120
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """``ready`` says whether a request would be answered now; ``detail`` says why not, for staff."""

    ready: bool
    model: str
    detail: str = ""


class Engine(Protocol):
    """A language model that streams text.

    Contract (``tests/chatbot/engine/test_contract.py`` holds every engine to it):
    the joined pieces are the whole reply; closing the iterator stops the generation; a dead or slow model
    raises ``EngineError`` / ``EngineTimeoutError`` and never hangs; the next request after a failure works
    as soon as the model is back.
    """

    @property
    def model(self) -> str: ...

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[str, None]: ...

    async def health(self) -> Health: ...

    async def aclose(self) -> None: ...
