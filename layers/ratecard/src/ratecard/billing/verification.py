"""Checking documents from their bytes alone: anybody who has them can do it, the customer included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from ratecard.billing.canonical import NotCanonicalError, canonical, parse_canonical
from ratecard.billing.invoice import CREDIT_NOTE, ENVELOPE, INVOICE, money_text, parse_lines
from ratecard.billing.lines import Correction, Line, LineKind, total_of
from ratecard.billing.tiers import sum_exactly
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.money import EXACT, MINOR_UNIT_DIGITS, Money


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a document.

    Attributes
    ----------
    place : int
        Which document of the row it should be, from 1.
    code : str
        `not_canonical`, `damaged`, `number`, `previous_sha256`, `content_sha256`, `arithmetic`, `billed_twice` or
        `credit`.
    detail : str
        One sentence.
    """

    place: int
    code: str
    detail: str


@dataclass(slots=True)
class _Books:
    """What the documents so far have said."""

    first_hash: str
    hashes: dict[int, str] = field(default_factory=dict)
    due: dict[int, tuple[str, str, Decimal]] = field(default_factory=dict)
    credited: dict[int, Decimal] = field(default_factory=dict)
    billed: set[tuple[str, str]] = field(default_factory=set)


def verify_documents(documents: Iterable[bytes], *, first_previous_sha256: str = "0" * 64) -> tuple[Flaw, ...]:
    """Check a chain of invoices and credit notes from its first document on.

    Parameters
    ----------
    documents : iterable of bytes
        In order of their numbers, from 1.
    first_previous_sha256 : str
        What the first document names as the hash of the one before.

    Returns
    -------
    tuple of Flaw
        Empty if every document is what was issued, in its place, and adds up.
    """
    books, flaws = _Books(first_previous_sha256), list[Flaw]()
    for place, content in enumerate(documents, 1):
        flaws += [Flaw(place, code, detail) for code, detail in _verify(content, place, books)]
        books.hashes[place] = sha256_hex(content)
    return tuple(flaws)


def verify_invoice(content: bytes) -> tuple[Flaw, ...]:
    """Check one document by itself: its form, the hash of its content and its arithmetic; its place is its own."""
    try:
        document = parse_canonical(content)
    except NotCanonicalError as error:
        return (Flaw(0, error.code, error.detail),)
    place = document.get("number")
    place = place if isinstance(place, int) else 0
    return tuple(Flaw(place, code, detail) for code, detail in _verify_content(document))


def _verify(content: bytes, place: int, books: _Books) -> Iterator[tuple[str, str]]:
    try:
        document = parse_canonical(content)
    except NotCanonicalError as error:
        yield error.code, error.detail
        return
    if document.get("number") != place:
        yield "number", f"document {place} has another number"
    if document.get("previous_sha256") != books.hashes.get(place - 1, books.first_hash):
        yield "previous_sha256", "the document before is not the one that this one was put behind"
    found = list(_verify_content(document))
    yield from found
    if not any(code == "damaged" for code, _ in found):
        try:
            yield from _verify_history(document, place, books)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            yield "damaged", "a member is missing or of the wrong type"


def _verify_content(document: dict[str, object]) -> Iterator[tuple[str, str]]:
    content = {name: value for name, value in document.items() if name not in ENVELOPE}
    if document.get("content_sha256") != sha256_hex(canonical(content)):
        yield "content_sha256", "the content is not what was hashed"
    try:
        if document.get("kind") == INVOICE:
            yield from _verify_amounts(document)
        elif document.get("kind") != CREDIT_NOTE or not Decimal(str(document["amount"])) < 0:
            yield "damaged", "neither an invoice nor a credit note"
    except (KeyError, TypeError, ValueError, ArithmeticError):
        yield "damaged", "a member is missing or of the wrong type"


def _verify_amounts(document: dict[str, object]) -> Iterator[tuple[str, str]]:
    currency, total = str(document["currency"]), Decimal(str(document["total"]))
    if currency not in MINOR_UNIT_DIGITS:
        raise ValueError("unknown currency")
    lines = _lines(document, "lines") + _lines(document, "adjustments")
    for line in lines:
        if not _adds_up(line, currency):
            yield "arithmetic", f"a line of {line.key.model or line.key.kind} does not add up"
    if total != total_of(lines):
        yield "arithmetic", "the lines do not add up to the total"
    used, due = Decimal(str(document["credit_used"])), Decimal(str(document["due"]))
    if due != EXACT.add(total, used) or used > 0 or (used < 0 and due < 0):
        yield "arithmetic", "total and credit do not give what is due"


def _adds_up(line: Line, currency: str) -> bool:
    if money_text(line.unrounded, currency) != format(line.amount, "f"):
        return False
    if line.key.kind == LineKind.FREE.value:
        return line.amount == 0 and not line.shares
    if line.key.kind == LineKind.MINIMUM.value:
        return (line.amount < 0) == (line.correction is Correction.REVERSAL) and not line.shares
    parts = all(
        share.amount == EXACT.add(EXACT.multiply(share.unit_price, Decimal(share.units)), share.flat_fee)
        for share in line.shares
    )
    whole = sum_exactly(share.amount for share in line.shares) == line.unrounded
    return parts and whole and sum(share.units for share in line.shares) == line.units


def _verify_history(document: dict[str, object], place: int, books: _Books) -> Iterator[tuple[str, str]]:
    customer, currency = str(document["customer"]), str(document["currency"])
    if document["kind"] == INVOICE:
        period = document["period"]
        name = str(period.get("name")) if isinstance(period, dict) else ""
        if (customer, name) in books.billed:
            yield "billed_twice", f"{name} was billed to this customer before"
        books.billed.add((customer, name))
        books.due[place] = customer, currency, Decimal(str(document["due"]))
        return
    number = document["invoice_number"]
    invoice = books.due.get(number) if isinstance(number, int) else None
    if invoice is None or not isinstance(number, int) or books.hashes[number] != document["invoice_sha256"]:
        yield "credit", "the invoice that is credited is not in the chain"
        return
    credited = EXACT.subtract(books.credited.get(number, Decimal(0)), Decimal(str(document["amount"])))
    books.credited[number] = credited
    if invoice[:2] != (customer, currency) or Money(credited, currency).rounded().amount != credited:
        yield "credit", "the credit is of another customer or currency than the invoice"
    elif credited > invoice[2]:
        yield "credit", "more was credited than was due"


def _lines(document: dict[str, object], name: str) -> tuple[Line, ...]:
    entries = document[name]
    if not isinstance(entries, list):
        raise TypeError(f"{name} must be a list")
    return parse_lines(entries)
