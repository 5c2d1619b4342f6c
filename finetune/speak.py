"""What a model says to a list of requests, with or without an adapter that need not be registered.

The model runs as in production, in transformers where the settings say so and in llama.cpp otherwise, in a home of its own;
every request waits for the one before. Judges nothing.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from chatbot.engine import build_engine
from chatbot.engine.base import Sampling
from chatbot.engine.weights import ADAPTER_FILE, gguf_path, transformers_path
from chatbot.prompt import ChatMessage, system_prompt
from configs.settings import Settings
from finetune.export import check_base, check_kind, gguf_adapter

_NAME = "candidate"


@dataclass(frozen=True, slots=True)
class Told:
    """A reply and how long it took to write."""

    text: str
    seconds: float


def check_engine(settings: Settings, kind: str) -> None:
    """
    Raises:
        InputError: the engine that would answer cannot load an adapter of this kind and base model.
        ConfigError: it cannot load the base model.
    """
    if _kind(settings) == "llamacpp":
        check_kind(kind)
        gguf_path(settings)
        config = transformers_path(settings) / "config.json"
        check_base(json.loads(config.read_text(encoding="utf-8")))


def _kind(settings: Settings) -> str:
    return "transformers" if settings.engine.kind == "transformers" else "llamacpp"


def replies(
    settings: Settings,
    adapter: Path | None,
    requests: Sequence[Sequence[ChatMessage]],
    *,
    longest: int,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> list[Told]:
    """The replies of at most ``longest`` tokens, greedy. ``adapter`` is a PEFT folder.

    Raises:
        InputError: the adapter cannot be written for llama.cpp, which would load it.
        EngineError: the model does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="kefu-speak-") as folder:
        home = Path(folder)
        models = settings.home.absolute() / "models"
        models.mkdir(parents=True, exist_ok=True)
        (home / "models").symlink_to(models)
        kind = _kind(settings)
        if adapter is not None:
            own = home / "adapters" / _NAME
            own.parent.mkdir()
            if kind == "transformers":
                own.symlink_to(adapter.absolute())
            else:
                own.mkdir()
                gguf_adapter(transformers_path(settings), adapter, own / ADAPTER_FILE)
        patient = {"kind": kind, "first_token_timeout": 120.0, "total_timeout": 300.0}
        there = settings.model_copy(
            update={"home": home, "engine": settings.engine.model_copy(update=patient)}
        )
        return asyncio.run(_replies(there, _NAME if adapter else None, requests, longest, tell))


async def _replies(
    settings: Settings,
    adapter: str | None,
    requests: Sequence[Sequence[ChatMessage]],
    longest: int,
    tell: Callable[[int, int], None],
) -> list[Told]:
    engine = build_engine(settings, prefix=system_prompt())
    told: list[Told] = []
    sampling = Sampling(repeat_penalty=settings.sampling.repeat_penalty, max_tokens=longest)
    try:
        for number, request in enumerate(requests, 1):
            started = time.perf_counter()
            async with aclosing(engine.stream(request, sampling, adapter)) as stream:
                text = "".join([piece async for piece in stream])
            told.append(Told(text.strip(), time.perf_counter() - started))
            tell(number, len(requests))
    finally:
        await engine.aclose()
    return told
