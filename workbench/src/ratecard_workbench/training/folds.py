"""Seeded divisions of the rows, and the protocols that figures are measured by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedGroupKFold, train_test_split


@dataclass(frozen=True, slots=True)
class Fold:
    """One division of the rows.

    Attributes
    ----------
    train, test : array of int
        Places of the rows, ascending, none in both. Folds of a cross-validation hold all rows; others need not.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Protocol:
    """By what a figure is measured, in words and in rows.

    Attributes
    ----------
    about : str
        For the model card, without a full stop, for example "stratified 10-fold cross-validation".
    folds : sequence of Fold
        Repeat by repeat.
    per_repeat : int
        Folds of one repeat, >= 1.
    """

    about: str
    folds: Sequence[Fold]
    per_repeat: int

    @property
    def first(self) -> Sequence[Fold]:
        """Folds of the first repeat: what alternatives are compared on."""
        return self.folds[: self.per_repeat]

    @property
    def repeats(self) -> int:
        """How often the rows were divided."""
        return len(self.folds) // self.per_repeat


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


def keep_all(rows: int) -> Fold:
    """Return a division that sets nothing aside: where rows are too few for a holdout, and cross-validation judges."""
    return Fold(np.arange(rows), np.arange(0))


def cross_validation(events: NDArray[np.int8], folds: int, repeats: int, seed: int) -> Protocol:
    """Return stratified cross-validation, repeated or not, as a protocol; parameters as in `repeated_folds`."""
    often = f"{repeats} repeats of " if repeats > 1 else ""
    return Protocol(
        f"{often}stratified {folds}-fold cross-validation", repeated_folds(events, folds, repeats, seed), folds
    )


def grouped_folds(
    events: NDArray[np.int8], groups: NDArray[np.generic], *, folds: int, repeats: int, seed: int
) -> list[Fold]:
    """Divide the rows so that no group is in both parts of a fold: texts that repeat each other, years of one company.

    Parameters
    ----------
    events : array of int, shape (rows,)
        Strata: two outcomes or many classes.
    groups : array, shape (rows,)
        Rows of one group stay together.
    folds, repeats, seed : int
        As in `repeated_folds`.
    """
    found: list[Fold] = []
    for repeat in range(repeats):
        splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed + repeat)
        found += [Fold(train, test) for train, test in splitter.split(np.zeros(events.size), events, groups)]
    return found
