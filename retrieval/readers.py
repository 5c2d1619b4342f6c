"""Reads files into documents: Markdown, HTML, plain text, PDF, DOCX, and CSV exports of a shop's pages.

Does not know the index. Whatever is wrong with a file is an ``InputError`` that says what was expected.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from configs.errors import InputError
from retrieval.document import Block, Document, assemble

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

MAX_BYTES = 50 * 1024 * 1024
_FRONT_MATTER = re.compile(r"\A---[^\S\n]*\n(.*?)\n---[^\S\n]*(?:\n|\Z)", re.DOTALL)


def read(path: Path) -> list[Document]:
    """Read one file; a CSV export holds several documents, any other format one.

    Raises:
        InputError: the format is unknown, the file is damaged, or it holds no text.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"the format {path.suffix or '(no suffix)'!r} is unknown", expected=", ".join(READERS)
        )
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise InputError(f"the file has {len(data)} bytes", expected=f"at most {MAX_BYTES} bytes")
    documents = reader(data, path.stem)
    if not any(document.sections for document in documents):
        raise InputError("the file holds no text", expected="at least one paragraph")
    return [document for document in documents if document.sections]


def _decode(data: bytes, encoding: str = "utf-8-sig") -> str:
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError(f"the text cannot be decoded ({error})", expected="UTF-8") from error
    if "\0" in text:
        raise InputError(f"there is a NUL byte at {text.index(chr(0))}", expected="text, not a binary file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown(data: bytes, stem: str) -> list[Document]:
    from markdown_it import MarkdownIt

    text = _decode(data)
    facts: dict[str, Any] = {}
    if found := _FRONT_MATTER.match(text):
        facts = _front_matter(found.group(1))
        text = text[found.end() :]
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(_without_directives(text))
    return [assemble(_html_blocks(html), facts, fallback_title=_spoken(stem))]


def _front_matter(text: str) -> dict[str, Any]:
    try:
        facts = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InputError(
            f"the front matter is not YAML ({error})", expected="lines such as 'title: …'"
        ) from error
    if not isinstance(facts, dict):
        raise InputError(f"the front matter is a {type(facts).__name__}", expected="lines such as 'title: …'")
    return facts


def _html(data: bytes, stem: str) -> list[Document]:
    from retrieval.html import main_content, page_facts

    declared = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", data[:4096], re.IGNORECASE)
    encoding = declared.group(1).decode() if declared else "utf-8"
    encoding = "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
    soup = _soup(_without_directives(_decode(data, encoding)))
    facts = page_facts(soup)
    page_title = soup.title.get_text() if soup.title else ""
    return [assemble(main_content(soup), facts, fallback_title=page_title.strip() or _spoken(stem))]


def _html_blocks(html: str) -> list[Block]:
    from retrieval.html import main_content

    return main_content(_soup(html))


def _soup(html: str) -> BeautifulSoup:
    from bs4 import BeautifulSoup
    from bs4.exceptions import ParserRejectedMarkup

    try:
        return BeautifulSoup(html, "html.parser")
    except ParserRejectedMarkup:  # what looks like a marked section and is none; to a browser it is text
        return BeautifulSoup(html.replace("<![", "&lt;!["), "html.parser")


def _without_directives(text: str) -> str:
    from retrieval.html import without_directives

    return without_directives(text)


def _text(data: bytes, stem: str) -> list[Document]:
    return [assemble(_text_blocks(_decode(data)), {}, fallback_title=_spoken(stem))]


def _text_blocks(text: str) -> Iterator[Block]:
    """Paragraphs; a line that is underlined with ``===`` or ``---`` is a heading."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.strip("\n").split("\n")
        if len(lines) > 1 and re.fullmatch(r"\s*(=+|-+)\s*", lines[1]) and lines[0].strip():
            yield Block(1 if "=" in lines[1] else 2, lines[0])
            lines = lines[2:]
        yield Block(0, "\n".join(lines))


def _pdf(data: bytes, stem: str) -> list[Document]:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError("the PDF is encrypted", expected="a PDF that opens without a password")
        pages = [page.extract_text() or "" for page in reader.pages]
        title = (reader.metadata.title if reader.metadata else None) or ""
    except (PyPdfError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the PDF is damaged ({error})", expected="a readable PDF") from error
    if not any(page.strip() for page in pages):
        raise InputError(
            "the PDF holds no text", expected="a text layer", hint="run OCR over the scanned pages"
        )
    blocks = []
    for number, page in enumerate(pages, 1):
        blocks.append(Block(2, f"Page {number}"))
        blocks.extend(Block(0, paragraph) for paragraph in _unwrapped(page))
    return [assemble(blocks, {"title": title or _spoken(stem)}, fallback_title=stem)]


def _unwrapped(page: str) -> Iterator[str]:
    """Join the lines of a paragraph, which a PDF breaks where the page ends; mend hyphenated words."""
    paragraph = ""
    for line in page.split("\n"):
        line = line.strip()
        if paragraph.endswith("-") and line[:1].islower():
            paragraph = paragraph[:-1] + line
        elif line:
            paragraph = f"{paragraph} {line}".strip()
        if not line or (paragraph.endswith((".", "!", "?", ":", "。")) and len(line) < 60):
            yield paragraph
            paragraph = ""
    yield paragraph


def _docx(data: bytes, stem: str) -> list[Document]:
    import zipfile

    import docx
    from docx.opc.exceptions import PackageNotFoundError

    try:
        document = docx.Document(io.BytesIO(data))
    except (PackageNotFoundError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InputError(f"the DOCX is damaged ({error})", expected="a Word document (.docx)") from error
    title = document.core_properties.title or ""
    return [assemble(_docx_blocks(document), {"title": title}, fallback_title=_spoken(stem))]


def _docx_blocks(document: Any) -> Iterator[Block]:
    for item in document.iter_inner_content():
        if hasattr(item, "rows"):
            rows = [[cell.text.replace("\n", " ").strip() for cell in row.cells] for row in item.rows]
            columns, *rest = rows or [[]]
            for row in rest:
                yield Block(
                    0, "; ".join(f"{c}: {v}" if c else v for c, v in zip(columns, row, strict=False) if v)
                )
            continue
        style = str(item.style.name) if item.style else ""
        if style == "Title":
            yield Block(1, item.text)
        elif found := re.fullmatch(r"Heading ([1-6])", style):
            yield Block(int(found.group(1)), item.text)
        else:
            yield Block(0, f"- {item.text}" if style.startswith("List") and item.text.strip() else item.text)


def _pages_csv(data: bytes, stem: str) -> list[Document]:
    """A shop system's export of its pages: one page a row, columns ``title`` and ``content`` (HTML)."""
    csv.field_size_limit(MAX_BYTES)
    rows = csv.DictReader(io.StringIO(_decode(data), newline=""))
    missing = {"title", "content"} - set(rows.fieldnames or ())
    if missing:
        raise InputError(
            f"the CSV has no column {', '.join(sorted(missing))}",
            expected="an export of pages with the columns title and content (and identifier, is_active)",
        )
    documents = []
    for line, row in enumerate(rows, 2):
        if row.get("is_active", "1") in ("0", "false"):
            continue
        title = row["title"] or row.get("content_heading") or ""
        blocks = _html_blocks(_without_directives(row["content"] or ""))
        key = row.get("identifier") or str(line)
        documents.append(assemble(blocks, {"title": title}, fallback_title=_spoken(stem), key=key))
    return documents


def _spoken(stem: str) -> str:
    """``gift-cards`` → ``Gift cards``: a title for a file that has none."""
    words = re.sub(r"[-_]+", " ", stem).strip()
    return words[:1].upper() + words[1:]


READERS: dict[str, Callable[[bytes, str], list[Document]]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".html": _html,
    ".htm": _html,
    ".txt": _text,
    ".pdf": _pdf,
    ".docx": _docx,
    ".csv": _pages_csv,
}
