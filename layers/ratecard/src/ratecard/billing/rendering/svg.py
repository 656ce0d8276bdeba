"""The chart of a page as SVG, with its numbers as a table for who cannot see it."""

from __future__ import annotations

from ratecard.billing.rendering.chart import Chart
from ratecard.billing.rendering.words import counted

CAPTION = "Charged rows by day"
WIDTH, HEIGHT = 800, 180
_LEFT, _TOP, _BOTTOM = 64, 10, 22
_LABEL_EVERY = 7


def chart_figure(chart: Chart) -> str:
    """Return a figure; every number in it is a whole one, so no text of a name or amount is among them."""
    about = describe(chart)
    rows = "".join(
        f'<tr><th scope="row">{day.on.isoformat()}</th><td class=number>{counted(day.units)}</td></tr>'
        for day in chart.days
    )
    return (
        f"<figure><figcaption>{CAPTION}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{about}">{_rules(chart)}{_bars(chart)}</svg>'
        f'<details><summary>As a table</summary><table><thead><tr><th scope="col">Day</th>'
        f'<th scope="col" class=number>Rows</th></tr></thead><tbody>{rows}</tbody></table></details></figure>'
    )


def describe(chart: Chart) -> str:
    """Say in one sentence what the chart shows."""
    first, last, most = chart.days[0].on, chart.days[-1].on, chart.busiest
    return (
        f"{CAPTION} from {first.isoformat()} to {last.isoformat()}: {counted(chart.units)} in all, "
        f"at most {counted(most.units)} on {most.on.isoformat()}."
    )


def labelled(number: int, chart: Chart) -> bool:
    """Tell whether a bar has its day written below it: every seventh, with room for the next."""
    return number % _LABEL_EVERY == 0 and number < len(chart.days)


def _rules(chart: Chart) -> str:
    base = HEIGHT - _BOTTOM
    parts = []
    levels = [(0, base), (chart.top, _TOP)]
    if chart.top % 2 == 0:
        levels.insert(1, (chart.top // 2, (base + _TOP) // 2))
    for value, y in levels:
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{WIDTH}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{counted(value)}</text>')
    return "".join(parts)


def _bars(chart: Chart) -> str:
    # In hundredths of a unit, whole: the same on every machine.
    step = (WIDTH - _LEFT) * 100 // len(chart.days)
    full = (HEIGHT - _TOP - _BOTTOM) * 100
    parts = []
    for number, day in enumerate(chart.days):
        x, tall = _LEFT * 100 + number * step, full * day.units // chart.top
        # Who used a single row sees it.
        tall = max(tall, 100) if day.units else 0
        if tall:
            y = (HEIGHT - _BOTTOM) * 100 - tall
            parts.append(
                f'<rect class="bar" x="{_hundredths(x + step // 10)}" y="{_hundredths(y)}" '
                f'width="{_hundredths(step * 8 // 10)}" height="{_hundredths(tall)}">'
                f"<title>{day.on.isoformat()}: {counted(day.units)}</title></rect>"
            )
        if labelled(number, chart):
            middle = _hundredths(x + step // 2)
            parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{day.on.strftime("%m-%d")}</text>')
    return "".join(parts)


def _hundredths(value: int) -> str:
    return f"{value // 100}.{value % 100:02d}"
