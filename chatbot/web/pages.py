"""The demo shop's policy and help pages, rendered from Markdown into whole HTML pages.

Markup in a page's Markdown stays text: only what Markdown itself can say becomes HTML. Does not know HTTP.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from chatbot.web.assets import WEB_DIR

PAGES_DIR = WEB_DIR.parent / "demo" / "pages"

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_OTHER_PAGE = re.compile(r"(?P<name>[\w-]+)\.md(?P<anchor>#.*)?")


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    title: str
    language: str
    body: str
    """Safe HTML."""


def load_pages(folder: Path = PAGES_DIR) -> dict[str, Page]:
    """The pages of a folder by name, in the order of their titles."""
    pages = [_read(path) for path in folder.glob("*.md")]
    return {page.name: page for page in sorted(pages, key=lambda page: page.title.casefold())}


def _read(path: Path) -> Page:
    text = path.read_text(encoding="utf-8")
    matter = _FRONT_MATTER.match(text)
    facts: Mapping[str, Any] = (yaml.safe_load(matter.group(1)) or {}) if matter else {}
    title = str(facts.get("title") or path.stem.replace("-", " ").capitalize())
    body = render_markdown(text[matter.end() :] if matter else text)
    return Page(path.stem, title, str(facts.get("language", "en")), body)


def render_markdown(text: str) -> str:
    """HTML of a Markdown text: without raw HTML, without inline styles, links between pages resolved."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    _adapt(tokens)
    return str(parser.renderer.render(tokens, parser.options, {}))


def _adapt(tokens: Sequence[Token]) -> None:
    for position, token in enumerate(tokens):
        if token.type == "heading_open" and position + 1 < len(tokens):
            token.attrSet("id", _anchor(tokens[position + 1].content))
        if style := token.attrGet("style"):
            # Aligned columns come with an inline style, which our Content-Security-Policy forbids.
            del token.attrs["style"]
            token.attrSet("class", str(style).replace("text-align:", "align-"))
        if token.type == "link_open":
            target = _OTHER_PAGE.fullmatch(str(token.attrGet("href")))
            if target:
                token.attrSet("href", f"/pages/{target['name']}{target['anchor'] or ''}")
            else:
                token.attrSet("rel", "noopener noreferrer")
        if token.type == "image":
            token.attrSet("loading", "lazy")
        if token.children:
            _adapt(token.children)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w]+", "-", heading.casefold()).strip("-")


def navigation(pages: Mapping[str, Page], current: str | None = None) -> str:
    """List items that link the pages."""
    items = []
    for page in pages.values():
        here = ' aria-current="page"' if page.name == current else ""
        items.append(
            f'<li><a href="/pages/{html.escape(page.name)}"{here}>{html.escape(page.title)}</a></li>'
        )
    return "\n".join(items)


def page_html(template: str, page: Page, pages: Mapping[str, Page], shop_name: str) -> str:
    return Template(template).substitute(
        language=html.escape(page.language),
        title=html.escape(page.title),
        shop=html.escape(shop_name),
        navigation=navigation(pages, page.name),
        body=page.body,
    )
