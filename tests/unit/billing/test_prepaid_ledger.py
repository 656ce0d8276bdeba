"""Running totals as charges, and which keys a balance switches."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ratecard.billing.prepaid import (
    Grant,
    PrepaidKey,
    compute_balance,
    compute_charges,
    compute_draws,
    decide_switches,
    turning_points,
)

CENTS = st.integers(-500, 5_000).map(lambda cents: Decimal(cents) / 100)


@given(st.lists(CENTS, min_size=1, max_size=8))
def test_charges_are_never_negative_and_add_up_to_what_is_owed(totals):
    """Also where a total falls: a volume price, or an adjustment that takes back."""
    charges = compute_charges(list(enumerate(totals, 1)))

    assert all(amount >= 0 for _, amount in charges)
    assert sum(amount for _, amount in charges) == max(totals[-1], 0)
    assert [at_ms for at_ms, _ in charges] == list(range(len(totals)))


def test_a_falling_total_is_charged_late_not_early():
    """20.00 at a thousand calls, 15.02 at a thousand and one: never more than 15.02 was charged."""
    falling = [(10, Decimal("20.00")), (20, Decimal("15.02"))]

    assert compute_charges(falling) == ((9, Decimal("15.02")), (19, Decimal("0.00")))


def test_a_grant_pays_for_what_was_used_while_it_was_open():
    """The stretch is cut where it ends; what was used after is somebody else's to pay."""
    grants = [Grant("a", Decimal(5), 0, 10), Grant("b", Decimal(1), 0, None)]
    points = turning_points(grants, 0, 20)
    balance = compute_balance(grants, compute_charges(zip(points, (Decimal(3), Decimal(7)), strict=True)), as_of_ms=19)

    assert points == (10, 20)
    assert [(draw.grant, draw.amount) for draw in compute_draws(balance)] == [("a", Decimal(3)), ("b", Decimal(1))]
    assert (balance.available, balance.overshoot) == (Decimal(0), Decimal(3))


def test_at_zero_every_key_stops_and_only_those_come_back():
    """A key that a person has disabled is never enabled."""
    keys = [PrepaidKey("on", True), PrepaidKey("stopped", False, True), PrepaidKey("off", False, False)]

    assert [(one.key_id, one.enabled) for one in decide_switches(Decimal(0), keys)] == [("on", False)]
    assert [(one.key_id, one.enabled) for one in decide_switches(Decimal("0.01"), keys)] == [("stopped", True)]
