"""Scores for rows that the model has not seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.discrimination import compute_auc
from ratecard_workbench.training.folds import Fold
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.progress import track

Scorer: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From columns to margins: any scale on which higher means the event is likelier."""

Fit: TypeAlias = Callable[[NDArray[np.float64], NDArray[np.int8]], Scorer]
"""From columns and events to a scorer; the whole procedure, choices made from the data included."""


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """What cross-validation found.

    Attributes
    ----------
    margins : array of float64, shape (repeats, rows)
        The margin of each row from a model that did not see it; one line per repeat. NaN where no fold tests the row.
    fold_auc : array of float64, shape (folds * repeats,)
        Area under the ROC curve within each test fold.
    test_share : float
        Rows tested over rows trained on, in one fold.
    """

    margins: NDArray[np.float64]
    fold_auc: NDArray[np.float64]
    test_share: float

    @property
    def tested(self) -> NDArray[np.intp]:
        """Places of the rows that every repeat tested."""
        return np.flatnonzero(np.isfinite(self.margins).all(axis=0))


def compute_out_of_fold(
    fit: Fit, population: Population, folds: Sequence[Fold], *, label: str = "cross-validation", show: bool = False
) -> OutOfFold:
    """Fit on the training rows of each fold and score its test rows.

    Parameters
    ----------
    fit : callable
        The procedure that is judged.
    population : Population
        All rows.
    folds : sequence of Fold
        Whole repeats, as `repeated_folds` gives them, or one division by time.
    label : str
        Beside the progress bar.
    show : bool
        Whether to draw one, on stderr.
    """
    repeats = max(1, sum(fold.test.size for fold in folds) // len(population))
    margins = np.full((repeats, len(population)), np.nan)
    fold_auc = []
    per_repeat = len(folds) // repeats
    for number, fold in enumerate(track(folds, label, show=show)):
        score = fit(population.columns[fold.train], population.events[fold.train])
        found = score(population.columns[fold.test])
        margins[number // per_repeat, fold.test] = found
        fold_auc.append(compute_auc(found, population.events[fold.test]))
    return OutOfFold(margins, np.array(fold_auc), folds[0].test.size / folds[0].train.size)
