"""The invoice and the credit note as documents: canonical bytes with a number and the hash of the document before."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from ratecard.billing.adjustments import standing_lines
from ratecard.billing.canonical import canonical, decimal_text
from ratecard.billing.credits import check_credit
from ratecard.billing.lines import Correction, Line, LineKey, total_of
from ratecard.billing.periods import BillingCalendar, Period
from ratecard.billing.prepaid import Draw
from ratecard.billing.tiers import TierShare, sum_exactly
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.money import EXACT, Money

FORMAT = 1
INVOICE, CREDIT_NOTE = "invoice", "credit_note"
ENVELOPE = ("number", "previous_sha256", "issued_at", "content_sha256")
"""Members that are not part of what was rated: where and when a document was put into the chain."""


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """All of an invoice but its place in the chain.

    Attributes
    ----------
    customer, currency : str
        Who pays, in what.
    calendar : BillingCalendar
        The customer's, as it was.
    period : Period
        What is billed, as instants.
    as_of_ms : int
        When the lake was read.
    lines : tuple of Line
        Of the period.
    adjustments : tuple of Line
        Of earlier periods; each names its own.
    credit_used : Decimal
        Signed entry, zero or negative: open credit that the invoice uses up.
    draws : tuple of Draw
        Which grants that credit is from; together they are the credit used. Empty if it is not known from where.
    basis : dict of str to str
        Hashes of what was rated: price book, lake, code.
    """

    customer: str
    currency: str
    calendar: BillingCalendar
    period: Period
    as_of_ms: int
    lines: tuple[Line, ...]
    adjustments: tuple[Line, ...] = ()
    credit_used: Decimal = Decimal(0)
    draws: tuple[Draw, ...] = ()
    basis: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreditDraft:
    """All of a credit note but its place in the chain.

    Attributes
    ----------
    customer : str
        Who is credited.
    invoice_number : int
        The invoice it is about.
    invoice_sha256 : str
        That document's hash.
    due : Money
        What the invoice asked for.
    earlier : tuple of Decimal
        Credits already given on it.
    amount : Decimal
        The credit, above zero.
    reason : str
        One sentence for the customer.
    """

    customer: str
    invoice_number: int
    invoice_sha256: str
    due: Money
    earlier: tuple[Decimal, ...]
    amount: Decimal
    reason: str


def invoice_document(draft: InvoiceDraft, *, number: int, previous_sha256: str, issued_at_ms: int) -> bytes:
    """Write an invoice.

    Parameters
    ----------
    draft : InvoiceDraft
        What is billed.
    number : int
        From 1, without gaps.
    previous_sha256 : str
        Hash of the document before.
    issued_at_ms : int
        Milliseconds since the epoch.

    Returns
    -------
    bytes
        Canonical JSON; its SHA-256 is the document's hash. `content_sha256` inside is the hash of what was rated,
        which is the same however often and by whichever engine it is done.

    Raises
    ------
    ValueError
        If a credit would turn the invoice below zero, or a line is of the wrong period.
    """
    content = invoice_content(draft)
    return _enclose(content, number=number, previous_sha256=previous_sha256, issued_at_ms=issued_at_ms)


def invoice_content(draft: InvoiceDraft) -> dict[str, object]:
    """Return what an invoice says, apart from its place in the chain; see `invoice_document`."""
    _check_periods(draft)
    total = total_of([*draft.lines, *draft.adjustments])
    due = EXACT.add(total, draft.credit_used)
    if draft.credit_used > 0 or (draft.credit_used < 0 and due < 0):
        raise ValueError("credit lowers an invoice, at most to zero")
    if draft.draws and sum_exactly(draw.amount for draw in draft.draws) != -draft.credit_used:
        raise ValueError("what is drawn from grants is the credit used")
    return {
        "format": FORMAT,
        "kind": INVOICE,
        "customer": draft.customer,
        "currency": draft.currency,
        "period": {
            "name": draft.period.name,
            "zone": draft.calendar.zone,
            "anchor_day": draft.calendar.anchor_day,
            "from": rfc3339_from_epoch_ms(draft.period.from_ms),
            "to": rfc3339_from_epoch_ms(draft.period.to_ms),
        },
        "as_of": rfc3339_from_epoch_ms(draft.as_of_ms),
        "lines": [_line(line, draft.currency) for line in draft.lines],
        "adjustments": [_line(line, draft.currency) for line in draft.adjustments],
        "total": money_text(total, draft.currency),
        "credit_used": money_text(draft.credit_used, draft.currency),
        "due": money_text(due, draft.currency),
        "basis": dict(draft.basis),
        **_draws(draft),
    }


def credit_note_document(draft: CreditDraft, *, number: int, previous_sha256: str, issued_at_ms: int) -> bytes:
    """Write a credit note; see `invoice_document`.

    Raises
    ------
    InvalidCreditError, CreditTooLargeError
        If the credit is no amount of money, or more than is left of the invoice.
    """
    check_credit(draft.due, draft.earlier, draft.amount)
    content: dict[str, object] = {
        "format": FORMAT,
        "kind": CREDIT_NOTE,
        "customer": draft.customer,
        "currency": draft.due.currency,
        "invoice_number": draft.invoice_number,
        "invoice_sha256": draft.invoice_sha256,
        "amount": money_text(EXACT.subtract(Decimal(0), draft.amount), draft.due.currency),
        "reason": draft.reason,
    }
    return _enclose(content, number=number, previous_sha256=previous_sha256, issued_at_ms=issued_at_ms)


def parse_lines(entries: list[dict[str, object]]) -> tuple[Line, ...]:
    """Read lines of a document back, for adjustments of a later invoice.

    Raises
    ------
    ValueError, KeyError, TypeError, ArithmeticError
        If an entry is not what a document holds.
    """
    return tuple(_parse_line(entry) for entry in entries)


def money_text(amount: Decimal, currency: str) -> str:
    """Write an amount with all decimals of its currency; what rounds to nothing has no sign."""
    return format(EXACT.add(Money(amount, currency).rounded().amount, Decimal(0)), "f")


def _draws(draft: InvoiceDraft) -> dict[str, object]:
    """Return the grants an invoice draws on; a customer without any has no such member."""
    drawn = [{"grant": draw.grant, "amount": money_text(draw.amount, draft.currency)} for draw in draft.draws]
    return {"draws": drawn} if drawn else {}


def _check_periods(draft: InvoiceDraft) -> None:
    standing_lines(draft.lines)
    if any(line.key.period != draft.period.name or line.correction is not Correction.NONE for line in draft.lines):
        raise ValueError("the lines of an invoice are of its period and correct nothing")


def _enclose(content: dict[str, object], *, number: int, previous_sha256: str, issued_at_ms: int) -> bytes:
    if number < 1:
        raise ValueError("documents are numbered from 1")
    envelope = {
        "number": number,
        "previous_sha256": previous_sha256,
        "issued_at": rfc3339_from_epoch_ms(issued_at_ms),
        "content_sha256": sha256_hex(canonical(content)),
    }
    return canonical(content | envelope)


def _line(line: Line, currency: str) -> dict[str, object]:
    key = {name: getattr(line.key, name) for name in LineKey.__slots__}
    return key | {
        "correction": line.correction.value,
        "calls": line.calls,
        "units": line.units,
        "tiers": [_tier(share) for share in line.shares],
        "unrounded": decimal_text(line.unrounded),
        "amount": money_text(line.amount, currency),
    }


def _tier(share: TierShare) -> dict[str, object]:
    return {
        "up_to": share.up_to,
        "units": share.units,
        "unit_price": decimal_text(share.unit_price),
        "flat_fee": decimal_text(share.flat_fee),
        "amount": decimal_text(share.amount),
    }


def _parse_line(entry: dict[str, object]) -> Line:
    tiers = entry["tiers"]
    if not isinstance(tiers, list):
        raise TypeError("tiers must be a list")
    return Line(
        key=LineKey(*(_text(entry, name) for name in LineKey.__slots__)),
        correction=Correction(entry["correction"]),
        calls=_whole(entry, "calls"),
        units=_whole(entry, "units"),
        shares=tuple(_parse_tier(tier) for tier in tiers),
        unrounded=Decimal(_text(entry, "unrounded")),
        amount=Decimal(_text(entry, "amount")),
    )


def _parse_tier(entry: dict[str, object]) -> TierShare:
    return TierShare(
        up_to=None if entry["up_to"] is None else _whole(entry, "up_to"),
        units=_whole(entry, "units"),
        unit_price=Decimal(_text(entry, "unit_price")),
        flat_fee=Decimal(_text(entry, "flat_fee")),
        amount=Decimal(_text(entry, "amount")),
    )


def _text(entry: dict[str, object], name: str) -> str:
    value = entry[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text")
    return value


def _whole(entry: dict[str, object], name: str) -> int:
    value = entry[name]
    if type(value) is not int:
        raise TypeError(f"{name} must be a whole number")
    return value
