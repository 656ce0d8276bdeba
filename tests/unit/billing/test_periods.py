"""Billing periods tile time in every zone, and begin where a calendar on the wall says."""

import zoneinfo
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard.billing.periods import (
    BillingCalendar,
    InvalidCalendarError,
    _first_instant_ms,
    parse_period,
    period_after,
    period_at,
    period_before,
)

ZONES = sorted(zoneinfo.available_timezones())
DAY_MS = 86_400_000


def ms(text: str) -> int:
    """Milliseconds of an RFC 3339 instant."""
    return int(datetime.fromisoformat(text).timestamp()) * 1000


@pytest.mark.parametrize("anchor", [pytest.param(1, marks=pytest.mark.slow), 31])
def test_periods_tile_ten_years_in_every_zone(anchor):
    """Each period begins where the last one ended and is as long as its days, give or take clock changes."""
    for zone in ZONES:
        billing = BillingCalendar(zone, anchor)
        period = parse_period(billing, "2020-01")
        for _ in range(120):
            following = period_after(billing, period)
            assert following.from_ms == period.to_ms
            days = (period.to_ms - period.from_ms) / DAY_MS
            # A zone that crosses the date line loses or wins a whole day.
            assert 26.9 < days < 32.1, (zone, period)
            period = following
        assert period.name == "2030-01"


def test_zones_have_a_place_in_the_proof():
    """The proof above is about all zones of the time-zone database, not a handful."""
    assert len(ZONES) > 590


@given(st.sampled_from(ZONES), st.integers(1, 31), st.integers(10_000_000_000, 4_000_000_000_000))
def test_every_instant_lies_in_one_period(zone, anchor, at_ms):
    """The period of an instant holds it; the neighbours do not, and they are each other's neighbours."""
    billing = BillingCalendar(zone, anchor)
    period = period_at(billing, at_ms)
    before, after = period_before(billing, period), period_after(billing, period)

    assert period.holds(at_ms)
    assert not before.holds(at_ms)
    assert not after.holds(at_ms)
    assert (before.to_ms, after.from_ms) == (period.from_ms, period.to_ms)
    assert period_at(billing, period.from_ms) == period_at(billing, period.to_ms - 1) == period
    assert parse_period(billing, period.name) == period


@given(st.sampled_from(ZONES), st.integers(1, 31), st.integers(1971, 2100), st.integers(1, 12))
def test_a_period_begins_with_its_day(zone, anchor, year, month):
    """Its first second has the anchor day or (clocks jumped over it) a later one, the second before an earlier one."""
    period = parse_period(BillingCalendar(zone, anchor), f"{year}-{month:02d}")
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    first = datetime.fromtimestamp(period.from_ms // 1000, ZoneInfo(zone))
    previous = datetime.fromtimestamp(period.from_ms // 1000 - 1, ZoneInfo(zone))
    anchored = date(year, month, min(anchor, last))

    assert previous.date() < anchored <= first.date()


@pytest.mark.parametrize(
    ("zone", "anchor", "name", "begin", "end"),
    [
        ("UTC", 1, "2026-10", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        # Clocks go back on 2026-10-25: the month has an hour more.
        ("Europe/Berlin", 1, "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("America/Los_Angeles", 1, "2026-03", "2026-03-01T08:00:00Z", "2026-04-01T07:00:00Z"),
        ("Asia/Kathmandu", 15, "2026-01", "2026-01-14T18:15:00Z", "2026-02-14T18:15:00Z"),
        # 31 is the last day of a shorter month, and 31 again after it.
        ("UTC", 31, "2026-01", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"),
        ("UTC", 31, "2028-02", "2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"),
        ("UTC", 30, "2026-02", "2026-02-28T00:00:00Z", "2026-03-30T00:00:00Z"),
        # Midnight did not exist: Sao Paulo went from 00:00 to 01:00 on 2017-10-15.
        ("America/Sao_Paulo", 15, "2017-10", "2017-10-15T03:00:00Z", "2017-11-15T02:00:00Z"),
        # Midnight came twice: Havana went from 01:00 back to 00:00 on 2026-11-01.
        ("America/Havana", 1, "2026-11", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"),
        # The whole day did not exist: Samoa went from 2011-12-29 24:00 to 2011-12-31 00:00.
        ("Pacific/Apia", 30, "2011-12", "2011-12-30T10:00:00Z", "2012-01-29T10:00:00Z"),
        # Midnight did not exist: Cairo went from 00:00 to 01:00 on 2023-04-28.
        ("Africa/Cairo", 28, "2023-04", "2023-04-27T22:00:00Z", "2023-05-27T21:00:00Z"),
    ],
)
def test_known_calendars(zone, anchor, name, begin, end):
    """Instants read off published transitions (IANA time-zone database)."""
    period = parse_period(BillingCalendar(zone, anchor), name)
    assert (period.from_ms, period.to_ms) == (ms(begin), ms(end))


def test_a_day_that_begins_within_a_jump_begins_after_it():
    """Toronto went from 23:30 on 1919-03-30 to 00:30 on 1919-03-31, which began at 04:30 UTC, not at 05:00."""
    begin = _first_instant_ms(date(1919, 3, 31), ZoneInfo("America/Toronto"))
    assert begin == ms("1919-03-31T04:30:00Z")


def test_the_last_millisecond_belongs_to_the_old_period():
    """Periods are half-open."""
    billing = BillingCalendar("Europe/Berlin")
    end = ms("2026-10-31T23:00:00Z")
    assert (period_at(billing, end - 1).name, period_at(billing, end).name) == ("2026-10", "2026-11")


@pytest.mark.parametrize(
    ("zone", "anchor"), [("Europe/Atlantis", 1), ("", 1), ("../etc/passwd", 1), ("UTC", 0), ("UTC", 32)]
)
def test_a_calendar_that_cannot_be_meant_is_refused(zone, anchor):
    """Zones are those of the database, days those of a month."""
    with pytest.raises(InvalidCalendarError):
        BillingCalendar(zone, anchor)


@pytest.mark.parametrize("name", ["2026-13", "2026-00", "2026-1", "1969-12", "9999-01", "2026-10-01", ""])
def test_a_period_that_is_not_a_month_is_refused(name):
    """A period is named by year and month."""
    with pytest.raises(InvalidCalendarError):
        parse_period(BillingCalendar("UTC"), name)
