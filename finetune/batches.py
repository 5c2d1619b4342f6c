"""Which examples make up which step: batches of like length, the same for the same seed, on however many processes.

A step is a fixed number of examples, drawn in the seed's order; its examples are sorted by length and cut into
micro-batches that hold no more than so many tokens, padding included. Processes take turns at the micro-batches of a
step, so that the step is the same whatever their number. Knows no tensors.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finetune.examples import Encoded


@dataclass(frozen=True, slots=True)
class Step:
    """``micro`` are places of examples, one list a forward pass; ``learnt`` counts the tokens that the loss is of."""

    number: int
    epoch: int
    micro: tuple[tuple[int, ...], ...]
    learnt: int


def steps(every: Sequence[Encoded], *, batch: int, tokens: int, epochs: int, seed: int) -> Iterator[Step]:
    """All steps of a training. The last of an epoch may hold fewer examples."""
    number = 0
    for epoch in range(epochs):
        order = list(range(len(every)))
        random.Random(f"{seed}:{epoch}").shuffle(order)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            learnt = sum(sum(every[place].learnt) for place in chosen)
            yield Step(number, epoch, micro_batches(every, chosen, tokens), learnt)
            number += 1


def count(examples: int, *, batch: int, epochs: int) -> int:
    """How many steps there will be."""
    return -(-examples // batch) * epochs


def micro_batches(
    every: Sequence[Encoded], chosen: Sequence[int], tokens: int
) -> tuple[tuple[int, ...], ...]:
    """The chosen ones by length, longest first, in batches of at most ``tokens`` tokens; one alone may have more."""
    made: list[list[int]] = []
    for place in sorted(chosen, key=lambda place: (-len(every[place]), place)):
        longest = len(every[made[-1][0]]) if made else 0
        if made and (len(made[-1]) + 1) * longest <= tokens:
            made[-1].append(place)
        else:
            made.append([place])
    return tuple(tuple(own) for own in made)
