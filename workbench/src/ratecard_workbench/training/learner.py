"""One shape for every way of learning: what trains a model and what its scores are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ratecard_workbench.training.calibration import SMALLEST
from ratecard_workbench.training.crossval import Fit, Scorer

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class Learner(Generic[Model]):
    """A procedure: everything that is done with training rows, choices made from them included.

    Attributes
    ----------
    fit : callable
        From columns, shape (rows, columns), and events, shape (rows,), to a model.
    score : callable
        From a model and columns to margins, shape (rows,): any scale on which higher means the event is likelier.
    """

    fit: Callable[[NDArray[np.float64], NDArray[np.int8]], Model]
    score: Callable[[Model, NDArray[np.float64]], NDArray[np.float64]]

    def as_fit(self) -> Fit:
        """Return the procedure as cross-validation calls it."""

        def fit(columns: NDArray[np.float64], events: NDArray[np.int8]) -> Scorer:
            model = self.fit(columns, events)
            return lambda unseen: self.score(model, unseen)

        return fit


def on_columns(learner: Learner[Model], places: Sequence[int]) -> Learner[Model]:
    """Return a procedure that sees some of the columns only: what a choice of features costs.

    Parameters
    ----------
    learner : Learner
        A procedure for as many columns as there are places.
    places : sequence of int
        Of the columns it is given, in this order.
    """
    kept = list(places)

    def take(columns: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ascontiguousarray(columns[:, kept])

    return Learner(
        lambda columns, events: learner.fit(take(columns), events),
        lambda model, columns: learner.score(model, take(columns)),
    )


def learn_classifier(make: Callable[[], object]) -> Learner[object]:
    """Return the procedure of a scikit-learn classifier or pipeline.

    Parameters
    ----------
    make : callable
        Makes a new, unfitted one, seeded.
    """

    def fit(columns: NDArray[np.float64], events: NDArray[np.int8]) -> object:
        classifier = make()
        classifier.fit(columns, events)  # type: ignore[attr-defined]
        return classifier

    return Learner(fit, compute_classifier_margins)


def compute_classifier_margins(classifier: object, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log-odds of a fitted classifier's probability, or its decision function where it has none."""
    chances = getattr(classifier, "predict_proba", None)
    if chances is None:
        return np.asarray(classifier.decision_function(columns), dtype=np.float64)  # type: ignore[attr-defined]
    found = np.clip(chances(columns)[:, 1].astype(np.float64), SMALLEST, 1 - SMALLEST)
    return np.asarray(logit(found), dtype=np.float64)
