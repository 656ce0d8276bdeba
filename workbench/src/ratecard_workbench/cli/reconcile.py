"""`ratecard reconcile`: usage lines, access log and the gateway's own counter beside each other, by hour and by id."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import click

from ratecard.billing.reconciliation import Reconciliation
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.storage.accounts import now_ms
from ratecard.storage.recoveries import record_recoveries
from ratecard_workbench.cli.accounts import price_book_path
from ratecard_workbench.cli.options import actor_option, home_option, json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.ledgers import opened_ledger


@click.command()
@click.argument("customer")
@click.option("--period", metavar="YYYY-MM", help="The period that begins in this month; the present one if not given.")
@click.option(
    "--approve",
    "approved",
    multiple=True,
    metavar="ID",
    help="Charge one row for a call whose usage line is lost; may be repeated. It is recorded under your name.",
)
@project_option
@home_option
@actor_option
@json_option
def reconcile(
    *,
    customer: str,
    period: str | None,
    approved: tuple[str, ...],
    project: Path,
    home: Path,
    actor: str,
    as_json: bool,
) -> None:
    """Put the three counts of CUSTOMER's calls beside each other, and name every call in which they differ."""
    with opened_ledger(home, price_book_path(project), actor=actor) as opened:
        as_of_ms, reconciling = now_ms(), opened.reconciling
        tolerance = opened.ledger.sources.book.tolerance
        wanted = opened.ledger.get_period(customer, period, as_of_ms=as_of_ms)
        found = reconciling.compare(customer, wanted, as_of_ms=as_of_ms)
        if approved:
            calls = reconciling.find_recoveries(found, approved, period=wanted, as_of_ms=as_of_ms)
            record_recoveries(opened.trail, actor, calls)
            found = reconciling.compare(customer, wanted, as_of_ms=as_of_ms)
    if as_json:
        result_json(_document(found, customer, tolerance))
        return
    _print(found, customer, tolerance)


def _document(found: Reconciliation, customer: str, tolerance: Decimal) -> dict[str, object]:
    return {
        "customer": customer,
        "calls": found.calls.get(customer, 0),
        "lost": found.lost(customer),
        "tolerance": f"{tolerance:f}",
        "blocks": found.blocks(customer, tolerance),
        "hours": [
            {
                "hour": rfc3339_from_epoch_ms(each.hour_ms),
                "ledger": each.ledger,
                "access_log": each.access_log,
                "difference": each.difference,
                "files": each.files,
                "others": each.others,
            }
            for each in found.hours
        ],
        "differences": [
            {"customer": name, "hour": rfc3339_from_epoch_ms(hour_ms), "difference": kind, "ids": ids}
            for (name, hour_ms, kind), ids in found.differences().items()
        ],
        "gateway_days": [asdict(each) | {"difference": each.difference} for each in found.days],
    }


def _print(found: Reconciliation, customer: str, tolerance: Decimal) -> None:
    hours = [
        (_minute(each.hour_ms), each.ledger, each.access_log, each.difference, each.files, each.others)
        for each in found.hours
    ]
    columns = ("hour", "ledger", "access log", "difference", "files", "refused, failed, read")
    print_table(make_table("Calls by hour (UTC)", columns, hours))
    rows = [
        (name or "-", _minute(hour_ms), kind, len(ids), " ".join(ids))
        for (name, hour_ms, kind), ids in found.differences().items()
    ]
    if rows:
        print_table(make_table("Differences", ("customer", "hour", "difference", "calls", "ids"), rows))
    days = [(each.key_id, each.day, each.counted, each.logged, each.difference) for each in found.days]
    print_table(make_table("By day (UTC)", ("key", "day", "gateway's counter", "access log", "difference"), days))
    judged = "too many to issue" if found.blocks(customer, tolerance) else "within the tolerance"
    lost, calls = found.lost(customer), found.calls.get(customer, 0)
    message(f"{lost} calls have lost a line, beside {calls} counted: {judged} ({tolerance:f} of all)")


def _minute(at_ms: int) -> str:
    return rfc3339_from_epoch_ms(at_ms)[:16]
