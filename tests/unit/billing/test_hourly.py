"""Charged hours and days: the same calls as on the invoice, cut by the clock."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledger import BOOK, access, at, usage

from ratecard.billing.counting import count_lake
from ratecard.billing.hourly import DailyUsage, find_charged, sum_days, sum_hours
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import Assignment

KOLKATA = BillingCalendar("Asia/Kolkata")
JUNE, JULY = parse_period(KOLKATA, "2026-06"), parse_period(KOLKATA, "2026-07")
BOOKED = parse_price_book(BOOK)
ASSIGNED = [Assignment("k1", "acme", "standard", 0)]


def scope_of(period):
    return Scope(ASSIGNED, BOOKED, {"acme": period}, Guards(at("2026-08-01T00:00:00")))


def lines(calls):
    """Lines of calls: (minute, units, key, status), some twice, one conflicting."""
    used, answered = [], []
    for number, (minute, units, key, status) in enumerate(calls):
        at_ms = JUNE.from_ms + minute * 60_000
        used.append(usage(f"c{number}", at_ms, units=units, idempotency_key=key))
        answered.append(access(f"c{number}", at_ms, status=status))
        if minute % 3 == 0:
            used.append(used[-1])
        if minute % 7 == 6:
            used.append(usage(f"c{number}", at_ms, units=units + 1, idempotency_key=key))
    return used, answered


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(-2000, 60 * 24 * 30 + 2000),
            st.integers(0, 9),
            st.sampled_from([None, None, "a", "b"]),
            st.sampled_from([200, 200, 429, 499]),
        ),
        max_size=40,
    )
)
def test_hours_and_days_add_up_to_the_invoices_lines(calls):
    """Duplicates, conflicts, retries, refusals and calls outside the period change hours, days and counts alike."""
    used, answered = lines(calls)
    scope = scope_of(JUNE)
    counted = count_lake(used, answered, scope=scope)
    billed = sum(count.units for count in counted.counts if not count.reason)
    charged = find_charged(used, answered, scope=scope)
    assert sum(each.units for each in sum_hours(charged, scope.periods)) == billed
    assert sum(each.units for each in sum_days(charged, "acme", "Asia/Kolkata")) == billed


def test_an_hour_is_cut_where_the_period_begins():
    """Kolkata's June begins at half past in UTC: both months export their part, under hours of their own."""
    boundary = JULY.from_ms
    assert boundary % 3_600_000 == 1_800_000
    used = [usage("c1", boundary - 1), usage("c2", boundary, units=5)]
    june, july = (
        sum_hours(find_charged(used, [], scope=scope_of(period)), {"acme": period}) for period in (JUNE, JULY)
    )
    assert [(each.slot.from_ms, each.units) for each in june + july] == [(boundary - 1_800_000, 1), (boundary, 5)]
    assert {each.slot.to_ms for each in june + july} == {boundary + 1_800_000}


def test_a_day_is_the_customers():
    """A call at half past six in the evening in UTC is on the next day in Kolkata."""
    used = [usage("c1", at("2026-06-10T18:29:59.999")), usage("c2", at("2026-06-10T18:30:00"), units=2)]
    charged = find_charged(used, [], scope=scope_of(JUNE))
    assert sum_days(charged, "acme", "Asia/Kolkata") == (
        DailyUsage(date(2026, 6, 10), 1),
        DailyUsage(date(2026, 6, 11), 2),
    )
    assert sum_days(charged, "nobody", "Asia/Kolkata") == ()
