"""Throttles and quotas: the token bucket of each key and the calendar windows of its plan."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from ratecard.billing.plans import Period, Plan
from ratecard_workbench.local.counters import CounterFile

THROTTLED = "THROTTLED"
QUOTA_EXCEEDED = "QUOTA_EXCEEDED"


class TokenBucket:
    """A bucket that gains tokens at a rate, up to a size.

    Parameters
    ----------
    rate_per_second : float
        Tokens gained a second.
    burst : int
        Most tokens it holds; it begins full.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate_per_second: float, burst: int) -> None:
        self._rate = rate_per_second
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Take one token, if there is one.

        Parameters
        ----------
        now : float
            Monotonic seconds.
        """
        tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if tokens < 1.0:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1.0
        return True


def quota_window(period: Period, day: date) -> tuple[date, date]:
    """Return the first and the last day of the calendar period that holds a day."""
    if period is Period.DAY:
        return day, day
    if period is Period.WEEK:
        monday = date.fromordinal(day.toordinal() - day.weekday())
        return monday, date.fromordinal(monday.toordinal() + 6)
    first = day.replace(day=1)
    return first, first.replace(day=monthrange(day.year, day.month)[1])


class Meter:
    """Throttle and quota of one key.

    Parameters
    ----------
    key_id : str
        The key.
    plan : Plan
        Its tier.
    counters : CounterFile
        Where its requests are counted.
    """

    __slots__ = ("_bucket", "_counters", "_day", "_key_id", "_limit", "_slot", "_used", "plan")

    def __init__(self, key_id: str, plan: Plan, counters: CounterFile) -> None:
        self.plan = plan
        self._key_id = key_id
        self._counters = counters
        self._bucket = TokenBucket(plan.rate_per_second, plan.burst)
        self._limit = plan.quota.limit if plan.quota is not None else None
        self._day = -1
        self._slot = -1
        self._used = 0

    def admit(self, now: float, day: int) -> str | None:
        """Count one request, or say why not.

        Parameters
        ----------
        now : float
            Monotonic seconds.
        day : int
            Ordinal of today, UTC.

        Returns
        -------
        str or None
            None if it was counted, else a gateway response type. A refused request is not counted.

        Raises
        ------
        OSError
            If there is no room to count; the request must not be served.
        """
        if not self._bucket.take(now):
            return THROTTLED
        if day != self._day:
            self._begin_day(day)
        if self._limit is not None and self._used >= self._limit:
            return QUOTA_EXCEEDED
        self._used += 1
        self._counters.add(self._slot)
        return None

    def _begin_day(self, day: int) -> None:
        self._slot = self._counters.slot(self._key_id, day)
        if self.plan.quota is not None:
            first, last = quota_window(self.plan.quota.period, date.fromordinal(day))
            self._used = self._counters.total(self._key_id, first.toordinal(), last.toordinal())
        # Last: a day whose count found no room on the disk has not begun.
        self._day = day
