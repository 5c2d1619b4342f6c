"""``kefu eval run pages``: is the search of single questions better than each of its legs, on every kind of pages?

Three corpora: the demo shop's pages asked in English (questions that search was fitted on), the same pages asked in
Chinese (legs cross the languages: BM25 reads the glossary's English), and Chinese passages of CMRC 2018 with their
questions, on which nothing was fitted. The dense leg is the embedder that reads the question's language. Dialogues are
``doc2dial``'s affair. Needs ``KEFU_DATA``; keeps its indexes below the home, so that a second run is quick.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml

from configs.settings import Settings, load
from eval.data import data_file
from eval.doc2dial import DEPTH, Find, Question, ranks, recall_curve, summary
from eval.golden import CASES
from eval.outcome import Options, Outcome, Tell
from retrieval.glossary import gloss
from retrieval.index import Index
from retrieval.ingest import ingest_docs
from retrieval.lexical import LexicalIndex
from retrieval.search import Search
from retrieval.tokens import tokenize

CONTEXTS = 64
"""Passages of CMRC 2018 that are read: a quarter of them, since embedding takes a while."""


@dataclass(frozen=True, slots=True)
class Corpus:
    name: str
    index: Index
    language: str
    questions: Sequence[Question]


def run(options: Options, tell: Tell) -> Outcome:
    """Ask every question of every corpus.

    Raises:
        ConfigError: ``KEFU_DATA`` does not lead to the data.
    """
    settings = load(options.config)
    metrics: dict[str, float] = {}
    scores: dict[str, dict[str, float]] = {}
    plots = []
    corpora = (*demo(settings, tell), cmrc(settings, tell))
    for corpus in corpora:
        tell(corpus.name, 0, 0)
        found = {name: ranks(corpus.questions, find) for name, find in ways(corpus).items()}
        metrics[f"{corpus.name}_questions"] = len(corpus.questions)
        metrics |= {named(corpus.name, measure): value for measure, value in summary(found).items()}
        scores[f"{corpus.name}_mrr"] = {
            question.id: 1 / rank if rank else 0.0
            for question, rank in zip(corpus.questions, found["search"], strict=True)
        }
        plots.append(recall_curve(f"{corpus.name}: the right passage among the first k", found))
    for index in {id(corpus.index): corpus.index for corpus in corpora}.values():
        index.close()
    return Outcome(
        metrics,
        "Single questions over three corpora, beside each leg alone: BM25, and the embedder of the question's language",
        scores,
        plots,
    )


def named(corpus: str, measure: str) -> str:
    """The corpus stands behind the name of a baseline, as the harness wants it: ``bm25_demo_mrr``."""
    leg = next((leg for leg in ("bm25_", "dense_") if measure.startswith(leg)), "")
    return f"{leg}{corpus}_{measure.removeprefix(leg)}"


def ways(corpus: Corpus) -> Mapping[str, Find]:
    """The search, and its two legs."""
    rows = corpus.index.rows.passages("page")
    lexical = LexicalIndex.build([tokenize(row.searched_text) for row in rows])
    pages_in = {row.passage.language for row in rows}
    embedder = (corpus.index.multilingual if corpus.language != "en" else None) or corpus.index.embedder
    snapshot = corpus.index.snapshot("page")
    texts = {row.passage.id: row.passage.text for row in rows}
    search = Search(corpus.index)

    def fused(question: Question) -> list[str]:
        found = search.search(question.turns[0], language=corpus.language, k=DEPTH)
        return [passage.text for passage in found]

    def bm25(question: Question) -> list[str]:
        asked = (
            question.turns[0] if corpus.language in pages_in else gloss(question.turns[0], corpus.language)
        )
        return [
            rows[i].passage.text for i in (-lexical.scores(tokenize(asked))).argsort(kind="stable")[:DEPTH]
        ]

    def dense(question: Question) -> list[str]:
        cosines = snapshot.vectors[embedder.name] @ embedder.queries([question.turns[0]])[0]
        return [texts[snapshot.ids[i]] for i in (-cosines).argsort(kind="stable")[:DEPTH]]

    return {"search": fused, "bm25": bm25, "dense": dense}


def demo(settings: Settings, tell: Tell) -> list[Corpus]:
    """The demo's pages, asked in both languages; questions that no page answers are left out."""
    index = _index(settings, "demo", Path(str(files("chatbot.demo") / "pages")), tell)
    rows = index.rows.passages("page")
    asked = yaml.safe_load((CASES / "search" / "demo.yaml").read_text(encoding="utf-8"))
    corpora = []
    for language, name in (("en", "demo"), ("zh", "demo_zh")):
        questions = [
            Question(
                (case["q"],),
                frozenset(row.passage.text for row in rows if row.passage.id.startswith(tuple(case["gold"]))),
                "",
                True,
                f"{name}:{number}",
            )
            for number, case in enumerate(asked[language])
            if case.get("gold")
        ]
        corpora.append(Corpus(name, index, language, questions))
    return corpora


def cmrc(settings: Settings, tell: Tell) -> Corpus:
    """Each context is a page; the passages that hold an answer are its gold."""
    data = json.loads(data_file("cmrc2018", "cmrc2018_trial.json").read_text(encoding="utf-8"))["data"]
    contexts = [paragraph for entry in data for paragraph in entry["paragraphs"]][:CONTEXTS]
    pages = settings.home / "eval" / "pages" / "cmrc-pages"
    pages.mkdir(parents=True, exist_ok=True)
    for context in contexts:
        (pages / f"{context['id']}.md").write_text(
            f"---\ntitle: {context['id']}\nlanguage: zh\n---\n\n{context['context']}\n", encoding="utf-8"
        )
    index = _index(settings, "cmrc", pages, tell)
    held: dict[str, list[str]] = {}
    for row in index.rows.passages("page"):
        held.setdefault(row.passage.source.removesuffix(".md"), []).append(row.passage.text)
    questions = [
        Question((asked["question"],), gold, context["id"], False, f"cmrc:{asked['id']}")
        for context in contexts
        for asked in context["qas"]
        if (
            gold := frozenset(
                text for text in held[context["id"]] if any(a["text"] in text for a in asked["answers"])
            )
        )
    ]
    return Corpus("cmrc", index, "zh", questions)


def _index(settings: Settings, name: str, pages: Path, tell: Tell) -> Index:
    index = Index.open(
        settings.model_copy(
            update={
                "home": settings.home / "eval" / "pages" / name,
                "retrieval": settings.retrieval.model_copy(update={"languages": ("en", "zh")}),
            }
        )
    )
    ingest_docs(index, [pages], progress=tell)
    return index
