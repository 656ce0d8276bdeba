"""`ratecard usage`: who called what, and how it went; live at a terminal."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.storage.accounts import now_ms
from ratecard.storage.refreshing import describe_usage
from ratecard_workbench.cli.accounts import price_book_path
from ratecard_workbench.cli.invoice_show import print_usage
from ratecard_workbench.cli.options import home_option, json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.counters import load_counts
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.ledgers import opened_ledger
from ratecard_workbench.local.opening import open_accounts
from ratecard_workbench.local.tally import Tally

REFRESH_SECONDS = 1.0
CLASSES = ("2xx", "4xx", "429", "499", "5xx")
USAGE_COLUMNS = ("customer", "key", "model", "operation", "calls", "units", "billable")
ANSWER_COLUMNS = ("customer", "key", "plan", "counted", *CLASSES)


@click.command()
@click.option(
    "--days", default=1, show_default=True, type=click.IntRange(1, 366), help="How many days, today included."
)
@click.option("--once", is_flag=True, help="Print once instead of following.")
@click.option("--customer", help="What this customer used in a billing period, and what it costs.")
@click.option("--period", metavar="YYYY-MM", help="The customer's period that begins in this month; the present one.")
@project_option
@home_option
@json_option
def usage(
    *, days: int, once: bool, customer: str | None, period: str | None, project: Path, home: Path, as_json: bool
) -> None:
    """Show calls, units and answers by key, from the lake. At a terminal the table follows until Ctrl-C."""
    if customer is not None:
        show_customer(customer, period, project, home=home, as_json=as_json)
        return
    if period is not None:
        raise click.UsageError("--period needs a --customer")
    view = _View(Home(home.resolve()), days)
    if as_json:
        result_json(view.document())
    elif once or not Console().is_terminal:
        for table in view.tables():
            print_table(table)
    else:
        with contextlib.suppress(KeyboardInterrupt), Live(refresh_per_second=4) as live:
            while True:
                live.update(Group(*view.tables()))
                time.sleep(REFRESH_SECONDS)
    if view.damaged:
        message(f"{view.damaged} damaged line(s) in the lake were left out")


def show_customer(customer: str, period: str | None, project: Path, *, home: Path, as_json: bool) -> None:
    """Show what a customer used, as they see it themselves (`GET /v1/usage`)."""
    as_of_ms = now_ms()
    with opened_ledger(home, price_book_path(project)) as books:
        wanted = books.ledger.get_period(customer, period, as_of_ms=as_of_ms)
        statement = books.ledger.assess({customer: wanted}, as_of_ms=as_of_ms, adjust=False)[customer]
    if as_json:
        result_json(describe_usage(statement) | {"as_of": rfc3339_from_epoch_ms(as_of_ms)})
    else:
        print_usage(statement)


class _View:
    """Joins the lake, the counters and the names of customers."""

    def __init__(self, home: Home, days: int) -> None:
        self._home = home
        self._first_on = datetime.now(UTC).date() - timedelta(days=days - 1)
        self._tally = Tally(home.lake, first_day=self._first_on.isoformat())

    @property
    def damaged(self) -> int:
        """How many lines could not be read."""
        return self._tally.damaged

    def document(self) -> dict[str, list[dict[str, object]]]:
        """Read what is new and return everything."""
        self._tally.update()
        owners = self._owners()
        return {"usage": self._usage(owners), "answers": self._answers(owners)}

    def tables(self) -> list[Table]:
        """Read what is new and return it as two tables."""
        document = self.document()
        since = f"since {self._first_on.isoformat()} (UTC)"
        return [
            make_table(f"{name} {since}", columns, [[row[column] for column in columns] for row in document[key]])
            for name, key, columns in (("Usage", "usage", USAGE_COLUMNS), ("Answers", "answers", ANSWER_COLUMNS))
        ]

    def _owners(self) -> dict[str, tuple[str, str]]:
        """Return customer and plan by key's id."""
        if not self._home.accounts.exists():
            return {}
        with contextlib.closing(open_accounts(self._home)) as accounts:
            return {key.id: (key.customer_id, key.plan) for key in accounts.list_keys()}

    def _usage(self, owners: dict[str, tuple[str, str]]) -> list[dict[str, object]]:
        return [
            {
                # A file's subject is its customer, a call's the id of the key.
                "customer": owners.get(total.line.subject, (total.line.subject, ""))[0],
                "key": total.line.subject if total.line.subject in owners else "-",
                "model": total.line.model,
                "operation": total.line.operation,
                "calls": total.calls,
                "units": total.units,
                "billable": total.billable_units,
            }
            for total in self._tally.totals()
        ]

    def _answers(self, owners: dict[str, tuple[str, str]]) -> list[dict[str, object]]:
        counted: dict[str, int] = {}
        for (key_id, day), count in load_counts(self._home.counters).items():
            if date.fromordinal(day) >= self._first_on:
                counted[key_id] = counted.get(key_id, 0) + count
        by_key = self._tally.answers()
        return [
            {
                "customer": owners.get(key_id, ("-", "-"))[0],
                "key": key_id,
                "plan": owners.get(key_id, ("-", "-"))[1],
                "counted": counted.get(key_id, 0),
                **{kind: by_key.get(key_id, {}).get(kind, 0) for kind in CLASSES},
            }
            for key_id in sorted(by_key.keys() | counted.keys())
        ]
