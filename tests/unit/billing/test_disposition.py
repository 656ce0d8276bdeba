"""The status matrix, row by row."""

import pytest
from support.ledger import access, usage

from ratecard.billing.disposition import UNANSWERED, Action, Disposition, classify
from ratecard.billing.events import DamagedLineError, parse_access, parse_usage

SERVED = Disposition(Action.BILL)
CASES = {
    "served": (usage("c", 0), access("c", 0), SERVED),
    "created": (usage("c", 0), access("c", 0, status=201), SERVED),
    "gateway timed out": (usage("c", 0), access("c", 0, status=504), Disposition(Action.FREE, "not delivered: 504")),
    "gateway failed": (usage("c", 0), access("c", 0, status=502), Disposition(Action.FREE, "not delivered: 502")),
    "caller was gone": (usage("c", 0), access("c", 0, status=499), Disposition(Action.FREE, "not delivered: 499")),
    "answer too large": (usage("c", 0), access("c", 0, status=413), Disposition(Action.FREE, "not delivered: 413")),
    "not billable": (usage("c", 0, billable=False), access("c", 0), Disposition(Action.FREE, "not billable")),
    "function failed": (usage("c", 0, status=500), access("c", 0), Disposition(Action.FREE, "failed: 500")),
    "access line missing": (usage("c", 0), None, Disposition(Action.BILL, "", access_missing=True)),
    "failed, access line missing": (
        usage("c", 0, status=500),
        None,
        Disposition(Action.FREE, "failed: 500", access_missing=True),
    ),
    "direct invoke": (usage("c", 0, billable=False), None, Disposition(Action.FREE, "not billable")),
    "file": (usage("c", 0, "inbox/acme", operation="batch"), None, SERVED),
    "file with reasons": (usage("c", 0, "inbox/acme", operation="batch_explain"), None, SERVED),
    "usage line lost": (None, access("c", 0), Disposition(Action.UNBILLED, "usage line missing")),
    "answered by the gateway": (None, access("c", 0, integration="-"), Disposition(Action.IGNORED, "not asked")),
    "reading was throttled": (
        None,
        access("c", 0, status=429, integration="-", method="GET"),
        Disposition(Action.IGNORED, "nothing sold"),
    ),
    "nothing to read": (None, access("c", 0, status=404, method="GET"), Disposition(Action.IGNORED, "nothing sold")),
    "gone while reading": (None, access("c", 0, status=499, method="GET"), Disposition(Action.IGNORED, "nothing sold")),
    "a file announced": (None, access("c", 0, path="batches"), Disposition(Action.IGNORED, "nothing sold")),
    "metadata": (None, access("c", 0, method="GET"), Disposition(Action.IGNORED, "nothing sold")),
    "forbidden": (None, access("c", 0, "-", status=403, integration="-"), Disposition(Action.REFUSED, "refused: 403")),
    "throttled": (None, access("c", 0, status=429, integration="-"), Disposition(Action.REFUSED, "refused: 429")),
    "refused by the model": (None, access("c", 0, status=400), Disposition(Action.REFUSED, "refused: 400")),
    "crashed": (None, access("c", 0, status=502), Disposition(Action.REFUSED, "failed: 502")),
    "too slow": (None, access("c", 0, status=504, integration="-"), Disposition(Action.REFUSED, "failed: 504")),
    "gone before an answer": (None, access("c", 0, status=499), Disposition(Action.REFUSED, "not delivered: 499")),
    "key of somebody else": (usage("c", 0), access("c", 0, "k2"), Disposition(Action.QUARANTINE, "key_mismatch")),
    "key not logged": (usage("c", 0), access("c", 0, "-"), SERVED),
}


@pytest.mark.parametrize("case", CASES)
def test_every_row_of_the_status_matrix(case):
    """What the function and the gateway say together decides what becomes of a call."""
    used, answered, expected = CASES[case]
    assert classify(used and parse_usage(used), answered and parse_access(answered)) == expected


def test_where_the_access_log_is_complete_no_line_is_no_answer():
    """The platform on one machine logs every answer: without one, nobody got it, and nobody pays; a file needs none."""
    called = parse_usage(usage("c", 0))
    expected = Disposition(Action.FREE, UNANSWERED, access_missing=True)
    assert classify(called, None, access_log_complete=True) == expected
    assert classify(called, parse_access(access("c", 0)), access_log_complete=True) == SERVED
    for line, disposition in (
        (usage("c", 0, "inbox/acme", operation="batch"), SERVED),
        (usage("c", 0, billable=False), Disposition(Action.FREE, "not billable")),
    ):
        assert classify(parse_usage(line), None, access_log_complete=True) == disposition


def test_a_call_has_at_least_one_line():
    """Nothing cannot be classified."""
    with pytest.raises(ValueError, match="at least one"):
        classify(None, None)


def test_a_usage_line_arrives_typed():
    """What the platform writes is what rating reads; a line without a level is of the standard one."""
    record = parse_usage(usage("c", 1_795_342_272_345, units=7, idempotency_key="i", level="priority"))
    assert (record.id, record.at_ms, record.units, record.idempotency_key) == ("c", 1_795_342_272_345, 7, "i")
    assert (record.level, parse_usage(usage("c", 0)).level) == ("priority", "standard")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("id",), None),
        (("id",), ""),
        (("type",), "other"),
        (("time",), "yesterday"),
        (("time",), "2026-11-22T10:11:12"),
        (("data",), []),
        (("data", "units"), -1),
        (("data", "units"), True),
        (("data", "units"), 1.0),
        (("data", "units"), "1"),
        (("data", "billable"), 1),
        (("data", "idempotency_key"), 5),
        (("data", "operation"), None),
    ],
)
def test_a_damaged_usage_line_is_refused(place, value):
    """A member that is missing or of a wrong type never becomes a number on an invoice."""
    line = usage("c", 0)
    target = line
    for name in place[:-1]:
        target = target[name]
    target[place[-1]] = value
    with pytest.raises(DamagedLineError):
        parse_usage(line)


@pytest.mark.parametrize(
    "change",
    [
        {"extendedRequestId": "-"},
        {"status": "-"},
        {"status": 200},
        {"requestTimeEpoch": "-1"},
        {"requestTimeEpoch": "9" * 16},
    ],
)
def test_a_damaged_access_line_is_refused(change):
    """An access line needs the gateway's id, a time and a status."""
    with pytest.raises(DamagedLineError):
        parse_access(access("c", 0) | change)


@pytest.mark.parametrize("parse", [parse_usage, parse_access])
def test_a_torn_line_is_refused(parse):
    """None stands for a line that is no JSON object."""
    with pytest.raises(DamagedLineError):
        parse(None)
