"""Divisions by time: train on a window, wait until its outcomes are known, test on the window after."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.folds import Fold, Protocol


@dataclass(frozen=True, slots=True)
class Window:
    """One division by time, in days counted from any day.

    Attributes
    ----------
    start_day : int
        First day of training.
    train_days, delay_days, test_days : int
        Lengths, >= 1 (the delay >= 0). Outcomes become known `delay_days` after the day they belong to.
    """

    start_day: int
    train_days: int = 7
    delay_days: int = 7
    test_days: int = 7

    @property
    def first_test_day(self) -> int:
        """The day that testing begins."""
        return self.start_day + self.train_days + self.delay_days


def split_by_time(window: Window, days: NDArray[np.int64], cards: NDArray[np.int64], events: NDArray[np.int8]) -> Fold:
    """Divide transactions as a fraud desk meets them: cards it knows to be compromised are blocked, and not scored.

    Parameters
    ----------
    window : Window
        When.
    days : array of int, shape (rows,)
        Day of each transaction.
    cards : array of int, shape (rows,)
        Card or customer of each transaction.
    events : array of int8, shape (rows,)
        1 where it was fraudulent.

    Returns
    -------
    Fold
        `train`: all transactions of the training window. `test`: those of each test day whose card was not known to be
        compromised: by a fraud in the training window, or on a later day that lies more than `delay_days` back.

    Notes
    -----
    Source: Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud Detection (2022), chapter 3,
    `get_train_test_set`: on test day d = 0, 1, ... it adds the cards with a fraud on day d - 1 after the training
    window, which is `delay_days` + 1 days before. Later frauds of the delay window are not known yet.
    """
    inside = (days >= window.start_day) & (days < window.start_day + window.train_days)
    known = np.unique(cards[inside & (events == 1)])
    tested: list[NDArray[np.intp]] = []
    for offset in range(window.test_days):
        learnt = cards[(days == window.start_day + window.train_days + offset - 1) & (events == 1)]
        known = np.union1d(known, learnt)
        today = days == window.first_test_day + offset
        tested.append(np.flatnonzero(today & ~np.isin(cards, known)))
    return Fold(np.flatnonzero(inside), np.sort(np.concatenate(tested)))


def time_protocol(about: str, folds: Sequence[Fold]) -> Protocol:
    """Return divisions by time as a protocol of one repeat; their test rows must not overlap.

    Raises
    ------
    ValueError
        If a row is tested twice.
    """
    tested = np.concatenate([fold.test for fold in folds])
    if np.unique(tested).size != tested.size:
        raise ValueError("a row is tested twice: the windows overlap")
    return Protocol(about, tuple(folds), len(folds))
