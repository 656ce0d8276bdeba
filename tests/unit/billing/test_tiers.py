"""Flat, graduated and volume prices: exact at every bound, with shares that add up."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard.billing.tiers import Charge, Mode, Tariff, Tier, compute_charge, flat
from ratecard.kernel.money import Money

TIERS = (Tier(1_000, Decimal("0.0200")), Tier(10_000, Decimal("0.0150")), Tier(None, Decimal("0.0100")))
# Source: billing.md section 1, golden table (half up, two decimals).
GOLDEN = [
    (0, "0.00", "0.00"),
    (1, "0.02", "0.02"),
    (999, "19.98", "19.98"),
    (1_000, "20.00", "20.00"),
    (1_001, "20.02", "15.02"),
    (9_999, "154.99", "149.99"),
    (10_000, "155.00", "150.00"),
    (10_001, "155.01", "100.01"),
    (25_000, "305.00", "250.00"),
]


@pytest.mark.parametrize(("units", "graduated", "volume"), GOLDEN)
def test_the_golden_table(units, graduated, volume):
    """Both modes give the published amounts just below, at and above every bound."""
    for mode, expected in ((Mode.GRADUATED, graduated), (Mode.VOLUME, volume)):
        amount = compute_charge(Tariff(mode, TIERS), units).amount
        assert Money(amount, "USD").rounded().amount == Decimal(expected)


def test_the_unrounded_amount_is_kept():
    """9,999 graduated units are exactly 154.985: half up gives 154.99, half even would give 154.98."""
    assert compute_charge(Tariff(Mode.GRADUATED, TIERS), 9_999).amount == Decimal("154.985")


@pytest.mark.parametrize(
    ("currency", "units", "expected"), [("JPY", 3, "2"), ("USD", 3, "1.50"), ("KWD", 3, "1.500"), ("JPY", 1, "1")]
)
def test_currencies_without_and_with_three_decimals(currency, units, expected):
    """Half a yen is a yen, a dinar has a thousand fils."""
    amount = compute_charge(flat(Decimal("0.5")), units).amount
    assert str(Money(amount, currency).rounded().amount) == expected


@pytest.mark.parametrize(("units", "expected"), [(999, 0), (1_000, 0), (1_001, 1)])
def test_an_included_quota_is_a_first_tier_at_price_zero(units, expected):
    """The unit after the last included one is the first that costs."""
    included = Tariff(Mode.GRADUATED, (Tier(1_000, Decimal(0)), Tier(None, Decimal(1))))
    assert compute_charge(included, units).amount == expected


def test_no_digit_is_lost_at_the_smallest_price_and_the_largest_count():
    """The default context of 28 digits would round this."""
    amount = compute_charge(flat(Decimal("123456789012.123456789012")), 999_999_999_999_999).amount
    digits = str(123456789012123456789012 * 999_999_999_999_999)
    assert amount == Decimal(f"{digits[:-12]}.{digits[-12:]}")


def test_flat_fees_are_charged_for_tiers_reached_and_at_zero_only_if_said():
    """Graduated fees add up tier by tier; a period without use pays the first one only with the flag."""
    tiers = (Tier(10, Decimal(1), Decimal(5)), Tier(None, Decimal(1), Decimal(7)))

    assert compute_charge(Tariff(Mode.GRADUATED, tiers), 10).amount == 15
    assert compute_charge(Tariff(Mode.GRADUATED, tiers), 11).amount == 23
    assert compute_charge(Tariff(Mode.VOLUME, tiers), 11).amount == 18
    assert compute_charge(Tariff(Mode.GRADUATED, tiers), 0) == Charge(0, Decimal(0), ())
    assert compute_charge(Tariff(Mode.GRADUATED, tiers, fee_at_zero=True), 0).amount == 5


@pytest.mark.parametrize(
    "bounds", [(), (10,), (10, 10, None), (20, 10, None), (None, None), (0, None), (-1, None), (None, 10)]
)
def test_gaps_and_overlaps_are_refused(bounds):
    """Tiers rise from above 0 to one without bound."""
    tiers = tuple(Tier(bound, Decimal(1)) for bound in bounds)
    with pytest.raises(ValueError, match="tier"):
        Tariff(Mode.GRADUATED, tiers)


def test_flat_has_one_tier_and_units_are_not_negative():
    """What makes no sense is refused."""
    with pytest.raises(ValueError, match="flat"):
        Tariff(Mode.FLAT, TIERS)
    with pytest.raises(ValueError, match="negative"):
        compute_charge(flat(Decimal(1)), -1)


PRICES = st.integers(0, 10**15).map(lambda number: Decimal(number).scaleb(-12))
BOUNDS = st.lists(st.integers(1, 10**9), unique=True, max_size=5).map(sorted)


@st.composite
def tariffs(draw, mode):
    """Any tariff of a mode."""
    bounds = [*draw(BOUNDS), None]
    return Tariff(mode, tuple(Tier(bound, draw(PRICES), draw(PRICES)) for bound in bounds))


@given(tariffs(Mode.GRADUATED), st.integers(0, 2 * 10**9), st.integers(0, 10**6))
def test_graduated_totals_are_monotone(tariff, units, more):
    """Buying more never costs less, rounded or not."""
    less, greater = compute_charge(tariff, units), compute_charge(tariff, units + more)
    assert less.amount <= greater.amount
    assert Money(less.amount, "JPY").rounded().amount <= Money(greater.amount, "JPY").rounded().amount


@given(st.sampled_from([Mode.GRADUATED, Mode.VOLUME]).flatmap(tariffs), st.integers(0, 2 * 10**9))
def test_shares_add_up(tariff, units):
    """The breakdown holds every unit once and its amounts are the charge (integers as a second arithmetic)."""
    charge = compute_charge(tariff, units)
    assert sum(share.units for share in charge.shares) == units
    scaled = sum(
        int(share.unit_price.scaleb(12)) * share.units + int(share.flat_fee.scaleb(12)) for share in charge.shares
    )
    assert int(charge.amount.scaleb(12)) == scaled
