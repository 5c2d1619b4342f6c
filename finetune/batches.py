"""Which examples make up which step: batches of like length, the same for the same seed, on however many processes.

A step is a fixed number of examples, drawn in the seed's order; its examples are sorted by length and cut into
micro-batches that hold no more than so many tokens. Processes take turns at the micro-batches of a
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
    """The chosen ones by length, longest first, in batches of at most ``tokens`` tokens, what all of a batch begin with
    counted once; one alone may have more."""
    made: list[list[int]] = []
    shared = length = 0
    for place in sorted(chosen, key=lambda place: (-len(every[place]), place)):
        one = every[place]
        if made:
            first = every[made[-1][0]]
            common = shared_prefix((first, one), shared)
            grown = length + (len(made[-1]) - 1) * shared + len(one) - len(made[-1]) * common
            if grown <= tokens:
                made[-1].append(place)
                shared, length = common, grown
                continue
        made.append([place])
        shared, length = len(one), len(one)
    return tuple(tuple(own) for own in made)


def cells(every: Sequence[Encoded], own: Sequence[int]) -> int:
    """Tokens of one forward pass, what all begin with counted once."""
    shared = shared_prefix([every[place] for place in own])
    return shared + sum(len(every[place]) - shared for place in own)


def shared_prefix(chosen: Sequence[Encoded], most: int | None = None) -> int:
    """How many tokens all begin with, each keeping one of its own at least; ``most`` is a limit known before."""
    first = chosen[0].tokens
    shared = min(len(one) for one in chosen) - 1
    if most is not None:
        shared = min(shared, most)
    for one in chosen[1:]:
        if one.tokens[:shared] != first[:shared]:
            shared = next(place for place in range(shared) if one.tokens[place] != first[place])
    return shared
