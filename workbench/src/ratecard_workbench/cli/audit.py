"""`ratecard audit`: who changed the price book, plans, keys and customers, and whether the record is whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, Problem, RatecardError
from ratecard.storage.audit import AuditTrail, State
from ratecard.storage.audited import account_states
from ratecard_workbench.cli.accounts import opened_accounts, price_book_path
from ratecard_workbench.cli.options import actor_option, home_option, json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.accountable import open_trail
from ratecard_workbench.local.home import Home, find_stage

PRICE_BOOK = "price-book"


class AuditFailedError(RatecardError):
    """Records are missing or damaged, or something changed without one."""

    code = "audit_failed"
    kind = ErrorKind.INVALID


@click.group()
def audit() -> None:
    """Show and verify who changed what."""


@audit.command("list")
@click.option("--subject", default="", help="Only what begins with this, for example key/ or customer/acme.")
@home_option
@json_option
def list_records(*, subject: str, home: Path, as_json: bool) -> None:
    """List all records, oldest first."""
    records = _trail(home).list_records()
    found = [record for record in records if record.subject.startswith(subject)]
    if as_json:
        result_json([asdict(record) for record in found])
        return
    rows = [
        (record.number, record.at, record.actor, record.action, record.subject, ", ".join(record.changes))
        for record in found
    ]
    print_table(make_table(None, ("number", "at", "actor", "action", "subject", "changed"), rows))


@audit.command()
@click.option("--head", default=None, help="Hash of the last record, noted elsewhere: shows that none was cut off.")
@project_option
@home_option
@json_option
def verify(*, head: str | None, project: Path, home: Path, as_json: bool) -> None:
    """Check every record, and that nothing has changed without one. Note the hash it prints somewhere else."""
    trail = _trail(home)
    findings = trail.verify(_present(project, home), head)
    if findings:
        problems = tuple(Problem(_place(finding.number), finding.kind, finding.detail) for finding in findings)
        raise AuditFailedError(f"the audit trail has {len(findings)} finding(s)", problems)
    number, last = trail.head()
    if as_json:
        result_json({"records": number, "head_sha256": last})
    else:
        message(f"{number} records, each in its place; nothing has changed without one. The last one's hash:")
        click.echo(last)


@audit.command()
@project_option
@home_option
@actor_option
@json_option
def adopt(*, project: Path, home: Path, actor: str, as_json: bool) -> None:
    """Record, under your name, what has changed without a record: an edited price book, keys made by other means."""
    subjects = _trail(home).adopt(actor, _present(project, home))
    if as_json:
        result_json(subjects)
        return
    for subject in subjects:
        click.echo(subject)
    message(f"{len(subjects)} recorded by {actor}")


def _trail(home: Path) -> AuditTrail:
    stage = find_stage(home)
    if stage is not None:
        from ratecard_workbench.cloud.stages import open_stage

        return open_stage(stage).trail()
    place = Home(home.resolve())
    place.prepare()
    return open_trail(place)


def _present(project: Path, home: Path) -> dict[str, State]:
    """Return what is there now; the price book only if the project has one."""
    with opened_accounts(home) as audited:
        found = account_states(audited.accounts)
    path = price_book_path(project)
    return found | ({PRICE_BOOK: {"sha256": sha256_hex(path.read_bytes())}} if path.is_file() else {})


def _place(number: int) -> str:
    return f"record {number}" if number else "no record"
