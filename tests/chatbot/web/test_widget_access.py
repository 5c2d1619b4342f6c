"""The widget for everybody and on every page: keyboard, small screens, contrast, hostile texts, strict policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from .conftest import Tab, new_tab
from .scripted_shop import AUSTRIA, DELIVERY, Answer, ScriptedShop, citation, serve

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="to run the browser tests: pip install 'kefu[dev]'"
)
expect = sync_api.expect

pytestmark = pytest.mark.browser

ATTACKS = [
    "<img src=x onerror=window.broken=1>",
    "<script>window.broken=1</script>",
    "<svg onload=window.broken=1>",
    "\"><iframe srcdoc='<script>top.broken=1</script>'>",
    "[click](javascript:window.broken=1) **<b>bold</b>** https://ok.example/<img>",
    "</textarea></style><style>*{display:none}</style>",
    "{{constructor.constructor('window.broken=1')()}} ${window.broken=1}",
    "&lt;img src=x onerror=window.broken=1&gt;",
]


def full_answer(text: str = "Delivery to Austria costs 6.90 EUR.") -> Answer:
    product = {
        "price": "29.90 EUR",
        "availability": "only 3 left",
        "pieces": 3,
        "category": "Knives",
        "url": None,
    }
    sold_out = {**product, "availability": "sold out", "pieces": 0}
    order = {
        "state": "shipped",
        "status": "on its way",
        "placed": "28 October",
        "total": "87.40 EUR",
        "items": "2 × Linen",
    }
    cards = [
        {"kind": "product", "id": "KIT-0002", "title": "Flint chef's knife", "fields": product},
        {"kind": "product", "id": "KIT-0003", "title": "Kogane santoku", "fields": sold_out},
        {
            "kind": "product",
            "id": "CTE-0004",
            "title": "Tarn paring knife",
            "fields": {**product, "url": "/demo", "reason": "Since you looked at the Flint chef's knife"},
        },
        {
            "kind": "product",
            "id": "BED-0010",
            "title": "Alder bread knife",
            "fields": {**product, "reason": "Popular this month"},
        },
        {"kind": "order", "id": "LL-100234", "title": "LL-100234", "fields": order},
        {
            "kind": "order",
            "id": "LL-100235",
            "title": "LL-100235",
            "fields": {**order, "state": "cancelled", "status": "cancelled"},
        },
    ]
    sources = [citation("delivery", DELIVERY, AUSTRIA, 0)]
    return Answer([text, " It takes 3-6 working days."], sources, cards, ["Compare them"])


def test_hostile_texts_stay_texts(tab: Tab, shop: ScriptedShop) -> None:
    everything = " ".join(ATTACKS)
    fields = dict.fromkeys(
        (
            "price",
            "availability",
            "category",
            "status",
            "placed",
            "items",
            "total",
            "carrier",
            "eta",
            "reason",
        ),
        everything,
    )
    shop.passages["evil"] = {
        "id": "evil",
        "title": everything,
        "text": f"| {everything} |\n- {everything}",
        "source": "x",
        "url": "javascript:window.broken=1",
    }
    shop.answers[everything] = Answer(
        [everything, f"\n\n{everything}"],
        [
            {
                **citation("evil", everything, ATTACKS[0], 1, title=everything),
                "url": "javascript:window.broken=1",
            }
        ],
        [
            {
                "kind": "product",
                "id": everything,
                "title": everything,
                "fields": {**fields, "url": "javascript:window.broken=1"},
            },
            {"kind": "order", "id": everything, "title": everything, "fields": fields},
        ],
        [everything],
    )
    tab.goto()
    tab.page.evaluate("(text) => Kefu.setContext({product: {name: text}})", everything)
    tab.open()
    tab.ask(everything)
    tab.part(".chip").click()
    expect(tab.part(".sheet .passage")).to_contain_text("<script>window.broken=1</script>")
    expect(tab.part(".sheet-foot a")).to_have_count(0)
    tab.page.keyboard.press("Escape")
    tab.page.reload()
    expect(tab.part(".answer .text")).to_contain_text("<svg onload=window.broken=1>")
    assert tab.page.evaluate("window.broken") is None
    kept = tab.page.evaluate("""() => {
        const root = document.querySelector('kefu-widget').shadowRoot;
        const links = [...root.querySelectorAll('a')].map((link) => link.protocol);
        return {made: root.querySelectorAll('img, script, iframe, style').length, links: [...new Set(links)]};
    }""")
    assert kept == {"made": 0, "links": ["https:"]}


def test_with_the_keyboard_alone(tab: Tab, shop: ScriptedShop) -> None:
    shop.answers["Austria?"] = full_answer()
    tab.goto()
    keyboard = tab.page.keyboard
    tab.part(".launcher").focus()
    keyboard.press("Enter")
    expect(tab.part("textarea")).to_be_focused()
    keyboard.type("Austria?")
    keyboard.press("Enter")
    tab.part(".toolbar").wait_for()
    for _ in range(20):
        keyboard.press("Shift+Tab")
        if tab.part(".chip").evaluate("(chip) => chip.getRootNode().activeElement === chip"):
            break
    expect(tab.part(".chip")).to_be_focused()
    keyboard.press("Enter")
    expect(tab.part(".sheet .icon-button")).to_be_focused()
    for _ in range(8):  # the focus stays in the sheet, or goes out to the page behind, never under the sheet
        keyboard.press("Tab")
        assert tab.part("textarea").evaluate("(box) => box.getRootNode().activeElement !== box")
    tab.part(".sheet .icon-button").focus()
    keyboard.press("Enter")
    expect(tab.part(".chip")).to_be_focused()
    keyboard.press("Escape")
    expect(tab.part(".panel")).to_be_hidden()
    expect(tab.part(".launcher")).to_be_focused()


def test_names_and_roles_for_screen_readers(tab: Tab, shop: ScriptedShop) -> None:
    shop.answers["Austria?"] = full_answer()
    tab.goto()
    tab.open()
    tab.ask("Austria?")
    page = tab.page
    dialog = page.get_by_role("dialog", name="Lumen & Loom")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("log")).to_have_attribute("aria-live", "polite")
    expect(dialog.get_by_role("textbox", name="Your message")).to_be_visible()
    for name in (
        "Send",
        "Talk to a person",
        "Menu",
        "Close the chat",
        "Good answer",
        "Bad answer",
        "Copy the answer",
    ):
        expect(dialog.get_by_role("button", name=name, exact=True)).to_have_count(1)
    expect(dialog.get_by_role("button", name="Source 1: Delivery › What it costs")).to_have_count(2)
    nameless = tab.part("button, input, textarea, a").evaluate_all(
        "(all) => all.filter((it) => !(it.getAttribute('aria-label') || it.textContent.trim())).map((it) => it.outerHTML)"
    )
    assert nameless == []


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_small_screen_the_chat_fills_it(
    visitor: Callable[..., Tab], shop: ScriptedShop, width: int
) -> None:
    shop.answers["Austria?"] = full_answer("Delivery to Austria: " + "a-word-that-never-ends" * 9)
    screen = {"viewport": {"width": width, "height": 640}, "has_touch": True, "is_mobile": True}
    tab = visitor(**screen, reduced_motion="reduce")
    tab.goto("/demo")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    tab.open()
    tab.ask("Austria?")
    box = tab.part(".panel").bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, width, 640)
    expect(tab.part(".launcher")).to_be_hidden()
    wide = "(all, width) => all.filter((it) => it.getBoundingClientRect().right > width + 0.5).map((it) => it.className)"
    assert tab.part(".panel *:not(.table *, .hidden)").evaluate_all(wide, width) == []
    assert tab.part(".panel").get_attribute("aria-modal") == "true"
    tab.part("header .icon-button").first.focus()
    tab.page.keyboard.press("Shift+Tab")
    expect(tab.part(".person")).to_be_focused()  # round to the last control, never behind the chat
    small = tab.part("button").evaluate_all(
        """(all) => all.filter((it) => {
            const box = it.getBoundingClientRect();
            return box.width && !it.matches('.mark-number') && (box.width < 24 || box.height < 24);
        }).map((it) => it.className)"""
    )
    assert small == []


# The contrast of every visible text against the colour behind it, as WCAG 2.2 counts it.
_FAINT_TEXTS = """() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = (node) => {
        for (let it = node; it; it = it.parentElement ?? it.getRootNode().host) {
            const colour = rgba(getComputedStyle(it).backgroundColor);
            if (colour[3] > 250) return colour;
        }
        return [255, 255, 255, 255];
    };
    const faint = [];
    const look = (root) => {
        for (const node of root.querySelectorAll('*')) {
            if (node.shadowRoot) look(node.shadowRoot);
            const words = [...node.childNodes].filter((it) => it.nodeType === 3).map((it) => it.data.trim()).join(' ').trim();
            const shown = words || node.placeholder;
            if (!shown || !node.checkVisibility({visibilityProperty: true, opacityProperty: true}) || node.closest('.hidden, svg')) continue;
            const style = words ? getComputedStyle(node) : getComputedStyle(node, '::placeholder');
            const [a, b] = [light(rgba(style.color)), light(behind(node))].sort((x, y) => y - x);
            const ratio = (a + 0.05) / (b + 0.05);
            if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${node.className || node.tagName}: ${shown.slice(0, 30)}`);
        }
    };
    look(document);
    return [...new Set(faint)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(visitor: Callable[..., Tab], shop: ScriptedShop, scheme: str) -> None:
    shop.answers["Austria?"] = full_answer()
    tab = visitor(color_scheme=scheme, reduced_motion="reduce")
    tab.tolerated = ("Failed to load resource",)
    tab.goto("/demo")
    tab.page.locator(".tile").first.wait_for()
    tab.open()
    tab.ask("Austria?")
    tab.part("[data-rating=down]").click()
    tab.part(".comment").wait_for()
    tab.part(".judge button").nth(1).click()
    tab.part(".refused .undo").wait_for()
    shop.refuse("/messages", 429, {"Retry-After": "30"})
    tab.send("More")
    expect(tab.part(".notice")).to_be_visible()
    shop.refuse("/messages", 422)
    tab.send("More")
    expect(tab.part(".unsent")).to_be_visible()
    assert tab.page.evaluate(_FAINT_TEXTS) == []
    tab.part(".chip").click()
    tab.part(".sheet mark").wait_for()
    assert tab.page.evaluate(_FAINT_TEXTS) == []
    tab.goto("/pages/delivery")
    assert tab.page.evaluate(_FAINT_TEXTS) == []


def test_reduced_motion(visitor: Callable[..., Tab], shop: ScriptedShop) -> None:
    tab = visitor(reduced_motion="reduce")
    tab.goto()
    tab.open()
    tab.send("Hello")
    tab.part(".answer").wait_for()
    moving = (
        "(all) => all.filter((it) => getComputedStyle(it).animationName !== 'none').map((it) => it.className)"
    )
    assert tab.part("*").evaluate_all(moving) == []


@pytest.fixture
def strict_page(shop: ScriptedShop) -> Iterator[str]:
    """A page of a shop on another origin, whose policy allows kefu's scripts and requests and nothing else."""
    page = FastAPI(openapi_url=None)
    policy = f"default-src 'none'; script-src {shop.url}; connect-src {shop.url}; require-trusted-types-for 'script'; trusted-types 'none'"

    @page.get("/")
    async def index() -> HTMLResponse:
        script = f"<script async src='{shop.url}/widget.js' data-site='pub_demo' data-locale='zh'></script>"
        body = f"<!doctype html><html lang='en'><head><link rel='icon' href='data:,'>{script}</head><body><h1>Shop</h1></body></html>"
        return HTMLResponse(body, headers={"Content-Security-Policy": policy})

    server, url = serve(page)
    yield url
    server.stop()


def test_on_a_strict_page_of_another_origin(chromium: Any, shop: ScriptedShop, strict_page: str) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    tab = new_tab(context, strict_page)
    tab.goto("/")
    tab.open()
    expect(tab.part(".greeting")).to_have_text(
        "您好，有什么可以帮您？"
    )  # data-locale counts for more than the browser
    shop.answers["Austria?"] = full_answer()
    tab.ask("Austria?")
    tab.part(".chip").click()
    expect(tab.part(".sheet mark")).to_have_text(AUSTRIA)
    assert (
        tab.part(".panel").evaluate("(it) => getComputedStyle(it).position") == "fixed"
    )  # the styles are in force
    context.close()
    # A data: icon is refused by that page's own policy; nothing of ours is.
    assert [text for text in tab.problems if "data:" not in text and "CSP img-src" not in text] == []
    assert {url.split("/")[2] for url in tab.requests if url.startswith("http")} == {
        shop.url.split("/")[2],
        strict_page.split("/")[2],
    }
