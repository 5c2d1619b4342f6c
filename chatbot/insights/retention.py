"""Who comes back: of the customers who first bought in a month, the share that bought again in each period after that.

The periods of a customer are counted from the day after their own first order, so that nobody has a longer first period than others.
A cell is filled when its period is over for whoever may still join the month, and blank before: a period that is not over is no zero. The
shares have 95 % intervals by Wilson (1927). Days are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from chatbot.insights.history import BuyingDays
from configs.errors import InputError

MONTHS, PERIODS = 24, 12
"""The newest cohorts, and the first periods, that a table has at the most."""
LONGEST = 3650
"""Days."""
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """``back`` of ``customers`` bought again; ``low`` and ``high`` are the ends of the 95 % interval of ``share``."""

    customers: int
    back: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cohort:
    """``month`` is YYYY-MM. ``periods`` has a place for each period of the table; None where it is not over."""

    month: str
    customers: int
    periods: tuple[Share | None, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """``period`` is in days, ``as_of`` the day that was looked from (ISO 8601). ``overall`` puts together the cohorts whose period is over, also those
    too old to be listed."""

    period: int
    as_of: str
    cohorts: tuple[Cohort, ...]
    overall: tuple[Share | None, ...]


def retention(days: BuyingDays, today: int, period: int) -> Retention:
    """``today`` counts from 1970; what is newer than it is left out.

    Raises:
        InputError: no period is that long.
    """
    if not 1 <= period <= LONGEST:
        raise InputError(f"a period of {period} days", expected=f"from 1 to {LONGEST} days")
    known = days.before(today + 1)
    as_of = str(np.datetime64(today, "D"))
    if len(known.day) == 0:
        return Retention(period, as_of, (), ())
    first, _, _ = known.first_and_last()
    month = first.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    # Period 1 is the days 1 to ``period`` after the first one; the first day itself is none.
    place = -(-(known.day - first[known.customer]) // period)
    came = np.unique(np.stack([known.customer, place])[:, (place > 0) & (place <= PERIODS)], axis=1)
    months = np.unique(month)
    # The last who may join a month does so on its last day; today itself is not over.
    over = np.clip((today - _starts(months + 1)) // period, 0, PERIODS)
    width = int(over.max())
    sizes = np.array([(month == one).sum() for one in months])
    back = np.zeros((len(months), width), np.int64)
    inside = came[:, came[1] <= width]
    np.add.at(back, (np.searchsorted(months, month[inside[0]]), inside[1] - 1), 1)
    cohorts = tuple(
        Cohort(
            str(np.datetime64(int(one), "M")),
            int(size),
            tuple(wilson(int(row[k]), int(size)) if k < done else None for k in range(width)),
        )
        for one, size, row, done in zip(months, sizes, back, over, strict=True)
    )
    overall = tuple(wilson(int(back[over > k, k].sum()), int(sizes[over > k].sum())) for k in range(width))
    return Retention(period, as_of, cohorts[-MONTHS:], overall)


def _starts(months: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The first day of each month; both count from 1970."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def wilson(back: int, customers: int) -> Share:
    """A share with its 95 % score interval.

    Raises:
        ZeroDivisionError: of nobody.
    """
    share = back / customers
    spread = _Z**2 / customers
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * sqrt(share * (1 - share) / customers + spread / (4 * customers))
    # At both ends the interval touches the share, but for the last digit.
    low, high = (0.0 if back == 0 else middle - half), (1.0 if back == customers else middle + half)
    return Share(customers, back, round(share, 4), round(low, 4), round(high, 4))
