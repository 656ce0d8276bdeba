"""Recoveries: approved by name, recorded once on the audit trail, and charged once."""

import pytest
from support.ledger import BOOK, access, at, usage

from ratecard.billing.counting import count_lake
from ratecard.billing.events import parse_access
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import Assignment
from ratecard.storage.audit import AuditTrail, InvalidActorError
from ratecard.storage.chain import Chain
from ratecard.storage.places import FolderPlaces
from ratecard.storage.recoveries import (
    NotRecoverableError,
    load_recoveries,
    make_recovery,
    record_recoveries,
    recovering,
)

JUNE = parse_period(BillingCalendar("UTC"), "2026-06")
NOON = at("2026-06-05T12:00:00")
SCOPE = Scope((Assignment("k1", "acme", "standard", 0),), parse_price_book(BOOK), {"acme": JUNE}, Guards(JUNE.to_ms))
ROUTE = "/v1/models/credit-rating/predict"


def test_an_approved_call_is_on_the_trail_and_is_charged_once(tmp_path):
    """Approved twice it is one record; with its line, should that turn up, it is charged by the line."""
    trail = AuditTrail(Chain(FolderPlaces(tmp_path)), lambda: NOON)
    call = make_recovery(parse_access(access("a", NOON)), ROUTE)
    for _ in range(2):
        record_recoveries(trail, "ann", [call])
    (record,) = trail.list_records()
    assert (record.actor, record.action, record.subject) == ("ann", "call.recovered", "call/a")
    assert trail.verify({}) == ()
    assert load_recoveries(trail) == (call,)
    answers = [access("a", NOON), access("b", NOON)]
    for used, units, oddities in (([], 1, ["usage_missing"]), ([usage("a", NOON, units=7)], 7, ["usage_missing"])):
        counted = recovering(lambda scope, used=used: count_lake(used, answers, scope=scope), trail)(SCOPE)
        assert [each.units for each in counted.counts] == [units]
        assert [(each.oddity, each.id) for each in counted.exceptions] == [(each, "b") for each in oddities]
    assert SCOPE.recoveries == {}


def test_what_cannot_be_recovered(tmp_path):
    """A call to no model has no price, and an approval without a name is none."""
    answer = parse_access(access("a", NOON))
    with pytest.raises(NotRecoverableError):
        make_recovery(answer, "/v1/usage")
    trail = AuditTrail(Chain(FolderPlaces(tmp_path)), lambda: NOON)
    with pytest.raises(InvalidActorError):
        record_recoveries(trail, " ", [make_recovery(answer, "/v2/models/credit-rating/infer")])
