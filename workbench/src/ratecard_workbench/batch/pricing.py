"""What files will add to a customer's invoice, rated with all that the period has already by the invoice's own code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from ratecard.billing.counting import Counted
from ratecard.billing.plans import STANDARD_LEVEL, UnknownPriceError
from ratecard.billing.rating import Count, count_of
from ratecard.billing.scope import Scope
from ratecard.kernel.money import EXACT
from ratecard.storage.ledger import Ledger
from ratecard_workbench.local.ledgers import opened_ledger


@dataclass(frozen=True, slots=True)
class Purchase:
    """Rows of one file that would be scored.

    Attributes
    ----------
    customer : str
        Who pays.
    model, operation : str
        What is bought.
    at_ms : int
        When.
    rows : int
        How many, if none is rejected.
    """

    customer: str
    model: str
    operation: str
    at_ms: int
    rows: int


@contextmanager
def opened_quoting(home: Path, book: Path) -> Iterator[Quoting]:
    """Open a home's ledger to ask what things would cost."""
    with opened_ledger(home, book) as books:
        yield Quoting(books.ledger)


class Quoting:
    """Says by how much invoices grow.

    Parameters
    ----------
    ledger : Ledger
        Knows what was used.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._count = ledger.sources.count
        self._counted: dict[tuple[object, ...], Counted] = {}

    def quote(self, purchases: Sequence[Purchase], as_of_ms: int) -> list[Decimal]:
        """Rate purchases one after the other.

        Parameters
        ----------
        purchases : sequence of Purchase
            In the order in which they are made.
        as_of_ms : int
            Now.

        Returns
        -------
        list of Decimal
            What each adds to the total of its period's invoice, before credit and minimum fees: rounded as the invoice
            is, so that together they are just what it grows by.

        Raises
        ------
        UnknownPriceError
            If something is not on sale.
        """
        totals = [self._total(one, purchases[:place], as_of_ms) for place, one in enumerate(purchases)]
        after = [self._total(one, purchases[: place + 1], as_of_ms) for place, one in enumerate(purchases)]
        return [EXACT.subtract(end, begin) for begin, end in zip(totals, after, strict=True)]

    def _total(self, purchase: Purchase, made: Sequence[Purchase], as_of_ms: int) -> Decimal:
        def count(scope: Scope) -> Counted:
            counted = self._count_once(scope)
            added = [found for one in made if (found := _count_of(one, scope)) is not None]
            return replace(counted, counts=(*counted.counts, *added))

        ledger = Ledger(
            replace(self._ledger.sources, count=count), access_log_complete=self._ledger.access_log_complete
        )
        period = ledger.get_period(purchase.customer, None, as_of_ms=purchase.at_ms)
        return ledger.assess({purchase.customer: period}, as_of_ms=as_of_ms, adjust=False)[purchase.customer].total

    def _count_once(self, scope: Scope) -> Counted:
        key = tuple(sorted((customer, period.from_ms, period.to_ms) for customer, period in scope.periods.items()))
        if key not in self._counted:
            self._counted[key] = self._count(scope)
        return self._counted[key]


def _count_of(purchase: Purchase, scope: Scope) -> Count | None:
    if not scope.counts_for(purchase.customer, purchase.at_ms):
        return None
    product = (purchase.model, purchase.operation, STANDARD_LEVEL)
    segment = scope.index.find(f"inbox/{purchase.customer}", product, purchase.at_ms)
    if segment is None:
        raise UnknownPriceError(f"{purchase.operation} of {purchase.model} has no price at that time")
    return count_of(segment, calls=1, units=purchase.rows)
