"""Verdicts: what one call counts as, and what is not plain about it; the one place where the rules meet the scope.

Whoever counts, line by line or by groups of equal calls, asks here, so that all ways of counting have the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ratecard.billing.disposition import Action, Disposition, classify
from ratecard.billing.events import AccessRecord, UsageRecord
from ratecard.billing.rating import Count, count_of
from ratecard.billing.scope import Scope

RETRY = "retry"
"""Why a repeated call is free."""


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


@dataclass(frozen=True, slots=True)
class Call:
    """What both streams say of an id, after copies.

    Attributes
    ----------
    subject : str
        Of the usage line, of several the first in order; without one, the key's id of the access line.
    at_ms : int
        The usage line's time, of several the earliest; without one, the access line's.
    usage, access : UsageRecord or None
        The lines; of contradicting ones any.
    copied : bool
        Whether a line came more than once.
    contradicted : bool
        Whether a stream has different lines.
    """

    subject: str
    at_ms: int
    usage: UsageRecord | None
    access: AccessRecord | None
    copied: bool = False
    contradicted: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a call counts as.

    Attributes
    ----------
    customer : str
        "" if nobody is known to have the subject.
    oddities : tuple of Oddity
        What its id is listed for.
    count : Count or None
        What it is added to, with neither calls nor units; None is nothing.
    charged : bool
        Whether it is charged, unless it is a retry. Without a count it lies before the period, and can only make
        another call a retry.
    anonymous : bool
        Whether it is an answer to a caller without a key that anybody has.
    """

    customer: str
    oddities: tuple[Oddity, ...] = ()
    count: Count | None = None
    charged: bool = False
    anonymous: bool = False


def judge(scope: Scope, call: Call) -> Verdict:
    """Say what a call counts as.

    Parameters
    ----------
    scope : Scope
        Whose calls are counted, of which periods, at which prices.
    call : Call
        One call, or one that stands for many with the same outcome.
    """
    customer, at_ms = scope.find_customer(call.subject, call.at_ms), call.at_ms
    disbelieved = _find_disbelief(scope, at_ms)
    if disbelieved is not None:
        return Verdict(customer, (disbelieved,))
    inside = scope.counts_for(customer, at_ms)
    copied = (Oddity.DUPLICATE,) if call.copied and inside else ()
    if call.contradicted:
        return Verdict(customer, (*copied, Oddity.CONFLICT) if inside else ())
    disposition = classify(call.usage, call.access, access_log_complete=scope.guards.access_log_complete)
    if not inside:
        before = call.usage is not None and scope.precedes(customer, at_ms)
        return Verdict(customer, charged=before and disposition.action is Action.BILL)
    if call.usage is None:
        return _judge_answer(scope, (customer, copied), disposition)
    return _judge_usage(scope, call.usage, (customer, copied), disposition)


def _find_disbelief(scope: Scope, at_ms: int) -> Oddity | None:
    guards = scope.guards
    if at_ms > guards.as_of_ms + guards.future_ms:
        return Oddity.FUTURE
    return Oddity.STALE if at_ms < guards.as_of_ms - guards.past_ms else None


def _judge_usage(
    scope: Scope, used: UsageRecord, known: tuple[str, tuple[Oddity, ...]], disposition: Disposition
) -> Verdict:
    customer, oddities = known
    if disposition.action is Action.QUARANTINE:
        return Verdict(customer, (*oddities, Oddity.KEY_MISMATCH))
    if not customer:
        # A direct invoke has no key and is not billable.
        return Verdict("", (*oddities, Oddity.UNKNOWN_SUBJECT) if used.billable else oddities)
    if disposition.access_missing:
        oddities = (*oddities, Oddity.ACCESS_MISSING)
    product = used.model, used.operation, used.level
    segment = scope.index.find(used.subject, product, used.at_ms)
    if disposition.action is Action.FREE:
        if segment is not None:
            return Verdict(customer, oddities, count_of(segment, calls=0, units=0, reason=disposition.reason))
        period = scope.periods[customer].name
        return Verdict(customer, oddities, Count(customer, period, "", "", *product, disposition.reason, 0, 0))
    if segment is None:
        return Verdict(customer, (*oddities, Oddity.UNPRICED))
    return Verdict(customer, oddities, count_of(segment, calls=0, units=0), charged=True)


def _judge_answer(scope: Scope, known: tuple[str, tuple[Oddity, ...]], disposition: Disposition) -> Verdict:
    customer, oddities = known
    if disposition.action is Action.UNBILLED:
        return Verdict(customer, (*oddities, Oddity.USAGE_MISSING))
    if not customer:
        return Verdict("", oddities, anonymous=True)
    if disposition.action is not Action.REFUSED:
        return Verdict(customer, oddities)
    period = scope.periods[customer].name
    return Verdict(customer, oddities, Count(customer, period, "", "", "", "", "", disposition.reason, 0, 0))
