"""`ratecard batch`: files of any size, scored on this machine."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from ratecard_workbench.batch.cancelling import cancel_job
from ratecard_workbench.batch.crew import StepFailedError
from ratecard_workbench.batch.registry import Entry, LocalOrder
from ratecard_workbench.batch.runner import ResultsGoneError, Workplace, run_job
from ratecard_workbench.cli.batch_desk import Desk, open_registry
from ratecard_workbench.cli.batch_show import (
    describe,
    print_estimates,
    print_result,
    shown_bar,
    when_scored,
    where_results,
)
from ratecard_workbench.cli.options import home_option, json_option, parameter_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json

INTERRUPTED = 130
TERMINATED = 143
FAILED = 65
BILLED = 73
SHOWN_MS = 7 * 24 * 3600 * 1000
ENDED = {"succeeded", "failed"}


class _BatchGroup(click.Group):
    """Takes a model's slug where a subcommand could stand: `ratecard batch credit-rating may.csv`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_BatchGroup)
def batch() -> None:
    """Score files of any size: `ratecard batch MODEL FILE...`, and `status`, `resume` and `cancel`."""


workers_option = click.option(
    "--workers", type=click.IntRange(1, 256), default=None, help="Processes; as many as processors if not given."
)


@batch.command()
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default="scored", show_default=True)
@click.option("--explain", is_flag=True, help="Add reasons and advice to every row, at their own price.")
@click.option("--carry", default="", metavar="COLUMN,...", help="Columns of the file to carry through.")
@click.option("--customer", default="demo", show_default=True, help="Who pays.")
@click.option("--dry-run", is_flag=True, help="Say how many rows, what they cost and how long they take; do nothing.")
@workers_option
@project_option
@home_option
@parameter_option
@json_option
def run(  # noqa: PLR0913 - one for each option
    *,
    model: str,
    files: tuple[Path, ...],
    out: Path,
    explain: bool,
    carry: str,
    customer: str,
    dry_run: bool,
    workers: int | None,
    project: Path,
    home: Path,
    parameters: dict[str, str],
    as_json: bool,
) -> None:
    """Score FILES (CSV, JSON Lines, also .gz or .zst, or Parquet) with MODEL.

    The results of may.csv lie in OUT/may.csv/<id>/: scored rows in the file's own format and order, rejects.csv and
    manifest.json. The same command again, for the same content, finds them there and does nothing. Ctrl-C stops in
    order; the same command, or `resume`, goes on from there.
    """
    desk = Desk(home, project, parameters)
    if any("\ud800" <= sign <= "\udfff" for sign in carry):
        raise click.BadParameter("the columns' names are not in UTF-8", param_hint="--carry")
    columns = tuple(name for name in carry.split(",") if name)
    desk.require_customer(customer)
    place = desk.place(model, workers)
    now_ms = time.time_ns() // 1_000_000
    orders = [LocalOrder(model, file.resolve(), out.resolve(), customer, explain, columns) for file in files]
    if dry_run:
        entries = [desk.registry.entry_of(order, now_ms) for order in orders]
        print_estimates(desk.estimate(entries, place), as_json=as_json)
        return
    _run_all(desk, [(desk.registry.enter(order, now_ms), place) for order in orders], as_json=as_json)


@batch.command()
@click.argument("ids", nargs=-1)
@click.option("--all", "show_all", is_flag=True, help="Also those that ended over a week ago.")
@home_option
@json_option
def status(*, ids: tuple[str, ...], show_all: bool, home: Path, as_json: bool) -> None:
    """Show the batches of the last week and all that have not ended, or those with these IDS.

    One that has not ended is waiting (nothing was done yet), running, stopping, stopped, or died (its process was
    killed); the last two go on with `resume`.
    """
    registry = open_registry(home)
    entries = [registry.get(name) for name in ids] if ids else registry.list_entries()
    found = [describe(entry, registry.state_of(entry)) for entry in entries]
    if not (ids or show_all):
        oldest = time.time_ns() // 1_000_000 - SHOWN_MS
        listed = zip(entries, found, strict=True)
        found = [one for entry, one in listed if one["status"] not in ENDED or entry.job.at_epoch_ms >= oldest]
    if as_json:
        result_json(found)
        return
    names = ("id", "file", "model", "status", "parts", "scored", "rejected", "list_price")
    print_table(make_table(None, names, [[one[name] for name in names] for one in found]))


@batch.command()
@click.argument("ids", nargs=-1, required=True)
@workers_option
@project_option
@home_option
@parameter_option
@json_option
def resume(
    *,
    ids: tuple[str, ...],
    workers: int | None,
    project: Path,
    home: Path,
    parameters: dict[str, str],
    as_json: bool,
) -> None:
    """Go on with batches that were interrupted: parts that are scored are not scored again."""
    desk = Desk(home, project, parameters)
    entries = [desk.registry.get(name) for name in ids]
    _run_all(desk, [(entry, desk.place(entry.model, workers)) for entry in entries], as_json=as_json)


@batch.command()
@click.argument("ids", nargs=-1, required=True)
@home_option
def cancel(*, ids: tuple[str, ...], home: Path) -> None:
    """Stop batches and forget what they did so far; nothing of them is billed.

    A batch that has succeeded is billed: it stays, with its results.
    """
    registry = open_registry(home)
    billed = False
    for entry in [registry.get(name) for name in ids]:
        if cancel_job(entry, registry):
            message(f"batch {entry.id} is cancelled")
            continue
        billed = True
        message(f"batch {entry.id} is finished and billed; {where_results(entry)}")
    if billed:
        raise SystemExit(BILLED)


def _run_all(desk: Desk, jobs: list[tuple[Entry, Workplace]], *, as_json: bool) -> None:
    failed = gone = False
    for entry, place in jobs:
        earlier = entry.find_result()
        with shown_bar(entry) as tell, _stopping_in_order(entry):
            try:
                manifest = run_job(entry, desk.registry, place, tell)
            except ResultsGoneError as error:
                message(error.detail)
                gone = True
                continue
            except StepFailedError as error:
                raise type(error)(f"{entry.job.name}: {error.detail}") from None
        if earlier is not None:
            message(when_scored(entry, earlier))
        is_good = print_result(entry, manifest, as_json=as_json)
        failed = failed or not is_good
    if failed or gone:
        raise SystemExit(FAILED if failed else BILLED)


@contextmanager
def _stopping_in_order(entry: Entry) -> Iterator[None]:
    """Take Ctrl-C and SIGTERM as a wish to stop: workers are ended, and a sentence says how to go on."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        message(f"stopped; `ratecard batch resume {entry.id}` goes on, `ratecard batch cancel {entry.id}` gives up")
        raise SystemExit(INTERRUPTED if isinstance(stop, KeyboardInterrupt) else TERMINATED) from None
    finally:
        signal.signal(signal.SIGTERM, before)
