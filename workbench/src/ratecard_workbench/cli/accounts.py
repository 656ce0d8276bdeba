"""What the commands that change customers and keys share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ratecard.billing.plans import PriceBook
from ratecard.billing.pricebook import load_price_book
from ratecard.storage.audited import AuditedAccounts
from ratecard.storage.customers import InvalidCustomerError, instant_of
from ratecard_workbench.local.accountable import audited
from ratecard_workbench.local.home import Home, find_stage
from ratecard_workbench.local.opening import open_accounts


@contextlib.contextmanager
def opened_accounts(home: Path, actor: str = "") -> Iterator[AuditedAccounts]:
    """Open the accounts of a home, or of a deployed stage (`aws:STAGE`); a change needs an actor."""
    stage = find_stage(home)
    if stage is not None:
        from ratecard_workbench.cloud.stages import open_stage

        yield open_stage(stage).accounts(actor)
        return
    place = Home(home.resolve())
    place.prepare()
    with contextlib.closing(open_accounts(place)) as accounts:
        yield audited(place, accounts, actor)


def check_plan(project: Path, plan: str, from_ms: int | None = None) -> PriceBook:
    """Return the project's price book; raises UnknownPlanError if it has no such plan from then on."""
    book = load_price_book(price_book_path(project))
    book.get_plan(plan, datetime.now(UTC) if from_ms is None else instant_of(from_ms))
    return book


def check_currency(book: PriceBook, currency: str) -> None:
    """Refuse a customer in another currency than the prices'; raises InvalidCustomerError."""
    if currency != book.currency:
        raise InvalidCustomerError(f"the price book is in {book.currency}, and nothing is converted to {currency}")


def price_book_path(project: Path) -> Path:
    """Return where a project's plans and prices are."""
    return project / "infra" / "ratecard.toml"
