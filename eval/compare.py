"""Two kept runs of one suite, case by case: by how much they differ, and how sure that is.

The interval is a paired bootstrap's: shared cases are drawn anew with replacement, each with its score in both runs.
Does not know what a measure means, only which way is better.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from configs.errors import InputError
from configs.settings import load
from eval.figures import number
from eval.kept import Run, find
from eval.metrics import interval
from eval.report import out

Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """Means and counts of the shared cases; ``difference`` is the second run's mean less the first's.

    ``only_first`` and ``only_second`` count the cases that the other run lacks.
    """

    measure: str
    cases: int
    only_first: int
    only_second: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    better: int
    worse: int
    lower_is_better: bool

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` if the interval leaves out zero, else ``unsure``."""
        if self.low <= 0 <= self.high:
            return "unsure"
        return "better" if (self.difference > 0) != self.lower_is_better else "worse"


def paired(
    measure: str, first: Scores, second: Scores, *, lower_is_better: bool = False, draws: int = 2000
) -> Difference | None:
    """None if no case is in both."""
    shared = sorted(first.keys() & second.keys())
    if not shared:
        return None
    gains = [second[case] - first[case] for case in shared]
    low, high = interval(gains, draws=draws)
    up, down = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    return Difference(
        measure,
        len(shared),
        len(first.keys() - second.keys()),
        len(second.keys() - first.keys()),
        fmean(first[case] for case in shared),
        fmean(second[case] for case in shared),
        fmean(gains),
        low,
        high,
        *((down, up) if lower_is_better else (up, down)),
        lower_is_better,
    )


def compare(first: Run, second: Run) -> list[Difference]:
    """One for each measure that both runs have, in the order of the second's.

    Raises:
        InputError: the runs are of different suites, or share no case of any measure.
    """
    if first.suite != second.suite:
        raise InputError(
            f"the runs are of two suites, {first.suite} and {second.suite}", expected="two runs of one suite"
        )
    before, after = first.outcome.scores, second.outcome.scores
    found = [
        paired(
            measure,
            before[measure],
            after[measure],
            lower_is_better=measure in second.outcome.lower_is_better,
        )
        for measure in after
        if measure in before
    ]
    differences = [difference for difference in found if difference is not None]
    if not differences:
        raise InputError(
            f"the two runs of {first.suite} have no case of any measure in common",
            expected="runs that keep a score for each case",
        )
    return differences


def table(differences: Sequence[Difference]) -> Table:
    """Fits into 80 columns."""
    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for head in ("measure", "cases", "first", "second", "difference (95 %)", "+/-", ""):
        made.add_column(head, no_wrap=True, justify="left" if head in ("measure", "") else "right")
    for one in differences:
        colour = {"better": "green", "worse": "red"}.get(one.verdict, "dim")
        made.add_row(
            one.measure,
            str(one.cases),
            number(one.first),
            number(one.second),
            f"{_signed(one.difference)} ({_signed(one.low)} to {_signed(one.high)})",
            f"{one.better}/{one.worse}",
            f"[{colour}]{one.verdict}[/{colour}]",
        )
    return made


def _signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)


def remarks(first: Run, second: Run, differences: Sequence[Difference]) -> list[str]:
    """What must be known to read the table: cases left out, measures left out, what else differs between the runs."""
    lines = []
    before, after = first.outcome.scores.keys(), second.outcome.scores.keys()
    for one in differences:
        if one.only_first or one.only_second:
            lines.append(
                f"{one.measure}: left out {one.only_first} cases that only the first run has and {one.only_second} "
                "that only the second has"
            )
    for whose, names in (("first", before - after), ("second", after - before)):
        if names:
            lines.append(f"only in the {whose} run: {', '.join(sorted(names))}")
    for what in ("settings", "data"):
        if getattr(first.origin, what) != getattr(second.origin, what):
            lines.append(f"the runs had different {what}")
    if first.origin.adapter != second.origin.adapter:
        named = [run.origin.adapter or "the bare model" for run in (first, second)]
        lines.append(f"other adapters: {' → '.join(named)}")
    old, new = first.origin.versions, second.origin.versions
    changed = [f"{name} {old.get(name)} → {new.get(name)}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)]  # fmt: skip
    if changed:
        lines.append(f"other versions: {', '.join(changed)}")
    if first.machine.get("cpu") != second.machine.get("cpu"):
        lines.append("the runs were made on different processors: compare no times")
    return lines


def as_dict(first: Run, second: Run, differences: Sequence[Difference]) -> dict[str, Any]:
    return {
        "suite": first.suite,
        "first": first.name,
        "second": second.name,
        "measures": {
            one.measure: {key: value for key, value in asdict(one).items() if key != "measure"}
            | {"verdict": one.verdict}
            for one in differences
        },
        "remarks": remarks(first, second, differences),
    }


def print_comparison(first: str, second: str, *, config: str | None = None, as_json: bool = False) -> None:
    """
    Raises:
        NotFoundError: there is no such run.
        InputError: the runs cannot be compared.
    """
    home = load(config).home
    before, after = find(home, first), find(home, second)
    differences = compare(before, after)
    console = out(quiet=as_json)
    console.print(f"{before.suite}: first {before.name}, second {after.name}")
    console.print(table(differences))
    console.print("+/-: cases better/worse in the second run; unsure: the interval holds zero")
    for line in remarks(before, after, differences):
        console.print(escape(line))
    if as_json:
        print(json.dumps(as_dict(before, after, differences), ensure_ascii=False))
