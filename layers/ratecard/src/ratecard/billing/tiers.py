"""What a number of units costs: flat, graduated or volume prices in tiers, exactly and with the breakdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from ratecard.kernel.money import EXACT

ZERO = Decimal(0)


class Mode(Enum):
    """How tiers apply.

    Graduated: the units of each tier at that tier's price. Volume: all units at the price of the tier that the total
    falls into, so that buying more can cost less. Flat: one price.
    """

    FLAT = "flat"
    GRADUATED = "graduated"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class Tier:
    """A range of units and its price; it begins after the tier before it.

    Attributes
    ----------
    up_to : int or None
        Last unit of the tier (inclusive, as in Stripe, OpenMeter and Lago); None on the last tier: no bound.
    unit_price : Decimal
        Not negative, at most twelve decimals. An included quota is a first tier at price 0.
    flat_fee : Decimal
        Charged once if a unit falls into the tier, not negative.
    """

    up_to: int | None
    unit_price: Decimal
    flat_fee: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Tariff:
    """Tiers in rising order without gap or overlap, the last one without bound.

    Attributes
    ----------
    mode : Mode
        How the tiers apply.
    tiers : tuple of Tier
        At least one; exactly one if flat.
    fee_at_zero : bool
        Whether the first tier's flat fee is charged in a period without any use.
    """

    mode: Mode
    tiers: tuple[Tier, ...]
    fee_at_zero: bool = False

    def __post_init__(self) -> None:
        bounds = [tier.up_to for tier in self.tiers]
        if not bounds or bounds[-1] is not None:
            raise ValueError("the last tier must have no up_to, or units above it would have no price")
        previous = 0
        for bound in bounds[:-1]:
            if bound is None:
                raise ValueError("only the last tier may have no up_to, or tiers would overlap")
            if bound <= previous:
                raise ValueError("up_to must rise from tier to tier and begin above 0, or tiers would overlap")
            previous = bound
        if self.mode is Mode.FLAT and len(bounds) != 1:
            raise ValueError("a flat price has one tier")


@dataclass(frozen=True, slots=True)
class TierShare:
    """What one tier adds to a charge.

    Attributes
    ----------
    up_to : int or None
        The tier's last unit; None is no bound.
    units : int
        Units charged at this tier.
    unit_price, flat_fee, amount : Decimal
        `amount` is units times price plus fee, not rounded.
    """

    up_to: int | None
    units: int
    unit_price: Decimal
    flat_fee: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """What some units cost, not rounded, with the shares of the tiers, which add up to it."""

    units: int
    amount: Decimal
    shares: tuple[TierShare, ...]


def flat(unit_price: Decimal) -> Tariff:
    """Return the tariff of one price for every unit."""
    return Tariff(Mode.FLAT, (Tier(None, unit_price),))


def compute_charge(tariff: Tariff, units: int) -> Charge:
    """Compute what units cost, without rounding.

    Parameters
    ----------
    tariff : Tariff
        The price.
    units : int
        Not negative.

    Raises
    ------
    ValueError
        If units are negative.
    """
    if units < 0:
        raise ValueError("units cannot be negative")
    if units == 0:
        fee = tariff.tiers[0].flat_fee if tariff.fee_at_zero else ZERO
        shares: tuple[TierShare, ...] = (_share(tariff.tiers[0], 0),) if fee else ()
    elif tariff.mode is Mode.VOLUME:
        shares = (_share(tier_of(tariff, units), units),)
    else:
        shares = tuple(_graduated(tariff, units))
    return Charge(units, sum_exactly(share.amount for share in shares), shares)


def tier_of(tariff: Tariff, unit: int) -> Tier:
    """Return the tier that the nth unit falls into; bounds are inclusive."""
    return next(tier for tier in tariff.tiers if tier.up_to is None or unit <= tier.up_to)


def sum_exactly(amounts: Iterable[Decimal]) -> Decimal:
    """Add amounts without losing a digit."""
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _graduated(tariff: Tariff, units: int) -> Iterable[TierShare]:
    before = 0
    for tier in tariff.tiers:
        last = units if tier.up_to is None else min(units, tier.up_to)
        yield _share(tier, last - before)
        before = last
        if before == units:
            return


def _share(tier: Tier, units: int) -> TierShare:
    amount = EXACT.add(EXACT.multiply(tier.unit_price, Decimal(units)), tier.flat_fee)
    return TierShare(tier.up_to, units, tier.unit_price, tier.flat_fee, amount)
