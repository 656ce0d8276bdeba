"""Charged calls of a lake's folder, for exports by hour and charts by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ratecard.billing.hourly import ChargedCall, find_charged
from ratecard.billing.periods import Period
from ratecard.billing.plans import PriceBook
from ratecard.billing.retries import WINDOW_MS
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import Assignment
from ratecard.storage.counting import files_of
from ratecard.storage.lake import ACCESS, USAGE, read_file


def load_charged(root: Path, scope: Scope) -> tuple[ChargedCall, ...]:
    """Read the calls of a scope that are charged, sorted by customer and time.

    Parameters
    ----------
    root : Path
        The lake's folder. Its lines of the scope's periods are held in memory, about 2 KB a call.
    scope : Scope
        Whose, which periods, at which prices.

    Raises
    ------
    DamagedFileError
        If a file cannot be read to its end.
    """
    return find_charged(_events(root, USAGE, scope), _events(root, ACCESS, scope), scope=scope)


def scope_of(
    assignments: Iterable[Assignment], book: PriceBook, periods: Mapping[str, Period], *, as_of_ms: int
) -> Scope:
    """Return a scope for a lake of one machine, believing in the past as far as the periods reach."""
    reach_ms = as_of_ms - min((period.from_ms for period in periods.values()), default=as_of_ms) + 2 * WINDOW_MS
    past_ms = max(Guards(as_of_ms).past_ms, reach_ms)
    return Scope(assignments, book, periods, Guards(as_of_ms, past_ms=past_ms, access_log_complete=True))


def _events(root: Path, stream: str, scope: Scope) -> Iterator[dict[str, object] | None]:
    for path in files_of(root, stream, scope):
        for line in read_file(path):
            yield line.event
