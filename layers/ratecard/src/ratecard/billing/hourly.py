"""Charged usage by hour and by day: what other billing systems take, and what a chart shows.

The calls are judged by the same rules as for an invoice, so the units of a period's hours are those of its lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ratecard.billing.counting import Event, Reading, pair_up
from ratecard.billing.events import UsageRecord, parse_access, parse_usage
from ratecard.billing.periods import Period
from ratecard.billing.retries import find_retries
from ratecard.billing.scope import Scope
from ratecard.billing.verdicts import judge

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class ChargedCall:
    """A call that is charged: whose, and what the function did."""

    customer: str
    used: UsageRecord


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """What is added up: one customer's use of one product in one hour.

    Attributes
    ----------
    customer, model, operation, level : str
        As on the invoice's line.
    from_ms : int
        When the hour begins, UTC, milliseconds since the epoch. Where a period begins within an hour (zones with half
        an hour), the hour is cut there and the second part begins with the period.
    """

    customer: str
    model: str
    operation: str
    level: str
    from_ms: int

    @property
    def product(self) -> str:
        """Model, operation and level as one name."""
        return f"{self.model}/{self.operation}/{self.level}"

    @property
    def to_ms(self) -> int:
        """The end of its hour, not included."""
        return (self.from_ms // HOUR_MS + 1) * HOUR_MS


@dataclass(frozen=True, slots=True, order=True)
class HourlyUsage:
    """Units charged in a slot, above zero."""

    slot: Slot
    units: int


@dataclass(frozen=True, slots=True, order=True)
class DailyUsage:
    """Units charged on one day.

    Attributes
    ----------
    on : date
        The day in the customer's time zone.
    units : int
        Not negative.
    """

    on: date
    units: int


def find_charged(
    usage: Iterable[Event | None], access: Iterable[Event | None], *, scope: Scope
) -> tuple[ChargedCall, ...]:
    """Find the calls of a scope that are charged; parameters are those of `count_lake`."""
    used, answered = Reading(parse_usage), Reading(parse_access)
    used.read(usage)
    answered.read(access)
    charged: list[ChargedCall] = []
    before: list[ChargedCall] = []
    for _, call in pair_up(used, answered, scope=scope):
        verdict = judge(scope, call)
        if verdict.charged and call.usage is not None:
            (before if verdict.count is None else charged).append(ChargedCall(verdict.customer, call.usage))
    retries = find_retries((each.customer, each.used) for each in (*before, *charged))
    kept = (each for each in charged if each.used.id not in retries)
    return tuple(sorted(kept, key=lambda each: (each.customer, each.used.at_ms, each.used.id)))


def sum_hours(charged: Iterable[ChargedCall], periods: Mapping[str, Period]) -> tuple[HourlyUsage, ...]:
    """Add up the units of each hour of each customer's period, sorted; hours without use are not there."""
    sums: dict[Slot, int] = defaultdict(int)
    for each in charged:
        used = each.used
        begins_ms = max(used.at_ms // HOUR_MS * HOUR_MS, periods[each.customer].from_ms)
        sums[Slot(each.customer, used.model, used.operation, used.level, begins_ms)] += used.units
    return tuple(HourlyUsage(slot, units) for slot, units in sorted(sums.items()) if units)


def sum_days(charged: Iterable[ChargedCall], customer: str, zone: str) -> tuple[DailyUsage, ...]:
    """Add up one customer's units by day in an IANA time zone, sorted; days without use are not there."""
    sums: dict[date, int] = defaultdict(int)
    local = ZoneInfo(zone)
    for each in charged:
        if each.customer == customer:
            at = datetime.fromtimestamp(each.used.at_ms // 1000, UTC)
            sums[at.astimezone(local).date()] += each.used.units
    return tuple(DailyUsage(day, units) for day, units in sorted(sums.items()))
