"""`ratecard invoice`: what customers owe, from a preview to a document that anybody can verify."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from ratecard.billing.canonical import canonical
from ratecard.billing.invoice import invoice_content
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.storage.accounts import now_ms
from ratecard.storage.issuing import BlockedError, Outcome, Waiver
from ratecard.storage.ledger import GRACE_MS
from ratecard_workbench.cli.accounts import price_book_path
from ratecard_workbench.cli.invoice_books import credit, refresh, verify
from ratecard_workbench.cli.invoice_show import Files, print_statement, render_document
from ratecard_workbench.cli.options import actor_option, home_option, json_option, parse_instant, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.ledgers import HomeLedger, opened_ledger

HOUR_MS = 3_600_000
LIST_COLUMNS = ("number", "kind", "customer", "period", "invoice_number", "amount", "currency", "issued_at")
as_of_option = click.option(
    "--as-of",
    "as_of_ms",
    metavar="INSTANT",
    callback=lambda _context, _option, text: None if text is None else parse_instant(text),
    help="When the lake is taken to be read, for example 2026-12-02T06:00:00Z; now if not given.",
)
period_option = click.option("--period", metavar="YYYY-MM", help="The period that begins in this month.")


class RehearsalError(RatecardError):
    """An instant that has not come is for rehearsals only."""

    code = "future_as_of"
    kind = ErrorKind.INVALID


@click.group()
def invoice() -> None:
    """Preview, issue, show, verify and credit invoices."""


@invoice.command()
@click.argument("customer")
@period_option
@as_of_option
@project_option
@home_option
@json_option
def preview(
    *, customer: str, period: str | None, as_of_ms: int | None, project: Path, home: Path, as_json: bool
) -> None:
    """Show what CUSTOMER owes for a period, the present one if none is named. Nothing is written."""
    as_of_ms = now_ms() if as_of_ms is None else as_of_ms
    with opened_ledger(home, price_book_path(project)) as books:
        wanted = books.ledger.get_period(customer, period, as_of_ms=as_of_ms)
        statement = books.ledger.assess({customer: wanted}, as_of_ms=as_of_ms)[customer]
    if as_json:
        blockers = [{"code": each.code, "detail": each.detail, "call_id": each.call_id} for each in statement.blockers]
        result_json(
            {
                "invoice": json.loads(canonical(invoice_content(statement.draft))),
                "is_over": statement.is_over,
                "blockers": blockers,
                "exceptions": [[each.oddity, each.id, each.customer] for each in statement.exceptions],
                "damaged_lines": statement.damaged,
            }
        )
    else:
        print_statement(statement)


@invoice.command()
@click.argument("customer", required=False)
@period_option
@as_of_option
@click.option(
    "--grace-hours", default=GRACE_MS // HOUR_MS, show_default=True, help="How long late lines are waited for."
)
@click.option("--waive", multiple=True, metavar="CODE", help="Let what blocks under this code pass; may be repeated.")
@click.option("--reason", default="", help="Why it may pass; for the audit trail.")
@click.option("--rehearse", is_flag=True, help="Take an --as-of that has not come. Only in a home that bills nobody.")
@project_option
@home_option
@actor_option
@json_option
def issue(  # noqa: PLR0913 - one parameter for each option
    *,
    customer: str | None,
    period: str | None,
    as_of_ms: int | None,
    grace_hours: int,
    waive: tuple[str, ...],
    reason: str,
    rehearse: bool,
    project: Path,
    home: Path,
    actor: str,
    as_json: bool,
) -> None:
    """Issue the invoice of CUSTOMER's oldest open period; without CUSTOMER, all that are due. Safe to repeat."""
    if waive and not reason.strip():
        raise click.UsageError("--waive needs a --reason")
    if period and not customer:
        raise click.UsageError("--period needs a CUSTOMER")
    now = now_ms()
    as_of_ms = now if as_of_ms is None else as_of_ms
    if as_of_ms > now and not rehearse:
        raise RehearsalError("--as-of has not come yet; --rehearse takes it, in a home that bills nobody")
    waiver, book = Waiver(frozenset(waive), reason), price_book_path(project)
    with opened_ledger(
        home, book, actor=actor, grace_ms=grace_hours * HOUR_MS, clock=lambda: max(now_ms(), as_of_ms)
    ) as books:
        if customer:
            outcomes = [_issue_one(books, customer, period, (as_of_ms, waiver))]
        else:
            outcomes = _issue_all(books, as_of_ms, waiver)
    _tell(outcomes, as_json=as_json)


@invoice.command("list")
@click.option("--customer", default=None, help="Only this customer's.")
@project_option
@home_option
@json_option
def list_documents(*, customer: str | None, project: Path, home: Path, as_json: bool) -> None:
    """List invoices and credit notes, oldest first."""
    with opened_ledger(home, price_book_path(project)) as books:
        if customer is None:
            found = list(books.issued.list_all())
        else:
            found = books.issued.list_of(books.accounts.accounts.get_customer(customer).id)
    described = [each.described() for each in found]
    if as_json:
        result_json(described)
        return
    rows = [["" if each[column] is None else each[column] for column in LIST_COLUMNS] for each in described]
    print_table(make_table(None, LIST_COLUMNS, rows))


@invoice.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write it as HTML.")
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), help="Write it as PDF.")
@click.option("--document", type=click.Path(dir_okay=False, path_type=Path), help="Write the document itself, JSON.")
@click.option("--font", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A font for the PDF.")
@project_option
@home_option
@json_option
def show(
    *,
    number: int,
    html: Path | None,
    pdf: Path | None,
    document: Path | None,
    font: Path | None,
    project: Path,
    home: Path,
    as_json: bool,
) -> None:
    """Show invoice or credit note NUMBER, or write it as files for the customer."""
    with opened_ledger(home, price_book_path(project)) as books:
        content = books.issued.get_content(number)
    if as_json:
        click.echo(content.decode())
        return
    render_document(content, Files(html, pdf, document, font), home=home, project=project)


for _command in (credit, refresh, verify):
    invoice.add_command(_command)


def _issue_one(books: HomeLedger, customer: str, name: str | None, how: tuple[int, Waiver]) -> Outcome:
    as_of_ms, waiver = how
    ledger = books.ledger
    if name is None:
        period = ledger.list_unbilled(customer, as_of_ms=as_of_ms)[0]
    else:
        period = ledger.get_period(customer, name, as_of_ms=as_of_ms)
    return books.issuing.issue(ledger.assess({customer: period}, as_of_ms=as_of_ms)[customer], waiver)


def _issue_all(books: HomeLedger, as_of_ms: int, waiver: Waiver) -> list[Outcome]:
    outcomes = []
    with Progress(console=Console(stderr=True), transient=True, disable=not Console(stderr=True).is_terminal) as bar:
        task = bar.add_task("issuing", total=len(books.ledger.find_due(as_of_ms=as_of_ms)) or None)
        for outcome in books.issuing.issue_due(as_of_ms=as_of_ms, waiver=waiver):
            outcomes.append(outcome)
            bar.update(task, advance=1, description=f"{outcome.customer} {outcome.period.name}")
    return outcomes


def _tell(outcomes: list[Outcome], *, as_json: bool) -> None:
    blocked = [each for each in outcomes if each.document is None]
    if as_json:
        result_json([_describe(each) for each in outcomes])
    else:
        for each in outcomes:
            if each.document is not None:
                state = "was issued before as" if each.existed else "is"
                money = f"{each.document.amount:f} {each.document.currency}"
                click.echo(f"{each.customer} {each.period.name} {state} invoice {each.document.number}: {money}")
        if not outcomes:
            message("nothing is due")
    if blocked:
        first = BlockedError(blocked[0].customer, blocked[0].period.name, blocked[0].blockers)
        others = f" (and {len(blocked) - 1} more)" if len(blocked) > 1 else ""
        raise type(first)(blocked[0].customer, blocked[0].period.name + others, blocked[0].blockers)


def _describe(outcome: Outcome) -> dict[str, object]:
    document = outcome.document
    return {
        "customer": outcome.customer,
        "period": outcome.period.name,
        "state": "blocked" if document is None else "exists" if outcome.existed else "issued",
        "number": document.number if document else None,
        "amount": f"{document.amount:f}" if document else None,
        "currency": document.currency if document else None,
        "sha256": document.sha256 if document else None,
        "blockers": [{"code": each.code, "detail": each.detail, "call_id": each.call_id} for each in outcome.blockers],
    }
