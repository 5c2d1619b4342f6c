"""What staff see of a turn while it runs: its events, gathered into rows of tables. Knows no page and no Gradio."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from chatbot.conversation import (
    Done,
    Event,
    Failed,
    Plan,
    Planned,
    Retrieved,
    Sentence,
    ToolRan,
    ToolResult,
    Turn,
    to_json,
)
from retrieval.passages import Passage

_EXCERPT = 220

Rows = list[list[Any]]


@dataclass
class Trace:
    """What is known of a turn so far."""

    plans: list[Plan] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)
    text: str = ""
    turn: Turn | None = None

    def take(self, event: Event) -> None:
        match event:
            case Planned(plan=plan):
                self.plans.append(plan)
            case Retrieved(passages=passages):
                self.passages.extend(passages)
            case ToolRan(result=result):
                self.results.append(result)
            case Sentence(text=text):
                self.text += text
            case Failed(text=text):
                self.text = text
            case Done(turn=turn):
                self.turn = turn
                self.text = turn.reply.text

    def summary(self) -> Rows:
        if self.turn is None:
            return []
        reply = self.turn.reply
        return [
            ["rung", reply.rung],
            ["kind", reply.kind],
            ["confidence", f"{reply.confidence:.2f}"],
            ["model", self.turn.model],
            ["adapter", self.turn.adapter or "none"],
            ["index", self.turn.index_version],
            ["error", self.turn.error or "none"],
        ]

    def plan_rows(self) -> Rows:
        rows: Rows = []
        for plan in self.plans:
            calls = "; ".join(f"{call.name}({_short(call.arguments)})" for call in plan.calls)
            rows.append(
                [plan.intent, f"{plan.confidence:.2f}", plan.language, plan.query, _short(plan.slots), calls]
            )
        return rows

    def evidence_rows(self) -> Rows:
        cited = {citation.passage_id for citation in self.turn.reply.citations} if self.turn else set()
        rows: Rows = [
            [
                f"{passage.score:.2f}",
                "yes" if passage.id in cited else "",
                passage.title,
                passage.text[:_EXCERPT],
            ]
            for passage in self.passages
        ]
        rows += [
            ["tool", result.error or "", result.call.name, result.text[:_EXCERPT]] for result in self.results
        ]
        return rows

    def check_rows(self) -> Rows:
        """The sentences that were kept back, and why."""
        return [[item.reason, item.text] for item in self.turn.reply.dropped] if self.turn else []

    def timing_rows(self) -> Rows:
        if self.turn is None:
            return []
        return [
            [stage, round(ms, 1)] for stage, ms in sorted(self.turn.timings.items(), key=lambda it: it[1])
        ]

    def tables(self) -> tuple[Rows, ...]:
        return self.summary(), self.plan_rows(), self.evidence_rows(), self.check_rows(), self.timing_rows()


def _short(value: object) -> str:
    return json.dumps(to_json(value), ensure_ascii=False) if value else ""
