"""From a counted lake to what one customer owes: the pure middle between reading lines and issuing a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ratecard.billing.adjustments import compute_adjustments
from ratecard.billing.canonical import canonical, decimal_text
from ratecard.billing.counting import BLOCKING, Counted, Exceptional
from ratecard.billing.credits import spend_balance
from ratecard.billing.invoice import InvoiceDraft
from ratecard.billing.lines import Line, total_of
from ratecard.billing.periods import BillingCalendar
from ratecard.billing.plans import Price, PriceBook
from ratecard.billing.rating import compute_holdings, rate_period, zero_counts
from ratecard.billing.scope import Scope
from ratecard.kernel.digest import sha256_hex


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a statement is for.

    Attributes
    ----------
    customer : str
        The customer's id.
    calendar : BillingCalendar
        When the customer's periods begin.
    open_credit : Decimal
        Credit that invoices may use up, not negative.
    """

    customer: str
    calendar: BillingCalendar
    open_credit: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class History:
    """What was billed of an earlier period, and what it is rated at now.

    Attributes
    ----------
    billed : tuple of Line
        All lines of earlier invoices that name the period, oldest first.
    rated : tuple of Line
        The whole period as the lake holds it now.
    """

    billed: tuple[Line, ...]
    rated: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a statement is computed from, beside the account.

    Attributes
    ----------
    scope : Scope
        Assignments, segments and periods.
    counted : Counted
        What the lake holds in that scope.
    book : PriceBook
        Plans and prices.
    basis : mapping of str to str
        Hashes of the inputs, for the invoice.
    """

    scope: Scope
    counted: Counted
    book: PriceBook
    basis: Mapping[str, str] = field(default_factory=dict)


def rate_customer(inputs: Inputs, customer: str, *, final: bool = True) -> tuple[Line, ...]:
    """Rate a customer's whole period.

    Parameters
    ----------
    inputs : Inputs
        A scope in which the customer has a period.
    customer : str
        The customer's id.
    final : bool
        Whether the period is over, so that minimum fees are made up for.

    Raises
    ------
    KeyError
        If the customer has no period in the scope.
    """
    scope, book = inputs.scope, inputs.book
    period = scope.periods[customer]
    counts = [count for count in inputs.counted.counts if count.customer == customer]
    counts += zero_counts(scope.segments, customer)
    holdings = compute_holdings(scope.directory.assignments, book, customer=customer, period=period)
    return rate_period(counts, book, period=period, holdings=holdings, final=final)


def draft_invoice(
    inputs: Inputs, account: Account, histories: Iterable[History] = (), *, final: bool = True
) -> InvoiceDraft:
    """Draft a customer's invoice of the scope's period, with what changed of earlier ones.

    Parameters
    ----------
    inputs : Inputs
        A scope in which the customer has a period.
    account : Account
        Whom it is for.
    histories : iterable of History
        Earlier periods of the same customer that may have changed.
    final : bool
        Whether the period is over, so that minimum fees are made up for.
    """
    lines = rate_customer(inputs, account.customer, final=final)
    late = [line for each in histories for line in compute_adjustments(each.billed, each.rated)]
    return InvoiceDraft(
        customer=account.customer,
        currency=inputs.book.currency,
        calendar=account.calendar,
        period=inputs.scope.periods[account.customer],
        as_of_ms=inputs.scope.guards.as_of_ms,
        lines=lines,
        adjustments=tuple(late),
        credit_used=spend_balance(total_of([*lines, *late]), account.open_credit),
        basis=dict(inputs.basis) | {"counts_sha256": _counts_sha256(inputs.counted, account.customer)},
    )


def find_blockers(counted: Counted, customer: str) -> tuple[Exceptional, ...]:
    """Return what somebody must look at before the customer's period is closed; what has no owner blocks everybody."""
    kinds = {oddity.value for oddity in BLOCKING}
    return tuple(each for each in counted.exceptions if each.oddity in kinds and each.customer in (customer, ""))


def rates_sha256(lines: Iterable[Line], book: PriceBook) -> str:
    """Hash the plans and prices that lines name: later versions of the book do not change it, an edited one does."""
    keys = [line.key for line in lines]
    plans = {each.version: decimal_text(each.minimum_fee) for each in book.plans}
    prices = {each.version: _tariff(each) for each in book.prices}
    named = {
        "currency": book.currency,
        "plans": {key.plan_version: plans[key.plan_version] for key in keys if key.plan_version},
        "prices": {key.price_version: prices[key.price_version] for key in keys if key.price_version},
    }
    return sha256_hex(canonical(named))


def _tariff(price: Price) -> dict[str, object]:
    tiers = [[each.up_to, decimal_text(each.unit_price), decimal_text(each.flat_fee)] for each in price.tariff.tiers]
    return {"mode": price.tariff.mode.value, "fee_at_zero": price.tariff.fee_at_zero, "tiers": tiers}


def _counts_sha256(counted: Counted, customer: str) -> str:
    rows = sorted(
        [*each.names, str(each.calls), str(each.units)] for each in counted.counts if each.customer == customer
    )
    return sha256_hex(canonical({"counts": rows}))
