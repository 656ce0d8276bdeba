"""Giving money back or in advance: credit notes and grants, each with a record of who gave it."""

from __future__ import annotations

from decimal import Decimal

from ratecard.billing.prepaid import Grant
from ratecard.billing.tiers import sum_exactly
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.kernel.money import Money
from ratecard.storage.audit import AuditTrail, State
from ratecard.storage.customers import Accounts
from ratecard.storage.grants import Grants
from ratecard.storage.invoices import Invoices
from ratecard.storage.issued import IssuedDocument, IssuedDocuments


class ReasonMissingError(RatecardError):
    """A credit must say why."""

    code = "reason_missing"
    kind = ErrorKind.INVALID


class Crediting:
    """Gives credit, and records it.

    The record follows the credit. If the process is killed in between, the next record of the same invoice or customer
    shows that one is missing.

    Parameters
    ----------
    invoices : Invoices
        Puts credit notes on the chain.
    issued : IssuedDocuments
        What is on that chain.
    grants : Grants
        Prepaid money.
    trail : AuditTrail
        Where it is recorded.
    actor : str
        Who gives it.
    """

    def __init__(
        self, invoices: Invoices, issued: IssuedDocuments, *, grants: Grants, trail: AuditTrail, actor: str
    ) -> None:
        self._invoices = invoices
        self._issued = issued
        self._grants = grants
        self._trail = trail
        self._actor = actor

    def credit_invoice(self, number: int, amount: Decimal, reason: str) -> IssuedDocument:
        """Give back a part of an invoice, or all of it.

        Raises
        ------
        NotFoundError
            If there is no such invoice.
        InvalidCreditError, CreditTooLargeError
            If it is no amount of money, or with earlier credits more than the invoice.
        ReasonMissingError
            If it has no reason.
        InvalidActorError, BrokenChainError
            If it could not be recorded, or documents are missing or damaged.
        """
        _require(reason)
        self._trail.require(self._actor)
        before = self._credited(number)
        note = self._invoices.credit(number, amount, reason)
        after = self._credited(number)
        self._trail.record(self._actor, "credit.given", f"credits/{number}", before=before, after=after)
        return self._issued.get(note.number)

    def grant(
        self, accounts: Accounts, customer: str, amount: Decimal, *, reason: str, expires_ms: int | None, grant_id: str
    ) -> Grant:
        """Give a customer money to spend.

        Raises
        ------
        UnknownCustomerError
            If there is no such customer.
        InvalidCreditError, TakenGrantError, ReasonMissingError, InvalidActorError, BrokenChainError
            See `Grants.grant` and `credit_invoice`.
        """
        _require(reason)
        self._trail.require(self._actor)
        money = Money(amount, accounts.get_customer(customer).terms.currency)
        before = self._granted(customer)
        given = self._grants.grant(customer, money, reason, expires_ms=expires_ms, grant_id=grant_id)
        after = self._granted(customer)
        if after != before:
            self._trail.record(self._actor, "grant.given", f"balance/{customer}", before=before, after=after)
        return given

    def _credited(self, number: int) -> State | None:
        notes = [each for each in self._issued.list_all() if each.invoice_number == number]
        if not notes:
            return None
        credited = sum_exactly(-each.amount for each in notes)
        return {
            "credited": f"{credited:f}",
            "currency": notes[0].currency,
            "notes": [each.number for each in notes],
        }

    def _granted(self, customer: str) -> State | None:
        grants = self._grants.list_of(customer)
        return {each.grant.id: f"{each.grant.amount:f} {each.currency}" for each in grants} or None


def _require(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissingError("a credit needs a reason, for the customer and for the audit trail")
