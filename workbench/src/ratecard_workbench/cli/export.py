"""`ratecard export`: charged usage by the hour to Stripe, OpenMeter, Lago or AWS Marketplace, each unit once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from ratecard.billing.exports.deliveries import Delivery, Held, Outcome
from ratecard.billing.exports.planning import Plan, Range
from ratecard.billing.settlement import SETTLEMENT, load_settlement
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.storage.accounts import now_ms
from ratecard.storage.exports.journal import Journal
from ratecard.storage.exports.sending import Report, preview_export, run_export
from ratecard_workbench.cli.accounts import price_book_path
from ratecard_workbench.cli.options import home_option, json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.exports.home import load_hours
from ratecard_workbench.exports.systems import SYSTEMS, journal_name, oldest_ms, open_target, planner_of
from ratecard_workbench.local.home import Home

SETTLED = {"counted": Outcome.DUPLICATE, "lost": Outcome.REFUSED}
COLUMNS = ("customer", "product", "hour", "revision", "rows")
HELD_COLUMNS = ("why not", "customer", "product", "first hour", "hours", "rows", "detail")


class IncompleteExportError(RatecardError):
    """Units were not sent or not taken, and no later run will send them by itself."""

    code = "incomplete_export"
    kind = ErrorKind.INVALID


@click.command()
@click.argument("system", type=click.Choice(sorted(SYSTEMS)))
@click.option("--period", required=True, metavar="YYYY-MM", help="Which period of each customer.")
@click.option("--customer", "customers", multiple=True, help="Only this customer; may be repeated.")
@click.option("--to", "url", metavar="URL", help="Another address of the system: a region, a test server, your own.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent; needs no key.")
@click.option(
    "--settle",
    "settled",
    multiple=True,
    metavar="IDENTIFIER=counted|lost",
    callback=lambda _context, _option, pairs: [parse_settled(pair) for pair in pairs],
    help="What you found out about a delivery that is listed as unresolved; may be repeated.",
)
@project_option
@home_option
@json_option
def export(  # noqa: PLR0913 - one parameter for each option
    *,
    system: str,
    period: str,
    customers: tuple[str, ...],
    url: str | None,
    dry_run: bool,
    settled: list[tuple[str, Outcome]],
    project: Path,
    home: Path,
    as_json: bool,
) -> None:
    """Send charged usage by the hour. Run it as often as you like: what was counted there is not sent again.

    Keys come from the environment: STRIPE_API_KEY, OPENMETER_API_KEY, LAGO_API_KEY; for marketplace, AWS's own. Who
    your customers and products are at that system stands in infra/settlement.toml.
    """
    place, now = Home(home.resolve()), now_ms()
    place.prepare()
    settlement = load_settlement(project / SETTLEMENT)
    target = open_target(system, settlement, url=url, environ=os.environ, dry=dry_run)
    hourly, periods = load_hours(
        place,
        price_book_path(project),
        period,
        customers=customers,
        now_ms=now,
        utc_months=SYSTEMS[system].in_hours,
    )
    planner = planner_of(system, hourly, Range(now, periods, oldest_ms(system, now)))
    path = place.root / "exports" / journal_name(system, url=url, environ=os.environ)
    with contextlib.closing(Journal(path)) as journal:
        _settle(journal, settled)
        if dry_run:
            _print_plan(preview_export(target, journal, planner), as_json=as_json)
            return
        with _progress(system) as progress:
            report = run_export(target, journal, planner, now_ms=now, progress=progress)
    _print_report(report, as_json=as_json)


def parse_settled(pair: str) -> tuple[str, Outcome]:
    """Read IDENTIFIER=counted or IDENTIFIER=lost; raises click.BadParameter."""
    identifier, _, word = pair.partition("=")
    if not identifier or word not in SETTLED:
        raise click.BadParameter(f"{pair!r} is not IDENTIFIER=counted or IDENTIFIER=lost")
    return identifier, SETTLED[word]


def _settle(journal: Journal, settled: Sequence[tuple[str, Outcome]]) -> None:
    for identifier, _ in settled:
        if journal.account.find_pending(identifier) is None:
            raise click.BadParameter(f"no delivery {identifier} is waiting to be settled")
    journal.settle(settled)


class _Bar:
    """Shows how many deliveries have an outcome, on stderr, if that is a terminal."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None)

    def __call__(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)


@contextlib.contextmanager
def _progress(system: str) -> Iterator[_Bar]:
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        yield _Bar(progress, f"to {system}")


def _print_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        result_json({"deliveries": [_described(each) for each in plan.deliveries], "held": _held(plan.held)})
        return
    print_table(
        make_table("Would be sent", COLUMNS, [tuple(_described(each).values())[1:] for each in plan.deliveries])
    )
    _print_held(plan.held)
    message(
        f"{len(plan.deliveries)} deliveries, {sum(each.units for each in plan.deliveries):,} rows; nothing was sent"
    )


def _print_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        summary = {"accepted": report.accepted, "duplicate": report.duplicate, "units": report.units}
        result_json(summary | {"held": _held(report.held)})
    else:
        _print_held(report.held)
        message(
            f"{report.accepted} deliveries counted, {report.duplicate} had been counted before; {report.units:,} rows"
        )
    left = report.needs_a_person
    if left:
        raise IncompleteExportError(f"{len(left)} of the hours need a person: see the list and the guide on exports")


def _print_held(held: Sequence[Held]) -> None:
    """Print what was not sent, hours with the same reason together; --json has each."""
    groups: dict[tuple[str, str, str, str], list[Held]] = {}
    for each in held:
        groups.setdefault((each.reason, each.slot.customer, each.slot.product, each.detail), []).append(each)
    rows = [
        (reason, customer, product, _hour(same[0].slot.from_ms), len(same), sum(each.units for each in same), detail)
        for (reason, customer, product, detail), same in groups.items()
    ]
    if rows:
        print_table(make_table("Not sent", HELD_COLUMNS, rows))


def _described(delivery: Delivery) -> dict[str, object]:
    slot = delivery.slot
    return {
        "identifier": delivery.identifier,
        "customer": slot.customer,
        "product": slot.product,
        "hour": _hour(slot.from_ms),
        "revision": delivery.revision,
        "units": delivery.units,
    }


def _held(held: Sequence[Held]) -> list[dict[str, object]]:
    return [asdict(each) for each in held]


def _hour(from_ms: int) -> str:
    return rfc3339_from_epoch_ms(from_ms) if from_ms else ""
