"""Platt calibration: a straight line from the margin to log-odds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

MAX_STEPS = 50
TOLERANCE = 1e-10
DIGITS = 10
"""Decimals of slope and intercept: what lies below depends on the order in which a machine sums."""
STEEPEST = 30.0
"""Log-odds for one standard deviation of the margins; real scores stay far below."""


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
    Newton's method for two parameters on standardised margins. Source: Platt, Probabilistic Outputs for Support
    Vector Machines (1999), without his prior on the targets, which vanishes at thousands of rows.
    """
    centre, spread = float(margins.mean()), float(margins.std())
    if not spread:
        raise CalibrationError("the margins do not vary")
    # On a scale of its own every margin converges alike, whether it is a log-odds or a vote.
    scaled = (margins - centre) / spread
    slope, intercept = 0.0, 0.0
    for _ in range(MAX_STEPS):
        step = _newton_step(slope, intercept, scaled, events)
        slope, intercept = slope + float(step[0]), intercept + float(step[1])
        if abs(slope) > STEEPEST:
            break
        if float(np.abs(step).max()) < TOLERANCE:
            return Platt(round(slope / spread, DIGITS), round(intercept - slope * centre / spread, DIGITS))
    raise CalibrationError("the margins separate the events: there is no finite calibration")


def _newton_step(
    slope: float, intercept: float, margins: NDArray[np.float64], events: NDArray[np.int8]
) -> NDArray[np.float64]:
    chance = expit(slope * margins + intercept)
    weight = chance * (1 - chance)
    gap = events - chance
    cross = weight @ margins
    curvature = np.array([[weight @ margins**2, cross], [cross, weight.sum()]])
    try:
        return np.asarray(np.linalg.solve(curvature, np.array([gap @ margins, gap.sum()])), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise CalibrationError("the margins separate the events: there is no finite calibration") from error
