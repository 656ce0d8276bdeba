"""Credits and refunds: signed entries beside an invoice, which itself is never changed.

Every transaction's entries add up to zero, and posting one twice is posting it once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ratecard.billing.tiers import ZERO, sum_exactly
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.kernel.money import EXACT, Money

REVENUE = "revenue"
CREDITS = "credits"


class CreditTooLargeError(RatecardError):
    """More would be credited than was charged."""

    code = "credit_too_large"
    kind = ErrorKind.CONFLICT


class InvalidCreditError(RatecardError):
    """A credit is an amount above zero in the currency's minor unit."""

    code = "invalid_credit"
    kind = ErrorKind.INVALID


class ConflictingTransactionError(RatecardError):
    """A transaction's id is taken by another one."""

    code = "conflicting_transaction"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transaction: positive is owed by, negative is owed to the account."""

    account: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Transaction:
    """Entries that add up to zero, under an id of their own."""

    id: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if sum_exactly(entry.amount for entry in self.entries) != 0:
            raise ValueError("the entries of a transaction add up to zero")


def invoice_transaction(number: int, customer: str, due: Decimal) -> Transaction:
    """Return what an invoice posts: the customer owes it."""
    return _transfer(f"invoice/{number}", receivable(customer), REVENUE, due)


def credit_transaction(number: int, customer: str, amount: Decimal) -> Transaction:
    """Return what a credit note posts: the customer owes that much less."""
    return _transfer(f"credit/{number}", CREDITS, receivable(customer), amount)


def post(journal: tuple[Transaction, ...], transaction: Transaction) -> tuple[Transaction, ...]:
    """Return the journal with a transaction added; the same one again changes nothing.

    Raises
    ------
    ConflictingTransactionError
        If another transaction has its id.
    """
    for earlier in journal:
        if earlier.id == transaction.id:
            if earlier != transaction:
                raise ConflictingTransactionError(f"{transaction.id} was posted with other entries")
            return journal
    return (*journal, transaction)


def balance_of(journal: Iterable[Transaction], account: str) -> Decimal:
    """Return what an account owes."""
    return sum_exactly(entry.amount for each in journal for entry in each.entries if entry.account == account)


def receivable(customer: str) -> str:
    """Name a customer's account."""
    return f"receivable/{customer}"


def check_credit(due: Money, earlier: Iterable[Decimal], amount: Decimal) -> None:
    """Refuse a credit that is no amount of money, or that together with earlier ones is more than the invoice.

    Parameters
    ----------
    due : Money
        What the invoice asked for.
    earlier : iterable of Decimal
        Credits already given on it, each above zero.
    amount : Decimal
        The credit, above zero.

    Raises
    ------
    InvalidCreditError, CreditTooLargeError
        If it is refused.
    """
    if not amount.is_finite() or amount <= 0 or amount != Money(amount, due.currency).rounded().amount:
        raise InvalidCreditError(f"a credit is an amount above zero that can be paid in {due.currency}")
    left = EXACT.subtract(due.amount, sum_exactly(earlier))
    if amount > left:
        raise CreditTooLargeError(f"at most {max(left, ZERO)} {due.currency} can still be credited")


def spend_balance(total: Decimal, available: Decimal) -> Decimal:
    """Return how much of a customer's open credit an invoice uses, as a signed entry: never more than its total."""
    return EXACT.subtract(ZERO, min(max(total, ZERO), max(available, ZERO)))


def _transfer(name: str, debit: str, credit: str, amount: Decimal) -> Transaction:
    return Transaction(name, (Entry(debit, amount), Entry(credit, EXACT.subtract(ZERO, amount))))
