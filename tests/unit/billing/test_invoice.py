"""Invoices and credit notes: one sequence of bytes, in a chain, checkable by anybody who has them."""

import json
import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ledger import BOOK, at

from ratecard.billing.adjustments import compute_adjustments
from ratecard.billing.canonical import NotCanonicalError, canonical, decimal_text, parse_canonical
from ratecard.billing.credits import CreditTooLargeError
from ratecard.billing.invoice import (
    CreditDraft,
    InvoiceDraft,
    credit_note_document,
    invoice_document,
    money_text,
    parse_lines,
)
from ratecard.billing.lines import total_of
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.rating import Count, Holding, rate_period
from ratecard.billing.verification import verify_documents, verify_invoice
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.money import Money

BERLIN = BillingCalendar("Europe/Berlin")
JUNE, JULY = parse_period(BERLIN, "2026-06"), parse_period(BERLIN, "2026-07")
NOTHING = "0" * 64
ISSUED = at("2026-07-01T06:00:00")
PRICE = "credit-rating/predict@2026-01-01"


def lines(units, *, period=JUNE, holdings=()):
    """Rated lines of some use of standard, with retries and refused calls beside it."""
    plan = "standard@2026-01-01"
    counts = [
        Count("acme", period.name, plan, PRICE, "credit-rating", "predict", "standard", "", units, units),
        Count("acme", period.name, plan, PRICE, "credit-rating", "predict", "standard", "retry", 4, 4),
        Count("acme", period.name, "", "", "", "", "", "refused: 429", 7, 0),
    ]
    return rate_period(counts, parse_price_book(BOOK), period=period, holdings=holdings)


def draft(units=101, **changes):
    """An invoice of June."""
    parts = {"customer": "acme", "currency": "USD", "calendar": BERLIN, "period": JUNE, "as_of_ms": ISSUED}
    return InvoiceDraft(**(parts | {"lines": lines(units), "basis": {"price_book_sha256": "a" * 64}} | changes))


def issue(invoice, number=1, previous=NOTHING):
    """An invoice's bytes."""
    return invoice_document(invoice, number=number, previous_sha256=previous, issued_at_ms=ISSUED)


def credit(invoice: bytes, amount, *, number, previous, earlier=()):
    """A credit note on an invoice."""
    said = json.loads(invoice)
    parts = said["customer"], said["number"], sha256_hex(invoice), Money(Decimal(said["due"]), "USD")
    note = CreditDraft(*parts, tuple(map(Decimal, earlier)), Decimal(amount), "One call was slow.")
    return credit_note_document(note, number=number, previous_sha256=previous, issued_at_ms=ISSUED)


def chain():
    """Two invoices with an adjustment, and a credit note."""
    june = issue(draft())
    late = compute_adjustments(lines(101), lines(150))
    july_draft = draft(lines=lines(7, period=JULY), period=JULY, adjustments=late, credit_used=Decimal("-0.10"))
    july = issue(july_draft, 2, sha256_hex(june))
    return [june, july, credit(june, "0.56", number=3, previous=sha256_hex(july))]


def test_an_invoice_says_what_was_billed():
    """The document holds period, zone, instants, lines with tiers and both amounts; nothing is a binary fraction."""
    document = json.loads(issue(draft()), parse_float=pytest.fail)
    assert document["period"] == {
        "name": "2026-06",
        "zone": "Europe/Berlin",
        "anchor_day": 1,
        "from": "2026-05-31T22:00:00.000Z",
        "to": "2026-06-30T22:00:00.000Z",
    }
    usage = document["lines"][-1]
    assert (usage["units"], usage["unrounded"], usage["amount"]) == (101, "1.56", "1.56")
    assert usage["tiers"][1] == {"up_to": 100, "units": 90, "unit_price": "0.015", "flat_fee": "0", "amount": "1.35"}
    assert (document["total"], document["credit_used"], document["due"]) == ("1.56", "0.00", "1.56")
    assert [(line["reason"], line["amount"]) for line in document["lines"][:2]] == [
        ("refused: 429", "0.00"),
        ("retry", "0.00"),
    ]


def test_rating_again_gives_the_same_bytes():
    """Three runs have one hash; number and place do not change the content's hash, an input does."""
    assert len({issue(draft()) for _ in range(3)}) == 1
    contents = [json.loads(each)["content_sha256"] for each in (issue(draft()), issue(draft(), 9), issue(draft(102)))]
    assert contents[0] == contents[1] != contents[2]


def test_a_chain_that_was_not_touched_has_no_flaw():
    """Invoices with adjustments, credit used up, and credit notes verify from their bytes alone."""
    documents = chain()
    assert verify_documents(documents) == ()
    assert all(verify_invoice(document) == () for document in documents)
    assert json.loads(documents[2])["amount"] == "-0.56"


def test_adjustments_over_two_invoices_are_as_if_on_time():
    """What June's invoice and July's adjustments of June come to is June with all its events."""
    june, july, _ = (json.loads(each) for each in chain())
    billed = parse_lines(june["lines"]) + parse_lines(july["adjustments"])
    assert total_of(billed) == total_of(lines(150))
    assert {entry["period"] for entry in july["adjustments"]} == {"2026-06"}
    assert compute_adjustments(billed, lines(150)) == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": 7}, "number"),
        ({"previous_sha256": "b" * 64}, "previous_sha256"),
        ({"customer": "bolt"}, "content_sha256"),
        ({"total": "1.55"}, "arithmetic"),
        ({"due": "1.55"}, "arithmetic"),
        ({"credit_used": "-9.00", "due": "-7.44"}, "arithmetic"),
        ({"lines": []}, "arithmetic"),
        ({"lines": [{}]}, "damaged"),
        ({"kind": "letter"}, "damaged"),
        ({"currency": "XXX"}, "damaged"),
    ],
)
def test_a_changed_member_is_found(change, code):
    """Whoever changes a document, its hash too, still cannot make it add up in its place."""
    documents = chain()
    changed = json.loads(documents[0]) | change
    flaws = verify_documents([canonical(changed), *documents[1:]])
    assert (1, code) in [(flaw.place, flaw.code) for flaw in flaws]
    assert (2, "previous_sha256") in [(flaw.place, flaw.code) for flaw in flaws]


def test_changed_lines_are_found():
    """An amount, a count or a price that was edited does not fit the rest of its line."""
    for name, value in (("amount", "1.50"), ("units", 100), ("unrounded", "1.57")):
        document = json.loads(issue(draft()))
        document["lines"][-1][name] = value
        assert "arithmetic" in [flaw.code for flaw in verify_invoice(canonical(document))]
    document = json.loads(issue(draft()))
    document["lines"][-1]["tiers"][0]["unit_price"] = "0.01"
    assert "arithmetic" in [flaw.code for flaw in verify_invoice(canonical(document))]


@given(st.integers(0, 10_000), st.integers(1, 255), st.integers(0, 2))
def test_no_changed_byte_goes_unseen(place, change, number):
    """Any byte of any document, changed in any way, is found; no damage makes verification itself fail."""
    documents = chain()
    target = bytearray(documents[number])
    target[place % len(target)] ^= change
    documents[number] = bytes(target)
    last = number == len(documents) - 1
    flaws = verify_documents(documents)
    assert flaws or (last and _only_the_envelope_changed(bytes(target)))


def _only_the_envelope_changed(content):
    """The last document's date of issue is held by nothing behind it; the next document's link will hold it."""
    return parse_canonical(content)["issued_at"] != json.loads(chain()[2])["issued_at"]


def test_a_missing_or_exchanged_document_is_found():
    """A gap and another order break the links."""
    first, second, third = chain()
    assert [flaw.code for flaw in verify_documents([first, third])][:2] == ["number", "previous_sha256"]
    assert verify_documents([second, first, third])


def test_a_period_is_billed_once():
    """A second invoice for the same customer and period is a flaw, in whatever order they come."""
    first = issue(draft())
    second = issue(draft(102), 2, sha256_hex(first))
    assert [flaw.code for flaw in verify_documents([first, second])] == ["billed_twice"]


def test_no_more_is_credited_than_was_due():
    """Writing such a note is refused, and one written by other means is found."""
    june = issue(draft())
    first = credit(june, "1.00", number=2, previous=sha256_hex(june))
    with pytest.raises(CreditTooLargeError):
        credit(june, "0.57", number=3, previous=sha256_hex(first), earlier=("1.00",))
    forged = credit(june, "0.57", number=3, previous=sha256_hex(first))
    rest = credit(june, "0.56", number=3, previous=sha256_hex(first), earlier=("1.00",))
    assert verify_documents([june, first, rest]) == ()
    stray = credit(issue(draft(102)), "0.10", number=2, previous=sha256_hex(june))
    assert [flaw.code for flaw in verify_documents([june, first, forged])] == ["credit"]
    assert [flaw.code for flaw in verify_documents([june, stray])] == ["credit"]


@pytest.mark.parametrize("used", ["0.01", "-1.57"])
def test_credit_lowers_an_invoice_at_most_to_zero(used):
    """Open credit is never more than the invoice, and never adds to it."""
    with pytest.raises(ValueError, match="at most to zero"):
        issue(draft(credit_used=Decimal(used)))


def test_lines_are_of_the_invoices_period():
    """A line of another period is an adjustment, and an adjustment is not a line."""
    with pytest.raises(ValueError, match="of its period"):
        issue(draft(lines=lines(1, period=JULY)))
    with pytest.raises(ValueError, match="of its period"):
        issue(draft(lines=compute_adjustments([], lines(1))))
    with pytest.raises(ValueError, match="from 1"):
        issue(draft(), 0)


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.booleans())
def test_lines_survive_the_document(units, more, held):
    """Lines and adjustments read back from a document's bytes are those that were written, and add up."""
    holdings = (Holding("gold@2026-01-01", (JUNE.to_ms - JUNE.from_ms) // 3),) if held else ()
    rated = lines(units, holdings=holdings)
    late = tuple(
        replace(line, key=replace(line.key, period="2026-05"))
        for line in compute_adjustments(rated, lines(units + more, holdings=holdings))
    )
    content = issue(draft(lines=rated, adjustments=late))
    document = json.loads(content)
    assert parse_lines(document["lines"]) == rated
    assert parse_lines(document["adjustments"]) == late
    assert verify_invoice(content) == ()


def test_what_rounds_to_nothing_has_no_sign():
    """A reversal of 0.004 is 0.00 and not -0.00."""
    assert money_text(Decimal("-0.004"), "USD") == "0.00"
    assert money_text(Decimal("-0.005"), "USD") == "-0.01"


def test_canonical_bytes():
    """Members are sorted, text is ASCII, decimals have one form."""
    assert canonical({"b": [1, None, True], "a": "é"}) == b'{"a":"\\u00e9","b":[1,null,true]}'
    assert [decimal_text(Decimal(text)) for text in ("1.50", "100", "0.000", "1E+3", "-0")] == [
        "1.5",
        "100",
        "0",
        "1000",
        "0",
    ]
    for value in (0.1, Decimal(1), {1: 2}, [float("nan")], b""):
        with pytest.raises(NotCanonicalError):
            canonical({"a": value})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"a":1 }',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        "{'é':1}".encode(),
        b'{"a":"\xc3\xa9"}',
    ],
)
def test_bytes_in_another_form_are_refused(content):
    """The same document in other bytes would have another hash."""
    with pytest.raises(NotCanonicalError):
        parse_canonical(content)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_canonical_form_is_a_fixed_point(value):
    """Reading and writing again gives the same bytes, whatever the order of members."""
    content = canonical({"value": value})
    assert canonical(parse_canonical(content)) == content


def test_the_order_of_members_does_not_matter():
    """Two mappings that are equal have one form."""
    names = [f"n{number}" for number in range(20)]
    shuffled = random.Random(3).sample(names, len(names))
    assert canonical(dict.fromkeys(names, 1)) == canonical(dict.fromkeys(shuffled, 1))
