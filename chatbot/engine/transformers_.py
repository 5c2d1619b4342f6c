"""The reference engine: transformers in this process, float32 on the CPU, one request at a time.

Slow (a few tokens a second for each core), exact, and without llama.cpp. One worker thread owns the model: requests
queue for it, and a cancelled one ends at its next token. Reading the prompt cannot be interrupted.
Adapters of every kind are loaded when they are first asked for. Does not know what is asked; an engine belongs to one
event loop.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.engine import weights
from chatbot.engine.base import Health, Sampling
from chatbot.engine.deadline import within
from chatbot.prompt import ChatMessage
from configs.errors import EngineError
from configs.settings import Settings

_PENALTY_WINDOW = 64
"""Tokens that the repeat penalty looks back at: llama.cpp's window, so that both engines say the same."""
_HALF_CHARACTER = "�"


@dataclass(slots=True)
class _Loaded:
    """``adapters`` is peft's view of the model, once an adapter was asked for; it puts them into the model itself."""

    model: Any
    tokenizer: Any
    adapters: Any = None


class TransformersEngine:
    """Loads its model in the background and answers as soon as it is there."""

    def __init__(self, settings: Settings, *, progress: weights.Progress | None = None) -> None:
        self._settings = settings.engine
        self._folder = weights.adapters_folder(settings)
        path = weights.transformers_path(settings, progress)
        self._closed = threading.Event()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="transformers")
        self._loaded: Future[_Loaded] = self._worker.submit(_load, path, self._settings.threads)

    @property
    def model(self) -> str:
        return self._settings.model

    def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[str, None]:
        return within(
            self._pieces(messages, sampling, adapter),
            first=self._settings.first_token_timeout,
            total=self._settings.total_timeout,
            model=self.model,
        )

    async def _pieces(
        self, messages: Sequence[ChatMessage], sampling: Sampling, adapter: str | None
    ) -> AsyncGenerator[str, None]:
        folder = weights.adapter_folder(self._folder, adapter) if adapter is not None else None
        if self._closed.is_set():
            raise EngineError("the engine is closed")
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        cancelled = threading.Event()

        def put(piece: str | None) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, piece)

        def run() -> None:
            try:
                _generate(
                    _adapted(self._loaded.result(), folder),
                    messages,
                    sampling,
                    context=self._settings.context_tokens,
                    put=put,
                    cancelled=lambda: cancelled.is_set() or self._closed.is_set(),
                )
            finally:
                put(None)

        job = self._worker.submit(run)
        try:
            while (piece := await queue.get()) is not None:
                yield piece
            if error := job.exception():
                raise error if isinstance(error, EngineError) else _explain(self.model, error) from error
            if self._closed.is_set():
                raise EngineError("the engine was closed while it answered")
        finally:
            cancelled.set()

    async def health(self) -> Health:
        if not self._loaded.done():
            return Health(False, self.model, "the model is loading")
        if error := self._loaded.exception():
            return Health(False, self.model, str(error))
        return Health(not self._closed.is_set(), self.model, "closed" if self._closed.is_set() else "")

    async def aclose(self) -> None:
        self._closed.set()
        await asyncio.to_thread(self._worker.shutdown)


def _explain(model: str, error: BaseException) -> EngineError:
    return EngineError(f"model {model} failed in transformers: {type(error).__name__}: {error}")


def _load(path: Path, threads: int) -> _Loaded:
    # Spinning threads whose core is taken by another process slow torch down ten times. Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # a server's log is no terminal
    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    return _Loaded(model, tokenizer)


def _adapted(loaded: _Loaded, folder: Path | None) -> _Loaded:
    """The model with the adapter of this folder and no other, or with none; runs in the worker's thread."""
    from peft import PeftModel  # transformers' own loader wants a newer peft than there is

    if folder is None:
        if loaded.adapters is not None:
            loaded.adapters.base_model.disable_adapter_layers()
        return loaded
    name = folder.name.replace(".", "-")  # names of torch's modules hold no dots
    if loaded.adapters is None:
        loaded.adapters = PeftModel.from_pretrained(loaded.model, str(folder), adapter_name=name).eval()
    elif name not in loaded.adapters.peft_config:
        loaded.adapters.load_adapter(str(folder), adapter_name=name)
    loaded.adapters.base_model.enable_adapter_layers()
    loaded.adapters.set_adapter(name)
    return loaded


def _generate(
    loaded: _Loaded,
    messages: Sequence[ChatMessage],
    sampling: Sampling,
    *,
    context: int,
    put: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> None:
    """Hand the reply to ``put`` piece by piece; runs in the worker's thread.

    Raises:
        EngineError: the prompt does not fit into ``context`` tokens.
    """
    import torch
    from transformers import (
        GenerationConfig,
        LogitsProcessorList,
        RepetitionPenaltyLogitsProcessor,
        StoppingCriteriaList,
    )

    if cancelled():
        return
    tokenizer = loaded.tokenizer
    # 1. the prompt
    inputs = tokenizer.apply_chat_template(
        list(messages), add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    length = inputs["input_ids"].shape[1]
    if length >= context:
        raise EngineError(
            f"the prompt has {length} tokens",
            expected=f"fewer than {context}",
            hint="shorten the prompt, or raise engine.context_tokens",
        )

    # 2. what happens after each token: release text, and stop if there is a reason to
    sent = 0

    def release(ids: Any, *, final: bool) -> bool:
        nonlocal sent
        text = tokenizer.decode(ids[0, length:], skip_special_tokens=True).removesuffix(_HALF_CHARACTER)
        end, stopped = settled(text, sampling.stop)
        if final and not stopped:
            end = len(text)
        if end > sent:
            put(text[sent:end])
            sent = end
        return stopped

    def after_token(ids: Any, scores: Any, **kwargs: Any) -> Any:
        stop = release(ids, final=False) or cancelled()
        return torch.full((ids.shape[0],), stop, dtype=torch.bool)

    # 3. how tokens are drawn
    processors = LogitsProcessorList()
    if sampling.repeat_penalty != 1.0:
        penalty = RepetitionPenaltyLogitsProcessor(sampling.repeat_penalty)
        processors.append(lambda ids, scores: penalty(ids[:, -_PENALTY_WINDOW:], scores))
    drawing: dict[str, Any] = {"do_sample": False}
    if sampling.temperature > 0:
        drawing = {
            "do_sample": True,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": 0,
        }

    # 4. the reply
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        if sampling.seed is not None:
            torch.manual_seed(sampling.seed)
        output = loaded.model.generate(
            **inputs,
            generation_config=GenerationConfig(
                max_new_tokens=min(sampling.max_tokens, context - length),
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
                **drawing,
            ),
            logits_processor=processors,
            stopping_criteria=StoppingCriteriaList([after_token]),
        )
    if not cancelled():
        release(output, final=True)


def settled(text: str, stops: Sequence[str]) -> tuple[int, bool]:
    """How much of ``text`` may be shown whatever comes next, and whether a stop string ended it.

    What could be the beginning of a stop string is held back.
    """
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    if found:
        return min(found), True
    held = 0
    for stop in stops:
        for size in range(min(len(stop) - 1, len(text)), held, -1):
            if text.endswith(stop[:size]):
                held = size
                break
    return len(text) - held, False
