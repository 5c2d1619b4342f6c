"""Judging what the chat suggests, in a real Chromium against the scripted shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Tab
from .scripted_shop import Answer, ScriptedShop

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="to run the browser tests: pip install 'kefu[dev]'"
)
expect = sync_api.expect

pytestmark = pytest.mark.browser

ASKED = "What would you recommend?"
REASON = "Since you looked at Morrow pour-over kettle"


def card(sku: str, title: str, **more: Any) -> dict[str, Any]:
    fields = {"price": "49.90 EUR", "availability": "in stock", "pieces": 23, "category": "Kitchen knives"}
    return {"kind": "product", "id": sku, "title": title, "fields": {**fields, "url": "/demo", **more}}


@pytest.fixture
def suggested(shop: ScriptedShop) -> ScriptedShop:
    """A shop that suggests two products, and shows one that it does not suggest, and an order."""
    order = {"kind": "order", "id": "LL-100234", "title": "LL-100234", "fields": {"state": "shipped"}}
    shop.answers[ASKED] = Answer(
        ["Here you are."],
        cards=[
            card("KIT-0001", "Alder chef's knife 20 cm", reason=REASON),
            card("BED-0010", "Linen pillowcase, oat", reason="Popular this month"),
            card("CTE-0004", "Morrow pour-over kettle"),
            order,
        ],
    )
    return shop


def asked(tab: Tab) -> Tab:
    tab.goto()
    tab.open()
    tab.ask(ASKED)
    return tab


def told(tab: Tab, shop: ScriptedShop, *expected: tuple[str, str]) -> None:
    tab.until(lambda: len(shop.told) >= len(expected))
    assert shop.told == list(expected)


def button(tab: Tab, name: str) -> Any:
    return tab.page.get_by_role("button", name=name, exact=True)


def test_suggestions_alone_say_why_and_can_be_judged(tab: Tab, suggested: ScriptedShop) -> None:
    asked(tab)
    expect(tab.part(".card")).to_have_count(4)
    expect(tab.part(".suggested .card-reason")).to_have_text([REASON, "Popular this month"])
    expect(tab.part(".suggested .judge button:visible")).to_have_count(4)
    expect(tab.part(".judge")).to_have_count(2)
    assert tab.part(".suggested a.product").first.get_attribute("href") == f"{suggested.url}/demo"
    assert "events.js" not in {url.rpartition("/")[2] for url in tab.requests}


def test_not_for_me_is_told_at_once_and_can_be_undone(tab: Tab, suggested: ScriptedShop) -> None:
    asked(tab)
    dislike = button(tab, "Not for me: Alder chef's knife 20 cm")
    expect(dislike).to_have_attribute("aria-pressed", "false")
    dislike.click()
    told(tab, suggested, ("dislike", "KIT-0001"))
    expect(dislike).to_have_attribute("aria-pressed", "true")
    expect(tab.part(".refused")).to_have_count(1)
    expect(tab.part(".refused [role=status]")).to_have_text("Noted.")
    tab.part(".refused .undo").click()
    told(tab, suggested, ("dislike", "KIT-0001"), ("neutral", "KIT-0001"))
    expect(dislike).to_have_attribute("aria-pressed", "false")
    expect(dislike).to_be_focused()
    expect(tab.part(".refused")).to_have_count(0)
    expect(tab.part(".undo:visible")).to_have_count(0)
    assert {token for token, _ in suggested.batches} == set(suggested.sessions)


def test_liking_can_be_turned_round_and_taken_back(tab: Tab, suggested: ScriptedShop) -> None:
    asked(tab)
    like = button(tab, "I like this: Linen pillowcase, oat")
    dislike = button(tab, "Not for me: Linen pillowcase, oat")
    like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    dislike.click()
    expect(like).to_have_attribute("aria-pressed", "false")
    expect(dislike).to_have_attribute("aria-pressed", "true")
    like.click()
    like.click()
    expect(like).to_have_attribute("aria-pressed", "false")
    sku = "BED-0010"
    told(tab, suggested, ("like", sku), ("dislike", sku), ("like", sku), ("neutral", sku))
    expect(tab.part(".judge [role=status]").nth(1)).to_have_text("")


def test_with_the_keyboard(tab: Tab, suggested: ScriptedShop) -> None:
    asked(tab)
    tab.part(".suggested a.product").first.focus()
    tab.page.keyboard.press("Tab")
    expect(button(tab, "I like this: Alder chef's knife 20 cm")).to_be_focused()
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Space")
    told(tab, suggested, ("dislike", "KIT-0001"))
    tab.page.keyboard.press("Tab")
    expect(tab.part(".undo").first).to_be_focused()
    tab.page.keyboard.press("Enter")
    told(tab, suggested, ("dislike", "KIT-0001"), ("neutral", "KIT-0001"))
    expect(button(tab, "Not for me: Alder chef's knife 20 cm")).to_be_focused()


def test_in_chinese(visitor: Callable[..., Tab], suggested: ScriptedShop) -> None:
    tab = visitor(locale="zh-CN")
    asked(tab)
    button(tab, "不适合我：Alder chef's knife 20 cm").click()
    expect(tab.part(".refused .undo")).to_have_text("撤销")
    expect(button(tab, "我喜欢：Linen pillowcase, oat")).to_be_visible()
    tab.part("header .icon-button").first.click()
    tab.part(".entry").get_by_text("English").click()
    expect(button(tab, "Not for me: Alder chef's knife 20 cm")).to_be_visible()
    expect(tab.part(".refused [role=status]")).to_have_text("Noted.")


def test_what_could_not_be_taken_is_not_shown_as_taken(tab: Tab, suggested: ScriptedShop) -> None:
    tab.tolerated = ("Failed to load resource",)
    asked(tab)
    tab.page.evaluate("window.told = []; Kefu.on('error', (it) => told.push(it.code))")
    tab.page.route("**/events.js", lambda route: route.abort())
    dislike = button(tab, "Not for me: Alder chef's knife 20 cm")
    dislike.click()
    expect(tab.part(".refused")).to_have_count(0)
    expect(dislike).to_have_attribute("aria-pressed", "false")
    assert tab.page.evaluate("window.told") == ["network"]
    assert suggested.batches == []


def test_the_next_page_still_offers_to_judge(tab: Tab, suggested: ScriptedShop) -> None:
    asked(tab)
    tab.page.reload()
    button(tab, "Not for me: Alder chef's knife 20 cm").click()
    told(tab, suggested, ("dislike", "KIT-0001"))
