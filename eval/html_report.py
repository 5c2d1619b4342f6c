"""``kefu eval report``: the newest kept run of every suite as one HTML file that loads nothing from anywhere.

Every text of a run is escaped: it may hold what a shopper or a data set wrote. Runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from rich.errors import MarkupError
from rich.text import Text

from configs.errors import InputError, NotFoundError
from configs.settings import THRESHOLDS, load
from eval.drawing import plot, table, whisker
from eval.figures import Figure, figures, number, others
from eval.kept import Run, newest
from eval.outcome import Curve
from eval.report import err
from eval.suites import SUITES, Suite

_STYLE = Path(__file__).with_name("report.css")


def write_page(file: Path, config: str | None = None) -> None:
    """
    Raises:
        NotFoundError: no run is kept.
        InputError: the file cannot be written.
    """
    found = newest_runs(load(config).home)
    try:
        file.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write {file} ({error.strerror})", expected="a file in a folder that exists"
        ) from error
    err.print(f"written to {file}: {len(found)} suites", markup=False)


def newest_runs(home: Path) -> list[tuple[Suite, Run]]:
    """
    Raises:
        NotFoundError: no run is kept.
    """
    found = [(suite, run) for suite in SUITES if (run := newest(home, suite.name))]
    if not found:
        raise NotFoundError(f"no run of any suite is kept below {home}", hint="kefu eval run all")
    return found


def page(found: Sequence[tuple[Suite, Run]]) -> str:
    names = [*(suite.name for suite, _ in found), "thresholds"]
    links = "".join(f'<li><a href="#{escape(name)}">{escape(name)}</a></li>' for name in names)
    commits = {run.origin.commit for _, run in found}
    told = f"commit {commits.pop()}" if len(commits) == 1 else "of several commits"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>kefu: evaluation</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head><body>"
        f"<header><h1>kefu: evaluation</h1><p>The newest run of every suite, {escape(told)}. Intervals are 95 %, by "
        f'bootstrap over the cases.</p></header><nav aria-label="Suites"><ul>{links}</ul></nav>'
        f"<main>{''.join(_section(suite, run) for suite, run in found)}{_thresholds()}</main></body></html>\n"
    )


def _section(suite: Suite, run: Run) -> str:
    outcome, origin = run.outcome, run.origin
    chosen = figures(outcome.metrics, suite.figures, suite.baselines)
    sure = [
        figure
        for figure in figures(outcome.metrics, (), suite.baselines)
        if figure.name not in {one.name for one in chosen}
    ]
    shown = {figure.name for figure in chosen}
    rest = {
        name: value for name, value in others(outcome.metrics, suite.baselines).items() if name not in shown
    }
    notes = [_plain(note) for note in outcome.notes]
    parts = [
        f'<section id="{escape(suite.name)}"><h2>{escape(suite.name)}</h2>',
        f"<p>{escape(outcome.about)}</p>",
        _table_of(chosen),
        f'<div class="plots">{"".join(map(plot, outcome.plots))}</div>' if outcome.plots else "",
        _folded("More figures with intervals", _table_of(sure)) if sure else "",
        _folded("All other figures", table(["", ""], [[n, number(v)] for n, v in rest.items()]))
        if rest
        else "",
        _folded("Notes", f"<pre>{escape(chr(10).join(notes))}</pre>") if notes else "",
        _folded("Where this comes from", _provenance(suite, run)),
        f'<p class="from">{escape(run.day)}, commit {escape(origin.commit)}, {number(run.seconds)} s</p></section>',
    ]
    return "".join(parts)


def _thresholds() -> str:
    """Coverage and risk of each rung as its threshold falls, on the development trials that it was fitted on."""
    told = json.loads(THRESHOLDS.read_text(encoding="utf-8"))
    rows = [
        [name, number(one["threshold"]), "yes" if one["fitted"] else "no: too few trials"]
        for name, one in told.items()
    ]
    shops = sorted({shop for one in told.values() for shop in one if isinstance(one[shop], dict)})
    drawn = [
        Curve(
            f"Risk and coverage on {shop}, development half",
            "share of questions answered",
            "share of answers that are wrong",
            {
                name: sorted((coverage, risk) for _, coverage, risk in one[shop]["curve"])
                for name, one in told.items()
                if shop in one and len(one[shop]["curve"]) > 1
            },
        )
        for shop in shops
    ]
    return (
        '<section id="thresholds"><h2>thresholds</h2><p>From which confidence each rung speaks, fitted by '
        "python -m eval.threshold_fit; part of the code, not of a run.</p>"
        f'{table(["rung", "threshold", "fitted"], rows)}<div class="plots">{"".join(map(plot, drawn))}</div></section>'
    )


def _table_of(shown: Sequence[Figure]) -> str:
    """Figures with intervals, baselines and a strip from 0 to 1."""
    if not shown:
        return ""
    beside = any(figure.baselines for figure in shown)
    head = ["figure", "value", "95 % interval", "0 to 1", *(["baselines"] if beside else [])]
    rows = []
    for one in shown:
        reach = (
            f"{number(one.low)} to {number(one.high)}" if one.low is not None and one.high is not None else ""
        )
        cells = [
            f'<th scope="row">{escape(one.name)}</th>',
            f'<td class="n big">{number(one.value)}</td>',
            f'<td class="n">{reach}</td>',
            f'<td class="reach-of">{whisker(one.value, one.low, one.high, one.baselines) if reach else ""}</td>',
            *([f'<td class="beside">{escape(one.told_baselines)}</td>'] if beside else []),
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    return f'<div class="wide"><table class="figures"><thead><tr>{top}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _provenance(suite: Suite, run: Run) -> str:
    told = {
        "data": suite.dataset,
        "command": run.command,
        "commit": run.origin.commit,
        "adapter": run.origin.adapter or "none",
        "started (UTC)": run.started,
        "seconds": number(run.seconds),
        **{name: value if isinstance(value, str) else number(value) for name, value in run.machine.items()},
        **run.origin.versions,
    }
    return table(["", ""], list(told.items()))


def _plain(note: str) -> str:
    """Without markup; as it is where that is broken, since a report of what is kept must not fail."""
    try:
        return Text.from_markup(note).plain
    except MarkupError:
        return note


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"
