"""The widget in a real Chromium, against the scripted shop: talking, sources, people, words."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from .conftest import Tab
from .scripted_shop import (
    AUSTRIA,
    DELIVERY,
    TWO_SENTENCES,
    Answer,
    ScriptedShop,
    citation,
    sources,
)

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="to run the browser tests: pip install 'kefu[dev]'"
)
expect = sync_api.expect

pytestmark = pytest.mark.browser


def test_nothing_is_loaded_or_stored_before_the_shopper_acts(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto()
    assert [url for url in tab.requests if "/widget/" in url or "/api/" in url] == []
    tab.open()
    expect(tab.part(".greeting")).to_have_text("Hello, how can we help?")
    assert not any(path.startswith(("/api/sessions", "/api/conversations")) for _, path in shop.asked)
    assert tab.stored() == {}
    tab.ask("Hello")
    assert list(tab.stored()) == ["kefu:pub_demo"]


def test_sentences_appear_as_they_come(tab: Tab, shop: ScriptedShop) -> None:
    gate = threading.Event()
    shop.answers["Austria?"] = Answer(TWO_SENTENCES, gate=gate)
    tab.goto()
    tab.open()
    tab.send("Austria?")
    expect(tab.part(".mine")).to_contain_text("Austria?")
    expect(tab.part(".sentence")).to_have_text([TWO_SENTENCES[0]])
    expect(tab.part(".typing")).to_be_visible()
    gate.set()
    expect(tab.part(".sentence")).to_have_text([TWO_SENTENCES[0], TWO_SENTENCES[1]])
    expect(tab.part(".typing")).to_be_hidden()
    assert shop.posted == ["Austria?"]


def test_a_source_opens_with_the_quoted_span_marked(tab: Tab, shop: ScriptedShop) -> None:
    shop.answers["Austria?"] = Answer(TWO_SENTENCES, sources())
    tab.goto()
    tab.open()
    tab.ask("Austria?")
    expect(tab.part(".chip")).to_have_count(1)  # one page, cited twice
    expect(tab.part(".mark-number")).to_have_text(["1", "1"])  # two spans that do not touch
    tab.part(".chip").click()
    # An emoji before the span: Python counts it as one character, JavaScript as two.
    expect(tab.part(".sheet mark")).to_have_text(AUSTRIA)
    expect(tab.part(".sheet th")).to_have_text(["Country", "Price"])
    href = tab.part(".sheet-foot a").get_attribute("href")
    assert href.startswith(f"{shop.url}/pages/delivery#:~:text=Delivery%20to%20Austria")
    tab.page.keyboard.press("Escape")
    expect(tab.part(".sheet")).to_be_hidden()
    expect(tab.part(".chip")).to_be_focused()
    tab.part(".mark-number").nth(1).click()
    expect(tab.part(".sheet mark")).to_have_text("Express delivery arrives on the next working day.")


def test_a_source_that_is_gone_still_shows_its_quote(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = ("Failed to load resource",)
    shop.answers["Austria?"] = Answer(TWO_SENTENCES, sources())
    tab.goto()
    tab.open()
    tab.ask("Austria?")
    shop.passages.clear()
    tab.part(".chip").click()
    expect(tab.part(".sheet mark")).to_have_text(AUSTRIA)
    expect(tab.part(".sheet")).to_contain_text("no longer there")


def test_cards_and_quick_replies(tab: Tab, shop: ScriptedShop) -> None:
    knife = {
        "price": "29.90 EUR",
        "availability": "only 3 pieces left",
        "pieces": 3,
        "category": "Knives",
        "url": "/demo",
    }
    order = {
        "state": "shipped",
        "status": "on its way",
        "placed": "28 October 2026",
        "total": "87.40 EUR",
        "eta": "3 November",
    }
    cards = [
        {"kind": "product", "id": "KIT-0002", "title": "Flint chef's knife", "fields": knife},
        {"kind": "order", "id": "LL-100234", "title": "LL-100234", "fields": order},
    ]
    shop.answers["Show me"] = Answer(["Here they are."], cards=cards, quick_replies=["Compare them"])
    tab.goto()
    tab.open()
    tab.ask("Show me")
    expect(tab.part(".card.product")).to_contain_text("29.90 EUR")
    assert tab.part("a.card").get_attribute("href") == f"{shop.url}/demo"
    expect(tab.part(".card.order")).to_contain_text("Order LL-100234")
    expect(tab.part(".step.reached")).to_have_count(3)
    tab.part(".quick-replies .quick").click()
    expect(tab.part(".answer").nth(1)).to_contain_text("You said: Compare them")
    expect(tab.part(".quick-replies")).to_have_count(0)


def test_a_person_is_one_tap_away(tab: Tab, shop: ScriptedShop) -> None:
    shop.answers["Talk to a person"] = Answer(["Of course."], kind="handoff")
    tab.goto()
    tab.open()
    tab.part(".person").click()
    expect(tab.part(".handover")).to_contain_text("Your conversation goes to a colleague")
    expect(tab.part(".subtitle")).to_have_text("Waiting for a colleague")


def test_feedback_with_a_comment(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto()
    tab.open()
    tab.ask("Hello")
    tab.part("[data-rating=down]").click()
    tab.part(".comment input").fill("It is wrong.")
    tab.part(".comment input").press("Enter")
    expect(tab.part(".comment")).to_have_count(0)
    expect(tab.part("[data-rating=down]")).to_have_attribute("aria-pressed", "true")
    assert shop.feedback == [
        {"turn": "turn-1", "rating": "down"},
        {"turn": "turn-1", "rating": "down", "comment": "It is wrong."},
    ]


def test_start_again(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto()
    tab.open()
    tab.ask("One")
    tab.part("header .icon-button").first.click()
    tab.part(".entry").get_by_text("Start again").click()
    expect(tab.part(".mine")).to_have_count(0)
    tab.ask("Two")
    assert len(shop.sessions) == 1
    assert len(shop.conversations) == 2


def test_chinese(visitor: Callable[..., Tab], shop: ScriptedShop) -> None:
    tab = visitor(locale="zh-CN")
    tab.goto()
    expect(tab.part(".launcher")).to_have_attribute("aria-label", "打开客服对话")
    tab.open()
    expect(tab.part(".greeting")).to_have_text("您好，有什么可以帮您？")
    expect(tab.part(".panel")).to_have_attribute("lang", "zh-Hans")
    tab.ask("你好")
    assert shop.conversations["conversation-1"]["locale"] == "zh"
    tab.part("header .icon-button").first.click()
    tab.part(".entry").get_by_text("English").click()
    expect(tab.part(".greeting")).to_have_text("Hello, how can we help?")
    expect(tab.part("textarea")).to_have_attribute("placeholder", "Ask about products, orders, delivery …")
    tab.page.reload()
    expect(tab.part(".greeting")).to_have_text("Hello, how can we help?")


def test_enter_that_chooses_a_word_of_an_input_method_does_not_send(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto()
    tab.open()
    tab.part("textarea").fill("ni hao")
    composing = "(box) => box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    tab.part("textarea").evaluate(composing)
    tab.part("textarea").press("Shift+Enter")
    assert tab.part("textarea").input_value() == "ni hao\n"
    assert shop.posted == []


def test_the_shops_page_hears_events_and_can_prefill(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto()
    tab.page.evaluate("""() => {
        window.heard = [];
        for (const name of ['open', 'message', 'reply', 'close']) Kefu.on(name, () => heard.push(name));
        Kefu.on('open', () => { throw new Error('a faulty handler'); });
        Kefu.setContext({product: {name: 'Alder knife'}});
        return Kefu.open('Is it sharp?');
    }""")
    tab.tolerated = ("page error: a faulty handler",)
    expect(tab.part("textarea")).to_have_value("Is it sharp?")
    expect(tab.part(".suggestions")).to_contain_text("Is Alder knife in stock?")
    assert shop.posted == []
    tab.part("textarea").press("Enter")
    expect(tab.part(".answer")).to_contain_text("You said: Is it sharp?")
    tab.page.evaluate("Kefu.close()")
    expect(tab.part(".panel")).to_be_hidden()
    assert tab.page.evaluate("window.heard") == ["open", "message", "reply", "close"]


def test_sentences_that_quote_one_span_after_the_other_share_a_number(tab: Tab, shop: ScriptedShop) -> None:
    first = "Express delivery arrives on the next working day."
    spans = [first, "- Orders have to be placed before 14:00."]
    cited = [citation("delivery", DELIVERY, quote, index) for index, quote in enumerate(spans)]
    shop.answers["Express?"] = Answer([first, "\nOrders have to be placed before 14:00."], cited)
    tab.goto()
    tab.open()
    tab.ask("Express?")
    expect(tab.part(".mark-number")).to_have_text(["1"])
    expect(tab.part(".sentence").nth(1).locator(".mark-number")).to_be_visible()
    tab.part(".mark-number").click()
    expect(tab.part(".sheet mark")).to_have_text([first, "Orders have to be placed before 14:00."])


def test_a_stored_answer_alone_is_cited_by_its_quotes(tab: Tab, shop: ScriptedShop) -> None:
    shop.answers["Austria?"] = Answer(
        [AUSTRIA, " Express delivery arrives on the next working day."], sources()
    )
    tab.goto()
    tab.open()
    tab.ask("Austria?")
    tab.page.reload()
    expect(tab.part(".sentence").nth(0).locator(".mark-number")).to_have_text("1")
    expect(tab.part(".sentence").nth(1).locator(".mark-number")).to_have_text("1")
    expect(tab.part(".chip")).to_have_count(1)


def test_messages_written_at_once_arrive_in_their_order(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto()
    tab.open()
    texts = [f"Message {number}" for number in range(8)]
    for text in texts:
        tab.send(text)
    tab.part(".toolbar").nth(7).wait_for()
    assert shop.posted == texts
    expect(tab.part(".mine p")).to_have_text(texts)
    shown = [node.inner_text() for node in tab.part(".mine p, .sentence").all()]
    assert shown == [part for text in texts for part in (text, f"You said: {text}")]


def test_messages_are_kept_for_the_person_who_has_the_conversation(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto()
    tab.open()
    tab.ask("Hello")
    shop.conversations["conversation-1"]["status"] = "person"
    tab.send("Are you a person?")
    expect(tab.part(".mine").last).to_contain_text("Delivered. A colleague will answer.")
    expect(tab.part(".subtitle")).to_have_text("A colleague is here")
    expect(tab.part(".typing")).to_be_hidden()
    tab.page.reload()
    expect(tab.part(".mine").last).to_contain_text("Are you a person?")
    expect(tab.part(".mine").last).to_contain_text("Delivered. A colleague will answer.")
    expect(tab.part(".subtitle")).to_have_text("A colleague is here")
    assert shop.posted == ["Hello", "Are you a person?"]
