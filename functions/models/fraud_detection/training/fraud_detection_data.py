"""Transactions, whoever made them, turned into rows of the contract by the function that callers use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from fraud_detection.features import DAY_SECONDS, KEPT_DAYS, NAMES, History
from ratecard_workbench.training.alert_table import Payments
from ratecard_workbench.training.folds import Fold
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.progress import track
from ratecard_workbench.training.timesplit import Window, split_by_time

EPOCH = datetime(2018, 4, 1, tzinfo=UTC)
"""Day 0, a Sunday. The simulated world has one clock, and it is UTC."""


AMOUNT_EDGES = (20.0, 50.0, 100.0, 220.0)
AMOUNT_BANDS = ("below 20", "20 to 50", "50 to 100", "100 to 220", "220 and more")


@dataclass(frozen=True, slots=True)
class Transactions:
    """Card transactions in the order of time; all arrays have the shape (transactions,).

    Attributes
    ----------
    seconds : array of int64
        Since `EPOCH`.
    customers, terminals : array of int64
        Identifiers.
    amounts : array of float64
        In units of the currency, two decimals.
    scenarios : array of int8
        0 where the transaction is genuine, else the number of the fraud's scenario.
    """

    seconds: NDArray[np.int64]
    customers: NDArray[np.int64]
    terminals: NDArray[np.int64]
    amounts: NDArray[np.float64]
    scenarios: NDArray[np.int8]

    @property
    def days(self) -> NDArray[np.int64]:
        """Day of each transaction."""
        return self.seconds // DAY_SECONDS

    @property
    def frauds(self) -> NDArray[np.int8]:
        """1 where the transaction is fraudulent."""
        return (self.scenarios > 0).astype(np.int8)

    def between(self, first_day: int, end_day: int) -> "Transactions":
        """Return those of the days from `first_day` to before `end_day`."""
        start, end = np.searchsorted(self.seconds, [first_day * DAY_SECONDS, end_day * DAY_SECONDS])
        return Transactions(*(getattr(self, name)[start:end] for name in self.__slots__))


def from_table(table: Mapping[str, NDArray[np.generic]]) -> Transactions:
    """Return the handbook's table in the order of time; of equal times, in that of the file."""
    seconds = table["TX_TIME_SECONDS"].astype(np.int64)
    order = np.argsort(seconds, kind="stable")
    return Transactions(
        seconds[order],
        table["CUSTOMER_ID"].astype(np.int64)[order],
        table["TERMINAL_ID"].astype(np.int64)[order],
        table["TX_AMOUNT"].astype(np.float64)[order],
        table["TX_FRAUD_SCENARIO"].astype(np.int8)[order],
    )


def cut_window(
    transactions: Transactions, window: Window, *, show: bool = False
) -> tuple[Transactions, NDArray[np.float64]]:
    """Return the transactions of a window, delay included, and their rows; the days before only fill the histories.

    Parameters
    ----------
    transactions : Transactions
        From at least 37 days before the window's start.
    window : Window
        Its days are counted from `EPOCH`.
    """
    end = window.first_test_day + window.test_days
    told = transactions.between(window.start_day - KEPT_DAYS, end)
    kept = told.days >= window.start_day
    inside = transactions.between(window.start_day, end)
    return inside, compute_rows(told, show=show)[kept]


def compute_rows(transactions: Transactions, *, show: bool = False) -> NDArray[np.float64]:
    """Return the contract's columns of transactions in the order of time, shape (transactions, 15).

    A fraud is reported at once: it counts after seven days, which is when a desk knows of it.
    """
    history, rows = History(), np.empty((transactions.seconds.size, len(NAMES)))
    columns = (transactions.seconds, transactions.customers, transactions.terminals, transactions.amounts)
    told = zip(*(column.tolist() for column in columns), transactions.scenarios.tolist(), strict=True)
    for place, (seconds, customer, terminal, amount, scenario) in enumerate(track(list(told), "rows", show=show)):
        paid_at = EPOCH + timedelta(seconds=seconds)
        rows[place] = tuple(history.record(customer, terminal, paid_at, amount).values())
        if scenario:
            history.report_fraud(terminal, paid_at)
    return rows


@dataclass(frozen=True, slots=True)
class Case:
    """One window, ready to learn from: training and test rows only, training first.

    Attributes
    ----------
    population : Population
        Its rows.
    fold : Fold
        Places of the training and of the test rows in it.
    payments : Payments
        What a desk knows of the same rows.
    scenarios : array of int8, shape (rows,)
        Kind of fraud; 0 where there is none.
    """

    population: Population
    fold: Fold
    payments: Payments
    scenarios: NDArray[np.int8]


def make_case(transactions: Transactions, rows: NDArray[np.float64], window: Window) -> Case:
    """Keep of a window's transactions what the protocol trains and tests on: see `timesplit.split_by_time`."""
    split = split_by_time(window, transactions.days, transactions.customers, transactions.frauds)
    kept = np.concatenate([split.train, split.test])
    columns, events = rows[kept], transactions.frauds[kept]
    payments = Payments(transactions.days, transactions.customers, transactions.amounts, transactions.frauds).take(kept)
    fold = Fold(np.arange(split.train.size), np.arange(split.train.size, kept.size))
    return Case(
        Population(columns, events, segments=_name_segments(columns)), fold, payments, transactions.scenarios[kept]
    )


def _name_segments(columns: NDArray[np.float64]) -> dict[str, NDArray[np.str_]]:
    """Return the segments of the card: the amount, the time, and whether the terminal has known frauds."""
    amount, weekend, night, *_ = columns.T
    suspected = columns[:, -3:].max(axis=1) > 0
    bands = np.array(AMOUNT_BANDS)[np.digitize(amount, AMOUNT_EDGES)]
    return {
        "amount": bands,
        "time": np.where(night == 1, "night", np.where(weekend == 1, "weekend, by day", "weekday, by day")),
        "terminal": np.where(suspected, "known frauds", "no known fraud"),
    }
