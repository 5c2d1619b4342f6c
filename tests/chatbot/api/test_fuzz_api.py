"""Schemathesis over the OpenAPI description: whatever fits it, or nearly fits it, is answered without a 5xx.

The first run's failures are reproduced by Hypothesis's printed example; raise ``EXAMPLES`` to look harder.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error

EXAMPLES = 6


def test_no_operation_ends_in_a_server_error(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    server = serve()
    session = server.session("C00001")
    conversation = server.conversation(session)
    turn = server.post(session, conversation, "hello")[-1]["turn"]["id"]
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        known = {"conversation_id": conversation, "turn_id": turn, "sku": "KIT-0001"}

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
        )
        def call(case: Any, known: dict[str, str] = known) -> None:
            nonlocal tried
            tried += 1
            # Once as drawn, once with ids that exist, so that what lies behind the look-up is reached too.
            for parameters in (case.path_parameters, {**case.path_parameters, **_present(case, known)}):
                case.path_parameters = parameters
                answer = case.call(headers={**session, **(case.headers or {})}, timeout=20)
                case.validate_response(answer, checks=[not_a_server_error])

        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            from hypothesis import given

            given(case=operation.as_strategy(generation_mode=mode))(call)()
    assert tried >= 2 * len(server.http.get("/openapi.json").json()["paths"])


def _present(case: Any, known: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in known.items() if name in (case.path_parameters or {})}
