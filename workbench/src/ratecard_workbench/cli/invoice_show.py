"""How statements and documents are shown at a terminal and as files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from ratecard.billing.invoice import money_text, parse_lines
from ratecard.billing.lines import Line
from ratecard.billing.pricebook import load_price_book
from ratecard.billing.settlement import SETTLEMENT, load_settlement
from ratecard.billing.verification import verify_invoice
from ratecard.storage.ledger import Statement
from ratecard_workbench.cli.accounts import price_book_path
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message
from ratecard_workbench.local.home import Home

COLUMNS = ("period", "what", "level", "plan", "price", "calls", "rows", "amount")
MOST_BLOCKERS = 20


def print_usage(statement: Statement) -> None:
    """Print a statement's lines and sums to stdout."""
    draft = statement.draft
    print_lines([*draft.lines, *draft.adjustments], f"{draft.customer} {draft.period.name}", draft.currency)
    sums = [("total", statement.total), ("credit used", draft.credit_used), ("due", statement.due)]
    for name, amount in sums:
        click.echo(f"{name:12}{money_text(amount, draft.currency):>16} {draft.currency}")
    if statement.balance is not None:
        left = money_text(statement.balance.available, draft.currency)
        click.echo(f"{'prepaid left':12}{left:>16} {draft.currency}")


def print_statement(statement: Statement) -> None:
    """Print a statement to stdout, and what stands in its way to stderr."""
    print_usage(statement)
    for each in statement.blockers[:MOST_BLOCKERS]:
        message(f"{each.code}: {each.detail}")
    if len(statement.blockers) > MOST_BLOCKERS:
        message(f"… and {len(statement.blockers) - MOST_BLOCKERS} more; --json lists all")
    plain = Counter(each.oddity for each in statement.exceptions)
    if plain:
        message("not plain: " + ", ".join(f"{count} {oddity}" for oddity, count in sorted(plain.items())))
    if statement.damaged:
        message(f"{statement.damaged} damaged line(s) in the lake were left out")


def print_lines(lines: Iterable[Line], title: str, currency: str) -> None:
    """Print lines as a table."""
    print_table(make_table(title, COLUMNS, [_row(line, currency) for line in lines]))


def print_document(said: dict[str, object]) -> None:
    """Print an invoice or credit note."""
    currency = str(said["currency"])
    if said["kind"] == "invoice":
        lines, adjustments, period = said["lines"], said["adjustments"], said["period"]
        assert isinstance(lines, list)
        assert isinstance(adjustments, list)
        assert isinstance(period, dict)
        title = f"invoice {said['number']} of {said['customer']}, {period['from']} to {period['to']} ({period['zone']})"
        print_lines(parse_lines(lines) + parse_lines(adjustments), title, currency)
        for name in ("total", "credit_used", "due"):
            click.echo(f"{name.replace('_', ' '):12}{said[name]:>16} {currency}")
    else:
        click.echo(f"credit note {said['number']} of {said['customer']} on invoice {said['invoice_number']}")
        click.echo(f"{said['amount']} {currency}: {said['reason']}")
    message(f"issued {said['issued_at']}; what was rated has the hash {said['content_sha256']}")


@dataclass(frozen=True, slots=True)
class Files:
    """Which files of a document are asked for; None is not.

    Attributes
    ----------
    html, pdf, document : Path or None
        The page as HTML, as PDF, and the canonical document itself.
    font : Path or None
        A font for the PDF, for names in letters that its own font lacks.
    """

    html: Path | None
    pdf: Path | None
    document: Path | None
    font: Path | None = None


def render_document(content: bytes, files: Files, *, home: Path, project: Path) -> None:
    """Write an issued document as the files asked for, or print it."""
    if files.document is not None:
        files.document.write_bytes(content)
        message(f"{files.document} is the document; `ratecard invoice verify {files.document}` checks it")
    if files.html is not None or files.pdf is not None:
        _write_pages(content, files, home=home, project=project)
    if files.html is None and files.pdf is None and files.document is None:
        from ratecard.billing.canonical import parse_canonical

        print_document(parse_canonical(content))
        for flaw in verify_invoice(content):
            message(f"it is not what was issued: {flaw.detail}")


def _write_pages(content: bytes, files: Files, *, home: Path, project: Path) -> None:
    from ratecard_workbench.invoices.surroundings import load_surroundings

    settlement, book = load_settlement(project / SETTLEMENT), load_price_book(price_book_path(project))
    around = load_surroundings(content, Home(home.resolve()), settlement, book)
    if files.html is not None:
        from ratecard.billing.rendering.html import render_html

        page = render_html(content, parties=around.parties, daily=around.daily)
        files.html.write_text(page, encoding="utf-8")
        message(f"{files.html} written")
    if files.pdf is not None:
        from ratecard_workbench.invoices.pdf import render_pdf

        files.pdf.write_bytes(render_pdf(content, parties=around.parties, daily=around.daily, font=files.font))
        message(f"{files.pdf} written")


def _row(line: Line, currency: str) -> list[object]:
    key = line.key
    what = f"{key.model or key.kind} {key.operation}".strip()
    if key.reason:
        what += f" ({key.reason})"
    if line.correction.value != "none":
        what += f" [{line.correction.value}]"
    amount = money_text(line.amount, currency)
    return [key.period, what, key.level, key.plan_version, key.price_version, line.calls, line.units, amount]
