"""The fits of search: the arithmetic, and what they are fitted on."""

from __future__ import annotations

import random

import numpy as np
import pytest

from configs.errors import ConfigError
from eval.doc2dial import Question, data_folder, ranks, shifted, summary
from eval.product_fit import loss, mention, messages, named
from eval.search_fit import Examples, auc, fit, held_out, predict
from retrieval.confidence import NameWeights, load_fitted


def test_the_regression_finds_the_true_coefficients() -> None:
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(20_000, 2))
    truth = [0.5, 2.0, -1.0]
    labels = (rng.random(20_000) < predict(truth, signals)).astype(float)
    assert np.allclose(fit(signals, labels, ridge=1e-6), truth, atol=0.1)


def test_held_out_predictions_never_saw_their_question() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(100), 3)
    noise = rng.normal(size=(300, 40))  # enough columns to learn the labels by heart
    labels = rng.integers(0, 2, 300).astype(float)
    p = held_out(Examples(noise, labels, groups))
    seen = predict(fit(noise, labels), noise)
    assert auc(seen[labels == 1], seen[labels == 0]) > 0.65
    assert 0.4 < auc(p[labels == 1], p[labels == 0]) < 0.6


def test_auc() -> None:
    assert auc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1
    assert auc(np.array([1.0]), np.array([1.0])) == 0.5


def questions() -> list[Question]:
    gold = frozenset({"text"})
    return [
        *(Question((f"first {n}",), gold, f"d{n % 4}", n % 2 == 0) for n in range(8)),
        *(
            Question(tuple(f"turn {n} {m}" for m in range(4)), gold, f"d{n % 4}", n % 2 == 0)
            for n in range(8)
        ),
    ]


def test_a_shifted_dialogue_is_another_documents_of_the_same_half() -> None:
    for question in shifted(questions()):
        assert question.turns[0].startswith("first")
        assert len(question.dialogue) == 4
        number = int(question.dialogue[0].split()[1])
        assert f"d{number % 4}" != question.document
        assert (number % 2 == 0) == question.tuning


def test_ranks_and_their_summary() -> None:
    found = iter([["text"], ["a", "text"], ["a", "b", "c", "d", "e", "text"], []])
    assert ranks(questions()[:4], lambda _: next(found)) == [1, 2, 6, 0]
    told = summary({"search": [1, 2, 6, 0], "bm25": [2, 2, 0, 0]})
    assert (told["recall_at_1"], told["recall_at_5"]) == (0.25, 0.5)
    assert told["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 6) / 4, abs=1e-4)
    assert told["recall_at_5_low"] <= told["recall_at_5"] <= told["recall_at_5_high"]
    assert told["bm25_recall_at_5"] == 0.5
    assert told["bm25_recall_at_5_gain_low"] == told["bm25_recall_at_5_gain_high"] == 0
    assert told["bm25_mrr_gain_low"] >= 0


def test_without_the_data_the_message_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_DATA", "/nowhere")
    with pytest.raises(ConfigError, match="KEFU_DATA"):
        data_folder()


NAMES = [
    ("A-1001", "Alder bread knife 24 cm", "Kitchen knives"),
    ("A-1002", "Flint paring knife 9 cm", "Kitchen knives"),
    ("B-2001", "Rainfall watering can", "Garden"),
]


def test_mentions_are_of_the_name() -> None:
    rng = random.Random(0)
    said = {mention(name, category, rng) for _ in range(200) for _, name, category in NAMES}
    assert {"alder bread knife 24 cm", "alder bread knife", "alder knife", "alder knives"} <= said
    assert len(said) > 20  # misspelt ones too
    assert all(text for text in said)


def test_the_fitted_weights_tell_names_from_nothing() -> None:
    shop = named("small", NAMES)
    nothing = ["where is my order", "I want my money back", "hello there"]
    wanted = messages(shop, 3, nothing, 0)
    assert {row for _, row in wanted} == {0, 1, 2, None}
    fitted = NameWeights(**load_fitted()["name"])
    deaf = NameWeights(0.0, 0.0, 6.0, 0.15)
    assert loss(shop, fitted, wanted)["loss"] < loss(shop, deaf, wanted)["loss"]
