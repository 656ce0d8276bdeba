"""The figures that every binary model reports, by name."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.calibration import (
    compute_brier,
    compute_brier_skill,
    compute_calibration_error,
    fit_calibration_line,
)
from ratecard_workbench.training.discrimination import (
    compute_auc,
    compute_average_precision,
    compute_gini,
    compute_h_measure,
    compute_ks,
)
from ratecard_workbench.training.intervals import Figure


def compute_slope(probabilities: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the slope of event log-odds on predicted log-odds; 1 is perfect."""
    return fit_calibration_line(probabilities, events).slope


def compute_intercept(probabilities: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the intercept of the same line; 0 is perfect."""
    return fit_calibration_line(probabilities, events).intercept


FIGURES: Mapping[str, Figure] = {
    "auc": compute_auc,
    "gini": compute_gini,
    "ks": compute_ks,
    "average_precision": compute_average_precision,
    "h_measure": compute_h_measure,
    "brier": compute_brier,
    "brier_skill": compute_brier_skill,
    "calibration_error": compute_calibration_error,
    "calibration_slope": compute_slope,
    "calibration_intercept": compute_intercept,
}
"""Figures of predicted probabilities and events; the first five depend on the order of the probabilities alone."""
