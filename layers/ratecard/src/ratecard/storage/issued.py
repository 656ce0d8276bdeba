"""What has been issued, by customer: a view of the chain that reads each document once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ratecard.billing.invoice import CREDIT_NOTE, INVOICE, parse_lines
from ratecard.billing.lines import Line
from ratecard.billing.periods import BillingCalendar, Period
from ratecard.billing.prepaid import Draw
from ratecard.billing.segments import instant_ms
from ratecard.kernel.errors import NotFoundError
from ratecard.storage.chain import BrokenChainError, Chain, Document


@dataclass(frozen=True, slots=True)
class IssuedDocument:
    """The main facts of an invoice or credit note.

    Attributes
    ----------
    number : int
        Its place in the chain.
    kind : str
        `invoice` or `credit_note`.
    customer, currency : str
        Whose, in what.
    amount : Decimal
        What an invoice asks for; of a credit note, what it gives back, below zero.
    issued_at : str
        RFC 3339, UTC.
    sha256, content_sha256 : str
        Hash of the document, and of what was rated.
    period : Period or None
        What an invoice is about.
    calendar : BillingCalendar or None
        The customer's when it was issued.
    as_of_ms : int
        When the lake was read for it; 0 for a credit note.
    invoice_number : int or None
        The invoice that a credit note is about.
    draws : tuple of Draw
        Grants that an invoice has used.
    """

    number: int
    kind: str
    customer: str
    currency: str
    amount: Decimal
    issued_at: str
    sha256: str
    content_sha256: str
    period: Period | None
    calendar: BillingCalendar | None
    as_of_ms: int
    invoice_number: int | None
    draws: tuple[Draw, ...]

    def described(self) -> dict[str, object]:
        """Return it as JSON, for lists."""
        return {
            "number": self.number,
            "kind": self.kind,
            "customer": self.customer,
            "period": self.period.name if self.period else None,
            "invoice_number": self.invoice_number,
            "amount": f"{self.amount:f}",
            "currency": self.currency,
            "issued_at": self.issued_at,
            "sha256": self.sha256,
        }


class IssuedDocuments:
    """Invoices and credit notes of a chain; each call takes in what has come since the last.

    Parameters
    ----------
    chain : Chain
        Where they are.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._documents: list[IssuedDocument] = []
        self._by_customer: dict[str, list[IssuedDocument]] = {}

    def list_all(self) -> Sequence[IssuedDocument]:
        """Return all documents, in order; raises BrokenChainError if one is missing or damaged."""
        for document in self._chain.read()[len(self._documents) :]:
            found = _parse(document)
            self._documents.append(found)
            self._by_customer.setdefault(found.customer, []).append(found)
        return self._documents

    def list_of(self, customer: str, *, before: int | None = None) -> list[IssuedDocument]:
        """Return a customer's documents, in order; with `before`, those with a lower number."""
        self.list_all()
        found = self._by_customer.get(customer, [])
        return [each for each in found if before is None or each.number < before]

    def get(self, number: int) -> IssuedDocument:
        """Return a document; raises NotFoundError."""
        documents = self.list_all()
        if not 1 <= number <= len(documents):
            raise NotFoundError(f"there is no document {number}")
        return documents[number - 1]

    def get_content(self, number: int) -> bytes:
        """Return a document's bytes; raises NotFoundError."""
        self.get(number)
        return self._chain.read()[number - 1].content

    def lines_of(self, number: int) -> tuple[Line, ...]:
        """Return all lines of an invoice, adjustments included."""
        return tuple(_lines(self.get_content(number)))


def period_of(said: dict[str, Any]) -> Period:
    """Return the period of an invoice's document."""
    period = said["period"]
    return Period(period["name"], instant_ms(period["from"]), instant_ms(period["to"]))


def _calendar(period: dict[str, Any]) -> BillingCalendar:
    return BillingCalendar(period["zone"], period["anchor_day"])


def _lines(content: bytes) -> Iterator[Line]:
    said = json.loads(content)
    yield from parse_lines(said["lines"])
    yield from parse_lines(said["adjustments"])


def _parse(document: Document) -> IssuedDocument:
    try:
        said = json.loads(document.content)
        is_invoice = said["kind"] == INVOICE
        if not is_invoice and said["kind"] != CREDIT_NOTE:
            raise ValueError("neither an invoice nor a credit note")
        return IssuedDocument(
            number=document.number,
            kind=said["kind"],
            customer=said["customer"],
            currency=said["currency"],
            amount=Decimal(said["due"] if is_invoice else said["amount"]),
            issued_at=said["issued_at"],
            sha256=document.sha256,
            content_sha256=said["content_sha256"],
            period=period_of(said) if is_invoice else None,
            calendar=_calendar(said["period"]) if is_invoice else None,
            as_of_ms=instant_ms(said["as_of"]) if is_invoice else 0,
            invoice_number=None if is_invoice else said["invoice_number"],
            draws=tuple(Draw(each["grant"], Decimal(each["amount"])) for each in said.get("draws", ())),
        )
    except (ValueError, KeyError, TypeError, ArithmeticError):
        raise BrokenChainError(f"document {document.number} is damaged; verify the chain") from None
