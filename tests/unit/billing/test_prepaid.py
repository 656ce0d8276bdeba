"""Prepaid balances: nothing is lost between spent, broken and left, and overshoot stays within what the plan states."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ledger import BOOK

from ratecard.billing.prepaid import Grant, compute_balance, compute_overshoot_bound, compute_plan_overshoot
from ratecard.billing.pricebook import parse_price_book


def test_grants_are_spent_in_order_of_expiry():
    """The grant that expires first goes first, whatever the order of buying; the one without expiry goes last."""
    grants = [Grant("never", Decimal(10), 0), Grant("late", Decimal(10), 0, 900), Grant("soon", Decimal(10), 5, 500)]
    balance = compute_balance(grants, [(10, Decimal(15))], as_of_ms=20)
    assert [(state.grant.id, state.spent) for state in balance.grants] == [("soon", 10), ("late", 5), ("never", 0)]
    assert (balance.available, balance.overshoot, balance.is_exhausted) == (15, 0, False)


def test_what_expires_unspent_is_breakage():
    """A grant can be spent until the millisecond before its expiry."""
    grant = [Grant("g", Decimal(10), 100, 500)]
    charges = [(99, Decimal(1)), (100, Decimal(2)), (499, Decimal(3)), (500, Decimal(4))]
    (before,) = compute_balance(grant, charges, as_of_ms=499).grants
    after = compute_balance(grant, charges, as_of_ms=500)
    assert (before.spent, before.breakage, before.left) == (5, 0, 5)
    assert (after.grants[0].breakage, after.grants[0].left, after.available) == (5, 0, 0)
    assert (after.overshoot, after.is_exhausted) == (5, True)


@pytest.mark.parametrize(
    "grants", [[Grant("g", Decimal(0), 0)], [Grant("g", Decimal(1), 0), Grant("g", Decimal(1), 0)]]
)
def test_grants_without_amount_or_with_the_same_id_are_refused(grants):
    """They could not be told apart."""
    with pytest.raises(ValueError, match="grants"):
        compute_balance(grants, [], as_of_ms=0)


def test_a_negative_charge_is_refused():
    """Money comes back as a grant, not as a charge."""
    with pytest.raises(ValueError, match="negative"):
        compute_balance([], [(0, Decimal(-1))], as_of_ms=0)


AMOUNTS = st.integers(1, 10**9).map(lambda number: Decimal(number).scaleb(-6))
GRANTS = st.lists(
    st.builds(
        lambda amount, begin, life: (amount, begin, life), AMOUNTS, st.integers(0, 900), st.none() | st.integers(1, 500)
    ),
    max_size=5,
).map(
    lambda rows: [
        Grant(f"g{number}", amount, begin, None if life is None else begin + life)
        for number, (amount, begin, life) in enumerate(rows)
    ]
)


@given(GRANTS, st.lists(st.tuples(st.integers(0, 1000), AMOUNTS), max_size=15), st.integers(0, 1200), st.randoms())
def test_every_part_of_a_grant_and_of_a_charge_is_somewhere(grants, charges, as_of, shuffler: random.Random):
    """Granted is spent, broken or left; charged is spent or overshoot; no order changes it, none is negative."""
    balance = compute_balance(grants, charges, as_of_ms=as_of)
    for state in balance.grants:
        assert state.spent + state.breakage + state.left == state.grant.amount
        assert min(state.spent, state.breakage, state.left) >= 0
    due = sum(amount for at_ms, amount in charges if at_ms <= as_of)
    assert sum(state.spent for state in balance.grants) + balance.overshoot == due
    assert balance.available >= 0

    shuffler.shuffle(grants)
    shuffler.shuffle(charges)
    assert compute_balance(grants, charges, as_of_ms=as_of) == balance


@pytest.mark.parametrize(("lag", "expected"), [(360, "7.20"), (120, "2.40")])
def test_the_stated_bound_is_the_references(lag, expected):
    """Ten calls a second at 0.002 (source: reference, prepaid without a per-call write)."""
    bound = compute_overshoot_bound(rate_per_second=Decimal(10), lag_seconds=lag, unit_price=Decimal("0.002"))
    assert bound == Decimal(expected)


def test_a_plans_bound_is_of_its_dearest_price():
    """Ten a second for two minutes and a bucket of twenty, at most 10.00 a row: 12,200.00; three rows thrice."""
    book = parse_price_book(BOOK)
    (gold,) = (plan for plan in book.plans if plan.slug == "gold")
    assert compute_plan_overshoot(book, gold, lag_seconds=120, units_per_call=1) == 12_200
    assert compute_plan_overshoot(book, gold, lag_seconds=120, units_per_call=3) == 36_600


@pytest.mark.parametrize("seed", range(5))
def test_overshoot_stays_within_the_bound(seed):
    """A caller takes all that the bucket gives, until a job that runs every minute sees lines that are a minute old."""
    chance = random.Random(seed)
    rate, burst, price, rows, delivery = 10, 20, Decimal("0.002"), 5, 60
    grant = [Grant("g", Decimal(chance.randint(1, 9)), 0)]
    charges, tokens, disabled = [], float(burst), False
    for second in range(3600):
        tokens = min(burst, tokens + rate)
        calls = int(tokens) if chance.random() < 0.8 else 0
        tokens -= calls
        charges.append((second * 1000, price * rows * calls))
        if second % 60 == 0:
            seen = [charge for charge in charges if charge[0] <= (second - delivery) * 1000]
            disabled = compute_balance(grant, seen, as_of_ms=second * 1000).is_exhausted
        if disabled:
            break
    assert disabled
    bound = compute_overshoot_bound(
        rate_per_second=Decimal(rate), lag_seconds=delivery + 60, unit_price=price, burst=burst, units_per_call=rows
    )
    assert compute_balance(grant, charges, as_of_ms=10**9).overshoot <= bound
