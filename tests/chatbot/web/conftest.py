"""A Chromium that notes every request, error and CSP report, in front of the scripted shop."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from .scripted_shop import ScriptedShop, scripted_api, serve


@pytest.fixture(scope="module")
def scripted_server() -> Iterator[ScriptedShop]:
    shop = ScriptedShop()
    server, shop.url = serve(scripted_api(shop))
    yield shop
    server.stop()


@pytest.fixture
def shop(scripted_server: ScriptedShop) -> ScriptedShop:
    scripted_server.reset()
    return scripted_server


# --- the browser ---------------------------------------------------------------------------------------------

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_START = 1_795_000_000
"""Where a stopped clock stands, in seconds since 1970."""
_PATIENCE_MS = 15_000
"""Costs nothing where all is well, and lets a busy machine finish."""

_NOTE_CSP = "document.addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip(
            "there is no chromium here; to run the browser tests install it (Debian: apt-get install chromium)"
        )
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="to run the browser tests: pip install 'kefu[dev]'"
    )
    sync_api.expect.set_options(timeout=_PATIENCE_MS)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page, the addresses that it asked for, and what went wrong in it (CSP reports included)."""

    page: Any
    own: str
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    tolerated: tuple[str, ...] = ()
    """How console messages begin that a test brings about on purpose."""

    def goto(self, path: str = "/pages/contact") -> None:
        self.page.goto(self.own + path)
        self.part(".launcher").wait_for()

    def part(self, selector: str) -> Any:
        """Something inside the widget; its shadow root is open, so that selectors reach into it."""
        return self.page.locator(f"kefu-widget {selector}")

    def open(self) -> None:
        self.part(".launcher").click()
        self.part(".panel").wait_for()

    def send(self, text: str) -> None:
        self.part("textarea").fill(text)
        self.part("textarea").press("Enter")

    def ask(self, text: str) -> None:
        """Send it and wait for the whole answer."""
        answered = self.part(".toolbar").count()
        self.send(text)
        self.part(".toolbar").nth(answered).wait_for()

    def until(self, condition: Callable[[], bool]) -> None:
        """Give the network the time that it takes; whoever waits checks afterwards what came of it."""
        for _ in range(400):
            if condition():
                return
            self.page.wait_for_timeout(20)

    def stop_clock(self) -> None:
        """From here on time passes for the pages when the test lets it."""
        self.page.clock.install(time=_START)
        self.page.clock.pause_at(_START + 1)

    def let_pass(self, seconds: float) -> None:
        """On a stopped clock; a module that is on its way arrives before."""
        if self.page.evaluate(
            "() => document.querySelector('script[data-events]:not([data-events=false]):not([data-events=no])') !== null"
        ):
            self.until(lambda: self._module() is not None)
        if self._module():
            self.page.evaluate("(url) => import(url).then(() => {})", self._module())
        self.page.clock.run_for(int(seconds * 1000))

    def _module(self) -> str | None:
        return next((url for url in reversed(self.requests) if url.endswith("/events.js")), None)

    def stored(self) -> Any:
        """What the page has kept: local storage by key, and cookies."""
        return {
            **self.page.evaluate("() => ({...localStorage})"),
            **{c["name"]: c for c in self.page.context.cookies()},
        }

    def check(self) -> None:
        unexpected = [text for text in self.problems if not text.startswith(self.tolerated or ("\0",))]
        assert unexpected == []
        assert [url for url in self.requests if not url.startswith((self.own, "data:", "blob:"))] == []


def new_tab(context: Any, own: str) -> Tab:
    tab = Tab(context.new_page(), own)
    tab.page.set_default_timeout(_PATIENCE_MS)
    tab.page.add_init_script(_NOTE_CSP)
    tab.page.on("request", lambda request: tab.requests.append(request.url))
    tab.page.on("pageerror", lambda error: tab.problems.append(f"page error: {error}"))
    tab.page.on(
        "console",
        lambda message: tab.problems.append(message.text) if message.type in ("error", "warning") else None,
    )
    return tab


@pytest.fixture
def visitor(chromium: Any, shop: ScriptedShop) -> Iterator[Callable[..., Tab]]:
    """Makes fresh visitors, each with a storage of its own; at the end all of them must be free of problems."""
    contexts, tabs = [], []

    def make(**options: Any) -> Tab:
        context = chromium.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options}
        )
        contexts.append(context)
        tabs.append(new_tab(context, shop.url))
        return tabs[-1]

    yield make
    for context in contexts:
        context.close()
    for tab in tabs:
        tab.check()


@pytest.fixture
def tab(visitor: Callable[..., Tab]) -> Tab:
    """One visitor at a desktop screen; no console error, no CSP report, no request to another host."""
    return visitor()
