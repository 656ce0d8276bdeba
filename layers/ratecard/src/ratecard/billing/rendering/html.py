"""A page as one HTML file: no scripts, nothing fetched, readable by a screen reader, fit for paper."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from ratecard.billing.hourly import DailyUsage
from ratecard.billing.rendering.page import Fact, Page, Sum, compute_page
from ratecard.billing.rendering.parties import UNNAMED, Parties, Party
from ratecard.billing.rendering.rows import Group, Row, TierRow
from ratecard.billing.rendering.style import STYLE
from ratecard.billing.rendering.svg import chart_figure

# Nothing may be fetched or run, whatever a name might contain.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_COLUMNS = ("What", "Calls", "Rows", "Amount")


def render_html(content: bytes, *, parties: Parties = UNNAMED, daily: Iterable[DailyUsage] | None = None) -> str:
    """Render an invoice or a credit note, issued or as a preview.

    Parameters
    ----------
    content : bytes
        The canonical document; of a preview, `canonical(invoice_content(draft))`.
    parties : Parties, optional
        Names and addresses of both sides.
    daily : iterable of DailyUsage, optional
        For the chart, see `ratecard.billing.hourly.sum_days`.

    Returns
    -------
    str
        One HTML document; the same arguments give the same text.

    Raises
    ------
    FlawedDocumentError, NotCanonicalError
        If the document is not what was issued or does not add up.
    """
    page = compute_page(content, parties, daily)
    body = "\n".join(part for part in _parts(page) if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(page.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )


def _parts(page: Page) -> Iterable[str]:
    yield _header(page)
    yield f'<p class="notice">{escape(page.notice)}</p>' if page.notice else ""
    yield _facts(page.facts, "facts")
    if page.charges:
        yield _table("Charges", page.charges, page.currency)
    if page.free:
        yield _table("Counted, not charged", page.free, "")
    for group in page.adjustments:
        yield _adjustments(group, page.currency)
    yield _sums(page.sums)
    if page.chart is not None:
        yield chart_figure(page.chart)
    yield "".join(f'<p class="remark">{escape(remark)}</p>' for remark in page.remarks)
    if page.proof:
        yield f"<section><h2>How to verify</h2>{_facts(page.proof, 'proof')}</section>"


def _header(page: Page) -> str:
    issued = f'<p class="issued">Issued <time>{escape(page.issued_at)}</time></p>' if page.issued_at else ""
    seller = _party("From", page.seller) if page.seller.name else ""
    return (
        f'<header><h1>{escape(page.title)}</h1>{issued}<div class="parties">{seller}'
        f"{_party('To', page.customer)}</div></header>"
    )


def _party(label: str, party: Party) -> str:
    lines = "".join(f"<br><bdi>{escape(line)}</bdi>" for line in party.lines)
    return (
        f"<section><h2>{label}</h2><address><strong><bdi>{escape(party.name)}</bdi></strong>{lines}</address></section>"
    )


def _facts(facts: tuple[Fact, ...], name: str) -> str:
    return (
        f'<dl class="{name}">'
        + "".join(f"<div><dt>{escape(fact.label)}</dt><dd>{_value(fact)}</dd></div>" for fact in facts)
        + "</dl>"
    )


def _value(fact: Fact) -> str:
    return f"<code>{escape(fact.value)}</code>" if fact.code else f"<bdi>{escape(fact.value)}</bdi>"


def _table(caption: str, rows: tuple[Row, ...], currency: str) -> str:
    columns = [*_COLUMNS[:3], f"Amount ({escape(currency)})"] if currency else _COLUMNS[:3]
    heads = "".join(
        f'<th scope="col"{"" if number == 0 else " class=number"}>{column}</th>'
        for number, column in enumerate(columns)
    )
    body = "".join(_row(row, priced=bool(currency)) for row in rows)
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(row: Row, *, priced: bool) -> str:
    detail = f"<small>{escape(row.detail)}</small>" if row.detail else ""
    cells = [row.calls, row.units, *([row.amount] if priced else [])]
    numbers = "".join(f"<td class=number>{escape(cell)}</td>" for cell in cells)
    notes = "".join(_tier(tier) for tier in row.tiers)
    if row.rounding:
        exact = f"<td class=number>{escape(row.rounding)}</td>"
        notes += f'<tr class="tier"><td colspan="3">before rounding, half up</td>{exact}</tr>'
    return f'<tr><th scope="row">{escape(row.title)}{detail}</th>{numbers}</tr>{notes}'


def _tier(tier: TierRow) -> str:
    fee = f" + {escape(tier.flat_fee)} fee" if tier.flat_fee else ""
    return (
        f'<tr class="tier"><td>{escape(tier.span)}</td><td></td><td class=number>{escape(tier.units)}</td>'
        f"<td class=number>&times; {escape(tier.unit_price)}{fee} = {escape(tier.amount)}</td></tr>"
    )


def _adjustments(group: Group, currency: str) -> str:
    return _table(f"Adjustment for {group.period}", group.rows, currency)


def _sums(sums: tuple[Sum, ...]) -> str:
    rows = "".join(
        f'<tr{" class=final" if each.final else ""}><th scope="row">{escape(each.label)}</th>'
        f"<td class=number>{escape(each.amount)}</td></tr>"
        for each in sums
    )
    return f'<table class="sums"><caption class="unseen">Sums</caption><tbody>{rows}</tbody></table>'
