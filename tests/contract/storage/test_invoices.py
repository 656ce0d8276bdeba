"""Invoices on a chain, in a folder and in S3: one for each customer and time, credits never above them."""

from decimal import Decimal

import pytest
from support.aws import BUCKET, moto_client

from ratecard.billing.credits import CreditTooLargeError
from ratecard.billing.invoice import InvoiceDraft
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.plans import Operation
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.rating import Count, rate_period
from ratecard.billing.verification import verify_documents
from ratecard.kernel.errors import ErrorKind, NotFoundError
from ratecard.storage.chain import Chain
from ratecard.storage.invoices import AlreadyIssuedError, Invoices
from ratecard.storage.places import FolderPlaces, S3Places

NOW = 1_785_000_000_000
BERLIN = BillingCalendar("Europe/Berlin")
BOOK = parse_price_book("""
format = 1
currency = "USD"
[[plans]]
slug = "standard"
title = "Standard"
about = "For tests."
effective_from = 2026-01-01
rate_per_second = 10
burst = 20
[[prices]]
model = "echo"
operation = "predict"
effective_from = 2026-01-01
unit_price = "0.02"
""")


@pytest.fixture(params=["folder", "s3"])
def places(request, tmp_path):
    if request.param == "folder":
        yield FolderPlaces(tmp_path)
        return
    with moto_client("s3") as s3:
        s3.create_bucket(Bucket=BUCKET)
        yield S3Places(BUCKET, "invoices/", s3)


@pytest.fixture
def chain(places):
    return Chain(places)


@pytest.fixture
def issue(places):
    """An issuer that knows nothing yet, as another process would be."""
    return lambda draft: Invoices(Chain(places), lambda: NOW).issue(draft)


def draft(month="2026-06", customer="acme", calendar=BERLIN, units=100):
    """An invoice of two cents a unit."""
    period = parse_period(calendar, month)
    price = f"echo/{Operation.PREDICT.value}@2026-01-01"
    count = Count(customer, period.name, "standard@2026-01-01", price, "echo", "predict", "standard", "", units, units)
    lines = rate_period([count], BOOK, period=period, holdings=())
    return InvoiceDraft(
        customer=customer, currency="USD", calendar=calendar, period=period, as_of_ms=NOW, lines=tuple(lines)
    )


def test_invoices_are_numbered_and_verify(chain, issue):
    """Customers and periods in any order; both kinds of verification agree."""
    numbers = [
        issue(draft(month, customer)).number for month in ("2026-07", "2026-06") for customer in ("acme", "zeta")
    ]

    assert numbers == [1, 2, 3, 4]
    assert chain.verify() == ()
    assert verify_documents([document.content for document in chain.read()]) == ()


def test_a_period_is_billed_once(chain, issue):
    """Again by anybody, with another total, or by a calendar that was changed meanwhile: refused, with the number."""
    issue(draft("2026-05"))
    issue(draft("2026-06"))

    for second in (draft(), draft(units=5), draft(calendar=BillingCalendar("Asia/Taipei", 15))):
        with pytest.raises(AlreadyIssuedError) as caught:
            issue(second)
        assert caught.value.number == 2
        assert caught.value.kind is ErrorKind.CONFLICT
    assert len(chain.read()) == 2


def test_an_issuer_who_was_overtaken_sees_the_other_invoice(places, issue):
    """Between looking and writing another process issues the same invoice: number 1 is taken, and so is the period."""

    class Overtaken:
        list_numbers, get = places.list_numbers, places.get

        def create(self, number, content):
            if not places.list_numbers(0):
                issue(draft())
            return places.create(number, content)

    with pytest.raises(AlreadyIssuedError):
        Invoices(Chain(Overtaken()), lambda: NOW).issue(draft())
    assert places.list_numbers(0) == [1]


def test_credits_never_exceed_the_invoice(places, chain, issue):
    """Of 2.00, 1.50 and 0.50 can be credited, by whoever; not a cent more."""
    issue(draft())
    first, second = (Invoices(Chain(places), lambda: NOW) for _ in range(2))
    first.credit(1, Decimal("1.50"), "One call was slow.")
    with pytest.raises(CreditTooLargeError):
        second.credit(1, Decimal("0.51"), "Another.")
    assert second.credit(1, Decimal("0.50"), "Another.").number == 3
    with pytest.raises(CreditTooLargeError):
        first.credit(1, Decimal("0.01"), "Once more.")

    assert chain.verify() == ()
    assert verify_documents([document.content for document in chain.read()]) == ()


def test_only_an_invoice_is_credited(places, issue):
    """Not a number that is not there, not a credit note."""
    issue(draft())
    invoices = Invoices(Chain(places), lambda: NOW)
    invoices.credit(1, Decimal("1.00"), "One call was slow.")

    for number in (0, 2, 3, -1):
        with pytest.raises(NotFoundError):
            invoices.credit(number, Decimal("0.10"), "x")
