"""POST /api/events: what a shop's page may tell of its shopper, over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Serve, Server


def tell(server: Server, session: dict[str, str], *events: dict[str, Any]) -> Any:
    return server.http.post("/api/events", headers=session, json={"events": list(events)})


def test_a_batch_is_stored_once_under_the_session_and_its_customer(server: Server) -> None:
    session = server.session("C00001")
    batch = (
        {"id": "a", "kind": "view", "sku": "kit-0001"},
        {"id": "b", "kind": "cart", "sku": "KIT-0002", "at": "2099-01-01T00:00:00Z"},
    )
    refused = tell(server, session, *batch)
    assert refused.status_code == 422
    assert "'b'" in refused.json()["error"]["message"]
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    batch[1]["at"] = at
    assert tell(server, session, *batch).json() == {"stored": 2, "unknown": []}
    assert tell(server, session, *batch).json() == {"stored": 0, "unknown": []}
    found = server.app.behaviour.of("another session", "C00001")
    assert [(done.sku, done.kind) for done in found] == [("KIT-0002", "cart"), ("kit-0001", "view")]
    assert server.app.behaviour.of("another session", None) == []


def test_products_that_the_shop_does_not_have_are_named_and_the_rest_is_kept(server: Server) -> None:
    answer = tell(
        server,
        server.session(),
        {"id": "a", "kind": "view", "sku": "NOPE"},
        {"id": "b", "kind": "rating", "sku": "GAR-0001", "stars": 5},
    )
    assert answer.json() == {"stored": 1, "unknown": ["NOPE"]}


@pytest.mark.parametrize(
    "event",
    [
        {"id": "a", "kind": "purchase", "sku": "KIT-0001"},
        {"id": "a", "kind": "returned", "sku": "KIT-0001"},
        {"id": "a", "kind": "rating", "sku": "KIT-0001"},
        {"id": "a", "kind": "view", "sku": "KIT-0001", "stars": 3},
        {"id": "a", "kind": "rating", "sku": "KIT-0001", "stars": 6},
        {"id": "a b", "kind": "view", "sku": "KIT-0001"},
        {"id": "a", "kind": "view", "sku": ""},
        {"id": "a", "kind": "view", "sku": "KIT-0001", "at": "2026-01-01T00:00:00"},
        {"id": "a", "kind": "view", "sku": "KIT-0001", "at": "2001-01-01T00:00:00Z"},
        {"id": "a", "kind": "view", "sku": "KIT-0001", "ago": -1},
        {"id": "a", "kind": "view", "sku": "KIT-0001", "ago": 1e300},
        {"id": "a", "kind": "view", "sku": "KIT-0001", "ago": 1, "at": "2026-11-01T00:00:00Z"},
        {"id": "a", "kind": "neutral", "sku": "KIT-0001", "stars": 3},
        {"id": "a", "kind": "view", "sku": "KIT-0001", "customer_id": "C00001"},
    ],
)
def test_what_a_page_may_not_tell_is_refused_and_nothing_is_kept(
    server: Server, event: dict[str, Any]
) -> None:
    answer = tell(server, server.session(), {"id": "fine", "kind": "view", "sku": "KIT-0002"}, event)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
    assert server.app.behaviour.all() == []


def test_what_is_taken_back_in_the_same_batch_is_gone(server: Server) -> None:
    session = server.session()
    kinds = ("cart", "uncart", "dislike", "neutral", "like")
    batch = [{"id": f"z{9 - n}", "kind": kind, "sku": "KIT-0001"} for n, kind in enumerate(kinds)]
    assert tell(server, session, *batch).json() == {"stored": 5, "unknown": []}
    assert [(who[:8], done.kind) for who, done in server.app.behaviour.all()] == [("session:", "like")]


def test_a_page_may_say_how_long_ago_it_was(server: Server) -> None:
    before = datetime.now(UTC)
    batch = [
        {"id": "a", "kind": "view", "sku": "KIT-0002"},
        {"id": "b", "kind": "view", "sku": "KIT-0001", "ago": 3600.5},
    ]
    assert tell(server, server.session("C00001"), *batch).json()["stored"] == 2
    earlier, later = server.app.behaviour.of("another session", "C00001")
    assert (earlier.sku, later.sku) == ("KIT-0001", "KIT-0002")
    assert later.at - earlier.at == timedelta(seconds=3600.5) - timedelta(microseconds=1)
    assert later.at >= before


def test_a_batch_has_an_end(server: Server) -> None:
    session = server.session()
    many = [{"id": f"e{n}", "kind": "view", "sku": "KIT-0001"} for n in range(51)]
    assert tell(server, session, *many).status_code == 422
    assert tell(server, session, *many[:50]).json()["stored"] == 50
    assert tell(server, session).status_code == 422


def test_without_a_session_there_is_nobody_whose_events_they_could_be(server: Server) -> None:
    assert tell(server, {}, {"id": "a", "kind": "view", "sku": "KIT-0001"}).status_code == 401


def test_too_many_batches_are_told_to_wait(serve: Serve) -> None:
    server = serve(event_batches_per_minute=3)
    session = server.session()
    answers = [tell(server, session, {"id": f"e{n}", "kind": "view", "sku": "KIT-0001"}) for n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["Retry-After"]) > 0
    assert tell(server, server.session(), {"id": "e9", "kind": "view", "sku": "KIT-0001"}).status_code == 200
