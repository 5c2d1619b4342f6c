"""What happens to a simulated order after it was placed: fee, payment, packing, parcel, return.

Knows the calendar of the warehouse (Monday to Friday, Berlin time) and the rules of the pages: orders wait at
most 7 days for a bank transfer, can be cancelled until packed, leave within one working day, and can be
returned within 30 days. It does not know tastes (see ``simulate``), public holidays or split parcels.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np

SHOP_ZONE = ZoneInfo("Europe/Berlin")
PICK_UP = time(18, 30)
"""When the carriers fetch the day's parcels from the warehouse."""
CUTOFF = time(14, 0)
RETURN_DAYS = 30
TRANSFER_DAYS = 7
CARRIERS = {
    ("germany", "standard"): ("Kranich Paket", "KP"),
    ("germany", "express"): ("Harefoot Express", "HX"),
    ("eu", "standard"): ("Wren Parcel", "WP"),
    ("europe_other", "standard"): ("Farsail Post", "FP"),
    ("overseas", "standard"): ("Farsail Post", "FP"),
}
SHARE_TRANSFER = 0.12
SHARE_NEVER_PAID = 0.08
SHARE_CANCELLED = 0.035
SHARE_RETURNED = 0.09
SHARE_LATE = 0.03


@dataclass(frozen=True)
class Rate:
    """One line of rates.csv; money in cents."""

    country: str
    region: str
    method: str
    min_subtotal: int
    price: int
    days_min: int
    days_max: int


@dataclass(frozen=True)
class Progress:
    """An order as it stands at ``now``; times are aware and in UTC, None where that has not happened."""

    status: str
    tracking: str | None = None
    carrier: str | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    eta: datetime | None = None
    cancelled_at: datetime | None = None
    return_deadline: date | None = None


def load_rates() -> tuple[Rate, ...]:
    text = files("chatbot.demo").joinpath("rates.csv").read_text(encoding="utf-8")
    return tuple(
        Rate(
            country=row["country"],
            region=row["region"],
            method=row["method"],
            min_subtotal=cents(row["min_subtotal"]),
            price=cents(row["price"]),
            days_min=int(row["days_min"]),
            days_max=int(row["days_max"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


def cents(amount: str) -> int:
    """ "12.90" -> 1290. Catalogue and rates state money as text with two decimals."""
    whole, _, fraction = amount.partition(".")
    return int(whole) * 100 + int(fraction.ljust(2, "0")[:2] or 0)


def rate_for(rates: Sequence[Rate], country: str, method: str, subtotal: int) -> Rate:
    """The step of the country's rate that a subtotal (in cents) has reached."""
    steps = [r for r in rates if r.country == country and r.method == method and r.min_subtotal <= subtotal]
    return max(steps, key=lambda rate: rate.min_subtotal)


def progress(
    rng: np.random.Generator, placed: datetime, rate: Rate, *, returnable: bool, now: datetime
) -> Progress:
    """Draw the whole life of one order, then cut it off at ``now``.

    Every draw happens whatever ``now`` is, so that the same order only moves forward as ``now`` moves on.
    """
    u = rng.random(15)
    unpaid = u[0] < SHARE_TRANSFER and rate.method != "express"
    paid = placed + timedelta(days=0.3 + 5.5 * float(u[1])) if unpaid else placed
    packed = _packed_at(paid, express=rate.method == "express", u=float(u[2]))
    if unpaid and u[3] < SHARE_NEVER_PAID:
        cancelled = placed + timedelta(days=TRANSFER_DAYS)
        paid = packed = cancelled
    elif u[4] < SHARE_CANCELLED:
        cancelled = placed + float(u[5]) * (packed - placed)
    else:
        cancelled = datetime.max.replace(tzinfo=UTC)
    if cancelled <= now:
        return Progress("cancelled", cancelled_at=cancelled)
    if now < paid:
        return Progress("pending_payment")

    start = _shift(paid) if rate.method == "express" else _local(paid).date()
    days = int(rate.days_min + u[6] * (rate.days_max - rate.days_min + 1))
    latest = add_working_days(start, rate.days_max)
    if u[7] < SHARE_LATE:
        days = rate.days_max + 1 + int(u[8] * 3)
    shipped = _shipped_at(packed)
    arrival = max(add_working_days(start, days), add_working_days(_local(shipped).date(), 1))
    eta = _utc(max(latest, add_working_days(_local(shipped).date(), 1)), time(18))
    van = _utc(arrival, time(7, 30))
    delivered = _utc(arrival, time(9)) + timedelta(hours=9 * float(u[9]))

    if now < packed:
        return Progress("processing", eta=eta)
    if now < shipped:
        return Progress("packed", eta=eta)
    carrier, prefix = CARRIERS[rate.region, rate.method]
    tracking = f"{prefix}{int(u[10] * 10**10):010d}"
    sent = Progress("shipped", tracking, carrier, shipped, eta=eta)
    if now < delivered:
        return sent if now < van else Progress("out_for_delivery", tracking, carrier, shipped, eta=eta)
    deadline = _local(delivered).date() + timedelta(days=RETURN_DAYS)
    status = _after_delivery(delivered, now, u[12:]) if returnable and u[11] < SHARE_RETURNED else "delivered"
    return Progress(status, tracking, carrier, shipped, delivered, eta, return_deadline=deadline)


def add_working_days(start: date, days: int) -> date:
    """The day that is ``days`` working days (Monday to Friday) after ``start``."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


def _after_delivery(delivered: datetime, now: datetime, u: np.ndarray) -> str:
    requested = delivered + timedelta(days=1 + 27 * float(u[0]))
    arrived = requested + timedelta(days=2 + 6 * float(u[1]))
    refunded = arrived + timedelta(days=2 + 4.5 * float(u[2]))
    for moment, status in ((refunded, "refunded"), (arrived, "returned"), (requested, "return_requested")):
        if moment <= now:
            return status
    return "delivered"


def _packed_at(paid: datetime, *, express: bool, u: float) -> datetime:
    """Express within two hours of the shift, all else some time before the carriers come."""
    shift = _shift(paid)
    opening = max(paid + timedelta(minutes=10), _utc(shift, time(7)))
    closing = opening + timedelta(hours=2) if express else _utc(shift, time(18, 20))
    return opening + u * (closing - opening)


def _shift(moment: datetime) -> date:
    """The day whose shift packs an order: the same working day before the cut-off, else the next one."""
    local = _local(moment)
    day = local.date()
    return day if day.weekday() < 5 and local.time() < CUTOFF else add_working_days(day, 1)


def _shipped_at(packed: datetime) -> datetime:
    return _utc(_local(packed).date(), PICK_UP)


def _local(moment: datetime) -> datetime:
    return moment.astimezone(SHOP_ZONE)


def _utc(day: date, at: time) -> datetime:
    return datetime.combine(day, at, SHOP_ZONE).astimezone(UTC)
