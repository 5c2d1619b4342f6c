"""``kefu eval run demo``: golden cases replayed through ``turn.answer()`` on the packaged shop.

Works on a copy of the shop's database, so that no conversation of the suite stays behind. Scores by ``metrics``,
``facts`` and ``leaks``; knows no wording of the bot.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import cast

import sqlalchemy as sa

from chatbot.app import App, build, open_database
from chatbot.conversation import Conversation, Done, Failed, Turn
from chatbot.db import connect
from chatbot.turn import answer
from configs.settings import Settings, load
from eval.claims import Said
from eval.facts import count_facts, wrong_facts
from eval.golden import CASES, Case, load_cases
from eval.leaks import leaks
from eval.metrics import CaseResult, Reply, by, judge, percentile, summary
from eval.outcome import Bars, Options, Outcome, Tell
from eval.report import failures, passes
from eval.world import World, read_world

Progress = Callable[[int, int], None]
LOWER_IS_BETTER = ("wrong_facts", "leaks", "turn_ms")
"""Of the scores by case."""


def run(options: Options, tell: Tell) -> Outcome:
    """Replay the cases that ``options`` choose.

    Raises:
        InputError: there is no such split or case.
    """
    cases = load_cases(CASES / "demo", split=options.split, only=options.only)
    settings = load(options.config)

    async def replayed() -> list[CaseResult]:
        async with demo_app(settings, lambda message: tell(message, 0, 0)) as app:
            return await replay(app, cases, lambda done, of: tell("cases", done, of))

    results = asyncio.run(replayed())
    return Outcome(
        summary(results),
        f"{len(cases)} conversations with the demo shop, written from its pages and data, replayed through the whole "
        f"pipeline; rules and thresholds were fitted on the cases of split dev alone (here: {options.split}).",
        case_scores(results),
        [latency_by_rung(results), passes_by_category("Cases passed by category", results)],
        [*(failures(results) if options.failures else ()), *passes(results)],
        LOWER_IS_BETTER,
    )


# --- asking -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def demo_app(settings: Settings, say: Callable[[str], None]) -> AsyncIterator[App]:
    """The demo shop, prepared in ``settings.home`` if it is not yet, served from a copy of its database."""
    from chatbot.demo.seed import prepare

    db = open_database(settings)
    prepare(settings, db, say)
    with tempfile.TemporaryDirectory(prefix="kefu-eval-") as folder:
        app = build(settings, db=_copy(db, Path(folder)))
        try:
            yield app
        finally:
            await app.aclose()


def _copy(db: sa.Engine, folder: Path) -> sa.Engine:
    """A copy of a SQLite database; another kind is used as it is."""
    if db.dialect.name != "sqlite":
        return db
    path = folder / "kefu.db"
    with closing(db.raw_connection()) as whole, closing(sqlite3.connect(path)) as copy:
        cast(sqlite3.Connection, whole.driver_connection).backup(copy)
    db.dispose()
    return connect(f"sqlite:///{path}")


async def replay(
    app: App, cases: Sequence[Case], progress: Progress = lambda done, of: None
) -> list[CaseResult]:
    """Run the cases one after the other."""
    world = read_world(app.db, app.settings.shop, app.bot.clock())
    results = []
    for number, case in enumerate(cases, 1):
        results.append(await replay_case(app, case, world))
        progress(number, len(cases))
    return results


async def replay_case(app: App, case: Case, world: World) -> CaseResult:
    """One conversation, message by message."""
    conversation = app.store.create_conversation(f"eval-{case.id}", case.customer, case.language)
    heard: list[str] = []
    results = []
    for say in case.turns:
        heard.append(say.say)
        reply, turn = await ask(app, conversation, say.say)
        said = Said(
            reply.text,
            case.customer,
            tuple(heard),
            _cited(app, turn) if turn else (),
            reply.calls,
            reply.cards,
        )
        judged = judge(say, reply)
        results.append(
            replace(
                judged,
                wrong=wrong_facts(said, world),
                leaked=leaks(said, world),
                facts=count_facts(said, world),
            )
        )
        conversation = app.store.conversation(conversation.id)
    return CaseResult(case, tuple(results), _state_problems(case, conversation))


async def ask(app: App, conversation: Conversation, text: str) -> tuple[Reply, Turn | None]:
    """The reply to one message, as a shopper gets it."""
    started = time.perf_counter()
    turn: Turn | None = None
    failed = ""
    async for event in answer(app.bot, conversation, text):
        if isinstance(event, Done):
            turn = event.turn
        elif isinstance(event, Failed):
            failed = event.text
    done_ms = (time.perf_counter() - started) * 1000
    if turn is None:
        return Reply(failed, "failed", "none", done_ms=done_ms), None
    reply = turn.reply
    calls = tuple(result.call for result in turn.evidence.results)
    return Reply(reply.text, reply.kind, reply.rung, calls, reply.cards, reply.citations, done_ms), turn


def _cited(app: App, turn: Turn) -> tuple[str, ...]:
    """The texts that the reply rests on: the cited passages; of an approved answer the whole page."""
    reply = turn.reply
    if reply.rung == "approved":
        pages = {citation.source for citation in reply.citations}
        whole = [passage.text for page in sorted(pages) for passage in app.search.document(page)]
        return tuple(whole or [passage.text for passage in turn.evidence.passages])
    wanted = {citation.passage_id for citation in reply.citations}
    return tuple(passage.text for passage in turn.evidence.passages if passage.id in wanted)


def _state_problems(case: Case, conversation: Conversation) -> tuple[str, ...]:
    if case.state is None or case.state.conversation == conversation.status:
        return ()
    return (f"the conversation is {conversation.status}, not {case.state.conversation}",)


# --- scores and plots of replayed cases ---------------------------------------------------------------------


def case_scores(results: Sequence[CaseResult]) -> dict[str, dict[str, float]]:
    """Measure → case → score; a case of which a measure is not asked is left out of it."""
    scores: dict[str, dict[str, float]] = {}
    for result in results:
        turns = result.turns
        calls = [turn.calls_ok for turn in turns if turn.calls_ok is not None]
        found = [turn.source_recall for turn in turns if turn.source_recall is not None]
        measured: Mapping[str, Sequence[float]] = {
            "passed": [result.passed],
            "abstained": [] if result.case.answerable else [result.abstained],
            "call_accuracy": calls,
            "source_recall": found,
            "wrong_facts": [sum(len(turn.wrong) for turn in turns)],
            "leaks": [sum(len(turn.leaked) for turn in turns)],
            "turn_ms": [turn.reply.done_ms for turn in turns],
        }
        for measure, values in measured.items():
            if values:
                scores.setdefault(measure, {})[result.case.id] = round(fmean(values), 4)
    return scores


def latency_by_rung(results: Sequence[CaseResult]) -> Bars:
    times: dict[str, list[float]] = {}
    for result in results:
        for turn in result.turns:
            times.setdefault(turn.reply.rung, []).append(turn.reply.done_ms)
    groups = {
        f"{rung} ({len(ms)})": {"p50": percentile(ms, 0.5), "p95": percentile(ms, 0.95)}
        for rung, ms in sorted(times.items())
    }
    return Bars("Time until a reply is stored, by rung and its number of turns", "ms", groups)


def passes_by_category(title: str, results: Sequence[CaseResult]) -> Bars:
    rows = by(results, lambda result: result.case.category)
    return Bars(
        title, "share passed", {f"{name} ({of})": {"passed": n / of} for name, (n, of) in rows.items()}
    )
