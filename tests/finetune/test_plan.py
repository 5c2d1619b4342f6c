"""A plan tells of every step and look, and tries no more than a few batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.plan import plan

from .conftest import tokens
from .test_train import CONFIG


@pytest.mark.slow
def test_a_plan_says_what_a_training_will_take(tiny_base: Path) -> None:
    every, validation = tokens(40), tokens(10, seed=1)
    made = plan(tiny_base, every, validation, CONFIG)
    assert (made.steps, made.tokens) == (15, 3 * sum(map(len, every)))
    assert made.seconds > 0
    # Looks before the first step and behind every third of the 15.
    stepping = made.seconds - 6 * made.look_seconds
    assert made.tokens_per_second == pytest.approx(made.tokens / stepping)
    assert 0 < made.trained < made.weights
    # It holds the libraries, and no more than a small model beside them.
    assert 100 * 2**20 < made.memory < 4 * 2**30
    longer = plan(tiny_base, every, validation, CONFIG.model_copy(update={"epochs": 30}))
    assert longer.seconds > 3 * made.seconds
