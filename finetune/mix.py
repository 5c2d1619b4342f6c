"""The order in which examples of several kinds are taken, so that as many as there is time for have the shares that are wanted.

Knows of an example its name alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Protocol, TypeVar

from finetune.grounded import WITHOUT


class Named(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Named)


def mixed(
    replies: Iterable[T], behind: Iterable[T], *, grounded: float, unanswerable: float, seed: int
) -> list[T]:
    """All ``replies`` and those ``behind`` passages, in an order that is drawn: of any first so many, a share of ``grounded``
    is of the second kind as long as both kinds last. Unanswerable ones beyond their share of the second kind are left out."""
    rng = random.Random(seed)
    every = list(behind)
    silent = _shuffled([one for one in every if one.id.endswith(WITHOUT)], rng)
    answered = [one for one in every if not one.id.endswith(WITHOUT)]
    wanted = round(len(answered) * unanswerable / (1 - unanswerable))
    notes, others = _shuffled([*answered, *silent[:wanted]], rng), _shuffled(replies, rng)
    made: list[T] = []
    taken = 0
    while taken < len(notes) or len(made) - taken < len(others):
        no_others = len(made) - taken == len(others)
        if taken < len(notes) and (no_others or taken < grounded * (len(made) + 1)):
            made.append(notes[taken])
            taken += 1
        else:
            made.append(others[len(made) - taken])
    return made


def _shuffled(every: Iterable[T], rng: random.Random) -> list[T]:
    own = list(every)
    rng.shuffle(own)
    return own
