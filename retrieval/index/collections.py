"""Which vectors there are: of whole passages by each embedder, and of the sentences of pages by the main one.

Knows what is embedded, not how it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.chunk import CRUMB, SENTENCES, sentences
from retrieval.embed import Embedder
from retrieval.passages import PassageKind
from retrieval.rows import PassageRow


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
