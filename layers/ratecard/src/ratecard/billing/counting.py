"""Counting: lines of the lake become counts and a list of everything that was not plain.

This is the path in Python alone: it holds the period's records in memory and says by its code what the SQL over a large
lake must give. The result does not depend on the order, the files or the repetition of lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ratecard.billing.byhour import HourCount, HourSums
from ratecard.billing.events import AccessRecord, DamagedLineError, UsageRecord, parse_access, parse_usage
from ratecard.billing.rating import Count
from ratecard.billing.retries import find_retries
from ratecard.billing.scope import Scope
from ratecard.billing.verdicts import RETRY, Call, Oddity, Verdict, judge

Event = Mapping[str, object]
_Record = TypeVar("_Record", UsageRecord, AccessRecord)


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
    hours : tuple of HourCount
        Sorted; only if the scope asks for them.
    """

    counts: tuple[Count, ...]
    exceptions: tuple[Exceptional, ...]
    damaged: int
    anonymous: int
    hours: tuple[HourCount, ...] = ()


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
    used, answered = Reading(parse_usage), Reading(parse_access)
    used.read(usage)
    answered.read(access)
    sums = Sums(scope)
    for call_id, call in pair_up(used, answered, scope=scope):
        sums.add_call(call_id, call)
        sums.add_hour(call)
    return sums.finish(damaged=used.damaged + answered.damaged)


class Reading(Generic[_Record]):
    """The different lines of a stream, by id; more than one with an id is a contradiction.

    Parameters
    ----------
    parse : callable
        Reads a line, or raises DamagedLineError.
    """

    def __init__(self, parse: Callable[[Event | None], _Record]) -> None:
        self._parse: Callable[[Event | None], _Record] = parse
        self.found: dict[str, dict[str, _Record]] = {}
        self.copied: set[str] = set()
        self.damaged = 0

    def read(self, events: Iterable[Event | None]) -> None:
        """Read lines; None is a torn one."""
        for event in events:
            try:
                self.add(self._parse(event))
            except DamagedLineError:
                self.damaged += 1

    def add(self, record: _Record) -> None:
        """Take one line."""
        known = self.found.setdefault(record.id, {})
        if record.fingerprint in known:
            self.copied.add(record.id)
        known[record.fingerprint] = record


def pair_up(used: Reading[UsageRecord], answered: Reading[AccessRecord], *, scope: Scope) -> Iterator[tuple[str, Call]]:
    """Yield what both streams say of each id, with what an operator has recovered."""
    for call_id in used.found.keys() | answered.found.keys() | scope.recoveries.keys():
        lines = list(used.found.get(call_id, {}).values())
        answers = list(answered.found.get(call_id, {}).values())
        if not lines and call_id in scope.recoveries:
            lines = [scope.recoveries[call_id]]
        yield (
            call_id,
            Call(
                subject=min(each.subject for each in lines) if lines else min(each.key_id for each in answers),
                at_ms=min(each.at_ms for each in (lines or answers)),
                usage=lines[0] if lines else None,
                access=answers[0] if answers else None,
                copied=call_id in used.copied or call_id in answered.copied,
                contradicted=len(lines) > 1 or len(answers) > 1,
            ),
        )


class Sums:
    """Adds up calls one by one, or many of one verdict at once.

    Parameters
    ----------
    scope : Scope
        Whose, which periods, at which prices.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._exceptions: list[Exceptional] = []
        self._keyed: list[tuple[Verdict, UsageRecord]] = []
        self._counts: dict[Count, list[int]] = {}
        self._anonymous = 0
        self._hours = HourSums(scope)

    def add_call(self, call_id: str, call: Call) -> None:
        """Add one call; what may be a retry waits for `settle_retries`."""
        verdict = judge(self._scope, call)
        self.note(verdict, call_id, call.at_ms)
        if verdict.charged and call.usage is not None and call.usage.idempotency_key is not None:
            self._keyed.append((verdict, call.usage))
        else:
            self.add(verdict, 1, 0 if call.usage is None else call.usage.units)

    def add(self, verdict: Verdict, calls: int, units: int) -> None:
        """Add calls of one verdict."""
        if verdict.anonymous:
            self._anonymous += calls
        elif verdict.count is not None:
            sums = self._counts.setdefault(verdict.count, [0, 0])
            sums[0] += calls
            sums[1] += units

    def add_hour(self, call: Call, calls: int = 1) -> None:
        """Add calls of one hour to its sums, if they are asked for."""
        if self._scope.by_hour:
            self._hours.add(call, calls)

    def note(self, verdict: Verdict, call_id: str, at_ms: int) -> None:
        """List an id for each thing that is not plain about it."""
        for oddity in verdict.oddities:
            self._exceptions.append(Exceptional(oddity.value, call_id, verdict.customer, at_ms))

    def settle_retries(self) -> None:
        """Add the calls that wait: all that have an idempotency key and product in common must have been taken."""
        retries = find_retries((verdict.customer, used) for verdict, used in self._keyed)
        for verdict, used in self._keyed:
            if verdict.count is not None and used.id in retries:
                verdict = replace(verdict, count=replace(verdict.count, reason=RETRY))
            self.add(verdict, 1, used.units)
        self._keyed = []

    def finish(self, *, damaged: int) -> Counted:
        """Return everything sorted."""
        self.settle_retries()
        counts = (replace(key, calls=calls, units=units) for key, (calls, units) in sorted(self._counts.items()))
        return Counted(tuple(counts), tuple(sorted(self._exceptions)), damaged, self._anonymous, self._hours.finish())
