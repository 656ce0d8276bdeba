"""Exports without a network: shapes, identifiers, and what is still to be sent."""

import random
from datetime import UTC, datetime

import pytest
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from support.ledger import at

from ratecard.billing.exports.account import SentAccount, intent_entry, outcome_entry, read_entries
from ratecard.billing.exports.deliveries import Delivery, Outcome
from ratecard.billing.exports.payloads import lago_event, marketplace_record, openmeter_event, stripe_form
from ratecard.billing.exports.planning import Range, marketplace_oldest_ms, plan_hours, plan_sums
from ratecard.billing.hourly import HOUR_MS, HourlyUsage, Slot
from ratecard.billing.periods import Period
from ratecard.billing.settlement import Buyer, SettlementError, parse_settlement
from ratecard.kernel.digest import sha256_hex

HOUR = at("2026-11-20T10:00:00")
SLOT = Slot("acme", "credit-rating", "predict", "standard", HOUR)
DELIVERY = Delivery(SLOT, 0, 25)
NOVEMBER = Period("2026-11", at("2026-11-01T00:00:00"), at("2026-12-01T00:00:00"))
NOW = at("2026-11-20T20:30:00")


def span(now_ms=NOW, oldest_ms=0):
    return Range(now_ms, {"acme": NOVEMBER}, oldest_ms)


def usage(**units):
    """Hourly usage of acme by hour of the day."""
    return [
        HourlyUsage(Slot("acme", "credit-rating", "predict", "standard", at(f"2026-11-20T{hour[1:]}:00:00")), count)
        for hour, count in units.items()
    ]


def sent(plan, account):
    """Have a plan's deliveries all taken."""
    for delivery in plan.deliveries:
        account.intend(delivery, NOW)
        account.settle(delivery.identifier, Outcome.ACCEPTED)


def test_an_identifier_is_the_hash_of_what_is_delivered():
    """sha256(customer|meter|hour|revision), as reference 4.6 says; another hour or revision is another."""
    text = f"acme|credit-rating/predict/standard|{HOUR}|0"
    assert DELIVERY.identifier == sha256_hex(text.encode())
    others = [Delivery(SLOT, 1, 25), Delivery(Slot("acme", "credit-rating", "predict", "standard", HOUR + 1), 0, 25)]
    assert len({DELIVERY.identifier, *(other.identifier for other in others)}) == 3
    assert Delivery(SLOT, 0, 26).identifier == DELIVERY.identifier


def test_the_stripe_form():
    """Golden: reference 4.6; every value is text, the time is in seconds."""
    assert stripe_form(DELIVERY, "cus_1", "model_calls") == {
        "event_name": "model_calls",
        "payload[stripe_customer_id]": "cus_1",
        "payload[value]": "25",
        "identifier": "2df30e647cc8e8e9324b8df26881b0c0c0b6fc2694536f460860923d9cb8b54d",
        "timestamp": "1795168800",
    }


def test_the_openmeter_event():
    """Golden: reference 4.7; it is a CloudEvent by CloudEvents' own library too."""
    event = openmeter_event(DELIVERY, "acme")
    assert event == {
        "specversion": "1.0",
        "type": "ratecard.usage",
        "id": DELIVERY.identifier,
        "time": "2026-11-20T10:00:00.000Z",
        "source": "ratecard",
        "subject": "acme",
        "data": {"units": "25", "model": "credit-rating", "operation": "predict", "level": "standard"},
    }
    attributes = {name: value for name, value in event.items() if name != "data"}
    CloudEvent(attributes | {"time": datetime.fromisoformat(event["time"])}, event["data"])


def test_the_lago_event():
    """Golden: reference 4.8; the time is always there."""
    assert lago_event(DELIVERY, "sub_1", "model_calls") == {
        "transaction_id": DELIVERY.identifier,
        "external_subscription_id": "sub_1",
        "code": "model_calls",
        "timestamp": "1795168800.000",
        "properties": {"units": "25", "model": "credit-rating", "operation": "predict", "level": "standard"},
    }


def test_the_marketplace_record():
    """Golden: botocore's UsageRecord; the licence names the product, the quantity is a decimal string."""
    assert marketplace_record(DELIVERY, Buyer("123456789012", "arn:aws:license"), "rows") == {
        "Timestamp": datetime(2026, 11, 20, 10, tzinfo=UTC),
        "Dimension": "rows",
        "QuantityAsDecimal": "25",
        "CustomerAWSAccountId": "123456789012",
        "LicenseArn": "arn:aws:license",
    }


def test_late_lines_are_a_revision():
    """What an hour has more than was sent is its next delivery; nothing new is nothing to send."""
    account = SentAccount()
    sent(plan_sums(usage(h10=5, h11=7), account, span()), account)
    assert plan_sums(usage(h10=5, h11=7), account, span()).deliveries == ()
    (late,) = plan_sums(usage(h10=5, h11=9), account, span()).deliveries
    assert (late.revision, late.units) == (1, 2)


def test_an_hour_waits_until_its_lines_have_arrived():
    """An hour is sent 15 minutes after its end, not a millisecond before."""
    account, end = SentAccount(), HOUR + HOUR_MS
    early = plan_sums(usage(h10=5), account, span(end + 899_999))
    assert (early.deliveries, [each.reason for each in early.held]) == ((), ["open"])
    assert len(plan_sums(usage(h10=5), account, span(end + 900_000)).deliveries) == 1


def test_what_shrank_or_is_too_old_is_listed():
    """An export takes nothing back, and does not send what the system refuses by its age."""
    account = SentAccount()
    sent(plan_sums(usage(h10=5), account, span()), account)
    held = plan_sums(usage(h10=3, h11=4), account, span(oldest_ms=HOUR + HOUR_MS + 1)).held
    assert [(each.reason, each.units) for each in held] == [("shrunk", 2), ("too_old", 4)]
    assert [each.reason for each in plan_sums([], account, span()).held] == ["shrunk"]


def test_an_hour_that_may_have_been_sent_waits():
    """Nothing is planned for a slot whose last delivery nobody knows about; a refused one is free again."""
    account = SentAccount()
    account.intend(DELIVERY, NOW)
    assert plan_sums(usage(h10=99), account, span()).deliveries == ()
    account.settle(DELIVERY.identifier, Outcome.REFUSED)
    assert plan_sums(usage(h10=99), account, span()).deliveries == (Delivery(SLOT, 0, 99),)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 50), st.booleans()), max_size=25))
def test_what_was_sent_is_what_was_counted(steps):
    """However hours grow, and whichever deliveries are refused, after a last run the sums agree."""
    account, counted, taken = SentAccount(), dict.fromkeys(range(6), 0), dict.fromkeys(range(6), 0)
    for hour, more, refused in [*steps, (0, 1, False)]:
        counted[hour] += more
        plan = plan_sums(usage(**{f"h1{each}": units for each, units in counted.items() if units}), account, span())
        for delivery in plan.deliveries:
            account.intend(delivery, NOW)
            account.settle(delivery.identifier, Outcome.REFUSED if refused else Outcome.ACCEPTED)
            if not refused:
                taken[(delivery.slot.from_ms - HOUR) // HOUR_MS] += delivery.units
    assert taken == counted


def test_a_journal_read_back_is_the_account():
    """Entries written while working give the same account again."""
    account, entries = SentAccount(), []
    deliveries = [Delivery(SLOT, 0, 5), Delivery(SLOT, 1, 2), Delivery(SLOT, 2, 1)]
    for delivery, outcome in zip(deliveries, [Outcome.ACCEPTED, Outcome.DUPLICATE, None], strict=True):
        account.intend(delivery, NOW)
        entries.append(intent_entry(delivery, NOW))
        if outcome:
            account.settle(delivery.identifier, outcome)
            entries.append(outcome_entry(delivery.identifier, outcome))
    again = read_entries(entries)
    assert (again.units_of(SLOT), again.next_revision(SLOT), again.pending) == (7, 2, account.pending)


def test_an_hour_of_the_marketplace_is_reported_once():
    """What came late to a reported hour goes with the newest one that is free; its sum is the ledger's."""
    account = SentAccount()
    oldest = marketplace_oldest_ms(NOW)
    sent(plan_hours(usage(h10=5, h11=7), account, span(oldest_ms=oldest)), account)
    plan = plan_hours(usage(h10=6, h11=9, h18=4), account, span(oldest_ms=oldest))
    assert [(each.slot.from_ms, each.units) for each in plan.deliveries] == [
        (at("2026-11-20T18:00:00"), 4),
        (at("2026-11-20T19:00:00"), 3),
    ]
    sent(plan, account)
    assert plan_hours(usage(h10=6, h11=9, h18=4), account, span(oldest_ms=oldest)).deliveries == ()


def test_late_units_without_a_free_hour_are_listed():
    """When every hour of the period is reported or too old, what came late is named."""
    account = SentAccount()
    sent(plan_hours(usage(h19=5), account, span(oldest_ms=at("2026-11-20T19:00:00"))), account)
    plan = plan_hours(usage(h18=2, h19=6), account, span(oldest_ms=at("2026-11-20T19:00:00")))
    assert plan.deliveries == ()
    assert [(each.reason, each.units) for each in plan.held] == [("late", 1), ("too_old", 2)]


def test_what_the_marketplace_still_takes():
    """Less than 24 hours back; last month until 06:00 UTC on the first (BatchMeterUsage)."""
    assert marketplace_oldest_ms(NOW) == NOW - 86_400_000 + 1
    assert marketplace_oldest_ms(at("2026-12-01T05:59:59.999")) < at("2026-11-30T23:00:00")
    assert marketplace_oldest_ms(at("2026-12-01T06:00:00")) == at("2026-12-01T00:00:00")


def test_the_order_of_usage_does_not_matter():
    """A plan is sorted, whatever order its usage has."""
    hours = usage(h10=5, h11=7, h12=1, h13=2)
    random.Random(1).shuffle(hours)
    assert plan_sums(hours, SentAccount(), span()) == plan_sums(sorted(hours), SentAccount(), span())


SETTLEMENT = """
format = 1
[seller]
name = "Models Ltd"
lines = ["1 Street", "VAT 1"]
[addresses]
acme = ["2 Road"]
[stripe.customers]
acme = "cus_1"
[stripe.meters]
"credit-rating/predict/standard" = "rows"
[marketplace.customers.acme]
account = "123456789012"
licence = "arn:aws:license"
[marketplace.meters]
"credit-rating/predict/standard" = "rows"
"""


def test_the_settlement_file():
    """It names seller, addresses and counterparts."""
    found = parse_settlement(SETTLEMENT)
    assert (found.seller.name, found.addresses["acme"]) == ("Models Ltd", ("2 Road",))
    assert found.stripe.customers == {"acme": "cus_1"}
    assert found.buyers["acme"] == Buyer("123456789012", "arn:aws:license")
    assert found.lago.customers == {}


@pytest.mark.parametrize(
    "text",
    [
        "format = 2",
        "format = 1\n[sellers]\nname = 'x'",
        "format = 1\n[seller]\nlines = ['x']",
        "format = 1\n[stripe]\nkey = 'sk_live'",
        "format = 1\n[stripe.customers]\nacme = 5",
        "format = 1\n[marketplace.customers]\nacme = 'x'",
        "format",
    ],
)
def test_a_settlement_file_that_cannot_be_meant(text):
    """What is unknown, missing or of another type is refused: a key of an API has no place in it."""
    with pytest.raises(SettlementError):
        parse_settlement(text)
