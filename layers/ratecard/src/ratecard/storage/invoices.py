"""Invoices and credit notes put on a chain: one for each customer and stretch of time, however many issue them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from ratecard.billing.invoice import (
    CREDIT_NOTE,
    INVOICE,
    CreditDraft,
    InvoiceDraft,
    credit_note_document,
    invoice_document,
)
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.errors import ErrorKind, NotFoundError, RatecardError
from ratecard.kernel.money import Money
from ratecard.storage.accounts import now_ms
from ratecard.storage.chain import Chain, Document


class AlreadyIssuedError(RatecardError):
    """The customer has an invoice for that time, or for a part of it.

    Parameters
    ----------
    detail : str
        One sentence.
    number : int
        That invoice.
    """

    code = "already_issued"
    kind = ErrorKind.CONFLICT

    def __init__(self, detail: str, number: int) -> None:
        super().__init__(detail)
        self.number = number


class _Billed(NamedTuple):
    number: int
    begins: str
    ends: str


class Invoices:
    """Issues invoices and credit notes; any number of processes may do so on one chain.

    Parameters
    ----------
    chain : Chain
        Where the documents are.
    clock : callable, optional
        Gives the present in milliseconds since 1970.
    """

    def __init__(self, chain: Chain, clock: Callable[[], int] = now_ms) -> None:
        self._chain = chain
        self._clock = clock
        self._seen = 0
        self._billed: dict[str, list[_Billed]] = {}
        self._credits: dict[int, list[Decimal]] = {}

    def issue(self, draft: InvoiceDraft) -> Document:
        """Put an invoice on the chain.

        Raises
        ------
        AlreadyIssuedError
            If the customer has one for any part of the period: also by a calendar that has changed since.
        BrokenChainError
            If documents are missing or damaged.
        """
        begins, ends = rfc3339_from_epoch_ms(draft.period.from_ms), rfc3339_from_epoch_ms(draft.period.to_ms)

        def build(number: int, previous: str, earlier: Sequence[Document]) -> bytes:
            self._look(earlier)
            for billed in self._billed.get(draft.customer, ()):
                if billed.begins < ends and begins < billed.ends:
                    detail = f"{draft.customer} has invoice {billed.number} from {billed.begins} to {billed.ends}"
                    raise AlreadyIssuedError(detail, billed.number)
            return invoice_document(draft, number=number, previous_sha256=previous, issued_at_ms=self._clock())

        return self._chain.append(build)

    def credit(self, invoice_number: int, amount: Decimal, reason: str) -> Document:
        """Put a credit note on the chain.

        Parameters
        ----------
        invoice_number : int
            The invoice.
        amount : Decimal
            Above zero, in the invoice's currency.
        reason : str
            One sentence for the customer.

        Raises
        ------
        NotFoundError
            If there is no such invoice.
        InvalidCreditError, CreditTooLargeError
            If it is no amount of money, or with earlier credits more than the invoice.
        BrokenChainError
            If documents are missing or damaged.
        """

        def build(number: int, previous: str, earlier: Sequence[Document]) -> bytes:
            self._look(earlier)
            invoice, said = _get_invoice(earlier, invoice_number)
            draft = CreditDraft(
                customer=said["customer"],
                invoice_number=invoice_number,
                invoice_sha256=invoice.sha256,
                due=Money(Decimal(said["due"]), said["currency"]),
                earlier=tuple(self._credits.get(invoice_number, ())),
                amount=amount,
                reason=reason,
            )
            return credit_note_document(draft, number=number, previous_sha256=previous, issued_at_ms=self._clock())

        return self._chain.append(build)

    def _look(self, earlier: Sequence[Document]) -> None:
        """Take in the documents that came since the last time."""
        for document in earlier[self._seen :]:
            said = json.loads(document.content)
            if said.get("kind") == INVOICE:
                period = said["period"]
                billed = _Billed(document.number, period["from"], period["to"])
                self._billed.setdefault(said["customer"], []).append(billed)
            elif said.get("kind") == CREDIT_NOTE:
                self._credits.setdefault(said["invoice_number"], []).append(-Decimal(said["amount"]))
            self._seen = document.number


def _get_invoice(earlier: Sequence[Document], number: int) -> tuple[Document, dict[str, Any]]:
    if 1 <= number <= len(earlier):
        document = earlier[number - 1]
        said: dict[str, Any] = json.loads(document.content)
        if said.get("kind") == INVOICE:
            return document, said
    raise NotFoundError(f"there is no invoice {number}")
