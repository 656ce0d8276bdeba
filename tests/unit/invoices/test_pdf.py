"""Invoices as PDF: the same words as the HTML, the same bytes each time, and no name that comes out wrong."""

import io
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from support.pages import DAILY, PARTIES, credit_note, draft, invoice

import ratecard_workbench.invoices
from ratecard.billing.adjustments import compute_adjustments
from ratecard.billing.canonical import canonical
from ratecard.billing.invoice import invoice_content
from ratecard.billing.prepaid import Draw
from ratecard.billing.rendering.page import FlawedDocumentError
from ratecard.billing.rendering.parties import Parties, Party
from ratecard.kernel.digest import sha256_hex
from ratecard_workbench.invoices.letters import ELSEWHERE, REMARK, MissingLettersError
from ratecard_workbench.invoices.pdf import render_pdf
from ratecard_workbench.invoices.sheet import UnusableFontError

FONT = Path(ratecard_workbench.invoices.__file__).parent / "fonts" / "DejaVuSans-subset.ttf"
TIMES = "\N{MULTIPLICATION SIGN}"
SELLER = Party("Ratecard Models GmbH")
ROOT = Path(__file__).resolve().parents[3]


def text_of(pdf):
    """All pages' text, one space between words."""
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages)


def test_an_invoice_reads_as_its_document():
    """Golden: the words that the HTML has, in letters that are in the file."""
    said = text_of(render_pdf(invoice(), parties=PARTIES, daily=DAILY))
    for part in (
        "Invoice 1042 Issued 2026-08-01T06:10:00.000Z",
        "Lindenstraße 1",
        "North Bank & Söhne",
        "Αθήνα 105 57",
        "2026-07, 2026-07-01 00:00 to 2026-08-01 00:00 (not included)",
        "2026-06-30T22:00:00.000Z to 2026-07-31T22:00:00.000Z",
        f"up to 100 67 {TIMES} 0.015 = 1.005 before rounding, half up 1.205",
        f"2,345,679 {TIMES} 0.0005 = 1,172.8395",
        "Counted, not charged What Calls Rows",
        "Adjustment for 2026-06",
        "Total USD 1,204.54 Credit used USD -100.00 Amount due USD 1,104.54",
        "Charged rows by day from 2026-07-01 to 2026-07-31: 1,200,000 in all",
        sha256_hex(invoice()),
        "Page 1 of 2",
    ):
        assert part in said


def test_a_credit_note_and_a_preview():
    """Both have pages; the preview says that nothing was issued."""
    assert "Credit USD -1,234.50" in text_of(render_pdf(credit_note(), parties=PARTIES))
    preview = text_of(render_pdf(canonical(invoice_content(draft())), parties=PARTIES))
    assert "Invoice (preview)" in preview
    assert "nothing was issued" in preview


def test_the_same_document_gives_the_same_bytes_anywhere(tmp_path):
    """Another process, another day, another time zone, another order of hashes: no byte differs."""
    here = render_pdf(invoice(), parties=PARTIES, daily=DAILY)
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); time.time = lambda: 2e9\n"
        "from support.pages import *; from ratecard_workbench.invoices.pdf import render_pdf\n"
        "sys.stdout.buffer.write(render_pdf(invoice(), parties=PARTIES, daily=DAILY))"
    )
    environ = os.environ | {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    command = [sys.executable, "-c", program, str(ROOT / "tests")]
    there = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, check=True).stdout
    assert here == there
    assert PdfReader(io.BytesIO(here)).metadata.creation_date.isoformat() == "2026-08-01T06:10:00+00:00"


@pytest.mark.parametrize(
    "name", ["北方银行", "Банк 東", "بنك الشمال", "ธนาคาร", "בנק", "Ba\u0323\u0301nk\u0330", "🏦 Bank"]
)
def test_a_name_that_the_font_lacks_is_not_written_wrong(name):
    """The customer is named by id, and the page says where the name can be read."""
    said = text_of(render_pdf(invoice(), parties=Parties(SELLER, Party(name))))
    assert f"To north-bank {ELSEWHERE}" in said
    assert REMARK in said


@pytest.mark.parametrize(
    "name", ["Банк «Север»", "Τράπεζα του Βορρά", "Łódź, Ångström, Čeština", "Ngân hàng Việt", "Բանկ", "ბანკი"]
)
def test_names_in_letters_that_the_font_has(name):
    """Cyrillic, Greek, Central European, Vietnamese, Armenian and Georgian names come out as they are."""
    said = text_of(render_pdf(invoice(), parties=Parties(SELLER, Party(name))))
    assert name in said
    assert REMARK not in said


def test_a_grants_name_that_the_font_lacks():
    """Where credit came from is told as far as it can be written; the amount always is."""
    draws = (Draw("welcome", Decimal(60)), Draw("北", Decimal(40)))
    said = text_of(render_pdf(invoice(draws=draws), parties=PARTIES))
    assert "of it from grant welcome USD 60.00" in said
    assert "USD 40.00" in said
    assert REMARK in said


def test_a_sellers_name_is_never_left_out():
    """An invoice that could not name its seller is not made."""
    with pytest.raises(MissingLettersError):
        render_pdf(invoice(), parties=Parties(Party("北方"), Party("x")))


def test_a_font_of_ones_own():
    """Any TrueType font will do; a file that is none is refused by its name."""
    own = render_pdf(invoice(), parties=PARTIES, font=FONT)
    assert "North Bank & Söhne" in text_of(own)
    with pytest.raises(UnusableFontError, match=r"README\.md"):
        render_pdf(invoice(), font=FONT.parent / "README.md")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.text(max_size=200))
def test_any_name_gives_a_pdf(name, line):
    """No text of a customer or a credit's reason stops the page, hostile or long."""
    reason = line.encode("utf-8", "replace").decode() or "x"
    pdf = render_pdf(credit_note(reason=reason), parties=Parties(SELLER, Party(name, (line,))))
    assert "Credit note 1043" in text_of(pdf)


def test_a_long_invoice_is_not_cut():
    """Four hundred lines over many pages: every amount is there once, and each page names its columns."""
    late = tuple(line for month in range(1, 13) for line in compute_adjustments((), pages_of(month)))
    pdf = render_pdf(invoice(adjustments=late, credit_used=draft().credit_used * 0), parties=PARTIES)
    reader = PdfReader(io.BytesIO(pdf))
    said = text_of(pdf)
    assert said.count("Billed anew: credit-rating: rows of files") == 12
    assert len(reader.pages) > 3
    assert f"Page {len(reader.pages)} of {len(reader.pages)}" in said


def pages_of(month):
    """Lines of a month of 2025."""
    from support.pages import BERLIN, lines, parse_period

    return lines(1000 + month, period=parse_period(BERLIN, f"2025-{month:02d}"))


def test_no_pdf_is_made_of_what_does_not_verify():
    """An altered document is refused, as for the HTML."""
    altered = invoice().replace(b'"customer":"north-bank"', b'"customer":"south-bank"')
    with pytest.raises(FlawedDocumentError):
        render_pdf(altered)
