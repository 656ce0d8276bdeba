"""`ratecard reconcile`: what is lost is named, holds up the invoice, and can be recovered by name."""

import json

import pytest
from support.books import month, open_books

from ratecard_workbench.local.counters import CounterFile

MAY = month("2025-05")
HOUR_MS = 3_600_000


@pytest.fixture
def books(tmp_path):
    """25 calls, one of whose usage lines was lost, and the gateway's own count of them and of one more."""
    books = open_books(tmp_path / "project")
    books.customer("acme", "k1")
    books.call(25, MAY.from_ms + 30 * HOUR_MS, "k1")
    return books


def lose(books):
    """Take away one usage line; return its id."""
    for path in sorted(books.home.glob("lake/usage/*/*/*.jsonl")):
        lines = path.read_text().splitlines(keepends=True)
        if lines:
            path.write_text("".join(lines[1:]))
            return json.loads(lines[0])["id"]
    raise AssertionError("there is no usage line")


def test_a_lost_line_holds_up_the_invoice_until_it_is_recovered(books):
    """Named by id and hour; approved under a name, it is charged as one row, and the trail says who did it."""
    whole = books.json("invoice", "preview", "acme", "--period", "2025-05")["invoice"]["lines"]
    lost = lose(books)
    told = books.json("reconcile", "acme", "--period", "2025-05")
    assert [(each["difference"], each["ids"]) for each in told["differences"]] == [("usage_lost", [lost])]
    assert told["differences"][0]["hour"].startswith("2025-05-02T06:00:00")
    (hour,) = told["hours"]
    assert (hour["hour"][:13], hour["ledger"], hour["access_log"], hour["difference"]) == ("2025-05-02T06", 24, 25, -1)
    assert (told["calls"], told["lost"], told["blocks"]) == (24, 1, True)
    blockers = books.json("invoice", "preview", "acme", "--period", "2025-05")["blockers"]
    assert [each["code"] for each in blockers] == ["reconciliation"]

    assert "missing" in books.run("reconcile", "acme", "--period", "2025-05", "--approve", "nothing", code=65).stderr
    told = books.json("reconcile", "acme", "--period", "2025-05", "--approve", lost, "--actor", "ann")
    assert (told["differences"], told["blocks"]) == ([], False)
    assert (told["hours"][0]["ledger"], told["hours"][0]["difference"]) == (25, 0)
    told = books.json("invoice", "preview", "acme", "--period", "2025-05")
    assert (told["blockers"], told["invoice"]["lines"]) == ([], whole)
    (record,) = books.json("audit", "list", "--subject", "call/")
    assert (record["actor"], record["action"], record["subject"]) == ("ann", "call.recovered", f"call/{lost}")


def test_the_tolerance_is_the_price_books(books):
    """A book that allows one call in twenty to have lost a line lets the invoice through, and says so."""
    lose(books)
    text = (books.root / "infra/ratecard.toml").read_text()
    books.price(text.replace("[[plans]]", '[reconciliation]\ntolerance = "0.05"\n\n[[plans]]', 1))
    told = books.json("reconcile", "acme", "--period", "2025-05")
    assert (told["lost"], told["tolerance"], told["blocks"]) == (1, "0.05", False)
    assert books.json("invoice", "preview", "acme", "--period", "2025-05")["blockers"] == []
    said = books.run("reconcile", "acme", "--period", "2025-05")
    assert "within the tolerance (0.05 of all)" in said.stderr
    assert "2025-05-02T06:00" in said.stdout
    books.price(text.replace("[[plans]]", '[reconciliation]\ntolerance = "1.5"\n\n[[plans]]', 1))
    assert "tolerance is a fraction" in books.run("reconcile", "acme", code=65).stderr


def test_days_on_which_the_gateway_counted_otherwise_are_shown(books):
    """The counter has one request more than the access log on one day, and as many on no other."""
    from datetime import date

    counters = CounterFile(books.home / "counters.bin")
    slot = counters.slot("k1", date(2025, 5, 2).toordinal())
    for _ in range(26):
        counters.add(slot)
    counters.close()
    told = books.json("reconcile", "acme", "--period", "2025-05")
    (day,) = told["gateway_days"]
    assert (day["day"], day["counted"], day["logged"], day["difference"]) == ("2025-05-02", 26, 25, 1)
    assert "2025-05-02" in books.run("reconcile", "acme", "--period", "2025-05").stdout
