"""What staff may ask about shoppers, over real HTTP, and that nobody else gets in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from conftest import Serve, Server

PROFILE = "/api/staff/customers/C00001/profile"
ALL = (("GET", PROFILE), ("DELETE", PROFILE), ("GET", "/api/staff/retention"))


def told(server: Server, path: str, status: int = 200, method: str = "GET", **headers: str) -> Any:
    answer = server.http.request(method, path, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def look(server: Server, customer: str, *kinds: str) -> dict[str, str]:
    """The shopper's session, in which they did that with the kettle."""
    session = server.session(customer)
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    events = [{"id": f"e-{kind}", "kind": kind, "sku": "KIT-0001-RED", "at": at} for kind in kinds]
    answer = server.http.post("/api/events", headers=session, json={"events": events})
    assert answer.json()["stored"] == len(kinds)
    return session


@pytest.mark.parametrize(("method", "path"), ALL)
def test_without_a_staff_key_only_this_machine_may_ask(server: Server, method: str, path: str) -> None:
    for header in ({"X-Forwarded-For": "203.0.113.9"}, {"Via": "1.1 proxy"}, {"Host": "rebound.example"}):
        error = told(server, path, 403, method, **header)["error"]
        assert "KEFU_STAFF_KEY" in error["hint"]
    told(server, path, 200, method)


@pytest.mark.parametrize(("method", "path"), ALL)
def test_with_one_nobody_gets_in_without_it_not_even_the_shopper(
    serve: Serve, method: str, path: str
) -> None:
    server = serve(staff_key="the key of the staff")
    session = look(server, "C00001", "view")
    for header in (
        {},
        session,
        {"Authorization": "Bearer the key of the stafF"},
        {"Authorization": "Basic eDp5"},
    ):
        answer = server.http.request(method, path, headers=header)
        assert answer.status_code == 401
        assert "Ada" not in answer.text
        assert "KIT" not in answer.text
    assert len(server.app.behaviour.all()) == 1  # nothing was deleted
    told(server, path, 200, method, Authorization="Bearer the key of the staff")


def test_a_profile_holds_what_was_done_a_moment_ago_with_its_evidence(server: Server) -> None:
    session = look(server, "C00001", "view", "like")
    conversation = server.conversation(session)
    server.post(session, conversation, "Do you sell zithers?")
    found = told(server, PROFILE)
    assert (found["customer_id"], found["name"]) == ("C00001", "Ada Example")
    assert found["facts"] == {"orders": 1, "events": 2, "messages": 1}
    assert found["buying"]["spent"] == {"EUR": "23.80"}
    assert found["buying"]["evidence"] == [
        {"kind": "order", "id": "LL-100001", "at": "2026-01-02T00:00:00+00:00", "sku": None, "product": None}
    ]
    kitchen = found["categories"][0]
    assert (kitchen["value"], kitchen["facts"]) == ("Kitchen", 2)
    assert {one["kind"] for one in kitchen["evidence"]} == {"view", "like"}
    assert kitchen["evidence"][0]["product"] == "Kettle"
    assert found["keywords"][0]["word"] == "zithers"
    assert found["risk"]["churn"] is None
    assert "0 of 1 customers came back" in found["risk"]["why"]


def test_deleting_leaves_nothing_of_what_they_did(server: Server) -> None:
    look(server, "C00001", "view", "cart")
    look(server, "C00002", "view")
    told(server, PROFILE)
    gone = told(server, PROFILE, method="DELETE")
    assert gone == {
        "profile": True,
        "events": 2,
        "explored": 0,
        "orders": 1,
        "messages": 0,
        "recommender_knew": True,
    }
    assert [who for who, _ in server.app.behaviour.all()] == ["c00002"]
    assert told(server, PROFILE)["facts"] == {"orders": 1, "events": 0, "messages": 0}
    assert told(server, PROFILE, method="DELETE")["recommender_knew"] is False


@pytest.mark.parametrize(
    "odd",
    ["C99999", "%00", "C00001%00", "a%0Ab", "%FF%FE", "%F0%9F%98%80", "..%2F..%2Fetc", "a%2Fb", "%27%20OR%201=1", "%20", "x" * 300, "%25", "%3Cscript%3E"],
)  # fmt: skip
def test_odd_ids_are_not_found(server: Server, odd: str) -> None:
    for method in ("GET", "DELETE"):
        error = told(server, f"/api/staff/customers/{odd}/profile", 404, method)["error"]
        assert error["code"] == "not_found"
        # An address with a line break in it leads nowhere at all.
        assert error["message"].startswith(
            ("nothing is known of a customer", "there is nothing at this address")
        )
        assert error["message"].isascii()


def test_an_id_with_a_slash_in_it_is_one_all_the_same(server: Server) -> None:
    server.app.behaviour.add("s", "shop/42 ü", [])
    from chatbot.behaviour import Done

    server.app.behaviour.add("s", "shop/42 ü", [Done("e", "KIT-0001", "view", datetime.now(UTC))])
    found = told(server, f"/api/staff/customers/{quote('shop/42 ü', safe='')}/profile")
    assert (found["customer_id"], found["facts"]["events"]) == ("shop/42 ü", 1)


def test_retention_by_month(server: Server) -> None:
    found = told(server, "/api/staff/retention?period=30")
    assert (found["period"], found["as_of"]) == (30, "2026-11-20")
    (cohort,) = found["cohorts"]
    assert (cohort["month"], cohort["customers"]) == ("2026-01", 1)
    assert cohort["periods"][0] == {"customers": 1, "back": 0, "share": 0.0, "low": 0.0, "high": 0.7935}
    assert told(server, "/api/staff/retention")["period"] == 60


@pytest.mark.parametrize("period", ["0", "-3", "4000", "many", "1.5"])
def test_a_period_that_cannot_be_is_named(server: Server, period: str) -> None:
    error = told(server, f"/api/staff/retention?period={period}", 422)["error"]
    assert "'period' of the query" in error["message"]


def test_other_sites_pages_may_not_delete(serve: Serve) -> None:
    """Also where the shop's own pages may ask shoppers' questions."""
    server = serve(allowed_origins=("https://shop.example",))
    preflight = {"Access-Control-Request-Method": "DELETE", "Origin": "https://shop.example"}
    assert server.http.options(PROFILE, headers=preflight).status_code == 400
