"""Documents with everything that a page can show."""

from datetime import date, timedelta
from decimal import Decimal

from ratecard.billing.adjustments import compute_adjustments
from ratecard.billing.hourly import DailyUsage
from ratecard.billing.invoice import CreditDraft, InvoiceDraft, credit_note_document, invoice_document
from ratecard.billing.periods import BillingCalendar, parse_period
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.rating import Count, Holding, rate_period
from ratecard.billing.rendering.parties import Parties, Party
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.money import Money
from support.ledger import BOOK, at

BERLIN = BillingCalendar("Europe/Berlin")
JUNE, JULY = parse_period(BERLIN, "2026-06"), parse_period(BERLIN, "2026-07")
PREDICT = "credit-rating/predict@2026-01-01"
STANDARD = "standard@2026-01-01"
ISSUED = at("2026-08-01T06:10:00")
PARTIES = Parties(
    Party("Ratecard Models GmbH", ("Lindenstraße 1", "VAT DE123456789")),
    Party("North Bank & Söhne", ("1 Harbour Street", "Αθήνα 105 57")),
)
DAILY = [DailyUsage(date(2026, 7, 1) + timedelta(days=day), 40_000 * (day % 3)) for day in range(31)]


def lines(units, *, period=JULY, currency="USD", holdings=()):
    """Rated lines with tiers, a million rows of files, retries, refusals and answers that did not arrive."""
    counts = [
        Count("north-bank", period.name, STANDARD, PREDICT, "credit-rating", "predict", "standard", "", units, units),
        Count(
            "north-bank",
            period.name,
            STANDARD,
            "credit-rating/batch@2026-01-01",
            "credit-rating",
            "batch",
            "standard",
            "",
            3,
            2_345_679,
        ),
        Count("north-bank", period.name, STANDARD, PREDICT, "credit-rating", "predict", "standard", "retry", 4, 4),
        Count("north-bank", period.name, "", "", "", "", "", "refused: 429", 7, 0),
        Count("north-bank", period.name, "", "", "", "", "", "not delivered: 499", 1, 0),
    ]
    book = parse_price_book(BOOK.replace('currency = "USD"', f'currency = "{currency}"').replace("30.00", "30"))
    return rate_period(counts, book, period=period, holdings=holdings)


def draft(*, currency="USD", **changes):
    """July's invoice, with June's late lines, a minimum fee and credit used."""
    parts = {
        "customer": "north-bank",
        "currency": currency,
        "calendar": BERLIN,
        "period": JULY,
        "as_of_ms": at("2026-08-01T06:00:00"),
        "lines": lines(77, currency=currency, holdings=(Holding("gold@2026-01-01", JULY.to_ms - JULY.from_ms),)),
        "adjustments": compute_adjustments(
            lines(101, period=JUNE, currency=currency), lines(150, period=JUNE, currency=currency)
        ),
        "credit_used": Decimal(-100),
        "basis": {"price_book_sha256": "a" * 64},
    }
    return InvoiceDraft(**(parts | changes))


def invoice(**changes):
    """An issued invoice's bytes."""
    return invoice_document(draft(**changes), number=1042, previous_sha256="0" * 64, issued_at_ms=ISSUED)


def credit_note(reason="One day of calls was slow."):
    """A credit note's bytes."""
    given = CreditDraft(
        customer="north-bank",
        invoice_number=1042,
        invoice_sha256=sha256_hex(invoice()),
        due=Money(Decimal(5000), "USD"),
        earlier=(),
        amount=Decimal("1234.50"),
        reason=reason,
    )
    return credit_note_document(given, number=1043, previous_sha256=sha256_hex(invoice()), issued_at_ms=ISSUED)
