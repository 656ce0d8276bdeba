"""How many calls each stream of lines has of a customer, hour by hour: what is put beside each other to reconcile."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ratecard.billing.disposition import Action, classify, is_file
from ratecard.billing.scope import Scope
from ratecard.billing.verdicts import Call

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, order=True)
class HourCount:
    """Calls of a customer in an hour; each id once.

    Attributes
    ----------
    customer : str
        Whose.
    hour_ms : int
        Beginning of the hour, milliseconds since the epoch.
    ledger : int
        With a usage line, files aside: the gateway sees none of them.
    access_log : int
        With an access line that goes with a usage line, or should.
    files : int
        Parts of files.
    others : int
        With an access line that no usage line belongs to: what was refused, failed, or only read.
    """

    customer: str
    hour_ms: int
    ledger: int
    access_log: int
    files: int
    others: int

    @property
    def difference(self) -> int:
        """Calls that only the ledger has, less those that only the access log has."""
        return self.ledger - self.access_log


class HourSums:
    """Adds up calls by customer and hour.

    Parameters
    ----------
    scope : Scope
        Whose, and which periods.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sums: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def add(self, call: Call, calls: int = 1) -> None:
        """Add calls of one hour that are alike; of nobody's, none."""
        customer = self._scope.find_customer(call.subject, call.at_ms)
        if not customer or not self._scope.counts_for(customer, call.at_ms):
            return
        sums = self._sums[customer, call.at_ms // HOUR_MS * HOUR_MS]
        for column in _columns(call):
            sums[column] += calls

    def finish(self) -> tuple[HourCount, ...]:
        """Return the hours in which there was anything, sorted."""
        return tuple(HourCount(*key, *sums) for key, sums in sorted(self._sums.items()))


def _columns(call: Call) -> tuple[int, ...]:
    """Return which of ledger (0), access log (1), files (2) and others (3) a call is added to."""
    if call.usage is None:
        return (1,) if classify(None, call.access).action is Action.UNBILLED else (3,)
    if is_file(call.usage):
        return (2,)
    return (0,) if call.access is None else (0, 1)
