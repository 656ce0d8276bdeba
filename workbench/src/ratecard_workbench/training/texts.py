"""Labelled texts, procedures that learn from them, and their scores on texts they have not seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.classes import compute_probabilities, fit_temperature
from ratecard_workbench.training.folds import Fold
from ratecard_workbench.training.learner import Model
from ratecard_workbench.training.progress import track


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts with their classes.

    Attributes
    ----------
    texts : sequence of str
        As a client would send them.
    classes : array of int, shape (texts,)
        Places in `names`.
    names : tuple of str
        Of the classes, in the order of the model's outputs.
    groups : array of int, shape (texts,)
        From `duplicates.group_texts`: copies are never on both sides of a division.
    weights : array of float64, shape (texts,), optional
        How much each counts in training, > 0; all alike without them. Figures are never weighted.
    """

    texts: Sequence[str]
    classes: NDArray[np.int64]
    names: tuple[str, ...]
    groups: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, index: NDArray[np.intp]) -> "Texts":
        """Return some of the texts, in the order of `index`."""
        chosen = [self.texts[place] for place in index.tolist()]
        weights = None if self.weights is None else self.weights[index]
        return Texts(chosen, self.classes[index], self.names, self.groups[index], weights)


@dataclass(frozen=True, slots=True)
class TextLearner(Generic[Model]):
    """A procedure: everything that is done with training texts, the choice of words included.

    Attributes
    ----------
    fit : callable
        From texts to a model.
    score : callable
        From a model and texts to log-odds by class, shape (texts, classes).
    """

    fit: Callable[[Texts], Model]
    score: Callable[[Model, Sequence[str]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class TrainedText(Generic[Model]):
    """A trained model and scores of texts from models that had not seen them.

    Attributes
    ----------
    model : Model
        Trained on the development texts.
    slope : float
        Inverse temperature, fitted on the development texts' out-of-fold scores.
    split : Fold
        Development (`train`) and holdout (`test`) texts.
    scores : array of float64, shape (texts, classes)
        Out-of-fold for development texts, the model's own for the holdout.
    """

    model: Model
    slope: float
    split: Fold
    scores: NDArray[np.float64]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Calibrated probabilities by class of every text, from models that had not seen it."""
        return compute_probabilities(self.scores, self.slope)


def score_out_of_fold(
    learner: TextLearner[Model], texts: Texts, folds: Sequence[Fold], *, label: str, show: bool = False
) -> NDArray[np.float64]:
    """Fit on the training texts of each fold and score its test texts; NaN where no fold tests a text.

    Returns
    -------
    array of float64, shape (texts, classes)
        Of one repeat.
    """
    scores = np.full((len(texts), len(texts.names)), np.nan)
    for fold in track(folds, label, show=show):
        model = learner.fit(texts.take(fold.train))
        scores[fold.test] = learner.score(model, texts.take(fold.test).texts)
    return scores


def train_texts(
    learner: TextLearner[Model], texts: Texts, split: Fold, folds: Sequence[Fold], *, show: bool = False
) -> TrainedText[Model]:
    """Fit on the development texts and calibrate on their out-of-fold scores.

    Parameters
    ----------
    learner : TextLearner
        The whole procedure.
    texts : Texts
        All texts.
    split : Fold
        Development and holdout, no group on both sides, for example the first of `folds.grouped_folds`.
    folds : sequence of Fold
        One repeat over the development texts, in places of `split.train`.
    show : bool
        Whether to draw a progress bar on stderr.
    """
    development = texts.take(split.train)
    found = score_out_of_fold(learner, development, folds, label="scores for calibration", show=show)
    model = learner.fit(development)
    scores = np.full((len(texts), len(texts.names)), np.nan)
    scores[split.train] = found
    if split.test.size:
        scores[split.test] = learner.score(model, texts.take(split.test).texts)
    return TrainedText(model, fit_temperature(found, development.classes), split, scores)
