"""Health, readiness, metrics, documentation, headers, origins, and who counts as staff."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families


def test_health_and_readiness(server: Any) -> None:
    assert server.http.get("/health").json()["status"] == "ok"
    assert server.http.get("/ready").json() == {
        "ready": True,
        "database": "up",
        "index": "up",
        "engine": "up",
        "simulated": True,
    }


def test_without_the_engine_it_is_ready_all_the_same(server: Any) -> None:
    server.app.engine.ready = False
    answer = server.http.get("/ready")
    assert answer.status_code == 200
    assert answer.json()["engine"] == "down"


def test_without_an_index_it_is_not_ready(server: Any) -> None:
    server.app.search.__class__ = type("Empty", (), {"version": ""})
    answer = server.http.get("/ready")
    assert answer.status_code == 503
    assert (answer.json()["ready"], answer.json()["index"]) == (False, "down")


def test_metrics_count_turns_and_requests(server: Any) -> None:
    session = server.session()
    conversation = server.conversation(session)
    server.post(session, conversation, "hello")
    server.post(session, conversation, "fail please")
    server.http.get("/api/nothing")
    answer = server.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert values["kefu_turns_total", "answer", "en", "quote"] == 1
    assert values["kefu_turn_failures_total",] == 1
    assert values["kefu_turn_seconds_count", "quote"] == 1
    assert values["kefu_first_sentence_seconds_count", "quote"] == 1
    assert values["kefu_turns_running",] == 0
    assert values["kefu_engine_up", "scripted"] == 1
    posts = "/api/conversations/{conversation_id}/messages"
    assert values["kefu_http_requests_total", *sorted(("POST", posts, "200"))] == 2
    assert values["kefu_http_requests_total", *sorted(("GET", "other", "404"))] == 1
    assert conversation not in answer.text


def test_docs_ask_no_other_host(server: Any) -> None:
    page = server.http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]

    class Links(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in {"script", "link", "img", "iframe", "object"}
            self.found += [str(value) for name, value in attrs if name in {"href", "src", "action"}]

    links = Links()
    links.feed(page.text)
    assert all(link.startswith("#") or link == "openapi.json" for link in links.found)
    assert "@import" not in page.text
    assert "url(" not in page.text


def test_docs_describe_every_operation(server: Any) -> None:
    page, openapi = server.http.get("/docs").text, server.http.get("/openapi.json").json()
    for path, methods in openapi["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in methods.values():
            assert operation["summary"] in page.replace("&#x27;", "'")
            assert operation["operationId"] in page
    assert "Needs the bearer token of: session" in page
    assert re.search(r"curl -N http.*/api/conversations/\{conversation_id\}/messages", page)


def test_errors_are_described(server: Any) -> None:
    openapi = server.http.get("/openapi.json").json()
    reference = {"$ref": "#/components/schemas/ErrorBody"}
    for methods in openapi["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status.startswith("4"):
                    assert answer["content"]["application/json"]["schema"] == reference


def test_headers(server: Any) -> None:
    answer = server.http.get("/api/shop", headers={"X-Request-ID": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    for odd in ("a b", "x" * 65, "<script>"):
        given = server.http.get("/health", headers={"X-Request-ID": odd}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{16}", given)


def test_only_the_shops_pages_may_ask_from_elsewhere(serve: Any) -> None:
    server = serve(allowed_origins=("https://shop.example",))
    for path in ("/api/shop", "/api/nothing"):
        own = server.http.get(path, headers={"Origin": "https://shop.example"})
        assert own.headers["access-control-allow-origin"] == "https://shop.example"
        foreign = server.http.get(path, headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in foreign.headers
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    own = server.http.options("/api/sessions", headers={**preflight, "Origin": "https://shop.example"})
    assert own.status_code == 200
    assert "access-control-allow-credentials" not in own.headers
    foreign = server.http.options("/api/sessions", headers={**preflight, "Origin": "https://evil.example"})
    assert foreign.status_code == 400


@pytest.mark.parametrize("path", ["/metrics", "/v1/models"])
def test_without_a_staff_key_only_this_machine_is_staff(server: Any, path: str) -> None:
    assert server.http.get(path).status_code == 200
    for header in (
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"Host": "rebound.example"},
    ):
        answer = server.http.get(path, headers=header)
        assert answer.status_code == 403, header
        assert "KEFU_STAFF_KEY" in answer.json()["error"]["hint"]


@pytest.mark.parametrize("path", ["/metrics", "/v1/models"])
def test_with_a_staff_key_everybody_needs_it(serve: Any, path: str) -> None:
    server = serve(staff_key="the key of the staff")
    assert server.http.get(path).status_code == 401
    wrong = server.http.get(path, headers={"Authorization": "Bearer the key of the stafF"})
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (401, "the staff key is wrong")
    for header in ({}, {"X-Forwarded-For": "203.0.113.9"}):
        right = server.http.get(path, headers={"Authorization": "Bearer the key of the staff", **header})
        assert right.status_code == 200
