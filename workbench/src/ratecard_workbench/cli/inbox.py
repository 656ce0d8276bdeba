"""`ratecard inbox`: what became of the files."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from ratecard.serving.arrival import results_folder_of
from ratecard_workbench.cli.options import home_option, json_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.deliveries import Deliveries, Delivery, Status
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.opening import open_deliveries


@click.group()
def inbox() -> None:
    """Show files that arrived, and try failed ones again."""


@inbox.command("list")
@click.option("--status", type=click.Choice([status.value for status in Status]), default=None, help="Only these.")
@home_option
@json_option
def list_files(*, status: str | None, home: Path, as_json: bool) -> None:
    """List the files that arrived, newest first."""
    with contextlib.closing(_open(home)) as deliveries:
        found = deliveries.list_by_status(Status(status) if status else None)
    if as_json:
        result_json([_describe(delivery) for delivery in found])
        return
    rows = [
        (delivery.key, delivery.status.value, delivery.attempts, delivery.size, delivery.detail) for delivery in found
    ]
    print_table(make_table(None, ("file", "status", "attempts", "bytes", "detail"), rows))


@inbox.command()
@home_option
@json_option
def retry(*, home: Path, as_json: bool) -> None:
    """Try all failed files again; a running platform takes them up at once."""
    with contextlib.closing(_open(home)) as deliveries:
        count = deliveries.retry(time.time_ns() // 1_000_000)
    if as_json:
        result_json({"retried": count})
    else:
        message(f"{count} files are due again")


def _open(home: Path) -> Deliveries:
    place = Home(home.resolve())
    place.prepare()
    return open_deliveries(place)


def _describe(delivery: Delivery) -> dict[str, object]:
    return {
        "key": delivery.key,
        "version": delivery.version,
        "bytes": delivery.size,
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "announced_at": datetime.fromtimestamp(delivery.announced_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "detail": delivery.detail,
        "results_in": results_folder_of(delivery.key, delivery.version),
    }
