"""Reconciliation: loss, duplication and skew are named by exactly their ids, and block above the tolerance."""

from decimal import Decimal

from support.ledger import BOOK, access, at, usage

from ratecard.billing.blockers import loss_blockers
from ratecard.billing.byhour import HourCount
from ratecard.billing.counting import count_lake
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.reconciliation import Found, GatewayDay, reconcile
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import Assignment

JUNE = parse_period(BillingCalendar("UTC"), "2026-06")
NOON, HOUR = at("2026-06-05T12:00:00"), 3_600_000
SCOPE = Scope(
    (Assignment("k1", "acme", "standard", 0), Assignment("k2", "bolt", "standard", 0)),
    parse_price_book(BOOK),
    {"acme": JUNE, "bolt": JUNE},
    Guards(JUNE.to_ms + HOUR),
)


def test_every_injected_fault_is_named_with_its_class_customer_and_hour():
    """A thousand calls in ten hours: the report names those that were spoilt, and no other."""
    used = {f"c{n:03d}": [usage(f"c{n:03d}", NOON + n % 10 * HOUR)] for n in range(1_000)}
    answered = {each: [access(each, NOON + int(each[1:]) % 10 * HOUR)] for each in used}
    answered["c001"] = []
    used["c012"], used["c022"] = [], []
    used["c033"] *= 2
    answered["c044"] *= 3
    used["c055"].append(usage("c055", NOON + 5 * HOUR, units=9))
    answered["c066"] = [access("c066", NOON + 6 * HOUR, "k2")]
    used["c077"] = [usage("c077", NOON + 100 * 86_400_000)]
    used["c088"] = [usage("c088", NOON + 8 * HOUR, "k9")]
    answered["c088"] = [access("c088", NOON + 8 * HOUR, "k9")]
    lines = [line for found in used.values() for line in found], [line for found in answered.values() for line in found]
    found = reconcile(count_lake(*lines, scope=SCOPE))
    assert found.found == (
        Found("", NOON + 8 * HOUR, "nobodys", "c088"),
        Found("acme", NOON + HOUR, "access_lost", "c001"),
        Found("acme", NOON + 2 * HOUR, "usage_lost", "c012"),
        Found("acme", NOON + 2 * HOUR, "usage_lost", "c022"),
        Found("acme", NOON + 3 * HOUR, "counted_twice", "c033"),
        Found("acme", NOON + 4 * HOUR, "counted_twice", "c044"),
        Found("acme", NOON + 5 * HOUR, "contradiction", "c055"),
        Found("acme", NOON + 6 * HOUR, "contradiction", "c066"),
        Found("acme", NOON + 100 * 86_400_000, "skew", "c077"),
    )
    assert found.differences()["acme", NOON + 2 * HOUR, "usage_lost"] == ["c012", "c022"]
    assert (found.lost("acme"), found.lost("bolt")) == (3, 0)


def test_issuing_is_blocked_above_the_tolerance_and_not_at_it():
    """One call of two hundred may have lost a line, two may not; another customer's losses are not mine."""
    for lost, blocks in ((1, False), (2, True)):
        used = [usage(f"c{n}", NOON) for n in range(200 - lost)]
        counted = count_lake(used, [access(f"c{n}", NOON) for n in range(200)], scope=SCOPE)
        found = reconcile(counted)
        assert (found.lost("acme"), found.blocks("acme"), found.blocks("bolt")) == (lost, blocks, False)
        assert found.blocks("acme", Decimal("0.01")) is False
        codes = [each.code for each in loss_blockers(counted, "acme", access_log_complete=False)]
        assert codes == ["reconciliation"] * blocks


def test_where_the_access_log_is_complete_an_unanswered_call_is_no_loss():
    """Its caller got nothing and pays nothing: it is named, and blocks nothing."""
    counted = count_lake([usage("a", NOON)], [], scope=SCOPE)
    found = reconcile(counted, access_log_complete=True)
    assert [each.difference for each in found.found] == ["unanswered"]
    assert not found.blocks("acme")
    assert reconcile(counted).blocks("acme")


def test_every_day_of_the_gateways_own_count_is_shown_with_its_difference():
    """The third count has no ids: its differences are days."""
    days = [GatewayDay("acme", "k1", "2026-06-06", 9, 7), GatewayDay("acme", "k1", "2026-06-05", 7, 7)]
    found = reconcile(count_lake([], [], scope=SCOPE), days)
    assert [(each.day, each.difference) for each in found.days] == [("2026-06-05", 0), ("2026-06-06", 2)]


def test_the_counts_of_an_hour_differ_by_what_is_named_in_it():
    """Ledger and log side by side, hour by hour; files, refusals and reading are apart, and strangers are nobody's."""
    scope = Scope(
        (*SCOPE.directory.assignments, Assignment("inbox/acme", "acme", "standard", 0)),
        parse_price_book(BOOK),
        SCOPE.periods,
        Guards(JUNE.to_ms + HOUR),
        by_hour=True,
    )
    used = [usage(f"c{n}", NOON + n % 2 * HOUR) for n in range(10)]
    answered = [access(f"c{n}", NOON + n % 2 * HOUR) for n in range(10)]
    used += [usage("file", NOON, "inbox/acme", operation="batch"), usage("stranger", NOON, "k9")]
    used += [usage("again", NOON, idempotency_key="i"), usage("once", NOON, idempotency_key="i")]
    answered += [access("again", NOON), access("once", NOON)]
    answered += [access("busy", NOON, status=429, integration="-"), access("read", NOON, method="GET")]
    counted = count_lake([*used[1:], used[2]], answered[:3] + answered[4:], scope=scope)
    found = reconcile(counted)
    assert found.hours == (
        HourCount("acme", NOON, ledger=6, access_log=7, files=1, others=2),
        HourCount("acme", NOON + HOUR, ledger=5, access_log=4, files=0, others=0),
    )
    lost = {each.hour_ms: each.difference for each in found.found if each.id in ("c0", "c3")}
    assert lost == {NOON: "usage_lost", NOON + HOUR: "access_lost"}
    assert [each.difference for each in found.hours] == [-1, 1]
    assert count_lake(used, answered, scope=SCOPE).hours == ()
