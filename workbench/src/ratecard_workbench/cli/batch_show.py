"""How batches look: the bar while they run, results, estimates and lists."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ratecard_workbench.batch.registry import Entry
from ratecard_workbench.batch.runner import Progress
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json


def print_result(entry: Entry, manifest: dict[str, Any], *, as_json: bool) -> bool:
    """Tell how a batch ended; return whether any row was scored."""
    rows = manifest["rows"]
    is_good = bool(manifest["status"] == "succeeded" and rows["scored"])
    if as_json:
        short = {name: value for name, value in manifest.items() if name != "parts"}
        result_json({"id": entry.id, "results_in": str(entry.results), **short})
    elif manifest["status"] != "succeeded":
        message(f"{entry.job.name} failed: {manifest['reason']}")
        for problem in manifest.get("problems", ()):
            message(f"  {problem['code']}: {problem['detail']}")
        return False
    else:
        message(f"{entry.job.name}: {rows['scored']} rows scored, {rows['rejected']} rejected{_cost_of(manifest)}")
        click.echo(str(entry.results))
    if manifest["status"] == "succeeded" and not is_good:
        message(f"{entry.job.name}: every row is rejected, none is scored or billed; rejects.csv says why")
    return is_good


def when_scored(entry: Entry, manifest: dict[str, Any]) -> str:
    """Say that nothing was done, for the same order was scored before."""
    by = f"{manifest['model']} {manifest['model_version']}"
    return f"{entry.job.name}: already scored at {manifest['finished_at']} by {by}; nothing is done or billed again"


def where_results(entry: Entry) -> str:
    """Say where the results of a batch that is billed are."""
    if entry.find_result() is not None:
        return f"its results are in {entry.results}"
    if entry.find_bill() is not None:
        return f"its results are no longer in {entry.results}"
    return f"`ratecard batch resume {entry.id}` shows them"


def _cost_of(manifest: dict[str, Any]) -> str:
    cost = manifest["cost"]
    return f", list price {cost['amount']} {cost['currency']}" if cost else ""


def print_estimates(estimates: list[dict[str, Any]], *, as_json: bool) -> None:
    """Show what files would add to the invoice."""
    if as_json:
        result_json(estimates)
        return
    rows = [
        (
            one["file"],
            "already scored" if one["is_scored"] else one["rows"],
            f"{one['price']} {one['currency']}",
            str(timedelta(seconds=round(one["seconds"]))),
        )
        for one in estimates
    ]
    print_table(make_table(None, ("file", "rows", "price", "time"), rows))
    if len(estimates) > 1:
        total = sum((Decimal(one["price"]) for one in estimates), Decimal(0))
        message(f"together {sum(one['rows'] for one in estimates)} rows, {total} {estimates[0]['currency']}")


@contextmanager
def shown_bar(entry: Entry) -> Iterator[Any]:
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


def describe(entry: Entry, state: str) -> dict[str, object]:
    """Describe a batch for a list."""
    manifest = entry.find_manifest() or entry.find_bill()
    done, planned = entry.count_parts()
    rows = manifest["rows"] if manifest else {}
    cost = (manifest or {}).get("cost")
    return {
        "id": entry.id,
        "file": str(entry.file),
        "model": entry.model,
        "status": state,
        "parts": "" if manifest else f"{done}/{planned}",
        "scored": rows.get("scored", ""),
        "rejected": rows.get("rejected", ""),
        "list_price": f"{cost['amount']} {cost['currency']}" if cost else "",
        "results_in": str(entry.results),
    }
