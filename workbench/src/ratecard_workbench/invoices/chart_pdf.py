"""The chart of a page on a sheet: the same bars as in the HTML, as vectors."""

from __future__ import annotations

from ratecard.billing.rendering.chart import Chart
from ratecard.billing.rendering.svg import CAPTION, describe, labelled
from ratecard.billing.rendering.words import counted
from ratecard_workbench.invoices.sheet import LINE, SIZE, Sheet

_HEIGHT, _LEFT = 34.0, 16.0
_BAR = (47, 111, 178)


def draw_chart(sheet: Sheet, chart: Chart) -> None:
    """Draw the bars of every day, with the scale, and what they show in one sentence."""
    sheet.room_for(_HEIGHT + 24)
    sheet.heading(CAPTION)
    top = sheet.get_y() + 2
    left, base = sheet.l_margin + _LEFT, top + _HEIGHT
    step = (sheet.epw - _LEFT) / len(chart.days)
    _scale(sheet, chart, top)
    sheet.set_fill_color(*_BAR)
    for number, day in enumerate(chart.days):
        if day.units:
            # Who used a single row sees it.
            tall = max(_HEIGHT * day.units / chart.top, 0.3)
            sheet.rect(left + (number + 0.1) * step, base - tall, 0.8 * step, tall, style="F")
        if labelled(number, chart):
            sheet.style(SIZE - 2, soft=True)
            sheet.set_xy(left + number * step - 6 + step / 2, base + 1)
            sheet.cell(12, 3, day.on.strftime("%m-%d"), align="C")
    sheet.set_xy(sheet.l_margin, base + 6)
    sheet.text_line(describe(chart), size=SIZE - 1, soft=True)
    sheet.ln(4)


def _scale(sheet: Sheet, chart: Chart, top: float) -> None:
    levels = [(chart.top, top), (0, top + _HEIGHT)]
    if chart.top % 2 == 0:
        levels.append((chart.top // 2, top + _HEIGHT / 2))
    sheet.set_draw_color(*LINE)
    sheet.set_line_width(0.15)
    for value, y in levels:
        sheet.line(sheet.l_margin + _LEFT, y, sheet.w - sheet.r_margin, y)
        sheet.style(SIZE - 2, soft=True)
        sheet.set_xy(sheet.l_margin, y - 1.5)
        sheet.cell(_LEFT - 2, 3, counted(value), align="R")
