"""Reads a suite's flat metrics as figures: a value, its interval, and the baselines beside it. Knows no suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """``low`` and ``high`` are None where no interval was given."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    baselines: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return number(self.value)
        return f"{number(self.value)} ({number(self.low)} to {number(self.high)})"

    @property
    def told_baselines(self) -> str:
        return ", ".join(f"{name} {number(value)}" for name, value in self.baselines.items())


def figures(
    metrics: Mapping[str, float], wanted: Sequence[str] = (), baselines: Sequence[str] = ()
) -> list[Figure]:
    """The figures ``wanted``, in that order, as far as they are there; without, those that have an interval.

    ``NAME_x`` is a baseline of ``x`` if it has no interval of its own, or if ``baselines`` has NAME. NAME may also stand
    behind what the figure's own name begins with: ``new_topic_bm25_mrr`` is bm25's of ``new_topic_mrr``.
    """
    sure, beside = _read(metrics, baselines)
    return [
        Figure(
            name,
            metrics[name],
            metrics.get(f"{name}_low"),
            metrics.get(f"{name}_high"),
            {label: metrics[baseline] for label, baseline in beside.get(name, {}).items()},
        )
        for name in (wanted or sure)
        if name in metrics
    ]


def others(metrics: Mapping[str, float], baselines: Sequence[str] = ()) -> dict[str, float]:
    """What ``figures`` does not show: counts, timings, gains."""
    sure, beside = _read(metrics, baselines)
    shown = {*sure, *(name for named in beside.values() for name in named.values())}
    ends = {f"{name}_{end}" for name in shown for end in ("low", "high")}
    return {name: value for name, value in metrics.items() if name not in shown | ends}


def _read(metrics: Mapping[str, float], named: Sequence[str]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """The figures with an interval; and figure → baseline → its metric."""
    sure = [name for name in metrics if f"{name}_low" in metrics and f"{name}_high" in metrics]
    told = {f"{label}_{name}": (name, label) for name in sure for label in named}
    sure = [name for name in sure if name not in told]
    beside: dict[str, dict[str, str]] = {}
    for metric in metrics:
        found = told.get(metric) or _baseline(metric, sure)
        if found:
            beside.setdefault(found[0], {})[found[1]] = metric
    return sure, beside


def _baseline(metric: str, sure: Sequence[str]) -> tuple[str, str] | None:
    """(figure, baseline): the figure that is left when the fewest words are taken out of the metric's name, none of
    them at its end."""
    if metric in sure or metric.endswith(("_low", "_high")):
        return None
    words = metric.split("_")
    for size in range(1, len(words)):
        for start in range(len(words) - size):
            figure = "_".join(words[:start] + words[start + size :])
            if figure in sure:
                return figure, " ".join(words[start : start + size])
    return None


def number(value: float) -> str:
    """Three or four digits, thousands apart; whole numbers stay whole."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    size = abs(value)
    return f"{value:,.{0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 1 else 3}f}"
