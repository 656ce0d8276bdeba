"""Platt calibration: a straight line from the margin to log-odds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

MAX_STEPS = 50
TOLERANCE = 1e-10
LARGEST_LOG_ODDS = 30.0


class CalibrationError(ValueError):
    """The margins cannot be calibrated: they separate the events, do not vary, or run against them."""


@dataclass(frozen=True, slots=True)
class Platt:
    """Calibrated log-odds = slope * margin + intercept.

    Attributes
    ----------
    slope : float
        Above 0 in a model that ranks the right way round; 1 where the margins are neither too bold nor too timid.
    intercept : float
        Log-odds at margin 0.
    """

    slope: float
    intercept: float

    def log_odds(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated log-odds of the event."""
        return self.slope * margins + self.intercept

    def probabilities(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated probabilities of the event, in [0, 1]."""
        return np.asarray(expit(self.log_odds(margins)), dtype=np.float64)


def fit_platt(margins: NDArray[np.float64], events: NDArray[np.int8]) -> Platt:
    """Fit slope and intercept by maximum likelihood.

    A straight line in log-odds keeps contributions additive, which isotonic steps would not.

    Parameters
    ----------
    margins : array of float64, shape (rows,)
        Scores of rows the model has not seen, any finite log-odds scale.
    events : array of int8, shape (rows,)
        1 where the event happened.

    Raises
    ------
    CalibrationError
        If there is no finite best line.

    Notes
    -----
    Newton's method for two parameters, from slope 1 and intercept 0. Source: Platt, Probabilistic Outputs for Support
    Vector Machines (1999), without his prior on the targets, which vanishes at thousands of rows.
    """
    slope, intercept = 1.0, 0.0
    for _ in range(MAX_STEPS):
        chance = expit(slope * margins + intercept)
        weight = chance * (1 - chance)
        gap = events - chance
        gradient = np.array([gap @ margins, gap.sum()])
        cross = weight @ margins
        curvature = np.array([[weight @ margins**2, cross], [cross, weight.sum()]])
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError as error:
            raise CalibrationError("the margins do not vary, or separate the events") from error
        slope, intercept = slope + float(step[0]), intercept + float(step[1])
        if not np.isfinite(slope) or abs(slope) > LARGEST_LOG_ODDS:
            break
        if float(np.abs(step).max()) < TOLERANCE:
            return Platt(slope, intercept)
    raise CalibrationError("the margins separate the events: there is no finite calibration")
