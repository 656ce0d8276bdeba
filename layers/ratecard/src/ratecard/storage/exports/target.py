"""What every sender does, whatever system it speaks to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ratecard.billing.exports.deliveries import Delivery, Receipt


class Sent:
    """Receipts of one sending, and what ended it early.

    Attributes
    ----------
    receipts : list of Receipt
        What is known; a delivery without one may have arrived or not.
    failure : Exception or None
        Why there are not more.
    """

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.failure: Exception | None = None


class Target(Protocol):
    """Another billing system.

    Attributes
    ----------
    together : int
        How many deliveries are written down and sent at once.
    resend_ms : int or None
        How long after it was first sent a delivery may be sent again and still be counted once; None is always.
    """

    together: int
    resend_ms: int | None

    def lacks(self, delivery: Delivery) -> str:
        """Return what has no name at that system, ``customer`` or ``product``; "" if nothing."""
        ...

    def send(self, deliveries: Sequence[Delivery]) -> Sent:
        """Send deliveries, each at most as often as it takes to get an answer."""
        ...

    def find_counted(self, delivery: Delivery, before: int) -> bool | None:
        """Ask whether a delivery was counted, given what was counted in its slot before; None if it cannot be told."""
        ...
