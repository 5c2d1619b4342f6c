"""The unit of retrieval: a passage of a page or of a product. Does not know how passages are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

PassageKind = Literal["page", "product"]
KINDS: tuple[PassageKind, ...] = get_args(PassageKind)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that can be cited.

    ``id`` is stable: it depends on the document and the position of the piece, not on the run.
    ``title`` is ``document title › section › subsection``; ``text`` holds the body alone, in the words of
    the document, so that a citation's ``start`` and ``end`` are offsets into it.
    ``score`` is the searcher's calibrated confidence in [0, 1]; 0.0 when the passage was not searched for.
    """

    id: str
    source: str  # document id: a path relative to the ingested root, or "product:SKU"
    title: str
    text: str
    kind: PassageKind = "page"
    language: str = "en"
    url: str | None = None
    score: float = 0.0
    meta: Mapping[str, str] = field(default_factory=dict)
