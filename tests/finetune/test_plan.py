"""A plan tells of every step and look, and tries a few batches as they will be trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from finetune import plan as planning
from finetune.batches import micro_batches, steps
from finetune.model import ReplyLoss
from finetune.packed import Packed
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


@pytest.mark.slow
def test_batches_are_tried_as_they_are_trained(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropout, DoRA and recomputed activations take other time and memory in training than out of it."""
    tried: list[tuple[bool, bool]] = []
    forward = ReplyLoss.forward

    def noted(self: ReplyLoss, batch: Packed) -> torch.Tensor:
        tried.append((self.training, torch.is_grad_enabled()))
        return forward(self, batch)

    monkeypatch.setattr(ReplyLoss, "forward", noted)
    every, validation = tokens(40), tokens(10, seed=1)
    order = list(steps(every, batch=CONFIG.batch, tokens=CONFIG.tokens, epochs=1, seed=CONFIG.seed))
    looked = micro_batches(validation, range(len(validation)), CONFIG.tokens)
    planning._try(tiny_base, every, validation, CONFIG, order, looked)
    assert set(tried) == {(True, True), (False, False)}
