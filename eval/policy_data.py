"""The two shops of the policies suite: their pages in an index, their questions with gold, and homes without the gold.

A shop keeps its homes below ``<home>/eval/policies``, so that a second run is quick. Asks nothing.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.app import make_home
from chatbot.compose import readable
from chatbot.lang import content_words
from configs.settings import Settings
from eval.data import data_file
from eval.doc2dial import write_pages
from eval.golden import CASES
from eval.outcome import Tell
from retrieval.index import Index
from retrieval.ingest import ingest_docs

FOLDS = 6
"""Homes without a sixth of the documents each, for questions about those."""
VECTORS = "vectors.db"
SHOP = {"name": "the service", "today": None, "simulated": False}


@dataclass(frozen=True, slots=True)
class Question:
    """``history`` is (customer, agent), oldest first. ``gold`` are the texts that answer, each by itself; ``pages`` the
    documents that hold them. Without gold it is unanswerable by nature."""

    id: str
    text: str
    history: tuple[tuple[str, str], ...]
    gold: tuple[str, ...]
    pages: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """A home, and the questions to ask there."""

    shop: str
    settings: Settings
    questions: Sequence[Question]
    answerable: bool


def doc2dial(settings: Settings, split: str, sample: int, unanswerable: int, tell: Tell) -> list[Place]:
    """``sample`` answerable dialogues of one half of the documents (``dev``: those of even number) over all documents,
    and ``unanswerable`` others over documents without the gold one and those that share a passage with it."""
    home = settings.home / "eval" / "policies" / "doc2dial"
    pages = write_pages(
        settings.home / "eval" / "doc2dial"
    )  # that suite's home, so that they are embedded once
    whole = _shop(settings, pages.parent, pages, tell)
    rows = _rows(data_file("doc2dial_dev", "questions.jsonl"))
    rows = [row for row in rows if (int(row["doc_key"][1:]) % 2 == 0) == (split == "dev")]
    chosen = random.Random(5).sample(rows, min(sample + unanswerable, len(rows)))
    questions = [_dialogue(row) for row in chosen]
    places = [Place("doc2dial", whole, questions[:sample], True)]
    order = sorted(path.name for path in pages.iterdir())
    random.Random(0).shuffle(order)
    for fold in range(FOLDS):
        own = set(order[fold::FOLDS])
        asked = [question for question in questions[sample:] if question.pages & own]
        if asked:
            tell("documents taken away", fold + 1, FOLDS)
            places.append(Place("doc2dial", _without(whole, home / f"without-{fold}", own), asked, False))
    return places


def basecamp(settings: Settings, split: str, tell: Tell) -> list[Place]:
    """The policy pages with this suite's own questions; ``all`` takes both halves."""
    folder = data_file("basecamp_policies", "index.md").parent
    pages = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("index.md"))}
    pages.pop("index.md")
    home = settings.home / "eval" / "policies" / "basecamp"
    for name, path in pages.items():
        target = home / "pages" / name.removesuffix("/index.md").replace("/", "-")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target.with_suffix(".md"))
    shop = _shop(settings, home / "all", home / "pages", tell)
    questions = []
    for row in _rows(CASES / "policies" / "basecamp.jsonl"):
        if split not in ("all", row["split"]):
            continue
        gold = [
            (page, pages[page].read_text(encoding="utf-8")[start:end])
            for page, start, end in row.get("gold", ())
        ]
        questions.append(
            Question(
                f"basecamp:{row['id']}",
                row["question"],
                tuple((customer, agent) for customer, agent in row.get("dialogue", ())),
                tuple(readable(text) for _, text in gold),
                frozenset(page.removesuffix("/index.md").replace("/", "-") + ".md" for page, _ in gold),
            )
        )
    return [
        Place(
            "basecamp",
            shop,
            [question for question in questions if bool(question.gold) == answerable],
            answerable,
        )
        for answerable in (True, False)
    ]


def holds(question: Question, passage: str) -> bool:
    """Whether the passage holds a gold text: four fifths of its content words."""
    words = set(content_words(passage))
    return any(
        len(words & wanted) >= 0.8 * len(wanted)
        for gold in question.gold
        if (wanted := set(content_words(gold)))
    )


def _rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _dialogue(row: Mapping[str, str]) -> Question:
    text, history = read_dialogue(row["question"])
    page = f"{row['doc_key']}.txt"
    return Question(f"doc2dial:{row['id']}", text, history, (row["answer"],), frozenset({page}))


def read_dialogue(turns: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The newest turn, and (customer, agent) of those before it, oldest first.

    ``turns`` are newest first, a tab between them, each behind ``user:`` or ``agent:``.
    """
    parts = [turn.strip().partition(":") for turn in reversed(turns.split("\t"))]
    history: list[tuple[str, str]] = []
    for who, _, text in parts[:-1]:
        if who == "user" or not history:
            history.append((text.strip(), "") if who == "user" else ("", text.strip()))
        else:
            customer, agent = history[-1]
            history[-1] = (customer, f"{agent} {text.strip()}".strip())
    return parts[-1][2].strip(), tuple(history)


def _shop(settings: Settings, home: Path, pages: Path, tell: Tell) -> Settings:
    """Ingest the pages into a home of their own; what is there already is kept."""
    shop = settings.model_copy(
        update={
            "home": home,
            "database_url": "",
            "shop": settings.shop.model_copy(update=SHOP),
            "retrieval": settings.retrieval.model_copy(update={"languages": ("en",)}),
        }
    )
    make_home(shop)
    index = Index.open(shop)
    ingest_docs(index, [pages], progress=tell)
    index.close()
    return shop


def _without(whole: Settings, home: Path, pages: set[str]) -> Settings:
    """A copy of the home without these pages and those that share a passage with one of them."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(whole.home, home, ignore=shutil.ignore_patterns("models", VECTORS, f"{VECTORS}-*"))
    (home / VECTORS).symlink_to(whole.home / VECTORS)  # sentences that were embedded there are embedded
    shop = whole.model_copy(update={"home": home})
    index = Index.open(shop)
    sources: dict[str, set[str]] = {}
    for row in index.rows.passages("page"):
        sources.setdefault(row.passage.text, set()).add(row.passage.source)
    gone = {source for sharing in sources.values() if sharing & pages for source in sharing}
    with index.write() as rows:
        with rows.transaction():
            rows.remove(sorted(gone))
        index.publish()
    index.close()
    return shop
