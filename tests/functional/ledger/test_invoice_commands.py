"""`ratecard invoice`: from a lake to documents, on a home without a platform."""

import io
import json
from decimal import Decimal

import pytest
from support.books import START_MS, open_books
from support.books import month as month_of
from support.ledger import BOOK, access, usage

from ratecard.storage.places import name_of
from ratecard_workbench.local import ledgers
from ratecard_workbench.local.ledgers import opened_ledger

MAY, JUNE, JULY = (month_of(f"2025-{number:02}") for number in (5, 6, 7))
HOUR_MS = 3_600_000


@pytest.fixture
def books(tmp_path):
    """Two customers: 25 calls in May, 3 and 12 in June, of which the last 12 have another price."""
    books = open_books(tmp_path / "project")
    books.customer("acme", "k1")
    books.customer("beta", "k2", plan="gold")
    books.call(25, MAY.from_ms + HOUR_MS, "k1")
    books.call(3, JUNE.from_ms + HOUR_MS, "k1")
    books.call(12, JUNE.from_ms + 12 * 24 * HOUR_MS, "k1")
    return books


def issue_all(books, as_of="2025-07-15T00:00:00Z"):
    return {(each["customer"], each["period"]): each for each in books.json("invoice", "issue", "--as-of", as_of)}


def test_a_preview_writes_nothing_and_says_what_is_missing(books):
    """Lines, sums and blockers of a period; the home has no document afterwards."""
    told = books.json("invoice", "preview", "acme", "--period", "2025-06")

    assert [(line["calls"], line["amount"]) for line in told["invoice"]["lines"]] == [(3, "0.06"), (12, "0.06")]
    assert told["invoice"]["due"] == "0.12"
    assert [blocker["code"] for blocker in told["blockers"]] == ["earlier_period"]
    assert list((books.home / "invoices").iterdir()) == []


def test_an_open_period_is_shown_but_cannot_be_issued(books):
    """A minimum fee is no part of it before the end."""
    told = books.json("invoice", "preview", "beta", "--period", "2025-05", "--as-of", "2025-05-20T00:00:00Z")
    refused = books.run("invoice", "issue", "beta", "--as-of", "2025-05-20T00:00:00Z", code=73)

    assert told["invoice"]["due"] == "0.00"
    assert not told["is_over"]
    assert "open_period" in refused.stderr


def test_late_lines_are_waited_for_unless_somebody_says_otherwise(books):
    """A day of grace after the period's end, or as many hours as are asked for."""
    as_of = ("--as-of", "2025-06-01T06:00:00Z")

    assert "grace" in books.run("invoice", "issue", "acme", *as_of, code=73).stderr
    assert books.json("invoice", "issue", "acme", *as_of, "--grace-hours", 1)[0]["state"] == "issued"


def test_issuing_twice_is_issuing_once(books):
    """The second time names the same invoice, with the same bytes; nothing more is due."""
    first = books.json("invoice", "issue", "acme")[0]
    content = (books.home / "invoices" / name_of(1)).read_bytes()
    again = books.json("invoice", "issue", "acme", "--period", "2025-05")[0]

    assert (first["state"], again["state"]) == ("issued", "exists")
    assert first["number"] == again["number"] == 1
    assert (books.home / "invoices" / name_of(1)).read_bytes() == content


def test_all_that_is_due_is_issued_in_order(books):
    """Each customer's periods one after the other; a minimum fee is charged once the period is over."""
    issued = issue_all(books)

    assert [period for customer, period in issued if customer == "acme"] == ["2025-05", "2025-06"]
    assert {key: each["amount"] for key, each in issued.items()} == {
        ("acme", "2025-05"): "0.43",
        ("acme", "2025-06"): "0.12",
        ("beta", "2025-05"): "30.00",
        ("beta", "2025-06"): "30.00",
    }
    assert issue_all(books) == {}


def test_every_invoice_can_be_rated_again_from_the_lake(books):
    """The same hash of what was rated; the hash of the last document is what to note elsewhere."""
    issue_all(books)
    checked = books.json("invoice", "verify", "--recompute")

    assert (checked["documents"], checked["recomputed"]) == (4, 4)
    assert books.json("invoice", "verify", "--head", checked["head_sha256"])["documents"] == 4
    assert "wrong_head" not in books.run("invoice", "verify", "2").stderr


def test_a_late_call_is_found_by_recomputing_and_adjusted_on_the_next_invoice(books):
    """What was billed is taken back and billed anew; over both invoices it is as if all had come in time."""
    books.run("invoice", "issue", "acme")
    books.call(10, MAY.to_ms - HOUR_MS, "k1")

    refused = books.run("invoice", "verify", "1", "--recompute", code=65)
    books.run("invoice", "issue", "acme", "--as-of", "2025-07-15T00:00:00Z")
    june = json.loads(books.run("invoice", "show", "2", "--json").stdout)

    assert "late" in refused.stderr
    assert [(line["correction"], line["calls"], line["amount"]) for line in june["adjustments"]] == [
        ("reversal", -25, "-0.43"),
        ("replacement", 35, "0.58"),
    ]
    assert {line["period"] for line in june["adjustments"]} == {"2025-05"}
    assert june["total"] == str(Decimal("0.12") - Decimal("0.43") + Decimal("0.58"))
    assert books.json("invoice", "verify", "2", "--recompute")["recomputed"] == 1


def test_lines_that_arrive_two_weeks_after_the_invoice_are_adjusted(books):
    """A file that was started again is filed where its lines arrived; they are the earlier month's all the same."""
    books.run("invoice", "issue", "acme", "--as-of", "2025-06-02T01:00:00Z")
    books.call(10, MAY.to_ms - HOUR_MS, "k1")
    for stream in ("usage", "access"):
        folder = books.home / "lake" / stream
        (folder / "dt=2025-05-31").rename(folder / "dt=2025-06-14")

    assert books.json("invoice", "verify", "1", "--recompute")["recomputed"] == 1
    books.run("invoice", "issue", "acme", "--as-of", "2025-07-15T00:00:00Z")
    june = json.loads(books.run("invoice", "show", "2", "--json").stdout)
    assert [(line["period"], line["calls"]) for line in june["adjustments"]] == [("2025-05", -25), ("2025-05", 35)]


@pytest.mark.parametrize("number", [1, 2])
def test_a_changed_document_is_found_out(books, number):
    """One digit of an amount: the document, or the one behind it, says so."""
    issue_all(books)
    path = books.home / "invoices" / name_of(number)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"total":"', b'"total":"1'))

    assert "tampered" in books.run("invoice", "verify", code=65).stderr
    assert "finding" in books.run("invoice", "verify", str(number), code=65).stderr


def test_a_customer_checks_the_file_they_were_given(books, tmp_path):
    """By itself; in the issuer's home also against what was issued."""
    books.run("invoice", "issue", "acme")
    file = tmp_path / "invoice.json"
    books.run("invoice", "show", "1", "--document", file)
    books.run("invoice", "verify", file)

    file.write_bytes(file.read_bytes().replace(b'"customer":"acme"', b'"customer":"acmf"'))
    assert "content" in books.run("invoice", "verify", file, code=65).stderr
    books.run("invoice", "verify", tmp_path / "missing.json", code=65)


def test_an_invoice_is_shown_as_a_page_and_as_a_pdf(books, tmp_path):
    """Both hold the amount due."""
    books.run("invoice", "issue", "acme")
    books.run("invoice", "show", "1", "--html", tmp_path / "a.html", "--pdf", tmp_path / "a.pdf")

    assert "0.43" in (tmp_path / "a.html").read_text()
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert "0.43" in books.run("invoice", "show", "1").stdout


def test_a_credit_note_leaves_a_record_and_never_exceeds_the_invoice(books):
    """Before and after are in the audit trail, under a name."""
    books.run("invoice", "issue", "acme")
    note = books.json("invoice", "credit", "--invoice", 1, "--amount", "0.40", "--reason", "an outage")
    books.run("invoice", "credit", "--invoice", 1, "--amount", "0.04", "--reason", "too much", code=73)
    books.run("invoice", "credit", "--invoice", 1, "--amount", "0.03", "--reason", "the rest")
    records = books.json("audit", "list", "--subject", "credits/1")

    assert (note["kind"], note["amount"], note["invoice_number"]) == ("credit_note", "-0.40", 1)
    assert [record["actor"] for record in records] == ["ann", "ann"]
    assert [record["changes"]["credited"] for record in records] == [[None, "0.40"], ["0.40", "0.43"]]
    assert books.json("invoice", "verify")["documents"] == 3
    assert [each["kind"] for each in books.json("invoice", "list", "--customer", "acme")] == [
        "invoice",
        "credit_note",
        "credit_note",
    ]


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "Infinity", "many"])
def test_what_is_no_amount_of_money_is_no_credit(books, amount):
    """Zero, below zero, more decimals than the currency has."""
    books.run("invoice", "issue", "acme")

    code = 2 if amount == "many" else 65
    books.run("invoice", "credit", "--invoice", 1, "--amount", amount, "--reason", "x", code=code)
    assert len(books.json("invoice", "list")) == 1


def test_what_nobody_can_be_charged_for_blocks_until_somebody_has_looked(books):
    """A call of an unknown key holds everybody up; who waives it says why, and is recorded."""
    books.write("usage", [usage("stranger", MAY.from_ms + HOUR_MS, "k9")])
    books.write("access", [access("stranger", MAY.from_ms + HOUR_MS, "k9")])
    blocked = books.run("invoice", "issue", "acme", code=73)
    books.run("invoice", "issue", "acme", "--waive", "unknown_subject", code=2)
    issued = books.json("invoice", "issue", "acme", "--waive", "unknown_subject", "--reason", "a key of a test")

    assert "stranger" in blocked.stderr
    assert issued[0]["state"] == "issued"
    (record,) = books.json("audit", "list", "--subject", "invoice/1")
    assert record["changes"]["calls"] == [None, ["stranger"]]
    assert record["changes"]["reason"] == [None, "a key of a test"]


def test_a_clock_in_the_future_is_reported_and_bills_nothing(books):
    """A call that claims to be made after the lake was read is listed, not charged."""
    books.call(1, JUNE.to_ms - HOUR_MS, "k1")
    told = books.json("invoice", "preview", "acme", "--period", "2025-06", "--as-of", "2025-06-15T00:00:00Z")

    assert [blocker["code"] for blocker in told["blockers"]].count("future") == 1
    assert told["invoice"]["due"] == "0.12"


def test_a_torn_last_line_loses_nothing_that_was_written(books):
    """The line is not there yet; the answer it belongs to is listed by id."""
    call = JUNE.from_ms + 20 * 24 * HOUR_MS
    path = books.write("usage", [usage("torn", call)], name="killed", end="")
    path.write_bytes(path.read_bytes()[:-20])
    books.write("access", [access("torn", call)], name="killed")
    told = books.json("invoice", "preview", "acme", "--period", "2025-06")

    assert ["usage_missing", "torn", "acme"] in told["exceptions"]
    assert told["invoice"]["due"] == "0.12"


def test_too_many_lost_lines_block_an_invoice(books):
    """One answer in sixteen has no usage line: the ledger and the gateway's log are too far apart to bill on."""
    books.run("invoice", "issue", "acme")
    books.write("access", [access("lost", JUNE.from_ms + 5 * HOUR_MS, "k1")], name="other")

    assert "reconciliation" in books.run("invoice", "issue", "acme", code=73).stderr
    waive = ("--waive", "reconciliation", "--reason", "the line was found in the function's log")
    assert books.json("invoice", "issue", "acme", *waive)[0]["amount"] == "0.12"


def test_a_broken_price_book_is_named(books):
    """Place and reason; nothing is issued."""
    books.price(BOOK.replace('unit_price = "0.005"', 'unit_price = "cheap"'))

    assert "unit_price" in books.run("invoice", "issue", code=65).stderr
    assert not (books.home / "invoices").exists()


def test_an_unknown_customer_is_named(books):
    """As not found, by every command."""
    for command in (["preview", "nobody"], ["issue", "nobody"], ["list", "--customer", "nobody"]):
        assert "nobody" in books.run("invoice", *command, code=66).stderr
    books.run("invoice", "show", "1", code=66)
    books.run("invoice", "credit", "--customer", "nobody", "--amount", "1", "--reason", "x", code=66)


def test_nothing_is_converted_between_currencies(books):
    """A customer who pays in another currency than the prices' cannot be invoiced, nor be made."""
    books.customer("euro", "k3", currency="EUR")

    assert "currency" in books.run("invoice", "issue", "euro", code=73).stderr
    refused = books.run("invoice", "issue", "euro", "--waive", "currency", "--reason", "x", code=73)
    assert "EUR" in refused.stderr
    assert "USD" in books.run("customers", "create", "other", "--currency", "EUR", code=65).stderr


@pytest.mark.parametrize(("currency", "due"), [("JPY", "350"), ("KWD", "0.350")])
def test_amounts_have_as_many_decimals_as_their_currency(tmp_path, currency, due):
    """None in yen, three in dinars, from the line to the credit note."""
    prices = {"JPY": '"10"', "KWD": '"0.01"'}
    books = open_books(tmp_path / "project")
    book = BOOK.replace("2026-", "2025-").replace('"USD"', f'"{currency}"').replace('"30.00"', '"30"')
    books.price(book.replace('unit_price = "0.005"', f"unit_price = {prices[currency]}"))
    books.customer("acme", "k1", currency=currency)
    books.call(35, JUNE.from_ms + 20 * 24 * HOUR_MS, "k1")
    issued = issue_all(books)

    assert issued["acme", "2025-06"]["amount"] == due
    books.run(
        "invoice",
        "credit",
        "--invoice",
        2,
        "--amount",
        due + ("1" if currency == "KWD" else ".5"),
        "--reason",
        "x",
        code=65,
    )
    books.run("invoice", "credit", "--invoice", 2, "--amount", due, "--reason", "all of it")
    books.run("invoice", "verify", "--recompute")


def test_a_changed_calendar_leaves_no_stretch_unbilled_in_silence(books):
    """The next invoice is blocked until somebody has looked at the gap; no instant is billed twice."""
    books.run("invoice", "issue", "acme")
    books.run("customers", "set", "acme", "--anchor-day", "15")
    blocked = books.run("invoice", "issue", "acme", code=73)

    assert "2025-06-01T00:00:00.000Z to 2025-06-15T00:00:00.000Z" in blocked.stderr
    issued = books.json("invoice", "issue", "acme", "--waive", "gap", "--reason", "billed by hand")
    assert issued[0]["period"] == "2025-06"
    assert books.json("invoice", "verify", "--recompute")["recomputed"] == 2


def test_an_instant_that_has_not_come_is_for_rehearsals(books):
    """An invoice dated in the future needs a word of its own."""
    books.run("invoice", "issue", "acme", "--as-of", "2999-01-01T00:00:00Z", code=65)
    books.run("invoice", "issue", "acme", "--as-of", "2999-01-01T00:00:00Z", "--rehearse")


def test_prepaid_money_is_used_before_anything_is_due(tmp_path):
    """Grants are spent by expiry; what a grant has left when it expires is lost; the rest is due."""
    books = open_books(tmp_path / "project")
    books.customer("acme", "k1")
    start = START_MS
    books.call(25, MAY.from_ms + HOUR_MS, "k1")
    _grant(books, "first", "0.20", from_ms=start, expires_ms=MAY.from_ms + 2 * HOUR_MS)
    _grant(books, "second", "0.10", from_ms=start, expires_ms=None)
    _grant(books, "late", "5.00", from_ms=JUNE.from_ms, expires_ms=None)
    issue_all(books, "2025-07-02T00:00:00Z")
    may = json.loads(books.run("invoice", "show", "1", "--json").stdout)

    assert (may["total"], may["credit_used"], may["due"]) == ("0.43", "-0.30", "0.13")
    assert may["draws"] == [{"amount": "0.20", "grant": "first"}, {"amount": "0.10", "grant": "second"}]
    assert books.json("invoice", "verify", "--recompute")["recomputed"] == 2
    preview = books.run("invoice", "preview", "acme", "--period", "2025-07", "--as-of", "2025-07-03T00:00:00Z")
    assert "prepaid left            5.00 USD" in preview.stdout


def _grant(books, name, amount, *, from_ms, expires_ms):
    from ratecard.kernel.money import Money
    from ratecard.storage.chain import Chain
    from ratecard.storage.grants import Grants
    from ratecard.storage.places import FolderPlaces

    grants = Grants(Chain(FolderPlaces(books.home / "grants")), clock=lambda: from_ms)
    grants.grant("acme", Money(Decimal(amount), "USD"), "paid", expires_ms=expires_ms, grant_id=name)


def test_a_grant_is_given_once_however_often_it_is_asked_for(books):
    """By its id; another amount under the same id is refused; the record says who gave it."""
    grant = ["invoice", "credit", "--customer", "acme", "--amount", "10.00", "--reason", "paid", "--id", "p1"]
    first, again = books.json(*grant), books.json(*grant)
    books.run("invoice", "credit", "--customer", "acme", "--amount", "11.00", "--reason", "x", "--id", "p1", code=73)

    assert first == again
    (record,) = books.json("audit", "list", "--subject", "balance/acme")
    assert (record["actor"], record["changes"]) == ("ann", {"p1": [None, "10.00 USD"]})


def test_usage_of_a_customer_is_the_preview_in_short(books):
    """`ratecard usage --customer` has the same calls and amounts."""
    told = books.json("usage", "--customer", "acme", "--period", "2025-06")

    assert [(line["units"], line["amount"]) for line in told["lines"]] == [(3, "0.06"), (12, "0.06")]
    assert told["total"] == "0.12"
    assert "0.12" in books.run("usage", "--customer", "acme", "--period", "2025-06").stdout
    books.run("usage", "--period", "2025-06", code=2)


def test_sql_and_python_give_the_same_invoice(books, monkeypatch):
    """A large lake is counted by SQL: what was rated has the same hash, and the same calls are not plain."""
    books.call(2, JUNE.from_ms + HOUR_MS, "k1", idempotency_key="order-17", body="b")
    books.write("usage", [usage("alone", JUNE.from_ms + 2 * HOUR_MS, "k1")], name="other")
    preview = ["invoice", "preview", "acme", "--period", "2025-06", "--as-of", "2025-08-15T00:00:00Z"]
    by_python = books.json(*preview)
    monkeypatch.setattr(ledgers, "PYTHON_BYTES", 0)

    assert books.json(*preview) == by_python
    assert by_python["exceptions"] == [["access_missing", "alone", "acme"]]
    assert {line["reason"] for line in by_python["invoice"]["lines"]} > {"", "retry"}


def test_counting_a_large_lake_shows_how_far_it_is_at_a_terminal_only(books, monkeypatch):
    """One line that is rewritten, and gone at the end; a program that reads stderr sees none of it."""
    said = io.StringIO()
    monkeypatch.setattr(ledgers, "PYTHON_BYTES", 0)
    monkeypatch.setattr("sys.stderr", said)
    with opened_ledger(books.home, books.root / "infra/ratecard.toml") as opened:
        period = opened.ledger.get_period("acme", "2025-05", as_of_ms=MAY.to_ms)
        opened.ledger.assess({"acme": period}, as_of_ms=MAY.to_ms, adjust=False)
        assert said.getvalue() == ""
        said.isatty = lambda: True
        opened.ledger.assess({"acme": period}, as_of_ms=MAY.to_ms, adjust=False)
    assert "reading the lake: 0 %" in said.getvalue()
    assert "counting the lake: 50 %" in said.getvalue()
    assert said.getvalue().endswith("\r\033[K")
