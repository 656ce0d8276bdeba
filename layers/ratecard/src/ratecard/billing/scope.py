"""What is counted: customers, their periods and prices, and what times are believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass

from ratecard.billing.events import UsageRecord
from ratecard.billing.periods import Period
from ratecard.billing.plans import PriceBook
from ratecard.billing.retries import WINDOW_MS
from ratecard.billing.segments import DAY_MS, Assignment, Directory, SegmentIndex, compute_segments, instant

LATE_MS = 15 * DAY_MS
"""How long after a period its lines are looked for.

A file's usage line has the time of its announcement and lies in the lake where it arrived. A flow that failed may be
started again within 14 days, as long as Step Functions redrives one; the line needs up to a day more.
"""


@dataclass(frozen=True, slots=True)
class Guards:
    """What times are believed.

    Attributes
    ----------
    as_of_ms : int
        When the lake was read; an input, so that the same rating can be done again.
    future_ms, past_ms : int
        How far behind and before it an event may lie. Source of the five minutes: Stripe's meter events; the past must
        reach over every period that may still be adjusted.
    access_log_complete : bool
        Whether no access line means no answer; see `ratecard.billing.disposition.classify`. True for the platform on
        one machine.
    """

    as_of_ms: int
    future_ms: int = 300_000
    past_ms: int = 100 * 86_400_000
    access_log_complete: bool = False


class Scope:
    """What is counted: customers' periods, and which price a call has.

    Parameters
    ----------
    assignments : iterable of Assignment
        Of all customers, whether they are counted or not.
    book : PriceBook
        Plans and prices.
    periods : mapping of str to Period
        By customer.
    guards : Guards
        What times are believed.
    recoveries : iterable of UsageRecord, optional
        What an operator has approved to be charged for calls whose usage line was lost. One whose usage line turns up
        is not counted: the line says better what was done.
    by_hour : bool, optional
        Whether lines are added up by hour too, for reconciliation.

    Raises
    ------
    OverlappingAssignmentsError
        If a subject is assigned twice at an instant.
    """

    def __init__(
        self,
        assignments: Iterable[Assignment],
        book: PriceBook,
        periods: Mapping[str, Period],
        guards: Guards,
        *,
        recoveries: Iterable[UsageRecord] = (),
        by_hour: bool = False,
    ) -> None:
        self.directory = Directory(assignments)
        self.segments = compute_segments(self.directory.assignments, book, periods)
        self.index = SegmentIndex(self.segments)
        self.periods = periods
        self.guards = guards
        self.recoveries = {each.id: each for each in recoveries}
        self.by_hour = by_hour
        self.from_ms = min((period.from_ms for period in periods.values()), default=0)
        self.to_ms = max((period.to_ms for period in periods.values()), default=0)

    def with_recoveries(self, recoveries: Iterable[UsageRecord]) -> Scope:
        """Return the same scope with other approved calls."""
        changed = copy(self)
        changed.recoveries = {each.id: each for each in recoveries}
        return changed

    def days_to_scan(self) -> tuple[str, str]:
        """Return the lake's first and last day (`YYYY-MM-DD`, UTC) that can hold a line of the periods.

        A day before them are calls that make one a retry, a day after them files that log delivery wrote late. Up to
        `LATE_MS` after them are lines of files that were started again, of days that were over when the lake was read.
        """
        last_ms = self.to_ms - 1
        until_ms = min(last_ms + LATE_MS, max(last_ms, self.guards.as_of_ms - 2 * DAY_MS) + DAY_MS)
        days = [instant(at_ms).date() for at_ms in (self.from_ms - WINDOW_MS, until_ms)]
        return days[0].isoformat(), days[1].isoformat()

    def find_customer(self, subject: str, at_ms: int) -> str:
        """Return whose a subject is at an instant, or ""."""
        found = self.directory.find(subject, at_ms)
        return "" if found is None else found.customer

    def counts_for(self, customer: str, at_ms: int) -> bool:
        """Tell whether an instant is in the customer's period; of an unknown customer, in anybody's."""
        if not customer:
            return self.from_ms <= at_ms < self.to_ms
        return customer in self.periods and self.periods[customer].holds(at_ms)

    def precedes(self, customer: str, at_ms: int) -> bool:
        """Tell whether a call shortly before the customer's period can make one in it a retry."""
        period = self.periods.get(customer)
        return period is not None and period.from_ms - WINDOW_MS <= at_ms < period.from_ms
