"""The widget in a real Chromium, against the scripted shop: reloads, identities, sessions and broken connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from .conftest import Tab
from .scripted_shop import (
    AUSTRIA,
    TWO_SENTENCES,
    Answer,
    ScriptedShop,
    identity_token,
    shop_page,
    sources,
)

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="to run the browser tests: pip install 'kefu[dev]'"
)
expect = sync_api.expect

pytestmark = pytest.mark.browser


def test_a_reload_keeps_the_conversation(tab: Tab, shop: ScriptedShop) -> None:
    shop.answers["Austria?"] = Answer(TWO_SENTENCES, sources())
    tab.goto()
    tab.open()
    tab.ask("Austria?")
    tab.page.reload()
    expect(tab.part(".panel")).to_be_visible()  # it was open
    expect(tab.part(".mine")).to_contain_text("Austria?")
    expect(tab.part(".answer .text")).to_contain_text("Express takes one working day.")
    tab.part(".chip").click()
    expect(tab.part(".sheet mark")).to_have_text(AUSTRIA)
    tab.page.keyboard.press("Escape")
    tab.ask("And Poland?")
    assert len(shop.conversations) == 1
    assert len(shop.sessions) == 1


def test_a_message_on_its_way_survives_a_reload(tab: Tab, shop: ScriptedShop) -> None:
    gate = threading.Event()
    shop.answers["Austria?"] = Answer(TWO_SENTENCES, gate=gate)
    tab.goto()
    tab.open()
    tab.send("Austria?")
    expect(tab.part(".sentence")).to_have_count(1)
    tab.page.reload()
    expect(tab.part(".mine")).to_have_count(1)
    gate.set()
    expect(tab.part(".answer .text")).to_have_text("".join(TWO_SENTENCES))
    assert len(shop.turns) == 1


def test_another_customer_starts_a_clean_conversation(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto("/demo")
    tab.open()
    tab.ask("I am nobody yet")
    tab.page.get_by_label("Signed in as").select_option("C00001")
    expect(tab.part(".mine")).to_have_count(0)
    tab.ask("Where is my order?")
    assert list(shop.sessions.values()) == [None, "C00001"]
    tab.part("header .icon-button").first.click()
    expect(tab.part(".account")).to_have_text("Signed in as Mira Castellan")
    tab.page.keyboard.press("Escape")

    tab.page.reload()  # the page signs the same customer in again: the conversation goes on
    expect(tab.part(".mine")).to_contain_text("Where is my order?")
    tab.ask("And now?")
    assert len(shop.sessions) == 2

    tab.page.get_by_label("Signed in as").select_option("C00002")
    expect(tab.part(".mine")).to_have_count(0)
    tab.ask("Hello")
    tab.page.get_by_label("Signed in as").select_option("")
    expect(tab.part(".mine")).to_have_count(0)
    assert tab.page.evaluate("localStorage.length") == 0
    assert list(shop.sessions.values()) == [None, "C00001", "C00002"]


def test_an_answer_to_the_one_before_never_reaches_the_next_customer(tab: Tab, shop: ScriptedShop) -> None:
    gate = threading.Event()
    shop.answers["My order?"] = Answer(["Your order", " is on its way."], gate=gate)
    tab.goto("/demo")
    tab.open()
    tab.send("My order?")
    expect(tab.part(".sentence")).to_have_count(1)
    tab.page.get_by_label("Signed in as").select_option("C00002")
    expect(tab.part(".mine")).to_have_count(0)
    gate.set()
    tab.ask("And mine?")
    expect(tab.part(".sentence")).to_have_text(["You said: And mine?"])
    expect(tab.part(".typing")).to_be_hidden()


# --- what the page says while the chat loads ---


@contextmanager
def loading(tab: Tab, begin: Callable[[], object]) -> Iterator[None]:
    """The chat loads, and waits for its words as long as the block lasts."""
    held = []
    tab.page.route("**/words.*.js", lambda route: held.append(route))
    begin()
    tab.until(lambda: bool(held))
    assert len(held) == 1
    expect(tab.part(".panel")).to_have_count(0)
    yield
    held[0].continue_()
    expect(tab.part(".panel")).to_be_visible()


def test_who_signs_in_while_the_chat_loads_is_signed_in(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto()
    tab.open()
    tab.ask("I am nobody yet")
    with loading(tab, tab.page.reload):  # a chat that was open loads by itself
        tab.page.evaluate("(token) => Kefu.identify(token)", identity_token("C00001"))
        tab.page.evaluate("() => Kefu.setContext({product: {name: 'Alder knife'}})")
    expect(tab.part(".suggestions")).to_contain_text("Is Alder knife in stock?")
    expect(tab.part(".mine")).to_have_count(0)
    tab.ask("Where is my order?")
    assert list(shop.sessions.values()) == [None, "C00001"]


@pytest.mark.parametrize("script", ["", "data-events"])
def test_another_customer_while_the_chat_loads_is_the_one(tab: Tab, shop: ScriptedShop, script: str) -> None:
    shop.pages["one"] = shop_page(script=script)
    tab.goto("/shop/one")
    tab.page.evaluate("(token) => Kefu.identify(token)", identity_token("C00001"))
    with loading(tab, tab.part(".launcher").click):
        tab.page.evaluate("(token) => Kefu.identify(token)", identity_token("C00002"))
    tab.ask("Where is my order?")
    assert list(shop.sessions.values()) == ["C00002"]


@pytest.mark.parametrize("script", ["", "data-events"])
@pytest.mark.parametrize("then", [None, "C00002"])
def test_who_signs_out_while_the_chat_loads_is_signed_out(
    tab: Tab, shop: ScriptedShop, script: str, then: str | None
) -> None:
    shop.pages["one"] = shop_page(script=script)
    tab.goto("/shop/one")
    tab.page.evaluate("(token) => Kefu.identify(token)", identity_token("C00001"))
    tab.open()
    tab.ask("Where is my order?")
    with loading(tab, tab.page.reload):
        tab.page.evaluate("() => Kefu.reset()")
        assert tab.stored() == {}
        if then:
            tab.page.evaluate("(token) => Kefu.identify(token)", identity_token(then))
    expect(tab.part(".mine")).to_have_count(0)
    tab.ask("Hello")
    assert list(shop.sessions.values()) == ["C00001", then]


# --- sessions and connections that end ---


def test_an_expired_identity_leaves_a_guest_and_tells_the_shop(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = ("Failed to load resource",)
    tab.goto()
    tab.page.evaluate("window.told = []; Kefu.on('identity_expired', (it) => told.push(it.message))")
    tab.page.evaluate("(token) => Kefu.identify(token)", identity_token("C00001", expired=True))
    tab.open()
    tab.ask("Hello")
    assert list(shop.sessions.values()) == [None]
    assert tab.page.evaluate("window.told") == ["the identity token has expired"]


def test_a_lost_session_is_renewed_silently(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = ("Failed to load resource",)
    tab.goto()
    tab.open()
    tab.ask("One")
    shop.sessions.clear()
    tab.ask("Two")
    expect(tab.part(".mine")).to_have_count(2)
    expect(tab.part(".unsent")).to_have_count(0)
    expect(tab.part(".answer").nth(1)).to_contain_text("You said: Two")


def test_a_broken_connection_is_resumed_without_a_lost_or_doubled_sentence(
    tab: Tab, shop: ScriptedShop
) -> None:
    shop.answers["Austria?"] = Answer([*TWO_SENTENCES, " That is all."], break_after=2)
    tab.goto()
    tab.open()
    tab.ask("Austria?")
    expect(tab.part(".sentence")).to_have_text([*TWO_SENTENCES, " That is all."])
    assert ("GET", "/api/conversations/conversation-1/events") in shop.asked
    assert shop.posted == ["Austria?"]


def test_too_many_messages_are_counted_down_and_sent_again(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = ("Failed to load resource",)
    shop.refuse("/messages", 429, {"Retry-After": "1"})
    tab.goto()
    tab.open()
    tab.send("Hello")
    expect(tab.part(".notice")).to_contain_text("You can send again in 1 seconds.")
    expect(tab.part(".unsent")).to_contain_text("Not sent.")
    tab.part(".unsent button").click()
    expect(tab.part(".answer")).to_contain_text("You said: Hello")
    expect(tab.part(".unsent")).to_have_count(0)


def test_a_refused_message_says_why(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = ("Failed to load resource",)
    shop.refuse("/messages", 422)
    tab.goto()
    tab.open()
    tab.send("Hello")
    expect(tab.part(".unsent")).to_have_text("not now")
    expect(tab.part(".typing")).to_be_hidden()


def test_what_is_written_offline_goes_out_once_when_the_connection_is_back(
    tab: Tab, shop: ScriptedShop
) -> None:
    tab.tolerated = ("Failed to load resource",)
    tab.goto()
    tab.open()
    tab.ask("One")
    tab.page.context.set_offline(True)
    tab.send("Two")
    expect(tab.part(".notice")).to_contain_text("You are offline.")
    tab.page.context.set_offline(False)
    expect(tab.part(".answer").nth(1)).to_contain_text("You said: Two")
    expect(tab.part(".notice")).to_be_hidden()
    assert shop.posted == ["One", "Two"]
