"""Counting: lines of the lake become counts and a list of everything that was not plain.

This is the path in Python alone: it holds the period's records in memory and says by its code what the SQL over a large
lake must give. The result does not depend on the order, the files or the repetition of lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from ratecard.billing.disposition import Action, Disposition, classify
from ratecard.billing.events import AccessRecord, DamagedLineError, UsageRecord, parse_access, parse_usage
from ratecard.billing.rating import Count, count_of
from ratecard.billing.retries import find_retries
from ratecard.billing.scope import Scope

Event = Mapping[str, object]
_Record = TypeVar("_Record", UsageRecord, AccessRecord)


class Oddity(Enum):
    """What is not plain about an id."""

    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    KEY_MISMATCH = "key_mismatch"
    ACCESS_MISSING = "access_missing"
    USAGE_MISSING = "usage_missing"
    UNKNOWN_SUBJECT = "unknown_subject"
    UNPRICED = "unpriced"
    FUTURE = "future"
    STALE = "stale"


BLOCKING = frozenset({Oddity.CONFLICT, Oddity.KEY_MISMATCH, Oddity.UNKNOWN_SUBJECT, Oddity.UNPRICED, Oddity.FUTURE})
"""Nothing is charged for these, and somebody must look before the period is closed."""


@dataclass(frozen=True, slots=True, order=True)
class Exceptional:
    """One id that is not plain.

    Attributes
    ----------
    oddity : str
        Value of an `Oddity`.
    id : str
        The call's.
    customer : str
        "" if it is not known.
    at_ms : int
        The event's time; of a conflict, the earliest.
    """

    oddity: str
    id: str
    customer: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What the lake holds for some customers and periods.

    Attributes
    ----------
    counts : tuple of Count
        Sorted; what `rate_period` takes.
    exceptions : tuple of Exceptional
        Sorted.
    damaged : int
        Lines that could not be read.
    anonymous : int
        Answers to callers without a key that anybody has.
    """

    counts: tuple[Count, ...]
    exceptions: tuple[Exceptional, ...]
    damaged: int
    anonymous: int


def count_lake(
    usage: Iterable[Event | None],
    access: Iterable[Event | None],
    *,
    scope: Scope,
) -> Counted:
    """Count what customers used.

    Parameters
    ----------
    usage, access : iterable of mapping or None
        Lines of both streams from at least 24 hours before the periods to their end, in any order, repeated or not;
        None is a torn line.
    scope : Scope
        Whose, which periods, at which prices.
    """
    counting = _Counting(scope)
    used, answered = counting.collect(usage, parse_usage), counting.collect(access, parse_access)
    for call_id in used.keys() | answered.keys():
        counting.take(call_id, list(used.get(call_id, {}).values()), list(answered.get(call_id, {}).values()))
    return counting.finish()


class _Counting:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._exceptions: list[Exceptional] = []
        self._billable: list[tuple[str, UsageRecord]] = []
        self._counts: dict[Count, tuple[int, int]] = defaultdict(lambda: (0, 0))
        self._copies: dict[str, int] = defaultdict(int)
        self._damaged = 0
        self._anonymous = 0

    def collect(
        self, events: Iterable[Event | None], parse: Callable[[Event | None], _Record]
    ) -> dict[str, dict[str, _Record]]:
        """Return by id the different lines; more than one is a contradiction."""
        found: dict[str, dict[str, _Record]] = {}
        for event in events:
            try:
                record = parse(event)
            except DamagedLineError:
                self._damaged += 1
                continue
            known = found.setdefault(record.id, {})
            if record.fingerprint in known:
                self._copies[record.id] += 1
            known[record.fingerprint] = record
        return found

    def take(self, call_id: str, used: list[UsageRecord], answered: list[AccessRecord]) -> None:
        """Decide about one id; each list has the different lines of one stream."""
        at_ms = min(record.at_ms for record in (used or answered))
        subject = min(record.subject for record in used) if used else min(record.key_id for record in answered)
        customer = self._scope.find_customer(subject, at_ms)
        where = (call_id, customer, at_ms)
        if self._is_out_of_time(where):
            return
        inside = self._scope.counts_for(customer, at_ms)
        if self._copies.get(call_id) and inside:
            self._note(Oddity.DUPLICATE, where)
        if len(used) > 1 or len(answered) > 1:
            if inside:
                self._note(Oddity.CONFLICT, where)
            return
        record, answer = (used[0] if used else None), (answered[0] if answered else None)
        disposition = classify(record, answer)
        if inside:
            self._apply(disposition, where, record)
        elif record is not None and disposition.action is Action.BILL and self._scope.precedes(customer, at_ms):
            self._billable.append((customer, record))

    def finish(self) -> Counted:
        """Rate retries as such and return everything sorted."""
        retries = find_retries(self._billable)
        for customer, call in self._billable:
            if not self._scope.precedes(customer, call.at_ms):
                self._count(customer, call, "retry" if call.id in retries else "")
        return Counted(tuple(self._summed()), tuple(sorted(self._exceptions)), self._damaged, self._anonymous)

    def _apply(self, disposition: Disposition, where: tuple[str, str, int], record: UsageRecord | None) -> None:
        _, customer, _ = where
        if record is None:
            self._apply_answer(disposition, where)
            return
        if disposition.action is Action.QUARANTINE:
            self._note(Oddity.KEY_MISMATCH, where)
            return
        if not customer:
            # A direct invoke has no key and is not billable.
            if record.billable:
                self._note(Oddity.UNKNOWN_SUBJECT, where)
            return
        if disposition.access_missing:
            self._note(Oddity.ACCESS_MISSING, where)
        if disposition.action is Action.FREE:
            self._count(customer, record, disposition.reason)
        elif self._scope.index.find(record.subject, _product(record), record.at_ms) is None:
            self._note(Oddity.UNPRICED, where)
        else:
            self._billable.append((customer, record))

    def _apply_answer(self, disposition: Disposition, where: tuple[str, str, int]) -> None:
        _, customer, _ = where
        if disposition.action is Action.UNBILLED:
            self._note(Oddity.USAGE_MISSING, where)
        elif not customer:
            self._anonymous += 1
        elif disposition.action is Action.REFUSED:
            period = self._scope.periods[customer].name
            self._add(Count(customer, period, "", "", "", "", "", disposition.reason, 0, 0), 1, 0)

    def _count(self, customer: str, call: UsageRecord, reason: str) -> None:
        segment = self._scope.index.find(call.subject, _product(call), call.at_ms)
        if segment is not None:
            key = count_of(segment, calls=0, units=0, reason=reason)
        else:
            period = self._scope.periods[customer].name
            key = Count(customer, period, "", "", *_product(call), reason, 0, 0)
        self._add(key, 1, call.units)

    def _add(self, key: Count, calls: int, units: int) -> None:
        before = self._counts[key]
        self._counts[key] = before[0] + calls, before[1] + units

    def _summed(self) -> Iterator[Count]:
        for key, (calls, units) in sorted(self._counts.items()):
            yield replace(key, calls=calls, units=units)

    def _is_out_of_time(self, where: tuple[str, str, int]) -> bool:
        guards = self._scope.guards
        if where[2] > guards.as_of_ms + guards.future_ms:
            self._note(Oddity.FUTURE, where)
            return True
        if where[2] < guards.as_of_ms - guards.past_ms:
            self._note(Oddity.STALE, where)
            return True
        return False

    def _note(self, oddity: Oddity, where: tuple[str, str, int]) -> None:
        self._exceptions.append(Exceptional(oddity.value, *where))


def _product(call: UsageRecord) -> tuple[str, str, str]:
    return call.model, call.operation, call.level
