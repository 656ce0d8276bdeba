"""Seeded, stratified divisions of the rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import RepeatedStratifiedKFold, train_test_split


@dataclass(frozen=True, slots=True)
class Fold:
    """One division of the rows.

    Attributes
    ----------
    train, test : array of int
        Places of the rows, ascending; together all rows, none twice.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]


def split_rows(events: NDArray[np.int8], share: float, seed: int) -> Fold:
    """Set aside a stratified share of the rows.

    Parameters
    ----------
    events : array of int8, shape (rows,)
        Strata.
    share : float
        Fraction of the rows in `test`, in (0, 1).
    seed : int
        Same seed, same rows.
    """
    places = np.arange(events.size)
    train, test = train_test_split(places, test_size=share, random_state=seed, stratify=events)
    return Fold(np.sort(train), np.sort(test))


def repeated_folds(events: NDArray[np.int8], folds: int, repeats: int, seed: int) -> list[Fold]:
    """Divide the rows into stratified folds, several times over.

    Parameters
    ----------
    events : array of int8, shape (rows,)
        Strata.
    folds : int
        Parts of one repeat, >= 2; each row is in `test` once per repeat.
    repeats : int
        How often the rows are shuffled and divided anew, >= 1.
    seed : int
        Same seed, same folds.

    Returns
    -------
    list of Fold
        `folds * repeats` of them, repeat by repeat.
    """
    splitter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
    return [Fold(train, test) for train, test in splitter.split(np.zeros(events.size), events)]
