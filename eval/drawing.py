"""Curves, bars and confusions as SVG, each with a table that says the same. Colours are CSS variables of the page.

Every text is escaped. Labels are drawn large enough for a phone; series differ by dashes and marks, not by colour alone.
Does not know what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import count

from eval.figures import number
from eval.outcome import Bars, Confusion, Curve

WIDTH = 480
SHOWN = 12
"""Labels of a confusion that are drawn: those of the most frequent mistakes."""
PAIRS = 20
"""Mistakes that its table lists."""
_DASHES = ("", "7 4", "2 4", "9 3 2 3", "1 3", "12 4")
_ids = count(1)


def plot(drawn: Curve | Bars | Confusion) -> str:
    """A figure element: picture, caption, table."""
    picture, table = {Curve: _curve, Bars: _bars, Confusion: _confusion}[type(drawn)](drawn)  # type: ignore[operator]  # each draws its own kind
    unit = f" ({drawn.y})" if isinstance(drawn, Bars) else ""
    return (
        f'<figure><figcaption>{escape(drawn.title + unit)}</figcaption><div class="wide">{picture}</div>'
        f"<details><summary>The same as a table</summary>{table}</details></figure>"
    )


def _svg(title: str, description: str, height: float, parts: Iterable[str], width: int = WIDTH) -> str:
    own = next(_ids)
    return (
        f'<svg viewBox="0 0 {width} {height:g}" role="img" aria-labelledby="t{own} d{own}">'
        f'<title id="t{own}">{escape(title)}</title><desc id="d{own}">{escape(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", style: str = "") -> str:
    styled = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{styled}>{escape(text)}</text>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells that begin with a digit or a sign are figures and go to the right."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(text: str) -> str:
    figure = text[:1].isdigit() or (text[:1] in "+-" and text[1:2].isdigit())
    return f'<td class="n">{escape(text)}</td>' if figure else f"<td>{escape(text)}</td>"


# --- curves -------------------------------------------------------------------------------------------------


def _curve(curve: Curve) -> tuple[str, str]:
    points = [point for line in curve.lines.values() for point in line]
    if not points:
        return _nothing(curve.title), ""
    left, right, top, bottom = 56, 16, 14, 262
    xs, ys = _ticks([x for x, _ in points]), _ticks([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - xs[0]) / (xs[-1] - xs[0])
        return left + across * (WIDTH - left - right), bottom - (y - ys[0]) / (ys[-1] - ys[0]) * (
            bottom - top
        )

    parts = []
    for y in ys:
        _, at = place(xs[0], y)
        parts.append(f'<path class="grid" d="M{left} {at:.1f}H{WIDTH - right}"/>')
        parts.append(_text(left - 8, at + 5, number(y), anchor="end"))
    for x in xs:
        at, _ = place(x, ys[0])
        parts.append(_text(at, bottom + 20, number(x), anchor="middle"))
    parts.append(_text((left + WIDTH - right) / 2, bottom + 42, curve.x, anchor="middle", style="axis"))
    legend = bottom + 66
    for n, (name, line) in enumerate(curve.lines.items()):
        dash = f' stroke-dasharray="{_DASHES[n % 6]}"' if _DASHES[n % 6] else ""
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in (place(*point) for point in line))
        parts.append(f'<path class="line c{n % 6}"{dash} d="M{path}"/>')
        if len(line) <= 30:
            parts += [
                f'<circle class="c{n % 6}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
                for x, y in (place(*point) for point in line)
            ]
        across, down = left + (n % 2) * 200, legend + n // 2 * 22
        parts.append(f'<path class="line c{n % 6}"{dash} d="M{across} {down - 5}h36"/>')
        parts.append(_text(across + 44, down, name))
    parts.append(_text(left + 6, top + 12, curve.y, style="axis"))
    ends = "; ".join(f"{name} ends at {number(line[-1][1])}" for name, line in curve.lines.items() if line)
    height = legend + (len(curve.lines) + 1) // 2 * 22
    picture = _svg(curve.title, f"{curve.y} over {curve.x}. {ends}.", height, parts)
    return picture, _curve_table(curve)


def _curve_table(curve: Curve) -> str:
    """One row for each x of any line; long lines are thinned out to forty rows or fewer."""
    lines = [dict(line) for line in curve.lines.values()]
    xs = sorted({x for line in lines for x in line})
    step = math.ceil(len(xs) / 40)
    return table(
        [curve.x, *curve.lines],
        [[number(x), *(number(line[x]) if x in line else "" for line in lines)] for x in xs[::step]],
    )


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers around the values, four to seven of them."""
    low, high = min(values), max(values)
    if low >= 0 and low <= high / 2:
        low = 0.0
    spread = high - low
    if spread <= 1e-9 * max(1.0, abs(high)):
        spread = abs(high) if abs(high) > 1e-9 else 1.0
    step = 10 ** math.floor(math.log10(spread / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if spread / (step * factor) <= 6)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 12) for n in range(first, max(last, first + 1) + 1)]


# --- bars ---------------------------------------------------------------------------------------------------


def _bars(bars: Bars) -> tuple[str, str]:
    """Lying bars, a row for each series of each group, so that names of any length can be read."""
    series = list(dict.fromkeys(name for heights in bars.groups.values() for name in heights))
    values = [value for heights in bars.groups.values() for value in heights.values()]
    if not values:
        return _nothing(bars.title), ""
    most = max(*values, 0.0) or 1.0
    if most <= 1 and min(values) >= 0:
        most = 1.0
    left, room, thick = 14, WIDTH - 90, 16
    parts, y = [], 6.0
    for n, name in enumerate(series if len(series) > 1 else ()):
        parts.append(f'<rect class="c{n % 6}" x="{left + n * 110}" y="{y}" width="14" height="14" rx="2"/>')
        parts.append(_text(left + n * 110 + 20, y + 12, name))
    y += 24 if len(series) > 1 else 0
    for group, heights in bars.groups.items():
        parts.append(_text(left, y + 15, _short(group, 52)))
        y += 22
        for n, name in enumerate(series):
            if name not in heights:
                continue
            long = max(heights[name], 0.0) / most * (room - left)
            parts.append(
                f'<rect class="c{n % 6}" x="{left}" y="{y:.1f}" width="{max(long, 1):.1f}" height="{thick}" rx="2">'
                f"<title>{escape(f'{group}, {name}: {number(heights[name])}')}</title></rect>"
            )
            parts.append(_text(left + long + 6, y + 13, number(heights[name])))
            y += thick + 3
        y += 6
    told = f"{bars.y}, {len(bars.groups)} groups, from {number(min(values))} to {number(max(values))}."
    rows = [[group, *(number(h[n]) if n in h else "" for n in series)] for group, h in bars.groups.items()]
    return _svg(f"{bars.title} ({bars.y})", told, y, parts), table(
        ["", *(f"{n} ({bars.y})" for n in series)], rows
    )


# --- confusions ---------------------------------------------------------------------------------------------


def mistakes(confusion: Confusion) -> list[tuple[int, str, str]]:
    """(how often, what it was, what it was taken for), the most frequent first."""
    names = confusion.labels
    found = [
        (count_, names[row], names[column])
        for row, counts in enumerate(confusion.counts)
        for column, count_ in enumerate(counts)
        if row != column and count_
    ]
    return sorted(found, key=lambda one: (-one[0], one[1], one[2]))


def _confusion(confusion: Confusion) -> tuple[str, str]:
    """The labels of the most frequent mistakes as a heat map; columns go by the numbers of the rows."""
    wrong = mistakes(confusion)
    labels = list(confusion.labels)
    if len(labels) > SHOWN:
        labels = []
        for _, was, taken in wrong:  # a pair goes in whole, so that each row drawn has its mistake beside it
            new = [label for label in dict.fromkeys((was, taken)) if label not in labels]
            if len(labels) + len(new) <= SHOWN:
                labels += new
    if not labels:
        return _nothing(confusion.title, "no mistakes"), ""
    place = {label: n for n, label in enumerate(confusion.labels)}
    grid = [[confusion.counts[place[row]][place[column]] for column in labels] for row in labels]
    most = max((n for r, row in enumerate(grid) for c, n in enumerate(row) if r != c), default=0) or 1
    size, left, top = 32, 264, 40
    width = left + size * len(labels) + 8
    parts = [_text(left, 14, "taken for number", style="axis")]
    for n, label in enumerate(labels):
        middle = top + n * size + size / 2 + 5
        parts.append(_text(left - 8, middle, f"{_short(label, 24)} {n + 1}", anchor="end"))
        parts.append(_text(left + n * size + size / 2, top - 8, str(n + 1), anchor="middle"))
        for c, count_ in enumerate(grid[n]):
            strength = 0.0 if n == c else count_ / most
            style = "right" if n == c else "cell"
            parts.append(
                f'<rect class="{style}" x="{left + c * size}" y="{top + n * size}" width="{size - 2}" height="{size - 2}" '
                f'rx="3" fill-opacity="{0.08 + 0.92 * strength:.2f}"><title>'
                f"{escape(f'{label} taken for {labels[c]}: {count_}')}</title></rect>"
            )
            if count_:
                dark = " strong" if strength > 0.85 else " half" if strength > 0.5 else ""
                parts.append(
                    _text(
                        left + c * size + size / 2 - 1,
                        middle,
                        str(count_),
                        anchor="middle",
                        style=f"count{dark}",
                    )
                )
    errors, all_ = sum(n for n, _, _ in wrong), sum(map(sum, confusion.counts))
    told = (
        f"{errors:,} of {all_:,} were taken for something else"
        + (f"; drawn are {len(labels)} of {len(confusion.labels)} labels, those of the most frequent mistakes" if len(labels) < len(confusion.labels) else "")
        + "."
    )  # fmt: skip
    rows = [[was, taken, str(n)] for n, was, taken in wrong[:PAIRS]]
    picture = _svg(confusion.title, told, top + size * len(labels) + 4, parts, width)
    return f'<p>{escape(told)}</p><div class="broad">{picture}</div>', table(
        ["it was", "it was taken for", "times"], rows
    )


# --- small parts --------------------------------------------------------------------------------------------


def whisker(value: float, low: float | None, high: float | None, baselines: Mapping[str, float]) -> str:
    """A strip from 0 to 1: the value with its interval, and a tick for each baseline; nothing for other ranges."""
    shown = [value, *baselines.values(), *(end for end in (low, high) if end is not None)]
    if min(shown) < 0 or max(shown) > 1:
        return ""

    def at(x: float) -> float:
        return 4 + x * 152

    parts = ['<path class="grid" d="M4 12H156M4 7v10M156 7v10M80 9v6"/>']
    for name, base in baselines.items():
        title = f"<title>{escape(f'{name} {number(base)}')}</title>"
        parts.append(f'<path class="tick" d="M{at(base):.1f} 4v16">{title}</path>')
    if low is not None and high is not None:
        parts.append(f'<path class="reach" d="M{at(low):.1f} 12H{at(high):.1f}"/>')
    parts.append(f'<circle class="c0" cx="{at(value):.1f}" cy="12" r="4.5"/>')
    return f'<svg class="strip" viewBox="0 0 160 24" aria-hidden="true">{"".join(parts)}</svg>'


def _nothing(title: str, why: str = "nothing to draw") -> str:
    return f"<p>{escape(title)}: {why}.</p>"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
