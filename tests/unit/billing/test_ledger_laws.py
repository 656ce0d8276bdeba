"""Laws of the whole ledger, from lines of the lake to the invoice's bytes, over lakes that hypothesis thinks up."""

import random
from collections import Counter
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledger import BOOK, access, at, usage

from ratecard.billing.canonical import canonical
from ratecard.billing.counting import count_lake
from ratecard.billing.invoice import invoice_content, invoice_document, parse_lines
from ratecard.billing.lines import total_of
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import Assignment
from ratecard.billing.statement import Account, History, Inputs, draft_invoice, find_blockers, rate_customer
from ratecard.billing.verification import verify_documents
from ratecard.kernel.digest import sha256_hex

PRICES = parse_price_book(BOOK)
HOUR, DAY = 3_600_000, 86_400_000
AS_OF = at("2026-08-02T00:00:00")
BEGIN, END = at("2026-05-20T00:00:00"), at("2026-07-12T00:00:00")
CHANGE = at("2026-06-15T09:30:00")
CALENDARS = {
    "acme": BillingCalendar("America/Los_Angeles", 31),
    "bolt": BillingCalendar("Pacific/Auckland", 1),
}
# k1 changes its plan, k2 its owner, in mid-June.
ASSIGNMENTS = (
    Assignment("k1", "acme", "standard", 0, CHANGE),
    Assignment("k1", "acme", "gold", CHANGE),
    Assignment("k2", "bolt", "gold", 0, CHANGE),
    Assignment("k2", "acme", "standard", CHANGE),
    Assignment("inbox/acme", "acme", "standard", 0),
)
NAMES = ("2026-04", "2026-05", "2026-06", "2026-07")
FEW = settings(max_examples=40)
"""Each lake has up to forty calls."""


def inputs(lake, name):
    """What is known of a period."""
    periods = {customer: parse_period(billing, name) for customer, billing in CALENDARS.items()}
    scope = Scope(ASSIGNMENTS, PRICES, periods, Guards(AS_OF))
    return Inputs(scope, count_lake(*lake, scope=scope), PRICES, {"price_book_sha256": "a" * 64})


def content(lake, customer, name="2026-06"):
    """Bytes of an invoice without its place in the chain."""
    return canonical(invoice_content(draft_invoice(inputs(lake, name), Account(customer, CALENDARS[customer]))))


@st.composite
def lakes(draw):
    """Usage and access lines of up to forty calls with all that can happen to them."""
    used, answered = [], []
    for number in range(draw(st.integers(0, 40))):
        at_ms = draw(st.integers(BEGIN, END))
        subject = draw(st.sampled_from(["k1", "k1", "k2", "inbox/acme", "k9"]))
        operation = "batch" if subject.startswith("inbox/") else draw(st.sampled_from(["predict", "explain"]))
        retry = draw(st.sampled_from([None, None, "i1"]))
        changes = {"operation": operation, "units": draw(st.integers(1, 60)), "idempotency_key": retry}
        fate = draw(st.sampled_from(["fine"] * 6 + ["lost", "unlogged", "conflict", "timeout", "torn"]))
        line = usage(f"c{number}", at_ms, subject, **changes)
        used += {"lost": [], "torn": [None], "conflict": [line, line | {"source": "/other"}]}.get(fate, [line])
        if operation != "batch" and fate != "unlogged":
            answered.append(access(f"c{number}", at_ms, subject, status=504 if fate == "timeout" else 200))
    return used, answered


@FEW
@given(lakes(), st.randoms(use_true_random=False))
def test_order_split_and_repetition_of_lines_never_change_an_invoice(lake, shuffler: random.Random):
    """The same lines in any order, any of them delivered again, give the same bytes, each time they are rated."""
    again = tuple([*stream, *(line for line in stream if shuffler.random() < 0.4)] for stream in lake)
    for stream in again:
        shuffler.shuffle(stream)
    for customer in CALENDARS:
        assert content(again, customer) == content(lake, customer) == content(lake, customer)


@FEW
@given(lakes())
def test_every_call_is_in_one_period_of_one_customer(lake):
    """Over consecutive periods in two zones, each call of a known key is counted once or listed."""
    seen = [inputs(lake, name).counted for name in NAMES]
    calls = sum(each.calls for counted in seen for each in counted.counts)
    listed = Counter(each.oddity for counted in seen for each in counted.exceptions if each.customer)
    known = {line["id"] for line in lake[0] if line and line["subject"] != "k9"}
    known |= {line["extendedRequestId"] for line in lake[1] if line["apiKeyId"] != "k9"}
    # A timeout whose usage line was torn is shown as failed; nothing but these kinds is left out of the counts.
    assert calls + listed["conflict"] + listed["usage_missing"] == len(known)


@FEW
@given(lakes(), st.integers(0, 2**40))
def test_late_lines_cost_what_they_would_have_cost_on_time(lake, seed):
    """June's invoice from a part of the lake and July's adjustments come to June from all of it; both verify."""
    chance = random.Random(seed)
    early = tuple([line for line in stream if chance.random() < 0.6] for stream in lake)
    account = Account("acme", CALENDARS["acme"], open_credit=Decimal("0.07"))
    june = draft_invoice(inputs(early, "2026-06"), account)
    on_time = rate_customer(inputs(lake, "2026-06"), "acme")
    first = invoice_document(june, number=1, previous_sha256="0" * 64, issued_at_ms=AS_OF)
    july = draft_invoice(inputs(lake, "2026-07"), account, [History(june.lines, on_time)])
    second = invoice_document(july, number=2, previous_sha256=sha256_hex(first), issued_at_ms=AS_OF)

    assert verify_documents([first, second]) == ()
    assert total_of([*june.lines, *july.adjustments]) == total_of(on_time)
    assert {line.key.period for line in july.adjustments} <= {"2026-06"}


@FEW
@given(lakes(), st.integers(1, 4))
def test_progressive_bills_and_their_final_one_come_to_a_single_bill(lake, parts):
    """Bills during the period, without the minimum fee, and the last one with it, add up to the one bill of the end."""
    known = [
        inputs(tuple(stream[: len(stream) * n // parts] for stream in lake), "2026-06") for n in range(1, parts + 1)
    ]
    billed = ()
    for number, each in enumerate(known, 1):
        rated = rate_customer(each, "acme", final=number == parts)
        billed += draft_invoice(each, Account("acme", CALENDARS["acme"]), [History(billed, rated)]).adjustments
    assert total_of(billed) == total_of(rate_customer(known[-1], "acme"))


@FEW
@given(lakes())
def test_what_must_be_looked_at_blocks_the_close(lake):
    """A contradiction of a customer's call, or a call that is nobody's, is named before an invoice is issued."""
    counted = inputs(lake, "2026-06").counted
    for customer in CALENDARS:
        blockers = {each.id for each in find_blockers(counted, customer)}
        assert blockers >= {each.id for each in counted.exceptions if each.oddity == "unknown_subject"}
        assert blockers >= {e.id for e in counted.exceptions if e.oddity == "conflict" and e.customer == customer}


def test_a_document_of_the_ledger_reads_back():
    """Lines of an issued invoice are what the next one's adjustments start from."""
    lake = [usage(f"c{n}", at("2026-07-05T00:00:00") + n) for n in range(30)], []
    drafted = draft_invoice(inputs(lake, "2026-06"), Account("acme", CALENDARS["acme"]))
    assert parse_lines(invoice_content(drafted)["lines"]) == drafted.lines
    assert [line.key.plan_version for line in drafted.lines if line.key.kind == "usage"] == ["gold@2026-01-01"]
