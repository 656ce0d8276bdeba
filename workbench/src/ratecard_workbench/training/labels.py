"""Figures of yes and no: what share of rows is called rightly, from a given probability on."""

import numpy as np
from numpy.typing import NDArray


def compute_accuracy_at(cut: float, probabilities: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the share of rows that are called rightly.

    Calling nobody an event is already right for all rows without one: read it beside the event rate.

    Parameters
    ----------
    cut : float
        Probability from which a row is called an event, in [0, 1].
    probabilities : array of float64, shape (rows,)
        Predicted.
    events : array of int8, shape (rows,)
        1 where the event happened.
    """
    return float(((probabilities >= cut) == (events == 1)).mean())


def compute_f1_at(cut: float, probabilities: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the harmonic mean of precision and recall of the event, in [0, 1]; 0 where no row is called rightly.

    Parameters as in `compute_accuracy_at`.
    """
    called = probabilities >= cut
    found = int((called & (events == 1)).sum())
    return 2 * found / (int(called.sum()) + int(events.sum())) if found else 0.0
