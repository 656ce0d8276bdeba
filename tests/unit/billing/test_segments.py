"""Segments: what a call cost depends on when it was made, by whom, and on nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ledger import BOOK, at

from ratecard.billing.periods import BillingCalendar, Period, parse_period
from ratecard.billing.plans import Operation
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.segments import (
    Assignment,
    Directory,
    OverlappingAssignmentsError,
    SegmentIndex,
    compute_segments,
    instant,
)

JUNE = parse_period(BillingCalendar("UTC"), "2026-06")
PRODUCT = ("credit-rating", "predict", "standard")


def rows(assignments, periods=None):
    """The segments of predict at the standard level, without what is the same in all."""
    found = compute_segments(assignments, parse_price_book(BOOK), periods or {"acme": JUNE, "bolt": JUNE})
    return [
        (each.subject, each.customer, each.from_ms, each.to_ms, each.plan_version, each.price_version.split("@")[1])
        for each in found
        if (each.model, each.operation, each.level) == PRODUCT
    ]


def test_a_price_change_and_a_plan_version_in_mid_period_split_it():
    """The price of June 10 and the plan of June 20 begin at midnight UTC."""
    tenth, twentieth = at("2026-06-10"), at("2026-06-20")
    assert rows([Assignment("k1", "acme", "standard", 0)]) == [
        ("k1", "acme", JUNE.from_ms, tenth, "standard@2026-01-01", "2026-01-01"),
        ("k1", "acme", tenth, twentieth, "standard@2026-01-01", "2026-06-10"),
        ("k1", "acme", twentieth, JUNE.to_ms, "standard@2026-06-20", "2026-06-10"),
    ]


def test_a_plan_change_in_mid_period_splits_it():
    """From the change on, the new plan's own price applies."""
    change = at("2026-06-15T12:00:00.001")
    found = rows([Assignment("k1", "acme", "standard", 0, change), Assignment("k1", "acme", "gold", change)])
    assert [(row[2], row[3], row[4]) for row in found[2:]] == [(change, JUNE.to_ms, "gold@2026-01-01")]
    assert found[1][3] == change
    assert found[2][5] == "2026-01-01"


def test_who_has_no_period_or_no_price_has_no_segment():
    """Another customer's period is not rated, and what is not on sale yet has no price."""
    assert rows([Assignment("k1", "other", "standard", 0)]) == []
    early = parse_period(BillingCalendar("UTC"), "2025-12")
    assert rows([Assignment("k1", "acme", "standard", 0)], {"acme": early}) == []
    assert rows([Assignment("k1", "acme", "no-such-plan", 0)]) == []


def test_a_subject_belongs_to_one_customer_at_a_time():
    """Two assignments may touch but not overlap, whatever their order."""
    touching = [Assignment("k1", "bolt", "gold", 500), Assignment("k1", "acme", "gold", 0, 500)]
    directory = Directory(touching)
    assert [directory.find("k1", ms).customer for ms in (0, 499, 500)] == ["acme", "acme", "bolt"]
    assert directory.find("k1", -1) is None
    assert directory.find("k2", 0) is None
    with pytest.raises(OverlappingAssignmentsError):
        Directory([Assignment("k1", "acme", "gold", 0, 501), Assignment("k1", "bolt", "gold", 500)])


def test_a_segment_ends_before_its_end():
    """A key that was disabled at noon has a price in the millisecond before noon and none at noon."""
    noon = at("2026-06-05T12:00:00")
    index = SegmentIndex(
        compute_segments([Assignment("k1", "acme", "gold", 0, noon)], parse_price_book(BOOK), {"acme": JUNE})
    )
    assert index.find("k1", PRODUCT, noon - 1).plan_version == "gold@2026-01-01"
    assert index.find("k1", PRODUCT, noon) is None
    assert index.find("k1", PRODUCT, JUNE.from_ms) is not None
    assert index.find("k1", PRODUCT, JUNE.from_ms - 1) is None


@given(
    st.lists(st.integers(JUNE.from_ms - 10**9, JUNE.to_ms + 10**9), unique=True, min_size=1, max_size=5),
    st.lists(
        st.tuples(st.sampled_from(["acme", "bolt"]), st.sampled_from(["standard", "gold"])), min_size=5, max_size=5
    ),
    st.integers(JUNE.from_ms - 10**9, JUNE.to_ms + 10**9),
)
def test_a_segment_says_what_assignment_and_book_say(changes, holders, at_ms):
    """At any instant the segment found has the customer, plan and price that a look-up at that instant gives."""
    changes = sorted(changes)
    ends = [*changes[1:], None]
    assignments = [
        Assignment("k1", *holder, begin, end) for holder, begin, end in zip(holders, changes, ends, strict=False)
    ]
    book = parse_price_book(BOOK)
    periods = {"acme": JUNE, "bolt": Period("2026-06", JUNE.from_ms + 7_200_000, JUNE.to_ms)}
    found = SegmentIndex(compute_segments(assignments, book, periods)).find("k1", PRODUCT, at_ms)
    holder = Directory(assignments).find("k1", at_ms)

    if holder is None or not periods[holder.customer].holds(at_ms):
        assert found is None
    else:
        price = book.get_price("credit-rating", Operation.PREDICT, instant(at_ms), plan=holder.plan)
        plan = book.get_plan(holder.plan, instant(at_ms))
        assert (found.customer, found.plan_version, found.price_version) == (
            holder.customer,
            plan.version,
            price.version,
        )
