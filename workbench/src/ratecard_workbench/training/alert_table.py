"""Fraud models side by side, and what their actions catch: tables of cards looked at, frauds and money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.alerts import compute_card_precision_interval, sum_up
from ratecard_workbench.training.card import format_interval, format_share, format_table
from ratecard_workbench.training.crossval import OutOfFold
from ratecard_workbench.training.discrimination import compute_average_precision
from ratecard_workbench.training.intervals import LEVEL, Interval, compute_delong


@dataclass(frozen=True, slots=True)
class Payments:
    """What a desk knows of transactions beside their columns; all arrays have the shape (transactions,).

    Attributes
    ----------
    days, cards : array of int64
        Day and card of each.
    amounts : array of float64
        In units of the currency.
    events : array of int8
        1 where it was fraudulent.
    """

    days: NDArray[np.int64]
    cards: NDArray[np.int64]
    amounts: NDArray[np.float64]
    events: NDArray[np.int8]

    def take(self, rows: NDArray[np.intp]) -> "Payments":
        """Return some of them, in the order of `rows`."""
        return Payments(self.days[rows], self.cards[rows], self.amounts[rows], self.events[rows])


@dataclass(frozen=True, slots=True)
class AlertRow:
    """How one procedure ranks transactions and cards.

    Attributes
    ----------
    name : str
        Of the procedure.
    auc, average_precision : Interval
        Of transactions: DeLong and bootstrap.
    card_precision : Interval
        Share of compromised cards among those looked at, mean over days; bootstrap over cards.
    """

    name: str
    auc: Interval
    average_precision: Interval
    card_precision: Interval


@dataclass(frozen=True, slots=True)
class ActionRow:
    """What one action meets, and those that are sharper with it.

    Attributes
    ----------
    action : str
        Its name.
    share : float
        Of the transactions.
    transactions_a_day, cards_a_day : float
        Means over days; a card counts once a day.
    precision : float
        Share of frauds among its transactions.
    recall, value_recall : float
        Share of all frauds that get this action, and of their money.
    """

    action: str
    share: float
    transactions_a_day: float
    cards_a_day: float
    precision: float
    recall: float
    value_recall: float


def compute_alert_rows(
    scored: Mapping[str, OutOfFold], payments: Payments, *, alerts: int, seed: int, draws: int = 200, show: bool = False
) -> list[AlertRow]:
    """Judge procedures on the rows that they were tested on, in the order of `scored`.

    Parameters
    ----------
    scored : mapping of str to OutOfFold
        Margins by procedure; the first repeat counts.
    payments : Payments
        All rows.
    alerts : int
        Cards looked at each day.
    seed, draws, show
        As in `compute_card_precision_interval`.
    """
    table = []
    for name, found in scored.items():
        tested = found.tested
        margins, rows = found.margins[0, tested], payments.take(tested)
        summed = sum_up(margins, rows.days, rows.cards, rows.events)
        precision = compute_average_precision_interval(margins, rows.events, seed=seed, draws=draws)
        by_card = compute_card_precision_interval(summed, alerts, seed=seed, draws=draws, show=show)
        table.append(AlertRow(name, compute_delong(margins, rows.events), precision, by_card))
    return table


def compute_average_precision_interval(
    scores: NDArray[np.float64], events: NDArray[np.int8], *, seed: int, draws: int = 200
) -> Interval:
    """Return the average precision with the percentile interval of a bootstrap within the outcomes.

    Parameters
    ----------
    scores, events : array, shape (rows,)
        Higher means the event is likelier; 1 where it happened.
    seed, draws : int
        Same seed, same samples; how many.

    Notes
    -----
    As `compute_bootstrap`, but rows are sorted once: a sample is how often each row is drawn. Source: Efron &
    Tibshirani (1993), ch. 13.
    """
    random = np.random.default_rng(seed)
    order = np.argsort(-scores, kind="stable")
    bad, good = np.flatnonzero(events[order] == 1), np.flatnonzero(events[order] == 0)
    ends = np.append(np.flatnonzero(np.diff(scores[order])), events.size - 1)
    found = []
    for _ in range(draws):
        hits, misses = np.zeros(events.size), np.zeros(events.size)
        hits[bad] = np.bincount(random.integers(0, bad.size, bad.size), minlength=bad.size)
        misses[good] = np.bincount(random.integers(0, good.size, good.size), minlength=good.size)
        right, wrong = np.cumsum(hits)[ends], np.cumsum(misses)[ends]
        precision = right / np.maximum(right + wrong, 1.0)
        found.append(float(np.sum(np.diff(right, prepend=0.0) * precision) / bad.size))
    lower, upper = np.quantile(found, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Interval(compute_average_precision(scores, events), float(lower), float(upper))


def compute_action_rows(actions: Sequence[str], taken: NDArray[np.str_], payments: Payments) -> list[ActionRow]:
    """Count what each action meets, in the order of `actions`; `taken` is each transaction's action."""
    return [_compute_action_row(action, taken == action, payments) for action in actions]


def _compute_action_row(action: str, met: NDArray[np.bool_], payments: Payments) -> ActionRow:
    fraud = payments.events == 1
    days = np.unique(payments.days).size
    card_days = np.unique(np.stack([payments.days[met], payments.cards[met]]), axis=1).shape[1]
    caught, money = met & fraud, payments.amounts
    return ActionRow(
        action,
        share=float(met.mean()),
        transactions_a_day=float(met.sum() / days),
        cards_a_day=card_days / days,
        precision=float(fraud[met].mean()) if met.any() else 0.0,
        recall=float(caught.sum() / fraud.sum()),
        value_recall=float(money[caught].sum() / money[fraud].sum()),
    )


def format_alerts(rows: Sequence[AlertRow], alerts: int) -> str:
    """Write the table of procedures."""
    return format_table(
        ("procedure", "AUC [95 %]", "average precision [95 %]", f"card precision@{alerts} [95 %]"),
        [
            (row.name, *(format_interval(one) for one in (row.auc, row.average_precision, row.card_precision)))
            for row in rows
        ],
    )


def format_actions(rows: Sequence[ActionRow]) -> str:
    """Write the table of actions."""
    return format_table(
        ("action", "share", "transactions a day", "cards a day", "precision", "frauds", "value of frauds"),
        [
            (
                row.action,
                format_share(row.share, 2),
                f"{row.transactions_a_day:,.1f}",
                f"{row.cards_a_day:,.1f}",
                format_share(row.precision),
                format_share(row.recall),
                format_share(row.value_recall),
            )
            for row in rows
        ],
    )
