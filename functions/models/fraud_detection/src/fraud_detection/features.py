"""The running features of card transactions: one definition for training and for callers.

A caller keeps one `History`, tells it every transaction and every fraud that is found out, and gets the row that the
model takes. Every window ends at the transaction's own instant t and is open at its beginning:

- a customer's window of w days is (t - w, t], this transaction included;
- a terminal's is (t - 7 - w, t - 7]: outcomes of the last seven days are not known yet, so nobody may use them.

The function that scores does not import this module. `python -m fraud_detection` runs it over a file.
"""

from __future__ import annotations

from bisect import bisect_right
from math import fsum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime  # a function's own modules import nothing that is slow to load

DAY_SECONDS = 86_400
WINDOWS = (1, 7, 30)
"""Lengths of the windows, in days."""

DELAY_DAYS = 7
"""Days until a transaction's outcome counts as known."""

NIGHT_ENDS = 7
"""The hour of the day at which night ends; it begins at midnight."""

FRIDAY = 4

KEPT_DAYS = DELAY_DAYS + max(WINDOWS)
LATENESS_SECONDS = DAY_SECONDS
"""How much older than the latest transaction of its customer or terminal a transaction may be."""

NAMES = (
    "amount",
    "weekend",
    "night",
    *(f"customer_{kind}_{days}d" for kind in ("transactions", "mean_amount") for days in WINDOWS),
    *(f"terminal_{kind}_{days}d" for kind in ("transactions", "fraud_share") for days in WINDOWS),
)
"""The fields of a row, in the order of the model's contract."""


class History:
    """What was seen of customers and terminals; old enough transactions are forgotten.

    A process that restarts tells a new history the last 37 days again: the same transactions give the same rows,
    whatever was told before them.
    """

    def __init__(self) -> None:
        self._customers: dict[object, _Log] = {}
        self._terminals: dict[object, _Log] = {}

    def record(self, customer: object, terminal: object, paid_at: datetime, amount: float) -> dict[str, float | bool]:
        """Add a transaction and return its row, as the model's contract has it.

        Parameters
        ----------
        customer, terminal : hashable
            Any identifiers; they stay here.
        paid_at : datetime
            With its offset from UTC. Its own clock says whether it is a weekend or night; windows are of elapsed time.
        amount : float
            In the unit of the contract's `amount`, finite, not negative.

        Raises
        ------
        ValueError
            If `paid_at` has no offset, the amount is not finite or below zero, or the transaction is more than a day
            older than the latest of its customer or terminal. Nothing was added then.

        Notes
        -----
        Of two transactions in the same second, the one told first is in the window of the second.
        """
        if paid_at.utcoffset() is None:
            raise ValueError("paid_at must have an offset from UTC")
        if not 0 <= amount < float("inf"):
            raise ValueError("an amount must be finite and not negative")
        at = paid_at.timestamp()
        own = self._customers.setdefault(customer, _Log())
        till = self._terminals.setdefault(terminal, _Log())
        if at < max(own.latest, till.latest) - LATENESS_SECONDS:
            raise ValueError(
                "a transaction must not be more than a day older than the latest of its customer or terminal"
            )
        own.add(at, amount)
        till.add(at, 0.0)
        values = (amount, paid_at.weekday() > FRIDAY, paid_at.hour < NIGHT_ENDS, *_spending(own, at), *_risk(till, at))
        return dict(zip(NAMES, values, strict=True))

    def report_fraud(self, terminal: object, paid_at: datetime) -> bool:
        """Note that the transaction paid at a terminal at an instant was fraudulent.

        It counts as soon as it is known and seven days old: reported later, it is in the windows of transactions after.

        Returns
        -------
        bool
            False if no such transaction waits for its outcome: it was never told, all of that instant were reported
            already, or it is so old that it counts no more.

        Raises
        ------
        ValueError
            If `paid_at` has no offset.
        """
        if paid_at.utcoffset() is None:
            raise ValueError("paid_at must have an offset from UTC")
        log = self._terminals.get(terminal)
        return log is not None and log.mark(paid_at.timestamp())


class _Log:
    """The transactions of one customer or terminal, by time."""

    __slots__ = ("amounts", "frauds", "times")

    def __init__(self) -> None:
        self.times: list[float] = []
        self.amounts: list[float] = []
        self.frauds: list[float] = []

    @property
    def latest(self) -> float:
        return self.times[-1] if self.times else float("-inf")

    def add(self, at: float, amount: float) -> None:
        place = bisect_right(self.times, at)
        self.times.insert(place, at)
        self.amounts.insert(place, amount)
        # A day more than any window reaches, for those that come late. Rarely: moving a list costs its length.
        if self.times[0] < at - (2 * KEPT_DAYS) * DAY_SECONDS:
            self._forget(at - KEPT_DAYS * DAY_SECONDS - LATENESS_SECONDS)

    def mark(self, at: float) -> bool:
        known = _count(self.times, at) - _count(self.frauds, at)
        if known > 0:
            self.frauds.insert(bisect_right(self.frauds, at), at)
        return known > 0

    def _forget(self, before: float) -> None:
        place = bisect_right(self.times, before)
        del self.times[:place]
        del self.amounts[:place]
        del self.frauds[: bisect_right(self.frauds, before)]


def _count(times: list[float], at: float) -> int:
    end = bisect_right(times, at)
    start = end
    while start and times[start - 1] == at:
        start -= 1
    return end - start


def _spending(log: _Log, at: float) -> list[float]:
    """Return a customer's counts, then mean amounts; each window holds at least this transaction."""
    end = bisect_right(log.times, at)
    starts = [bisect_right(log.times, at - days * DAY_SECONDS) for days in WINDOWS]
    # A sum of the window alone, rounded once, depends on nothing that came before it.
    means = [fsum(log.amounts[start:end]) / (end - start) for start in starts]
    return [*(end - start for start in starts), *means]


def _risk(log: _Log, at: float) -> list[float]:
    """Return a terminal's counts, then the shares of frauds among them; nothing known is a share of zero."""
    known_at = at - DELAY_DAYS * DAY_SECONDS
    begins = [known_at - days * DAY_SECONDS for days in WINDOWS]
    counts = [bisect_right(log.times, known_at) - bisect_right(log.times, begin) for begin in begins]
    frauds = [bisect_right(log.frauds, known_at) - bisect_right(log.frauds, begin) for begin in begins]
    return [*counts, *(bad / many if many else 0.0 for bad, many in zip(frauds, counts, strict=True))]
