"""Fits what each signal of a sentence is worth: ``python -m eval.ground_fit`` writes ``configs/ground.json``.

True and untrue sentences are made from the documents of the training split (``eval.ground_rows``) and read as
``chatbot.ground`` reads them; a logistic regression learns to tell them apart, once with the cosine and once
without. The threshold is the one with the best F1 on the development split. Test documents are not read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot import ground, ground_signals
from chatbot.ground_marks import spans
from configs.settings import CONFIG_DIR
from eval.data import data_folder
from eval.ground_rows import Case, agent_cases, cases
from eval.ground_sources import SETS, Split, agent_turns, documents, split_of, usable
from retrieval.embed import load_embedder

RIDGE = 1.0
AGENT_WEIGHT = 0.5
"""What people said counts less: nobody checked it against its passage."""
MAX_DROPPED = 0.04
"""The share of the true development sentences, apart from those of agents, that the threshold may drop."""
AGENT_SHARE = 3
"""One of so many sentences of agents is used."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Unit vectors of texts, made at once; an embedding as ``chatbot.ground`` takes it."""

    vectors: Mapping[str, NDArray[np.float32]]

    def query(self, text: str) -> NDArray[np.float32]:
        return self.vectors[text]

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self.vectors[text] for text in texts])


def made(splits: Sequence[Split]) -> list[Case]:
    """All cases of these splits, in a fixed order."""
    folder = data_folder(*SETS)
    all_ = documents(folder)
    own = [document for document in all_ if document.split in splits]
    openings = {
        document.key: [sentence for passage in document.passages[:3] for sentence in usable(passage)[:2]]
        for document in own
    }
    rows: list[Case] = []
    for document in own:
        others = [sentence for key, found in openings.items() if key != document.key for sentence in found]
        rows += cases(document, others)
    turns = [turn for turn in agent_turns(folder) if split_of(turn.document) in splits]
    return rows + list(agent_cases(turns[::AGENT_SHARE], all_))


def embedded(rows: Sequence[Case], kept: Mapping[str, NDArray[np.float32]] | None = None) -> Kept:
    """Vectors of every sentence and of every sentence of the evidence."""
    texts = {ground.bare(row.sentence) for row in rows}
    texts |= {span.text for row in rows for text in row.evidence for span in spans(text)}
    vectors = dict(kept or {})
    missing = sorted(texts - vectors.keys())
    vectors |= dict(zip(missing, load_embedder("minilm").passages(missing), strict=True))
    return Kept(vectors)


@dataclass(frozen=True, slots=True)
class Read:
    """A case as ``chatbot.ground`` reads it; ``hard``: some check drops it whatever the regression says."""

    case: Case
    signals: ground_signals.Signals
    hard: bool


def read(rows: Sequence[Case], embedding: Kept) -> list[Read]:
    found = []
    for case in rows:
        sentence = ground.bare(case.sentence)
        finding = ground.read(sentence, case.evidence, embedding)
        hard = bool(ground.unbacked(sentence, case.evidence) or ground.misplaced(finding))
        found.append(Read(case, finding.signals, hard))
    return found


def fit(
    signals: Sequence[ground_signals.Signals], supported: NDArray[np.bool_], weight: NDArray[np.float64]
) -> dict[str, float]:
    """Weighted logistic regression with a ridge on standardised terms, by Newton's method; coefficients of the terms."""
    table = [ground_signals.terms(row) for row in signals]
    names = list(table[0])
    raw = np.array([[row[name] for name in names] for row in table])
    mean, spread = raw.mean(0), raw.std(0)
    spread[spread < 1e-9] = np.inf
    x = np.c_[np.ones(len(raw)), (raw - mean) / spread]
    penalty = RIDGE * np.diag([1e-6] + [1.0] * len(names))
    w = np.zeros(x.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ (weight * (p - supported)) + penalty @ w
        w -= np.linalg.solve(x.T @ (x * (weight * p * (1 - p))[:, None]) + penalty, gradient)
    slopes = w[1:] / spread
    found = {"intercept": w[0] - float(slopes @ mean), **dict(zip(names, slopes, strict=True))}
    return {name: round(float(value), 4) for name, value in found.items()}


def threshold(rows: Sequence[Read], sure: NDArray[np.float64]) -> float:
    """Below which a sentence is dropped: where F1 of finding the unsupported ones is best with the hard checks, among
    those that drop few true ones."""
    rows_sure = [(row, p) for row, p in zip(rows, sure, strict=True) if row.case.kind != "agent"]

    def dropped(cut: float, *, supported: bool) -> float:
        return float(
            np.mean([row.hard or p < cut for row, p in rows_sure if row.case.supported == supported])
        )

    def f1(cut: float) -> float:
        hits, false = dropped(cut, supported=False), dropped(cut, supported=True)
        return 2 * hits / (hits + 1 + false * share)

    share = sum(row.case.supported for row, _ in rows_sure) / sum(
        not row.case.supported for row, _ in rows_sure
    )
    cuts = [round(float(cut), 2) for cut in np.linspace(0.1, 0.9, 81)]
    return max((cut for cut in cuts if dropped(cut, supported=True) <= MAX_DROPPED), key=f1, default=cuts[0])


def main() -> None:
    train, dev = made(["train"]), made(["dev"])
    embedding = embedded([*train, *dev])
    learnt, tried = read(train, embedding), read(dev, embedding)
    (CONFIG_DIR / "ground.json").write_text(
        json.dumps(fitted(learnt, tried), indent=1) + "\n", encoding="utf-8"
    )


def fitted(learnt: Sequence[Read], tried: Sequence[Read]) -> dict[str, Any]:
    """Coefficients from the one half and thresholds from the other, with the cosine and without."""
    out: dict[str, Any] = {}
    hard = np.array([row.hard for row in tried])
    supported = np.array([row.case.supported for row in tried])
    weight = np.array([AGENT_WEIGHT if row.case.kind == "agent" else 1.0 for row in learnt])
    for name, share in (("with_similarity", 1.0), ("without_similarity", 0.0)):

        def known(row: Read, share: float = share) -> ground_signals.Signals:
            return replace(row.signals, similarity=share * row.signals.similarity)

        coefficients = fit(
            [known(row) for row in learnt], np.array([row.case.supported for row in learnt]), weight
        )
        sure = np.array([ground.probability(known(row), coefficients) for row in tried])
        cut = threshold(tried, sure)
        out[name] = {"threshold": cut, "coefficients": coefficients}
        kept = ~hard & (sure >= cut)
        print(
            f"{name}: {len(learnt)} rows, threshold {cut}; of {len(tried)} development rows "
            f"{np.mean(~kept[supported]):.3f} of the true dropped, {np.mean(kept[~supported]):.3f} of the others passed"
        )
    return out


if __name__ == "__main__":
    main()
