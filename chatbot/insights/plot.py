"""Draws a table of retention as a heat map in SVG: a file of its own, light or dark as its reader likes, that loads nothing.

Each cell holds its share, and its interval when it is pointed at; the last row is all cohorts together. Knows no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from chatbot.insights.retention import Retention, Share

_LEFT, _TOP, _ROW, _COLUMN, _FOOT = 204, 112, 34, 74, 62
_LOW, _HIGH = (226, 242, 240), (11, 83, 94)
"""Fills of nobody and of the highest share."""
_LEAST = 0.1
"""Where nobody comes back, small differences are not drawn as large ones."""
_DARK, _LIGHT = "#000000", "#ffffff"
_STYLE = """
svg { color-scheme: light dark; background: #ffffff; font: 14px system-ui, -apple-system, 'Segoe UI', sans-serif; }
text { fill: #1b1f24; } .soft { fill: #57606a; } .title { font-size: 19px; font-weight: 600; }
.figure { font-variant-numeric: tabular-nums; text-anchor: middle; } .count { text-anchor: end; font-variant-numeric: tabular-nums; }
.all { font-weight: 600; } .line { stroke: #d5d9de; } .blank { fill: none; stroke: #d5d9de; stroke-dasharray: 2 4; }
@media (prefers-color-scheme: dark) {
  svg { background: #14171b; } text { fill: #e8eaed; } .soft { fill: #a3abb5; } .line, .blank { stroke: #3a414a; }
}
.dark { fill: #000000; } .light { fill: #ffffff; }
"""


@dataclass(frozen=True, slots=True)
class Shade:
    """Colours of a cell and of what is written in it, as #rrggbb."""

    fill: str
    ink: str


def shade(share: float, full: float) -> Shade:
    """From pale for nobody to deep for ``full``; letters are black or white, whichever stands out more (4.5 to 1 at the least)."""
    depth = min(1.0, max(0.0, share / full))
    mixed = [round(low + (high - low) * depth) for low, high in zip(_LOW, _HIGH, strict=True)]
    # Relative luminance (WCAG 2.2); black and white stand out alike at 0.179.
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (m / 255 for m in mixed)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return Shade("#" + "".join(f"{channel:02x}" for channel in mixed), _DARK if luminance > 0.179 else _LIGHT)


def highest(found: Retention) -> float:
    """The share that gets the deepest colour."""
    every = [*found.overall, *(share for cohort in found.cohorts for share in cohort.periods)]
    return max([_LEAST, *(share.share for share in every if share is not None)])


def svg(found: Retention, shop: str) -> str:
    """The whole file."""
    columns = max(1, len(found.overall))
    rows = len(found.cohorts) + 1
    width = max(_LEFT + columns * _COLUMN + 24, 560)
    bottom, full = _TOP + rows * _ROW + 10, highest(found)
    parts = [*_head(found, shop), *_columns(found)]
    for number, cohort in enumerate(found.cohorts):
        parts += _row(
            cohort.month, cohort.customers, cohort.periods, found.period, _TOP + number * _ROW, full
        )
    line = _TOP + (rows - 1) * _ROW + 4
    parts.append(f'<path class="line" d="M24 {line}H{_LEFT + columns * _COLUMN - 4}"/>')
    parts += _row("all", None, found.overall, found.period, line + 6, full)
    first = found.overall[0] if found.overall else None
    foot = (
        f"No period of {found.period} days is over yet."
        if first is None
        else f"{first.share:.0%} of {first.customers:,} customers came back in the first {found.period} days "
        f"(95 % interval {first.low:.0%} to {first.high:.0%})."
    )
    parts.append(f'<text x="24" y="{bottom + 26}" class="soft">{escape(foot)}</text>')
    parts.append(f'<text x="24" y="{bottom + 46}" class="soft">Dashed: not over on {found.as_of}.</text>')
    height = bottom + _FOOT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="title description"><title id="title">Who comes back to {escape(shop)}</title>'
        f'<desc id="description">{escape(foot)}</desc><style>{_STYLE}</style>{"".join(parts)}</svg>\n'
    )


def _head(found: Retention, shop: str) -> Sequence[str]:
    told = f"Share of customers who bought again, by periods of {found.period} days after their first order"
    return (
        f'<text x="24" y="36" class="title">Who comes back to {escape(shop)}</text>',
        f'<text x="24" y="60" class="soft">{escape(told)}</text>',
    )


def _columns(found: Retention) -> Sequence[str]:
    heads = [
        '<text x="24" y="98" class="soft">first order</text>',
        f'<text x="{_LEFT - 16}" y="98" class="soft count">customers</text>',
    ]
    for number in range(len(found.overall)):
        days = f"{number * found.period + 1}–{(number + 1) * found.period}"
        heads.append(f'<text x="{_middle(number)}" y="98" class="soft figure">{days}</text>')
    return heads


def _row(
    name: str, customers: int | None, periods: Sequence[Share | None], period: int, top: int, full: float
) -> Sequence[str]:
    weight = " all" if customers is None else ""
    base = top + _ROW / 2 + 5
    parts = [f'<text x="24" y="{base:g}" class="{weight.strip()}">{escape(name)}</text>']
    if customers is not None:
        parts.append(f'<text x="{_LEFT - 16}" y="{base:g}" class="count">{customers:,}</text>')
    for place, share in enumerate(periods):
        box = f'x="{_LEFT + place * _COLUMN}" y="{top + 2}" width="{_COLUMN - 4}" height="{_ROW - 4}" rx="4"'
        if share is None:
            parts.append(f'<rect class="blank" {box}/>')
            continue
        told = (
            f"{name}, days {place * period + 1} to {(place + 1) * period}: {share.back:,} of {share.customers:,} bought "
            f"again, {share.share:.1%} (95 % interval {share.low:.1%} to {share.high:.1%})"
        )
        colours = shade(share.share, full)
        ink = "light" if colours.ink == _LIGHT else "dark"
        parts.append(f'<rect fill="{colours.fill}" {box}><title>{escape(told)}</title></rect>')
        parts.append(
            f'<text x="{_middle(place)}" y="{base:g}" class="figure {ink}{weight}" pointer-events="none">{share.share:.0%}</text>'
        )
    return parts


def _middle(column: int) -> float:
    return _LEFT + column * _COLUMN + (_COLUMN - 4) / 2
