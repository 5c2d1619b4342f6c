"""The held-out loss of a model with or without an adapter, conversation by conversation. Trains nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from finetune.batches import micro_batches
from finetune.examples import Encoded
from finetune.model import ReplyLoss, load_adapter, load_base
from finetune.packed import pack

TOKENS = 1024
"""Of one forward pass."""


@torch.no_grad()
def losses(
    base: Path,
    adapter: Path | None,
    every: Sequence[Encoded],
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> list[float]:
    """Mean nats a reply token of each group of the examples, in the order of their names."""
    loss = ReplyLoss(load_base(base) if adapter is None else load_adapter(base, adapter)).eval()
    summed: dict[str, float] = defaultdict(float)
    learnt: dict[str, int] = defaultdict(int)
    batches = micro_batches(every, range(len(every)), TOKENS)
    for number, own in enumerate(batches, 1):
        chosen = [every[place] for place in own]
        for one, value in zip(chosen, loss(pack(chosen)).tolist(), strict=True):
            summed[one.group] += value
            learnt[one.group] += sum(one.learnt)
        tell(number, len(batches))
    return [summed[group] / learnt[group] for group in sorted(summed)]
