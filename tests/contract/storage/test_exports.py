"""Every sender against a server that enforces its system's documented rules, and fails as systems do."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.billing_systems import DROPPED, LOST, SECRET, running_systems
from support.exporter import AWS, BATCH, BUYERS, CUSTOMERS, HOUR_MS, METERS, PREDICT, export_once, target_of, usage_of

from ratecard.billing.exports.deliveries import Delivery, Outcome
from ratecard.billing.periods import Period
from ratecard.billing.settlement import Counterparts
from ratecard.kernel.errors import RatecardError
from ratecard.storage.exports.batches import LagoTarget
from ratecard.storage.exports.http import HttpClient, InsecureTargetError, TargetForbiddenError, TargetUnavailableError
from ratecard.storage.exports.journal import DamagedJournalError, Journal, JournalInUseError

TESTS = Path(__file__).resolve().parents[2]
SYSTEMS = ("stripe", "openmeter", "lago", "marketplace")
NOW_MS = 1_795_204_800_000 + 20 * 60_000
"""2026-11-20T20:20:00Z: the hour until 20:00 is closed."""
FIRST_MS = 1_795_204_800_000 - 20 * HOUR_MS


def hours(seed=1, products=(PREDICT, BATCH)):
    """Units by slot for two customers over twenty hours."""
    chosen = random.Random(seed)
    return {
        (customer, product, FIRST_MS + number * HOUR_MS): chosen.randrange(1, 500)
        for customer, product, number in itertools.product(CUSTOMERS, products, range(20))
    }


def expected(system, units):
    """What the system must have counted, by its own names."""
    sums = {}
    for (customer, product, _), count in units.items():
        name = BUYERS[customer].account if system == "marketplace" else CUSTOMERS[customer]
        sums[name, METERS[product]] = sums.get((name, METERS[product]), 0) + count
    return sums


@pytest.fixture
def served(monkeypatch):
    """The systems and their address, at the tests' time."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    with running_systems() as (systems, url):
        systems.clock = lambda: NOW_MS / 1000
        yield systems, url


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_counts_what_the_ledger_counted(system, served, tmp_path):
    """After one run the sums agree; a second run sends nothing."""
    systems, url = served
    report = export_once(system, url, tmp_path / "j", hours(), now_ms=NOW_MS)
    assert systems.sums() == expected(system, hours())
    assert (report.accepted, report.units, report.held) == (80, sum(hours().values()), [])
    before = len(systems.requests)
    again = export_once(system, url, tmp_path / "j", hours(), now_ms=NOW_MS)
    assert (again.accepted, again.duplicate, len(systems.requests)) == (0, 0, before)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_that_fails_now_and_then(system, served, tmp_path):
    """Throttled, failed before and after it counted, connections lost: each unit is counted once."""
    systems, url = served
    systems.faults = iter([429, LOST, None, 500, DROPPED, None, 503, LOST] + [None, LOST] * 4)
    export_once(system, url, tmp_path / "j", hours(products=(PREDICT,)), now_ms=NOW_MS)
    assert systems.sums() == expected(system, hours(products=(PREDICT,)))


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_hour_that_changed_is_sent_as_the_difference(system, served, tmp_path):
    """Late lines reach the system with the next run, however many there are."""
    systems, url = served
    units = hours(products=(PREDICT,))
    period = Period("2026-11", FIRST_MS - 12 * HOUR_MS, FIRST_MS + 300 * HOUR_MS)
    export_once(system, url, tmp_path / "j", units, now_ms=NOW_MS, period=period)
    for key in list(units)[5::6]:
        units[key] += 11
    later = NOW_MS + 2 * HOUR_MS
    systems.clock = lambda: later / 1000
    export_once(system, url, tmp_path / "j", units, now_ms=later, period=period)
    assert systems.sums() == expected(system, units)


def test_a_lost_answer_and_then_a_late_line(served, tmp_path):
    """What may have been counted is sent again as it was, not as the hour is now: else the late units would be lost."""
    systems, url = served
    slot = ("acme", PREDICT, FIRST_MS)
    systems.faults = itertools.repeat(LOST)
    with pytest.raises(TargetUnavailableError):
        export_once("stripe", url, tmp_path / "j", {slot: 10}, now_ms=NOW_MS)
    systems.faults = iter(())
    report = export_once("stripe", url, tmp_path / "j", {slot: 12}, now_ms=NOW_MS)
    assert systems.sums() == {("cus_acme", METERS[PREDICT]): 12}
    assert (report.duplicate, report.accepted) == (1, 1)


@pytest.mark.parametrize("fault", [LOST, 500], ids=["counted", "not counted"])
def test_after_a_day_stripe_is_asked_before_anything_is_sent_again(fault, served, tmp_path):
    """Identifiers are forgotten after 24 hours: the meter's summary says whether the units are there."""
    systems, url = served
    slot = ("acme", BATCH, FIRST_MS)
    systems.faults = itertools.repeat(fault)
    with pytest.raises(TargetUnavailableError):
        export_once("stripe", url, tmp_path / "j", {slot: 10}, now_ms=NOW_MS)
    systems.faults = iter(())
    later = NOW_MS + 30 * HOUR_MS
    systems.clock = lambda: later / 1000
    export_once("stripe", url, tmp_path / "j", {slot: 10}, now_ms=later)
    assert systems.sums() == {("cus_acme", METERS[BATCH]): 10}


def test_a_summary_that_fits_nothing_is_left_to_a_person(served, tmp_path):
    """If the meter holds neither what was known nor that and the delivery, nothing is sent."""
    systems, url = served
    slot = ("acme", PREDICT, FIRST_MS)
    systems.faults = itertools.repeat(500)
    with pytest.raises(TargetUnavailableError):
        export_once("stripe", url, tmp_path / "j", {slot: 10}, now_ms=NOW_MS)
    systems.faults = iter(())
    systems._events.append(("cus_acme", "mtr_1", FIRST_MS // 1000, 3))
    later = NOW_MS + 30 * HOUR_MS
    systems.clock = lambda: later / 1000
    report = export_once("stripe", url, tmp_path / "j", {slot: 10}, now_ms=later)
    assert [(each.reason, each.units) for each in report.held] == [("unresolved", 10)]
    assert systems.sums() == {}


def test_a_marketplace_record_that_became_too_old_is_left_to_a_person(served, tmp_path):
    """A record that may have been counted and is refused for its age now is neither given up nor carried on."""
    systems, url = served
    slot = ("acme", PREDICT, FIRST_MS)
    systems.faults = itertools.repeat(LOST)
    with pytest.raises(TargetUnavailableError):
        export_once("marketplace", url, tmp_path / "j", {slot: 10}, now_ms=NOW_MS)
    systems.faults = iter(())
    later = NOW_MS + 10 * HOUR_MS
    systems.clock = lambda: later / 1000
    report = export_once("marketplace", url, tmp_path / "j", {slot: 10}, now_ms=later)
    assert [(each.reason, each.units) for each in report.held] == [("unresolved", 10)]
    assert systems.sums() == {("111111111111", METERS[PREDICT]): 10}


@pytest.mark.parametrize("keeps_good_half", [False, True])
def test_lago_refuses_a_batch_for_one_event(keeps_good_half, served, tmp_path):
    """A batch is halved until the event is found, whether or not Lago kept the good ones (before lago-api #4772)."""
    systems, url = served
    systems.keeps_good_half = keeps_good_half
    target = LagoTarget(HttpClient(url, SECRET), Counterparts(CUSTOMERS | {"acme": "refused"}, METERS))
    report = export_once("lago", url, tmp_path / "j", hours(), now_ms=NOW_MS, target=target)
    north = {key: units for key, units in expected("lago", hours()).items() if key[0] == "cus_north"}
    assert systems.sums() == north
    assert {(each.reason, each.slot.customer) for each in report.held} == {("refused", "acme")}


def test_what_has_no_name_at_the_system_is_listed(served, tmp_path):
    """A customer or product without a counterpart is held with its reason; the others are sent."""
    systems, url = served
    units = hours(products=(PREDICT,))
    unnamed = {("acme", "credit-rating/explain/standard", FIRST_MS): 4}
    report = export_once("stripe", url, tmp_path / "j", units | unnamed, now_ms=NOW_MS)
    assert [(each.reason, each.units, each.detail) for each in report.held] == [("unmapped", 4, "product")]
    assert systems.sums() == expected("stripe", units)


def test_a_wrong_key_ends_the_run_and_tells_nothing(served, tmp_path):
    """The error names neither the key nor what was sent; the next run with the right key sends it all."""
    systems, url = served
    target = target_of("stripe", url)
    target._client._secret = "sk_live_wrong"
    with pytest.raises(TargetForbiddenError) as caught:
        export_once("stripe", url, tmp_path / "j", hours(), now_ms=NOW_MS, target=target)
    assert "sk_live" not in str(caught.value) + caught.value.detail
    assert "cus_" not in caught.value.detail
    export_once("stripe", url, tmp_path / "j", hours(), now_ms=NOW_MS)
    assert systems.sums() == expected("stripe", hours())
    assert SECRET.encode() not in (tmp_path / "j").read_bytes()


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("86400", 600)])
def test_a_system_is_asked_again_when_it_says(asked, waited, served, tmp_path, monkeypatch):
    """Retry-After is kept to, up to ten minutes: who asks for a day is asked by a later run."""
    systems, url = served
    pauses = []
    monkeypatch.setattr("time.sleep", pauses.append)
    systems.retry_after, systems.faults = asked, iter([429])
    export_once("lago", url, tmp_path / "j", hours(), now_ms=NOW_MS)
    assert waited in pauses
    assert systems.sums() == expected("lago", hours())


def test_requests_obey_the_limits_of_batches(served, tmp_path):
    """At most 100 events for Lago, 25 records and 1 MB for the marketplace: the server would refuse more."""
    systems, url = served
    units = {("acme", PREDICT, FIRST_MS - number * HOUR_MS): 1 for number in range(250)}
    export_once("lago", url, tmp_path / "l", units, now_ms=NOW_MS)
    assert [len(json.loads(body)["events"]) for _, _, _, body in systems.requests] == [100, 100, 50]
    systems.requests.clear()
    export_once("marketplace", url, tmp_path / "m", hours(), now_ms=NOW_MS)
    sizes = [len(json.loads(body)["UsageRecords"]) for _, _, _, body in systems.requests]
    assert max(sizes) == 25


@pytest.mark.parametrize("url", ["http://api.example.com", "ftp://127.0.0.1", "http://127.0.0.1.example.com"])
def test_a_secret_does_not_travel_in_plain_text(url):
    """Other systems are spoken to by https; plain http only on this machine."""
    with pytest.raises(InsecureTargetError):
        HttpClient(url, SECRET)


def test_a_journal_is_one_processs(tmp_path):
    """A second export to the same system waits for nobody: it is refused."""
    first = Journal(tmp_path / "j")
    with pytest.raises(JournalInUseError):
        Journal(tmp_path / "j")
    first.close()
    Journal(tmp_path / "j").close()


def test_a_torn_journal_is_mended_and_a_damaged_one_is_not(tmp_path):
    """A last line without its end is cut off; any other line that is no entry stops the export."""
    path = tmp_path / "j"
    slot = next(iter(usage_of(hours()))).slot
    delivery = Delivery(slot, 0, 5)
    journal = Journal(path)
    journal.intend([delivery], NOW_MS)
    journal.settle([(delivery.identifier, Outcome.ACCEPTED)])
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    mended = Journal(path)
    assert [each.delivery for each in mended.account.pending] == [delivery]
    mended.settle([(delivery.identifier, Outcome.ACCEPTED)])
    mended.close()
    assert path.read_bytes() == whole
    path.write_bytes(b"{}\n" + whole)
    with pytest.raises(DamagedJournalError):
        Journal(path)


def export_killed(system, served, path, units, *, step=0, request=None):
    """Run an export in a process of its own, to be killed; return its exit status.

    It kills itself before its nth write or sync of a file, or the server kills it at a request before or after
    counting it.
    """
    systems, url = served
    said = {"system": system, "url": url, "path": str(path), "now_ms": NOW_MS, "kill_at": step}
    said["units"] = [[*key, count] for key, count in units.items()]
    command = [sys.executable, "-m", "support.exporter", json.dumps(said)]
    first = len(systems.requests)
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(TESTS)}) as process:
        systems.hook = lambda number, phase: process.kill() if (number - first, phase) == request else None
        process.wait(60)
    systems.hook = lambda number, phase: None
    return process.returncode


@pytest.mark.parametrize(
    ("system", "step"), [("stripe", 3), ("openmeter", 2), ("lago", 3), ("marketplace", 4)], ids=SYSTEMS
)
def test_killed_while_it_writes_down(system, step, served, tmp_path):
    """Killed between writing that something goes out and writing that it arrived, the next run makes the sums agree."""
    systems, url = served
    units = hours(products=(PREDICT,))
    assert export_killed(system, served, tmp_path / "j", units, step=step) == -signal.SIGKILL
    export_once(system, url, tmp_path / "j", units, now_ms=NOW_MS)
    assert systems.sums() == expected(system, units)


@pytest.mark.parametrize(
    ("system", "request_number", "phase"),
    [("stripe", 17, "before"), ("stripe", 30, "after"), ("openmeter", 1, "after"), ("marketplace", 2, "after")],
)
def test_killed_while_it_sends(system, request_number, phase, served, tmp_path):
    """Killed before or after the system has counted what it just sent, the next run makes the sums agree."""
    systems, url = served
    units = hours(products=(PREDICT,))
    killed = export_killed(system, served, tmp_path / "j", units, request=(request_number, phase))
    assert killed == -signal.SIGKILL
    export_once(system, url, tmp_path / "j", units, now_ms=NOW_MS)
    assert systems.sums() == expected(system, units)


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_killed_at_every_step(system, served, tmp_path):
    """Killed at every single write and sync, one after the other on the same journal, until a run comes through."""
    systems, url = served
    units = hours()
    for step in itertools.count(1):
        killed = export_killed(system, served, tmp_path / f"j{step}", units, step=step)
        if killed == 0:
            break
        assert killed == -signal.SIGKILL
        for key in list(units)[step % 7 :: 7]:
            units[key] += 0 if system == "marketplace" else 1
        export_once(system, url, tmp_path / f"j{step}", units, now_ms=NOW_MS)
        assert systems.sums() == expected(system, units), step
        systems.counted.clear()
        systems._seen.clear()
        systems._records.clear()
        units = hours(step)
    assert step > 4


def test_a_target_that_is_not_there(tmp_path):
    """Nobody listening is an error that says so and loses nothing."""
    target = target_of("openmeter", "http://127.0.0.1:9")
    with pytest.raises(RatecardError, match="no answer"):
        export_once("openmeter", "", tmp_path / "j", hours(), now_ms=NOW_MS, target=target)
