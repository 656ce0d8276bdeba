"""`ratecard batch`: files of any size, scored on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ratecard.billing.plans import Operation
from ratecard.billing.tiers import compute_charge
from ratecard.kernel.errors import NotFoundError
from ratecard.kernel.money import Money
from ratecard_workbench.batch.registry import Entry, JobRunningError, Order, Registry
from ratecard_workbench.batch.runner import Place, Progress, run_job
from ratecard_workbench.cli.options import home_option, json_option, parameter_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.models import get_model
from ratecard_workbench.local.opening import open_accounts
from ratecard_workbench.local.platform import Project, load_project, make_surroundings

INTERRUPTED = 130
FAILED = 65


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

    The results of may.csv lie in OUT/may.csv/<version>/: scored rows in the file's own format and order, rejects.csv
    and manifest.json. Ctrl-C stops in order; the same command, or `resume`, goes on from there.
    """
    desk = _Desk(home, project, parameters)
    columns = tuple(name for name in carry.split(",") if name)
    desk.require_customer(customer)
    place = desk.place(model, workers)
    now_ms = time.time_ns() // 1_000_000
    entries = [
        desk.registry.enter(Order(model, file.resolve(), out.resolve(), customer, explain, columns), now_ms)
        for file in files
    ]
    if dry_run:
        _print_estimates([desk.estimate(entry, place) for entry in entries], as_json=as_json)
        return
    _run_all(desk, [(entry, place) for entry in entries], as_json=as_json)


@batch.command()
@click.argument("ids", nargs=-1)
@home_option
@json_option
def status(*, ids: tuple[str, ...], home: Path, as_json: bool) -> None:
    """Show all batches, or those with these IDS."""
    registry = _open_registry(home)
    entries = [registry.get(name) for name in ids] if ids else registry.list_entries()
    found = [_describe(entry) for entry in entries]
    if as_json:
        result_json(found)
        return
    names = ("id", "file", "model", "status", "parts", "scored", "rejected", "cost")
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
    desk = _Desk(home, project, parameters)
    entries = [desk.registry.get(name) for name in ids]
    _run_all(desk, [(entry, desk.place(entry.model, workers)) for entry in entries], as_json=as_json)


@batch.command()
@click.argument("ids", nargs=-1, required=True)
@home_option
def cancel(*, ids: tuple[str, ...], home: Path) -> None:
    """Stop batches and forget what they did so far; nothing of them is billed. Results that are there stay."""
    registry = _open_registry(home)
    for entry in [registry.get(name) for name in ids]:
        registry.ask_to_stop(entry)
        for _ in range(100):
            try:
                with registry.hold(entry):
                    registry.forget(entry)
                break
            except JobRunningError:
                time.sleep(0.1)
        message(f"batch {entry.id} is cancelled")


class _Desk:
    """What the commands that score need of home and project."""

    def __init__(self, home: Path, project: Path, parameters: dict[str, str]) -> None:
        self._home = Home(home.resolve())
        self._home.prepare()
        self._root = project.resolve()
        self._project: Project = load_project(self._root, parameters)
        self.registry = Registry(self._home.root / "batches")

    def require_customer(self, customer: str) -> None:
        """Refuse a customer nobody knows."""
        with closing(open_accounts(self._home)) as accounts:
            if not accounts.has_customer(customer):
                raise NotFoundError(f"there is no customer {customer}: `ratecard customers create` makes one")

    def place(self, slug: str, workers: int | None) -> Place:
        """Find a model's batch function and what it runs with."""
        model = get_model(self._project, slug)
        if model.batch is None:
            raise NotFoundError(f"{slug} has no function that scores files")
        surroundings = make_surroundings(self._root, self._home, self._project.application)
        environment = dict(surroundings.environment)
        return Place(model.batch, environment, self._home.lake, workers or os.cpu_count() or 1)

    def estimate(self, entry: Entry, place: Place) -> dict[str, Any]:
        """Estimate rows, price and time of a job."""
        with place.crew(1) as crew:
            found = crew.ask({"operation": "estimate", "job": entry.job.document()})
        book = self._project.book
        price = book.get_price(entry.model, Operation(entry.job.operation), datetime.now(UTC))
        charge = Money(compute_charge(price.tariff, found["rows"]).amount, book.currency)
        self.registry.forget_unless_begun(entry)
        return {
            "file": str(Path("/", entry.job.key)),
            "rows": found["rows"],
            "price": str(charge.rounded().amount),
            "currency": book.currency,
            "price_version": price.version,
            "seconds": round(found["seconds"] / place.workers, 1),
            "workers": place.workers,
        }


def _run_all(desk: _Desk, jobs: list[tuple[Entry, Place]], *, as_json: bool) -> None:
    failed = False
    for entry, place in jobs:
        desk.registry.forget_wish_to_stop(entry)
        with _bar(entry) as tell:
            try:
                manifest = run_job(entry, desk.registry, place, tell)
            except KeyboardInterrupt:
                message(
                    f"stopped; `ratecard batch resume {entry.id}` goes on, `ratecard batch cancel {entry.id}` gives up"
                )
                raise SystemExit(INTERRUPTED) from None
        failed = failed or manifest["status"] != "succeeded"
        _print_result(entry, manifest, as_json=as_json)
    if failed:
        raise SystemExit(FAILED)


def _print_result(entry: Entry, manifest: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        short = {name: value for name, value in manifest.items() if name != "parts"}
        result_json({"id": entry.id, "results_in": str(entry.results), **short})
        return
    if manifest["status"] != "succeeded":
        message(f"{entry.job.name} failed: {manifest['reason']}")
        for problem in manifest.get("problems", ()):
            message(f"  {problem['code']}: {problem['detail']}")
        return
    rows, cost = manifest["rows"], manifest["cost"]
    price = f", {cost['amount']} {cost['currency']}" if cost else ""
    message(f"{entry.job.name}: {rows['scored']} rows scored, {rows['rejected']} rejected{price}")
    click.echo(str(entry.results))


def _print_estimates(estimates: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        result_json(estimates)
        return
    rows = [
        (one["file"], one["rows"], f"{one['price']} {one['currency']}", str(timedelta(seconds=round(one["seconds"]))))
        for one in estimates
    ]
    print_table(make_table(None, ("file", "rows", "price", "time"), rows))
    if len(estimates) > 1:
        total = sum((Decimal(one["price"]) for one in estimates), Decimal(0))
        message(f"together {sum(one['rows'] for one in estimates)} rows, {total} {estimates[0]['currency']}")


@contextmanager
def _bar(entry: Entry) -> Iterator[Any]:
    """Show how far a job is, at a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(entry.job.name, total=None, rows="0", pace="")
        started = time.monotonic()

        def tell(progress: Progress) -> None:
            pace = progress.rows / max(time.monotonic() - started, 1e-6)
            bar.update(
                task, total=progress.of, completed=progress.parts, rows=f"{progress.rows:,}", pace=f"{pace:,.0f} rows/s"
            )

        yield tell


def _describe(entry: Entry) -> dict[str, object]:
    manifest = entry.find_manifest()
    done, planned = entry.count_parts()
    rows = manifest["rows"] if manifest else {}
    cost = (manifest or {}).get("cost")
    return {
        "id": entry.id,
        "file": str(Path("/", entry.job.key)),
        "model": entry.model,
        "status": manifest["status"] if manifest else "unfinished",
        "parts": "" if manifest else f"{done}/{planned}",
        "scored": rows.get("scored", ""),
        "rejected": rows.get("rejected", ""),
        "cost": f"{cost['amount']} {cost['currency']}" if cost else "",
        "results_in": str(entry.results),
    }


def _open_registry(home: Path) -> Registry:
    place = Home(home.resolve())
    place.prepare()
    return Registry(place.root / "batches")
