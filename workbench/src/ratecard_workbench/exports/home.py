"""The charged hours of a home, and where its journals are."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from ratecard.billing.hourly import HourlyUsage, sum_hours
from ratecard.billing.periods import Period, parse_period
from ratecard.billing.pricebook import load_price_book
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.storage.customers import Customer
from ratecard.storage.hours import load_charged, scope_of
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.opening import open_accounts


class UnalignedCalendarError(RatecardError):
    """The other system bills calendar months in UTC, and this customer's periods are others."""

    code = "unaligned_calendar"
    kind = ErrorKind.INVALID


def load_hours(
    home: Home, book: Path, period: str, *, customers: Sequence[str], now_ms: int, utc_months: bool = False
) -> tuple[tuple[HourlyUsage, ...], dict[str, Period]]:
    """Read the charged hours of customers' periods, and when these are.

    Parameters
    ----------
    home : Home
        With accounts and a lake.
    book : Path
        The price book.
    period : str
        Name of the period, for example ``2026-11``; each customer's own begins and ends in its own time zone.
    customers : sequence of str
        Ids; empty for all.
    now_ms : int
        When the lake is read.
    utc_months : bool
        Whether only periods that are months in UTC will do.

    Raises
    ------
    UnknownCustomerError, UnalignedCalendarError, PriceBookError, InvalidCalendarError
        If something of it cannot be.
    """
    prices = load_price_book(book)
    with contextlib.closing(open_accounts(home)) as accounts:
        chosen = [accounts.get_customer(name) for name in customers] or list(accounts.list_customers())
        assignments = accounts.assignments()
    if utc_months:
        _refuse_unaligned(chosen)
    periods = {each.id: parse_period(each.terms.calendar, period) for each in chosen}
    charged = load_charged(home.lake, scope_of(assignments, prices, periods, as_of_ms=now_ms))
    return sum_hours(charged, periods), periods


def _refuse_unaligned(customers: Sequence[Customer]) -> None:
    for customer in customers:
        calendar = customer.terms.calendar
        if (calendar.zone, calendar.anchor_day) != ("UTC", 1):
            detail = f"AWS Marketplace bills months in UTC; the periods of {customer.id} begin at other times"
            raise UnalignedCalendarError(detail)
