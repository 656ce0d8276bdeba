"""How far probabilities are from what happened."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ratecard_workbench.training.platt import Platt, fit_platt

SMALLEST = 1e-12
"""Probabilities are kept this far from 0 and 1 before they become log-odds."""


def compute_brier(probabilities: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the mean squared error of the probabilities, in [0, 1]; lower is better."""
    return float(np.mean((probabilities - events) ** 2))


def compute_brier_skill(probabilities: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the share of the event rate's own Brier score that the model removes; 1 is perfect, 0 is no better."""
    rate = events.mean()
    return float(1 - compute_brier(probabilities, events) / (rate * (1 - rate)))


def compute_calibration_error(probabilities: NDArray[np.float64], events: NDArray[np.int8], bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal count, in [0, 1].

    Notes
    -----
    The mean over the bins, weighed by their rows, of |mean probability - event rate|. Equal counts rather than equal
    widths: on portfolios with few bad risks most equal-width bins are empty.
    """
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, bins)
    gaps = [abs(float(probabilities[part].mean() - events[part].mean())) * part.size for part in parts if part.size]
    return float(sum(gaps) / events.size)


def fit_calibration_line(probabilities: NDArray[np.float64], events: NDArray[np.int8]) -> Platt:
    """Fit event log-odds on predicted log-odds: slope 1 and intercept 0 are perfect.

    Notes
    -----
    Slope below 1: too bold, above 1: too timid. Source: Cox, Biometrika 45 (1958).
    """
    kept = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    return fit_platt(np.asarray(logit(kept), dtype=np.float64), events)
