"""What a suite is asked and what it hands over: figures, scores by case, and what the report draws. Scores nothing.

A suite is a module with ``run(options, tell) -> Outcome``. Printing, keeping, comparing and drawing are the harness's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Tell = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Options:
    """``config`` names a settings file; ``split``, ``only`` and ``failures`` concern suites of cases."""

    config: str | None = None
    split: str = "all"
    only: str | None = None
    failures: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """Lines over a number: name → points (x, y)."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Bars:
    """One group of bars for each name: group → series → height."""

    title: str
    y: str
    groups: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often what is ``labels[row]`` was taken for ``labels[column]``."""

    title: str
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``metrics`` is flat; ``x_low`` and ``x_high`` are the 95 % interval of ``x``, ``NAME_x`` a baseline's ``x``.

    ``scores`` holds measure → case id → score, so that two runs can be compared case by case; more is better, but for
    the measures that ``lower_is_better`` names. ``about`` says in a sentence what was measured on which data and split.
    ``notes`` are lines for people (rich markup).
    """

    metrics: Mapping[str, float]
    about: str
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    plots: Sequence[Curve | Bars | Confusion] = ()
    notes: Sequence[str] = ()
    lower_is_better: Sequence[str] = ()
