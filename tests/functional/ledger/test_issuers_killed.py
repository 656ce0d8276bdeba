"""kill -9 of `ratecard invoice issue`, again and again: every period is billed once, in a whole row."""

import os
import random
import signal
import subprocess
import time

import pytest
from support.books import month as month_of
from support.books import open_books
from support.platform import COMMAND

CUSTOMERS = [f"c{number:02}" for number in range(12)]
ISSUERS, KILLS = 3, 24


@pytest.mark.slow(20)
def test_killed_issuers_leave_no_gap_no_half_and_no_second_invoice(tmp_path):
    """Three at a time, each killed at any instant; the last one finishes what is left."""
    books = open_books(tmp_path / "project")
    for number, customer in enumerate(CUSTOMERS):
        books.customer(customer, f"k{number}")
        books.call(3, month_of("2025-05").from_ms + number, f"k{number}")
    issue = [*COMMAND, "invoice", "issue", "--as-of", "2025-12-15T00:00:00Z"]
    environ = {**os.environ, "RATECARD_HOME": str(books.home), "RATECARD_PROJECT": str(books.root)}
    chance = random.Random(1)
    running = []
    for _ in range(KILLS):
        while len(running) < ISSUERS:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            running.append(subprocess.Popen(issue, env=environ, **quiet))
        time.sleep(chance.uniform(0.1, 0.8))
        victim = running.pop(chance.randrange(ISSUERS))
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    for survivor in running:
        assert survivor.wait(120) == 0
    subprocess.run(issue, env=environ, check=True, capture_output=True)

    documents = books.json("invoice", "list")
    billed = [(each["customer"], each["period"]) for each in documents]
    assert [each["number"] for each in documents] == list(range(1, len(documents) + 1))
    assert len(set(billed)) == len(billed)
    assert set(billed) == {(customer, f"2025-{month:02}") for customer in CUSTOMERS for month in range(5, 12)}
    assert books.json("invoice", "verify", "--recompute")["recomputed"] == len(documents)
