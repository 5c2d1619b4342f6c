"""Language models behind one protocol: ``llamacpp`` (default), ``transformers_`` and ``openai_``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatbot.engine.base import Engine

if TYPE_CHECKING:
    from chatbot.engine.weights import Progress
    from configs.settings import Settings


def build_engine(
    settings: Settings, *, prefix: str = "", adapter: str | None = None, progress: Progress | None = None
) -> Engine:
    """The engine that ``settings.engine.kind`` names. Converts weights if need be (seconds, once).

    ``prefix`` is the system message that most requests begin with, ``adapter`` the one that most of them name; an engine
    may read and load them beforehand.

    Raises:
        ConfigError: its library or its model is missing.
    """
    # Imported here: each engine brings the libraries of its own.
    kind = settings.engine.kind
    if kind == "llamacpp":
        from chatbot.engine.llamacpp import LlamaCppEngine

        return LlamaCppEngine(settings, prefix=prefix, adapter=adapter, progress=progress)
    if kind == "transformers":
        from chatbot.engine.transformers_ import TransformersEngine

        return TransformersEngine(settings, progress=progress)
    if kind == "openai":
        from chatbot.engine.openai_ import OpenAIEngine

        return OpenAIEngine(settings)
    from chatbot.engine.off import OffEngine

    return OffEngine()
