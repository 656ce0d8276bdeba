"""Credits: entries that add up to zero, never more than was charged, posted once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard.billing.credits import (
    CREDITS,
    REVENUE,
    ConflictingTransactionError,
    CreditTooLargeError,
    Entry,
    InvalidCreditError,
    Transaction,
    balance_of,
    check_credit,
    credit_transaction,
    invoice_transaction,
    post,
    receivable,
    spend_balance,
)
from ratecard.kernel.money import Money


def test_a_credit_lowers_what_is_owed_and_leaves_the_invoice():
    """An invoice of 100.00 and a credit of 30.00 leave 70.00, and all accounts add up to zero."""
    journal = post(
        post((), invoice_transaction(1, "acme", Decimal("100.00"))), credit_transaction(2, "acme", Decimal(30))
    )
    assert balance_of(journal, receivable("acme")) == 70
    assert sum(balance_of(journal, account) for account in (receivable("acme"), REVENUE, CREDITS)) == 0


def test_posting_twice_is_posting_once():
    """A transaction that is posted again changes nothing; another one under its id is refused."""
    once = post((), invoice_transaction(1, "acme", Decimal(5)))
    assert post(once, invoice_transaction(1, "acme", Decimal(5))) == once
    with pytest.raises(ConflictingTransactionError):
        post(once, invoice_transaction(1, "acme", Decimal(6)))


def test_entries_that_do_not_add_up_are_refused():
    """There is no transaction out of balance."""
    with pytest.raises(ValueError, match="zero"):
        Transaction("t", (Entry("a", Decimal(1)),))


def test_no_more_is_credited_than_was_charged():
    """The last cent can be credited, the one after it cannot."""
    due = Money(Decimal("10.00"), "USD")
    check_credit(due, [Decimal(4), Decimal("5.99")], Decimal("0.01"))
    with pytest.raises(CreditTooLargeError, match=r"at most 0\.01 USD"):
        check_credit(due, [Decimal(4), Decimal("5.99")], Decimal("0.02"))


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "Infinity"])
def test_a_credit_is_an_amount_that_can_be_paid(amount):
    """Nothing, less than nothing and parts of a cent are no credit."""
    with pytest.raises(InvalidCreditError):
        check_credit(Money(Decimal(10), "USD"), [], Decimal(amount))


@given(st.decimals(-1000, 1000, places=2), st.decimals(0, 1000, places=2))
def test_open_credit_never_turns_an_invoice_negative(total, available):
    """What is used is at most what is there and at most what is owed."""
    entry = spend_balance(total, available)
    assert 0 <= -entry <= available
    assert total + entry >= min(total, 0)
