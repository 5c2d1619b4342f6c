"""The trained classifier of intents: what it learns, and what it takes for none of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from chatbot.intent_model import IntentModel, softmax_regression
from configs.errors import InputError
from eval.router import folds, grouped

DIRECTIONS = {"refund": 0, "delivery": 1, "opening": 2}


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """A text's first word gives its direction of 16; the rest of it is noise."""
    rows = []
    for text in texts:
        noise = np.random.default_rng(sum(text.encode())).normal(scale=0.1, size=16)
        noise[DIRECTIONS.get(text.split()[0], 9)] += 1
        rows.append(noise / np.linalg.norm(noise))
    return np.array(rows, np.float32)


EXAMPLES = {name: [f"{name} {n}" for n in range(30)] for name in DIRECTIONS}


@pytest.fixture(scope="module")
def model() -> IntentModel:
    return IntentModel.train(EXAMPLES, encode)


def test_it_tells_intents_apart(model: IntentModel) -> None:
    new = [f"{name} anew {n}" for name in DIRECTIONS for n in range(20)]
    found = model.probabilities(encode(new))
    assert [model.intents[i] for i in found.argmax(1)] == [text.split()[0] for text in new]
    assert np.allclose(found.sum(1), 1, atol=1e-5)


def test_what_is_like_nothing_is_out_of_scope(model: IntentModel) -> None:
    strange = encode([f"weather {n}" for n in range(40)])
    assert (model.scope(strange) < model.limit).mean() > 0.9
    assert (model.scope(encode([f"refund anew {n}" for n in range(40)])) < model.limit).mean() < 0.3


@pytest.mark.parametrize("examples", [{}, {"refund": ["a", "b"]}, {"refund": ["a", "b"], "delivery": ["c"]}])
def test_too_few_examples_are_refused(examples: dict[str, list[str]]) -> None:
    with pytest.raises(InputError, match="two or more"):
        IntentModel.train(examples, encode)


def test_the_regression_separates_what_can_be_separated() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 8)).astype(np.float32)
    labels = (vectors[:, 0] > vectors[:, 1]).astype(np.int64)
    weights = softmax_regression(vectors, labels, 2)
    found = (np.column_stack([vectors, np.ones(400)]) @ weights).argmax(1)
    assert (found == labels).mean() > 0.98


def test_folds_hold_each_row_once_and_each_label_everywhere() -> None:
    rows = [(f"{label} {n}", label) for label in "abc" for n in range(11)]
    tested = []
    for train, test in folds(rows):
        assert not set(train) & set(test)
        assert len(train) + len(test) == len(rows)
        assert grouped(train).keys() == grouped(test).keys() == {"a", "b", "c"}
        tested += test
    assert sorted(tested) == sorted(rows)
