"""What a page shows beside the document itself: both sides' names and addresses, and the days of the period."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ratecard.billing.canonical import parse_canonical
from ratecard.billing.hourly import DailyUsage, sum_days
from ratecard.billing.invoice import INVOICE
from ratecard.billing.periods import Period
from ratecard.billing.plans import PriceBook
from ratecard.billing.rendering.parties import Parties, Party
from ratecard.billing.settlement import Settlement
from ratecard.storage.customers import Accounts, UnknownCustomerError
from ratecard.storage.hours import load_charged, scope_of
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.opening import open_accounts


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What `render_html` and `render_pdf` take beside the document.

    Attributes
    ----------
    parties : Parties
        Names and addresses as they are now.
    daily : tuple of DailyUsage or None
        Of an invoice's period, counted from the lake as it is now; None if the lake no longer holds any of it.
    """

    parties: Parties
    daily: tuple[DailyUsage, ...] | None


def load_surroundings(content: bytes, home: Home, settlement: Settlement, book: PriceBook) -> Surroundings:
    """Gather what belongs around a document.

    Parameters
    ----------
    content : bytes
        The canonical document, issued or a preview.
    home : Home
        With accounts and lake.
    settlement : Settlement
        Who sells, and the customers' addresses.
    book : PriceBook
        Plans and prices, to tell what is charged.

    Raises
    ------
    NotCanonicalError
        If it is no document.
    """
    document = parse_canonical(content)
    customer = str(document["customer"])
    with contextlib.closing(open_accounts(home)) as accounts:
        name = _find_name(accounts, customer)
        daily = _count_days(document, home.lake, accounts, book) if document["kind"] == INVOICE else None
    buyer = Party(name, settlement.addresses.get(customer, ()))
    return Surroundings(Parties(settlement.seller, buyer), daily)


def _find_name(accounts: Accounts, customer: str) -> str:
    try:
        return accounts.get_customer(customer).name
    except UnknownCustomerError:
        return ""


def _count_days(
    document: Mapping[str, object], lake: Path, accounts: Accounts, book: PriceBook
) -> tuple[DailyUsage, ...] | None:
    said, customer = document["period"], str(document["customer"])
    assert isinstance(said, dict)
    period = Period(said["name"], _epoch_ms(said["from"]), _epoch_ms(said["to"]))
    as_of_ms = _epoch_ms(document["as_of"])
    scope = scope_of(accounts.assignments(), book, {customer: period}, as_of_ms=as_of_ms)
    return sum_days(load_charged(lake, scope), customer, said["zone"]) or None


def _epoch_ms(text: object) -> int:
    return round(datetime.fromisoformat(str(text)).timestamp() * 1000)
