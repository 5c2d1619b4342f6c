"""Scores of replies and of whole suites."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.conversation import Card, Citation, ToolCall
from eval.claims import Wrong
from eval.golden import Case
from eval.metrics import CaseResult, Reply, TurnResult, interval, judge, percentile, sources, summary


def case(**changes: Any) -> Case:
    turn = {"say": "how much?", "must": ["3.90", ["free", "no charge"]], "must_not": ["9.90"], **changes}
    return Case.model_validate({"id": "x", "category": "c", "split": "dev", "turns": [turn]})


def reply(text: str = "3.90 EUR, or free", kind: str = "answer", **more: Any) -> Reply:
    return Reply(text, kind, more.pop("rung", "tool"), **more)


def judged(given: Reply, **changes: Any) -> TurnResult:
    return judge(case(**changes).turns[0], given)


def test_all_facts_and_none_of_the_forbidden() -> None:
    assert judged(reply()).problems == ()
    assert len(judged(reply("13.90 EUR")).problems) == 2
    assert judged(reply("3.90, free, express 9.90")).problems == ("says '9.90'",)


def test_kind_and_failure_are_problems() -> None:
    assert judged(reply(kind="refuse"), kind="answer").problems == ("is refuse, not answer",)
    assert judged(reply(kind="refuse"), kind=["clarify", "refuse"]).problems == ()
    assert judged(reply(kind="failed")).problems == ("the turn failed",)


@pytest.mark.parametrize(
    ("wanted", "made", "right"),
    [
        ([], [], True),
        ([], [("order_list", {})], False),
        ([("order_status", {"order_id": "LL-1"})], [("order_status", {"order_id": "ll-1", "x": 1})], True),
        ([("order_status", {"order_id": "LL-1"})], [("order_status", {"order_id": "LL-2"})], False),
        ([("order_status", {"order_id": "LL-1"})], [("order_status", {})], False),
        ([("product_search", {"max_price": 300})], [("product_search", {"max_price": 300.0})], True),
        ([("order_list", {}), ("order_status", {})], [("order_list", {})], False),
    ],
)
def test_calls(wanted: list[Any], made: list[Any], right: bool) -> None:
    calls = [{"name": name, "arguments": arguments} for name, arguments in wanted]
    result = judged(reply(calls=[ToolCall(name, arguments) for name, arguments in made]), calls=calls)
    assert result.calls_ok is right


def test_calls_that_are_not_given_are_not_scored() -> None:
    assert judged(reply()).calls_ok is None


def test_sources_are_citations_cards_and_products_looked_up() -> None:
    cited = Citation("p1", "pages/returns.md", "Returns", "30 days", 0, 7, 0)
    shown = reply(
        citations=[cited], cards=[Card("product", "KIT-0001", "Knife")],
        calls=[ToolCall("product_details", {"sku": "COO-0001"})],
    )  # fmt: skip
    assert sources(shown) == {"returns", "product:kit-0001", "product:coo-0001"}
    assert judged(shown, sources=["returns", "refunds"]).source_recall == 0.5
    assert judged(shown, sources=[["refunds", "product:KIT-0001"]]).source_recall == 1.0
    assert judged(shown).source_recall is None


def results(passes: list[bool], abstains: list[bool]) -> list[CaseResult]:
    found = []
    for number, (answerable, good) in enumerate(
        [*((True, p) for p in passes), *((False, a) for a in abstains)]
    ):
        made = Case.model_validate(
            {
                "id": f"c-{number}",
                "category": "c",
                "split": "test" if number % 2 else "dev",
                "answerable": answerable,
                "turns": [{"say": "?", "must": ["yes"]} if answerable else {"say": "?", "kind": "refuse"}],
            }
        )
        said = reply("yes" if good else "maybe", kind="answer" if answerable or not good else "refuse")
        found.append(CaseResult(made, [judge(made.turns[0], said)]))
    return found


def test_summary_over_all_and_by_split() -> None:
    found = summary(results([True, True, True, False], [True, False]))
    assert found["answerable_pass_rate"] == 0.75
    assert found["unanswerable_abstain_rate"] == 0.5
    assert found["answerable_pass_rate_dev"] == 1.0
    assert found["answerable_pass_rate_test"] == 0.5
    assert found["cases"] == 6
    assert found["cases_dev"] + found["cases_test"] == 6
    assert found["answerable_pass_rate_low"] <= 0.75 <= found["answerable_pass_rate_high"]
    assert found["wrong_facts"] == found["leaks"] == 0


def test_wrong_facts_and_leaks_are_counted_turn_by_turn() -> None:
    made = case()
    bad = (Wrong("price", "1", ""), Wrong("day", "2", ""))
    turn = TurnResult(made.turns[0], reply(), (), None, None, bad, bad[:1])
    found = summary([CaseResult(made, [turn, turn])])
    assert (found["wrong_facts"], found["leaks"]) == (4, 2)


def test_a_state_that_was_not_reached_fails_the_case() -> None:
    made = case()
    turn = judge(made.turns[0], reply())
    assert CaseResult(made, [turn]).passed
    assert not CaseResult(made, [turn], ("the conversation is bot, not waiting",)).passed


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_interval_holds_the_mean_and_stays_in_the_unit(values: list[bool]) -> None:
    low, high = interval(values, draws=300)
    assert 0 <= low <= high <= 1
    if len(set(values)) == 1:
        assert low == high == float(values[0])


def test_the_interval_is_repeatable_and_narrows() -> None:
    few, many = [True, False] * 10, [True, False] * 400
    assert interval(few) == interval(few)
    width = [high - low for low, high in (interval(few), interval(many))]
    assert width[0] > 3 * width[1]
    low, high = interval(many)
    assert low == pytest.approx(0.5 - 0.035, abs=0.01)
    assert high == pytest.approx(0.5 + 0.035, abs=0.01)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_percentiles_lie_within_the_values(values: list[float]) -> None:
    assert min(values) <= percentile(values, 0.5) <= percentile(values, 0.95) <= max(values) * (1 + 1e-9)
    assert percentile(values, 1.0) == max(values)
    assert percentile([], 0.5) == 0.0
