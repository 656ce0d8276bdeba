"""Prepaid balances: grants that expire, spent earliest expiry first, and the overshoot a plan must state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ratecard.billing.plans import Plan, PriceBook
from ratecard.billing.tiers import ZERO, sum_exactly
from ratecard.kernel.money import EXACT

LAG_SECONDS = 120
"""From a call until its key is disabled because of it: on one machine, where the netting job runs once a minute and is
done within the next. Delivery to a lake in AWS comes on top."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Prepaid money.

    Attributes
    ----------
    id : str
        Unique for the customer.
    amount : Decimal
        Above zero.
    from_ms : int
        When it can be spent, milliseconds since the epoch, included.
    expires_ms : int or None
        When it cannot any more, not included; None is never.
    """

    id: str
    amount: Decimal
    from_ms: int
    expires_ms: int | None = None

    def is_open(self, at_ms: int) -> bool:
        """Tell whether it can be spent at an instant."""
        return self.from_ms <= at_ms and (self.expires_ms is None or at_ms < self.expires_ms)


@dataclass(frozen=True, slots=True)
class Draw:
    """What an invoice takes from a grant, above zero."""

    grant: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class GrantState:
    """What became of a grant: spent, breakage (what expired unspent) and left add up to its amount."""

    grant: Grant
    spent: Decimal
    breakage: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """A prepaid balance at an instant.

    Attributes
    ----------
    grants : tuple of GrantState
        In the order in which they are spent.
    available : Decimal
        What can be spent now, never negative.
    overshoot : Decimal
        What was used after the balance was at zero and before the key was disabled; charged on the invoice.
    """

    grants: tuple[GrantState, ...]
    available: Decimal
    overshoot: Decimal

    @property
    def is_exhausted(self) -> bool:
        """Whether the key must be disabled."""
        return self.available == 0


def compute_balance(grants: Iterable[Grant], charges: Iterable[tuple[int, Decimal]], *, as_of_ms: int) -> Balance:
    """Compute a balance from the ledger: nothing is written when a call is made.

    Parameters
    ----------
    grants : iterable of Grant
        In any order.
    charges : iterable of (int, Decimal)
        When, and how much, not negative; in any order. Charges after `as_of_ms` are left out.
    as_of_ms : int
        The instant of the balance.

    Raises
    ------
    ValueError
        If a grant or a charge has no possible amount.
    """
    ordered = sorted(grants, key=_expiry_order)
    spent = {grant.id: ZERO for grant in ordered}
    if len(spent) != len(ordered) or any(grant.amount <= 0 for grant in ordered):
        raise ValueError("grants have ids of their own and amounts above zero")
    overshoot = ZERO
    for at_ms, amount in sorted(charge for charge in charges if charge[0] <= as_of_ms):
        if amount < 0:
            raise ValueError("a charge is not negative")
        for grant in ordered:
            if amount and grant.is_open(at_ms):
                part = min(amount, EXACT.subtract(grant.amount, spent[grant.id]))
                spent[grant.id] = EXACT.add(spent[grant.id], part)
                amount = EXACT.subtract(amount, part)
        overshoot = EXACT.add(overshoot, amount)
    states = tuple(_state(grant, spent[grant.id], as_of_ms) for grant in ordered)
    available = sum_exactly(state.left for state in states if state.grant.is_open(as_of_ms))
    return Balance(states, available, overshoot)


def compute_charges(totals: Iterable[tuple[int, Decimal]]) -> tuple[tuple[int, Decimal], ...]:
    """Turn a running total into charges that never are negative and add up to what is owed at the end.

    Parameters
    ----------
    totals : iterable of (int, Decimal)
        Until when (not included), and what everything until then costs, oldest first. A total may fall: a volume price
        does where the next tier begins, and an adjustment takes back. It is then as if less had been charged before.

    Returns
    -------
    tuple of (int, Decimal)
        The last instant of each stretch, and its charge.
    """
    least: list[tuple[int, Decimal]] = []
    ceiling: Decimal | None = None
    for until_ms, total in reversed(tuple(totals)):
        ceiling = max(total, ZERO) if ceiling is None else min(ceiling, max(total, ZERO))
        least.append((until_ms - 1, ceiling))
    charges, before = [], ZERO
    for at_ms, total in reversed(least):
        charges.append((at_ms, EXACT.subtract(total, before)))
        before = total
    return tuple(charges)


def compute_draws(balance: Balance) -> tuple[Draw, ...]:
    """Return what was spent of each grant, in the order in which they are spent."""
    return tuple(Draw(state.grant.id, state.spent) for state in balance.grants if state.spent)


def turning_points(grants: Iterable[Grant], from_ms: int, to_ms: int) -> tuple[int, ...]:
    """Return when, inside a stretch of time, a grant begins or ends, and the stretch's end."""
    bounds = {bound for grant in grants for bound in (grant.from_ms, grant.expires_ms) if bound is not None}
    return (*sorted(bound for bound in bounds if from_ms < bound < to_ms), to_ms)


@dataclass(frozen=True, slots=True)
class PrepaidKey:
    """A key whose plan is prepaid.

    Attributes
    ----------
    id : str
        The key's.
    enabled : bool
        Whether calls with it are accepted.
    stopped : bool
        Whether it is disabled because the balance was at zero, and not by a person.
    """

    id: str
    enabled: bool
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class KeySwitch:
    """A key that must be enabled or disabled."""

    key_id: str
    enabled: bool


def decide_switches(available: Decimal, keys: Iterable[PrepaidKey]) -> tuple[KeySwitch, ...]:
    """Decide which of a customer's prepaid keys to disable or enable.

    At zero every key is disabled. Above it, those come back that were disabled for that reason alone: what a person has
    disabled stays so.

    Parameters
    ----------
    available : Decimal
        What the customer can spend now.
    keys : iterable of PrepaidKey
        The customer's, in prepaid plans.
    """
    if available <= 0:
        return tuple(KeySwitch(key.id, enabled=False) for key in keys if key.enabled)
    return tuple(KeySwitch(key.id, enabled=True) for key in keys if not key.enabled and key.stopped)


def compute_overshoot_bound(
    *, rate_per_second: Decimal, lag_seconds: int, unit_price: Decimal, burst: int = 0, units_per_call: int = 1
) -> Decimal:
    """Compute what a key can use at most after its balance is at zero: what a prepaid plan states.

    Parameters
    ----------
    rate_per_second : Decimal
        The plan's rate limit, calls a second.
    lag_seconds : int
        From a call until the key is disabled because of it: delivery of the line plus the interval of the netting job.
    unit_price : Decimal
        The dearest price of a unit in the plan.
    burst : int
        Calls the plan's bucket lets through at once, beyond the rate.
    units_per_call : int
        Most rows in a call.

    Notes
    -----
    Source: reference, "Prepaid without a per-call write": rate x lag x price; a full bucket and calls of many rows come
    on top. The gateway's limit itself is best effort, so the bound is as good as the gateway's throttle.
    """
    calls = EXACT.add(EXACT.multiply(rate_per_second, Decimal(lag_seconds)), Decimal(burst))
    return EXACT.multiply(EXACT.multiply(calls, Decimal(units_per_call)), unit_price)


def compute_plan_overshoot(book: PriceBook, plan: Plan, *, lag_seconds: int, units_per_call: int) -> Decimal:
    """Compute what a key of a plan can use at most after its balance is at zero; see `compute_overshoot_bound`.

    The price is the dearest of anything that the plan ever sells; flat fees of tiers, if there are any, come on top.
    """
    prices = [price.unit_price for price in book.prices if price.plan in (None, plan.slug)]
    return compute_overshoot_bound(
        rate_per_second=Decimal(str(plan.rate_per_second)),
        lag_seconds=lag_seconds,
        unit_price=max(prices, default=ZERO),
        burst=plan.burst,
        units_per_call=units_per_call,
    )


def _state(grant: Grant, spent: Decimal, as_of_ms: int) -> GrantState:
    left = EXACT.subtract(grant.amount, spent)
    expired = grant.expires_ms is not None and grant.expires_ms <= as_of_ms
    return GrantState(grant, spent, breakage=left if expired else ZERO, left=ZERO if expired else left)


def _expiry_order(grant: Grant) -> tuple[bool, int, int, str]:
    return grant.expires_ms is None, grant.expires_ms or 0, grant.from_ms, grant.id
