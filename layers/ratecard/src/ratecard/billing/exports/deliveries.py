"""Deliveries: how an hour's units reach another system once, though hours change and processes die.

What a system has taken cannot be edited. Each delivery is an amount to add, under an identifier that is the same
whenever it is sent again; when late lines change an hour, the difference is the next revision.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ratecard.billing.hourly import Slot
from ratecard.kernel.digest import sha256_hex


@dataclass(frozen=True, slots=True, order=True)
class Delivery:
    """Units to add to a slot at another system.

    Attributes
    ----------
    slot : Slot
        Whose, what, when.
    revision : int
        From 0 in each slot.
    units : int
        Above zero.
    """

    slot: Slot
    revision: int
    units: int

    @property
    def identifier(self) -> str:
        """64 hexadecimal digits; source: reference 4.6, sha256(customer|meter|hour|revision)."""
        text = f"{self.slot.customer}|{self.slot.product}|{self.slot.from_ms}|{self.revision}"
        return sha256_hex(text.encode())


class Outcome(Enum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """The system had it already: counted once, as it should be."""
    REFUSED = "refused"
    """Not counted, and it will not be as it is."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a system said to a delivery; `code` is its word for a refusal."""

    delivery: Delivery
    outcome: Outcome
    code: str = ""


class Reason(Enum):
    """Why units are not sent."""

    OPEN = "open"
    """The hour is not over, or so short ago that lines may still be on their way: a later run sends it."""
    TOO_OLD = "too_old"
    """The system takes nothing that old."""
    SHRUNK = "shrunk"
    """More was sent than is counted now; nothing can be taken back by an export."""
    LATE = "late"
    """Came after the system closed the hour, and there is no later hour yet to report it with."""
    UNMAPPED = "unmapped"
    """Nobody has said who the customer, or what the product, is at that system."""
    REFUSED = "refused"
    """The system did not take it."""
    UNRESOLVED = "unresolved"
    """Sent once without an answer, and too long ago to be sent again or to be found: a person must look."""


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """Units that are not sent.

    Attributes
    ----------
    reason : str
        Value of a `Reason`.
    slot : Slot
        Whose, what, when.
    units : int
        How many; of SHRUNK, how many too many were sent.
    detail : str
        The other system's word, or the identifier; may be empty.
    """

    reason: str
    slot: Slot
    units: int
    detail: str = ""
