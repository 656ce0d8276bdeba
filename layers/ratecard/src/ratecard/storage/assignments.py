"""Whose usage is whose, and by which plan: a history that is only ever added to, and the intervals it makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from ratecard.billing.segments import Assignment
from ratecard.kernel.errors import ErrorKind, RatecardError


class PastChangeError(RatecardError):
    """A plan can change from now on, not before: what was rated stays as it was."""

    code = "past_change"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class PlanChange:
    """One entry of the history of plans, which is only ever added to.

    Attributes
    ----------
    subject : str
        What usage lines name: a key's id, or `inbox/<customer>` for files.
    customer_id, plan : str
        Who pays, and by which plan.
    from_ms : int
        From when on, milliseconds since 1970, UTC.
    number : int
        Of two changes from the same instant on, the higher number holds.
    """

    subject: str
    customer_id: str
    plan: str
    from_ms: int
    number: int


def make_assignments(changes: Iterable[PlanChange]) -> tuple[Assignment, ...]:
    """Turn the history of plans into intervals: for each subject, without gap or overlap, open at the end.

    A key that is disabled keeps its plan: what it was used for until the gateway knew is still its customer's.
    """
    found: list[Assignment] = []
    ordered = sorted(changes, key=lambda change: (change.subject, change.from_ms, change.number))
    for _, of_subject in groupby(ordered, key=lambda change: change.subject):
        # Of changes from the same instant on, the last holds.
        holding = list({change.from_ms: change for change in of_subject}.values())
        kept = [
            change for number, change in enumerate(holding) if not number or change.plan != holding[number - 1].plan
        ]
        ends = [change.from_ms for change in kept[1:]]
        found += [
            Assignment(change.subject, change.customer_id, change.plan, change.from_ms, to_ms)
            for change, to_ms in zip(kept, [*ends, None], strict=True)
        ]
    return tuple(found)


def plan_at(changes: Sequence[PlanChange], at_ms: int) -> str:
    """Return the plan of one subject at an instant; before its first change, should a clock say so, that one's."""
    ordered = sorted(changes, key=lambda change: (change.from_ms, change.number))
    started = [change for change in ordered if change.from_ms <= at_ms]
    return (started or ordered[:1])[-1].plan


def check_start(from_ms: int | None, now_ms: int) -> int:
    """Return from when on a change holds; raises PastChangeError."""
    if from_ms is not None and from_ms < now_ms:
        raise PastChangeError("a plan can change from now on, not before")
    return now_ms if from_ms is None else from_ms


def files_subject(customer_id: str) -> str:
    """Return what usage lines name for a customer's files."""
    return f"inbox/{customer_id}"
