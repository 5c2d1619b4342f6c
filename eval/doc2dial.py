"""Retrieval with dialogue context on doc2dial_dev, with spans of documents as gold.

Three questions: does the search find the passage that holds the answer, given the dialogue; does it still when
the newest turn opens a new topic (the first turn of a dialogue, behind turns of another one); and what do the
plain baselines find. Constants are fitted on the documents of even number and reported on the others. Needs the
data folder named by ``KEFU_DATA``.

    KEFU_DATA=… python -m eval.doc2dial [--home FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.errors import ConfigError
from eval.report import commit
from retrieval.embed import load_embedder
from retrieval.index import Index
from retrieval.ingest import ingest_docs
from retrieval.lexical import LexicalIndex
from retrieval.search import Search
from retrieval.tokens import tokenize

DEPTH = 20
"""Ranks beyond this count as not found."""


@dataclass(frozen=True, slots=True)
class Question:
    """``turns`` are newest first; ``gold`` are the passages that hold a piece of the answer.

    They are known by their text: several documents share passages, and any of them answers.
    """

    turns: tuple[str, ...]
    gold: frozenset[str]
    document: str
    tuning: bool

    @property
    def dialogue(self) -> tuple[str, ...]:
        return self.turns[1:]


def data_folder() -> Path:
    folder = Path(os.environ.get("KEFU_DATA", "")) / "doc2dial_dev"
    if not (folder / "questions.jsonl").exists():
        raise ConfigError(
            f"there is no {folder / 'questions.jsonl'}",
            expected="KEFU_DATA to name the folder that holds doc2dial_dev",
        )
    return folder


def build(home: Path, embedder: str = "minilm") -> tuple[Index, list[Question]]:
    """Ingest the documents (what is there already is kept) and find each answer's passages."""
    folder, pages = data_folder(), home / "pages"
    documents = [json.loads(line) for line in (folder / "docs.jsonl").read_text().splitlines()]
    pages.mkdir(parents=True, exist_ok=True)
    for document in documents:
        title = document["title"].partition("#")[0]
        (pages / f"{document['doc_key']}.txt").write_text(f"{title}\n===\n\n{document['text']}")
    index = Index(home / "index", load_embedder(embedder))
    ingest_docs(index, [pages])
    texts = {document["doc_key"]: document["text"] for document in documents}
    places = _places(index, texts)
    questions = []
    for line in (folder / "questions.jsonl").read_text().splitlines():
        row = json.loads(line)
        start = row["answer_start"]
        end = start + len(row["answer"])
        gold = {text for text, first, last in places[row["doc_key"]] if first < end and start < last}
        turns = tuple(
            re.sub(r"^(?:user|agent):", "", turn.strip()).strip() for turn in row["question"].split("\t")
        )
        number = int(row["doc_key"][1:])
        questions.append(Question(turns, frozenset(gold), row["doc_key"], number % 2 == 0))
    return index, questions


def _places(index: Index, texts: dict[str, str]) -> dict[str, list[tuple[str, int, int]]]:
    """Where each passage stands in its document: (its text, start, end), found by counting letters."""
    places: dict[str, list[tuple[str, int, int]]] = {key: [] for key in texts}
    letters = {key: [i for i, c in enumerate(text) if not c.isspace()] for key, text in texts.items()}
    read = dict.fromkeys(texts, 0)
    for row in index.rows.passages("page"):
        key = row.passage.source.removesuffix(".txt")
        length = sum(not c.isspace() for c in row.passage.text)
        start = read[key]
        places[key].append((row.passage.text, letters[key][start], letters[key][start + length - 1] + 1))
        read[key] += length
    return places


def shifted(questions: Sequence[Question], seed: int = 0) -> list[Question]:
    """First turns behind three to six turns of a dialogue about another document."""
    rng = random.Random(seed)
    out = []
    for question in questions:
        if len(question.turns) > 1:
            continue
        others = [
            other
            for other in questions
            if other.document != question.document
            and other.tuning == question.tuning
            and 3 <= len(other.turns) <= 9
        ]
        foreign = rng.choice(others).turns[:6]
        out.append(Question((*question.turns, *foreign), question.gold, question.document, question.tuning))
    return out


def measure(questions: Iterable[Question], find: Callable[[Question], Sequence[str]]) -> dict[str, float]:
    """Recall at 1 and 5, and the mean reciprocal rank, of the texts that ``find`` returns."""
    ranks = []
    for question in questions:
        found = find(question)
        ranks.append(next((n for n, text in enumerate(found, 1) if text in question.gold), 0))
    count = len(ranks) or 1
    return {
        "r1": sum(rank == 1 for rank in ranks) / count,
        "r5": sum(0 < rank <= 5 for rank in ranks) / count,
        "mrr": sum(1 / rank for rank in ranks if rank) / count,
    }


def baseline(index: Index) -> Callable[[Question], list[str]]:
    """BM25 of the whole dialogue, as a function of a question."""
    rows = index.rows.passages("page")
    lexical = LexicalIndex.build([tokenize(row.searched_text) for row in rows])

    def find(question: Question) -> list[str]:
        scores = lexical.scores(tokenize("\n".join(question.turns)))
        return [rows[i].passage.text for i in (-scores).argsort(kind="stable")[:DEPTH]]

    return find


def main() -> None:
    parser = argparse.ArgumentParser(description="Retrieval with dialogue context on doc2dial_dev")
    parser.add_argument("--home", type=Path, help="keeps the index there, so that a second run is quick")
    home = parser.parse_args().home
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        index, questions = build(home or Path(scratch))
        search = Search(index)
        reported = [question for question in questions if not question.tuning]

        def fused(question: Question) -> list[str]:
            found = search.search(question.turns[0], dialogue=question.dialogue, k=DEPTH)
            return [passage.text for passage in found]

        measured = {
            "bm25": measure(reported, baseline(index)),
            "search": measure(reported, fused),
            "bm25_new_topic": measure(shifted(reported), baseline(index)),
            "search_new_topic": measure(shifted(reported), fused),
        }
        index.close()
    metrics = {
        f"{name}_{key}": round(value, 4) for name, values in measured.items() for key, value in values.items()
    }
    told = {
        "bench": "doc2dial",
        "metrics": {"questions": len(reported), **metrics},
        "command": "python -m eval.doc2dial",
        "commit": commit(),
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
