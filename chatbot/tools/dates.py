"""Working days and delivery windows. Knows Monday to Friday and an hour of cutoff, but no public holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from configs.errors import ConfigError


def zone(name: str) -> ZoneInfo:
    """The shop's time zone.

    Raises:
        ConfigError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            f"there is no time zone {name!r}",
            expected="an IANA name such as Europe/Berlin",
            hint="set shop.timezone",
        ) from None


def local(moment: datetime, tz: ZoneInfo) -> datetime:
    """The moment on the shop's clock; a moment without a zone is taken as UTC, as the store keeps it."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(tz)


def local_day(moment: date | datetime, tz: ZoneInfo) -> date:
    """The calendar day in the shop's zone."""
    return local(moment, tz).date() if isinstance(moment, datetime) else moment


def is_working_day(day: date) -> bool:
    return day.weekday() < 5


def add_working_days(day: date, count: int) -> date:
    """The ``count``-th working day after ``day``; with 0 the first working day that is not before it."""
    if count <= 0:
        while not is_working_day(day):
            day += timedelta(days=1)
        return day
    # Counting starts at the last working day on or before `day`, so that weeks can be added at once.
    while not is_working_day(day):
        day -= timedelta(days=1)
    weeks, rest = divmod(count, 5)
    over_weekend = 2 if day.weekday() + rest >= 5 else 0
    return day + timedelta(days=7 * weeks + rest + over_weekend)


def dispatch_day(ordered: datetime, cutoff: time) -> date:
    """The working day on which an express order leaves: the same one before the cutoff, else the next.

    ``ordered`` is on the shop's clock.
    """
    day = ordered.date()
    if is_working_day(day) and ordered.time() < cutoff:
        return day
    return add_working_days(day, 1)


def parse_cutoff(text: str) -> time:
    """``"14:00"`` as a time of day.

    Raises:
        ConfigError: it is none.
    """
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"shop.express_cutoff has {text!r}", expected="a time of day such as 14:00"
        ) from None
