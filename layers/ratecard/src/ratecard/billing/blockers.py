"""What stands in the way of an invoice: each with a code, so that a person who has looked can waive it by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratecard.billing.counting import Counted
from ratecard.billing.periods import Period
from ratecard.billing.plans import DEFAULT_TOLERANCE
from ratecard.billing.reconciliation import reconcile
from ratecard.billing.statement import find_blockers
from ratecard.kernel.clock import rfc3339_from_epoch_ms

OPEN_PERIOD = "open_period"
GRACE = "grace"
NEVER_WAIVED = frozenset({OPEN_PERIOD, "currency", "earlier_period"})
"""Nobody may bill what is not over, in another currency than the prices', or out of order."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason not to issue.

    Attributes
    ----------
    code : str
        `open_period`, `grace`, `earlier_period`, `gap`, `before_start`, `currency`, `reconciliation`, or what is odd
        about a call, see `Oddity`.
    detail : str
        One sentence.
    call_id : str
        The call, where it is about one.
    """

    code: str
    detail: str
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a period stands among a customer's.

    Attributes
    ----------
    period : Period
        What would be billed.
    billed : tuple of Period
        What has been.
    unbilled : tuple of Period
        What has not, oldest first, the present one included.
    starts_ms : int
        When the customer began, milliseconds since the epoch.
    """

    period: Period
    billed: tuple[Period, ...]
    unbilled: tuple[Period, ...]
    starts_ms: int


def timing_blockers(period: Period, *, as_of_ms: int, grace_ms: int) -> Iterator[Blocker]:
    """Refuse a period that is not over, or for which lines may still come."""
    end = rfc3339_from_epoch_ms(period.to_ms)
    if as_of_ms < period.to_ms:
        yield Blocker(OPEN_PERIOD, f"{period.name} ends at {end}")
    elif as_of_ms < period.to_ms + grace_ms:
        until = rfc3339_from_epoch_ms(period.to_ms + grace_ms)
        yield Blocker(GRACE, f"{period.name} has ended at {end}; late lines are waited for until {until}")


def order_blockers(standing: Standing) -> Iterator[Blocker]:
    """Refuse a period that would leave time behind it without an invoice."""
    period = standing.period
    if period.to_ms <= standing.starts_ms:
        yield Blocker("before_start", f"there was no such customer in {period.name}")
        return
    ends = [each.to_ms for each in standing.billed if each.to_ms <= period.from_ms]
    missed = [each for each in standing.unbilled if each.to_ms <= period.from_ms]
    if missed:
        yield Blocker("earlier_period", f"{missed[0].name} has no invoice yet; issue it first")
    elif ends and period not in standing.billed and max(ends) < period.from_ms:
        since, until = rfc3339_from_epoch_ms(max(ends)), rfc3339_from_epoch_ms(period.from_ms)
        yield Blocker("gap", f"the calendar has changed: from {since} to {until} would be on no invoice")


def currency_blockers(customer_currency: str, book_currency: str) -> Iterator[Blocker]:
    """Refuse to bill in another currency than the prices'; nothing is ever converted."""
    if customer_currency != book_currency:
        detail = f"the customer pays in {customer_currency}, the price book is in {book_currency}"
        yield Blocker("currency", detail)


def call_blockers(counted: Counted, customer: str) -> Iterator[Blocker]:
    """Name every call that somebody must look at; of nobody's, it holds everybody up."""
    for each in find_blockers(counted, customer):
        whose = each.customer or "nobody that is known"
        at = rfc3339_from_epoch_ms(max(each.at_ms, 0))
        yield Blocker(each.oddity, f"call {each.id} of {whose} at {at} is not charged: {each.oddity}", each.id)


def loss_blockers(
    counted: Counted, customer: str, *, access_log_complete: bool, tolerance: Decimal = DEFAULT_TOLERANCE
) -> Iterator[Blocker]:
    """Refuse to bill a customer of whose calls a larger part than `tolerance` (a fraction) has lost a line."""
    found = reconcile(counted, access_log_complete=access_log_complete)
    if found.blocks(customer, tolerance):
        lost, all_calls = found.lost(customer), found.calls.get(customer, 0)
        detail = f"{lost} calls have lost a line, beside {all_calls} counted: more than {tolerance:f} of them"
        yield Blocker("reconciliation", detail)


def left_standing(blockers: Sequence[Blocker], waived: frozenset[str]) -> tuple[Blocker, ...]:
    """Return the blockers that waiving some codes leaves."""
    return tuple(each for each in blockers if each.code not in waived - NEVER_WAIVED)
