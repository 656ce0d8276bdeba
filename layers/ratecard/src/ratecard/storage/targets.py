"""One customer's period on its way to a statement: what was billed before it, and which grants it may draw on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from ratecard.billing.counting import Counted, Exceptional
from ratecard.billing.invoice import InvoiceDraft
from ratecard.billing.lines import total_of
from ratecard.billing.periods import BillingCalendar, Period
from ratecard.billing.prepaid import (
    Balance,
    Draw,
    Grant,
    compute_balance,
    compute_charges,
    compute_draws,
    turning_points,
)
from ratecard.billing.rating import Count
from ratecard.billing.retries import WINDOW_MS
from ratecard.billing.segments import Assignment
from ratecard.billing.tiers import ZERO, sum_exactly
from ratecard.kernel.money import EXACT
from ratecard.storage.issued import IssuedDocument


@dataclass(frozen=True, slots=True)
class Target:
    """What a statement is to be computed for.

    Attributes
    ----------
    customer : str
        The customer's id.
    calendar : BillingCalendar
        Theirs, as it is or was.
    period : Period
        What is billed.
    earlier : tuple of IssuedDocument
        The customer's documents before it.
    grants : tuple of Grant
        All of the customer's.
    pending : tuple of Draw
        What periods after the last invoice and before this one draw on them.
    """

    customer: str
    calendar: BillingCalendar
    period: Period
    earlier: tuple[IssuedDocument, ...]
    grants: tuple[Grant, ...]
    pending: tuple[Draw, ...] = ()

    def billed(self) -> tuple[Period, ...]:
        """Return the periods that have an invoice, oldest first."""
        return tuple(each.period for each in self.earlier if each.period is not None)

    def adjustable(self, *, since_ms: int) -> list[Period]:
        """Return earlier periods whose calls since an instant are all still believed, latest first."""
        found = [period for period in self.billed() if period.to_ms <= self.period.from_ms]
        return [period for period in reversed(found) if period.from_ms - WINDOW_MS >= since_ms]

    def open_grants(self) -> tuple[Grant, ...]:
        """Return what earlier invoices have left of the grants."""
        draws = [draw for each in self.earlier for draw in each.draws] + list(self.pending)
        kept = []
        for grant in self.grants:
            drawn = sum_exactly(draw.amount for draw in draws if draw.grant == grant.id)
            if drawn < grant.amount:
                kept.append(replace(grant, amount=EXACT.subtract(grant.amount, drawn)))
        return tuple(kept)

    def parts(self, as_of_ms: int) -> Iterator[Period]:
        """Yield the period up to each instant at which a grant begins or ends, but not the whole."""
        for until_ms in self._points(as_of_ms)[:-1]:
            yield Period(self.period.name, self.period.from_ms, until_ms)

    def balance(self, totals: Iterable[Decimal], draft: InvoiceDraft, as_of_ms: int) -> Balance | None:
        """Compute what the draft leaves of the grants, given the totals of its parts; None without grants."""
        if not self.grants:
            return None
        points = self._points(as_of_ms)
        running = [*totals, total_of([*draft.lines, *draft.adjustments])]
        charges = compute_charges(zip(points, running, strict=True))
        return compute_balance(self.open_grants(), charges, as_of_ms=points[-1] - 1)

    def _points(self, as_of_ms: int) -> tuple[int, ...]:
        end_ms = max(self.period.from_ms + 1, min(self.period.to_ms, as_of_ms + 1))
        return turning_points(self.open_grants(), self.period.from_ms, end_ms)


def with_balance(draft: InvoiceDraft, balance: Balance | None) -> InvoiceDraft:
    """Have a draft use what its balance has spent."""
    if balance is None:
        return draft
    draws = compute_draws(balance)
    return replace(draft, credit_used=EXACT.subtract(ZERO, sum_exactly(draw.amount for draw in draws)), draws=draws)


def split_by_customer(counted: Counted) -> Callable[[str], Counted]:
    """Sort what was counted by customer, once; returns how to get one customer's part, with what has no owner."""
    counts: dict[str, list[Count]] = defaultdict(list)
    exceptions: dict[str, list[Exceptional]] = defaultdict(list)
    for count in counted.counts:
        counts[count.customer].append(count)
    for each in counted.exceptions:
        exceptions[each.customer].append(each)

    def part(customer: str) -> Counted:
        odd = tuple(sorted([*exceptions[customer], *exceptions[""]]))
        return replace(counted, counts=tuple(counts[customer]), exceptions=odd)

    return part


def assignments_by_customer(assignments: Iterable[Assignment]) -> Mapping[str, list[Assignment]]:
    """Sort assignments by customer."""
    own: dict[str, list[Assignment]] = defaultdict(list)
    for each in assignments:
        own[each.customer].append(each)
    return own
