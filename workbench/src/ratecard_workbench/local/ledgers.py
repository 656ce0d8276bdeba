"""The ledger of a home: everything that rating, issuing and crediting need, put together from its files."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from ratecard.billing.counting import Counted
from ratecard.billing.pricebook import load_price_book
from ratecard.billing.scope import Scope
from ratecard.storage.accounts import now_ms
from ratecard.storage.audit import AuditTrail
from ratecard.storage.audited import AuditedAccounts
from ratecard.storage.chain import Chain
from ratecard.storage.counting import FolderLake, files_of
from ratecard.storage.crediting import Crediting
from ratecard.storage.gateway_counts import GatewayCounts
from ratecard.storage.grants import Grants
from ratecard.storage.invoices import Invoices
from ratecard.storage.issued import IssuedDocuments
from ratecard.storage.issuing import Issuing
from ratecard.storage.lake import ACCESS, USAGE
from ratecard.storage.lake_files import FolderFiles
from ratecard.storage.ledger import GRACE_MS, Ledger, Sources
from ratecard.storage.objects import LocalObjectStore
from ratecard.storage.places import FolderPlaces
from ratecard.storage.reconciling import Logs, Reconciling
from ratecard.storage.recoveries import recovering
from ratecard.storage.refreshing import ACTOR, Refreshed, refresh
from ratecard.storage.shelf import Shelf
from ratecard_workbench.local.accountable import audited, open_trail
from ratecard_workbench.local.counters import load_counts
from ratecard_workbench.local.counting_bar import show_counting
from ratecard_workbench.local.home import Home, find_stage
from ratecard_workbench.local.opening import open_accounts

PYTHON_BYTES = 32_000_000
"""Up to so many bytes of lines Python counts in a few seconds, without duckdb's start; beyond, SQL does. Both give the
same invoice."""


@dataclass(frozen=True, slots=True)
class HomeLedger:
    """An open ledger.

    Attributes
    ----------
    ledger : Ledger
        Computes statements.
    issuing, crediting : Issuing, Crediting
        Change the books, under a name.
    chain : Chain
        Invoices and credit notes.
    grants : Grants
        Prepaid money.
    trail : AuditTrail
        Who changed what.
    accounts : AuditedAccounts
        Customers and keys.
    reconciling : Reconciling
        Compares the counts.
    """

    ledger: Ledger
    issuing: Issuing
    crediting: Crediting
    chain: Chain
    grants: Grants
    trail: AuditTrail
    accounts: AuditedAccounts
    reconciling: Reconciling

    @property
    def issued(self) -> IssuedDocuments:
        """What is on the chain."""
        return self.ledger.sources.issued


@contextlib.contextmanager
def opened_ledger(
    home: Path, book: Path, *, actor: str = "", grace_ms: int = GRACE_MS, clock: Callable[[], int] = now_ms
) -> Iterator[HomeLedger]:
    """Open the ledger of a home, or of a deployed stage.

    Parameters
    ----------
    home : Path
        The platform's folder, or `aws:STAGE`.
    book : Path
        The price book.
    actor : str
        Who changes something.
    grace_ms : int
        How long a period waits for late lines.
    clock : callable, optional
        What documents say of when they were issued.

    Raises
    ------
    PriceBookError, HomeError, StageError
        If the price book is broken, or home or stage cannot be used.
    """
    prices = load_price_book(book)
    stage = find_stage(home)
    if stage is not None:
        from ratecard_workbench.cloud.stage_ledger import open_stage_ledger

        yield open_stage_ledger(stage, prices, actor=actor, grace_ms=grace_ms, clock=clock)
        return
    place = Home(home.resolve())
    place.prepare()
    chain = open_invoices(place)
    grants, trail = Grants(Chain(FolderPlaces(place.grants)), clock), open_trail(place)
    invoices, issued = Invoices(chain, clock), IssuedDocuments(chain)
    with contextlib.closing(open_accounts(place)) as accounts:
        sources = Sources(accounts, prices, recovering(partial(count_home, place.lake), trail), issued, grants)
        # The gateway of this machine writes an access line for every answer that left.
        ledger = Ledger(sources, grace_ms=grace_ms, access_log_complete=True)
        yield HomeLedger(
            ledger=ledger,
            issuing=Issuing(ledger, invoices, trail, actor),
            crediting=Crediting(invoices, issued, grants=grants, trail=trail, actor=actor),
            chain=chain,
            grants=grants,
            trail=trail,
            accounts=audited(place, accounts, actor),
            reconciling=Reconciling(ledger, Logs(FolderFiles(place.lake), partial(_count_gateway, place.counters))),
        )


def _count_gateway(counters: Path, first_day: str, last_day: str) -> GatewayCounts:
    """Read what this machine's gateway has counted itself."""
    named = {
        (key_id, date.fromordinal(day).isoformat()): count for (key_id, day), count in load_counts(counters).items()
    }
    return {place: count for place, count in named.items() if first_day <= place[1] <= last_day}


def count_home(lake: Path, scope: Scope) -> Counted:
    """Count a lake on this machine, by the engine that its size asks for."""
    weight = sum(path.stat().st_size for stream in (USAGE, ACCESS) for path in files_of(lake, stream, scope))
    if weight <= PYTHON_BYTES:
        return FolderLake(lake).count_usage(scope)
    from ratecard.storage.sqllake import SqlLake

    return SqlLake(lake, on_progress=show_counting).count_usage(scope)


def open_invoices(home: Home) -> Chain:
    """Open a home's chain of invoices and credit notes."""
    return Chain(FolderPlaces(home.invoices))


def refresh_home(home: Path, book: Path) -> Refreshed:
    """Bring what customers see, and their prepaid keys, up to date; one at a time in a home."""
    place = Home(home.resolve())
    place.prepare()
    with _alone(place), opened_ledger(home, book, actor=ACTOR) as books:
        shelf = Shelf(LocalObjectStore(place.root))
        return refresh(books.ledger, shelf, books.accounts, books.trail, as_of_ms=now_ms())


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    descriptor = os.open(home.root / "refresh.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
