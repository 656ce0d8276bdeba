"""Intervals: how far a figure could be off because the rows are a sample."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata, t

from ratecard_workbench.training.progress import track

LEVEL = 0.95

Figure = Callable[[NDArray[np.float64], NDArray[np.int8]], float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the ends of its 95 % interval."""

    value: float
    lower: float
    upper: float


def compute_wilson(events: int, rows: int) -> Interval:
    """Return an event rate with its Wilson score interval; 0 of 0 is 0 with the interval [0, 1].

    Notes
    -----
    Source: Wilson, JASA 22 (1927).
    """
    if not rows:
        return Interval(0.0, 0.0, 1.0)
    z = float(norm.ppf(0.5 + LEVEL / 2))
    rate = events / rows
    middle = (rate + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * sqrt(rate * (1 - rate) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return Interval(rate, max(0.0, middle - half), min(1.0, middle + half))


def compute_resampled(values: NDArray[np.float64], test_share: float) -> Interval:
    """Return the mean of repeated cross-validation with an interval that knows the folds share rows.

    Parameters
    ----------
    values : array of float64, shape (folds * repeats,)
        The figure in each test fold, at least two.
    test_share : float
        Rows tested over rows trained on.

    Notes
    -----
    The variance of the mean is (1 / n + test_share) times that of the folds. Source: Nadeau & Bengio, Machine Learning
    52 (2003); Bouckaert & Frank, PAKDD (2004). The plain 1 / n makes intervals several times too short.
    """
    mean, count = float(values.mean()), values.size
    half = float(t.ppf(0.5 + LEVEL / 2, count - 1)) * sqrt(values.var(ddof=1) * (1 / count + test_share))
    return Interval(mean, mean - half, mean + half)


def compute_delong(scores: NDArray[np.float64], events: NDArray[np.int8]) -> Interval:
    """Return the AUC with its DeLong interval, cut to [0, 1]."""
    areas, covariance = _delong(scores[np.newaxis], events)
    half = float(norm.ppf(0.5 + LEVEL / 2)) * sqrt(float(covariance[0, 0]))
    value = float(areas[0])
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def compute_delong_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], events: NDArray[np.int8]
) -> Interval:
    """Return the AUC of `first` less that of `second` on the same rows, with the DeLong interval of the difference."""
    areas, covariance = _delong(np.stack([first, second]), events)
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    half = float(norm.ppf(0.5 + LEVEL / 2)) * sqrt(max(variance, 0.0))
    value = float(areas[0] - areas[1])
    return Interval(value, value - half, value + half)


def _delong(scores: NDArray[np.float64], events: NDArray[np.int8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return AUCs and their covariance.

    Notes
    -----
    Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), in the ranks of Sun & Xu, IEEE Signal Processing
    Letters 21 (2014).
    """
    bad, good = scores[:, events == 1], scores[:, events == 0]
    if not bad.shape[1] or not good.shape[1]:
        raise ValueError("both outcomes must occur")
    ranks = rankdata(np.hstack([bad, good]), axis=1)
    among_good = (ranks[:, : bad.shape[1]] - rankdata(bad, axis=1)) / good.shape[1]
    among_bad = 1 - (ranks[:, bad.shape[1] :] - rankdata(good, axis=1)) / bad.shape[1]
    covariance = np.cov(among_good) / bad.shape[1] + np.cov(among_bad) / good.shape[1]
    return among_good.mean(axis=1), np.atleast_2d(covariance)


def compute_bootstrap(
    figures: Mapping[str, Figure],
    scores: NDArray[np.float64],
    events: NDArray[np.int8],
    *,
    seed: int,
    draws: int = 200,
    show: bool = False,
) -> dict[str, Interval]:
    """Return each figure with the percentile interval of a bootstrap within the outcomes.

    Parameters
    ----------
    figures : mapping of str to callable
        Figures of scores and events, by name.
    scores : array of float64, shape (rows,)
        What the figures are computed from.
    events : array of int8, shape (rows,)
        1 where the event happened.
    seed : int
        Same seed, same draws.
    draws : int
        Number of samples.
    show : bool
        Whether to draw a progress bar on stderr.

    Notes
    -----
    Rows are drawn separately among events and others, so that every draw has both. Source: Efron & Tibshirani
    (1993), ch. 13.
    """
    random = np.random.default_rng(seed)
    bad, good = np.flatnonzero(events == 1), np.flatnonzero(events == 0)
    found: dict[str, list[float]] = {name: [] for name in figures}
    for _ in track(range(draws), "bootstrap intervals", show=show):
        drawn = np.concatenate([random.choice(bad, bad.size), random.choice(good, good.size)])
        for name, figure in figures.items():
            found[name].append(figure(scores[drawn], events[drawn]))
    ends = {name: np.quantile(values, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]) for name, values in found.items()}
    return {
        name: Interval(figure(scores, events), float(ends[name][0]), float(ends[name][1]))
        for name, figure in figures.items()
    }
