"""`ratecard customers`: who pays, in which currency, in which periods, and by which plan for their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ratecard.billing.periods import BillingCalendar
from ratecard.billing.pricebook import load_price_book
from ratecard.storage.customers import DEFAULT_FILES_PLAN, DEFAULT_TERMS, Customer, Terms
from ratecard_workbench.cli.accounts import check_currency, check_plan, opened_accounts, price_book_path
from ratecard_workbench.cli.options import actor_option, from_option, home_option, json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json


@click.group()
def customers() -> None:
    """Make, list and change customers."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the options say of a customer; None is not given."""

    name: str | None
    time_zone: str | None
    anchor_day: int | None
    currency: str | None
    files_plan: str | None
    from_ms: int | None = None

    def terms(self, otherwise: Terms) -> Terms:
        zone = otherwise.calendar.zone if self.time_zone is None else self.time_zone
        day = otherwise.calendar.anchor_day if self.anchor_day is None else self.anchor_day
        return Terms(BillingCalendar(zone, day), otherwise.currency if self.currency is None else self.currency)


@customers.command()
@click.argument("customer")
@click.option("--name", default=None, help="Name for people; CUSTOMER if not given.")
@click.option("--time-zone", default="UTC", show_default=True, help="IANA zone of the billing periods.")
@click.option("--anchor-day", default=1, show_default=True, help="Day of the month on which a period begins.")
@click.option("--currency", default=None, help="ISO 4217; the price book's if not given.")
@click.option("--files-plan", default=DEFAULT_FILES_PLAN, show_default=True, help="Plan of the files they send.")
@project_option
@home_option
@actor_option
@json_option
def create(*, customer: str, project: Path, home: Path, actor: str, as_json: bool, **given: Any) -> None:
    """Make CUSTOMER: lower-case letters, digits and hyphens."""
    wanted = _Wanted(**given)
    book = check_plan(project, given["files_plan"])
    terms = wanted.terms(Terms(DEFAULT_TERMS.calendar, book.currency))
    check_currency(book, terms.currency)
    with opened_accounts(home, actor) as audited:
        made = audited.create_customer(customer, wanted.name or customer, terms, given["files_plan"])
    _show(made, as_json=as_json)


@customers.command("set")
@click.argument("customer")
@click.option("--name", default=None, help="Name for people.")
@click.option("--time-zone", default=None, help="IANA zone of the billing periods.")
@click.option("--anchor-day", default=None, type=int, help="Day of the month on which a period begins.")
@click.option("--currency", default=None, help="ISO 4217; the price book's, nothing is converted.")
@click.option("--files-plan", default=None, help="Plan of the files they send.")
@from_option
@project_option
@home_option
@actor_option
@json_option
def set_customer(*, customer: str, project: Path, home: Path, actor: str, as_json: bool, **given: Any) -> None:
    """Change what is given of CUSTOMER; --from is for the plan of files."""
    wanted = _Wanted(**given)
    if wanted.from_ms is not None and wanted.files_plan is None:
        raise click.UsageError("--from needs --files-plan: the other members change now")
    if wanted.files_plan is not None:
        check_plan(project, wanted.files_plan, wanted.from_ms)
    if wanted.currency is not None:
        check_currency(load_price_book(price_book_path(project)), wanted.currency)
    with opened_accounts(home, actor) as audited:
        terms = wanted.terms(audited.accounts.get_customer(customer).terms)
        changed = audited.change_customer(customer, name=wanted.name, terms=terms)
        if wanted.files_plan is not None:
            changed = audited.set_files_plan(customer, wanted.files_plan, wanted.from_ms)
    _show(changed, as_json=as_json)


@customers.command("list")
@home_option
@json_option
def list_customers(*, home: Path, as_json: bool) -> None:
    """List customers by id."""
    with opened_accounts(home) as audited:
        found = [_describe(customer) for customer in audited.accounts.list_customers()]
    if as_json:
        result_json(found)
        return
    columns = ("customer", "name", "time_zone", "anchor_day", "currency", "files_plan", "created_at")
    print_table(make_table(None, columns, [[customer[column] for column in columns] for customer in found]))


def _show(customer: Customer, *, as_json: bool) -> None:
    if as_json:
        result_json(_describe(customer))
        return
    terms = customer.terms
    message(
        f"customer {customer.id}: periods from day {terms.calendar.anchor_day} in {terms.calendar.zone},"
        f" in {terms.currency}; files by plan {customer.files_plan}"
    )


def _describe(customer: Customer) -> dict[str, object]:
    return {
        "customer": customer.id,
        "name": customer.name,
        "time_zone": customer.terms.calendar.zone,
        "anchor_day": customer.terms.calendar.anchor_day,
        "currency": customer.terms.currency,
        "files_plan": customer.files_plan,
        "created_at": customer.created_at.isoformat(),
    }
