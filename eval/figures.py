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


def figures(metrics: Mapping[str, float], wanted: Sequence[str] = ()) -> list[Figure]:
    """The figures ``wanted``, in that order, as far as they are there; without, those that have an interval.

    The baseline ``NAME_x`` of a figure ``x`` may also stand behind what the figure's own name begins with:
    ``new_topic_bm25_mrr`` is bm25's of ``new_topic_mrr``.
    """
    sure = [name for name in metrics if f"{name}_low" in metrics and f"{name}_high" in metrics]
    beside = _baselines(metrics, sure)
    return [
        Figure(
            name,
            metrics[name],
            metrics.get(f"{name}_low"),
            metrics.get(f"{name}_high"),
            beside.get(name, {}),
        )
        for name in (wanted or sure)
        if name in metrics
    ]


def others(metrics: Mapping[str, float]) -> dict[str, float]:
    """What ``figures`` does not show: counts, timings, gains."""
    shown = figures(metrics)
    used = {part for figure in shown for part in (figure.name, f"{figure.name}_low", f"{figure.name}_high")}
    used |= {
        name for names in _baselines(metrics, [f.name for f in shown], whole=True).values() for name in names
    }
    return {name: value for name, value in metrics.items() if name not in used}


def _baselines(
    metrics: Mapping[str, float], sure: Sequence[str], *, whole: bool = False
) -> dict[str, dict[str, float]]:
    """Figure → baseline → value. A metric is a baseline of the figure that is left when the fewest words are taken out
    of its name, none of them at the end. With ``whole`` the baselines have the metric's name in full."""
    found: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        if name in sure or name.endswith(("_low", "_high")):
            continue
        words = name.split("_")
        cuts = [
            (size, start) for size in range(1, len(words)) for start in range(len(words) - size)
            if "_".join(words[:start] + words[start + size :]) in sure
        ]  # fmt: skip
        if cuts:
            size, start = min(cuts)
            figure = "_".join(words[:start] + words[start + size :])
            label = name if whole else " ".join(words[start : start + size])
            found.setdefault(figure, {})[label] = value
    return found


def number(value: float) -> str:
    """Four digits at the most, thousands apart; whole numbers stay whole."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
