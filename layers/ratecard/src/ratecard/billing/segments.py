"""Who had which plan and price, and when: what counted usage is joined with.

A key or an inbox (the subject of a usage line) belongs to a customer and a plan for a stretch of time. Cut at every
change of the plan's version, of the price and at the period's bounds, each piece has one price.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from ratecard.billing.periods import Period
from ratecard.billing.plans import Operation, PriceBook
from ratecard.kernel.errors import ErrorKind, RatecardError

DAY_MS = 86_400_000
END_OF_TIME_MS = 253_370_764_800_000
"""9999-01-01T00:00:00Z: the end of what has no end."""

_EPOCH = date(1970, 1, 1)


class OverlappingAssignmentsError(RatecardError):
    """A key or inbox would belong to two customers or plans at the same instant."""

    code = "overlapping_assignments"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Assignment:
    """A subject of usage lines belongs to a customer and a plan for some time.

    Attributes
    ----------
    subject : str
        A key's id, or ``inbox/<customer>``.
    customer, plan : str
        The customer's id and the plan's slug.
    from_ms : int
        First millisecond since the epoch, included.
    to_ms : int or None
        The end, not included; None is not yet known.
    """

    subject: str
    customer: str
    plan: str
    from_ms: int
    to_ms: int | None = None

    @property
    def end_ms(self) -> int:
        """The end as a number."""
        return END_OF_TIME_MS if self.to_ms is None else self.to_ms


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A half-open stretch of time, in milliseconds since the epoch, with one price for a subject's use of a product."""

    subject: str
    customer: str
    model: str
    operation: str
    level: str
    from_ms: int
    to_ms: int
    plan_version: str
    price_version: str
    period: str


@dataclass(frozen=True, slots=True)
class _Stretch:
    from_ms: int
    to_ms: int
    plan_version: str
    price_version: str


_Product = tuple[str, Operation, str]


def compute_segments(
    assignments: Iterable[Assignment], book: PriceBook, periods: Mapping[str, Period]
) -> tuple[Segment, ...]:
    """Cut assignments at every change of plan, price and period.

    Parameters
    ----------
    assignments : iterable of Assignment
        Of any customers, in any order.
    book : PriceBook
        Plans and prices in all versions.
    periods : mapping of str to Period
        The period to rate, by customer; who has none gets no segments.

    Returns
    -------
    tuple of Segment
        Sorted; where no plan or price is in force there is none.

    Raises
    ------
    OverlappingAssignmentsError
        If a subject is assigned twice at an instant.
    """
    products = sorted({(price.model, price.operation.value, price.level) for price in book.prices})
    stretches: dict[tuple[str, _Product], tuple[_Stretch, ...]] = {}
    found: list[Segment] = []
    for assignment in Directory(assignments).assignments:
        period = periods.get(assignment.customer)
        if period is None:
            continue
        for model, operation, level in products:
            key = assignment.plan, (model, Operation(operation), level)
            if key not in stretches:
                stretches[key] = tuple(_stretches(book, *key))
            found += _cut(assignment, (model, operation, level), period, stretches[key])
    return tuple(sorted(found))


class Directory:
    """Finds who a subject belonged to at an instant.

    Parameters
    ----------
    assignments : iterable of Assignment
        In any order; empty ones are left out.

    Raises
    ------
    OverlappingAssignmentsError
        If a subject is assigned twice at an instant.
    """

    def __init__(self, assignments: Iterable[Assignment]) -> None:
        lasting = (each for each in assignments if each.from_ms < each.end_ms)
        self.assignments = tuple(sorted(lasting, key=lambda each: (each.subject, each.from_ms)))
        for earlier, later in pairwise(self.assignments):
            if earlier.subject == later.subject and earlier.end_ms > later.from_ms:
                raise OverlappingAssignmentsError(f"{later.subject} has two assignments at the same time")
        self._by_subject: dict[str, list[Assignment]] = {}
        for each in self.assignments:
            self._by_subject.setdefault(each.subject, []).append(each)

    def find(self, subject: str, at_ms: int) -> Assignment | None:
        """Return the assignment of a subject at an instant, if there is one."""
        entries = self._by_subject.get(subject, [])
        index = bisect_right(entries, at_ms, key=lambda each: each.from_ms) - 1
        return entries[index] if index >= 0 and at_ms < entries[index].end_ms else None


class SegmentIndex:
    """Finds the segment of a call."""

    def __init__(self, segments: Iterable[Segment]) -> None:
        self._segments: dict[tuple[str, str, str, str], list[Segment]] = {}
        for each in sorted(segments):
            key = each.subject, each.model, each.operation, each.level
            self._segments.setdefault(key, []).append(each)
        for entries in self._segments.values():
            entries.sort(key=lambda each: each.from_ms)

    def find(self, subject: str, product: tuple[str, str, str], at_ms: int) -> Segment | None:
        """Return the segment that holds an instant of a subject's use of a product (model, operation, level)."""
        entries = self._segments.get((subject, *product), [])
        index = bisect_right(entries, at_ms, key=lambda each: each.from_ms) - 1
        return entries[index] if index >= 0 and at_ms < entries[index].to_ms else None


def day_ms(day: date) -> int:
    """Return the first millisecond of a day in UTC: when a version of that day comes into force."""
    return (day - _EPOCH).days * DAY_MS


def instant(at_ms: int) -> datetime:
    """Return milliseconds since the epoch as an aware instant, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC)


def instant_ms(text: str) -> int:
    """Read an RFC 3339 instant, with its offset, as milliseconds since the epoch; raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _stretches(book: PriceBook, plan: str, product: _Product) -> Iterator[_Stretch]:
    """Yield the times in which a plan's price of a product stays the same, neighbours with equal versions joined."""
    model, operation, level = product
    days = {each.effective_on for each in book.plans if each.slug == plan}
    days |= {each.effective_on for each in book.prices if (each.model, each.operation, each.level) == product}
    current: _Stretch | None = None
    for begin, end in pairwise([*sorted(map(day_ms, days)), END_OF_TIME_MS]):
        at = instant(begin)
        version = book.find_plan(plan, at)
        price = book.find_price(model, operation, at, level=level, plan=plan)
        if version is None or price is None:
            continue
        if current and (current.plan_version, current.price_version) == (version.version, price.version):
            begin = current.from_ms
        elif current:
            yield current
        current = _Stretch(begin, end, version.version, price.version)
    if current:
        yield current


def _cut(
    assignment: Assignment, product: tuple[str, str, str], period: Period, stretches: tuple[_Stretch, ...]
) -> Iterator[Segment]:
    for stretch in stretches:
        begin = max(assignment.from_ms, period.from_ms, stretch.from_ms)
        end = min(assignment.end_ms, period.to_ms, stretch.to_ms)
        if begin < end:
            versions = stretch.plan_version, stretch.price_version
            yield Segment(assignment.subject, assignment.customer, *product, begin, end, *versions, period.name)
