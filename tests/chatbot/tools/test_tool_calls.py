"""The door through which tools are called: arguments, plug-ins, and tools that break."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Literal

import pytest

from chatbot.conversation import ToolCall, ToolResult, to_json
from chatbot.tools.base import Context, load_tools, run_tool, tool
from configs.errors import ConfigError, InputError, NotFoundError

if TYPE_CHECKING:
    from conftest import World


def weigh(
    context: Context,
    *,
    sku: str,
    unit: Literal["g", "kg"] = "kg",
    precise: bool = False,
    most: float | None = None,
) -> ToolResult:
    """Weigh a product.

    This is for people.
    """
    if sku == "missing":
        raise NotFoundError("no such product")
    if sku == "broken":
        raise ZeroDivisionError
    return ToolResult(ToolCall("weigh"), text=f"{sku} {unit} {precise} {most}")


TOOLS = {"weigh": tool(weigh)}


def test_the_schema_comes_from_signature_and_docstring() -> None:
    assert TOOLS["weigh"].description == "Weigh a product."
    assert TOOLS["weigh"].parameters == {
        "type": "object",
        "properties": {
            "sku": {"type": "string"},
            "unit": {"type": "string", "enum": ["g", "kg"]},
            "precise": {"type": "boolean"},
            "most": {"type": "number"},
        },
        "required": ["sku"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "lacks sku"),
        ({"sku": 3}, "'sku' has 3"),
        ({"sku": "a", "unit": "lb"}, "g, kg"),
        ({"sku": "a", "precise": 1}, "'precise' has 1"),
        ({"sku": "a", "most": True}, "'most' has True"),
        ({"sku": "a", "customer": "C1"}, "unknown argument 'customer'"),
    ],
)
def test_arguments_are_checked(world: World, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run_tool(TOOLS, world.context(), ToolCall("weigh", arguments))


def test_the_result_carries_the_call_as_it_was_made(world: World) -> None:
    call = ToolCall("weigh", {"sku": "a", "most": 3})
    result = run_tool(TOOLS, world.context(), call)
    assert result.call == call
    assert result.text == "a kg False 3"


@pytest.mark.parametrize(("sku", "code"), [("missing", "NotFoundError"), ("broken", "broken")])
def test_a_broken_tool_ends_no_turn(
    world: World, caplog: pytest.LogCaptureFixture, sku: str, code: str
) -> None:
    with caplog.at_level(logging.ERROR):
        result = run_tool(TOOLS, world.context(), ToolCall("weigh", {"sku": sku}))
    assert (result.template, result.error) == ("tool_broken", code)
    assert "weigh" in caplog.text


def test_unknown_tools_and_double_names(world: World) -> None:
    with pytest.raises(InputError, match=r"no tool 'fly'.*weigh"):
        run_tool(TOOLS, world.context(), ToolCall("fly"))
    with pytest.raises(ConfigError, match="two tools are called 'weigh'"):
        load_tools([TOOLS["weigh"], TOOLS["weigh"]])


def test_a_tool_needs_a_docstring_and_json_types() -> None:
    def silent(context: Context) -> ToolResult:
        return ToolResult(ToolCall("silent"))

    def odd(context: Context, *, when: object) -> ToolResult:
        """Odd."""
        return ToolResult(ToolCall("odd"))

    with pytest.raises(ConfigError, match="no docstring"):
        tool(silent)
    with pytest.raises(ConfigError, match="parameter 'when'"):
        tool(odd)


def test_every_builtin_tool_says_what_it_does_and_tells_a_model_when_to_call_it(world: World) -> None:
    assert set(world.tools) >= {
        *("product_search", "product_details", "recommend", "order_status", "order_list"),
        *("return_eligibility", "delivery_estimate", "handoff"),
    }
    writing = {"cancel_order", "change_address", "resend_receipt", "request_return", "request_exchange"}
    assert {item.name for item in world.tools.values() if item.effect == "write"} == writing | {
        "restock_alert",
        "undo_change",
    }
    for item in world.tools.values():
        assert len(item.description) > 30


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("product_search", {"query": "board"}),
    ("product_details", {"sku": "KIT-3"}),
    ("recommend", {"mode": "similar", "sku": "KIT-1"}),
    ("order_status", {}),
    ("order_list", {}),
    ("return_eligibility", {}),
    ("delivery_estimate", {"country": "DE"}),
    ("handoff", {"reason": "requested"}),
]


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_chinese_speaks_chinese_and_the_evidence_stays_english(
    world: World, name: str, arguments: dict[str, Any]
) -> None:
    orders = [world.order("LL-1", "shipped")]
    chinese = world.context(customer=world.anna, language="zh", all_orders=orders)
    english = world.context(customer=world.anna, language="en", all_orders=orders)
    assert world.run(chinese, name, **arguments).text == world.run(english, name, **arguments).text
    assert world.run(english, name, **arguments).text == world.say(english, name, **arguments)
    assert any("\u4e00" <= sign <= "\u9fff" for sign in world.say(chinese, name, **arguments))


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_results_can_be_stored_as_json(world: World, name: str, arguments: dict[str, Any]) -> None:
    context = world.context(customer=world.anna, all_orders=[world.order("LL-1", "shipped")])
    stored = json.loads(json.dumps(to_json(world.run(context, name, **arguments))))
    assert stored["call"] == {"name": name, "arguments": arguments}
