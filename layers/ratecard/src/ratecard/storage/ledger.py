"""The ledger: from accounts, prices, lake and earlier invoices to what customers owe, and to what stands in the way.

It changes nothing. Whoever issues (`storage.issuing`) or shows (`storage.showing`) begins here, on one machine and in
AWS alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ratecard.billing.blockers import (
    Blocker,
    Standing,
    call_blockers,
    currency_blockers,
    loss_blockers,
    order_blockers,
    timing_blockers,
)
from ratecard.billing.counting import Counted, Exceptional
from ratecard.billing.invoice import InvoiceDraft
from ratecard.billing.lines import Line, total_of
from ratecard.billing.periods import Period, parse_period, period_after, period_at
from ratecard.billing.plans import PriceBook
from ratecard.billing.prepaid import Balance, Draw, Grant
from ratecard.billing.retries import WINDOW_MS
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import DAY_MS
from ratecard.billing.statement import Account, History, Inputs, draft_invoice, rate_customer, rates_sha256
from ratecard.kernel.errors import NotFoundError
from ratecard.kernel.money import EXACT
from ratecard.storage.customers import Accounts, Customer
from ratecard.storage.grants import Grants
from ratecard.storage.issued import IssuedDocuments
from ratecard.storage.targets import Target, assignments_by_customer, split_by_customer, with_balance

CountUsage = Callable[[Scope], Counted]
"""Counts what the lake holds of a scope, by whichever engine."""

GRACE_MS = DAY_MS
"""How long after its end a period waits for late lines: log delivery tries for 24 hours."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the ledger is computed from.

    Attributes
    ----------
    accounts : Accounts
        Customers, and whose usage was whose by which plan.
    book : PriceBook
        Plans and prices in all versions.
    count : CountUsage
        Reads the lake.
    issued : IssuedDocuments
        Earlier invoices and credit notes.
    grants : Grants
        Prepaid money.
    """

    accounts: Accounts
    book: PriceBook
    count: CountUsage
    issued: IssuedDocuments
    grants: Grants


@dataclass(frozen=True, slots=True)
class Statement:
    """What a customer owes for a period, as far as it is known.

    Attributes
    ----------
    draft : InvoiceDraft
        The invoice as it would be.
    is_over : bool
        Whether the period has ended; a minimum fee is part of the draft only then.
    blockers : tuple of Blocker
        Why it cannot be issued now; empty if it can.
    exceptions : tuple of Exceptional
        Everything that was not plain: the customer's, and what has no owner.
    damaged : int
        Lines of the lake that could not be read, whoever's they are.
    balance : Balance or None
        What is left of the customer's grants; None without any.
    """

    draft: InvoiceDraft
    is_over: bool
    blockers: tuple[Blocker, ...]
    exceptions: tuple[Exceptional, ...]
    damaged: int
    balance: Balance | None

    @property
    def total(self) -> Decimal:
        """The sum of lines and adjustments."""
        return total_of([*self.draft.lines, *self.draft.adjustments])

    @property
    def due(self) -> Decimal:
        """What is to be paid after credit."""
        return EXACT.add(self.total, self.draft.credit_used)


class Ledger:
    """Computes statements.

    Parameters
    ----------
    sources : Sources
        What they are computed from.
    grace_ms : int
        How long after its end a period waits for late lines before it is issued.
    access_log_complete : bool
        Whether every answer leaves a line in the access log, as the gateway on one machine promises. Where it does not
        (API Gateway's is delivered on best effort), a usage line without one is charged.
    """

    def __init__(self, sources: Sources, *, grace_ms: int = GRACE_MS, access_log_complete: bool = False) -> None:
        self.sources = sources
        self.grace_ms = grace_ms
        self.access_log_complete = access_log_complete

    def get_period(self, customer: str, name: str | None, *, as_of_ms: int) -> Period:
        """Return a customer's period by its name, or the one that holds an instant.

        Raises
        ------
        UnknownCustomerError, InvalidCalendarError
            If there is no such customer, or no such period.
        """
        calendar = self.sources.accounts.get_customer(customer).terms.calendar
        return period_at(calendar, as_of_ms) if name is None else parse_period(calendar, name)

    def list_unbilled(self, customer: str, *, as_of_ms: int) -> list[Period]:
        """Return a customer's periods without an invoice, from the first with an account to the one of an instant."""
        found = self.sources.accounts.get_customer(customer)
        return self._unbilled(found, self._starts()[customer], as_of_ms)

    def find_due(self, *, as_of_ms: int) -> dict[str, Period]:
        """Return, by customer, the oldest period without an invoice that is over, its grace included."""
        found, starts = {}, self._starts()
        for customer in self.sources.accounts.list_customers():
            periods = self._unbilled(customer, starts[customer.id], as_of_ms)
            if periods and periods[0].to_ms + self.grace_ms <= as_of_ms:
                found[customer.id] = periods[0]
        return found

    def _unbilled(self, customer: Customer, starts_ms: int, as_of_ms: int) -> list[Period]:
        calendar = customer.terms.calendar
        ends = [each.period.to_ms for each in self.sources.issued.list_of(customer.id) if each.period]
        begin = max(ends, default=starts_ms)
        period = period_at(calendar, begin)
        if ends and period.from_ms < begin:
            # The calendar has changed since: what is billed is not billed again.
            period = period_after(calendar, period)
        found = []
        while period.from_ms <= as_of_ms:
            found.append(period)
            period = period_after(calendar, period)
        return found

    def _starts(self) -> dict[str, int]:
        """Return when each customer began."""
        starts: dict[str, int] = {}
        for each in self.sources.accounts.assignments():
            starts[each.customer] = min(each.from_ms, starts.get(each.customer, each.from_ms))
        return starts

    def assess(
        self,
        periods: Mapping[str, Period],
        *,
        as_of_ms: int,
        pending: Mapping[str, tuple[Draw, ...]] | None = None,
        adjust: bool = True,
    ) -> dict[str, Statement]:
        """Compute statements of many customers, with as few readings of the lake as there are periods.

        Parameters
        ----------
        periods : mapping of str to Period
            By customer.
        as_of_ms : int
            When the lake is read, milliseconds since 1970.
        pending : mapping of str to tuple of Draw, optional
            What periods between the last invoice and these draw on grants.
        adjust : bool
            Whether earlier periods are counted again, for late lines.

        Raises
        ------
        UnknownCustomerError
            If there is no such customer.
        BrokenChainError
            If invoices or grants are missing or damaged.
        """
        targets = []
        for name, period in periods.items():
            calendar = self.sources.accounts.get_customer(name).terms.calendar
            earlier = tuple(self.sources.issued.list_of(name))
            drawn = (pending or {}).get(name, ())
            targets.append(Target(name, calendar, period, earlier, self._grants_of(name), drawn))
        return self._assess(targets, as_of_ms, adjust=adjust)

    def assess_again(self, number: int) -> Statement:
        """Compute an invoice from the lake once more, as of the instant at which it was computed first.

        Raises
        ------
        NotFoundError
            If there is no such invoice.
        """
        invoice = self.sources.issued.get(number)
        if invoice.period is None or invoice.calendar is None:
            raise NotFoundError(f"there is no invoice {number}")
        name = invoice.customer
        earlier = tuple(self.sources.issued.list_of(name, before=number))
        target = Target(name, invoice.calendar, invoice.period, earlier, self._grants_of(name))
        return self._assess([target], invoice.as_of_ms, adjust=True)[name]

    def _assess(self, targets: Sequence[Target], as_of_ms: int, *, adjust: bool) -> dict[str, Statement]:
        since_ms = as_of_ms - Guards(as_of_ms).past_ms
        billed = {each.customer: each.adjustable(since_ms=since_ms) if adjust else [] for each in targets}
        parts = {each.customer: list(each.parts(as_of_ms)) for each in targets}
        counted = self._count({each.customer: [each.period] for each in targets}, as_of_ms)
        counted |= self._count(billed, as_of_ms) | self._count(parts, as_of_ms)
        found, starts = {}, self._starts()
        for each in targets:
            name = each.customer
            histories = [
                History(self._billed_lines(each, period), rate_customer(counted[name, period], name))
                for period in billed[name]
            ]
            totals = [total_of(rate_customer(counted[name, part], name, final=False)) for part in parts[name]]
            statement = self._state(each, counted[name, each.period], histories, totals)
            blockers = tuple(self._blockers(each, counted[name, each.period], starts[name]))
            found[name] = replace(statement, blockers=blockers)
        return found

    def _state(self, target: Target, inputs: Inputs, histories: list[History], totals: list[Decimal]) -> Statement:
        as_of_ms, name = inputs.scope.guards.as_of_ms, target.customer
        is_over = target.period.to_ms <= as_of_ms
        draft = draft_invoice(inputs, Account(name, target.calendar), histories, final=is_over)
        draft.basis["rates_sha256"] = rates_sha256([*draft.lines, *draft.adjustments], inputs.book)
        balance = target.balance(totals, draft, as_of_ms)
        return Statement(
            draft=with_balance(draft, balance),
            is_over=is_over,
            blockers=(),
            exceptions=inputs.counted.exceptions,
            damaged=inputs.counted.damaged,
            balance=balance,
        )

    def _blockers(self, target: Target, inputs: Inputs, starts_ms: int) -> Iterator[Blocker]:
        as_of_ms = inputs.scope.guards.as_of_ms
        customer = self.sources.accounts.get_customer(target.customer)
        unbilled = tuple(self._unbilled(customer, starts_ms, as_of_ms))
        yield from timing_blockers(target.period, as_of_ms=as_of_ms, grace_ms=self.grace_ms)
        yield from order_blockers(Standing(target.period, target.billed(), unbilled, starts_ms))
        yield from currency_blockers(customer.terms.currency, inputs.book.currency)
        yield from call_blockers(inputs.counted, customer.id)
        yield from loss_blockers(
            inputs.counted, customer.id, access_log_complete=self.access_log_complete, tolerance=inputs.book.tolerance
        )

    def _count(self, wanted: Mapping[str, Sequence[Period]], as_of_ms: int) -> dict[tuple[str, Period], Inputs]:
        """Count each customer's periods: all first ones together, then all second ones, and so on."""
        found: dict[tuple[str, Period], Inputs] = {}
        assignments = self.sources.accounts.assignments()
        own = assignments_by_customer(assignments)
        for number in range(max((len(periods) for periods in wanted.values()), default=0)):
            periods = {name: listed[number] for name, listed in wanted.items() if number < len(listed)}
            guards = self.guards(periods.values(), as_of_ms)
            counted = split_by_customer(self.sources.count(Scope(assignments, self.sources.book, periods, guards)))
            for name, period in periods.items():
                # Of this customer alone, so that the work grows with the customers and not with their square.
                scope = Scope(own[name], self.sources.book, {name: period}, guards)
                found[name, period] = Inputs(scope, counted(name), self.sources.book)
        return found

    def guards(self, periods: Iterable[Period], as_of_ms: int) -> Guards:
        """Believe in the past as far as the periods reach, however late they are billed."""
        usual = Guards(as_of_ms, access_log_complete=self.access_log_complete)
        reach = as_of_ms - min(period.from_ms for period in periods) + 2 * WINDOW_MS
        return replace(usual, past_ms=max(usual.past_ms, reach))

    def _grants_of(self, customer: str) -> tuple[Grant, ...]:
        return tuple(each.grant for each in self.sources.grants.list_of(customer))

    def _billed_lines(self, target: Target, period: Period) -> tuple[Line, ...]:
        invoices = [each.number for each in target.earlier if each.period is not None]
        lines = [line for number in invoices for line in self.sources.issued.lines_of(number)]
        return tuple(line for line in lines if line.key.period == period.name)
