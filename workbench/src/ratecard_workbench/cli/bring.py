"""`ratecard new`, `check` and `remove`: your own model, from a trained file to a live endpoint."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import click

from ratecard_workbench.bring.entries import Written, load_own_contract, publish_model, withdraw_model
from ratecard_workbench.bring.tree import staging_area
from ratecard_workbench.cli.options import json_option, project_option
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.publish.entry import StartingPrices

STARTING_PRICE = "0.002"
"""Price of a row in the book's currency, where nobody says another."""


def parse_price(_context: click.Context, _option: click.Parameter, text: str) -> Decimal:
    """Read a price: a plain decimal number above 0, with at most ten decimals, so that a quarter of it has twelve."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,10})?", text) or Decimal(text) == 0:
        raise click.BadParameter(f"{text!r} is not a price such as {STARTING_PRICE}")
    return Decimal(text)


def parse_day(_context: click.Context, _option: click.Parameter, text: str | None) -> date:
    """Read a day such as 2026-12-01; today (UTC) if there is none."""
    try:
        return datetime.now(UTC).date() if text is None else date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a day such as 2026-12-01") from None


@click.command()
@click.argument("slug")
@click.option("--entry-only", is_flag=True, help="The folder is there; write template entry, prices and what follows.")
@click.option(
    "--price",
    default=STARTING_PRICE,
    show_default=True,
    callback=parse_price,
    help="Price of one row. With reasons it is the double, in a file a quarter, in a file with reasons the half.",
)
@click.option("--price-from", metavar="DAY", callback=parse_day, show_default="today", help="Day the prices start.")
@project_option
@json_option
def new(*, slug: str, entry_only: bool, price: Decimal, price_from: date, project: Path, as_json: bool) -> None:
    """Publish a model under SLUG."""
    root = project.resolve()
    with staging_area(root) as staging:
        written = publish_model(root, staging, load_own_contract(root, slug), StartingPrices(price, price_from))
    show_written(written, as_json=as_json)


@click.command()
@click.argument("slug")
@click.option("--prices", is_flag=True, help="Take its prices out of the rate card too; past calls then have none.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_option
@json_option
def remove(*, slug: str, prices: bool, yes: bool, project: Path, as_json: bool) -> None:
    """Take a model out: its folder, its template entry and what follows from them."""
    root = project.resolve()
    if not yes:
        click.confirm(f"Remove the folder and the template entry of {slug}?", abort=True, err=True)
    with staging_area(root) as staging:
        written = withdraw_model(root, staging, slug, with_prices=prices)
    show_written(written, as_json=as_json)
    if not prices:
        message("its prices stay in the rate card: calls already made are rated by them")


def show_written(written: Written, *, as_json: bool) -> None:
    """Name what was changed."""
    if as_json:
        result_json({"written": list(written.paths)})
        return
    for path in written.paths:
        click.echo(path)
