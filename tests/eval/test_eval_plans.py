"""The suite of plans: its cases are sound, and it tells a right plan from a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.conversation import Plan, ToolCall
from configs.errors import InputError
from eval.case_files import load_case_files
from eval.golden import CASES, Call
from eval.plans import Case, Wanted, as_wanted


def plan(intent: str, *calls: ToolCall, language: str = "en") -> Plan:
    return Plan(intent, 1.0, language, "", {}, calls, "")


def test_the_cases_are_sound() -> None:
    cases = load_case_files(Case, CASES / "router")
    assert len(cases) == 40
    assert sum(bool(case.history) for case in cases) == 20
    assert sum(case.language == "zh" for case in cases) >= 10
    dev = load_case_files(Case, CASES / "router", split="dev")
    assert 15 <= len(dev) <= 25


def test_number_intent_language_and_calls_must_be_as_wanted() -> None:
    wanted = (
        Wanted(intent=("policy",)),
        Wanted(
            intent=("delivery_estimate",),
            language="en",
            calls=(Call(name="delivery_estimate", arguments={"country": "AT"}),),
        ),
    )
    policy, there = (
        plan("policy"),
        plan("delivery_estimate", ToolCall("delivery_estimate", {"country": "AT", "express": True})),
    )
    assert as_wanted(wanted, [policy, there])
    assert not as_wanted(wanted, [there, policy])
    assert not as_wanted(wanted, [policy])
    assert not as_wanted(wanted, [policy, there, policy])
    assert not as_wanted(
        wanted, [policy, plan("delivery_estimate", ToolCall("delivery_estimate", {"country": "DE"}))]
    )
    assert not as_wanted(wanted, [policy, plan("delivery_estimate", *there.calls, language="zh")])


def test_a_case_that_is_malformed_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "- {id: one, say: hello, plans: [{intent: greeting}], planz: 1}\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match="one"):
        load_case_files(Case, tmp_path)
    with pytest.raises(InputError, match="no case is left"):
        load_case_files(Case, CASES / "router", only="no-such-case")
