"""Billing periods: half-open, from an anchor day to the next in the customer's time zone, as instants in UTC.

An invoice stores the instants, so that later changes of the zone's rules never move an invoice.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ratecard.kernel.errors import ErrorKind, RatecardError

_NAME = re.compile(r"(\d{4})-(\d{2})")
_SECOND = timedelta(seconds=1)


class InvalidCalendarError(RatecardError):
    """A time zone, an anchor day or a period's name that cannot be meant."""

    code = "invalid_calendar"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class BillingCalendar:
    """When a customer's periods begin.

    Attributes
    ----------
    zone : str
        IANA time zone, for example ``Europe/Berlin``.
    anchor_day : int
        Day of the month, 1 to 31, on which a period begins; in a shorter month its last day.
    """

    zone: str
    anchor_day: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.anchor_day <= 31:
            raise InvalidCalendarError("the anchor day is a day of the month, 1 to 31")
        _zone(self.zone)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One billing period.

    Attributes
    ----------
    name : str
        Year and month in which it begins, local time, for example ``2026-10``; exactly one begins in each month.
    from_ms, to_ms : int
        Milliseconds since 1970-01-01T00:00:00Z; the end is not part of it.
    """

    name: str
    from_ms: int
    to_ms: int

    def holds(self, at_ms: int) -> bool:
        """Tell whether an instant lies in it."""
        return self.from_ms <= at_ms < self.to_ms


def parse_period(billing: BillingCalendar, name: str) -> Period:
    """Return the period that begins in a month.

    Parameters
    ----------
    billing : BillingCalendar
        The customer's.
    name : str
        ``YYYY-MM``.

    Raises
    ------
    InvalidCalendarError
        If it is not a month of the years 1970 to 9998.
    """
    match = _NAME.fullmatch(name)
    if match is None or not (1970 <= int(match.group(1)) <= 9998 and 1 <= int(match.group(2)) <= 12):
        raise InvalidCalendarError("a period is named by year and month, for example 2026-10")
    return _period(billing, int(match.group(1)), int(match.group(2)))


def period_at(billing: BillingCalendar, at_ms: int) -> Period:
    """Return the period that holds an instant (milliseconds since the epoch)."""
    local = datetime.fromtimestamp(at_ms // 1000, _zone(billing.zone))
    period = _period(billing, local.year, local.month)
    while at_ms < period.from_ms:
        period = period_before(billing, period)
    while at_ms >= period.to_ms:
        period = period_after(billing, period)
    return period


def period_after(billing: BillingCalendar, period: Period) -> Period:
    """Return the next period, which begins where this one ends."""
    return _period(billing, *_month_after(*_month_of(period)))


def period_before(billing: BillingCalendar, period: Period) -> Period:
    """Return the period that ends where this one begins."""
    year, month = _month_of(period)
    return _period(billing, year - (month == 1), 12 if month == 1 else month - 1)


def _period(billing: BillingCalendar, year: int, month: int) -> Period:
    zone = _zone(billing.zone)
    begin, end = (
        _first_instant_ms(date(*each, min(billing.anchor_day, calendar.monthrange(*each)[1])), zone)
        for each in ((year, month), _month_after(year, month))
    )
    return Period(f"{year:04d}-{month:02d}", begin, end)


def _first_instant_ms(day: date, zone: ZoneInfo) -> int:
    """Return when a local day begins: at midnight, of two midnights at the first.

    Where clocks jump over midnight (or over the whole day), the first instant whose local date is that day or later.
    """
    midnight = datetime.combine(day, time(), zone)
    after = midnight.astimezone(UTC)
    if after.astimezone(zone).replace(tzinfo=None) != midnight.replace(tzinfo=None):
        # A gap: read with the offset before it, the midnight that never was lies behind the jump, with the offset
        # after it, before the jump.
        before = midnight.replace(fold=1).astimezone(UTC)
        while after - before > _SECOND:
            middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
            before, after = (before, middle) if middle.astimezone(zone).date() >= day else (middle, after)
    return int(after.timestamp()) * 1000


def _month_of(period: Period) -> tuple[int, int]:
    return int(period.name[:4]), int(period.name[5:])


def _month_after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidCalendarError(f"there is no time zone {name!r}") from None
