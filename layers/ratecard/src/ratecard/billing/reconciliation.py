"""Reconciliation: three counts of the same calls, hour by hour, and every difference with its class and its id.

The ledger counts what functions say (usage lines), the access log what callers got, and the gateway itself how many
requests each key made. The first two are compared by id; the third has no ids, and is compared by day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from ratecard.billing.byhour import HOUR_MS, HourCount
from ratecard.billing.counting import Counted, Exceptional
from ratecard.billing.plans import DEFAULT_TOLERANCE
from ratecard.billing.verdicts import Oddity


class Difference(Enum):
    """What a difference between two counts is."""

    USAGE_LOST = "usage_lost"
    """The caller got an answer, and the function's line is missing: nothing is charged."""
    ACCESS_LOST = "access_lost"
    """The function's line is there and the gateway's is missing."""
    UNANSWERED = "unanswered"
    """The same where the access log is complete: the answer never left, and nothing is charged."""
    COUNTED_TWICE = "counted_twice"
    """A line came more than once; it counts once."""
    CONTRADICTION = "contradiction"
    """Lines with one id say different things, or name different keys: nothing is charged."""
    SKEW = "skew"
    """The time of a line is not believed: nothing is charged."""
    NOBODYS = "nobodys"
    """No customer or no price is known for it: nothing is charged."""


CLASSES = {
    Oddity.USAGE_MISSING.value: Difference.USAGE_LOST,
    Oddity.ACCESS_MISSING.value: Difference.ACCESS_LOST,
    Oddity.DUPLICATE.value: Difference.COUNTED_TWICE,
    Oddity.CONFLICT.value: Difference.CONTRADICTION,
    Oddity.KEY_MISMATCH.value: Difference.CONTRADICTION,
    Oddity.FUTURE.value: Difference.SKEW,
    Oddity.STALE.value: Difference.SKEW,
    Oddity.UNKNOWN_SUBJECT.value: Difference.NOBODYS,
    Oddity.UNPRICED.value: Difference.NOBODYS,
}
LOSSES = frozenset({Difference.USAGE_LOST, Difference.ACCESS_LOST})
"""What a tolerance is for. The others never lose or add anything, or block by themselves."""


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One difference.

    Attributes
    ----------
    customer : str
        "" if nobody is known.
    hour_ms : int
        Beginning of the hour, milliseconds since the epoch.
    difference : str
        Value of a `Difference`.
    id : str
        The call's.
    """

    customer: str
    hour_ms: int
    difference: str
    id: str


@dataclass(frozen=True, slots=True, order=True)
class GatewayDay:
    """Requests of a key on a day (UTC), as the gateway counted them and as its access log has them.

    Attributes
    ----------
    customer, key_id : str
        Whose.
    day : str
        `YYYY-MM-DD`.
    counted, logged : int
        By the gateway's counter, and lines of its log for requests that the counter counts.
    """

    customer: str
    key_id: str
    day: str
    counted: int
    logged: int

    @property
    def difference(self) -> int:
        """Requests that only the counter saw; negative, that only the log has."""
        return self.counted - self.logged


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The counts beside each other, and everything in which they differ.

    Attributes
    ----------
    calls : mapping of str to int
        Calls that the ledger has counted, by customer.
    found : tuple of Found
        Sorted.
    hours : tuple of HourCount
        Sorted; empty unless the scope counts by hour.
    days : tuple of GatewayDay
        Sorted.
    """

    calls: Mapping[str, int]
    found: tuple[Found, ...]
    hours: tuple[HourCount, ...]
    days: tuple[GatewayDay, ...]

    def lost(self, customer: str) -> int:
        """Return how many of a customer's calls have one line only, nobody's included."""
        kinds = {difference.value for difference in LOSSES}
        return sum(1 for each in self.found if each.difference in kinds and each.customer in (customer, ""))

    def blocks(self, customer: str, tolerance: Decimal = DEFAULT_TOLERANCE) -> bool:
        """Tell whether too many of a customer's lines are missing to issue an invoice.

        Parameters
        ----------
        customer : str
            The customer's id.
        tolerance : Decimal
            Largest part of the calls, a fraction; exactly as much does not block.
        """
        lost = self.lost(customer)
        return lost > tolerance * (self.calls.get(customer, 0) + lost)

    def differences(self) -> dict[tuple[str, int, str], list[str]]:
        """Return the ids by customer, hour and difference."""
        found: dict[tuple[str, int, str], list[str]] = {}
        for each in self.found:
            found.setdefault((each.customer, each.hour_ms, each.difference), []).append(each.id)
        return found


def reconcile(
    counted: Counted, days: Iterable[GatewayDay] = (), *, access_log_complete: bool = False
) -> Reconciliation:
    """Compare the counts.

    Parameters
    ----------
    counted : Counted
        Both streams of lines, joined by id.
    days : iterable of GatewayDay
        The third count, where there is one.
    access_log_complete : bool
        Whether no access line means no answer; see `Guards`.
    """
    calls: Counter[str] = Counter()
    for count in counted.counts:
        calls[count.customer] += count.calls
    found = sorted({_classify(each, access_log_complete) for each in counted.exceptions})
    return Reconciliation(dict(calls), tuple(found), counted.hours, tuple(sorted(days)))


def _classify(each: Exceptional, access_log_complete: bool) -> Found:
    difference = CLASSES[each.oddity]
    if access_log_complete and difference is Difference.ACCESS_LOST:
        difference = Difference.UNANSWERED
    return Found(each.customer, each.at_ms // HOUR_MS * HOUR_MS, difference.value, each.id)
