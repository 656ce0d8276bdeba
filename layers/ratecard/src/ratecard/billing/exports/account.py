"""What another system has been sent so far: the sum of a journal's entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ratecard.billing.exports.deliveries import Delivery, Outcome
from ratecard.billing.hourly import Slot


@dataclass(frozen=True, slots=True)
class Pending:
    """A delivery that was going to be sent, and of which nobody knows whether it arrived."""

    delivery: Delivery
    first_sent_ms: int


class SentAccount:
    """Adds up a journal: intents, which are written before anything is sent, and what became of them."""

    def __init__(self) -> None:
        self._sent: dict[Slot, int] = {}
        self._revisions: dict[Slot, int] = {}
        self._pending: dict[str, Pending] = {}

    @property
    def pending(self) -> tuple[Pending, ...]:
        """Deliveries without an outcome, in the order of their slots."""
        return tuple(sorted(self._pending.values(), key=lambda each: each.delivery))

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Slots of which something was counted."""
        return tuple(sorted(self._sent))

    def units_of(self, slot: Slot) -> int:
        """Return how many units of a slot the system has counted, pending ones left out."""
        return self._sent.get(slot, 0)

    def next_revision(self, slot: Slot) -> int:
        """Return the number of the next delivery of a slot."""
        return self._revisions.get(slot, 0)

    def find_pending(self, identifier: str) -> Pending | None:
        """Return a pending delivery by its identifier."""
        return self._pending.get(identifier)

    def intend(self, delivery: Delivery, at_ms: int) -> None:
        """Note that a delivery is going to be sent; again changes nothing."""
        self._pending.setdefault(delivery.identifier, Pending(delivery, at_ms))

    def settle(self, identifier: str, outcome: Outcome) -> None:
        """Note what became of a delivery; again, or of an unknown one, changes nothing.

        A refused one was not counted, so its revision is free for the next try.
        """
        pending = self._pending.pop(identifier, None)
        if pending is None or outcome is Outcome.REFUSED:
            return
        slot = pending.delivery.slot
        self._sent[slot] = self._sent.get(slot, 0) + pending.delivery.units
        self._revisions[slot] = max(self._revisions.get(slot, 0), pending.delivery.revision + 1)


def read_entries(entries: Iterable[Mapping[str, object]]) -> SentAccount:
    """Add up the entries of a journal, oldest first.

    Raises
    ------
    KeyError, TypeError, ValueError
        If an entry is none.
    """
    account = SentAccount()
    for entry in entries:
        if entry["entry"] == "intent":
            account.intend(_parse_delivery(entry), _whole(entry, "at_ms"))
        else:
            account.settle(_text(entry, "identifier"), Outcome(entry["entry"]))
    return account


def intent_entry(delivery: Delivery, at_ms: int) -> dict[str, object]:
    """Return the journal's entry of a delivery that is going to be sent."""
    slot = {name: getattr(delivery.slot, name) for name in Slot.__slots__}
    return {"entry": "intent", **slot, "revision": delivery.revision, "units": delivery.units, "at_ms": at_ms}


def outcome_entry(identifier: str, outcome: Outcome) -> dict[str, object]:
    """Return the journal's entry of what became of a delivery."""
    return {"entry": outcome.value, "identifier": identifier}


def _parse_delivery(entry: Mapping[str, object]) -> Delivery:
    customer, model, operation, level = (_text(entry, name) for name in Slot.__slots__ if name != "from_ms")
    slot = Slot(customer, model, operation, level, _whole(entry, "from_ms"))
    return Delivery(slot, _whole(entry, "revision"), _whole(entry, "units"))


def _text(entry: Mapping[str, object], name: str) -> str:
    value = entry[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text")
    return value


def _whole(entry: Mapping[str, object], name: str) -> int:
    value = entry[name]
    if type(value) is not int:
        raise TypeError(f"{name} must be a whole number")
    return value
