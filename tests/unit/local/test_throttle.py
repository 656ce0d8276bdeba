"""Token buckets, calendar windows and the counters behind them."""

import contextlib
import os
import resource
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard.billing.plans import Period, Plan, Quota
from ratecard_workbench.local.counters import CounterFile, load_counts
from ratecard_workbench.local.throttle import QUOTA_EXCEEDED, THROTTLED, Meter, TokenBucket, quota_window

DAY = date(2026, 11, 22).toordinal()


def plan(rate: float = 1000.0, burst: int = 1000, quota: Quota | None = None) -> Plan:
    return Plan("p", "P", "A plan.", date(2026, 1, 1), rate, burst, quota)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "counters.bin"


def test_a_bucket_begins_full_and_refills_at_its_rate():
    """Burst first, then one token for each 1 / rate seconds, never more than the burst."""
    bucket = TokenBucket(rate_per_second=10, burst=3)
    now = 100.0

    assert [bucket.take(now) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(now + 0.09)
    assert bucket.take(now + 0.11)
    assert [bucket.take(now + 1000) for _ in range(4)] == [True, True, True, False]


@given(
    rate=st.floats(0.1, 1000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 0.5), max_size=200),
)
def test_a_bucket_never_gives_more_than_burst_and_rate_allow(rate, burst, pauses):
    """Over any time, at most burst + rate * time tokens."""
    bucket = TokenBucket(rate, burst)
    now, taken = 50.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
    assert taken <= burst + rate * (now - 50.0) + 1e-6


@pytest.mark.parametrize(
    ("period", "day", "first", "last"),
    [
        (Period.DAY, date(2026, 11, 22), date(2026, 11, 22), date(2026, 11, 22)),
        (Period.WEEK, date(2026, 11, 22), date(2026, 11, 16), date(2026, 11, 22)),
        (Period.WEEK, date(2026, 11, 23), date(2026, 11, 23), date(2026, 11, 29)),
        (Period.MONTH, date(2026, 12, 31), date(2026, 12, 1), date(2026, 12, 31)),
        (Period.MONTH, date(2028, 2, 10), date(2028, 2, 1), date(2028, 2, 29)),
    ],
)
def test_windows_are_calendar_periods(period, day, first, last):
    """Days, weeks from Monday, months; leap years included."""
    assert quota_window(period, day) == (first, last)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(list(Period)))
def test_windows_tile_time(day, period):
    """The day after a window begins the next one."""
    first, last = quota_window(period, day)
    assert first <= day <= last
    assert quota_window(period, date.fromordinal(last.toordinal() + 1))[0] == date.fromordinal(last.toordinal() + 1)


def test_a_quota_counts_accepted_requests_only(path):
    """Exactly the limit is accepted; what is refused is not counted."""
    counters = CounterFile(path)
    meter = Meter("k", plan(burst=1000, quota=Quota(3, Period.DAY)), counters)

    assert [meter.admit(1.0, DAY) for _ in range(5)] == [None, None, None, QUOTA_EXCEEDED, QUOTA_EXCEEDED]
    assert meter.admit(1.0, DAY + 1) is None
    assert load_counts(path) == {("k", DAY): 3, ("k", DAY + 1): 1}
    counters.close()


def test_a_throttled_request_is_not_counted(path):
    """The bucket is asked first."""
    counters = CounterFile(path)
    meter = Meter("k", plan(rate=0.001, burst=2), counters)

    assert [meter.admit(1.0, DAY) for _ in range(3)] == [None, None, THROTTLED]
    assert counters.total("k", DAY, DAY) == 2
    counters.close()


def test_a_month_is_the_sum_of_its_days(path):
    """A meter made later in the month knows what was used on its other days, by this key alone."""
    counters = CounterFile(path)
    month_first = date(2026, 11, 1).toordinal()
    for day in (month_first - 1, month_first, month_first + 5):
        for _ in range(2):
            counters.add(counters.slot("k", day))
    counters.add(counters.slot("other", month_first))

    meter = Meter("k", plan(quota=Quota(5, Period.MONTH)), counters)
    assert [meter.admit(1.0, DAY) for _ in range(2)] == [None, QUOTA_EXCEEDED]
    counters.close()


def test_counters_are_there_for_the_next_process_without_being_closed(path):
    """Nothing is flushed or closed in between: the mapping itself is the file."""
    first = CounterFile(path)
    for _ in range(7):
        first.add(first.slot("k", DAY))

    second = CounterFile(path)
    assert second.count(second.slot("k", DAY)) == 7
    first.close()
    second.close()


def test_the_file_grows(path):
    """More keys and days than it began with; every count stays where it belongs."""
    counters = CounterFile(path)
    for number in range(3000):
        slot = counters.slot(f"key{number}", DAY)
        counters.add(slot)
        counters.add(slot)
    counters.close()

    counts = load_counts(path)
    assert len(counts) == 3000
    assert set(counts.values()) == {2}


def test_another_file_is_not_taken_for_counters(path):
    """A wrong file is refused, not overwritten."""
    path.write_bytes(b"something else" * 100)

    with pytest.raises(ValueError, match="not a file of counters"):
        CounterFile(path)
    assert path.read_bytes().startswith(b"something else")


def test_no_file_is_no_counts(path):
    """Reading before the first start gives nothing."""
    assert load_counts(path) == {}


def test_room_for_every_count_is_taken_beforehand(path):
    """The file has no holes, new, grown or copied: a store into a hole of a full disk would kill the process."""
    counters = CounterFile(path)
    assert path.stat().st_blocks * 512 >= path.stat().st_size > 0
    for number in range(1500):
        counters.slot(f"key{number}", DAY)
    counters.close()
    assert path.stat().st_blocks * 512 >= path.stat().st_size

    sparse = path.with_name("sparse.bin")
    sparse.write_bytes(path.read_bytes()[:64])
    os.truncate(sparse, 65_600)
    CounterFile(sparse).close()
    assert sparse.stat().st_blocks * 512 >= 65_600


@contextlib.contextmanager
def disk_full_at(size):
    """No file of this process can grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_a_new_count_and_keeps_the_others(path):
    """A key's first request of a day that finds no room is an error; with room again it is counted, on its own day."""
    counters = CounterFile(path)
    for number in range(1024):
        counters.add(counters.slot(f"key{number}", DAY))
    size = path.stat().st_size
    meter = Meter("late", plan(), counters)
    for _ in range(2):
        with disk_full_at(size), pytest.raises(OSError, match="large"):
            meter.admit(1.0, DAY)
    assert path.stat().st_size == size
    assert meter.admit(1.0, DAY) is None
    counters.close()

    assert load_counts(path) == {**{(f"key{number}", DAY): 1 for number in range(1024)}, ("late", DAY): 1}


def test_a_file_that_could_not_be_made_is_not_there(path):
    """A full disk at the first start leaves nothing that a later start would stumble over."""
    with disk_full_at(1000), pytest.raises(OSError, match="large"):
        CounterFile(path)
    assert list(path.parent.iterdir()) == []

    path.with_name(".counters.bin.partial").write_bytes(b"ratecard-coun")
    path.touch()
    CounterFile(path).close()
    assert [one.name for one in path.parent.iterdir()] == ["counters.bin"]


@pytest.mark.parametrize("content", [b"12345", b"ratecard-counters-1", bytes(65_600)])
def test_a_damaged_file_is_refused(path, content):
    """Too short, without its beginning, or torn within a record."""
    path.write_bytes(content)

    with pytest.raises(ValueError, match="not a file of counters"):
        CounterFile(path)
