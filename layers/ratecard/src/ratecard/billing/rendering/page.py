"""What a page of an invoice or credit note says, before it is HTML or PDF: every text, in its order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ratecard.billing.canonical import parse_canonical
from ratecard.billing.hourly import DailyUsage
from ratecard.billing.invoice import INVOICE
from ratecard.billing.rendering.chart import Chart, compute_chart
from ratecard.billing.rendering.parties import Parties, Party
from ratecard.billing.rendering.rows import Group, Row, free_row, group_adjustments, usage_row
from ratecard.billing.rendering.words import counted, grouped, readable
from ratecard.billing.verification import verify_invoice
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, Problem, RatecardError

NO_USE = "Nothing was used in this period."
NOT_ISSUED = "Preview: nothing was issued, and what is owed may still change."


class FlawedDocumentError(RatecardError):
    """A document does not add up or is not what was issued, and no page is made of it."""

    code = "flawed_document"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what it stands for; `code` marks what is copied rather than read, such as a hash."""

    label: str
    value: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class Sum:
    """One line below the charges; `final` is what is to be paid."""

    label: str
    amount: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """All that is said, in reading order.

    Attributes
    ----------
    title : str
        For example ``Invoice 12``.
    notice : str
        What must be known first, such as that it is a preview; "" if nothing.
    issued_at, dated_at : str
        RFC 3339, or "" of a preview; when the document, or what it was made of, is from.
    currency : str
        ISO 4217 code.
    seller, customer : Party
        Names and addresses, cleaned.
    facts : tuple of Fact
        Period, zone, instants.
    charges, free : tuple of Row
        What costs something, and what was counted at price zero.
    adjustments : tuple of Group
        Changes of earlier periods, by period.
    sums : tuple of Sum
        From the total to what is due.
    chart : Chart or None
        Usage by day.
    remarks : tuple of str
        Sentences at the end.
    proof : tuple of Fact
        How to verify.
    """

    title: str
    notice: str
    issued_at: str
    dated_at: str
    currency: str
    seller: Party
    customer: Party
    facts: tuple[Fact, ...]
    charges: tuple[Row, ...]
    free: tuple[Row, ...]
    adjustments: tuple[Group, ...]
    sums: tuple[Sum, ...]
    chart: Chart | None
    remarks: tuple[str, ...]
    proof: tuple[Fact, ...]


Members = dict[str, object]


def compute_page(content: bytes, parties: Parties, daily: Iterable[DailyUsage] | None = None) -> Page:
    """Compute the page of a document.

    Parameters
    ----------
    content : bytes
        Canonical JSON of an invoice or a credit note as it was issued, or of `invoice_content` for a preview.
    parties : Parties
        Names and addresses.
    daily : iterable of DailyUsage, optional
        For the chart of an invoice; without it there is none.

    Raises
    ------
    FlawedDocumentError, NotCanonicalError
        If the document is not what was issued or does not add up.
    """
    document = parse_canonical(content)
    issued = "number" in document
    flaws = [flaw for flaw in verify_invoice(content) if issued or flaw.code != "content_sha256"]
    if flaws:
        problems = tuple(Problem("", flaw.code, flaw.detail) for flaw in flaws)
        raise FlawedDocumentError("the document does not verify", problems)
    said = _invoice if document["kind"] == INVOICE else _credit_note
    return said(document, sha256_hex(content) if issued else "", parties, daily)


def _invoice(document: Members, sha256: str, parties: Parties, daily: Iterable[DailyUsage] | None) -> Page:
    currency, period = str(document["currency"]), _members(document["period"])
    begin, end = _instant(period["from"]), _instant(period["to"])
    zone = str(period["zone"])
    lines = [_members(line) for line in _entries(document["lines"])]
    # Minimum fees are made up for after all else, and stand there.
    charged_lines = sorted(
        (line for line in lines if line["kind"] != "free"), key=lambda line: line["kind"] == "minimum"
    )
    chart = None if daily is None else compute_chart(daily, begin, end, zone)
    charged = sum(int(str(line["units"])) for line in lines if line["kind"] == "usage")
    return Page(
        title=f"Invoice {document['number']}" if sha256 else "Invoice (preview)",
        notice="" if sha256 else NOT_ISSUED,
        issued_at=str(document.get("issued_at", "")),
        dated_at=str(document.get("issued_at", document["as_of"])),
        currency=currency,
        seller=_cleaned(parties.seller, ""),
        customer=_cleaned(parties.customer, str(document["customer"])),
        facts=(
            Fact("Period", f"{period['name']}, {_local(begin, zone)} to {_local(end, zone)} (not included)"),
            Fact("Time zone", zone),
            Fact("In UTC", f"{period['from']} to {period['to']}"),
            Fact("Usage read at", str(document["as_of"])),
            Fact("Customer", str(document["customer"])),
        ),
        charges=tuple(usage_row(line, currency) for line in charged_lines),
        free=tuple(free_row(line) for line in lines if line["kind"] == "free"),
        adjustments=group_adjustments([_members(line) for line in _entries(document["adjustments"])], currency),
        sums=_sums(document, currency),
        chart=chart,
        remarks=(*(() if lines else (NO_USE,)), *_chart_remarks(chart, charged)),
        proof=_proof(document, sha256),
    )


def _credit_note(document: Members, sha256: str, parties: Parties, daily: Iterable[DailyUsage] | None) -> Page:
    del daily  # a credit is of an amount, not of days
    currency = str(document["currency"])
    return Page(
        title=f"Credit note {document['number']}" if sha256 else "Credit note (preview)",
        notice="" if sha256 else NOT_ISSUED,
        issued_at=str(document.get("issued_at", "")),
        dated_at=str(document.get("issued_at", "")),
        currency=currency,
        seller=_cleaned(parties.seller, ""),
        customer=_cleaned(parties.customer, str(document["customer"])),
        facts=(
            Fact("Corrects", f"Invoice {document['invoice_number']}"),
            Fact("Its SHA-256", str(document["invoice_sha256"]), code=True),
            Fact("Reason", readable(str(document["reason"]))),
            Fact("Customer", str(document["customer"])),
        ),
        charges=(),
        free=(),
        adjustments=(),
        sums=(Sum("Credit", f"{currency} {grouped(str(document['amount']))}", final=True),),
        chart=None,
        remarks=(),
        proof=_proof(document, sha256),
    )


def _sums(document: Members, currency: str) -> tuple[Sum, ...]:
    total, used, due = (str(document[name]) for name in ("total", "credit_used", "due"))
    parts = [Sum("Total", f"{currency} {grouped(total)}")]
    if used.strip("-0."):
        parts.append(Sum("Credit used", f"{currency} {grouped(used)}"))
    draws = [_members(draw) for draw in _entries(document.get("draws", []))]
    parts += [
        Sum(f"of it from grant {readable(str(draw['grant']))}", f"{currency} {grouped(str(draw['amount']))}")
        for draw in draws
    ]
    return (*parts, Sum("Amount due", f"{currency} {grouped(due)}", final=True))


def _chart_remarks(chart: Chart | None, charged: int) -> tuple[str, ...]:
    if chart is None or (chart.units == charged and not chart.outside):
        return ()
    remark = (
        f"The chart is counted anew and shows {counted(chart.units)} rows, the lines of this document "
        f"{counted(charged)}: what came later is adjusted in a later document."
    )
    return (remark,)


def _proof(document: Members, sha256: str) -> tuple[Fact, ...]:
    if not sha256:
        return ()
    number = document["number"]
    return (
        Fact("What counts", f"This page shows document {number}. The document itself is its JSON file."),
        Fact("Check the file", "sha256sum of it, on any machine, gives the SHA-256 below."),
        Fact(
            "Check the sums",
            "ratecard invoice verify checks the arithmetic of every line and the chain of all documents.",
        ),
        Fact("SHA-256", sha256, code=True),
        Fact("Of what was rated", str(document["content_sha256"]), code=True),
        Fact("Document before", str(document["previous_sha256"]), code=True),
    )


def _cleaned(party: Party, fallback: str) -> Party:
    lines = tuple(text for line in party.lines if (text := readable(line)))
    return Party(readable(party.name) or fallback, lines)


def _local(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def _instant(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def _members(value: object) -> Members:
    if not isinstance(value, dict):
        raise FlawedDocumentError("a member of the document is not an object")
    return value


def _entries(value: object) -> list[object]:
    if not isinstance(value, list):
        raise FlawedDocumentError("a member of the document is not a list")
    return value
