"""The texts that checks of claims are tried on: documents of the data folder, cut into passages, split by document.

Reads doc2dial_dev, basecamp_policies and the pages of the Magento sample store below ``KEFU_DATA``. Each document
belongs to one of train, dev and test by the hash of its name, with every sentence and dialogue about it. Changes no
sentence; the repository holds none of them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatbot import compose, lang
from retrieval.chunk import chunk
from retrieval.readers import read

Split = Literal["train", "dev", "test"]

PASSAGE_CHARS = 900
SHORTEST, LONGEST = 6, 45
"""Words of a sentence that is used; shorter ones are headings, longer ones are lists that lost their lines."""


@dataclass(frozen=True, slots=True)
class Document:
    """``passages`` hold the text in order; ``source`` is its collection."""

    key: str
    source: str
    passages: Sequence[str]

    @property
    def split(self) -> Split:
        return split_of(self.key)


@dataclass(frozen=True, slots=True)
class AgentTurn:
    """What a person said to a customer, and the passage that the sentence was drawn from."""

    document: str
    sentence: str
    passage: str


def split_of(key: str) -> Split:
    tenth = int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10
    return "train" if tenth < 5 else "dev" if tenth < 7 else "test"


SETS = ("doc2dial_dev", "basecamp_policies", "magento")


def texts(folder: Path) -> dict[str, str]:
    """The plain text of each document by its key, in a fixed order. Keys of policies and pages name their collection."""
    found = {
        row["doc_key"]: str(row["text"])
        for row in map(json.loads, (folder / "doc2dial_dev" / "docs.jsonl").read_text().splitlines())
    }
    policies = folder / "basecamp_policies"
    for path in sorted(policies.rglob("index.md")):
        key = f"basecamp/{path.relative_to(policies).parent}"
        found[key] = plain_markdown(path.read_text(encoding="utf-8"))
    with (folder / "magento" / "Cms__pages_pages.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[f"magento/{row['identifier']}"] = plain_html(row["content"])
    return found


def titles(folder: Path) -> list[str]:
    """How the passages of documents and policies are headed when the model gets them."""
    rows = map(json.loads, (folder / "doc2dial_dev" / "docs.jsonl").read_text(encoding="utf-8").splitlines())
    found = [str(row["title"]).partition("#")[0] for row in rows]
    for path in sorted((folder / "basecamp_policies").rglob("index.md")):
        found += [passage.title for page in read(path) for passage in chunk(page, path.name)]
    return list(dict.fromkeys(found))


def documents(folder: Path) -> list[Document]:
    """All documents that hold text, in a fixed order."""
    found = [
        Document(key, key.partition("/")[0] if "/" in key else "doc2dial", packed(text))
        for key, text in texts(folder).items()
    ]
    return [document for document in found if document.passages]


def plain_markdown(text: str) -> str:
    body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    body = re.sub(r"(?m)^#.*$", "", body)
    body = re.sub(r"\{[{%].*?[%}]\}", "", body)
    return compose.readable(body).replace("*", "")


def plain_html(text: str) -> str:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "html.parser")
    blocks = [block.get_text(" ", strip=True) for block in soup.find_all(["p", "li", "td"])]
    return "\n\n".join(re.sub(r"\s+", " ", block) for block in blocks if block)


def packed(text: str) -> list[str]:
    """Paragraphs put together up to about ``PASSAGE_CHARS``; a longer one is cut at its sentences."""
    pieces: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        if len(paragraph) <= PASSAGE_CHARS:
            pieces.append(paragraph.strip())
        else:
            pieces += [span.text for span in lang.sentences(paragraph)]
    passages: list[str] = []
    for piece in filter(None, pieces):
        if passages and len(passages[-1]) + len(piece) < PASSAGE_CHARS:
            passages[-1] = f"{passages[-1]}\n{piece}"
        else:
            passages.append(piece)
    return passages


def usable(passage: str) -> list[str]:
    """Its statements of a usual length."""
    return [
        _tidy(span.text)
        for span in lang.sentences(passage)
        if SHORTEST <= len(lang.words(span.text)) <= LONGEST
        and span.text.endswith(".")
        and span.text[0].isupper()
        and len(set(lang.content_words(span.text))) >= 3
    ]


def _tidy(text: str) -> str:
    text = re.sub(r"\s+([,.;:)])", r"\1", text)
    return re.sub(r"\s*\[\d+ ?\]", "", " ".join(text.split()))


def agent_turns(folder: Path) -> Iterator[AgentTurn]:
    """Statements of the agents of doc2dial: the reply to a question is shown by the dialogue of the next one.

    Nobody checked them one by one: some say more or less than the span that they were drawn from.
    """
    known = texts(folder)
    rows = [
        json.loads(line) for line in (folder / "doc2dial_dev" / "questions.jsonl").read_text().splitlines()
    ]
    by_id = {row["id"]: row for row in rows}
    for row in rows:
        dialogue, number = row["id"].rsplit("_", 1)
        following = by_id.get(f"{dialogue}_{int(number) + 2}")
        turns = following["question"].split("\t") if following else []
        if len(turns) < 2 or not turns[1].strip().startswith("agent:"):
            continue
        said = turns[1].strip().removeprefix("agent:").strip()
        start, text = row["answer_start"], known[row["doc_key"]]
        passage = text[max(0, start - 300) : start + len(row["answer"]) + 300]
        for span in lang.sentences(said):
            statement = not span.text.endswith("?") and len(set(lang.content_words(span.text))) >= 4
            if statement and len(lang.words(span.text)) >= SHORTEST:
                yield AgentTurn(row["doc_key"], span.text, passage)
