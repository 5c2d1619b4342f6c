"""What is made of a passage: vectors of the whole by each embedder, of a page's sentences by the main one, and tokens.

Knows what is embedded, not how it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retrieval.chunk import CRUMB, SENTENCES, sentences
from retrieval.embed import Embedder
from retrieval.passages import PassageKind
from retrieval.rows import PassageRow
from retrieval.tokens import tokenize

_TITLE_WEIGHT: Mapping[PassageKind, int] = {"page": 1, "product": 3}


@dataclass(frozen=True, slots=True)
class Collection:
    """The vectors of one kind of passage by one embedder.

    With ``by_sentence`` each sentence has its own, and so has the heading: the best of them tells more about a
    passage than the mean of all (on doc2dial_dev, first turns: MRR .60 against .42).
    """

    kind: PassageKind
    embedder: Embedder
    by_sentence: bool = False

    @property
    def name(self) -> str:
        part = f"-sentences{SENTENCES}" if self.by_sentence else ""
        return f"kefu-{self.kind}{part}-{self.embedder.name}"

    def units(self, row: PassageRow) -> list[tuple[str, str]]:
        """(id, text) of what is embedded of a passage."""
        if not self.by_sentence:
            return [(row.passage.id, row.searched_text)]
        heading = row.passage.title.split(CRUMB)[-1]
        texts = [heading, *sentences(row.passage.text)]
        return [(f"{row.passage.id}~{n}", text) for n, text in enumerate(texts)]


def collections(embedder: Embedder, multilingual: Embedder | None) -> list[Collection]:
    """Products get no multilingual vectors: their names in other languages are in the lexical index."""
    wanted = [
        Collection("page", embedder),
        Collection("page", embedder, by_sentence=True),
        Collection("product", embedder),
    ]
    return [*wanted, Collection("page", multilingual)] if multilingual else wanted


def lexical_tokens(row: PassageRow) -> list[str]:
    """What the lexical index knows of a passage; a token that stands there twice has weight."""
    passage = row.passage
    return (
        tokenize(passage.title) * _TITLE_WEIGHT[passage.kind] + tokenize(passage.text) + tokenize(row.hidden)
    )
