"""Planning: which deliveries are missing at another system, and what cannot be sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ratecard.billing.exports.account import SentAccount
from ratecard.billing.exports.deliveries import Delivery, Held, Reason
from ratecard.billing.hourly import HOUR_MS, HourlyUsage, Slot
from ratecard.billing.periods import Period
from ratecard.billing.segments import DAY_MS, instant

SETTLING_MS = 900_000
"""How long after its end an hour is still being delivered to the lake (typically 1 to 6 minutes)."""


@dataclass(frozen=True, slots=True)
class Range:
    """What may be sent now.

    Attributes
    ----------
    now_ms : int
        The present.
    periods : mapping of str to Period
        Which hours of which customers are looked at.
    oldest_ms : int
        A slot that begins before is too old for the system; 0 if nothing is.
    """

    now_ms: int
    periods: Mapping[str, Period]
    oldest_ms: int = 0

    def is_closed(self, slot: Slot) -> bool:
        """Tell whether an hour is over and its lines have had time to arrive."""
        return slot.to_ms + SETTLING_MS <= self.now_ms

    def holds(self, slot: Slot) -> bool:
        """Tell whether a slot is among those looked at."""
        return slot.customer in self.periods and self.periods[slot.customer].holds(slot.from_ms)


@dataclass(frozen=True, slots=True)
class Plan:
    """Deliveries to send, sorted, and what is not sent."""

    deliveries: tuple[Delivery, ...]
    held: tuple[Held, ...]


def plan_sums(hourly: Iterable[HourlyUsage], account: SentAccount, span: Range) -> Plan:
    """Plan for a system that adds up events: what an hour has more than was sent is its next revision.

    Parameters
    ----------
    hourly : iterable of HourlyUsage
        All of the span.
    account : SentAccount
        What was sent; pending deliveries have been settled before.
    span : Range
        What may be sent now.
    """
    counted = {each.slot: each.units for each in hourly}
    sent = (slot for slot in account.slots if span.holds(slot))
    deliveries: list[Delivery] = []
    held: list[Held] = []
    waiting = {pending.delivery.slot for pending in account.pending}
    for slot in sorted({*counted, *sent} - waiting):
        missing = counted.get(slot, 0) - account.units_of(slot)
        reason = _reason_to_hold(slot, missing, span)
        if reason is not None:
            held.append(Held(reason.value, slot, abs(missing)))
        elif missing:
            deliveries.append(Delivery(slot, account.next_revision(slot), missing))
    return Plan(tuple(deliveries), tuple(held))


def plan_hours(hourly: Iterable[HourlyUsage], account: SentAccount, span: Range) -> Plan:
    """Plan for a system that takes one record for each hour and never another.

    What came late to a reported hour is reported with the newest hour that still can be, so that the sums agree.
    """
    counted = {each.slot: each.units for each in hourly}
    by_product: dict[Slot, dict[int, int]] = defaultdict(dict)
    for slot in {*counted, *(slot for slot in account.slots if span.holds(slot))}:
        by_product[replace(slot, from_ms=0)][slot.from_ms] = counted.get(slot, 0)
    deliveries: list[Delivery] = []
    held: list[Held] = []
    waiting = {pending.delivery.slot for pending in account.pending}
    for product, hours in sorted(by_product.items()):
        if not any(replace(slot, from_ms=0) == product for slot in waiting):
            _plan_product(product, hours, (account, span), (deliveries, held))
    return Plan(tuple(deliveries), tuple(sorted(held)))


def marketplace_oldest_ms(now_ms: int) -> int:
    """Return what AWS Marketplace still takes: 24 hours back, not into last month after 06:00 UTC on the first.

    Notes
    -----
    Source: BatchMeterUsage, botocore's service model of 2026-08; a record exactly 24 hours old is refused.
    """
    now = instant(now_ms)
    month_ms = int(now.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1000
    floor = month_ms if now_ms >= month_ms + 6 * HOUR_MS else 0
    return max(now_ms - DAY_MS + 1, floor)


def _reason_to_hold(slot: Slot, missing: int, span: Range) -> Reason | None:
    if missing < 0:
        return Reason.SHRUNK
    if missing and not span.is_closed(slot):
        return Reason.OPEN
    if missing and slot.from_ms < span.oldest_ms:
        return Reason.TOO_OLD
    return None


def _plan_product(
    product: Slot, hours: dict[int, int], known: tuple[SentAccount, Range], found: tuple[list[Delivery], list[Held]]
) -> None:
    account, span = known
    deliveries, held = found
    late, amounts = 0, dict[int, int]()
    for begins_ms, units in sorted(hours.items()):
        slot = replace(product, from_ms=begins_ms)
        if account.next_revision(slot):
            late += units - account.units_of(slot)
        elif (reason := _reason_to_hold(slot, units, span)) is not None:
            held.append(Held(reason.value, slot, units))
        elif units:
            amounts[begins_ms] = units
    if late > 0:
        newest = _newest_free_hour(product, hours, known)
        if newest is None:
            held.append(Held(Reason.LATE.value, product, late))
        else:
            amounts[newest] = amounts.get(newest, 0) + late
    elif late < 0:
        held.append(Held(Reason.SHRUNK.value, product, -late))
    deliveries.extend(Delivery(replace(product, from_ms=begins), 0, units) for begins, units in sorted(amounts.items()))


def _newest_free_hour(product: Slot, hours: dict[int, int], known: tuple[SentAccount, Range]) -> int | None:
    """Return the newest hour of the period that is over, not too old, and not reported yet."""
    account, span = known
    period = span.periods[product.customer]
    begins_ms = min(span.now_ms - SETTLING_MS, period.to_ms) // HOUR_MS * HOUR_MS - HOUR_MS
    while begins_ms >= max(span.oldest_ms, period.from_ms):
        slot = replace(product, from_ms=begins_ms)
        if not account.next_revision(slot):
            return begins_ms
        begins_ms -= HOUR_MS
    return None
