"""What the suite ``recommend`` compares: our models, and beside each the library or the formula that it stands on.

Every system is trained and asked in a process of its own, so that its memory can be read. Libraries that know customers by
number alone are asked for those that they were trained on. Knows no figures.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from eval.purchases import Split
from retrieval.recommend.als import Als
from retrieval.recommend.base import Case, Model, PersonalFrequency, RecentPopularity
from retrieval.recommend.baskets import Baskets
from retrieval.recommend.blend import Task
from retrieval.recommend.ease import Ease
from retrieval.recommend.interactions import NOTHING, Floats, Interactions, Known
from retrieval.recommend.measures import NDCG_AT, RECALL_AT, ndcg, recall, top
from retrieval.recommend.paper import PaperModel
from retrieval.recommend.recommender import Recommender
from retrieval.recommend.spark_als import SparkAls
from retrieval.recommend.training import trained

FIVE = 5


class System(Protocol):
    def train(self, data: Interactions, now: np.datetime64) -> None: ...

    def ranked(self, known: Known, task: Task, cart: Known) -> NDArray[np.int64]:
        """At least the 20 best, without what is known under ``discover``, and without the cart."""


class Blended:
    """kefu's recommender as the shop has it, explanations included."""

    def __init__(self, texts: Floats | None = None) -> None:
        self.texts = texts
        self.made: Recommender | None = None

    def train(self, data: Interactions, now: np.datetime64) -> None:
        self.made = trained(data, now, texts=self.texts)

    def ranked(self, known: Known, task: Task, cart: Known) -> NDArray[np.int64]:
        assert self.made is not None
        skus = self.made.skus
        if task == "complete":
            listed = self.made.complete([skus[item] for item in cart.item], known, n=RECALL_AT)
        else:
            listed = self.made.recommend(known, mode=task, n=RECALL_AT)
        return np.array([self.made.place[one.sku.casefold()] for one in listed], np.int64)


class Single:
    """One model; carts are asked of it as if nothing but the cart were known."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def train(self, data: Interactions, now: np.datetime64) -> None:
        self.model.train(data, now)

    def ranked(self, known: Known, task: Task, cart: Known) -> NDArray[np.int64]:
        scores = self.model.predict(cart if task == "complete" else known).astype(np.float64)
        scores[cart.item] = -np.inf
        if task == "discover":
            scores[known.bought] = -np.inf
        return top(scores, RECALL_AT)


class Mixed:
    """The strongest mix by hand: .7 of personal frequency and .3 of EASE, each by its largest score."""

    def __init__(self) -> None:
        self.personal, self.ease = PersonalFrequency(), Ease(rank=None)

    def train(self, data: Interactions, now: np.datetime64) -> None:
        self.personal.train(data, now)
        self.ease.train(data, now)

    def predict(self, known: Known) -> Floats:
        parts = (0.7, self.personal.predict(known)), (0.3, self.ease.predict(known))
        return np.asarray(
            sum(share * own / max(float(own.max(initial=0)), 1e-9) for share, own in parts), np.float32
        )


class EaseByTheBook:
    """Steck's formula written out: one inverse of items by items."""

    def train(self, data: Interactions, now: np.datetime64) -> None:
        ours = Ease()
        matrix = data.matrix(now, ours.half_life).sqrt()
        gram = (matrix.T @ matrix).toarray().astype(np.float32)
        gram[np.diag_indices_from(gram)] += (
            ours.penalty * float(matrix.multiply(matrix).sum()) / matrix.shape[1]
        )
        self.weights = np.linalg.inv(gram)
        del gram
        self.weights /= -np.diag(self.weights).copy()
        np.fill_diagonal(self.weights, 0)
        self._ours = ours

    def predict(self, known: Known) -> Floats:
        items, held = self._ours.held(known)
        return np.asarray(held @ self.weights[items], np.float32)


HALF_LIFE = Als().half_life
CHOSEN: Mapping[str, Mapping[str, float]] = {
    "als": {"factors": 128, "alpha": 1, "regularization": 10, "iterations": 15},
    "bpr": {"factors": 64, "learning_rate": 0.01, "regularization": 0.1},
    "cosine": {"K": 1000},
    "bm25": {"K": 200, "K1": 1.2, "B": 0.2},
}
"""Parameters of the library's models, by ``python -m eval.recommend_tune``; what is not named is the library's own choice."""


class OfImplicit:
    """A model of the library ``implicit``, asked by itself for the customers that it was trained on."""

    def __init__(self, kind: str, parameters: Mapping[str, float] | None = None) -> None:
        self.kind = kind
        self.parameters = dict(CHOSEN[kind] if parameters is None else parameters)

    def train(self, data: Interactions, now: np.datetime64) -> None:
        from implicit import bpr, nearest_neighbours
        from implicit.cpu.als import AlternatingLeastSquares

        self.matrix = data.matrix(now, HALF_LIFE).log1p().tocsr()
        seed = {"random_state": 0} if self.kind in ("als", "bpr") else {}
        kinds: Mapping[str, Any] = {
            "als": AlternatingLeastSquares,
            "bpr": bpr.BayesianPersonalizedRanking,
            "cosine": nearest_neighbours.CosineRecommender,
            "bm25": nearest_neighbours.BM25Recommender,
        }
        with threadpool_limits(1, "blas"):  # as the library asks for, and as ours trains
            self.model: Any = kinds[self.kind](**self.parameters, **seed)
            self.model.fit(self.matrix, show_progress=False)

    def ranked(self, known: Known, task: Task, cart: Known) -> NDArray[np.int64]:
        import scipy.sparse as sp

        if task != "complete" and known.customer >= 0:
            row, told = self.matrix[known.customer], {}
        else:  # somebody whom the library was not trained on
            items, values = (
                (cart.item, np.ones(len(cart.item))) if task == "complete" else known.faded(HALF_LIFE)
            )
            values = values if task == "complete" else np.log1p(values)
            row = sp.csr_matrix((values, (np.zeros(len(items), int), items)), (1, self.matrix.shape[1]))
            told = {"recalculate_user": True} if self.kind == "als" else {}
        found, _ = self.model.recommend(
            max(known.customer, 0), row, N=RECALL_AT, filter_already_liked_items=task != "mixed", **told
        )
        return np.asarray(found, np.int64)


def system(name: str, texts: Floats | None, parameters: Mapping[str, float] | None = None) -> System:
    made: Mapping[str, Any] = {
        "blend": lambda: Blended(texts),
        "popularity": lambda: Single(RecentPopularity()),
        "personal": lambda: Single(PersonalFrequency()),
        "ease": lambda: Single(Ease()),
        "ease_by_the_book": lambda: Single(EaseByTheBook()),
        "mixed_by_hand": lambda: Single(Mixed()),
        "als": lambda: Single(Als()),
        "spark_als": lambda: Single(SparkAls()),
        "baskets": lambda: Single(Baskets()),
        "paper_additive": lambda: Single(PaperModel(bilinear=False)),
        "paper_bilinear": lambda: Single(PaperModel(bilinear=True)),
        **{f"implicit_{kind}": lambda kind=kind: OfImplicit(kind, parameters) for kind in CHOSEN},
    }
    found: System = made[name]()
    return found


SYSTEMS = (
    "blend", "popularity", "personal", "ease", "ease_by_the_book", "mixed_by_hand", "als", "implicit_als", "implicit_bpr",
    "implicit_cosine", "implicit_bm25", "baskets", "paper_additive", "paper_bilinear",
)  # fmt: skip
BY_NUMBER = ("paper_additive", "paper_bilinear", "implicit_bpr")
"""They know customers by number: of a cart, or of somebody of whom only five products are known, they say nothing of their own."""


@dataclass(frozen=True, slots=True)
class Found:
    """Scores of each case by task: NaN where nothing was left to find; ``hit`` is whether one of the first ten products that are
    new to the customer was taken. ``memory`` in bytes, ``seconds`` of the training, ``each`` of every list."""

    recall: Mapping[str, Floats]
    ndcg: Mapping[str, Floats]
    hit: Floats
    seconds: float
    memory: int
    each: Floats
    covered: int


def measured(
    name: str, split: Split, texts: Floats | None, parameters: Mapping[str, float] | None = None
) -> Found:
    """Train and ask; runs in a process of its own. ``parameters`` are for the library's models in place of ``CHOSEN``."""
    made = system(name, texts, parameters)
    before, started = _peak(), time.perf_counter()
    made.train(split.train, split.now)
    seconds, memory = time.perf_counter() - started, _peak() - before
    recalls: dict[str, list[float]] = {}
    ndcgs: dict[str, list[float]] = {}
    each: list[float] = []
    hits: list[float] = []
    seen: set[int] = set()
    for task, cases in _asked(split, name).items():
        recalls[task], ndcgs[task] = [], []
        for case, cart in cases:
            taken = np.setdiff1d(case.taken, case.known.bought) if task == "new" else case.taken
            kind: Task = "discover" if task == "new" else "complete" if task == "cart" else "mixed"
            # A copy keeps nothing of what was computed before, as a shopper's request does not either.
            asked = replace(case.known), replace(cart)
            began = time.perf_counter()
            ranked = made.ranked(asked[0], kind, asked[1])
            each.append(time.perf_counter() - began)
            seen.update(ranked.tolist())
            recalls[task].append(recall(ranked, taken, RECALL_AT) if len(taken) else np.nan)
            if task == "new":
                hits.append(float(np.isin(ranked[:NDCG_AT], taken).any()) if len(taken) else np.nan)
            ndcgs[task].append(ndcg(ranked, taken, NDCG_AT) if len(taken) else np.nan)
    return Found(
        {task: np.array(own, np.float32) for task, own in recalls.items()},
        {task: np.array(own, np.float32) for task, own in ndcgs.items()},
        np.array(hits, np.float32), seconds, memory, np.array(each, np.float32), len(seen),
    )  # fmt: skip


def _asked(split: Split, name: str) -> dict[str, Sequence[tuple[Case, Known]]]:
    every = [(case, NOTHING) for case in split.cases]
    asked: dict[str, Sequence[tuple[Case, Known]]] = {"all": every, "new": every}
    if name not in BY_NUMBER:
        asked["cart"] = split.carts
        few = [(Case(_anonymous(case.known.latest(FIVE)), case.taken), NOTHING) for case in split.cases]
        asked["five_items"] = [pair for pair in few if len(pair[0].known.bought) == FIVE]
    return asked


def _anonymous(known: Known) -> Known:
    return replace(known, customer=-1)


def _peak() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
