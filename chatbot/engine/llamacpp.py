"""The default engine: llama.cpp in a child process, spoken to over loopback HTTP.

A thread watches the child and starts it again when it dies; a crash in C++ costs one request, not the server.
llama.cpp loads adapters when it starts: what is live by then is among them; one that is new is loaded by a second server,
which takes over while the first says what it has begun. Does not know what is asked; an engine belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import aclosing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import httpx

from chatbot.engine import weights
from chatbot.engine.base import Health, Sampling
from chatbot.engine.deadline import within
from chatbot.engine.sse import ONE_USE, NoAnswerError, chat_request, stream_chat
from chatbot.prompt import ChatMessage
from configs.errors import ConfigError, EngineError
from configs.settings import Settings

logger = logging.getLogger(__name__)

_SCRIPT = Path(__file__).with_name("llamacpp_server.py")
_DELAYS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before a start, by the number of deaths in a row."""
_STEADY = 60.0
"""A child that lived this long did not die of its start: begin the delays anew."""


class LlamaCppEngine:
    """Starts its child at once and answers as soon as the model is loaded.

    ``prefix`` is the system message that most requests begin with: every slot reads it after each start, so
    that shoppers need not wait for that.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        prefix: str = "",
        adapter: str | None = None,
        progress: weights.Progress | None = None,
    ) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise ConfigError(
                "engine.kind is llamacpp, but xllamacpp is not installed",
                hint='pip install "kefu[llamacpp]", or set engine.kind to transformers, openai or off',
            )
        self._settings = settings.engine
        self._folder = weights.adapters_folder(settings)
        key = secrets.token_urlsafe(16)
        self._start = partial(_Server, settings, weights.gguf_path(settings, progress), key, prefix)
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(None, connect=5.0),
            limits=ONE_USE,
            trust_env=False,
        )
        there: dict[str, Path] = {}
        if adapter is not None:
            with suppress(EngineError):  # whoever asks for it is told
                there[adapter] = weights.adapter_gguf(self._folder, adapter)
        self._server = self._start(there, adapter)
        self._leaving: set[asyncio.Task[None]] = set()
        self._loading = asyncio.Lock()

    @property
    def model(self) -> str:
        return self._settings.model

    @property
    def pid(self) -> int | None:
        """The child's process id, for measuring its memory; None while there is no child."""
        return self._server.pid

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
        body = chat_request(self.model, messages, sampling) | {
            "repeat_penalty": sampling.repeat_penalty,
            "top_k": 0,  # llama.cpp would cut to 40 and by min_p, which Sampling does not say
            "min_p": 0.0,
        }
        server = self._server if adapter is None else await self._with(adapter)
        with server.used():
            for attempt in (1, 2):
                address = server.address
                # shield: whoever gives up waiting must not cancel the future for the others.
                ready: asyncio.Future[str] = asyncio.wrap_future(address)
                url = await asyncio.shield(ready)
                pieces = stream_chat(
                    self._client,
                    f"{url}/v1/chat/completions",
                    body | server.scales(adapter),
                    hint="it starts again by itself",
                )
                try:
                    async with aclosing(pieces):
                        async for piece in pieces:
                            yield piece
                    return
                except NoAnswerError:
                    # A child that has just died takes connections for a moment. Its successor answers, unless this
                    # was the request that killed it: so only once.
                    if attempt == 2 or not await _replaced(server, address):
                        raise

    async def _with(self, adapter: str) -> _Server:
        """The server that has the adapter; a new one takes over if the present one does not have it.

        Raises:
            EngineError: there is no such adapter, or it cannot be loaded.
        """
        if adapter in self._server.adapters:
            return self._server
        async with self._loading:
            if adapter in self._server.adapters:
                return self._server
            file = weights.adapter_gguf(self._folder, adapter)
            there = {name: path for name, path in self._server.adapters.items() if path.exists()}
            fresh = self._start(there | {adapter: file}, adapter)
            try:
                ready: asyncio.Future[str] = asyncio.wrap_future(fresh.address)
                await asyncio.shield(ready)
            except BaseException:  # cancelled or failed: nobody else would end the process
                await asyncio.to_thread(fresh.close)
                raise
            old, self._server = self._server, fresh
            leaving = asyncio.create_task(self._leave(old))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            return fresh

    async def _leave(self, server: _Server) -> None:
        """End a server when it has said what it has begun, or at once if the engine is closed."""
        until = time.monotonic() + self._settings.total_timeout
        try:
            while server.users and time.monotonic() < until:
                await asyncio.sleep(0.1)
        finally:
            await asyncio.to_thread(server.close)

    async def health(self) -> Health:
        address = self._server.address
        if not address.done():
            return Health(False, self.model, "the llama.cpp server is starting")
        try:
            response = await self._client.get(f"{address.result()}/health", timeout=2.0)
        except EngineError as error:
            return Health(False, self.model, str(error))
        except httpx.HTTPError as error:
            return Health(False, self.model, f"the llama.cpp server does not answer ({error!r})")
        if response.status_code != 200:
            return Health(False, self.model, f"the llama.cpp server answers {response.status_code}")
        return Health(True, self.model)

    async def aclose(self) -> None:
        for leaving in self._leaving:
            leaving.cancel()
        await asyncio.to_thread(self._server.close)
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await self._client.aclose()


async def _replaced(server: _Server, address: Future[str]) -> bool:
    """Whether the watcher sees within a second that the child of this address is dead."""
    for _ in range(100):
        if server.address is not address:
            return True
        await asyncio.sleep(0.01)
    return False


class _Server:
    """A child with these adapters, and the thread that keeps one alive. ``expected`` is the adapter that most requests will
    name: the prefix is read with it, and if the child does not start with it, then without."""

    def __init__(
        self,
        settings: Settings,
        model: Path,
        key: str,
        prefix: str,
        adapters: Mapping[str, Path],
        expected: str | None,
    ) -> None:
        self._settings = settings.engine
        self.adapters = adapters
        self._key = key
        self._prefix = prefix
        self._expected = expected
        self._command = [
            *(sys.executable, "-P", str(_SCRIPT)),  # -P: this folder must not shadow the standard library
            *("--model", str(model)),
            *("--context", str(self._settings.context_tokens)),
            *("--parallel", str(self._settings.parallel)),
            *("--threads", str(self._settings.threads)),
        ]
        self.users = 0
        self.address: Future[str] = Future()
        self._closed = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._watcher = threading.Thread(target=self._watch, name="llamacpp", daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child is not None and child.returncode is None else None

    @contextmanager
    def used(self) -> Iterator[None]:
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1

    def scales(self, adapter: str | None) -> dict[str, Any]:
        """The field of a request that switches this adapter on and the others off: without it all would be on."""
        if not self.adapters:
            return {}
        every = enumerate(self.adapters)
        return {"lora": [{"id": number, "scale": float(name == adapter)} for number, name in every]}

    def close(self) -> None:
        self._closed.set()
        child = self._child
        if child is not None:
            child.kill()  # it holds nothing that is worth a farewell
        self._watcher.join()

    # --- the watcher's thread ------------------------------------------------------------------------------

    def _watch(self) -> None:
        deaths = 0
        while not self._closed.is_set():
            began = time.monotonic()
            why = self._run_child()
            deaths = 1 if time.monotonic() - began > _STEADY else deaths + 1
            delay = _DELAYS[min(deaths, len(_DELAYS)) - 1]
            if self._closed.is_set():
                break
            logger.warning("the llama.cpp server died (%s); starting it again in %g s", why, delay)
            if delay:
                self._publish_failure(
                    f"the llama.cpp server died {deaths} times in a row ({why})",
                    hint=f"it starts again within {delay:g} s; if it keeps dying, check engine.model",
                )
                self._closed.wait(delay)
            elif not self.address.done():  # somebody may be waiting for its start
                self._publish_failure(f"the llama.cpp server died ({why})", hint="it starts again at once")
            self.address = Future()
        self._publish_failure("the engine is closed")

    def _publish_failure(self, message: str, hint: str = "") -> None:
        """Whoever waits for the address now, or asks for it until the next start, gets an EngineError."""
        if self.address.done():
            self.address = Future()
        self.address.set_exception(EngineError(message, hint=hint))

    def _run_child(self) -> str:
        """Start a child, publish its address, wait for its death; says why it died."""
        # Somebody may have deleted an adapter since the last start.
        self.adapters = {name: path for name, path in self.adapters.items() if path.exists()}
        adapters = [part for path in self.adapters.values() for part in ("--adapter", str(path))]
        with tempfile.TemporaryFile() as log:
            try:
                child = subprocess.Popen(
                    [*self._command, *adapters],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=os.environ | {"LLAMACPP_KEY": self._key},
                    start_new_session=True,  # Ctrl-C is for the parent, which may still need an answer
                )
            except OSError as error:  # no memory, no processes left: it may pass
                return f"it could not be started: {error}"
            self._child = child
            with child:
                if self._closed.is_set():  # aclose came before there was a child to kill
                    child.kill()
                assert child.stdout is not None
                line = child.stdout.readline()
                if line:
                    address = json.loads(line)["address"]
                    self._warm(address, range(1))
                    self.address.set_result(address)
                    # A single shopper is answered by the first slot: the others need not keep him waiting.
                    self._warm(address, range(1, self._settings.parallel))
                code = child.wait()
                if not line:
                    self.adapters = {
                        name: path for name, path in self.adapters.items() if name != self._expected
                    }
            return f"exit code {code}{_what_it_said(log, started=bool(line))}"

    def _warm(self, address: str, slots: range) -> None:
        """Have the slots read the prefix."""
        if not self._prefix:
            return
        system: ChatMessage = {"role": "system", "content": self._prefix}
        body = chat_request(
            self._settings.model, [system, {"role": "user", "content": ""}], Sampling(max_tokens=1)
        )
        try:
            with httpx.Client(
                headers={"Authorization": f"Bearer {self._key}"},
                timeout=30.0,
                limits=ONE_USE,
                trust_env=False,
            ) as client:
                for slot in slots:
                    client.post(
                        f"{address}/v1/chat/completions",
                        json=body | self.scales(self._expected) | {"id_slot": slot},
                    ).raise_for_status()
        except httpx.HTTPError as error:
            # The first shopper reads it, then; if the child is dead, whoever called us finds out.
            if not self._closed.is_set():
                logger.warning("the llama.cpp server could not be warmed up (%r)", error)


def _what_it_said(log: IO[bytes], *, started: bool) -> str:
    """The child's last line; before it, if the child had not even started, the first error, which is the cause."""
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    errors = [line.partition(" E ")[2] for line in lines if " E " in line]
    said = [*([] if started else errors[:1]), *lines[-1:]]
    return f": {'; '.join(line[:200] for line in said)}" if said else ""
