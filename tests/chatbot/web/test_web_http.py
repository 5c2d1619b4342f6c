"""Files, pages and policies as they leave the server; sizes of the widget; who may see staff's page."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from chatbot.api.events import BATCH, ShopperEvent
from chatbot.web import mount
from chatbot.web.assets import WEB_DIR
from chatbot.web.pages import load_pages, render_markdown
from chatbot.web.tryout import policy_for
from configs import templates
from configs.errors import NotFoundError
from configs.settings import Settings, ShopSettings

WIDGET = WEB_DIR / "widget"
_IMPORT = re.compile(r'^import .*? from "\./(.+?)";$', re.MULTILINE)


def api_for(settings: Settings) -> FastAPI:
    api = FastAPI()

    @api.exception_handler(NotFoundError)
    async def not_found(_: Any, error: NotFoundError) -> Any:
        from fastapi.responses import JSONResponse

        return JSONResponse({"error": error.message}, 404)

    mount(api, cast(Any, SimpleNamespace(settings=settings)))
    return api


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(api_for(Settings())) as client:
        yield client


# --- the widget ----------------------------------------------------------------------------------------------


def loaded_with(module: str) -> set[str]:
    """A module and all that it imports at once; what is imported later, when it is needed, does not count."""
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _IMPORT.findall((WIDGET / name).read_text(encoding="utf-8"))
    return found


def test_sizes() -> None:
    assert (WIDGET / "widget.js").stat().st_size < 10_000
    application = loaded_with("app.js") | {"words.en.js"}
    assert {"api.js", "panel.js", "turn.js", "style.js"} < application
    later = {"sources.js", "cards.js", "comment.js", "events.js", "menu.js", "toolbar.js", "words.zh.js"}
    assert not application & later
    assert sum((WIDGET / name).stat().st_size for name in application) < 60_000
    telling = loaded_with("events.js")  # all that a page with data-events loads beside the launcher
    assert not telling & {"app.js", "api.js", "dom.js", "panel.js"}
    assert sum((WIDGET / name).stat().st_size for name in telling) < 16_000


def test_the_widget_tells_what_the_server_takes() -> None:
    telling = (WIDGET / "events.js").read_text(encoding="utf-8")
    kinds = re.search(r"^const KINDS = \[(.+)\];$", telling, re.MULTILINE)
    assert kinds
    fields = ShopperEvent.model_json_schema()["properties"]
    assert re.findall(r'"(\w+)"', kinds[1]) == fields["kind"]["enum"]
    assert f"\nconst BATCH = {BATCH};" in telling
    assert f"\nconst SKU_CHARS = {fields['sku']['maxLength']};" in telling


def test_no_string_becomes_markup_and_nothing_comes_from_elsewhere() -> None:
    scripts = [*WIDGET.glob("*.js"), *(WEB_DIR / "demo").glob("*.js")]
    assert len(scripts) > 12
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|DOMParser"
    )
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert not sinks.search(text), path.name
        addresses = set(re.findall(r"https?://[\w.-]+", text)) - {"http://www.w3.org", "https://chat.example"}
        assert addresses == set(), path.name


def test_both_languages_say_everything() -> None:
    keys = {
        language: re.findall(
            r"^  (\w+):", (WIDGET / f"words.{language}.js").read_text(encoding="utf-8"), re.MULTILINE
        )
        for language in ("en", "zh")
    }
    assert keys["en"] == keys["zh"]
    assert len(keys["en"]) > 40
    used: set[str] = set()
    for path in WIDGET.glob("*.js"):
        used |= set(re.findall(r'"([a-z_]+)"', path.read_text(encoding="utf-8")))
    assert set(keys["en"]) - used == set(), "words that nothing says"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_button_for_a_person_says_what_the_bot_listens_for(language: str) -> None:
    words = (WIDGET / f"words.{language}.js").read_text(encoding="utf-8")
    said = re.search(r'^  person: "(.+)",$', words, re.MULTILINE)
    assert said
    assert said[1] == templates.load(language).text("handoff_button")


def test_the_launcher_names_versioned_modules(client: TestClient) -> None:
    launcher = client.get("/widget.js")
    assert launcher.headers["content-type"].startswith("text/javascript")
    assert launcher.headers["access-control-allow-origin"] == "*"
    assert launcher.headers["cache-control"] == "no-cache"
    folder = re.search(r'new URL\("(widget/[0-9a-f]{12}/)"', launcher.text)
    assert folder
    module = client.get(f"/{folder[1]}app.js")
    assert "immutable" in module.headers["cache-control"]
    assert module.headers["cross-origin-resource-policy"] == "cross-origin"
    stale = client.get("/widget/000000000000/app.js")
    assert stale.text == module.text
    assert stale.headers["cache-control"] == "no-cache"


def test_a_file_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    etag = client.get("/widget.js").headers["etag"]
    again = client.get("/widget.js", headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head("/widget.js").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/demo/page.html",
        "/demo/..%2F__init__.py",
        "/widget/x/..%2F..%2Fassets.py",
        "/pages/nothing",
        "/demo/index.html",
    ],
)
def test_only_listed_files_are_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


# --- pages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/demo", "/pages/delivery", "/pages/returns.md", "/demo/shop.js"])
def test_pages_allow_nothing_inline_and_no_other_host(client: TestClient, path: str) -> None:
    response = client.get(path)
    policy = response.headers["content-security-policy"]
    assert response.status_code == 200
    assert "default-src 'none'" in policy
    assert not re.search(r"unsafe|https?:|\*|data:", policy)
    assert "require-trusted-types-for 'script'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    if response.headers["content-type"].startswith("text/html"):
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|https?://", response.text)


def test_a_shop_of_its_own_has_no_demo_pages() -> None:
    own = Settings(shop=ShopSettings(name="<b>Own</b> & Co", simulated=False, today=None))
    with TestClient(api_for(own)) as client:
        page = client.get("/demo").text
        assert "&lt;b&gt;Own&lt;/b&gt; &amp; Co" in page
        assert '<p class="banner" hidden>' in page
        assert "data-events" not in page  # whether its shoppers agree is not for us to say
        assert client.get("/pages/returns").status_code == 404


def test_every_packaged_page_links_only_pages_that_there_are() -> None:
    pages = load_pages()
    assert len(pages) >= 15
    for page in pages.values():
        targets = re.findall(r'href="/pages/([\w-]+)', page.body)
        assert set(targets) <= set(pages), page.name
        assert ".md" not in page.body


def test_markdown_cannot_bring_markup_scripts_or_styles() -> None:
    html = render_markdown(
        "# A <b>\n\n<script>alert(1)</script> [x](javascript:alert(1)) [y](data:text/html,x) ![z](javascript:1)\n\n"
        "| a | b |\n|--:|:-:|\n| 1 | <img src=x onerror=alert(1)> |\n\n[other](returns.md#cost) [far](https://far.example)"
    )
    assert not re.search(r"<(script|b|img)|\sstyle=|href=\"(javascript|data)", html)
    assert '<th class="align-right">' in html
    assert 'href="/pages/returns#cost"' in html
    assert 'href="https://far.example" rel="noopener noreferrer"' in html


@given(st.text(alphabet=st.sampled_from(list("<>\"'&;:/()[]!*`#|=- \nabscriptonjv")), max_size=120))
def test_markdown_never_opens_a_tag_of_the_text(text: str) -> None:
    allowed = {
        "p",
        "a",
        "em",
        "strong",
        "code",
        "pre",
        "ul",
        "ol",
        "li",
        "blockquote",
        "hr",
        "br",
        "img",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    allowed |= {f"h{level}" for level in range(1, 7)}
    html = render_markdown(text)
    assert set(re.findall(r"<\s*([a-zA-Z0-9]+)", html)) <= allowed
    assert not re.search(r"<[^>]*\s(on\w+|style)=", html)


# --- staff ---------------------------------------------------------------------------------------------------

LOCAL = {"base_url": "http://127.0.0.1:8080", "client": ("127.0.0.1", 5000)}


def status_of_try(settings: Settings, headers: dict[str, str] | None = None, **client: Any) -> int:
    """The status of a request that is refused or, if staff's page would be built, 200 without building it."""
    api = api_for(settings)
    tryout = next(route.app for route in api.routes if getattr(route, "path", "") == "/try")

    async def built() -> Any:
        async def page(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        return page

    tryout._ready = built
    with TestClient(api, **{**LOCAL, **client}) as http:
        return http.get("/try/", headers=headers or {}).status_code


def test_without_a_key_only_this_machine_may_try_the_bot() -> None:
    settings = Settings()
    assert status_of_try(settings) == 200
    assert status_of_try(settings, base_url="http://localhost:8080") == 200
    assert status_of_try(settings, client=("192.0.2.7", 5000)) == 403
    assert status_of_try(settings, {"X-Forwarded-For": "127.0.0.1"}) == 403
    assert status_of_try(settings, base_url="http://rebound.example:8080") == 403
    assert status_of_try(settings, {"Origin": "http://evil.example"}) == 403


def test_with_a_key_only_its_holders_may() -> None:
    settings = Settings(staff_key=SecretStr("a key of the tests"))

    def basic(password: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"anna:{password}".encode()).decode()}

    far = {"client": ("192.0.2.7", 5000), "base_url": "https://shop.example"}
    assert status_of_try(settings) == 401
    assert status_of_try(settings, basic("wrong")) == 401
    assert status_of_try(settings, {"Authorization": "Basic %%%"}) == 401
    assert status_of_try(settings, basic("a key of the tests"), **far) == 200
    assert status_of_try(settings, {"Authorization": "Bearer a key of the tests"}, **far) == 200
    assert (
        status_of_try(settings, {**basic("a key of the tests"), "Origin": "https://evil.example"}, **far)
        == 403
    )


def test_a_refused_browser_is_asked_for_the_key() -> None:
    with TestClient(api_for(Settings(staff_key=SecretStr("a key of the tests"))), **LOCAL) as http:
        answer = http.get("/try/")
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert answer.json()["error"]["hint"] == "sign in with any name and KEFU_STAFF_KEY as the password"


def test_gradio_waits_for_the_first_visit() -> None:
    import subprocess

    code = "import sys, chatbot.web; sys.exit('gradio' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_inline_scripts_are_allowed_by_their_hash_alone() -> None:
    policy = policy_for(b"<script>one</script><script src='x.js'></script><script data-a>two</script>")
    assert policy.count("'sha256-") == 2
    assert "script-src 'self' 'sha256-" in policy
    assert "script-src 'self' 'unsafe" not in policy
