"""`ratecard export` and the files of `ratecard invoice show`, on a home without a platform."""

import io
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader
from support.billing_systems import SECRET, running_systems
from support.books import month, open_books
from support.exporter import AWS

from ratecard.billing.exports.deliveries import Reason

ROOT = Path(__file__).resolve().parents[3]
HOUR_MS = 3_600_000
MAY = month("2025-05")
SETTLEMENT = """
format = 1
[seller]
name = "Ratecard Models GmbH"
lines = ["Lindenstraße 1"]
[addresses]
acme = ["2 Road"]
[stripe.customers]
acme = "cus_acme"
[stripe.meters]
"credit-rating/predict/standard" = "credit_rating_predict"
[marketplace.customers.acme]
account = "111111111111"
licence = "arn:aws:license-manager::1:license:l-1"
[marketplace.meters]
"credit-rating/predict/standard" = "rows"
"""


@pytest.fixture
def books(tmp_path):
    """Two customers with calls in May of last year, and now."""
    books = open_books(tmp_path / "project")
    (books.root / "infra/settlement.toml").write_text(SETTLEMENT)
    books.customer("acme", "k1")
    books.customer("beta", "k2", plan="gold")
    books.call(25, MAY.from_ms + HOUR_MS, "k1", units=3)
    books.call(4, MAY.to_ms - 2, "k1", idempotency_key="again")
    books.call(7, MAY.from_ms + 50 * HOUR_MS, "k2")
    return books


@pytest.fixture
def served(monkeypatch):
    """All systems at one address, with their secrets in the environment."""
    for name in ("STRIPE_API_KEY", "OPENMETER_API_KEY", "LAGO_API_KEY"):
        monkeypatch.setenv(name, SECRET)
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    with running_systems() as (systems, url):
        yield systems, url


def billed_units(books, customer):
    """Rows on the lines that cost something."""
    draft = books.json("invoice", "preview", customer, "--period", "2025-05")["invoice"]
    return sum(line["units"] for line in draft["lines"] if line["kind"] == "usage")


@pytest.mark.parametrize("system", ["openmeter", "lago"])
def test_what_is_exported_is_what_is_on_the_invoice(system, books, served):
    """Two calls of one Idempotency-Key across the month's end are one; a second run sends nothing."""
    systems, url = served
    first = books.json("export", system, "--period", "2025-05", "--to", url)
    again = books.json("export", system, "--period", "2025-05", "--to", url)

    by_customer = {}
    for (customer, _), units in systems.sums().items():
        by_customer[customer] = by_customer.get(customer, 0) + units
    assert by_customer == {"acme": billed_units(books, "acme"), "beta": billed_units(books, "beta")}
    assert by_customer["acme"] == 76
    assert (first["accepted"], again["accepted"], again["units"]) == (3, 0, 0)


def test_a_dry_run_shows_and_sends_nothing(books, served, monkeypatch):
    """It needs no key; identifiers are those that would be sent."""
    systems, url = served
    monkeypatch.delenv("LAGO_API_KEY")
    told = books.json("export", "lago", "--period", "2025-05", "--customer", "acme", "--to", url, "--dry-run")

    assert [(each["hour"], each["units"]) for each in told["deliveries"]] == [
        ("2025-05-01T01:00:00.000Z", 75),
        ("2025-05-31T23:00:00.000Z", 1),
    ]
    assert systems.requests == []
    assert "LAGO_API_KEY" in books.run("export", "lago", "--period", "2025-05", code=65).stderr


def test_stripe_and_the_marketplace_get_what_they_still_take(books, served):
    """Hours of today are taken; those of last year are listed as too old, and the command ends as incomplete."""
    systems, url = served
    hour_ms = time.time_ns() // 1_000_000 // HOUR_MS * HOUR_MS - 3 * HOUR_MS
    period = datetime.fromtimestamp(hour_ms / 1000, UTC).strftime("%Y-%m")
    books.call(6, hour_ms, "k1", units=2)

    for system in ("stripe", "marketplace"):
        told = books.json("export", system, "--period", period, "--customer", "acme", "--to", url)
        assert (told["units"], told["held"]) == (12, [])
        refused = books.run("export", system, "--period", "2025-05", "--to", url, code=65)
        assert "too_old" in refused.stdout
    assert systems.sums() == {("cus_acme", "credit_rating_predict"): 12, ("111111111111", "rows"): 12}


def test_a_secret_stays_in_the_environment(books, served):
    """It is in no file of the home, no message, and no address."""
    _, url = served
    shown = books.run("export", "stripe", "--period", "2025-05", "--to", url, code=65)
    with_password = url.replace("http://", f"http://user:{SECRET}@")
    refused = books.run("export", "lago", "--period", "2025-05", "--to", with_password, code=65)

    assert SECRET not in shown.output + shown.stderr + refused.output + refused.stderr
    assert not [path for path in books.home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_test_mode_and_live_mode_are_two_systems(books, monkeypatch, served):
    """What went to Stripe's test mode is sent to the live mode all the same."""
    _, url = served
    books.json("export", "openmeter", "--period", "2025-05", "--to", url)
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_1")
    books.run("export", "stripe", "--period", "2025-05", "--dry-run")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_1")
    books.run("export", "stripe", "--period", "2025-05", "--dry-run")

    names = {path.name for path in (books.home / "exports").iterdir()}
    assert {name for name in names if name.startswith("stripe")} == {"stripe.jsonl", "stripe-test.jsonl"}


def test_a_customer_of_the_marketplace_has_months_in_utc(books, served):
    """Amazon bills months in UTC: another calendar would never agree with the invoice."""
    _, url = served
    books.run("customers", "set", "acme", "--time-zone", "Europe/Berlin")
    refused = books.run("export", "marketplace", "--period", "2025-05", "--to", url, code=65)
    assert "UTC" in refused.stderr


def test_settling_needs_something_to_settle(books, served):
    """A slip in an identifier is told, not taken."""
    _, url = served
    refused = books.run("export", "lago", "--period", "2025-05", "--to", url, "--settle", "abc=counted", code=2)
    assert "abc" in refused.stderr
    unclear = books.run("export", "lago", "--period", "2025-05", "--settle", "abc", code=2)
    assert "IDENTIFIER=counted or IDENTIFIER=lost" in unclear.stderr


def test_an_unresolved_delivery_is_settled_by_a_person(books, served):
    """What nobody can be asked about is listed until somebody says how it was; then the rest is sent."""
    systems, url = served
    where = ("--period", "2025-05", "--customer", "acme", "--to", url)
    books.run("export", "openmeter", *where)
    (journal,) = (books.home / "exports").glob("openmeter-*.jsonl")
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    unanswered = [entry | {"at_ms": 1} for entry in entries if entry["entry"] == "intent"]
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in unanswered))

    held = json.loads(books.run("export", "openmeter", *where, "--json", code=65).stdout)["held"]
    assert [(each["reason"], each["units"]) for each in held] == [("unresolved", 75), ("unresolved", 1)]
    words = [argument for each in held for argument in ("--settle", f"{each['detail']}=counted")]
    assert books.json("export", "openmeter", *where, *words)["held"] == []
    assert sum(systems.sums().values()) == 76


def test_the_guides_commands(books, tmp_path):
    """The page's shell block runs as it stands, and its table names every reason there is."""
    guide = (ROOT / "docs/guides/exports.md").read_text()
    (block,) = re.findall(r"^```sh\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RATECARD_HOME": str(books.home),
        "RATECARD_PROJECT": str(ROOT),
    }
    command = ["bash", "-euo", "pipefail", "-c", block]
    subprocess.run(command, cwd=tmp_path, env=environ, check=True, capture_output=True, timeout=60)
    assert json.loads((tmp_path / "plan.json").read_text()).keys() == {"deliveries", "held"}
    assert {reason.value for reason in Reason} <= set(re.findall(r"`([a-z_]+)`", guide))


def test_an_issued_invoice_as_files(books, tmp_path):
    """HTML and PDF name both sides, chart the days and say how to verify; the bytes are the same each time."""
    books.json("invoice", "issue", "acme")
    page, pdf = tmp_path / "1.html", tmp_path / "1.pdf"
    books.run("invoice", "show", 1, "--html", page, "--pdf", pdf)

    said = " ".join(
        text for each in PdfReader(io.BytesIO(pdf.read_bytes())).pages for text in each.extract_text().split()
    )
    for part in ("Ratecard Models GmbH", "2 Road", "Charged rows by day"):
        assert part in said
        assert part in page.read_text()
    assert "76 in all, at most 75 on 2025-05-01" in said
    assert "The chart is counted anew" not in said
    before = page.read_bytes(), pdf.read_bytes()
    books.run("invoice", "show", 1, "--html", page, "--pdf", pdf)
    assert (page.read_bytes(), pdf.read_bytes()) == before
