"""What the widget tells of the shop's pages, in a real Chromium against the scripted shop. The pages' clock is the test's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Tab
from .scripted_shop import ScriptedShop, identity_token, shop_page

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="to run the browser tests: pip install 'kefu[dev]'"
)
expect = sync_api.expect

pytestmark = pytest.mark.browser

KNIFE = '<meta name="kefu:product" content="KIT-0001">'
NETWORK_TROUBLE = ("Failed to load resource",)


def visit(tab: Tab, shop: ScriptedShop, html: str, name: str = "one") -> None:
    """Open a page whose clock only goes on when the test lets it."""
    if not shop.pages:
        tab.stop_clock()
    shop.pages[name] = html
    tab.goto(f"/shop/{name}")


def track(tab: Tab, *calls: tuple[Any, ...]) -> None:
    tab.page.evaluate("(calls) => { for (const call of calls) Kefu.track(...call); }", calls)


def told(tab: Tab, shop: ScriptedShop, *expected: tuple[str, str]) -> None:
    """All of this has been told within a second, and nothing else."""
    tab.let_pass(1)
    tab.until(lambda: len(shop.told) >= len(expected))
    assert shop.told == list(expected)


def sooner_or_later(tab: Tab, condition: Callable[[], bool]) -> None:
    """However long the page wants to wait before."""
    for _ in range(120):
        if condition():
            return
        tab.let_pass(1)
        tab.page.wait_for_timeout(20)


def loaded(tab: Tab) -> list[str]:
    return [url.removeprefix(tab.own) for url in tab.requests if "/widget/" in url or "/api/" in url]


# --- only what the shop allows ------------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["", "data-events='false'", "data-events=no"])
def test_without_the_shops_word_nothing_is_sent_loaded_or_stored(
    tab: Tab, shop: ScriptedShop, script: str
) -> None:
    visit(tab, shop, shop_page(KNIFE, script=script))
    track(tab, ("view", "KIT-0001"), ("cart", "KIT-0001"), ("nonsense",))
    tab.let_pass(120)
    tab.page.evaluate("document.querySelector('script').dataset.site = 'another attribute'")
    tab.let_pass(120)
    assert loaded(tab) == []
    assert shop.batches == []
    assert tab.stored() == {}


def test_with_it_the_pages_product_is_seen_and_the_chat_is_not_loaded(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page(KNIFE))
    told(tab, shop, ("view", "KIT-0001"))
    tab.let_pass(60)
    assert len(shop.batches) == 1
    names = {url.rpartition("/")[2] for url in loaded(tab)}
    assert names == {"events.js", "memory.js", "product.js", "session.js", "sessions", "events"}
    assert list(tab.stored()) == ["kefu:pub_demo"]


def test_the_word_may_be_given_and_taken_back_while_the_page_is_open(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page(KNIFE, script=""))
    tab.page.evaluate("document.querySelector('script').dataset.events = ''")
    told(tab, shop, ("view", "KIT-0001"))
    track(tab, ("cart", "KIT-0001"))
    tab.page.evaluate("delete document.querySelector('script').dataset.events")
    track(tab, ("like", "KIT-0001"))
    told(tab, shop, ("view", "KIT-0001"))
    assert tab.stored() == {}
    tab.page.evaluate("document.querySelector('script').dataset.events = ''")
    track(tab, ("like", "CTE-0004"))
    told(tab, shop, ("view", "KIT-0001"), ("like", "CTE-0004"))


# --- what is told -------------------------------------------------------------------------------------------


def ld(*blocks: Any) -> str:
    return "".join(f'<script type="application/ld+json">{json.dumps(block)}</script>' for block in blocks)


KETTLE = {
    "@context": "https://schema.org",
    "@type": "Product",
    "sku": "CTE-0004",
    "isRelatedTo": [{"@type": "Product", "sku": "BED-0010"}],
}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (ld(KETTLE), "CTE-0004"),
        (ld([{"@type": "BreadcrumbList"}, KETTLE]), "CTE-0004"),
        (ld({"@graph": [{"@type": "WebPage"}, {**KETTLE, "@type": ["Thing", "Product"]}]}), "CTE-0004"),
        (
            ld({"@type": "WebPage", "mainEntity": {**KETTLE, "@type": "http://schema.org/Product"}}),
            "CTE-0004",
        ),
        (ld(KETTLE, KETTLE), "CTE-0004"),
        (ld(KETTLE) + KNIFE, "KIT-0001"),
        ('<script type="application/ld+json">{no json</script>' + ld(KETTLE), "CTE-0004"),
        (ld(KETTLE, {"@type": "Product", "sku": "BED-0010"}), None),
        (ld({"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": KETTLE}]}), None),
        (ld({"@type": "Product", "name": "A kettle"}, None, 3, "text"), None),
        ('<meta name="kefu:product" content=" ">', None),
    ],
)
def test_which_product_the_page_is_about(
    tab: Tab, shop: ScriptedShop, head: str, expected: str | None
) -> None:
    visit(tab, shop, shop_page(head))
    track(tab, ("cart", "BED-0010"))  # what is told after the page's own product
    told(tab, shop, *([("view", expected)] if expected else []), ("cart", "BED-0010"))


def test_what_is_told_together_goes_out_together_in_its_order(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page())
    calls = [
        ("view", "KIT-0001"), ("cart", " KIT-0001 "), ("uncart", "KIT-0001"), ("like", "CTE-0004"),
        ("dislike", "BED-0010"), ("neutral", "BED-0010"), ("rating", "CTE-0004", {"stars": 5}),
    ]  # fmt: skip
    track(tab, *calls)
    told(tab, shop, *((kind, sku.strip()) for kind, sku, *_ in calls))
    [(_, batch)] = shop.batches
    ago = [event["ago"] for event in batch]
    assert ago == sorted(ago, reverse=True)
    assert len(set(ago)) == len(ago)
    assert ago[-1] >= 0
    assert [event.get("stars") for event in batch] == [None] * 6 + [5]
    assert len({event["id"] for event in batch}) == 7


def test_more_than_a_batch_goes_out_in_several(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page())
    track(tab, *[("view", "KIT-0001")] * 120)
    told(tab, shop, *[("view", "KIT-0001")] * 120)
    assert sorted(len(batch) for _, batch in shop.batches) == [20, 50, 50]


def test_a_wrong_call_is_explained_and_breaks_nothing(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = ("Kefu.track(",)
    visit(tab, shop, shop_page())
    stars = {"stars": 5}
    wrong = [
        ("buy", "KIT-0001"), ("cart", ""), ("cart", "  "), ("cart",), ("cart", None), ("cart", {"sku": "KIT-0001"}),
        ("cart", "x" * 201), ("cart", "a\0b"), ("rating", "KIT-0001"), ("rating", "KIT-0001", {"stars": 6}),
        ("rating", "KIT-0001", None), ("like", "KIT-0001", stars), (), ("like", "\ud800"),
    ]  # fmt: skip
    # A lone half of a pair cannot travel to the page as it is.
    tab.page.evaluate("() => Kefu.track('like', '\\ud800')")
    track(tab, *wrong[:-1], ("view", 7), ("like", "KIT-0001"))
    told(tab, shop, ("like", "KIT-0001"))
    errors = [text for text in tab.problems if text.startswith("Kefu.track(")]
    assert len(errors) == len(wrong)
    assert all("expected" in text for text in errors)
    assert "Kefu.track(buy, KIT-0001): expected one of view, cart, uncart, like, dislike, rating" in errors[1]
    assert "expected the product's SKU" in errors[2]
    assert "{stars: 1 to 5}" in errors[9]
    tab.tolerated += ("kefu: the shop has no product 7;",)


def test_products_that_the_shop_does_not_have_are_named_once(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = ("kefu: the shop has no product",)
    visit(tab, shop, shop_page('<meta name="kefu:product" content="OLD-1">'))
    track(tab, ("cart", "KIT-0001"), ("cart", "OLD-2"))
    told(tab, shop, ("cart", "KIT-0001"))
    track(tab, ("cart", "OLD-1"), ("like", "KIT-0001"))
    told(tab, shop, ("cart", "KIT-0001"), ("like", "KIT-0001"))
    assert [text.partition(";")[0] for text in tab.problems] == ["kefu: the shop has no product OLD-1, OLD-2"]


# --- whose it is --------------------------------------------------------------------------------------------


def test_one_session_for_all_pages_and_the_chat(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page(KNIFE))
    told(tab, shop, ("view", "KIT-0001"))
    visit(tab, shop, shop_page(ld(KETTLE)), "two")
    told(tab, shop, ("view", "KIT-0001"), ("view", "CTE-0004"))
    tab.open()
    tab.ask("What would you recommend?")
    track(tab, ("cart", "CTE-0004"))
    told(tab, shop, ("view", "KIT-0001"), ("view", "CTE-0004"), ("cart", "CTE-0004"))
    assert len(shop.sessions) == 1
    assert {token for token, _ in shop.batches} == {shop.conversations["conversation-1"]["token"]}


def test_another_tab_shares_the_session(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page(), "home")
    other = tab.page.context.new_page()
    shop.pages["product"] = shop_page(KNIFE)
    product = Tab(other, shop.url)
    other.on("request", lambda request: product.requests.append(request.url))
    product.goto("/shop/product")
    told(product, shop, ("view", "KIT-0001"))
    tab.open()
    tab.ask("What would you recommend?")
    assert len(shop.sessions) == 1
    other.close()


def test_what_waits_at_the_sign_in_is_the_customers(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page(KNIFE))
    told(tab, shop, ("view", "KIT-0001"))
    track(tab, ("cart", "KIT-0001"))
    tab.page.evaluate("(token) => Kefu.identify(token)", identity_token("C00001"))
    told(tab, shop, ("view", "KIT-0001"), ("cart", "KIT-0001"))
    assert [(shop.sessions[token], len(batch)) for token, batch in shop.batches] == [(None, 1), ("C00001", 1)]


def test_a_sign_in_while_the_session_is_made_counts(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page(KNIFE))
    tab.page.evaluate(
        """(token) => {
            const { fetch } = window;
            window.fetch = (url, options) => {
                if (url.endsWith('/api/sessions')) Kefu.identify(token);
                return fetch(url, options);
            };
        }""",
        identity_token("C00001"),
    )
    told(tab, shop, ("view", "KIT-0001"))
    assert [shop.sessions[token] for token, _ in shop.batches] == ["C00001"]


def test_an_identity_that_ran_out_leaves_one_anonymous_session(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = NETWORK_TROUBLE
    visit(tab, shop, shop_page(KNIFE))
    tab.page.evaluate("(token) => Kefu.identify(token)", identity_token("C00001", expired=True))
    told(tab, shop, ("view", "KIT-0001"))
    tab.open()
    tab.ask("What would you recommend?")
    assert list(shop.sessions.values()) == [None]


def test_what_waits_at_the_sign_out_stays_with_whom_it_was(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page())
    tab.page.evaluate("(token) => Kefu.identify(token)", identity_token("C00001"))
    track(tab, ("view", "KIT-0001"))
    told(tab, shop, ("view", "KIT-0001"))
    track(tab, ("cart", "KIT-0001"))
    tab.page.evaluate("() => Kefu.reset()")
    assert tab.stored() == {}
    track(tab, ("view", "CTE-0004"))
    told(tab, shop, ("view", "KIT-0001"), ("cart", "KIT-0001"), ("view", "CTE-0004"))
    assert [shop.sessions[token] for token, _ in shop.batches] == ["C00001", "C00001", None]


def test_an_expired_session_is_renewed(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = NETWORK_TROUBLE
    visit(tab, shop, shop_page(KNIFE))
    told(tab, shop, ("view", "KIT-0001"))
    shop.sessions.clear()
    shop.sessions["taken"] = None  # so that the next token is another
    track(tab, ("cart", "KIT-0001"))
    sooner_or_later(tab, lambda: len(shop.told) == 2)
    assert shop.told == [("view", "KIT-0001"), ("cart", "KIT-0001")]
    assert len({token for token, _ in shop.batches}) == 2


# --- when it does not go well -------------------------------------------------------------------------------


def test_a_page_that_is_left_tells_before_it_goes(tab: Tab, shop: ScriptedShop) -> None:
    visit(tab, shop, shop_page(KNIFE))
    told(tab, shop, ("view", "KIT-0001"))
    shop.pages["two"] = "<!doctype html><title>Elsewhere</title><link rel='icon' href='data:,'>"
    track(tab, ("cart", "KIT-0001"))
    tab.page.goto(f"{shop.url}/shop/two")
    tab.until(lambda: len(shop.told) == 2)
    assert shop.told == [("view", "KIT-0001"), ("cart", "KIT-0001")]


def test_what_is_done_offline_is_kept_up_to_a_bound_and_told_once(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = NETWORK_TROUBLE
    visit(tab, shop, shop_page(KNIFE))
    told(tab, shop, ("view", "KIT-0001"))
    tab.page.context.set_offline(True)
    track(tab, *[("view", "CTE-0004")] * 150)
    tab.let_pass(1)
    track(tab, *[("cart", "KIT-0001")] * 100)
    tab.let_pass(3600)
    assert len(shop.told) == 1
    tab.page.context.set_offline(False)
    tab.let_pass(1)
    tab.until(lambda: len(shop.told) == 201)
    expected = {("view", "KIT-0001"): 1, ("view", "CTE-0004"): 100, ("cart", "KIT-0001"): 100}
    assert Counter(shop.told) == expected
    assert max(event["ago"] for _, batch in shop.batches for event in batch) > 3600


def test_an_answer_that_was_lost_leads_to_no_second_event(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = NETWORK_TROUBLE
    visit(tab, shop, shop_page())
    tab.page.route("**/api/events", lambda route: (route.fetch(), route.abort()), times=1)
    track(tab, ("cart", "KIT-0001"))
    told(tab, shop, ("cart", "KIT-0001"))
    sooner_or_later(tab, lambda: len(shop.batches) == 2)
    assert len(shop.batches) == 2
    assert shop.told == [("cart", "KIT-0001")]


def test_a_server_in_trouble_is_asked_ever_more_seldom(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = NETWORK_TROUBLE
    visit(tab, shop, shop_page())
    for _ in range(3):
        shop.refuse("/api/events", 503)
    track(tab, ("cart", "KIT-0001"))
    waits = []
    for _ in range(4):
        waited = 0.0
        with tab.page.expect_response("**/api/events"):
            asked = len([1 for method, path in shop.asked if path == "/api/events"])
            while len([1 for method, path in shop.asked if path == "/api/events"]) == asked:
                tab.let_pass(0.1)
                waited += 0.1
                tab.page.wait_for_timeout(10)
        waits.append(waited)
    assert shop.told == [("cart", "KIT-0001")]
    assert waits[1] > 0.7
    assert waits[2] > 1.4
    assert waits[3] > 2.9


def test_who_is_told_to_wait_waits(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = NETWORK_TROUBLE
    visit(tab, shop, shop_page())
    shop.refuse("/api/events", 429, {"Retry-After": "30"})
    with tab.page.expect_response("**/api/events"):
        track(tab, ("cart", "KIT-0001"))
        tab.let_pass(1)
    track(tab, ("view", "CTE-0004"))
    tab.let_pass(28)
    tab.page.evaluate("dispatchEvent(new Event('online'))")
    assert shop.batches == []
    told(tab, shop)
    tab.let_pass(1)
    told(tab, shop, ("cart", "KIT-0001"), ("view", "CTE-0004"))
    assert len(shop.batches) == 1


def test_what_the_server_refuses_is_said_and_not_sent_again(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = (*NETWORK_TROUBLE, "kefu: the server did not take what was told of the shopper: not now")
    visit(tab, shop, shop_page())
    shop.refuse("/api/events", 422)
    with tab.page.expect_response("**/api/events"):
        track(tab, ("cart", "KIT-0001"))
        tab.let_pass(1)
    tab.let_pass(600)
    assert shop.batches == []
    assert any(text.startswith("kefu: the server") for text in tab.problems)
    track(tab, ("view", "CTE-0004"))
    told(tab, shop, ("view", "CTE-0004"))
