"""Tables of a page on a sheet: rows of charges with their tiers, and the sums."""

from __future__ import annotations

from fpdf.enums import XPos, YPos

from ratecard.billing.rendering.page import Sum
from ratecard.billing.rendering.rows import Row, TierRow
from ratecard_workbench.invoices.sheet import SIZE, Sheet

_CALLS, _ROWS, _AMOUNT = 22.0, 28.0, 52.0
_SUMS, _SUM = 100.0, 52.0
_SMALL = SIZE - 1.3


def draw_rows(sheet: Sheet, caption: str, rows: tuple[Row, ...], currency: str) -> None:
    """Draw a table; a row is never cut in two by the end of a page, and its columns are named again on the next.

    Parameters
    ----------
    sheet : Sheet
        Where.
    caption : str
        Above it.
    rows : tuple of Row
        Its rows.
    currency : str
        Of the amounts; "" for a table without them.
    """
    sheet.room_for(34)
    sheet.heading(caption)
    _columns(sheet, currency)
    for number, row in enumerate(rows):
        if sheet.will_page_break(_height(row)):
            sheet.add_page()
            _columns(sheet, currency)
        elif number:
            sheet.rule()
        _row(sheet, row, priced=bool(currency))
    sheet.ln(5)


def draw_sums(sheet: Sheet, sums: tuple[Sum, ...]) -> None:
    """Draw the lines below the charges; all of them on one page."""
    sheet.room_for(8.0 * len(sums) + 4)
    for each in sums:
        if each.final:
            sheet.rule(strong=True, width=_SUMS)
        sheet.style(12 if each.final else SIZE, bold=each.final)
        height = 8.5 if each.final else 6
        sheet.set_x(sheet.w - sheet.r_margin - _SUMS)
        top = sheet.get_y()
        sheet.multi_cell(_SUMS - _SUM, height, each.label, align="L", new_x=XPos.RIGHT, new_y=YPos.NEXT)
        below = sheet.get_y()
        sheet.set_xy(sheet.w - sheet.r_margin - _SUM, top)
        sheet.cell(_SUM, height, each.amount, align="R")
        sheet.set_xy(sheet.l_margin, below)
    sheet.ln(6)


def _columns(sheet: Sheet, currency: str) -> None:
    sheet.style(_SMALL, bold=True, soft=True)
    sheet.cell(_first(sheet, priced=bool(currency)), 5, "What")
    sheet.cell(_CALLS, 5, "Calls", align="R")
    sheet.cell(_ROWS, 5, "Rows", align="R")
    if currency:
        sheet.cell(_AMOUNT, 5, f"Amount ({currency})", align="R")
    sheet.ln(5)
    sheet.rule(strong=True)


def _row(sheet: Sheet, row: Row, *, priced: bool) -> None:
    first = _first(sheet, priced=priced)
    sheet.ln(1)
    sheet.style()
    top = sheet.get_y()
    sheet.multi_cell(first, 5, row.title, align="L", new_x=XPos.RIGHT, new_y=YPos.LAST)
    below = sheet.get_y() + 5
    sheet.set_xy(sheet.l_margin + first, top)
    sheet.cell(_CALLS, 5, row.calls, align="R")
    sheet.cell(_ROWS, 5, row.units, align="R")
    if priced:
        sheet.cell(_AMOUNT, 5, row.amount, align="R")
    sheet.set_xy(sheet.l_margin, below)
    if row.detail:
        sheet.text_line(row.detail, size=_SMALL, soft=True, height=4)
    for tier in row.tiers:
        _tier(sheet, tier)
    if row.rounding:
        sheet.style(_SMALL, soft=True)
        sheet.cell(6, 4)
        sheet.cell(sheet.epw - 6 - _AMOUNT, 4, "before rounding, half up")
        sheet.cell(_AMOUNT, 4, row.rounding, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(1)


def _tier(sheet: Sheet, tier: TierRow) -> None:
    fee = f" + {tier.flat_fee} fee" if tier.flat_fee else ""
    sheet.style(_SMALL, soft=True)
    sheet.cell(6, 4)
    sheet.cell(_first(sheet, priced=True) + _CALLS - 6, 4, tier.span)
    sheet.cell(_ROWS, 4, tier.units, align="R")
    text = f"\N{MULTIPLICATION SIGN} {tier.unit_price}{fee} = {tier.amount}"
    if sheet.get_string_width(text) > _AMOUNT:
        sheet.ln(4)
        sheet.cell(0, 4, text, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        return
    sheet.cell(_AMOUNT, 4, text, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _first(sheet: Sheet, *, priced: bool) -> float:
    width = sheet.epw - _CALLS - _ROWS
    return width - _AMOUNT if priced else width


def _height(row: Row) -> float:
    # A title of two lines at most: model and operation, or a reason. A tier's sum may need a line of its own.
    return 12.0 + (4 if row.detail else 0) + 8 * len(row.tiers) + (4 if row.rounding else 0)
