"""Train a model and keep, beside it, a margin of every row from a model that had not seen the row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.crossval import compute_out_of_fold
from ratecard_workbench.training.folds import Fold, repeated_folds
from ratecard_workbench.training.intervals import compute_delong
from ratecard_workbench.training.learner import Learner, Model
from ratecard_workbench.training.platt import Platt, fit_platt
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.summary import FIGURES

CALIBRATION_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Trained(Generic[Model]):
    """A trained model and the margins of rows that the models giving them had not seen.

    Attributes
    ----------
    model : Model
        Trained on the development rows.
    calibration : Platt
        Fitted on the development rows' out-of-fold margins.
    split : Fold
        Development rows (`train`) and holdout rows (`test`, none if all rows are needed for development).
    margins : array of float64, shape (rows,)
        Out-of-fold for development rows, the model's own for holdout rows.
    own_margins : array of float64, shape (rows,)
        The model's own for all rows.
    """

    model: Model
    calibration: Platt
    split: Fold
    margins: NDArray[np.float64]
    own_margins: NDArray[np.float64]

    @property
    def unseen(self) -> NDArray[np.intp]:
        """Places of the rows that stand for the rows to come: the holdout, or all rows where there is none."""
        return self.split.test if self.split.test.size else self.split.train


def train(
    learner: Learner[Model], population: Population, split: Fold, *, seed: int, repeats: int = 1, show: bool = False
) -> Trained[Model]:
    """Fit on the development rows and calibrate on their out-of-fold margins.

    Parameters
    ----------
    learner : Learner
        The whole procedure.
    population : Population
        All rows of `split`, and no others.
    split : Fold
        From `split_rows`, `keep_all` or a division by time.
    seed : int
        Of the folds that calibration uses.
    repeats : int
        How often these folds are drawn: more than once where rows are few, so that the line depends less on one draw.
    show : bool
        Whether to draw a progress bar on stderr.

    Raises
    ------
    CalibrationError
        If the out-of-fold margins cannot be calibrated, or run against the events.
    """
    development = population.take(split.train)
    folds = repeated_folds(development.events, CALIBRATION_FOLDS, repeats, seed)
    found = compute_out_of_fold(learner.as_fit(), development, folds, label="margins for calibration", show=show)
    model = learner.fit(development.columns, development.events)
    own_margins = learner.score(model, population.columns)
    margins = own_margins.copy()
    margins[split.train] = found.margins[0]
    calibration = fit_platt(found.margins.ravel(), np.tile(development.events, repeats))
    return Trained(model, calibration, split, margins, own_margins)


def compute_headline(
    population: Population, trained: Trained[Model], facts: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return the manifest's figures: of the shipped model, on the rows it has never seen.

    Without a holdout they are of the procedure, on out-of-fold margins, and the member's name says so.

    Parameters
    ----------
    population : Population
        All rows.
    trained : Trained
        The model with its margins.
    facts : mapping, optional
        What else the manifest states, for example the number of trees.
    """
    rows = trained.unseen
    probabilities = trained.calibration.probabilities(trained.margins[rows])
    events = population.events[rows]
    figures = {name: round(figure(probabilities, events), 6) for name, figure in FIGURES.items()}
    auc = compute_delong(probabilities, events)
    return {
        "rows": count_rows(trained.split),
        **(facts or {}),
        "holdout" if trained.split.test.size else "out_of_fold": figures
        | {"auc_interval": [round(auc.lower, 6), round(auc.upper, 6)]},
    }


def count_rows(split: Fold) -> dict[str, int]:
    """Return how many rows are for development and for the holdout."""
    return {"development": int(split.train.size), "holdout": int(split.test.size)}
