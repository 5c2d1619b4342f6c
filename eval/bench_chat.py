"""``kefu bench chat``: how long a reply takes by rung, what of a model turn is kefu's own, what the server weighs.

The questions are those of the golden cases; the replies are not judged here. Model turns are forced by settings that
allow no other rung; the bare engine then gets the very same prompts in the same run. Everything runs on a copy of the
shop's data.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
from rich.progress import Progress
from rich.table import Table

from chatbot.app import App
from chatbot.conversation import Done, Turn
from chatbot.engine.base import Engine, Health, Sampling
from chatbot.prompt import ChatMessage
from chatbot.turn import Bot, answer
from configs.errors import EngineError
from configs.settings import Settings, load
from eval.demo import demo_app
from eval.golden import CASES, Case, load_cases
from eval.metrics import percentile
from eval.report import err, out, print_json, print_metrics
from eval.server import converse, resident_mb, served

MODEL_QUESTIONS = 40
TURNS_OVER_HTTP = 1000
ENGINE_SECONDS = 120
MODEL_RUNG = {"rungs": ("model",), "approved_threshold": 0.0, "quote_threshold": 0.0, "model_threshold": 0.0}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to the engine: what it got, how many pieces were taken, and how long that took."""

    messages: Sequence[ChatMessage]
    sampling: Sampling
    pieces: int
    first_ms: float
    total_ms: float


@dataclass(slots=True)
class Listening:
    """An engine that notes every request."""

    engine: Engine
    asked: list[Asked] = field(default_factory=list)

    @property
    def model(self) -> str:
        return self.engine.model

    async def stream(
        self, messages: Sequence[ChatMessage], sampling: Sampling, adapter: str | None = None
    ) -> AsyncGenerator[str, None]:
        started = time.perf_counter()
        first = 0.0
        pieces = 0
        stream = self.engine.stream(messages, sampling, adapter)
        try:
            async with aclosing(stream):
                async for piece in stream:
                    pieces += 1
                    first = first or (time.perf_counter() - started) * 1000
                    yield piece
        finally:
            self.asked.append(
                Asked(messages, sampling, pieces, first, (time.perf_counter() - started) * 1000)
            )

    async def health(self) -> Health:
        return await self.engine.health()

    async def aclose(self) -> None:
        await self.engine.aclose()


def run(*, config: str | None = None, as_json: bool = False) -> dict[str, float]:
    """Measure and print; returns the metrics.

    Raises:
        EngineError: the language model does not start, or a turn over HTTP has no end.
    """
    started = time.perf_counter()
    settings = load(config)
    cases = load_cases(CASES / "demo")
    console = out(quiet=as_json)
    with Progress(console=err, transient=True) as progress:
        turns, metrics = asyncio.run(_in_process(settings, cases, progress))
        with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder:
            metrics |= asyncio.run(_over_http(settings, config, cases, Path(folder), progress))
    console.print(_by_rung(turns))
    print_metrics(console, metrics)
    if as_json:
        print_json("bench", "chat", metrics, time.perf_counter() - started)
    return metrics


# --- latency ------------------------------------------------------------------------------------------------


async def _in_process(
    settings: Settings, cases: Sequence[Case], progress: Progress
) -> tuple[list[Turn], dict[str, float]]:
    async with demo_app(settings, lambda message: progress.console.print(f"[dim]{message}[/dim]")) as app:
        await _engine_is_ready(app.engine)
        await _warm_up(app)
        bar = progress.add_task("all rungs", total=len(cases))
        turns: list[Turn] = []
        for case in cases:
            turns += [turn async for turn in _conversation(app, app.bot, case)]
            progress.advance(bar)
        heard = Listening(app.engine)
        forced = settings.model_copy(update={"compose": settings.compose.model_copy(update=MODEL_RUNG)})
        bot = replace(app.bot, settings=forced, engine=heard)
        pages = [c for c in cases if c.category == "policy" and c.language == "en"][:MODEL_QUESTIONS]
        bar = progress.add_task("model rung", total=2 * len(pages))
        model_turns: list[Turn] = []
        for case in pages:
            first = case.model_copy(update={"turns": case.turns[:1]})
            model_turns += [turn async for turn in _conversation(app, bot, first)]
            progress.advance(bar)
        bare = Listening(app.engine)
        for asked in heard.asked:
            await _repeat(bare, asked)
            progress.advance(bar)
    return turns, {**_no_model(turns), **_model(model_turns, bare.asked)}


async def _conversation(app: App, bot: Bot, case: Case) -> AsyncIterator[Turn]:
    conversation = app.store.create_conversation(f"bench-{case.id}", case.customer, case.language)
    for say in case.turns:
        async for event in answer(bot, conversation, say.say):
            if isinstance(event, Done):
                yield event.turn


async def _engine_is_ready(engine: Engine) -> None:
    health = await engine.health()
    for _ in range(ENGINE_SECONDS * 4):
        if health.ready:
            return
        await asyncio.sleep(0.25)
        health = await engine.health()
    raise EngineError(f"the model was not ready in {ENGINE_SECONDS} s: {health.detail}")


async def _warm_up(app: App) -> None:
    """The first turn of each language loads what it needs; shoppers meet that once in a server's life."""
    for language, text in (("en", "How long can I return something?"), ("zh", "退货期限是几天？")):
        conversation = app.store.create_conversation(f"bench-warm-{language}", None, language)
        async for _ in answer(app.bot, conversation, text):
            pass


async def _repeat(engine: Listening, asked: Asked) -> None:
    """The same prompt, read as far as kefu read it."""
    stream = engine.stream(asked.messages, asked.sampling)
    taken = 0
    async with aclosing(stream):
        async for _ in stream:
            taken += 1
            if taken == asked.pieces:
                break


def _no_model(turns: Sequence[Turn]) -> dict[str, float]:
    """Turns in which the engine was not asked."""
    done = [turn.timings["done"] for turn in turns if not turn.timings.get("engine")]
    return {
        "no_model_turns": len(done),
        "no_model_done_p50_ms": round(percentile(done, 0.5), 1),
        "no_model_done_p95_ms": round(percentile(done, 0.95), 1),
        "no_model_done_max_ms": round(max(done, default=0.0), 1),
    }


def _model(turns: Sequence[Turn], bare: Sequence[Asked]) -> dict[str, float]:
    """``overhead_share``: the time of model turns outside the engine; ``overhead_against_bare_share``: what they took
    beyond the bare engine's time for the same prompts."""
    asked = [turn for turn in turns if turn.timings.get("engine")]
    spoke = [turn for turn in asked if turn.reply.rung == "model"]
    first = [turn.timings["first_sentence"] for turn in spoke]
    done = sum(turn.timings["done"] for turn in asked)
    engine = sum(turn.timings["engine"] for turn in asked)
    bare_ms = sum(item.total_ms for item in bare)
    decoding = sum(item.total_ms - item.first_ms for item in bare if item.pieces > 1)
    pieces = sum(item.pieces - 1 for item in bare if item.pieces > 1)
    return {
        "model_turns": len(asked),
        "model_spoke_share": round(len(spoke) / len(asked), 4) if asked else 0.0,
        "model_first_sentence_p50_ms": round(percentile(first, 0.5), 1),
        "model_first_sentence_p95_ms": round(percentile(first, 0.95), 1),
        "model_done_p50_ms": round(percentile([turn.timings["done"] for turn in asked], 0.5), 1),
        "model_done_p95_ms": round(percentile([turn.timings["done"] for turn in asked], 0.95), 1),
        "overhead_share": round(1 - engine / done, 4) if done else 0.0,
        "overhead_against_bare_share": round(1 - bare_ms / done, 4) if done else 0.0,
        "bare_first_token_p50_ms": round(percentile([item.first_ms for item in bare if item.pieces], 0.5), 1),
        "tokens_per_second": round(1000 * pieces / decoding, 1) if decoding else 0.0,
    }


def _by_rung(turns: Sequence[Turn]) -> Table:
    table = Table("rung", "turns", "first sentence p50", "p95", "done p50", "p95", title="milliseconds")
    for rung in sorted({turn.reply.rung for turn in turns}):
        of_rung = [turn.timings for turn in turns if turn.reply.rung == rung]
        columns = [
            percentile([timings.get(stage, timings["done"]) for timings in of_rung], share)
            for stage in ("first_sentence", "done")
            for share in (0.5, 0.95)
        ]
        table.add_row(rung, str(len(of_rung)), *(f"{value:.0f}" for value in columns))
    return table


# --- memory -------------------------------------------------------------------------------------------------


async def _over_http(
    settings: Settings, config: str | None, cases: Sequence[Case], folder: Path, progress: Progress
) -> dict[str, float]:
    """Memory of a real server at rest and after a thousand turns."""
    with served(settings.home, config, folder) as (address, pid):
        await asyncio.sleep(2)
        at_rest = resident_mb(pid)
        bar = progress.add_task("over HTTP", total=TURNS_OVER_HTTP)
        answered = 0
        warm = at_rest
        started = time.perf_counter()
        async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:
            while answered < TURNS_OVER_HTTP:
                for case in cases:
                    says = [turn.say for turn in case.turns]
                    answered += await converse(client, says, case.customer, case.language)
                    progress.update(bar, completed=answered)
                    if answered >= TURNS_OVER_HTTP:
                        break
                    if answered <= TURNS_OVER_HTTP // 5:
                        warm = resident_mb(pid)
        seconds = time.perf_counter() - started
        await asyncio.sleep(2)
        after = resident_mb(pid)
    return {
        "server_rss_mb": at_rest,
        "server_rss_warm_mb": warm,
        "server_rss_after_mb": after,
        "rss_growth_ratio": round(after / at_rest, 4),
        "rss_growth_after_200_turns_ratio": round(after / warm, 4),
        "http_turns": answered,
        "http_turns_per_second": round(answered / seconds, 2),
    }
