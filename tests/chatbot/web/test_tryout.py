"""Staff's page for trying the bot: what it shows of a turn, and the page itself in Chromium."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatbot.conversation import Failed, Sentence
from chatbot.web.trace import Trace

from .conftest import new_tab
from .tryout_server import events


def test_the_trace_fills_as_events_come() -> None:
    trace = Trace()
    *before, done = events("c", "m")
    for event in before:
        trace.take(event)
    assert trace.text == "It costs 6.90 EUR. <b>Bold?</b>"
    assert trace.plan_rows() == [
        [
            "delivery",
            "0.83",
            "en",
            "delivery Austria",
            '{"country": "AT"}',
            'delivery_estimate({"country": "AT"})',
        ]
    ]
    assert [row[1] for row in trace.evidence_rows()] == ["", "", "no_rates"]
    assert trace.summary() == trace.check_rows() == trace.timing_rows() == []
    trace.take(done)
    assert [row[1] for row in trace.evidence_rows()] == ["yes", "", "no_rates"]
    assert ["rung", "quote"] in trace.summary()
    assert trace.check_rows() == [["number not in the evidence", "It is always free."]]
    assert trace.timing_rows() == [["planned", 20.1], ["done", 60.0]]


def test_a_failed_turn_shows_what_the_shopper_sees() -> None:
    trace = Trace()
    trace.take(Sentence("t:1", "It co", 0))
    trace.take(Failed("t:2", "Sorry, something went wrong."))
    assert trace.text == "Sorry, something went wrong."


@pytest.fixture
def served() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    script = Path(__file__).with_name("tryout_server.py")
    process = subprocess.Popen([sys.executable, str(script), str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{url}/made")
                break
            except httpx.TransportError:
                assert process.poll() is None, "the server ended at its start"
                assert time.monotonic() < deadline, "the server did not start in 30 seconds"
                time.sleep(0.1)
        yield url
    finally:
        process.kill()  # there is nothing to be kept
        process.wait()


@pytest.mark.server
@pytest.mark.browser
def test_the_page_shows_what_led_to_an_answer(chromium: Any, served: str) -> None:
    from playwright.sync_api import expect

    url = served
    context = chromium.new_context(viewport={"width": 1440, "height": 1000})
    tab = new_tab(context, url)
    page = tab.page
    page.goto(f"{url}/try", timeout=30_000)
    page.get_by_label("Message", exact=True).fill("<img src=x onerror=window.broken=1>")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("body")).to_contain_text("<b>Bold?</b>")  # as text
    for shown in ("delivery Austria", "Delivery › Costs", "number not in the evidence", "2-abc"):
        expect(page.locator("body")).to_contain_text(shown)
    assert [customer for _, customer in page.request.get(f"{url}/made").json()] == [None]

    page.get_by_label("Customer id").fill("C99999")
    page.get_by_label("Message", exact=True).fill("Where is my order?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("Problem")).to_have_value(
        "There is no customer 'C99999'; the id is that of the import, such as C00001."
    )
    page.get_by_label("Customer id").fill("c00001")
    page.get_by_role("button", name="Send").click()
    # Another customer, another conversation: the first question and its answer are gone, the new answer is there.
    expect(page.locator(".user")).to_have_text([re.compile("Where is my order")])
    expect(page.locator(".bot")).to_have_text([re.compile("Bold")])
    made = page.request.get(f"{url}/made").json()
    assert [customer for _, customer in made] == [None, "C00001"]
    assert all(session.startswith("try-") for session, _ in made)

    assert page.evaluate("window.broken") is None
    policy = page.request.get(f"{url}/try/").headers["content-security-policy"]
    assert "script-src 'self' 'sha256-" in policy
    context.close()
    tab.check()
