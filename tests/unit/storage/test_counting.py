"""Counting from files: plain and compressed, whole, torn and damaged."""

import gzip
import json

import pytest
from support.ledger import BOOK, access, at, usage

from ratecard.billing.events import parse_usage
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import Assignment
from ratecard.storage.counting import FolderLake, count_usage
from ratecard.storage.lake import DamagedFileError
from ratecard.storage.sqllake import SqlLake

JUNE = parse_period(BillingCalendar("UTC"), "2026-06")
NOON = at("2026-06-05T12:00:00")
SCOPE = Scope(
    (Assignment("k1", "acme", "standard", 0),), parse_price_book(BOOK), {"acme": JUNE}, Guards(JUNE.to_ms + 3_600_000)
)
DAY = "dt=2026-06-05/hour=12"


def store(root, stream, name, content, *, day=DAY):
    """Write a file of the lake."""
    path = root / stream / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def encoded(*lines):
    """Lines with their newlines."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def units(counted):
    """Charged units."""
    return sum(each.units for each in counted.counts if not each.reason)


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
def test_a_torn_last_line_is_reported_and_a_whole_one_without_its_newline_is_counted(tmp_path, ending):
    """Nothing of a file is lost in silence: what can be read is charged, what cannot is counted as damaged."""
    store(tmp_path, "usage", f"a{ending}", encoded(usage("a", NOON)) + b'{"specversion":"1.0","ty')
    store(tmp_path, "usage", f"b{ending}", encoded(usage("a", NOON), usage("b", NOON, units=7)).rstrip(b"\n"))
    store(tmp_path, "access", f"a{ending}", b"\n" + encoded(access("a", NOON), access("b", NOON)))
    counted = count_usage(tmp_path, SCOPE)
    assert (units(counted), counted.damaged) == (8, 1)
    assert [(each.oddity, each.id) for each in counted.exceptions] == [("duplicate", "a")]


def test_only_days_that_can_hold_lines_of_the_period_are_read(tmp_path):
    """The day before and the day after are read, what lies further off and what is no file of lines is not."""
    for number, day in enumerate(("2026-05-30", "2026-05-31", "2026-07-01", "2026-07-02")):
        store(tmp_path, "usage", "a.jsonl", encoded(usage(f"a{number}", NOON)), day=f"dt={day}/hour=00")
    store(tmp_path, "usage", ".partial.jsonl", encoded(usage("b", NOON)))
    store(tmp_path, "usage", "note.txt", encoded(usage("c", NOON)))
    assert units(count_usage(FolderLake(tmp_path), SCOPE)) == 2


@pytest.mark.parametrize("open_lake", [FolderLake, SqlLake])
@pytest.mark.parametrize(
    ("as_of", "read"), [("07-02T23:00", 1), ("07-04T00:00", 2), ("07-16T00:00", 3), ("10-01T00:00", 3)]
)
def test_lines_of_a_file_that_was_started_again_are_counted(tmp_path, open_lake, as_of, read):
    """They have the time of the announcement and lie where they arrived: up to 15 days on, of days that were over."""
    for number, day in enumerate(("07-01", "07-03", "07-15", "07-16")):
        late = usage(f"a{number}", JUNE.to_ms - 1, operation="batch")
        store(tmp_path, "usage", "a.jsonl", encoded(late), day=f"dt=2026-{day}/hour=00")
    guards = Guards(at(f"2026-{as_of}:00"), past_ms=200 * 86_400_000)
    scope = Scope(SCOPE.directory.assignments, parse_price_book(BOOK), SCOPE.periods, guards)
    assert units(count_usage(open_lake(tmp_path), scope)) == read


@pytest.mark.parametrize("spoil", [lambda data: data[:-20], lambda data: data[:30] + b"\0" * 20 + data[50:]])
def test_a_compressed_file_that_is_cut_off_stops_the_count(tmp_path, spoil):
    """Its lines are there no more, and nobody knows how many: a bill without them would be wrong in silence."""
    store(tmp_path, "usage", "a.jsonl.gz", encoded(*(usage(f"a{number}", NOON) for number in range(50))))
    path = tmp_path / "usage" / DAY / "a.jsonl.gz"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DamagedFileError, match=r"a\.jsonl\.gz"):
        count_usage(tmp_path, SCOPE)


def test_where_the_access_log_is_complete_an_unanswered_call_is_free_and_listed(tmp_path):
    """The same lake under both rules: charged where the log is best effort, free where it is complete."""
    store(tmp_path, "usage", "a.jsonl", encoded(usage("a", NOON), usage("f", NOON, operation="batch", units=5)))
    complete = Scope(
        SCOPE.directory.assignments,
        parse_price_book(BOOK),
        SCOPE.periods,
        Guards(SCOPE.guards.as_of_ms, access_log_complete=True),
    )
    found = [count_usage(tmp_path, each) for each in (SCOPE, complete)]
    assert [units(each) for each in found] == [6, 5]
    assert {each.exceptions for each in found} == {found[0].exceptions}
    assert found[0].exceptions[0].oddity == "access_missing"


def test_a_recovered_call_is_charged_once_and_never_beside_its_line(tmp_path):
    """What an operator has approved stands in for the lost line; if the line turns up, the line counts."""
    store(tmp_path, "access", "a.jsonl", encoded(access("a", NOON), access("b", NOON)))
    recovered = [parse_usage(usage(each, NOON)) for each in ("a", "b")]
    scope = Scope(
        SCOPE.directory.assignments, parse_price_book(BOOK), SCOPE.periods, SCOPE.guards, recoveries=recovered
    )
    counted = count_usage(tmp_path, scope)
    assert (units(counted), counted.exceptions) == (2, ())
    store(tmp_path, "usage", "late.jsonl", encoded(usage("a", NOON, units=9)))
    assert units(count_usage(tmp_path, scope)) == 10
