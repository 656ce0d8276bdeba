"""Lines of an invoice: counts with a price, rounded once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from ratecard.billing.tiers import TierShare, sum_exactly
from ratecard.kernel.money import EXACT


class LineKind(Enum):
    """What a line is about."""

    USAGE = "usage"
    FREE = "free"
    """Shown at price zero, with its reason: retries, refused calls, answers that did not arrive."""
    MINIMUM = "minimum"
    """What is missing to a plan's minimum fee."""


class Correction(Enum):
    """Whether a line takes back or replaces a line of an earlier invoice."""

    NONE = "none"
    REVERSAL = "reversal"
    REPLACEMENT = "replacement"


@dataclass(frozen=True, slots=True, order=True)
class LineKey:
    """What is merged into one line.

    Attributes
    ----------
    period : str
        Name of the period in which the calls were made.
    kind : str
        Value of a `LineKind`.
    plan_version, price_version : str
        Versions in force at the calls' time; "" where none applies.
    model, operation, level : str
        What was called; "" where it is not known, as in refused calls.
    reason : str
        Why it is free; "" if it is not.
    """

    period: str
    kind: str
    plan_version: str
    price_version: str
    model: str
    operation: str
    level: str
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes
    ----------
    key : LineKey
        What it is about.
    correction : Correction
        Reversals have negative counts and amounts.
    calls, units : int
        What was counted.
    shares : tuple of TierShare
        The tiers' parts of the unrounded amount; empty unless it is usage.
    unrounded, amount : Decimal
        Exact, and rounded half up to the currency's minor unit.
    """

    key: LineKey
    correction: Correction
    calls: int
    units: int
    shares: tuple[TierShare, ...]
    unrounded: Decimal
    amount: Decimal


def total_of(lines: Iterable[Line]) -> Decimal:
    """Return the sum of the rounded amounts, which is the total."""
    return sum_exactly(line.amount for line in lines)


def reverse(line: Line) -> Line:
    """Return the line that takes a line back, digit by digit."""
    shares = tuple(
        replace(share, units=-share.units, flat_fee=_negative(share.flat_fee), amount=_negative(share.amount))
        for share in line.shares
    )
    return Line(
        key=line.key,
        correction=Correction.REVERSAL,
        calls=-line.calls,
        units=-line.units,
        shares=shares,
        unrounded=_negative(line.unrounded),
        amount=_negative(line.amount),
    )


def _negative(amount: Decimal) -> Decimal:
    # Unlike the minus sign: never -0, and never rounded to the default context.
    return EXACT.subtract(Decimal(0), amount)
