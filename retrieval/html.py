"""Reads the main content of an HTML page as blocks of plain text.

Navigation, scripts, forms and template directives are left out; a table becomes one line per row, each value
with its column's name. Does not know the file or the page's place in the shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag

from retrieval.document import Block

_DIRECTIVES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_UNWANTED = (
    "script style noscript template nav footer aside form button select svg iframe object video audio canvas "
    "[hidden] [aria-hidden=true] [role=navigation] [role=search]"
).split()
_UNSEEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0+)?\s*(?:;|$)|font-size\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
"""Styles of text that no reader of the page sees."""
_HEADINGS = {f"h{n}": n for n in range(1, 7)} | {"summary": 6}
_PARAGRAPHS = {"p", "dt", "dd", "figcaption", "caption", "legend", "address", "pre"}
_CONTAINERS = {
    *("html body main article section div blockquote details figure center fieldset dl header hgroup").split()
}
_LINK_SHARE = 0.6


def without_directives(text: str) -> str:
    """Remove ``{{store url="contact"}}``, ``{{widget …}}``, ``{% if … %}``: their values are not in the text."""
    return _DIRECTIVES.sub("", text)


def page_facts(soup: BeautifulSoup) -> dict[str, str]:
    """What the page says of itself: its language, its title, ``<meta name="valid_until" …>`` and the like."""
    facts = {}
    for name in ("updated", "audience", "valid_from", "valid_until"):
        meta = soup.find("meta", attrs={"name": name})
        if isinstance(meta, Tag) and meta.get("content"):
            facts[name] = str(meta["content"])
    canonical = soup.find("link", rel="canonical")
    if isinstance(canonical, Tag) and canonical.get("href"):
        facts["url"] = str(canonical["href"])
    if soup.html and soup.html.get("lang"):
        facts["language"] = str(soup.html["lang"])
    return facts


def main_content(soup: BeautifulSoup) -> list[Block]:
    """The page's own content, in order."""
    for unwanted in soup.select(",".join(_UNWANTED)):
        unwanted.decompose()
    for styled in soup.select("[style]"):
        if not styled.decomposed and _UNSEEN.search(str(styled.get("style"))):
            styled.decompose()
    main = soup.select_one("main, [role=main]") or soup.select_one("article") or soup.body or soup
    if main.name not in ("main", "article") and main.get("role") != "main":
        for header in main.select("header"):
            header.decompose()
    return list(_walk(main))


def _walk(node: Tag) -> Iterator[Block]:
    """Blocks below ``node``; text that stands loose between blocks is a paragraph of its own."""
    loose: list[str] = []
    for child in node.children:
        if isinstance(child, NavigableString):
            if not isinstance(child, PreformattedString):  # comments, doctypes
                loose.append(str(child))
            continue
        if not isinstance(child, Tag):
            continue
        if child.name in _HEADINGS or child.name in _PARAGRAPHS or _is_container(child):
            yield from _flush(loose)
            if child.name in _HEADINGS:
                yield Block(_HEADINGS[child.name], _text(child))
            elif _is_container(child):
                yield from _block(child)
            elif not _is_navigation(child):
                yield Block(0, _text(child))
        else:
            loose.append(_text(child, strip=False))
    yield from _flush(loose)


def _is_container(node: Tag) -> bool:
    """A ``<span>`` or ``<a>`` that wraps blocks is one as well."""
    if node.name in _CONTAINERS or node.name in ("ul", "ol", "table"):
        return True
    return node.find([*_HEADINGS, "p", "div", "ul", "ol", "table"]) is not None


def _block(node: Tag) -> Iterator[Block]:
    if node.name == "table":
        if rows := _table(node):
            yield Block(0, "\n".join(rows))
    elif node.name in ("ul", "ol"):
        if lines := list(_list(node, "")):
            yield Block(0, "\n".join(lines))
    else:
        yield from _walk(node)


def _flush(loose: list[str]) -> Iterator[Block]:
    text = "".join(loose)
    loose.clear()
    if text.strip():
        yield Block(0, re.sub(r"[^\S\n]*\n[^\S\n]*", " ", text).replace("\v", "\n"))


def _list(node: Tag, indent: str) -> Iterator[str]:
    items = [item for item in node.find_all("li", recursive=False) if isinstance(item, Tag)]
    if len(items) > 1 and all(_link_share(item) == 1 for item in items):
        return  # a menu
    for number, item in enumerate(items, 1):
        mark = f"{number}." if node.name == "ol" else "-"
        nested = item.find_all(["ul", "ol"])
        inner = [
            line for sub in nested if sub.find_parent("li") is item for line in _list(sub, indent + "  ")
        ]
        for sub in nested:
            sub.extract()
        if text := _text(item).replace("\n", " "):
            yield f"{indent}{mark} {text}"
        yield from inner


def _table(table: Tag) -> list[str]:
    rows = [row.find_all(["th", "td"], recursive=False) for row in table.find_all("tr")]
    rows = [row for row in rows if row]
    if not rows:
        return []
    columns: list[str] = []
    if len(rows) > 1 and all(isinstance(cell, Tag) and cell.name == "th" for cell in rows[0]):
        columns = [_text(cell).replace("\n", " ") for cell in rows.pop(0)]
    lines = []
    for row in rows:
        cells = [_text(cell).replace("\n", " ") for cell in row]
        if len(columns) == len(cells):
            pairs = zip(columns, cells, strict=True)
            lines.append("; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell))
        elif len(cells) == 2:
            lines.append(": ".join(cell for cell in cells if cell))
        else:
            lines.append("; ".join(cell for cell in cells if cell))
    return [line for line in lines if line]


def _text(node: Tag, *, strip: bool = True) -> str:
    """The text of an inline tree. Line breaks of the source are spaces; ``<br>`` is a line break."""
    if node.name == "pre":
        return node.get_text().strip("\n")
    parts = []
    for child in node.descendants:
        if isinstance(child, Tag):
            if child.name == "br":
                parts.append("\v")
            elif child.name == "img" and child.get("alt"):
                parts.append(str(child["alt"]))
        elif isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
            parts.append(str(child))
    text = re.sub(r"\s*\n\s*", " ", "".join(parts))
    if not strip:
        return "\v" if node.name == "br" else text
    return re.sub(r" *\v *", "\n", text).strip()


def _link_share(node: Tag) -> float:
    """Which share of the text leads to other pages. Addresses of mail and telephone are content."""
    total = len(node.get_text(strip=True))
    linked = sum(
        len(link.get_text(strip=True))
        for link in node.find_all("a")
        if not str(link.get("href", "")).startswith(("mailto:", "tel:"))
    )
    return linked / total if total else 0.0


def _is_navigation(node: Tag) -> bool:
    """A "see also" line: several links and little else."""
    return node.name == "p" and len(node.find_all("a")) > 1 and _link_share(node) >= _LINK_SHARE
