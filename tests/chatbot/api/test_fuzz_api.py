"""Schemathesis over the OpenAPI description: what fits it, and what nearly fits it, is answered without a 5xx.

Each request is made twice: as it was drawn, and with ids that exist, so that what lies behind the look-ups is
reached too. Raise ``EXAMPLES`` to look harder.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

EXAMPLES = 5


def test_no_operation_ends_in_a_server_error(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)  # nothing but loopback
    server = serve()
    session = server.session("C00001")
    conversation = server.conversation(session)
    turn = server.post(session, conversation, "hello")[-1]["turn"]["id"]
    known = {
        "conversation_id": conversation,
        "turn_id": turn,
        "sku": "KIT-0001",
        "customer_id": "C00001",
        "passage_id": "returns.md#0",
    }
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    answers: Counter[int] = Counter()
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            answers += _fuzz(operation, mode, session, known)
    assert len(operations) >= 15
    assert sum(answers.values()) > 5 * len(operations)
    # Both what fits and what does not was really sent.
    assert {200, 201, 204, 404, 422} <= set(answers)
    assert server.http.get("/health").status_code == 200


def _fuzz(
    operation: Any, mode: GenerationMode, session: dict[str, str], known: dict[str, str]
) -> Counter[int]:
    """How often each status came back."""
    answers: Counter[int] = Counter()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    def check(case: Any) -> None:
        drawn = dict(case.path_parameters or {})
        existing = {name: known[name] for name in drawn if name in known}
        for parameters in (drawn, {**drawn, **existing}):
            case.path_parameters = parameters
            answer = case.call(headers={**(case.headers or {}), **session}, timeout=20)
            answers[answer.status_code] += 1
            case.validate_response(answer, checks=[not_a_server_error])

    try:
        check()
    except Unsatisfiable:
        # Nothing can be wrong with a request that has neither a body nor a parameter.
        assert mode is GenerationMode.NEGATIVE
    return answers
