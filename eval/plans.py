"""The suite of plans: messages with several questions, and messages that lean on those before them.

Judges what the router decides (intents, languages, tool calls), on the packaged shop; what is answered is the demo
suite's. Which half a case is in is told by its id.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chatbot.app import App
from chatbot.conversation import Plan
from configs.settings import load
from eval.case_files import load_case_files
from eval.demo import ask, demo_app
from eval.golden import CASES, Call
from eval.metrics import calls_match, interval
from eval.outcome import Options, Outcome, Tell


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wanted(_Strict):
    """A plan that must be made. ``intent`` holds those that are right; ``calls``, where given, are among the plan's."""

    intent: Annotated[
        tuple[str, ...], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
    ]
    language: Literal["en", "zh"] | None = None
    calls: tuple[Call, ...] | None = None


class Case(_Strict):
    """``history`` are the shopper's messages before, each answered by the bot; ``plans`` are wanted in this order."""

    id: str = Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
    language: Literal["en", "zh"] = "en"
    customer: str | None = None
    history: tuple[str, ...] = ()
    say: str = Field(min_length=1)
    plans: tuple[Wanted, ...] = Field(min_length=1)

    @property
    def split(self) -> str:
        """Half of the ids are for development."""
        return "dev" if hashlib.blake2b(self.id.encode()).digest()[0] % 2 else "test"


def run(options: Options, tell: Tell) -> Outcome:
    """Ask every case, compare the plans.

    Raises:
        InputError: a case is malformed, or none is left.
    """
    cases = load_case_files(Case, CASES / "router", split=options.split, only=options.only)

    async def judged() -> list[tuple[bool, Sequence[Plan]]]:
        async with demo_app(load(options.config), lambda _: None) as app:
            found = []
            for number, case in enumerate(cases, 1):
                found.append(await judge(app, case))
                tell("plans", number, len(cases))
            return found

    results = asyncio.run(judged())
    right = {case.id: float(ok) for case, (ok, _) in zip(cases, results, strict=True)}
    metrics: dict[str, float] = {}
    for name, leans in (("split_accuracy", False), ("follow_up_accuracy", True)):
        for suffix in ("", *([] if options.split != "all" else ["_dev", "_test"])):
            of_kind = [c for c in cases if bool(c.history) == leans and suffix in ("", f"_{c.split}")]
            values = [right[c.id] for c in of_kind]
            if values:
                low, high = interval(values)
                metrics |= {f"{name}{suffix}": round(float(np.mean(values)), 4)}
                metrics |= {f"{name}{suffix}_low": round(low, 4), f"{name}{suffix}_high": round(high, 4)}
    notes = [
        f"{case.id} ({case.split}): {case.say} → {'; '.join(shown(plan) for plan in plans)}"
        for case, (ok, plans) in zip(cases, results, strict=True)
        if options.failures and not ok
    ]
    about = (
        f"{len(cases)} messages with several questions or a history, {options.split} half, on the demo shop"
    )
    return Outcome({**metrics, "cases": len(cases)}, about, scores={"right": right}, notes=notes)


async def judge(app: App, case: Case) -> tuple[bool, Sequence[Plan]]:
    """Whether the last message was planned as wanted, and the plans."""
    conversation = app.store.create_conversation(f"plans-{case.id}", case.customer, case.language)
    plans: Sequence[Plan] = ()
    for text in (*case.history, case.say):
        _, turn = await ask(app, conversation, text)
        plans = turn.plans if turn else ()
        conversation = app.store.conversation(conversation.id)
    return as_wanted(case.plans, plans), plans


def as_wanted(wanted: Sequence[Wanted], plans: Sequence[Plan]) -> bool:
    """As many plans as wanted, each of the intent, language and calls wanted at its place."""
    return len(wanted) == len(plans) and all(
        plan.intent in one.intent
        and one.language in (None, plan.language)
        and (one.calls is None or calls_match(one.calls, plan.calls))
        for one, plan in zip(wanted, plans, strict=True)
    )


def shown(plan: Plan) -> str:
    calls = ", ".join(f"{call.name}{dict(call.arguments)}" for call in plan.calls)
    return f"{plan.intent} [{plan.language}] {calls}".strip()
