"""`ratecard invoice verify | credit | refresh`: checking the books, and entries beside invoices."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click

from ratecard.billing.canonical import parse_canonical
from ratecard.billing.verification import verify_invoice
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.errors import ErrorKind, Problem, RatecardError
from ratecard.storage.verifying import Report, verify_chain, verify_one
from ratecard_workbench.cli.accounts import price_book_path
from ratecard_workbench.cli.options import actor_option, home_option, json_option, parse_instant, project_option
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.ledgers import open_invoices, opened_ledger, refresh_home


class VerificationFailedError(RatecardError):
    """A document is not what was issued, or does not follow from the lake."""

    code = "verification_failed"
    kind = ErrorKind.INVALID


@click.command()
@click.argument("what", required=False)
@click.option("--head", default=None, help="Hash of the last document, noted elsewhere: shows that none was cut off.")
@click.option("--recompute", is_flag=True, help="Rate again from the lake: the hash must be the same.")
@project_option
@home_option
@json_option
def verify(*, what: str | None, head: str | None, recompute: bool, project: Path, home: Path, as_json: bool) -> None:
    """Check all documents, one by its number, or a FILE that a customer has."""
    if what is not None and not what.isdigit():
        report = _verify_file(Path(what), Home(home.resolve()))
        if recompute:
            raise click.UsageError("--recompute is for documents of this home: give the number")
    else:
        with opened_ledger(home, price_book_path(project)) as books:
            ledger = books.ledger if recompute else None
            if what is None:
                report = verify_chain(books.chain, head_sha256=head, ledger=ledger)
            else:
                report = verify_one(books.chain, int(what), ledger=ledger)
    if report.findings:
        problems = tuple(
            Problem(f"document {each.number}", each.code, f"{each.code}: {each.detail}") for each in report.findings
        )
        raise VerificationFailedError(f"{len(report.findings)} finding(s): not all is as it was issued", problems)
    if as_json:
        described = {"documents": report.documents, "recomputed": report.recomputed, "head_sha256": report.head_sha256}
        result_json(described)
        return
    again = f", {report.recomputed} rated again with the same hash" if report.recomputed else ""
    message(f"{report.documents} document(s) as issued{again}. The hash to note elsewhere:")
    click.echo(report.head_sha256)


def _verify_file(path: Path, home: Home) -> Report:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise VerificationFailedError(f"{path} cannot be read: {error.strerror}") from None
    issued = open_invoices(home) if home.invoices.is_dir() else None
    report = Report.of_flaws(verify_invoice(content), content)
    if report.findings or issued is None:
        return report
    number = parse_canonical(content).get("number")
    documents = issued.read()
    known = isinstance(number, int) and 1 <= number <= len(documents)
    if not known or documents[int(str(number)) - 1].content != content:
        return report.with_finding(int(str(number)), "foreign", "it is not the document that was issued here")
    return report


@click.command()
@click.option("--invoice", "number", type=click.IntRange(1), help="Give back a part of this invoice, or all of it.")
@click.option("--customer", help="Give this customer money to spend (prepaid).")
@click.option("--amount", required=True, help="For example 12.50; in the invoice's or the customer's currency.")
@click.option("--reason", required=True, help="One sentence for the customer.")
@click.option(
    "--expires",
    "expires_ms",
    metavar="INSTANT",
    callback=lambda _context, _option, text: None if text is None else parse_instant(text),
    help="When prepaid money can no longer be spent; never if not given.",
)
@click.option("--id", "grant_id", default="", help="Name of the grant: giving the same again is giving it once.")
@project_option
@home_option
@actor_option
@json_option
def credit(  # noqa: PLR0913 - one parameter for each option
    *,
    number: int | None,
    customer: str | None,
    amount: str,
    reason: str,
    expires_ms: int | None,
    grant_id: str,
    project: Path,
    home: Path,
    actor: str,
    as_json: bool,
) -> None:
    """Give money back on an invoice (--invoice), or in advance (--customer). Each leaves a record of who did."""
    if (number is None) == (customer is None):
        raise click.UsageError("name either an --invoice or a --customer")
    if number is not None and (expires_ms is not None or grant_id):
        raise click.UsageError("--expires and --id are for grants")
    money = _parse_amount(amount)
    with opened_ledger(home, price_book_path(project), actor=actor) as books:
        if number is not None:
            note = books.crediting.credit_invoice(number, money, reason)
            described = note.described()
            said = f"credit note {note.number} on invoice {number}: {note.amount:f} {note.currency}"
        else:
            assert customer is not None
            accounts = books.accounts.accounts
            given = books.crediting.grant(
                accounts, customer, money, reason=reason, expires_ms=expires_ms, grant_id=grant_id
            )
            expires_at = None if given.expires_ms is None else rfc3339_from_epoch_ms(given.expires_ms)
            described = {"grant": given.id, "customer": customer, "amount": amount, "expires_at": expires_at}
            said = f"grant {given.id} for {customer}: {amount}, " + (
                f"until {expires_at}" if expires_at else "for good"
            )
    if as_json:
        result_json(described)
    else:
        click.echo(said)


@click.command()
@project_option
@home_option
@json_option
def refresh(*, project: Path, home: Path, as_json: bool) -> None:
    """Bring what customers see, and prepaid keys, up to date now; a running platform does it every minute."""
    done = refresh_home(home, price_book_path(project))
    as_of = rfc3339_from_epoch_ms(done.as_of_ms)
    if as_json:
        switches = {switch.key_id: "enabled" if switch.enabled else "disabled" for switch in done.switches}
        result_json({"as_of": as_of, "customers": done.customers, "switched": switches})
        return
    message(f"{done.customers} customer(s) as of {as_of}")
    for switch in done.switches:
        click.echo(f"key {switch.key_id} {'enabled' if switch.enabled else 'disabled'}")


def _parse_amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise click.BadParameter(f"{text!r} is not an amount such as 12.50") from None
