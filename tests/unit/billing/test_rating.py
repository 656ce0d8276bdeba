"""Rating: exact lines that add up, minimum fees made up for once, late events as if on time."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ledger import BOOK, at

from ratecard.billing.adjustments import compute_adjustments, standing_lines
from ratecard.billing.lines import Correction, LineKind, reverse, total_of
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.plans import UnknownPlanError, UnknownPriceError
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.rating import Count, Holding, compute_holdings, count_of, rate_period, zero_counts
from ratecard.billing.segments import Assignment, compute_segments
from ratecard.kernel.money import Money

JUNE = parse_period(BillingCalendar("UTC"), "2026-06")
PREDICT = "credit-rating/predict@2026-01-01"
EXPLAIN = "credit-rating/explain@2026-01-01"
GOLD = "credit-rating/predict;plan=gold@2026-01-01"


def count(units, *, price=PREDICT, plan="standard@2026-01-01", reason="", calls=None, customer="acme"):
    """A count of units of a price."""
    product, _, _ = price.partition("@")
    model, _, operation = product.partition(";")[0].partition("/")
    calls = units if calls is None else calls
    return Count(customer, JUNE.name, plan, price, model, operation, "standard", reason, calls, units)


def rate(*counts, book=BOOK, **options):
    """Lines of June."""
    return rate_period(counts, parse_price_book(book), period=JUNE, **options)


def test_a_line_keeps_its_unrounded_amount_and_its_tiers():
    """101 units are 10 at 0.02, 90 at 0.015 and 1 at 0.01: 1.56 exactly."""
    (line,) = rate(count(101))
    assert (line.unrounded, line.amount, str(line.amount)) == (Decimal("1.56"), Decimal("1.56"), "1.56")
    assert [(share.units, share.amount) for share in line.shares] == [
        (10, Decimal("0.2")),
        (90, Decimal("1.35")),
        (1, Decimal("0.01")),
    ]


def test_each_line_is_rounded_once_half_up():
    """Three lines of half a cent are three cents, because each is a line; one line of three units is two cents."""
    plans = ("standard@2026-01-01", "standard@2026-06-20")
    price = "credit-rating/predict@2026-06-10"
    two = rate(*(count(1, price=price, plan=plan) for plan in plans))
    assert [(str(line.unrounded), str(line.amount)) for line in two] == [("0.005", "0.01"), ("0.005", "0.01")]
    (one,) = rate(count(2, price=price), count(1, price=price))
    assert (str(one.unrounded), str(one.amount)) == ("0.015", "0.02")


def test_plan_and_price_versions_and_operations_are_lines_of_their_own():
    """What has another version or operation is not merged, and its tiers begin anew."""
    lines = rate(count(10), count(10, plan="standard@2026-06-20"), count(3, price=EXPLAIN))
    assert [(line.key.plan_version, line.key.operation, line.amount) for line in lines] == [
        ("standard@2026-01-01", "explain", 30),
        ("standard@2026-01-01", "predict", Decimal("0.2")),
        ("standard@2026-06-20", "predict", Decimal("0.2")),
    ]


def test_retries_and_refused_calls_are_shown_at_price_zero():
    """A free line has its reason, its counts and no amount."""
    refused = Count("acme", JUNE.name, "", "", "", "", "", "refused: 429", 7, 0)
    lines = rate(count(5), count(4, reason="retry"), refused)
    free = [(line.key.reason, line.calls, line.units, line.amount) for line in lines if line.key.kind == "free"]
    assert free == [("refused: 429", 7, 0, 0), ("retry", 4, 4, 0)]
    assert total_of(lines) == Decimal("0.10")


@pytest.mark.parametrize(
    ("currency", "quarter", "half"), [("JPY", "0", "1"), ("USD", "0.43", "0.50"), ("KWD", "0.425", "0.500")]
)
def test_lines_are_rounded_to_the_currencys_minor_unit(currency, quarter, half):
    """A yen has no cents, a dinar a thousand fils: 0.425 and 0.5 of each."""
    book = BOOK.replace('"USD"', f'"{currency}"').replace('"30.00"', '"30"').replace('"0.005"', '"0.5"')
    lines = rate(count(25), count(1, price="credit-rating/predict@2026-06-10"), book=book)
    assert [str(line.amount) for line in lines] == [quarter, half]


def test_a_minimum_fee_is_made_up_for_on_the_final_invoice_only():
    """Gold costs 30.00 a month at least: 12.34 of use leave 17.66; what is above needs nothing."""
    month = JUNE.to_ms - JUNE.from_ms
    held = (Holding("gold@2026-01-01", month),)
    used = count(12_340, price=GOLD, plan="gold@2026-01-01")

    assert [line.key.kind for line in rate(used, holdings=held, final=False)] == ["usage"]
    minimum, usage = rate(used, holdings=held)
    assert (minimum.key.kind, minimum.key.plan_version, minimum.amount) == (
        "minimum",
        "gold@2026-01-01",
        Decimal("17.66"),
    )
    assert total_of((minimum, usage)) == Decimal("30.00")
    assert [line.key.kind for line in rate(count(40_000, price=GOLD, plan="gold@2026-01-01"), holdings=held)] == [
        "usage"
    ]
    assert total_of(rate(holdings=held)) == Decimal("30.00")


def test_a_minimum_fee_is_owed_for_the_time_the_plan_was_held():
    """A third of June owes a third of the fee; another plan's use does not count towards it; two keys owe it once."""
    tenth = at("2026-06-11")
    assignments = [
        Assignment("k1", "acme", "gold", 0, tenth),
        Assignment("k2", "acme", "gold", JUNE.from_ms + 1, tenth),
        Assignment("k1", "acme", "standard", tenth),
        Assignment("k9", "bolt", "gold", 0),
    ]
    book = parse_price_book(BOOK)
    held = compute_holdings(assignments, book, customer="acme", period=JUNE)
    assert [(each.plan_version, each.held_ms / 86_400_000) for each in held] == [
        ("gold@2026-01-01", 10),
        ("standard@2026-01-01", 9),
        ("standard@2026-06-20", 11),
    ]
    (minimum,) = (line for line in rate(count(500), holdings=held) if line.key.kind == LineKind.MINIMUM.value)
    assert minimum.amount == Decimal("10.00")


def test_a_fee_at_zero_is_charged_without_any_use():
    """A price that says so costs its first tier's fee in a month without a call."""
    book = parse_price_book(
        BOOK.replace(
            'tiers = [{ up_to = 15, unit_price = "10" }',
            'fee_at_zero = true\ntiers = [{ up_to = 15, unit_price = "10", flat_fee = "3" }',
        )
    )
    segments = compute_segments([Assignment("k1", "acme", "gold", 0)], book, {"acme": JUNE})
    lines = rate_period(zero_counts(segments, "acme"), book, period=JUNE)
    assert [(line.key.operation, line.calls, line.amount) for line in lines] == [("explain", 0, 3)]


def test_what_cannot_be_rated_is_refused():
    """Unknown versions, mixed customers and negative counts are errors, not amounts."""
    with pytest.raises(UnknownPriceError):
        rate(count(1, price="credit-rating/predict@2020-01-01"))
    with pytest.raises(UnknownPlanError):
        rate(holdings=(Holding("none@2026-01-01", 1),))
    with pytest.raises(ValueError, match="more than one customer"):
        rate(count(1), count(1, customer="bolt"))
    with pytest.raises(ValueError, match="negative"):
        rate(count(-1))


def test_volume_repricing_by_a_late_event_takes_back_and_bills_anew():
    """Fifteen at 10 were billed as 150; the sixteenth makes all cost 5: -150 and +80 (source: OpenMeter's example)."""
    billed, now = rate(count(15, price=EXPLAIN)), rate(count(16, price=EXPLAIN))
    back, anew = compute_adjustments(billed, now)

    assert (back.correction, back.units, back.amount) == (Correction.REVERSAL, -15, -150)
    assert (anew.correction, anew.units, anew.amount) == (Correction.REPLACEMENT, 16, 80)
    assert {back.key.period, anew.key.period} == {"2026-06"}
    assert {back.key.price_version, anew.key.price_version} == {EXPLAIN}


def test_a_late_event_lowers_the_minimum_fee_that_was_made_up_for():
    """Use that comes late fills the minimum that was charged: the two invoices together stay at 30.00."""
    held = (Holding("gold@2026-01-01", JUNE.to_ms - JUNE.from_ms),)
    billed = rate(count(1_000, price=GOLD, plan="gold@2026-01-01"), holdings=held)
    late = rate(count(6_000, price=GOLD, plan="gold@2026-01-01"), holdings=held)
    adjustments = compute_adjustments(billed, late)
    assert [(line.key.kind, line.amount) for line in adjustments] == [
        ("minimum", Decimal("-29.00")),
        ("minimum", Decimal("24.00")),
        ("usage", Decimal("-1.00")),
        ("usage", Decimal("6.00")),
    ]
    assert total_of([*billed, *adjustments]) == Decimal("30.00")


def test_a_history_that_cannot_be_is_refused():
    """Billing twice, or taking back what was not billed, is an error in the books."""
    (line,) = rate(count(15))
    with pytest.raises(ValueError, match="billed twice"):
        standing_lines([line, line])
    with pytest.raises(ValueError, match="not take back"):
        standing_lines([reverse(line)])
    with pytest.raises(ValueError, match="not take back"):
        standing_lines([line, replace(reverse(line), amount=Decimal(-1))])


COUNTS = st.lists(
    st.builds(
        count,
        st.integers(0, 50_000),
        price=st.sampled_from([PREDICT, EXPLAIN, GOLD, "credit-rating/predict@2026-06-10"]),
        plan=st.sampled_from(["standard@2026-01-01", "gold@2026-01-01"]),
        reason=st.sampled_from(["", "", "retry"]),
    ),
    max_size=12,
)
HELD = st.lists(
    st.builds(
        Holding, st.sampled_from(["gold@2026-01-01", "standard@2026-01-01"]), st.integers(1, JUNE.to_ms - JUNE.from_ms)
    ),
    max_size=2,
    unique_by=lambda each: each.plan_version,
)


@given(COUNTS, HELD, st.randoms(use_true_random=False))
def test_order_and_partition_of_counts_do_not_matter(counts, held, shuffler: random.Random):
    """Counts that arrive split and in another order give the same lines."""
    split = []
    for each in counts:
        part = shuffler.randint(0, each.units)
        split += [
            replace(each, units=part, calls=part),
            replace(each, units=each.units - part, calls=each.calls - part),
        ]
    shuffler.shuffle(split)
    assert rate(*split, holdings=held) == rate(*counts, holdings=held)


@given(COUNTS, HELD)
def test_lines_add_up(counts, held):
    """The total is the sum of rounded lines, each line its own rounded shares, and no minimum is missed."""
    lines = rate(*counts, holdings=held)
    assert total_of(lines) == sum(line.amount for line in lines)
    for line in lines:
        assert line.amount == Money(line.unrounded, "USD").rounded().amount
        if line.key.kind == "usage":
            assert sum(share.amount for share in line.shares) == line.unrounded
            assert sum(share.units for share in line.shares) == line.units


@given(st.lists(COUNTS, min_size=1, max_size=5), HELD)
def test_late_events_cost_what_they_would_have_cost_on_time(batches, held):
    """However events trickle in over several invoices, their sum is the one invoice of somebody who knew all."""
    known, billed = [], []
    for number, batch in enumerate(batches):
        known += batch
        # The first are progressive bills within the period, without the minimum; the last one is final.
        billed += compute_adjustments(billed, rate(*known, holdings=held, final=number >= len(batches) - 2))
    on_time = rate(*known, holdings=held)

    assert total_of(billed) == total_of(on_time)
    assert sum(line.units for line in billed) == sum(line.units for line in on_time)
    assert compute_adjustments(billed, on_time) == ()


def test_a_count_takes_its_versions_from_its_segment():
    """What is counted in a segment is rated at the segment's price."""
    book = parse_price_book(BOOK)
    segments = compute_segments([Assignment("k1", "acme", "gold", 0)], book, {"acme": JUNE})
    (segment,) = (each for each in segments if each.price_version == GOLD)
    (line,) = rate(count_of(segment, calls=2, units=1_000))
    assert (line.calls, line.amount, line.key.plan_version) == (2, 1, "gold@2026-01-01")
