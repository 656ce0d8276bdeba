"""Counting: each call once, whatever happened to its lines on the way."""

import json
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledger import BOOK, access, at, usage

from ratecard.billing.counting import count_lake
from ratecard.billing.lines import total_of
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.rating import rate_period
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import Assignment
from ratecard.storage.lake import ACCESS, USAGE, LakeWriter, scan

JUNE = parse_period(BillingCalendar("UTC"), "2026-06")
NOON = at("2026-06-05T12:00:00")
HOUR, DAY = 3_600_000, 86_400_000
PRICES = parse_price_book(BOOK)
ASSIGNMENTS = (
    Assignment("k1", "acme", "standard", 0),
    Assignment("inbox/acme", "acme", "standard", 0),
    Assignment("k2", "bolt", "gold", 0),
)


def count(used, answered, *, assignments=ASSIGNMENTS, as_of=JUNE.to_ms + HOUR, periods=None):
    """Count June."""
    scope = Scope(assignments, PRICES, periods or {"acme": JUNE, "bolt": JUNE}, Guards(as_of))
    return count_lake(used, answered, scope=scope)


def charged(counted, customer="acme"):
    """Units that are charged."""
    return sum(each.units for each in counted.counts if each.customer == customer and not each.reason)


def free(counted):
    """Calls that are free, by reason."""
    found = Counter()
    for each in counted.counts:
        if each.reason:
            found[each.reason] += each.calls
    return dict(found)


def oddities(counted):
    """Exceptions as pairs."""
    return [(each.oddity, each.id) for each in counted.exceptions]


def pairs(*calls):
    """Lines of both streams for (id, time, changes)."""
    used = [usage(call_id, at_ms, **changes) for call_id, at_ms, changes in calls]
    return used, [access(call_id, at_ms) for call_id, at_ms, _ in calls]


def test_equal_copies_are_one_call():
    """Three deliveries of a line are one call, and the id is listed."""
    used, answered = pairs(("a", NOON, {"units": 5}), ("b", NOON, {}))
    counted = count(used + used[:1] * 2, answered * 2)
    assert charged(counted) == 6
    assert oddities(counted) == [("duplicate", "a"), ("duplicate", "b")]


@pytest.mark.parametrize("stream", ["usage", "access"])
def test_contradicting_copies_are_quarantined(stream):
    """Neither the first nor the last of two different lines with one id wins."""
    used, answered = pairs(("a", NOON, {"units": 5}), ("b", NOON, {}))
    if stream == "usage":
        used.append(usage("a", NOON, units=500))
    else:
        answered.append(access("a", NOON, status=504))
    counted = count(used, answered)
    assert charged(counted) == 1
    assert oddities(counted) == [("conflict", "a")]


def test_a_request_id_that_a_client_sets_is_no_identity():
    """A thousand calls with the same request id are a thousand calls."""
    used = [usage(f"c{number}", NOON) for number in range(1_000)]
    answered = [access(f"c{number}", NOON, request_id="12345678") for number in range(1_000)]
    assert charged(count(used, answered)) == 1_000


def test_the_last_millisecond_of_the_period_is_in_it_and_the_next_is_not():
    """Event time decides, to the millisecond, whenever the line arrived."""
    for at_ms, expected in ((JUNE.from_ms - 1, 0), (JUNE.from_ms, 1), (JUNE.to_ms - 1, 1), (JUNE.to_ms, 0)):
        counted = count(*pairs(("a", at_ms, {})))
        assert (charged(counted), counted.exceptions) == (expected, ())


def test_a_retry_is_charged_once_in_24_hours():
    """Same key and body five times: one is charged; another body, operation or key is another call."""
    same = {"idempotency_key": "i1"}
    used, answered = pairs(*((f"a{number}", NOON + number, same) for number in range(5)))
    counted = count(used, answered)
    assert (charged(counted), free(counted)) == (1, {"retry": 4})

    others = [
        same | {"body": "b"},
        same | {"operation": "explain"},
        {"idempotency_key": "i2"},
        same | {"level": "priority"},
    ]
    used, answered = pairs(*((f"a{number}", NOON, change) for number, change in enumerate([same, *others])))
    assert charged(count(used, answered)) == 5


def test_the_window_of_a_retry_begins_with_the_first_call():
    """Calls at 0, 23:59:59.999, 24 and 47 hours: the third opens the next window and takes in the fourth."""
    for times, expected in (((0, DAY - 1), 1), ((0, DAY), 2), ((0, DAY - 1, DAY, DAY + 23 * HOUR), 2)):
        used, answered = pairs(*((f"a{ms}", NOON + ms, {"idempotency_key": "i"}) for ms in times))
        assert charged(count(used, answered)) == expected


def test_a_retry_after_midnight_of_the_periods_first_day_is_one_still():
    """A call of the last evening of May, repeated on June 1, is charged in May."""
    used, answered = pairs(
        ("a", JUNE.from_ms - 1, {"idempotency_key": "i"}), ("b", JUNE.from_ms + 1, {"idempotency_key": "i"})
    )
    counted = count(used, answered)
    assert (charged(counted), free(counted)) == (0, {"retry": 1})


def test_what_is_repeated_because_it_failed_is_charged():
    """The first answer did not arrive, so the second one is not a retry in the sense of the bill."""
    used, answered = pairs(("a", NOON, {"idempotency_key": "i"}), ("b", NOON + 1, {"idempotency_key": "i"}))
    answered[0] = access("a", NOON, status=504)
    counted = count(used, answered)
    assert (charged(counted), free(counted)) == (1, {"not delivered: 504": 1})


def test_two_customers_with_the_same_idempotency_key_do_not_meet():
    """Keys are each customer's own."""
    used = [usage("a", NOON, "k1", idempotency_key="i"), usage("b", NOON, "k2", idempotency_key="i")]
    counted = count(used, [access("a", NOON), access("b", NOON, "k2")])
    assert (charged(counted), charged(counted, "bolt")) == (1, 1)


def test_refused_calls_are_counted_for_their_customer():
    """A known key's refusals are shown, a stranger's are only counted."""
    answered = [access("a", NOON, status=429, integration="-"), access("b", NOON, "-", status=403, integration="-")]
    counted = count([], answered)
    assert (free(counted), counted.anonymous, charged(counted)) == ({"refused: 429": 1}, 1, 0)


def test_a_lost_line_of_either_stream_is_listed():
    """Without the gateway's line the call is charged, without the function's it is not; both are named."""
    counted = count([usage("a", NOON)], [access("b", NOON)])
    assert charged(counted) == 1
    assert oddities(counted) == [("access_missing", "a"), ("usage_missing", "b")]


def test_files_need_no_access_line():
    """A file delivered twice is one file."""
    line = usage("f" * 64, NOON, "inbox/acme", operation="batch", units=300)
    assert charged(count([line], [])) == 300
    assert oddities(count([line], [])) == []
    assert charged(count([line, line], [])) == 300


def test_times_that_are_not_believed_are_listed_and_not_charged():
    """More than five minutes ahead of the reading, or too far back, is no time of a call."""
    as_of = NOON
    used, answered = pairs(("ok", as_of + 300_000, {}), ("ahead", as_of + 300_001, {}), ("old", as_of - 101 * DAY, {}))
    counted = count(used, answered, as_of=as_of)
    assert charged(counted) == 1
    assert oddities(counted) == [("future", "ahead"), ("stale", "old")]


def test_an_unknown_key_or_a_thing_without_price_is_listed():
    """Nothing falls to a default price, and no customer is dropped in silence."""
    used = [usage("a", NOON, "k9"), usage("b", NOON, level="express"), usage("c", NOON, "k9", billable=False)]
    counted = count(used, [access("a", NOON, "k9"), access("b", NOON)])
    assert charged(counted) == 0
    assert oddities(counted) == [("unknown_subject", "a"), ("unpriced", "b")]


def test_a_key_that_is_not_the_gateways_is_quarantined():
    """Function and gateway disagree about who called."""
    counted = count([usage("a", NOON, "k1")], [access("a", NOON, "k2")])
    assert (charged(counted), oddities(counted)) == (0, [("key_mismatch", "a")])


def test_torn_lines_are_counted_and_lose_nothing():
    """What cannot be read is counted, what can be is charged."""
    used, answered = pairs(("a", NOON, {}))
    counted = count([None, *used, {"type": "other"}], [*answered, None])
    assert (charged(counted), counted.damaged) == (1, 3)


def test_rotation_and_plan_change_in_mid_period():
    """A key that moves from standard to gold has two lines; two keys of a customer share one quota."""
    change = at("2026-06-05T12:00:00.500")
    moved = (Assignment("k1", "acme", "standard", 0, change), Assignment("k1", "acme", "gold", change))
    used, answered = pairs(*((f"a{ms}", NOON + ms, {}) for ms in (0, 499, 500, 501)))
    plans = [(each.plan_version, each.units) for each in count(used, answered, assignments=moved).counts]
    assert plans == [("gold@2026-01-01", 2), ("standard@2026-01-01", 2)]

    rotated = (Assignment("k1", "acme", "standard", 0, change), Assignment("k3", "acme", "standard", change))
    used = [usage(f"a{number}", NOON + number * 100, "k1" if number < 5 else "k3") for number in range(20)]
    answered = [access(line["id"], NOON + number * 100, line["subject"]) for number, line in enumerate(used)]
    (line,) = rate_period(count(used, answered, assignments=rotated).counts, PRICES, period=JUNE)
    assert (line.units, [share.units for share in line.shares]) == (20, [10, 10])


def test_the_days_to_scan_reach_a_day_beyond_the_periods():
    """Calls of the evening before can be repeated in the period; a line of the last hour may arrive on the next day."""
    scope = Scope(ASSIGNMENTS, PRICES, {"acme": JUNE}, Guards(JUNE.to_ms))
    assert scope.days_to_scan() == ("2026-05-31", "2026-07-01")
    auckland = parse_period(BillingCalendar("Pacific/Auckland"), "2026-06")
    scope = Scope(ASSIGNMENTS, PRICES, {"acme": auckland, "bolt": JUNE}, Guards(JUNE.to_ms))
    assert scope.days_to_scan() == ("2026-05-30", "2026-07-01")


@pytest.fixture(scope="module")
def chaos():
    """A lake of 3,000 calls with all that goes wrong, and what an all-knowing observer would charge and list."""
    return make_chaos(random.Random(20261122), 3_000)


def make_chaos(chance, calls):
    """Return usage lines, access lines, charged units by (customer, operation), and the exceptions."""
    used, answered, units, listed = [], [], Counter(), set()
    for number in range(calls):
        call_id, at_ms = f"c{number:06d}", chance.randrange(JUNE.from_ms, JUNE.to_ms)
        key, customer = chance.choice([("k1", "acme"), ("k2", "bolt")])
        operation, rows = chance.choice(["predict", "explain"]), chance.randint(1, 9)
        line = usage(call_id, at_ms, key, operation=operation, units=rows)
        answer = access(call_id, at_ms, key, request_id=f"forged-{number % 7}")
        fate = chance.choices(["fine", "twice", "lost", "unlogged", "conflict", "timeout"], [80, 8, 3, 3, 2, 4])[0]
        if fate not in ("lost", "conflict", "timeout"):
            units[customer, operation] += rows
        if fate == "timeout":
            answer = access(call_id, at_ms, key, status=504)
        used += [] if fate == "lost" else [line, line] if fate == "twice" else [line]
        used += [usage(call_id, at_ms, key, operation=operation, units=rows + 1)] if fate == "conflict" else []
        answered += [] if fate == "unlogged" else [answer]
        oddity = {"twice": "duplicate", "lost": "usage_missing", "unlogged": "access_missing", "conflict": "conflict"}
        listed |= {(oddity[fate], call_id)} if fate in oddity else set()
    return used, answered, units, listed


def test_a_lake_full_of_faults_is_counted_as_an_oracle_would(chaos, tmp_path):
    """Read from files, charged units equal the oracle's, and the list of exceptions equals the injected faults."""
    used, answered, units, listed = chaos
    chance = random.Random(1)
    for stream, lines in ((USAGE, used), (ACCESS, answered)):
        write_lake(tmp_path, stream, lines, chance)
    counted = count(*((line.event for line in scan(tmp_path, stream)) for stream in (USAGE, ACCESS)))

    found = Counter()
    for each in counted.counts:
        if not each.reason:
            found[each.customer, each.operation] += each.units
    assert found == units
    assert set(oddities(counted)) == listed
    assert len(counted.exceptions) == len(listed)


def write_lake(root, stream, lines, chance):
    """Write lines in random order by several writers, each with a torn last line."""
    shuffled = chance.sample(lines, len(lines))
    for writer in range(3):
        sink = LakeWriter(root, stream, f"w{writer}")
        for line in shuffled[writer::3]:
            sink.append("2026-06-01T00", json.dumps(line).encode() + b"\n")
        sink.append("2026-06-01T00", b'{"torn": ')
        sink.close()


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_order_split_and_repetition_never_change_an_invoice(chaos_small, shuffler):
    """Lines shuffled, some delivered again: the same counts, hence the same lines of the invoice."""
    used, answered, expected = chaos_small
    again_used = used + [line for line in used if shuffler.random() < 0.3]
    again_answered = answered + [line for line in answered if shuffler.random() < 0.3]
    shuffler.shuffle(again_used)
    shuffler.shuffle(again_answered)
    counted = count(again_used, again_answered)
    assert counted.counts == expected.counts
    others = [each for each in counted.exceptions if each.oddity != "duplicate"]
    assert others == [each for each in expected.exceptions if each.oddity != "duplicate"]


@pytest.fixture(scope="module")
def chaos_small():
    """A small lake with retries, and what it counts to in its first order."""
    used, answered, _, _ = make_chaos(random.Random(5), 120)
    retried, retried_answers = pairs(*((f"r{n}", NOON + n * 7 * HOUR, {"idempotency_key": "i"}) for n in range(12)))
    used, answered = used + retried, answered + retried_answers
    return used, answered, count(used, answered)


def test_counts_rate_to_the_cent(chaos):
    """The faulty lake's invoice equals integers computed beside it: explain in volume, predict of gold at 0.001."""
    used, answered, units, _ = chaos
    counted = count(used, answered)
    lines = rate_period([each for each in counted.counts if each.customer == "bolt"], PRICES, period=JUNE)
    cents = (units["bolt", "predict"] * 100 + 500) // 1_000 + units["bolt", "explain"] * 500
    assert int(total_of(lines) * 100) == cents
