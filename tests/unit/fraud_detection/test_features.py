"""The running features: windows to the second, late labels, and a second implementation in pandas."""

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_detection import contract
from fraud_detection.__main__ import HEADINGS, main
from fraud_detection.features import DELAY_DAYS, NAMES, WINDOWS, History

START = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def test_the_row_is_the_contracts():
    """Names, order and windows are those of the contract, and a row computed here is one that it takes."""
    assert contract.CONTRACT.columns == NAMES
    assert contract.WINDOWS == WINDOWS
    row = History().record("c", "t", START, 12.5)
    assert contract.CONTRACT.parse_row(row)[1] == []


def test_a_first_payment_knows_itself_only():
    """The customer's windows hold it; of the terminal nothing is known, which is a share of zero."""
    row = History().record("c", "t", START, 12.5)
    assert [row[f"customer_transactions_{days}d"] for days in WINDOWS] == [1, 1, 1]
    assert [row[f"customer_mean_amount_{days}d"] for days in WINDOWS] == [12.5] * 3
    assert [row[name] for name in NAMES if name.startswith("terminal")] == [0] * 6


@pytest.mark.parametrize("days", WINDOWS)
def test_a_customers_window_is_open_at_its_beginning(days):
    """A payment just that long ago is out, one a second later is in."""
    for earlier, count in ((START - days * DAY, 1), (START - days * DAY + SECOND, 2)):
        history = History()
        history.record("c", "other", earlier, 10.0)
        row = history.record("c", "t", START, 30.0)
        assert row[f"customer_transactions_{days}d"] == count
        assert row[f"customer_mean_amount_{days}d"] == (30.0 if count == 1 else 20.0)


@pytest.mark.parametrize("days", WINDOWS)
def test_a_terminals_window_ends_seven_days_ago(days):
    """The end is in, the beginning and what came after the end are out."""
    end = START - DELAY_DAYS * DAY
    for at, count in ((end, 1), (end + SECOND, 0), (end - days * DAY + SECOND, 1), (end - days * DAY, 0)):
        history = History()
        history.record("other", "t", at, 10.0)
        assert history.report_fraud("t", at)
        row = history.record("c", "t", START, 30.0)
        assert row[f"terminal_transactions_{days}d"] == count
        assert row[f"terminal_fraud_share_{days}d"] == count


def test_a_fraud_reported_late_counts_from_then_on():
    """Before it is known the share is zero, afterwards not."""
    history = History()
    history.record("a", "t", START, 10.0)
    assert history.record("b", "t", START + 8 * DAY, 10.0)["terminal_fraud_share_7d"] == 0
    assert history.report_fraud("t", START)
    assert history.record("c", "t", START + 8 * DAY + SECOND, 10.0)["terminal_fraud_share_7d"] == 1


def test_what_was_never_paid_cannot_be_reported():
    """Another terminal, another instant, the same payment twice, or one long forgotten."""
    history = History()
    history.record("a", "t", START, 10.0)
    assert not history.report_fraud("u", START)
    assert not history.report_fraud("t", START + SECOND)
    assert history.report_fraud("t", START)
    assert not history.report_fraud("t", START)
    history.record("a", "t", START + 90 * DAY, 10.0)
    assert not history.report_fraud("t", START)


@pytest.mark.parametrize(
    ("hour", "offset", "weekend", "night"),
    [(6, 0, False, True), (7, 0, False, False), (0, 0, False, True), (23, 1, False, True), (23, 0, False, False)],
)
def test_night_is_of_the_payments_own_clock(hour, offset, weekend, night):
    """From midnight to before seven where the card is used."""
    paid_at = START.replace(hour=hour).astimezone(timezone(timedelta(hours=offset)))
    row = History().record("c", "t", paid_at, 1.0)
    assert (row["weekend"], row["night"]) == (weekend, night)


def test_a_weekend_is_saturday_and_sunday():
    """START is a Monday."""
    weekend = [History().record("c", "t", START + day * DAY, 1.0)["weekend"] for day in range(7)]
    assert weekend == [False] * 5 + [True] * 2


@pytest.mark.parametrize(
    ("paid_at", "amount"),
    [(START.replace(tzinfo=None), 1.0), (START, -0.01), (START, float("nan")), (START, float("inf"))],
)
def test_what_cannot_be_a_payment_is_refused(paid_at, amount):
    """No clock, less than nothing, not a number; and nothing of it is remembered."""
    history = History()
    with pytest.raises(ValueError, match="must"):
        history.record("c", "t", paid_at, amount)
    assert history.record("c", "t", START, 1.0)["customer_transactions_30d"] == 1


def test_a_payment_may_be_a_day_late_but_not_more():
    """Networks deliver late; windows that were forgotten would be wrong without a word."""
    history = History()
    history.record("c", "t", START, 1.0)
    assert history.record("c", "t", START - DAY, 3.0)["customer_transactions_7d"] == 1
    assert history.record("c", "t", START + SECOND, 5.0)["customer_mean_amount_7d"] == 3.0
    with pytest.raises(ValueError, match="more than a day older"):
        history.record("c", "u", START - DAY - SECOND, 1.0)


@given(st.integers(0, 2**32 - 1))
def test_what_is_forgotten_is_in_no_window(seed):
    """A history that was told half a year and one that was told 37 days give the same row, to the last bit."""
    random = np.random.default_rng(seed)
    days, amounts = np.sort(random.uniform(0, 200, 120)).tolist(), random.uniform(0, 90, 120).tolist()
    long, short = History(), History()
    for day, amount in zip(days, amounts, strict=True):
        long.record("c", "t", START + day * DAY, amount)
        if day > days[-1] - 37:
            short.record("c", "t", START + day * DAY, amount)
    end = START + days[-1] * DAY + SECOND
    assert short.record("c", "t", end, 7.0) == long.record("c", "t", end, 7.0)


def compute_by_pandas(table):
    """The handbook's own way: rolling sums and counts by customer and terminal, the delay subtracted."""
    found = table.copy()
    found["weekend"], found["night"] = found.index.day_of_week >= 5, found.index.hour <= 6
    for days in WINDOWS:
        rolled = found.groupby("customer")["amount"].rolling(f"{days}D")
        for name, values in (("transactions", rolled.count()), ("mean_amount", rolled.sum() / rolled.count())):
            found[f"customer_{name}_{days}d"] = values.droplevel(0).reindex(found.index)
        counts = []
        for length in (DELAY_DAYS, DELAY_DAYS + days):
            rolled = found.groupby("terminal")["fraud"].rolling(f"{length}D")
            counts.append((rolled.count().droplevel(0), rolled.sum().droplevel(0)))
        (near, bad_near), (all_of, bad_all) = counts
        count = (all_of - near).reindex(found.index)
        found[f"terminal_transactions_{days}d"] = count
        share = (bad_all - bad_near).reindex(found.index) / count
        found[f"terminal_fraud_share_{days}d"] = share.fillna(0.0)
    return found[list(NAMES)].to_numpy(dtype=float)


@pytest.fixture(scope="module")
def payments():
    """Three thousand payments of 40 customers at 25 terminals in 80 days, one in ten a fraud; no two at one instant."""
    random = np.random.default_rng(11)
    seconds = np.sort(random.choice(80 * 86_400, 3000, replace=False))
    return pd.DataFrame(
        {
            "customer": random.integers(0, 40, 3000),
            "terminal": random.integers(0, 25, 3000),
            "amount": random.uniform(0, 300, 3000).round(2),
            "fraud": (random.random(3000) < 0.1).astype(float),
        },
        index=pd.to_datetime(seconds, unit="s", origin="2026-01-01", utc=True),
    )


def test_pandas_finds_the_same(payments):
    """Every one of the 15 columns, on every row."""
    history, rows = History(), []
    for paid_at, payment in zip(payments.index.to_pydatetime(), payments.itertuples(), strict=True):
        rows.append(list(history.record(payment.customer, payment.terminal, paid_at, payment.amount).values()))
        if payment.fraud:
            assert history.report_fraud(payment.terminal, paid_at)
    np.testing.assert_allclose(np.array(rows, dtype=float), compute_by_pandas(payments), rtol=1e-9, atol=1e-9)


FILE = f"""{",".join(HEADINGS)}
c1,t1,2026-03-01T10:00:00+01:00,20.00,2026-03-03T00:00:00Z
c2,t1,2026-03-02T10:00:00+01:00,30.00,
c1,t1,2026-03-09T12:00:00+01:00,40.00,
"""


def test_a_file_of_payments_becomes_a_file_of_rows(repository):
    """As a caller runs it: rows from the instant asked for, the fraud that became known among them."""
    command = [sys.executable, "-m", "fraud_detection", "--from", "2026-03-09T00:00:00Z"]
    source = repository / "functions/models/fraud_detection/src"
    finished = subprocess.run(command, input=FILE, capture_output=True, text=True, check=True, cwd=source)
    assert finished.stdout.splitlines() == [
        ",".join(NAMES),
        "40.0,false,false,1,1,2,40.0,40.0,30.0,1,2,2,0.0,0.5,0.5",
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("customer,terminal\n", "lacks the headings: paid_at, amount, fraud_known_at"),
        (FILE + "c1,t1,2026-03-10T12:00:00,1.00,\n", "line 5: an instant must have an offset"),
        (FILE + "c1,t1,yesterday,1.00,\n", "line 5: an instant must be written"),
        (FILE + "c1,t1,2026-03-10T12:00:00Z,much,\n", "line 5: an amount must be a number"),
        (FILE + "c1,t1\n", "line 5: an instant must be written"),
        (FILE + "c1,t1,2026-03-01T12:00:00Z,1.00,\n", "line 5: a transaction must not be more than a day older"),
    ],
)
def test_a_bad_line_is_named_and_not_quoted(text, wrong):
    """The place and what to do; never the line."""
    said = main([], io.StringIO(text), io.StringIO())
    assert said is not None
    assert wrong in said
    assert not {"yesterday", "much", "c1"} & set(said.replace(":", " ").split())


def test_an_unknown_option_shows_the_usage():
    """No guessing."""
    for arguments in (["--help"], ["--from"], ["--from", "soon"], ["--from", "2026-03-01T00:00:00"]):
        assert str(main(arguments, io.StringIO(FILE), io.StringIO())).startswith("usage:")
