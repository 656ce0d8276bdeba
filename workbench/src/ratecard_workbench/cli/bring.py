"""`ratecard new`, `check` and `remove`: your own model, from a trained file to a live endpoint."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ratecard_workbench.bring.entries import Written, load_own_contract, publish_model, withdraw_model
from ratecard_workbench.bring.tree import staging_area
from ratecard_workbench.cli.options import json_option, project_option
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.publish.entry import StartingPrices

if TYPE_CHECKING:
    from ratecard_workbench.bring.bringing import Outcome

STARTING_PRICE = "0.002"
"""Price of a row in the book's currency, where nobody says another."""

LONGEST_TITLE = 60


def parse_price(_context: click.Context, _option: click.Parameter, text: str) -> Decimal:
    """Read a price: a plain decimal number above 0, with at most ten decimals, so that a quarter of it has twelve."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,10})?", text) or Decimal(text) == 0:
        raise click.BadParameter(f"{text!r} is not a price such as {STARTING_PRICE}")
    return Decimal(text)


def parse_title(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Read a title: something on one line, short enough for the line of Python that it stands in."""
    if text is not None and not (text.strip() and text.isprintable() and len(text) <= LONGEST_TITLE):
        raise click.BadParameter(f"a title is one line of at most {LONGEST_TITLE} characters")
    return text


def parse_day(_context: click.Context, _option: click.Parameter, text: str | None) -> date:
    """Read a day such as 2026-12-01; today (UTC) if there is none."""
    try:
        return datetime.now(UTC).date() if text is None else date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a day such as 2026-12-01") from None


existing_path = click.Path(exists=True, path_type=Path)
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("slug")
@click.option("--model", type=existing_path, help="A trained model's file, or an MLflow model directory.")
@click.option("--data", type=existing_file, help="A sample of rows as CSV with headings.")
@click.option("--target", help="The sample's column that the model predicts.")
@click.option(
    "--title", callback=parse_title, help="A few words for catalogues; made of the slug where there are none."
)
@click.option("--trust-pickle", is_flag=True, help="Open a pickle although that runs what its maker put in.")
@click.option(
    "--accept-difference", is_flag=True, help="Take a lowered model that answers otherwise; its card says so."
)
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
def new(  # noqa: PLR0913 - one argument for each option
    *,
    slug: str,
    model: Path | None,
    data: Path | None,
    target: str | None,
    title: str | None,
    trust_pickle: bool,
    accept_difference: bool,
    entry_only: bool,
    price: Decimal,
    price_from: date,
    project: Path,
    as_json: bool,
) -> None:
    """Publish a trained model under SLUG: contract from a sample, engine file, events, card, template and prices."""
    root, prices = project.resolve(), StartingPrices(price, price_from)
    if entry_only:
        with staging_area(root) as staging:
            show_written(publish_model(root, staging, load_own_contract(root, slug), prices), as_json=as_json)
        return
    if model is None or data is None:
        raise click.UsageError("give the model with --model and a sample of rows with --data")
    from ratecard_workbench.bring.bringing import Wish, bring_model

    words = title or slug.replace("-", " ").capitalize()
    wish = Wish(slug, words, model.resolve(), data.resolve(), target, trust_pickle, accept_difference, prices)
    if trust_pickle:
        message("opening a pickle runs what its maker put in: it is opened without network, secrets or your files")
    with staging_area(root) as staging, interrupts_as_errors():
        outcome = bring_model(root, staging, wish)
    show_outcome(outcome, slug, as_json=as_json)


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


@click.command()
@click.argument("slug", required=False)
@project_option
@json_option
def check(*, slug: str | None, project: Path, as_json: bool) -> None:
    """Say what is still missing of a model, or of all models."""
    from ratecard_workbench.bring.checking import UnfinishedError, find_missing, published_slugs

    root = project.resolve()
    slugs = [slug] if slug else published_slugs(root)
    missing = [one for each in slugs for one in find_missing(root, each)]
    if as_json:
        result_json([asdict(one) for one in missing])
    else:
        for one in missing:
            click.echo(f"{one.slug}: {one.place}: {one.detail}")
    if missing:
        raise UnfinishedError(f"{len(missing)} things are missing or out of date")
    message("nothing is missing")


def show_outcome(outcome: Outcome, slug: str, *, as_json: bool) -> None:
    """Say what a brought model became, how true and how fast it is, and what to do next."""
    speed = outcome.speed
    if as_json:
        figures = {"fidelity": asdict(outcome.fidelity), "speed": asdict(speed)}
        result_json({"written": list(outcome.written.paths), "engine": outcome.brought.engine, **figures})
        return
    show_written(outcome.written, as_json=False)
    for note in outcome.brought.notes:
        message(f"note: {note}")
    message(f"{outcome.brought.engine}: {outcome.fidelity.sentence()}")
    message(f"cold {speed.cold_milliseconds} ms ({speed.cold_ratio} x a function that answers a constant)")
    message(f"one warm call {speed.warm_milliseconds} ms, {speed.warm_extra_milliseconds} ms more than the constant")
    if speed.is_disturbed:
        message(f"the machine was busy (load average {speed.load} on {speed.processors} processors): they say little")
    message(f"next: `ratecard check {slug}` lists what is left to say; `ratecard up` serves it")


@contextmanager
def interrupts_as_errors() -> Iterator[None]:
    """Let a request to end be heard as an interrupt is: what was staged is cleared away on the way out."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def show_written(written: Written, *, as_json: bool) -> None:
    """Name what was changed."""
    if as_json:
        result_json({"written": list(written.paths)})
        return
    for path in written.paths:
        click.echo(path)
