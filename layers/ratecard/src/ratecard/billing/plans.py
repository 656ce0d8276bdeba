"""Plans and prices as values, each version in force from a day on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Protocol, TypeVar

from ratecard.billing.tiers import ZERO, Tariff
from ratecard.kernel.errors import ErrorKind, RatecardError

STANDARD_LEVEL = "standard"
"""Service level of a call that names none."""
DEFAULT_TOLERANCE = Decimal("0.005")
"""Largest part of a customer's calls of which one line may be missing; source: AWS says of no log that it is complete,
and gives no figure, so this is a policy, not a measurement."""


class UnknownPlanError(RatecardError):
    """No plan has this name."""

    code = "unknown_plan"
    kind = ErrorKind.NOT_FOUND


class UnknownPriceError(RatecardError):
    """Nothing was on sale under this name at that time."""

    code = "unknown_price"
    kind = ErrorKind.NOT_FOUND


class Period(Enum):
    """Calendar period of a quota, in UTC; a week begins on Monday."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class Operation(Enum):
    """What is sold."""

    PREDICT = "predict"
    EXPLAIN = "explain"
    BATCH = "batch"
    BATCH_EXPLAIN = "batch_explain"


@dataclass(frozen=True, slots=True)
class Quota:
    """How many requests a key may make in a period."""

    limit: int
    period: Period


@dataclass(frozen=True, slots=True)
class Plan:
    """A tier of service.

    Attributes
    ----------
    slug, title, about : str
        Name for programs, name for people, one sentence.
    effective_on : date
        First day, UTC, on which this version of the plan is in force.
    rate_per_second : float
        Tokens a second that a key's bucket gains, above 0.
    burst : int
        Size of the bucket, at least 1.
    quota : Quota or None
        None is no quota.
    minimum_fee : Decimal
        What a period with this plan costs at least, in the book's currency; a plan held for a part of a period owes
        that part of it.
    prepaid : bool
        Whether keys in it work only as long as their customer has prepaid money left.
    """

    slug: str
    title: str
    about: str
    effective_on: date
    rate_per_second: float
    burst: int
    quota: Quota | None
    minimum_fee: Decimal = ZERO
    prepaid: bool = False

    @property
    def version(self) -> str:
        """Name of this version, for example ``standard@2026-11-01``."""
        return f"{self.slug}@{self.effective_on.isoformat()}"


@dataclass(frozen=True, slots=True)
class Price:
    """What units (rows) of an operation cost from a day on.

    Attributes
    ----------
    model : str
        Slug of the model.
    operation : Operation
        What is sold.
    effective_on : date
        First day, UTC, of this price.
    tariff : Tariff
        Flat, graduated or volume, in the book's currency.
    level : str
        Service level.
    plan : str or None
        Plan that has this price for itself; None is every plan without one.
    """

    model: str
    operation: Operation
    effective_on: date
    tariff: Tariff
    level: str = STANDARD_LEVEL
    plan: str | None = None

    @property
    def unit_price(self) -> Decimal:
        """The dearest tier's price of a unit; of a flat price, its only one."""
        return max(tier.unit_price for tier in self.tariff.tiers)

    @property
    def version(self) -> str:
        """Name of this version, for example ``credit-rating/predict@2026-11-01``."""
        level = "" if self.level == STANDARD_LEVEL else f";level={self.level}"
        plan = "" if self.plan is None else f";plan={self.plan}"
        return f"{self.model}/{self.operation.value}{level}{plan}@{self.effective_on.isoformat()}"


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All plans and prices, in every version.

    Attributes
    ----------
    currency : str
        ISO 4217.
    plans, prices : tuple of Plan, tuple of Price
        Every version.
    tolerance : Decimal
        Largest part of a customer's calls, a fraction, of which one line may be missing when an invoice is issued.
    """

    currency: str
    plans: tuple[Plan, ...]
    prices: tuple[Price, ...]
    tolerance: Decimal = DEFAULT_TOLERANCE

    def plans_at(self, at: datetime) -> dict[str, Plan]:
        """Return the version of each plan that is in force at an instant (aware), by slug."""
        return {plan.slug: plan for plan in _in_force(self.plans, at)}

    def get_plan(self, slug: str, at: datetime) -> Plan:
        """Return a plan's version in force at an instant (aware).

        Raises
        ------
        UnknownPlanError
            If there is none.
        """
        plan = self.plans_at(at).get(slug)
        if plan is None:
            known = ", ".join(sorted({plan.slug for plan in self.plans}))
            raise UnknownPlanError(f"there is no plan {slug}; the plans are: {known}")
        return plan

    def find_plan(self, slug: str, at: datetime) -> Plan | None:
        """Return a plan's version in force at an instant (aware), if there is one."""
        return self.plans_at(at).get(slug)

    def get_price(
        self, model: str, operation: Operation, at: datetime, *, level: str = STANDARD_LEVEL, plan: str | None = None
    ) -> Price:
        """Return the price of an operation at an instant (aware).

        Raises
        ------
        UnknownPriceError
            If it was not on sale then.
        """
        found = self.find_price(model, operation, at, level=level, plan=plan)
        if found is None:
            raise UnknownPriceError(f"{operation.value} of {model} has no price at that time")
        return found

    def find_price(
        self, model: str, operation: Operation, at: datetime, *, level: str = STANDARD_LEVEL, plan: str | None = None
    ) -> Price | None:
        """Return the price in force at an instant (aware): the plan's own before that of every plan."""
        product = (model, operation, level)
        found = [price for price in self.prices if (price.model, price.operation, price.level) == product]
        own = [price for price in found if price.plan is not None and price.plan == plan]
        current = _in_force(own, at) or _in_force([price for price in found if price.plan is None], at)
        return current[-1] if current else None


class _Dated(Protocol):
    @property
    def effective_on(self) -> date: ...


_Entry = TypeVar("_Entry", bound=_Dated)


def _in_force(entries: Iterable[_Entry], at: datetime) -> list[_Entry]:
    """Return the entries in force at an instant, later versions last."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    day = at.astimezone(UTC).date()
    return sorted((entry for entry in entries if entry.effective_on <= day), key=lambda entry: entry.effective_on)
