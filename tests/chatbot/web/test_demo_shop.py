"""The demo shop and its help pages in a real Chromium."""

from __future__ import annotations

import pytest

from .conftest import Tab
from .scripted_shop import ScriptedShop, product

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="to run the browser tests: pip install 'kefu[dev]'"
)
expect = sync_api.expect

pytestmark = pytest.mark.browser


def test_products_can_be_filtered_searched_and_looked_at(tab: Tab, shop: ScriptedShop) -> None:
    shop.products += [
        product(f"TEA-{number:04}", f"Tea no. {number}", "Coffee & tea", "4.50", 9) for number in range(120)
    ]
    tab.goto("/")
    page = tab.page
    expect(page).to_have_url(f"{shop.url}/demo")
    expect(page.locator("#count")).to_have_text("123 products")
    expect(page.locator(".tile")).to_have_count(24)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".tile")).to_have_count(48)
    page.get_by_role("button", name="Bedding", exact=True).click()
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".tile")).to_contain_text("Sold out")
    page.get_by_role("button", name="Everything").click()
    page.get_by_role("searchbox").fill("ALDER knife")
    expect(page.locator("#count")).to_have_text("1 product")
    page.locator(".tile").click()
    dialog = page.get_by_role("dialog", name="Alder chef's knife 20 cm")
    expect(dialog).to_contain_text("€49.90")
    tab.until(lambda: bool(shop.told))
    assert shop.told == [("view", "KIT-0001")]
    dialog.get_by_role("button", name="Ask about this product").click()
    expect(tab.part(".suggestions")).to_contain_text("Is Alder chef's knife 20 cm in stock?")


def test_hostile_products_are_inert(tab: Tab, shop: ScriptedShop) -> None:
    attack = "<img src=x onerror=window.broken=1><script>window.broken=1</script>"
    evil = {
        **product(attack, attack, attack, "1.00", 1),
        "description": attack,
        "brand": attack,
        "url": "javascript:window.broken=1",
    }
    evil["attributes"] = {attack: attack}
    evil["variants"] = [{"sku": attack, "options": {attack: attack}, "price": None, "stock": None}]
    shop.products = [evil]
    tab.goto("/demo")
    tab.page.locator(".tile").click()
    expect(tab.page.get_by_role("dialog")).to_contain_text("<script>window.broken=1</script>")
    assert tab.page.locator("img, dialog a, dialog script").count() == 0
    assert tab.page.evaluate("window.broken") is None


def test_what_cannot_be_loaded_is_said(tab: Tab, shop: ScriptedShop) -> None:
    tab.tolerated = ("Failed to load resource",)
    shop.refuse("/api/products", 503)
    tab.goto("/demo")
    expect(tab.page.get_by_role("alert")).to_contain_text("/api/products?limit=100&offset=0 answered 503")


def test_help_pages_are_linked_and_readable(tab: Tab, shop: ScriptedShop) -> None:
    tab.goto("/demo")
    expect(tab.page.get_by_text("Simulated shop.")).to_be_visible()
    tab.page.get_by_role("link", name="Returns", exact=True).click()
    expect(tab.page.get_by_role("heading", name="What does a return cost?")).to_be_visible()
    expect(tab.page.get_by_text("Simulated shop.")).to_be_visible()
    tab.page.get_by_role("main").get_by_role("link", name="warranty").click()
    expect(tab.page).to_have_url(f"{shop.url}/pages/warranty")
    expect(tab.page.get_by_role("navigation").get_by_role("link", name="Warranty")).to_have_attribute(
        "aria-current", "page"
    )
    tab.open()
    expect(tab.part(".greeting")).to_be_visible()
