"""Pages of invoices: what a customer reads is what the document says, and nothing else can get in."""

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pages import DAILY, ISSUED, PARTIES, credit_note, draft, invoice

from ratecard.billing.canonical import NotCanonicalError, canonical
from ratecard.billing.hourly import DailyUsage
from ratecard.billing.invoice import invoice_content
from ratecard.billing.prepaid import Draw
from ratecard.billing.rendering.chart import compute_chart
from ratecard.billing.rendering.html import render_html
from ratecard.billing.rendering.page import FlawedDocumentError, compute_page
from ratecard.billing.rendering.parties import UNNAMED, Parties, Party
from ratecard.billing.rendering.words import counted, free_reason, grouped, priced, readable
from ratecard.kernel.digest import sha256_hex

VOID = {"meta", "br"}
TIMES = "\N{MULTIPLICATION SIGN}"


class _Reader(HTMLParser):
    """Reads a page as a browser does: its text, its tags and their attributes."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.tags, self.attributes, self._open, self._hidden = [], [], [], [], 0
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self._open[-1] != "style":
            self.texts.append(" ".join(data.split()))


def test_an_invoice_reads_as_its_document():
    """Golden: number, period in zone and UTC, tiers, rounding, free lines, adjustments, sums."""
    said = " | ".join(_Reader(render_html(invoice(), parties=PARTIES, daily=DAILY)).texts)
    for part in (
        "Invoice 1042 | Issued | 2026-08-01T06:10:00.000Z",
        "From | Ratecard Models GmbH | Lindenstraße 1 | VAT DE123456789 | To | North Bank & Söhne",
        "Period | 2026-07, 2026-07-01 00:00 to 2026-08-01 00:00 (not included) | Time zone | Europe/Berlin",
        "In UTC | 2026-06-30T22:00:00.000Z to 2026-07-31T22:00:00.000Z",
        "credit-rating: answers | plan standard of 2026-01-01, price credit-rating/predict of 2026-01-01 | 77 | 77",
        f"1.21 | up to 10 | 10 | {TIMES} 0.02 = 0.20 | up to 100 | 67 | {TIMES} 0.015 = 1.005",
        "credit-rating: rows of files | plan standard of 2026-01-01, price credit-rating/batch of 2026-01-01 | 3",
        f"2,345,679 | 1,172.84 | each | 2,345,679 | {TIMES} 0.0005 = 1,172.8395",
        "1.205 | Minimum fee, plan gold | what this plan's charges fall short of it | 30.00",
        "Counted, not charged | What | Calls | Rows | Answers that did not arrive: 499, the caller had gone | 1 | 0",
        "Refused calls: 429, too many requests, or the quota was used up | 7 | 0 | Repeated calls",
        "Adjustment for 2026-06 | What | Calls | Rows | Amount (USD) | Taken back: credit-rating: answers",
        "-101 | -101 | -1.56",
        "Total | USD 1,204.54 | Credit used | USD -100.00 | Amount due | USD 1,104.54",
        sha256_hex(invoice()),
        json.loads(invoice())["content_sha256"],
        "ratecard invoice verify",
    ):
        assert part in said


def test_a_credit_note_reads_as_its_document():
    """It names the invoice, its hash, the reason and the amount."""
    said = " | ".join(_Reader(render_html(credit_note(), parties=PARTIES)).texts)
    assert "Credit note 1043" in said
    assert f"Corrects | Invoice 1042 | Its SHA-256 | {sha256_hex(invoice())}" in said
    assert "Reason | One day of calls was slow." in said
    assert "Credit | USD -1,234.50" in said


def test_a_preview_says_that_it_is_one():
    """What was not issued has no number and no hash to rely on."""
    said = " | ".join(_Reader(render_html(canonical(invoice_content(draft())), parties=PARTIES)).texts)
    assert "Invoice (preview)" in said
    assert "nothing was issued" in said
    assert "SHA-256" not in said


@pytest.mark.parametrize(
    ("currency", "total", "price"), [("JPY", "JPY 1,204", "0.015"), ("KWD", "KWD 1,204.532", "0.015")]
)
def test_currencies_have_their_own_decimals(currency, total, price):
    """Yen have none, dinars three; a unit price keeps all of its own."""
    said = " | ".join(_Reader(render_html(invoice(currency=currency))).texts)
    document = json.loads(invoice(currency=currency))
    assert f"Total | {currency} {grouped(document['total'])}" in said
    assert f"{TIMES} {price}" in said
    assert total.split(".")[0] in said


def test_the_same_document_gives_the_same_page():
    """Nothing of a page depends on the clock or the machine."""
    assert render_html(invoice(), parties=PARTIES, daily=DAILY) == render_html(invoice(), parties=PARTIES, daily=DAILY)


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\u202e]\x00\x1b[31m\nBank'


def test_a_hostile_name_is_only_a_name():
    """Markup, entities, control characters and turned directions come out as text, or not at all."""
    parties = Parties(Party(HOSTILE, (HOSTILE,)), Party(HOSTILE, (HOSTILE,)))
    page = _Reader(render_html(credit_note(reason=HOSTILE), parties=parties))
    assert not {"script", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "href"}]
    shown = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;]\ufffd\ufffd[31m Bank'
    assert page.texts.count(shown) == 5


@settings(max_examples=25)
@given(st.text(), st.text())
def test_any_name_comes_out_as_text(name, line):
    """Whatever is in a name, the page is well-formed UTF-8 and has the tags of any other page."""
    text = render_html(credit_note(), parties=Parties(Party("S"), Party(name, (line, "x"))))
    text.encode("utf-8")
    usual = _Reader(
        render_html(credit_note(), parties=Parties(Party("S"), Party("a", ("b" * bool(readable(line)), "x"))))
    )
    assert _Reader(text).tags == usual.tags


def test_a_page_fetches_and_runs_nothing():
    """No script, no link, no address of anything to load; the policy says so to the browser too."""
    text = render_html(invoice(), parties=PARTIES, daily=DAILY)
    page = _Reader(text)
    assert not {"script", "link", "img", "iframe", "a", "form", "object"} & set(page.tags)
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?://", text)


def test_a_page_is_accessible():
    """A language, one main heading, captions, headers with a scope, and a chart that is told in words."""
    page = _Reader(render_html(invoice(), parties=PARTIES, daily=DAILY))
    assert ("lang", "en") in page.attributes
    assert page.tags.count("h1") == 1
    assert page.tags.count("table") == page.tags.count("caption") + 1  # the chart's table is headed by its summary
    assert page.tags.count("th") == sum(name == "scope" for name, _ in page.attributes)
    (label,) = [value for name, value in page.attributes if name == "aria-label"]
    assert label.startswith("Charged rows by day from 2026-07-01 to 2026-07-31: 1,200,000 in all, at most 80,000 on")


@pytest.mark.parametrize("name", ["amount", "total", "due", "content_sha256"])
def test_no_page_is_made_of_what_does_not_verify(name):
    """A document that was altered is refused, however little."""
    document = json.loads(invoice())
    if name == "amount":
        document["lines"][-1]["amount"] = "9999.00"
    else:
        document[name] = "9999.00"
    with pytest.raises(FlawedDocumentError):
        render_html(canonical(document))


def test_what_is_no_document_is_refused():
    """Bytes that are not in canonical form have no page."""
    with pytest.raises(NotCanonicalError):
        render_html(invoice() + b"\n")


def test_a_chart_that_differs_from_the_lines_says_so():
    """The chart is counted anew; if it shows other numbers than the lines, the page tells both."""
    page = compute_page(invoice(), UNNAMED, DAILY)
    assert page.remarks == (
        (
            "The chart is counted anew and shows 1,200,000 rows, the lines of this document 2,345,756: "
            "what came later is adjusted in a later document."
        ),
    )
    exact = [DailyUsage(date(2026, 7, 31), 2_345_756)]
    assert compute_page(invoice(), UNNAMED, exact).remarks == ()


def test_the_customer_is_shown_by_id_without_a_name():
    """A page without parties names the customer's id and no seller."""
    page = compute_page(invoice(), UNNAMED)
    assert (page.customer.name, page.seller.name, page.chart) == ("north-bank", "", None)
    assert page.issued_at == datetime.fromtimestamp(ISSUED / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_an_invoice_without_use_and_one_with_grants():
    """A period of nothing says so; credit that is drawn from grants names them."""
    empty = compute_page(invoice(lines=(), adjustments=(), credit_used=Decimal(0)), UNNAMED)
    assert empty.remarks == ("Nothing was used in this period.",)
    draws = (Draw("welcome", Decimal("60.00")), Draw("北", Decimal("40.00")))
    labels = [(each.label, each.amount) for each in compute_page(invoice(draws=draws), UNNAMED).sums]
    assert labels[1:4] == [
        ("Credit used", "USD -100.00"),
        ("of it from grant welcome", "USD 60.00"),
        ("of it from grant 北", "USD 40.00"),
    ]


def test_a_chart_has_every_day_of_the_zone():
    """Berlin's October has 31 days though one has 25 hours; what lies outside is counted apart."""
    begin, end = datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)
    daily = [DailyUsage(date(2026, 10, 31), 3), DailyUsage(date(2026, 11, 1), 5), DailyUsage(date(2026, 10, 31), 4)]
    chart = compute_chart(daily, begin, end, "Europe/Berlin")
    assert (len(chart.days), chart.days[0].on, chart.units, chart.outside, chart.top) == (
        31,
        date(2026, 10, 1),
        7,
        5,
        8,
    )
    assert chart.busiest == DailyUsage(date(2026, 10, 31), 7)


@given(st.integers(0, 10**15))
def test_a_scale_holds_its_bars(units):
    """The scale ends at or above the highest bar, and at less than twice its height."""
    chart = compute_chart(
        [DailyUsage(date(2026, 7, 1), units)], datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC), "UTC"
    )
    assert max(units, 1) <= chart.top <= max(2 * units, 1)


@given(st.decimals(-(10**15), 10**15, allow_nan=False, places=3))
def test_separators_change_no_digit(amount):
    """Without its separators a number is what the document says."""
    text = format(amount, "f")
    assert Decimal(grouped(text).replace(",", "")) == amount
    assert grouped(text).replace(",", "") == text.replace("-0.000", "-0.000")


def test_numbers_for_people():
    """Thousands are set apart; a price has at least its currency's decimals and never fewer than its own."""
    assert [grouped(text) for text in ("-1234567.50", "999", "1000", "0.00")] == [
        "-1,234,567.50",
        "999",
        "1,000",
        "0.00",
    ]
    assert counted(-1_234_567) == "-1,234,567"
    assert [priced("0.5", "USD"), priced("2", "JPY"), priced("2", "KWD"), priced("0.000000000001", "USD")] == [
        "0.50",
        "2",
        "2.000",
        "0.000000000001",
    ]


def test_free_lines_say_why():
    """Every reason that counting gives reads as a sentence; one that nobody knows is shown as it is."""
    assert free_reason("failed: 500") == "Failed calls: 500"
    assert free_reason("refused: 403") == "Refused calls: 403, no valid key"
    assert free_reason("not billable").startswith("Not for sale")
    assert free_reason("something new") == "something new"
