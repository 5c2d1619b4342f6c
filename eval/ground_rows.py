"""True and untrue sentences with the evidence that they would be checked against, made from documents. Knows no check."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatbot import lang
from eval.ground_sources import AgentTurn, Document, usable
from eval.ground_true import REWORDINGS
from eval.ground_untrue import CHANGES, PLANTED, Around

SENTENCES = 30
"""The most sentences of one document that are used."""
NOTES = 3
"""Passages that stand as evidence together."""
_SHARE_TRUE = {"verbatim": 0.6, "greeted": 0.15}
_SHARE_UNTRUE = {
    "negation added": 0.5,
    "modal": 0.5,
    "clause added": 0.3,
    "unrelated": 0.25,
    "neighbouring": 0.3,
    "name": 0.5,
}


@dataclass(frozen=True, slots=True)
class Case:
    """``kind`` says how the sentence was made."""

    document: str
    kind: str
    supported: bool
    sentence: str
    evidence: tuple[str, ...]

    @property
    def planted(self) -> bool:
        return self.kind in PLANTED


def cases(document: Document, others: Sequence[str]) -> Iterator[Case]:
    """Sentences from one document; ``others`` are sentences of documents that have nothing to do with it."""
    rng = random.Random(document.key)
    all_ = [(sentence, passage) for passage in document.passages for sentence in usable(passage)]
    chosen = rng.sample(all_, min(SENTENCES, len(all_)))
    same = [sentence for sentence, _ in all_]
    for sentence, passage in chosen:
        rest = [other for other in document.passages if other != passage]
        notes = [passage, *rng.sample(rest, min(NOTES - 1, len(rest)))]
        rng.shuffle(notes)
        evidence = tuple(notes)
        for kind, reword in REWORDINGS.items():
            said = reword(sentence, rng)
            if (
                rng.random() < _SHARE_TRUE.get(kind, 0.8)
                and said
                and (kind == "verbatim" or said != sentence)
            ):
                yield Case(document.key, kind, True, said, evidence)
        around = Around(evidence, same, others)
        held = {_bare(span.text) for text in evidence for span in lang.sentences(text)}
        for kind, change in CHANGES.items():
            base = sentence
            if rng.random() < 0.3:  # what is wrong may be reworded, too
                base = REWORDINGS[rng.choice(("compressed", "synonyms", "modal", "you can", "reordered"))](sentence, rng) or sentence  # fmt: skip
            wrong = change(base, around, rng)
            if (
                wrong
                and rng.random() < _SHARE_UNTRUE.get(kind, 1.0)
                and _bare(wrong) not in held | {_bare(base)}
            ):
                yield Case(document.key, kind, False, wrong, evidence)


def agent_cases(turns: Sequence[AgentTurn], documents: Sequence[Document]) -> Iterator[Case]:
    """What people said from a passage, with that passage among others of its document."""
    by_key = {document.key: document for document in documents}
    for turn in turns:
        rng = random.Random(turn.sentence)
        rest = by_key[turn.document].passages
        notes = [turn.passage, *rng.sample(rest, min(NOTES - 1, len(rest)))]
        rng.shuffle(notes)
        yield Case(turn.document, "agent", True, turn.sentence, tuple(notes))


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
