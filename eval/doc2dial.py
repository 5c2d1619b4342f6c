"""``kefu eval run doc2dial``: retrieval with dialogue context, with spans of documents as gold.

Does the search find the passage that holds the answer, given the dialogue; does it still when the newest turn opens
a new topic (the first turn of a dialogue, behind turns of another one); and what do its two plain legs find, BM25 and
the embedder, each over the whole dialogue. And how long a search takes over 10,000 chunks. Constants are fitted on the
documents of even number and reported on the others. Needs the data folder named by ``KEFU_DATA``; keeps the index below
the home, so that a second run is quick.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from configs.settings import load
from eval.data import data_file
from eval.metrics import interval
from eval.outcome import Curve, Options, Outcome, Tell
from eval.search_speed import busy, search_speed
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
    id: str = ""

    @property
    def dialogue(self) -> tuple[str, ...]:
        return self.turns[1:]


def data_folder() -> Path:
    return data_file("doc2dial_dev", "questions.jsonl").parent


def write_pages(home: Path) -> Path:
    """A page for each document in ``home``, for whoever indexes them; returns their folder."""
    pages = home / "pages"
    pages.mkdir(parents=True, exist_ok=True)
    for document in _documents():
        title = document["title"].partition("#")[0]
        (pages / f"{document['doc_key']}.txt").write_text(f"{title}\n===\n\n{document['text']}")
    return pages


def _documents() -> list[dict[str, str]]:
    return [json.loads(line) for line in (data_folder() / "docs.jsonl").read_text().splitlines()]


def build(home: Path, embedder: str = "minilm") -> tuple[Index, list[Question]]:
    """Ingest the documents (what is there already is kept) and find each answer's passages."""
    folder, documents, pages = data_folder(), _documents(), write_pages(home)
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
        questions.append(Question(turns, frozenset(gold), row["doc_key"], number % 2 == 0, row["id"]))
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
        out.append(replace(question, turns=(*question.turns, *foreign)))
    return out


Find = Callable[[Question], Sequence[str]]
"""The texts found for a question, best first."""


def ranks(questions: Iterable[Question], find: Find) -> list[int]:
    """The rank of the first gold passage among what ``find`` returns, for each question; 0 if it is not found."""
    return [
        next((n for n, text in enumerate(find(question), 1) if text in question.gold), 0)
        for question in questions
    ]


def bm25(index: Index) -> Find:
    """BM25 of the whole dialogue."""
    rows = index.rows.passages("page")
    lexical = LexicalIndex.build([tokenize(row.searched_text) for row in rows])

    def find(question: Question) -> list[str]:
        scores = lexical.scores(tokenize("\n".join(question.turns)))
        return [rows[i].passage.text for i in (-scores).argsort(kind="stable")[:DEPTH]]

    return find


def dense(index: Index) -> Find:
    """Cosine of the whole dialogue."""
    snapshot = index.snapshot("page")
    vectors = snapshot.vectors[index.embedder.name]
    found = index.rows.passages_by_id(snapshot.ids)

    def find(question: Question) -> list[str]:
        cosines = vectors @ index.embedder.queries(["\n".join(question.turns)])[0]
        return [found[snapshot.ids[i]].text for i in (-cosines).argsort(kind="stable")[:DEPTH]]

    return find


def fused(index: Index) -> Find:
    """What shoppers get."""
    search = Search(index)

    def find(question: Question) -> list[str]:
        found = search.search(question.turns[0], dialogue=question.dialogue, k=DEPTH)
        return [passage.text for passage in found]

    return find


def summary(found: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Recall at 1 and 5 and mean reciprocal rank of each way to search, the first with 95 % intervals; and by how much
    the first is better than each other one on the same questions (paired bootstrap)."""
    metrics: dict[str, float] = {}
    first = next(iter(found))
    for name, places in found.items():
        prefix = "" if name == first else f"{name}_"
        for measure, score in _MEASURES.items():
            scores = [score(rank) for rank in places]
            metrics[f"{prefix}{measure}"] = round(fmean(scores), 4)
            if name == first:
                low, high = interval(scores)
                metrics |= {f"{measure}_low": round(low, 4), f"{measure}_high": round(high, 4)}
            else:
                low, high = interval(
                    [score(own) - score(rank) for own, rank in zip(found[first], places, strict=True)]
                )
                metrics |= {
                    f"{prefix}{measure}_gain_low": round(low, 4),
                    f"{prefix}{measure}_gain_high": round(high, 4),
                }
    return metrics


_MEASURES: Mapping[str, Callable[[int], float]] = {
    "recall_at_1": lambda rank: float(rank == 1),
    "recall_at_5": lambda rank: float(0 < rank <= 5),
    "mrr": lambda rank: 1 / rank if rank else 0.0,
}


def run(options: Options, tell: Tell) -> Outcome:
    """Ingest what is not there yet, ask all questions of the reported half.

    Raises:
        ConfigError: ``KEFU_DATA`` does not lead to the data.
    """
    tell("documents", 0, 0)
    home = load(options.config).home / "eval"
    index, questions = build(home / "doc2dial")
    reported = [question for question in questions if not question.tuning]
    ways = {"search": fused(index), "bm25": bm25(index), "dense": dense(index)}
    metrics = {"questions": float(len(reported))}
    scores: dict[str, dict[str, float]] = {}
    plots = []
    for prefix, title, asked in (
        ("", "The right passage among the first k", reported),
        ("new_topic_", "The same, where the turn opens a new topic", shifted(reported)),
    ):
        found = {}
        # Embedded together, dialogues take half the time; the dense leg finds them in the cache.
        index.embedder.queries(["\n".join(question.turns) for question in asked])
        for name, find in ways.items():
            found[name] = ranks(asked, _counted(find, tell, f"{prefix}{name}", len(asked)))
        metrics |= {f"{prefix}{name}": value for name, value in summary(found).items()}
        for measure, score in _MEASURES.items():
            each = zip(asked, found["search"], strict=True)
            scores[prefix + measure] = {question.id: round(score(rank), 4) for question, rank in each}
        plots.append(recall_curve(title, found))
    speed = search_speed(
        home / "search-speed",
        [row.passage for row in index.rows.passages("page")],
        [(question.turns[0], question.dialogue) for question in reported],
        index.embedder,
        tell,
    )
    index.close()
    return Outcome(
        metrics | speed,
        f"Does search find the passage that holds the answer, given the dialogue: {len(reported):,} questions about the "
        "documents of odd number of doc2dial_dev (constants were fitted on the others), beside BM25 and the embedder "
        "over the whole dialogue. Speed: see eval/search_speed.py.",
        scores,
        plots,
        busy(),
    )


def _counted(find: Find, tell: Tell, stage: str, total: int) -> Find:
    done = 0

    def counted(question: Question) -> Sequence[str]:
        nonlocal done
        done += 1
        tell(stage, done, total)
        return find(question)

    return counted


def recall_curve(title: str, found: Mapping[str, Sequence[int]]) -> Curve:
    lines = {
        name: [(float(k), fmean(0 < rank <= k for rank in places)) for k in range(1, DEPTH + 1)]
        for name, places in found.items()
    }
    return Curve(title, "k", "recall", lines)
