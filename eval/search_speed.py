"""How long one search takes over 10,000 chunks, query embedding included.

The chunks are given passages over and over, each time with their sentences in another order and other numbers, so that
words are as frequent as in real text; they go through the real index. Their vectors are random: embedding 10,000 texts
takes minutes, and how long a comparison takes does not depend on what is compared. What is asked are real dialogues in
their order, as the shop does it: earlier turns were embedded when they were said, the newest is embedded in the search.
Each is asked once more at once, when nothing is left to embed: what the search takes by itself. Judges no result.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.metrics import percentile
from eval.outcome import Tell
from retrieval.chunk import sentences
from retrieval.embed import Embedder, Progress
from retrieval.index import Index
from retrieval.minilm import Vectors
from retrieval.passages import Passage
from retrieval.rows import DocumentRow, PassageRow
from retrieval.search import Search

CHUNKS = 10_000
QUESTIONS = 200
"""Enough for a 95th percentile; the first tenth only warms up."""
_PAGE = 6
"""Chunks of one page."""
Asked = tuple[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class RandomPassages:
    """Real vectors of queries, random ones of passages: the same text has the same vector."""

    inner: Embedder

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def dim(self) -> int:
        return self.inner.dim

    def queries(self, texts: Sequence[str]) -> Vectors:
        return self.inner.queries(texts)

    def passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        seeds = [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) for text in texts]
        drawn = np.stack(
            [np.random.default_rng(seed).standard_normal(self.dim, np.float32) for seed in seeds]
        )
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def search_speed(
    folder: Path, passages: Sequence[Passage], asked: Sequence[Asked], embedder: Embedder, tell: Tell
) -> dict[str, float]:
    """The index is kept in ``folder``, so that a second run is quick."""
    index = Index(folder, RandomPassages(embedder))
    fill(index, many(passages, CHUNKS), tell)
    search = Search(index)
    times: list[float] = []
    again: list[float] = []
    for number, (query, dialogue) in enumerate(asked[:QUESTIONS], 1):
        for turn in dialogue:
            search.remember(turn)
        for passed in (times, again):
            started = time.perf_counter()
            search.search(query, dialogue=dialogue)
            passed.append((time.perf_counter() - started) * 1000)
        tell("speed", number, min(QUESTIONS, len(asked)))
    index.close()
    cold = len(times) // 10
    return {
        "search_chunks": float(CHUNKS),
        "search_p50_ms": round(percentile(times[cold:], 0.5), 1),
        "search_p95_ms": round(percentile(times[cold:], 0.95), 1),
        "search_embedded_p95_ms": round(percentile(again[cold:], 0.95), 1),
    }


def busy() -> list[str]:
    """A remark where more is running than the machine has cores for: its times are then nobody's."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores + 1:  # this suite itself is part of the load
        return []
    return [
        f"the machine was busy (load {load:.0f} on {cores} cores): search_p95_ms says nothing about an idle one"
    ]


def fill(index: Index, chunks: Sequence[Passage], tell: Tell) -> None:
    """Make the index hold the chunks. What it holds is not made again, but published in today's format."""
    with index.write() as rows:
        if rows.count("page") != len(chunks):
            with rows.transaction():
                rows.remove([document.id for document in rows.documents("page")])
                for source, own in _by_page(chunks).items():
                    rows.put(
                        DocumentRow(source, "page", str(index.folder), own[0].title, source),
                        [PassageRow(chunk, "", chunk.id) for chunk in own],
                    )
        index.publish(lambda stage, done, of: tell(f"10,000 chunks: {stage}", done, of))


def _by_page(chunks: Sequence[Passage]) -> dict[str, list[Passage]]:
    pages: dict[str, list[Passage]] = {}
    for chunk in chunks:
        pages.setdefault(chunk.source, []).append(chunk)
    return pages


def many(passages: Sequence[Passage], count: int) -> list[Passage]:
    """``count`` distinct passages made of the given ones; the same every time."""
    rng = random.Random(0)
    made = []
    for number in range(count):
        base = passages[number % len(passages)]
        source = f"page-{number // _PAGE:05}.txt"
        parts = list(sentences(base.text))
        rng.shuffle(parts)
        text = re.sub(r"\d+", lambda found: str(rng.randrange(10 ** len(found[0]))), " ".join(parts))
        made.append(Passage(f"{source}#{number % _PAGE}", source, base.title, f"{text} No. {number}"))
    return made
