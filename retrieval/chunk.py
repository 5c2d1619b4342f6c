"""Cuts a document into passages of about 200 tokens.

A passage never crosses a section, except that sections of a line or two join their neighbour. A passage's text
is a piece of the section's text, unchanged, and the pieces of a section cover all of it, in order. Does not
know files or vectors.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from retrieval.document import Document, Section
from retrieval.passages import Passage

CRUMB = " › "
TINY_TOKENS = 12
"""A section this small joins the section before it, if both have the same parent."""

SENTENCES = 3
"""Raise it when sentences are cut otherwise, or others embedded: their vectors are then made anew."""
SHORT_SENTENCE = 8
"""Shorter pieces ("Yes.", list marks) are no sentence to search for."""

_LINE_END = re.compile(r"\n+")
_TOKEN = re.compile(r"[㐀-鿿豈-﫿]|\w+|[^\w\s]")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])[\"'”’)]*\s+|(?<=[。！？])")
_CLAUSE_END = re.compile(r"(?<=[.!?。！？;；])[\"'”’)]*\s+|(?<=[。！？；])")


def count_tokens(text: str) -> int:
    """An estimate of a tokenizer's count, a little high: a long word or number is several pieces."""
    return sum(1 + (len(token) - 1) // 8 for token in _TOKEN.findall(text))


def chunk(document: Document, document_id: str, *, limit: int = 200) -> list[Passage]:
    """Cut ``document``. The ids are ``document_id#section-slug/n`` and depend on nothing else."""
    passages = []
    slugs: dict[str, int] = {}
    for section in merge_tiny(document.sections):
        slug = _slug(section.path)
        slugs[slug] = slugs.get(slug, 0) + 1
        if slugs[slug] > 1:
            slug = f"{slug}-{slugs[slug]}"
        title = CRUMB.join((document.title, *section.path))
        budget = max(limit - count_tokens(title), limit // 2)
        for number, text in enumerate(split(section.text, budget), 1):
            passages.append(
                Passage(
                    id=f"{document_id}#{slug}/{number}",
                    source=document_id,
                    title=title,
                    text=text,
                    language=document.language,
                    url=document.url,
                    meta={"updated": document.updated} if document.updated else {},
                )
            )
    return passages


def merge_tiny(sections: Sequence[Section]) -> list[Section]:
    """Join tiny sections to the sibling before them, their heading as a line of its own."""
    merged: list[Section] = []
    for section in sections:
        before = merged[-1] if merged else None
        if (
            before
            and section.path
            and section.path[:-1] == before.path[:-1]
            and len(section.path) == len(before.path)
            and count_tokens(section.text) <= TINY_TOKENS
            and count_tokens(before.text) <= 4 * TINY_TOKENS
        ):
            merged[-1] = Section(before.path, f"{before.text}\n\n{section.path[-1]}\n{section.text}")
        else:
            merged.append(section)
    return merged


def split(text: str, limit: int) -> list[str]:
    """Pieces of ``text`` of at most about ``limit`` tokens: whole paragraphs, else lines, sentences, words.

    The pieces are of even size, so that the last is no stump.
    """
    total = count_tokens(text)
    if total <= limit:
        return [text] if text.strip() else []
    target = total / -(-total // limit)
    pieces: list[str] = []
    start = end = 0
    size = 0
    for unit_end, tokens in _units(text, limit):
        too_much = size + tokens > limit
        # Close when adding the unit would overshoot the even size by more than stopping falls short of it.
        uneven = size > 0 and size + tokens / 2 > target
        if size and (too_much or uneven):
            pieces.append(text[start:end])
            start, size = end, 0
        end, size = unit_end, size + tokens
    pieces.append(text[start:])
    return [stripped for piece in pieces if (stripped := piece.strip())]


def sentences(text: str) -> list[str]:
    """Sentences and lines of a passage; the whole text if it has none that says something."""
    pieces = [text[start:end].strip() for start, end in _sentence_spans(text)]
    return [piece for piece in pieces if len(piece) >= SHORT_SENTENCE] or [text]


def _sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    for line_start, line_end in _spans(text, _LINE_END, 0, len(text)):
        yield from _spans(text, _SENTENCE_END, line_start, line_end)


def _units(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """(end offset, tokens) of the smallest units that are kept whole: lines, sentences of longer lines, and
    runs of words of sentences that are longer still."""
    for line_start, line_end in _spans(text, _LINE_END, 0, len(text)):
        if count_tokens(text[line_start:line_end]) <= limit // 2:
            yield line_end, count_tokens(text[line_start:line_end])
            continue
        for start, end in _spans(text, _CLAUSE_END, line_start, line_end):
            if count_tokens(text[start:end]) <= limit:
                yield end, count_tokens(text[start:end])
                continue
            for token in _TOKEN.finditer(text, start, end):
                yield token.end(), count_tokens(token.group())


def _spans(text: str, separator: re.Pattern[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Pieces of ``text[start:end]``, each with the separator that follows it."""
    for found in separator.finditer(text, start, end):
        if found.end() > start:
            yield start, found.end()
            start = found.end()
    if start < end:
        yield start, end


def _slug(path: Sequence[str]) -> str:
    words = unicodedata.normalize("NFKC", "-".join(path)).casefold().replace("'", "").replace("’", "")
    return re.sub(r"[^\w]+", "-", words).strip("-")[:80].rstrip("-") or "top"
