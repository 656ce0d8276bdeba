"""An invoice or credit note as PDF: the same page as the HTML, with its fonts inside, the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from ratecard.billing.hourly import DailyUsage
from ratecard.billing.rendering.page import Page, compute_page
from ratecard.billing.rendering.parties import UNNAMED, Parties
from ratecard_workbench.invoices.chart_pdf import draw_chart
from ratecard_workbench.invoices.letters import limit_to
from ratecard_workbench.invoices.sheet import Sheet, open_sheet
from ratecard_workbench.invoices.tables_pdf import draw_rows, draw_sums

# Of a preview that says nothing about when: any fixed time, for the bytes not to depend on the clock.
_UNDATED = datetime(2000, 1, 1, tzinfo=UTC)


def render_pdf(
    content: bytes,
    *,
    parties: Parties = UNNAMED,
    daily: Iterable[DailyUsage] | None = None,
    font: Path | None = None,
) -> bytes:
    """Render an invoice or a credit note, issued or as a preview.

    Parameters
    ----------
    content : bytes
        The canonical document; of a preview, `canonical(invoice_content(draft))`.
    parties : Parties, optional
        Names and addresses of both sides.
    daily : iterable of DailyUsage, optional
        For the chart.
    font : Path, optional
        A TrueType or OpenType font for all text. The one that is used otherwise has Latin, Greek, Cyrillic, Armenian
        and Georgian letters. What the font cannot show is not written; the page says so and names where it is.

    Returns
    -------
    bytes
        The same arguments give the same bytes.

    Raises
    ------
    FlawedDocumentError, NotCanonicalError
        If the document is not what was issued or does not add up.
    MissingLettersError
        If the font lacks letters of the seller's name or address.
    UnusableFontError
        If the file is no font.
    """
    page = compute_page(content, parties, daily)
    dated_at = datetime.fromisoformat(page.dated_at) if page.dated_at else _UNDATED
    sheet, letters = open_sheet(page.title, dated_at, font)
    _draw(sheet, limit_to(page, letters))
    return bytes(sheet.output())


def _draw(sheet: Sheet, page: Page) -> None:
    sheet.add_page()
    _head(sheet, page)
    if page.notice:
        sheet.paragraph(page.notice, bold=True)
    sheet.facts(page.facts)
    if page.charges:
        draw_rows(sheet, "Charges", page.charges, page.currency)
    if page.free:
        draw_rows(sheet, "Counted, not charged", page.free, "")
    for group in page.adjustments:
        draw_rows(sheet, f"Adjustment for {group.period}", group.rows, page.currency)
    draw_sums(sheet, page.sums)
    if page.chart is not None:
        draw_chart(sheet, page.chart)
    for remark in page.remarks:
        sheet.paragraph(remark)
    if page.proof:
        sheet.room_for(40)
        sheet.heading("How to verify")
        sheet.facts(page.proof)


def _head(sheet: Sheet, page: Page) -> None:
    sheet.text_line(page.title, size=20, bold=True, height=10)
    if page.issued_at:
        sheet.text_line(f"Issued {page.issued_at}", soft=True, height=6)
    sheet.ln(5)
    top, half = sheet.get_y(), sheet.epw / 2
    ends = []
    columns = [("From", page.seller)] if page.seller.name else []
    for number, (label, party) in enumerate([*columns, ("To", page.customer)]):
        sheet.set_xy(sheet.l_margin + number * half, top)
        sheet.column(label, party, half - 6)
        ends.append(sheet.get_y())
    sheet.set_xy(sheet.l_margin, max(ends) + 5)
