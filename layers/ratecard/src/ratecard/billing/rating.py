"""Rating: counts become lines. Amounts are exact until each line is rounded once, half up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from ratecard.billing.lines import Correction, Line, LineKey, LineKind, total_of
from ratecard.billing.periods import Period
from ratecard.billing.plans import Plan, Price, PriceBook, UnknownPlanError, UnknownPriceError
from ratecard.billing.segments import END_OF_TIME_MS, Assignment, Segment, day_ms
from ratecard.billing.tiers import ZERO, compute_charge, sum_exactly
from ratecard.kernel.money import EXACT, Money

_TWELVE_DECIMALS = Decimal("0.000000000001")
_PRORATING = Context(prec=60, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """Calls and units of one customer that have all else in common.

    Attributes
    ----------
    customer, period : str
        Whose, and when.
    plan_version, price_version, model, operation, level : str
        As in `LineKey`.
    reason : str
        Why they are free; "" if they are charged.
    calls, units : int
        How many, not negative.
    """

    customer: str
    period: str
    plan_version: str
    price_version: str
    model: str
    operation: str
    level: str
    reason: str
    calls: int
    units: int

    @property
    def names(self) -> tuple[str, ...]:
        """What its calls have in common, without the customer."""
        product = self.model, self.operation, self.level
        return self.period, self.plan_version, self.price_version, *product, self.reason


@dataclass(frozen=True, slots=True)
class Holding:
    """For how long a customer had a version of a plan, in milliseconds of the period."""

    plan_version: str
    held_ms: int


def count_of(segment: Segment, *, calls: int, units: int, reason: str = "") -> Count:
    """Return a count of a segment's calls."""
    return Count(
        customer=segment.customer,
        period=segment.period,
        plan_version=segment.plan_version,
        price_version=segment.price_version,
        model=segment.model,
        operation=segment.operation,
        level=segment.level,
        reason=reason,
        calls=calls,
        units=units,
    )


def zero_counts(segments: Iterable[Segment], customer: str) -> set[Count]:
    """Return a count of no calls for all that a customer could have used: prices with a fee at zero ask for it."""
    return {count_of(segment, calls=0, units=0) for segment in segments if segment.customer == customer}


def rate_period(
    counts: Iterable[Count], book: PriceBook, *, period: Period, holdings: Iterable[Holding] = (), final: bool = True
) -> tuple[Line, ...]:
    """Rate everything of one customer and period, as if it had all been known from the start.

    Parameters
    ----------
    counts : iterable of Count
        Of one customer and period, in any order and partition. Counts of zero calls matter only for prices with a fee
        at zero.
    book : PriceBook
        With every version that the counts name.
    period : Period
        The counts' period.
    holdings : iterable of Holding
        See `compute_holdings`; used for minimum fees.
    final : bool
        Whether the period is over; only then is a minimum fee made up for.

    Returns
    -------
    tuple of Line
        Sorted; their amounts add up to the total.

    Raises
    ------
    UnknownPriceError, UnknownPlanError
        If a version is not in the book.
    ValueError
        If counts are of several customers or periods.
    """
    merged = _merge(counts, period)
    prices = {price.version: price for price in book.prices}
    lines = [_rate(key, calls, units, (prices, book.currency)) for key, (calls, units) in merged.items()]
    lines = [line for line in lines if line.calls or line.amount]
    if final:
        lines += _minimum_lines(lines, book, period, tuple(holdings))
    return tuple(sorted(lines, key=lambda line: line.key))


def compute_holdings(
    assignments: Iterable[Assignment], book: PriceBook, *, customer: str, period: Period
) -> tuple[Holding, ...]:
    """Compute how long a customer had each version of each plan in a period, however many keys had it."""
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for each in assignments:
        begin, end = max(each.from_ms, period.from_ms), min(each.end_ms, period.to_ms)
        if each.customer == customer and begin < end:
            spans[each.plan].append((begin, end))
    held: list[Holding] = []
    for slug in sorted(spans):
        versions = sorted((plan for plan in book.plans if plan.slug == slug), key=lambda plan: plan.effective_on)
        begins = [day_ms(plan.effective_on) for plan in versions]
        for plan, begin, end in zip(versions, begins, [*begins[1:], END_OF_TIME_MS], strict=True):
            held_ms = _covered(spans[slug], begin, end)
            if held_ms:
                held.append(Holding(plan.version, held_ms))
    return tuple(held)


def _merge(counts: Iterable[Count], period: Period) -> dict[LineKey, tuple[int, int]]:
    merged: dict[LineKey, tuple[int, int]] = {}
    customers: set[str] = set()
    for count in counts:
        customers.add(count.customer)
        if count.period != period.name or len(customers) > 1:
            raise ValueError("the counts are of more than one customer or period")
        if count.calls < 0 or count.units < 0:
            raise ValueError("counts cannot be negative")
        kind = LineKind.FREE if count.reason else LineKind.USAGE
        key = LineKey(count.period, kind.value, *count.names[1:])
        calls, units = merged.get(key, (0, 0))
        merged[key] = calls + count.calls, units + count.units
    return merged


def _rate(key: LineKey, calls: int, units: int, rates: tuple[dict[str, Price], str]) -> Line:
    prices, currency = rates
    if key.kind == LineKind.FREE.value:
        return _line(key, Money(ZERO, currency), calls=calls, units=units)
    if key.price_version not in prices:
        raise UnknownPriceError(f"the price book has no {key.price_version}")
    charge = compute_charge(prices[key.price_version].tariff, units)
    line = _line(key, Money(charge.amount, currency), calls=calls, units=units)
    return Line(key, line.correction, calls, units, shares=charge.shares, unrounded=line.unrounded, amount=line.amount)


def _line(key: LineKey, money: Money, *, calls: int = 0, units: int = 0) -> Line:
    return Line(key, Correction.NONE, calls, units, shares=(), unrounded=money.amount, amount=money.rounded().amount)


def _minimum_lines(lines: list[Line], book: PriceBook, period: Period, holdings: tuple[Holding, ...]) -> list[Line]:
    """Return for each plan what is missing to its minimum fee, each version's fee by the time it was held."""
    plans = {plan.version: plan for plan in book.plans}
    held: dict[str, list[Holding]] = defaultdict(list)
    for holding in holdings:
        if holding.plan_version not in plans:
            raise UnknownPlanError(f"the price book has no {holding.plan_version}")
        held[plans[holding.plan_version].slug].append(holding)
    found = []
    for slug, parts in sorted(held.items()):
        due = sum_exactly(_prorated(plans[part.plan_version], part, period) for part in parts)
        charged = total_of(line for line in lines if line.key.plan_version.partition("@")[0] == slug)
        missing = Money(EXACT.subtract(due, charged), book.currency)
        if missing.rounded().amount > 0:
            latest = max(parts, key=lambda part: plans[part.plan_version].effective_on).plan_version
            found.append(_line(LineKey(period.name, LineKind.MINIMUM.value, latest, "", "", "", "", ""), missing))
    return found


def _prorated(plan: Plan, holding: Holding, period: Period) -> Decimal:
    """Return a part of a minimum fee, to twelve decimals half up: a third of a fee has no exact decimal."""
    product = EXACT.multiply(plan.minimum_fee, Decimal(holding.held_ms))
    part = _PRORATING.divide(product, Decimal(period.to_ms - period.from_ms))
    return part.quantize(_TWELVE_DECIMALS, context=_PRORATING)


def _covered(spans: list[tuple[int, int]], begin: int, end: int) -> int:
    """Return how many milliseconds of [begin, end) lie in at least one span."""
    covered = 0
    for first, last in sorted(spans):
        first, last = max(first, begin), min(last, end)
        if first < last:
            covered += last - first
            begin = last
    return covered
