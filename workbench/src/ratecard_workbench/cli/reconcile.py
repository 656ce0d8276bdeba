"""`ratecard reconcile`: usage lines, access log and the gateway's own counter beside each other, by hour and by id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import click

from ratecard.billing.events import AccessRecord, DamagedLineError, UsageRecord, parse_access
from ratecard.billing.reconciliation import DEFAULT_TOLERANCE, Difference, GatewayDay, Reconciliation
from ratecard.billing.reconciliation import reconcile as compare
from ratecard.billing.scope import Guards, Scope
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.storage.accounts import now_ms
from ratecard.storage.counting import files_of
from ratecard.storage.lake import ACCESS, read_file
from ratecard.storage.recoveries import NotRecoverableError, make_recovery, record_recoveries
from ratecard_workbench.cli.accounts import price_book_path
from ratecard_workbench.cli.options import actor_option, home_option, json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.counters import load_counts
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.ledgers import HomeLedger, opened_ledger

UNCOUNTED = (403, 429)
"""Answers to requests that the gateway's counter leaves out."""
Answers = dict[str, tuple[AccessRecord, str]]


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
    """Show in what the three counts of CUSTOMER's calls differ, with the id of every call."""
    with opened_ledger(home, price_book_path(project), actor=actor) as opened:
        place = Home(home.resolve())
        scope = _scope(opened, customer, period)
        answers = _read_answers(place, scope)
        found = _reconcile(opened, place, (customer, scope), answers)
        if approved:
            record_recoveries(opened.trail, actor, _approve(found, approved, answers))
            found = _reconcile(opened, place, (customer, scope), answers)
    if as_json:
        result_json(_document(found, customer))
        return
    _print(found, customer)


def _scope(opened: HomeLedger, customer: str, name: str | None) -> Scope:
    as_of_ms = now_ms()
    sources = opened.ledger.sources
    period = opened.ledger.get_period(customer, name, as_of_ms=as_of_ms)
    guards = Guards(as_of_ms, past_ms=as_of_ms - period.from_ms + 2 * 86_400_000, access_log_complete=True)
    return Scope(sources.accounts.assignments(), sources.book, {customer: period}, guards)


def _reconcile(opened: HomeLedger, place: Home, whose: tuple[str, Scope], answers: Answers) -> Reconciliation:
    customer, scope = whose
    counted = opened.ledger.sources.count(scope)
    return compare(counted, _gateway_days(place, customer, scope, answers), access_log_complete=True)


def _read_answers(place: Home, scope: Scope) -> Answers:
    """Return the access lines of the scope's days by id, with the route."""
    found: Answers = {}
    for path in files_of(place.lake, ACCESS, scope):
        for line in read_file(path):
            try:
                record = parse_access(line.event)
            except DamagedLineError:
                continue
            assert line.event is not None
            found[record.id] = record, str(line.event.get("resourcePath", ""))
    return found


def _gateway_days(place: Home, customer: str, scope: Scope, answers: Answers) -> Iterable[GatewayDay]:
    """Yield the counter's days that lie wholly in the period, as GetUsage in AWS gives them."""
    keys = {each.subject for each in scope.directory.assignments if each.customer == customer}
    logged: Counter[tuple[str, int]] = Counter()
    for record, _ in answers.values():
        if record.status not in UNCOUNTED:
            logged[record.key_id, datetime.fromtimestamp(record.at_ms // 1000, UTC).date().toordinal()] += 1
    counted = load_counts(place.counters)
    for key_id, day in sorted(counted.keys() | logged.keys()):
        begin_ms = round(datetime.combine(date.fromordinal(day), datetime.min.time(), UTC).timestamp() * 1000)
        if key_id in keys and scope.from_ms <= begin_ms and begin_ms + 86_400_000 <= scope.to_ms:
            name = date.fromordinal(day).isoformat()
            yield GatewayDay(customer, key_id, name, counted.get((key_id, day), 0), logged[key_id, day])


def _approve(found: Reconciliation, ids: tuple[str, ...], answers: Answers) -> list[UsageRecord]:
    lost = {each.id for each in found.found if each.difference == Difference.USAGE_LOST.value and each.customer}
    strangers = [each for each in ids if each not in lost]
    if strangers:
        raise NotRecoverableError(f"no usage line of the customer is missing for: {', '.join(strangers)}")
    return [make_recovery(*answers[each]) for each in ids]


def _document(found: Reconciliation, customer: str) -> dict[str, object]:
    return {
        "customer": customer,
        "calls": found.calls.get(customer, 0),
        "lost": found.lost(customer),
        "tolerance": f"{DEFAULT_TOLERANCE:f}",
        "blocks": found.blocks(customer),
        "hours": [
            {"customer": name, "hour": rfc3339_from_epoch_ms(hour_ms), "difference": kind, "ids": ids}
            for (name, hour_ms, kind), ids in found.hours().items()
        ],
        "gateway_days": [asdict(each) | {"difference": each.difference} for each in found.days],
    }


def _print(found: Reconciliation, customer: str) -> None:
    rows = [
        (name or "-", rfc3339_from_epoch_ms(hour_ms), kind, len(ids), " ".join(ids))
        for (name, hour_ms, kind), ids in found.hours().items()
    ]
    print_table(make_table("By hour", ("customer", "hour", "difference", "calls", "ids"), rows))
    days = [(each.key_id, each.day, each.counted, each.logged, each.difference) for each in found.days]
    print_table(make_table("By day", ("key", "day", "counted", "logged", "difference"), days))
    verdict = "too many lines are missing to issue" if found.blocks(customer) else "within the tolerance"
    message(f"{found.lost(customer)} of {found.calls.get(customer, 0)} calls have lost a line: {verdict}")
