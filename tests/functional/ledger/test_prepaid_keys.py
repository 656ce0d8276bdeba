"""The job of every minute: prepaid keys follow their customer's balance, and people's decisions stay."""

import pytest
from support.books import START_MS, open_books
from support.ledger import BOOK

from ratecard.storage.accounts import SqliteAccounts, now_ms

PREPAID = BOOK.replace("2026-", "2025-").replace('title = "Gold"', 'title = "Gold"\nprepaid = true', 1)
GRANT = ("invoice", "credit", "--customer", "acme", "--reason", "paid", "--amount")


@pytest.fixture
def books(tmp_path):
    """A customer with a prepaid key and one that is not."""
    books = open_books(tmp_path / "project", PREPAID)
    books.customer("acme", "k1", plan="gold")
    accounts = SqliteAccounts(books.home / "accounts.sqlite", clock=lambda: START_MS)
    accounts.create_key("acme", "standard", "other", "k2")
    accounts.close()
    return books


def states(books):
    return {each["key_id"]: each["enabled"] for each in books.json("keys", "list")}


def test_without_money_a_prepaid_key_does_not_work_and_others_do(books):
    """As the job itself, in the audit trail; the second run changes nothing."""
    assert books.json("invoice", "refresh")["switched"] == {"k1": "disabled"}
    assert books.json("invoice", "refresh")["switched"] == {}
    assert states(books) == {"k1": False, "k2": True}
    (record,) = books.json("audit", "list", "--subject", "key/k1")
    assert (record["actor"], record["action"], record["changes"]["enabled"]) == (
        "prepaid",
        "key.disabled",
        [True, False],
    )


def test_a_grant_brings_back_what_the_job_has_stopped(books):
    """And nothing that a person has disabled, before or after."""
    books.run("invoice", "refresh")
    books.run(*GRANT, "10.00")
    assert books.json("invoice", "refresh")["switched"] == {"k1": "enabled"}

    books.run("keys", "disable", "k1")
    assert books.json("invoice", "refresh")["switched"] == {}
    books.run("keys", "enable", "k1")
    assert books.json("invoice", "refresh")["switched"] == {}


def test_a_key_stops_when_its_use_has_come_up_to_the_balance(books):
    """At 0.001 a call: 14 are 0.01 on a line, 20 are 0.02."""
    books.run(*GRANT, "0.02")
    books.call(14, now_ms(), "k1")
    assert books.json("invoice", "refresh")["switched"] == {}
    books.call(6, now_ms(), "k1")
    assert books.json("invoice", "refresh")["switched"] == {"k1": "disabled"}
    assert "prepaid left            0.00 USD" in books.run("usage", "--customer", "acme").stdout


def test_what_was_used_before_a_grant_is_due_and_not_paid_by_it(books):
    """Use beyond a balance is on the invoice."""
    books.call(20, now_ms() - 1000, "k1")
    books.run(*GRANT, "5.00")
    usage = books.json("usage", "--customer", "acme")

    assert (usage["total"], usage["due"], usage["prepaid"]) == ("0.02", "0.02", {"available": "5.00"})


def test_a_prepaid_plan_states_what_can_be_used_beyond_the_balance(books):
    """Rate x lag x price and the burst: (10 a second x 120 s + 20) x the dearest price, 10 USD."""
    plans = {plan["plan"]: plan for plan in books.json("plans", "list")["plans"]}

    assert (plans["gold"]["prepaid"], plans["gold"]["overshoot"]) == (True, "12200")
    assert (plans["standard"]["prepaid"], plans["standard"]["overshoot"]) == (False, None)
    later = books.json("plans", "list", "--lag-seconds", 360)["plans"]
    assert {plan["plan"]: plan["overshoot"] for plan in later}["gold"] == "36200"
