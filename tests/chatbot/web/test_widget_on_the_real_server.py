"""The widget and the demo shop against the whole server, all of it real but for the language model, which is off."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from chatbot.api import create_api
from chatbot.app import build, open_database
from chatbot.importers import import_rows
from chatbot.shop import Shop
from chatbot.web import mount
from configs.settings import ApiSettings, EngineSettings, Settings
from retrieval.embed import load_embedder
from retrieval.index import Index
from retrieval.ingest import ingest_docs, ingest_products

from .conftest import Tab, new_tab
from .scripted_shop import serve, shop_page

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="to run the browser tests: pip install 'kefu[dev]'"
)
expect = sync_api.expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

DEMO = Path(__file__).parents[3] / "chatbot" / "demo"
PRODUCTS = 20
CUSTOMERS = [
    {"id": f"C0000{number}", "name": name, "country": "DE"}
    for number, name in ((1, "Mira Castellan"), (2, "Jonas Feld"))
]
ORDERS = [
    {
        "id": f"LL-10000{number}",
        "customer_id": f"C0000{number}",
        "placed_at": "2026-10-28T10:00:00+00:00",
        "status": "shipped",
        "country": "DE",
        "subtotal": "49.90",
        "total": "49.90",
        "currency": "EUR",
        "line_sku": "KIT-0001",
        "line_quantity": 1,
        "line_price": "49.90",
    }
    for number in (1, 2)
]
SETS = (("KIT-0001", "KIT-0010", "KIT-0011"), ("COO-0001", "COO-0002"), ("COO-0003", "COO-0004"))
"""What is bought together. Knives are not suggested unasked, and what goes with them is."""
PURCHASES = [
    {
        "customer_id": f"P{number}",
        "sku": sku,
        "quantity": 1,
        "at": f"2026-11-{1 + number % 18:02}T10:00:00+00:00",
        "order_id": f"P{number}",
    }
    for number in range(60)
    for sku in SETS[number % len(SETS)]
]


@dataclass
class Site:
    """The shop's own site, on another origin than kefu: its pages by name."""

    url: str
    pages: dict[str, str]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    pages: dict[str, str] = {}
    own = FastAPI(openapi_url=None)

    @own.get("/{name}")
    async def page(name: str) -> HTMLResponse:
        return HTMLResponse(pages[name])

    server, url = serve(own)
    yield Site(url, pages)
    server.stop()


@pytest.fixture(scope="module")
def real_server(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[str]:
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        engine=EngineSettings(kind="off"),
        api=ApiSettings(allowed_origins=[site.url]),
    )
    db = open_database(settings)
    with (DEMO / "products.jsonl").open(encoding="utf-8") as lines:
        products = [json.loads(line) for line in itertools.islice(lines, PRODUCTS)]
    import_rows(db, "products", products, source="test", currency="EUR", strict=True)
    import_rows(db, "customers", CUSTOMERS, source="test", currency="EUR", strict=True)
    import_rows(db, "orders", ORDERS, source="test", currency="EUR", strict=True)
    import_rows(db, "purchases", PURCHASES, source="test", currency="EUR", strict=True)
    index = Index.open(settings, load_embedder(settings.retrieval.embedder))
    pages = [DEMO / "pages" / f"{name}.md" for name in ("returns", "delivery", "warranty")]
    ingest_docs(index, pages, root=DEMO / "pages")
    ingest_products(index, Shop(db).all_products())
    index.close()
    app = build(settings, db=db)
    api = create_api(app)
    mount(api, app)
    server, url = serve(api)
    yield url
    server.stop()
    with ThreadPoolExecutor(1) as elsewhere:  # the browser keeps an event loop in this thread
        elsewhere.submit(lambda: asyncio.run(app.aclose())).result()


@pytest.fixture
def real_tab(chromium: Any, real_server: str) -> Iterator[Tab]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    tab = new_tab(context, real_server)
    yield tab
    context.close()
    tab.check()


def test_a_question_about_the_pages_leads_to_the_passage(real_tab: Tab) -> None:
    tab = real_tab
    tab.goto("/demo")
    expect(tab.page.locator("#count")).to_have_text(f"{PRODUCTS} products")
    tab.open()
    tab.ask("How long can I return an order?")
    expect(tab.part(".answer .text")).to_contain_text("30 days")
    tab.part(".chip").first.click()
    expect(tab.part(".sheet mark").first).to_contain_text("30 days")
    tab.page.keyboard.press("Escape")
    tab.page.reload()
    expect(tab.part(".answer .text")).to_contain_text("30 days")
    tab.part("[data-rating=up]").click()
    expect(tab.part(".note")).to_have_text("Thank you.")


def test_orders_are_shown_to_their_customer_alone(real_tab: Tab) -> None:
    tab = real_tab
    tab.goto("/demo")
    tab.open()
    tab.ask("Where is my order LL-100001?")
    expect(tab.part(".answer .text")).to_contain_text("sign in")
    tab.page.get_by_label("Signed in as").select_option("C00001")
    expect(tab.part(".mine")).to_have_count(0)
    tab.ask("Where is my order LL-100001?")
    expect(tab.part(".card.order")).to_contain_text("Order LL-100001")
    tab.page.get_by_label("Signed in as").select_option("C00002")
    expect(tab.part(".mine")).to_have_count(0)
    tab.ask("Where is my order LL-100001?")
    expect(tab.part(".card.order")).to_have_count(0)
    tab.part(".person").click()
    expect(tab.part(".subtitle")).to_have_text("Waiting for a colleague")
    tab.ask("How long can I return an order?")  # until a person is there, the bot goes on
    tab.page.reload()
    expect(tab.part(".subtitle")).to_have_text("Waiting for a colleague")
    expect(tab.part(".mine")).to_have_count(3)


def test_the_next_recommendation_knows_within_a_second_what_the_shops_page_told(
    chromium: Any, real_server: str, site: Site
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    tab = new_tab(context, site.url)
    tab.stop_clock()
    site.pages["knife"] = shop_page('<meta name="kefu:product" content="KIT-0001">', widget=real_server)
    site.pages["about"] = shop_page(widget=real_server)

    def told(call: str) -> Any:
        """What the server answers to what is told within a second of the page's time."""
        with tab.page.expect_response(lambda it: it.url.endswith("/api/events") and it.ok) as answer:
            tab.page.evaluate(call)
            tab.let_pass(1)
        return answer.value.json()

    tab.goto("/knife")
    assert told("() => {}") == {"stored": 1, "unknown": []}
    tab.goto("/about")  # another page, the same shopper
    tab.open()
    tab.ask("What would you recommend?")
    expect(tab.part(".answer .text")).to_contain_text("Since you looked at Alder chef's knife 20 cm")
    suggested = tab.part(".card .card-note").first.inner_text().rpartition("· ")[2]
    assert told(f"() => Kefu.track('dislike', {suggested!r})") == {"stored": 1, "unknown": []}
    tab.ask("What would you recommend?")
    expect(tab.part(".answer").nth(1).locator(".card-note").first).to_be_visible()
    expect(tab.part(".answer").nth(1).locator(".cards")).not_to_contain_text(suggested)
    context.close()
    assert tab.problems == []
