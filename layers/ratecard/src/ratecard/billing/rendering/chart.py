"""Usage by day as bars: which day, how much, and a scale that a person can read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ratecard.billing.hourly import DailyUsage


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars for every day of a period.

    Attributes
    ----------
    days : tuple of DailyUsage
        Every day that the period touches, in order, those without use too.
    top : int
        Where the scale ends, at least 1 and never below the highest bar.
    outside : int
        Units of days that are not in the period; they are on no bar.
    """

    days: tuple[DailyUsage, ...]
    top: int
    outside: int

    @property
    def units(self) -> int:
        """What the bars add up to."""
        return sum(day.units for day in self.days)

    @property
    def busiest(self) -> DailyUsage:
        """The highest bar, the first of equals."""
        return max(self.days, key=lambda day: day.units)


def compute_chart(daily: Iterable[DailyUsage], begin: datetime, end: datetime, zone: str) -> Chart:
    """Compute the bars of a period.

    Parameters
    ----------
    daily : iterable of DailyUsage
        In any order; several of one day are added up.
    begin, end : datetime
        Aware; the end is not part of the period.
    zone : str
        The customer's IANA time zone.

    Raises
    ------
    ValueError
        If a count is negative or the period is empty.
    """
    if end <= begin:
        raise ValueError("a period ends after it begins")
    first = begin.astimezone(ZoneInfo(zone)).date()
    last = (end - timedelta(milliseconds=1)).astimezone(ZoneInfo(zone)).date()
    found: dict[date, int] = {first + timedelta(days=number): 0 for number in range((last - first).days + 1)}
    outside = 0
    for each in daily:
        if each.units < 0:
            raise ValueError("a count is not negative")
        if each.on in found:
            found[each.on] += each.units
        else:
            outside += each.units
    days = tuple(DailyUsage(day, units) for day, units in sorted(found.items()))
    return Chart(days, _scale(max(found.values())), outside)


def _scale(highest: int) -> int:
    """Return the least of 1, 2, 5 times a power of ten, or its half steps, that is not below a count."""
    power = 1
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8):
            if step * power >= highest:
                return step * power
        power *= 10
